"""Words found in the texts of images (names, captions, tags, groups, columns of tables), beside what they mean."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from command import run_cli
from PIL import Image

from imagefinder import FunctionEmbedder, Hit, ImageFinder, Term
from imagefinder.client import Client
from imagefinder.errors import InvalidQueryError
from imagefinder.search.hybrid import FIRST, HUED, SPOKEN
from imagefinder.search.lexical import matched
from imagefinder.search.query import Kind, parse_query

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
CLOSE = 1e-6
NAMES = (
    "IMG_2041.JPG",
    "weddingCake.jpg",
    "caf\u00e9-terrace.jpg",
    "2019-Zermatt.png",
    "beach/one.jpg",
    "beach/two.jpg",
)


def assert_same(found: Iterable[Hit], wanted: Iterable[Hit]) -> None:
    """The same hits in the same order. A store may give a pair of vectors another last digit in another call."""
    one, other = [*found], [*wanted]
    assert [hit.id for hit in one] == [hit.id for hit in other]
    assert [hit.score for hit in one] == pytest.approx([hit.score for hit in other], abs=CLOSE)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty of the samples under names that say nothing, but for a few."""
    folder = tmp_path_factory.mktemp("photos")
    names = [*NAMES, *(f"{n:03d}.jpg" for n in range(40 - len(NAMES)))]
    for name, path in zip(names, sorted(SAMPLES.rglob("*.jpg")), strict=False):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.open(path).save(folder / name)
    return folder


@pytest.fixture
def finder(photos: Path, tmp_path: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(tmp_path / "index") as finder:
        finder.add(photos)
        yield finder


def named(finder: ImageFinder, name: str) -> str:
    return next(r.id for r in finder.records() if r.uri.endswith(name))


def first(finder: ImageFinder, query: str, **options: object) -> str:
    return Path(finder.search(query, 1, **options)[0].uri).name  # type: ignore[arg-type]


# --- what is found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("IMG_2041.JPG", "IMG_2041.JPG"),
        ("img_2041", "IMG_2041.JPG"),
        ("2041", "IMG_2041.JPG"),
        ("wedding cakes", "weddingCake.jpg"),
        ("a cafe", "caf\u00e9-terrace.jpg"),
        ("CAF\u00c9", "caf\u00e9-terrace.jpg"),
        ("zermatt", "2019-Zermatt.png"),
        ("zermatt 2019", "2019-Zermatt.png"),
    ],
)
def test_a_file_is_found_by_its_name(finder: ImageFinder, query: str, name: str) -> None:
    assert first(finder, query) == name


def test_a_file_that_is_called_like_the_query_comes_first(finder: ImageFinder) -> None:
    for name in ("000.jpg", "001.jpg"):
        finder.update(named(finder, name), caption="zermatt zermatt zermatt 2019", tags=["zermatt"])
    assert first(finder, "2019-Zermatt.png") == first(finder, "2019-zermatt") == "2019-Zermatt.png"
    finder.update(named(finder, "002.jpg"), name="Zermatt")
    assert first(finder, "zermatt") == "002.jpg"


def test_a_word_that_no_model_knows_is_found_where_it_is_written(finder: ImageFinder) -> None:
    assert finder.search("xqzvkw").unknown_words == ("xqzvkw",)
    finder.update(named(finder, "005.jpg"), caption="The Xqzvkw festival with a dog")
    hits = finder.search("xqzvkw")
    assert Path(hits[0].uri).name == "005.jpg" and len(hits) == 1, "by its texts only: the model knows nothing of it"
    assert hits.notice is None and hits.unknown_words == () and hits.space == "texts"
    both = finder.search("a dog at the xqzvkw", 40)
    assert Path(both[0].uri).name == "005.jpg" and len(both) == 40 and both.notice is None
    assert "qqpzzt" in str(finder.search("qqpzzt xqzvkw").notice)


def test_what_people_say_is_found_as_they_say_it_now(finder: ImageFinder) -> None:
    image = named(finder, "006.jpg")
    finder.update(image, caption="grandmother's birthday")
    assert finder.search("grandmothers")[0].id == finder.search("GRANDMOTHER")[0].id == image
    finder.update(image, caption=None, tags=["Snorkelling trip"])
    assert not finder.search("grandmother", words_in="texts")
    assert [h.id for h in finder.search("snorkel", words_in="texts")] == [image]
    finder.tag([image], remove=["Snorkelling trip"])
    assert not finder.search("snorkel", words_in="texts")
    finder.cluster(n_clusters=3)
    label = finder.get(image).extra["cluster"]
    finder.clusters.rename(label, "Bicentennial")
    group = {r.id for r in finder.records(f"cluster = {label}")}
    assert {h.id for h in finder.search("bicentennial", 40, words_in="texts")} == group
    finder.clusters.rename(label, "Fete")
    assert not finder.search("bicentennial", words_in="texts") and finder.search("f\u00eate", words_in="texts")
    finder.update(image, caption="volcano")
    finder.remove(image)
    assert not finder.search("volcano", words_in="texts")


def test_columns_of_a_table_are_texts_but_codes_and_dates_are_not(photos: Path, tmp_path: Path) -> None:
    with (tmp_path / "table.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["filename", "Painter's name", "sku", "shot"])
        rows.writerow([photos / "000.jpg", "Artemisia Gentileschi", "0004711", "2021-05-01"])
        rows.writerow([photos / "001.jpg", "Judith Leyster", "0004712", "2022-05-01"])
    with ImageFinder.open(tmp_path / "index") as finder:
        finder.add(tmp_path / "table.csv")
        assert first(finder, "gentileschi") == "000.jpg" and first(finder, "leyster") == "001.jpg"
        assert not finder.search("0004711", words_in="texts") and not finder.search("2021", words_in="texts")


def test_a_phrase_in_quotation_marks_comes_first(finder: ImageFinder) -> None:
    finder.update(named(finder, "000.jpg"), caption="a wet dog on a wet road, wet wet road dog road")
    finder.update(named(finder, "001.jpg"), caption="The long road, wet. A dirt road.")
    finder.update(named(finder, "002.jpg"), caption="somewhere along the dirt road to the north of the town, in May")
    for query in ('"dirt road"', 'wet "dirt road"', '"Dirt Roads" - people'):
        assert {Path(h.uri).name for h in finder.search(query, 2)} == {"001.jpg", "002.jpg"}, query
    scores = [h.score for h in finder.search('"dirt road"', 40)]
    assert scores == sorted(scores, reverse=True) and scores[1] > 1 > scores[2]


# --- fields -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["IMG_2041.JPG", "weddingCake.jpg", "2019-Zermatt.png"])
def test_the_whole_name_of_a_file_in_quotation_marks_is_that_file(finder: ImageFinder, name: str) -> None:
    assert [hit.id for hit in finder.search(f'name:"{name}"')] == [named(finder, name)]


def test_a_field_that_is_named_has_to_say_it(finder: ImageFinder) -> None:
    one, two, three = (named(finder, f"00{n}.jpg") for n in range(3))
    finder.update(one, caption="harvest", tags=["autumn"])
    finder.update(two, caption="autumn harvest festival")
    finder.update(three, tags=["autumn harvest"])

    def found(query: str) -> set[str]:
        return {h.id for h in finder.search(query, 40)}

    assert found("caption:harvest") == {one, two} and found("tag:autumn") == found("tags:autumn") == {one, three}
    assert found('caption:"autumn harvest"') == {two} and found("caption:harvest caption:autumn") == {two}
    assert found("caption:harvest -tag:autumn") == {two} and found("a dog tag:autumn") == {one, three}
    assert found("name:zermatt") == {named(finder, "Zermatt.png")}
    assert not found("name:beach"), "that is a folder"
    assert len(found("beach")) == 40 and {Path(h.uri).parent.name for h in finder.search("beach", 2)} == {"beach"}
    assert "caption:" in str(finder.search("caption:harvests tag:summer").notice)
    assert finder.search("caption:harvest", 1).total == 2


@pytest.mark.parametrize(
    "query", ["captoin:red", 'caprion:"red car"', "names:x", "dog -tagz:x", "width:800", "folder:shoes"]
)
def test_a_field_that_there_is_not_is_told_where_one_was_meant(query: str) -> None:
    with pytest.raises(InvalidQueryError) as caught:
        parse_query(query)
    assert "caption:" in caught.value.remedy or "caption" in caught.value.remedy


@pytest.mark.parametrize(
    "query",
    [
        "at 12:30",
        "ratio 16:9",
        "Alien:Covenant",
        "C:\\photos",
        "note: a dog",
        "caption: red",
        "name:",
        "a::b",
        "text://x",
    ],
)
def test_other_colons_are_part_of_the_words(query: str) -> None:
    (term,) = parse_query(query, files=False)
    assert (term.kind, term.value, term.field) == (Kind.WORDS, query, "")


def test_fields_are_read_with_their_signs_and_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    terms = parse_query('red car caption:"wet road" -tag:done + 2:name:beach.jpg - text:x')
    assert [(t.value, t.weight, t.field, t.quoted) for t in terms] == [
        ("red car", 1, "", False),
        ("wet road", 1, "caption", True),
        ("done", -1, "tag", False),
        ("beach.jpg", 2, "name", False),
        ("x", -1, "text", False),
    ]
    (term,) = parse_query('red "wet road" car "at night"')
    assert (term.value, term.phrases, term.quoted) == ("red wet road car at night", ("wet road", "at night"), False)
    (term,) = parse_query("IMG_7.jpg")
    assert (term.value, term.field) == ("IMG_7.jpg", "name"), "not a file here, but perhaps one of the index"
    with pytest.raises(InvalidQueryError):
        Term(Kind.WORDS, "x", field="width")


def test_the_name_of_a_file_that_is_neither_here_nor_in_the_index(finder: ImageFinder, tmp_path: Path) -> None:
    with pytest.raises(InvalidQueryError, match="no image of the index is called that"):
        finder.search("missing.png")
    finder.close()
    done = run_cli("search", "img_2041.jpg", "-f", "--index", tmp_path / "index")
    assert done.returncode == 0 and Path(done.stdout.split("\n")[0]).name == "IMG_2041.JPG"


# --- how it is ranked -------------------------------------------------------------------------------------------------


def describe(finder: ImageFinder) -> None:
    """Captions on every other image, of words that meet in many ways."""
    words = ["dog", "red", "grass", "running", "boat", "two"]
    rng = np.random.default_rng(3)
    for record in finder.records()[::2]:
        finder.update(
            record.id, caption=" ".join(rng.choice(words, rng.integers(1, 9))), tags=["dog"] * (rng.random() < 0.5)
        )


@pytest.mark.parametrize("query", ["a dog running", "red boat", "grass", "dog + grass - boat", '"red dog" boat'])
def test_scores_are_the_sum_of_meaning_and_texts_in_one_order_for_all_pages(finder: ImageFinder, query: str) -> None:
    describe(finder)
    every = finder.search(query, 100)
    assert len(every) == len(finder) and len({h.id for h in every}) == len(finder)
    scores = [h.score for h in every]
    assert scores == sorted(scores, reverse=True)
    for size in (1, 7, 16):
        pages = [h for o in range(0, 48, size) for h in finder.search(query, size, offset=o)]
        assert_same(pages, every)
    meaning = {h.id: h.score for h in finder.search(query, 100, words_in="pictures")}
    words = [t for t in parse_query(query) if t.weight > 0]
    store, space = finder._collection.index.store, finder.text_space
    texts = store.match(" ".join(str(t.value) for t in words), 100)
    vector = sum(t.weight * finder.embed_words([str(t.value)])[0] for t in parse_query(query))
    spread = float((finder._collection.index.sample(space) @ (vector / np.linalg.norm(vector))).std())
    phrase = {r.id for r in finder.records('caption says phrase "red dog"')} if '"' in query else set()
    fifth = sorted([*texts.scores.values(), *[0.0] * 5])[-5]
    usual = fifth * max(0.0, 1 - fifth / texts.full)
    parts = {id: s * max(0.0, s - usual) / (texts.full - usual) for id, s in texts.scores.items()}
    wanted = {id: m + spread * (SPOKEN * parts.get(id, 0) + FIRST * (id in phrase)) for id, m in meaning.items()}
    assert {h.id: h.score for h in every} == pytest.approx(wanted, abs=1e-4)


def test_vivid_colours_of_the_query_count_where_they_are_shown(finder: ImageFinder) -> None:
    query, space = "a yellow flower in green grass -red", finder.text_space
    hits = finder.search(query, 40, words_in="pictures", explain=True)
    vector = finder.embed_words(["a yellow flower in green grass"])[0] - 0.5 * finder.embed_words(["red"])[0]
    vector = vector / np.linalg.norm(vector)
    ids, vectors = finder.vectors(space)
    spread = float((finder._collection.index.sample(space) @ vector).std())
    shown = {r.id: len({"yellow", "green"} & {*r.colours}) for r in finder.records()}
    assert {0, 1} < {*shown.values()} <= {0, 1, 2}
    wanted = {id: float(row @ vector) + HUED * spread * shown[id] for id, row in zip(ids, vectors, strict=True)}
    assert {h.id: h.score for h in hits} == pytest.approx(wanted, abs=1e-4)
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    pages = [h for o in range(0, 40, 7) for h in finder.search(query, 7, words_in="pictures", offset=o)]
    assert_same(pages, hits)
    for hit in hits:
        assert hit.why and hit.why.meaning == pytest.approx(hit.score, abs=1e-3)
        assert sum(r.share or 0 for r in hit.why.reasons) == pytest.approx(hit.score, abs=1e-3)


def test_without_a_text_that_says_it_the_ranking_is_that_of_the_meaning(finder: ImageFinder) -> None:
    plain = finder.search("a bird", 40, words_in="pictures")
    assert_same(finder.search("a bird", 40), plain)


@pytest.mark.parametrize(
    "options", [{"collapse": True}, {"diversity": 0.5}, {"min_score": 0.2}, {"filter": "width > 0"}]
)
def test_options_of_a_search_hold_for_texts_as_well(finder: ImageFinder, options: dict[str, object]) -> None:
    describe(finder)
    every = finder.search("a dog running", 100, **options)  # type: ignore[arg-type]
    pages = [h for o in range(0, 45, 5) for h in finder.search("a dog running", 5, offset=o, **options)]  # type: ignore[arg-type]
    assert [h.id for h in pages] == [h.id for h in every] and every
    if "min_score" in options:
        assert min(h.score for h in every) >= 0.2
    assert every[0].record.caption


@pytest.mark.parametrize("query", ["a dog running", '"running dog" red', "a yellow flower", "dog - grass"])
def test_a_least_score_leaves_out_the_end_of_the_ranking_and_nothing_else(finder: ImageFinder, query: str) -> None:
    describe(finder)
    every = [*finder.search(query, 500)]
    for least in [hit.score - CLOSE for hit in every[:: max(1, len(every) // 9)]]:
        assert_same(finder.search(query, 500, min_score=least), [hit for hit in every if hit.score >= least])


def test_a_model_without_words_finds_what_texts_say(photos: Path, tmp_path: Path) -> None:
    mean = FunctionEmbedder(
        "mean", lambda images: images.reshape(len(images), -1, 3).mean(axis=1) / 255, dim=3, size=16
    )
    with ImageFinder.open(tmp_path / "index", model=mean) as finder:
        finder.add(photos)
        assert first(finder, "zermatt") == "2019-Zermatt.png"
        with pytest.raises(InvalidQueryError, match="understand words"):
            finder.search("a dog on grass")


def test_several_spaces_and_a_picture_beside_words_have_the_texts_as_well(finder: ImageFinder) -> None:
    finder.add_model("fast")
    target = named(finder, "007.jpg")
    finder.update(target, caption="regatta regatta")
    for how in ("mean", "rrf", "vote"):
        found = finder.search("sunny regatta", 3, spaces=["default", "fast"], fuse=how)  # type: ignore[arg-type]
        assert target in [h.id for h in found], how
    mixed = finder.search(f"id:{named(finder, '008.jpg')} + a regatta", 40)
    assert mixed[0].id == target and [h.score for h in mixed] == sorted((h.score for h in mixed), reverse=True)


def test_each_door_finds_the_same(finder: ImageFinder, tmp_path: Path, serving: Callable[..., object]) -> None:
    describe(finder)
    queries = ["a dog running", 'red "grass dog"', "caption:boat -tag:dog", "IMG_2041.JPG"]
    wanted = [[(h.id, round(h.score, 6)) for h in finder.search(q, 9)] for q in queries]
    with serving(finder) as url, Client(url) as client:  # type: ignore[attr-defined]
        assert [[(h.id, h.score) for h in client.search(q, 9)] for q in queries] == wanted
    with ImageFinder.open(tmp_path / "index", read_only=True) as reader:  # which asks the one that holds the index
        assert [[(h.id, round(h.score, 6)) for h in reader.search(q, 9)] for q in queries] == wanted
    finder.close()
    with ImageFinder.open(tmp_path / "index", read_only=True) as reader:
        assert [[(h.id, round(h.score, 6)) for h in reader.search(q, 9)] for q in queries] == wanted


# --- why --------------------------------------------------------------------------------------------------------------


def test_the_words_that_a_record_says_are_told_with_their_fields() -> None:
    payload = {
        "uri": "/home/me/Holidays 2019/redCar_01.jpg",
        "caption": "Two RED cars, caf\u00e9 behind",
        "tags": ["fast car", "done"],
        "cluster_name": "cars",
        "colours": ["red", "white"],
        "artist": "Carla Redd",
        "sku": "0001",
        "text": "INVOICE no. 5",
        "width": 20,
    }
    assert matched(payload, "red car") == [
        ("name", "redCar"),
        ("caption", "RED cars"),
        ("tag", "fast car"),
        ("group", "cars"),
    ]
    assert matched(payload, ["holiday", "cafe"]) == [("folder", "Holidays"), ("caption", "caf\u00e9")]
    assert matched(payload, parse_query("tag:car invoice - red", files=False)) == [
        ("tag", "fast car"),
        ("text in picture", "INVOICE"),
    ]
    assert matched(payload, "the of 99") == [] == matched({}, "car")

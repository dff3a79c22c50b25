"""Searching by parts of pictures, page by page, and what a search tells of itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagefinder import ImageFinder, Term
from imagefinder.errors import ImageError, InvalidQueryError, NotFoundError
from imagefinder.search.query import Box, Kind, parse_query
from imagefinder.types import image_id

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageFinder]:
    """The sample images with the default model."""
    with ImageFinder.open(tmp_path_factory.mktemp("search") / "index") as finder:
        finder.add(SAMPLES / "captions.csv")
        yield finder


# --- texts of strangers ---------------------------------------------------------------------------------------------


def test_without_files_no_text_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beach.jpg").write_bytes(b"x")

    def never(self: Path, *args: object, **more: object) -> bool:
        raise AssertionError(f"{self} was looked up on the disk")

    for name in ("is_file", "exists", "stat", "open", "expanduser"):
        monkeypatch.setattr(Path, name, never)
    for text in (
        "beach.jpg",
        "./beach.jpg",
        "/etc/passwd",
        "~/x.png",
        "2:beach.jpg",
        "C:\\a.png",
        "file:///etc/passwd",
    ):
        (term,) = parse_query(text, files=False)
        assert term.kind is Kind.WORDS, text
    found = parse_query(["dog + ./a.jpg - https://example.org/b.jpg", (f"id:{image_id('a')}", 2)], files=False)
    assert [(t.kind, t.weight) for t in found] == [
        (Kind.WORDS, 1),
        (Kind.WORDS, 1),
        (Kind.URL, -1),
        (Kind.ID, 2),
    ]


# --- parts of pictures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sides",
    [
        (0.5, 0, 0.5, 1),
        (0.5, 0, 0.505, 1),
        (0.6, 0, 0.4, 1),
        (0, 0.9, 1, 0.1),
        (-0.1, 0, 1, 1),
        (0, 0, 1, 1.01),
        (0, 0, math.nan, 1),
        (0, 0, math.inf, 1),
    ],
)
def test_a_box_outside_the_picture_or_too_small_is_refused(sides: tuple[float, float, float, float]) -> None:
    with pytest.raises(InvalidQueryError) as caught:
        Box(*sides)
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["", "1,2,3", "a,b,c,d", "0,0,1,1,1", "0 0 1 1"])
def test_a_box_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidQueryError):
        Box.parse(text)


def test_words_have_no_box_and_weights_are_finite() -> None:
    with pytest.raises(InvalidQueryError, match="picture"):
        Term(Kind.WORDS, "dog", box=Box(0, 0, 0.5, 1))
    with pytest.raises(InvalidQueryError, match="finite"):
        Term(Kind.WORDS, "dog", math.nan)


def test_a_box_is_cut_from_the_upright_picture(make_image) -> None:  # type: ignore[no-untyped-def]
    picture = make_image(1, (200, 100))
    cut = Box.parse("0.25, 0.5, 0.75, 1").cut(picture)
    np.testing.assert_array_equal(np.asarray(cut), np.asarray(picture)[50:100, 50:150])
    assert Box(0.99, 0.99, 1, 1).cut(make_image(1, (7, 3))).size == (1, 1)


def test_part_of_a_picture_finds_the_picture_that_part_is(tmp_path: Path) -> None:
    """Two photos side by side in one file: a box on either half finds the photo itself, whatever kind of term."""
    records = sorted(SAMPLES.rglob("*.jpg"))
    left, right = (Image.open(p).convert("RGB").resize((600, 600)) for p in (records[3], records[40]))
    both = Image.new("RGB", (1200, 600))
    both.paste(left, (0, 0))
    both.paste(right, (600, 0))
    for name, image in (("left", left), ("right", right)):
        image.save(tmp_path / f"{name}.png")
    turned = both.rotate(-90, expand=True)  # stored lying; EXIF turns it upright
    exif = Image.Exif()
    exif[0x0112] = 8
    turned.save(tmp_path / "both.jpg", exif=exif, quality=95)
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "left.png", tmp_path / "right.png", tmp_path / "both.jpg")
        path = tmp_path / "both.jpg"
        shown = image_id(str(path))
        terms = [(Kind.FILE, str(path)), (Kind.DATA, path.read_bytes()), (Kind.DATA, both), (Kind.ID, shown)]
        for kind, value in terms:
            for name, box in (("left", Box(0, 0, 0.5, 1)), ("right", Box(0.5, 0, 1, 1))):
                hits = finder.search(Term(kind, value, box=box), k=3)  # type: ignore[arg-type]
                assert Path(hits[0].uri).stem == name, (kind, box)
                assert hits[0].score > 0.9
                assert (shown in {h.id for h in hits}) == (kind is not Kind.ID)
        path.unlink()
        with pytest.raises(ImageError):
            finder.search(Term(Kind.ID, shown, box=Box(0, 0, 0.5, 1)))
        with pytest.raises(NotFoundError):
            finder.search(Term(Kind.ID, image_id("nowhere"), box=Box(0, 0, 0.5, 1)))


def test_a_box_is_decoded_as_finely_as_a_whole_picture(tmp_path: Path, finder: ImageFinder) -> None:
    """A tenth of a large JPEG: decoded coarsely, as for the whole, it would be a blur with another vector."""
    photo = Image.open(next(iter(sorted(SAMPLES.rglob("*.jpg"))))).convert("RGB").resize((400, 300))
    large = Image.new("RGB", (4000, 3000), "white")
    large.paste(photo, (1000, 600))
    large.save(tmp_path / "large.jpg", quality=95)
    part = finder.search(Term(Kind.FILE, str(tmp_path / "large.jpg"), box=Box(0.25, 0.2, 0.35, 0.3)), k=5)
    whole = finder.search(photo, k=5)
    found, expected = ({h.id: h.score for h in hits[:3]} for hits in (part, whole))
    assert part[0].id == whole[0].id and found.keys() == expected.keys()  # two rabbits are as near as each other
    assert found == pytest.approx(expected, abs=0.03)


# --- pages and facts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["words", "id", "words and id"])
def test_pages_hold_every_image_once(finder: ImageFinder, kind: str) -> None:
    first = finder.records()[0].id
    query = {"words": "a dog", "id": f"id:{first}", "words and id": f"id:{first} + a dog"}[kind]
    every = [h.id for h in finder.search(query, k=1000)]
    assert len(set(every)) == len(every) == len(finder) - (kind != "words")
    for size in (7, 50):
        pages = [finder.search(query, k=size, offset=o) for o in range(0, len(every) + size, size)]
        assert [h.id for page in pages for h in page] == every
        assert [h.rank for page in pages for h in page] == list(range(1, len(every) + 1))


def test_a_search_tells_what_it_took_and_how_many_images_it_chose_from(finder: ImageFinder) -> None:
    path = Path(finder.records()[0].uri)
    for query, stages in (
        (path, {"read", "embed", "query", "sure", "count"}),
        ("dog", {"embed", "query", "sure", "count"}),
        (Term(Kind.ID, finder.records()[0].id), {"query", "sure", "count"}),
    ):
        hits = finder.search(query, k=3)
        assert set(hits.stages) == stages
        assert all(ms >= 0 for ms in hits.stages.values())
        assert sum(hits.stages.values()) == pytest.approx(hits.took_ms)
        assert set(hits.to_dict()["stages"]) == {f"{name}_ms" for name in stages}
        assert hits.total == hits.to_dict()["total"] == len(finder)
    assert finder.search("dog", k=1, filter="width = 320").total == len(finder.records("width = 320"))


# --- arranged for the eye -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageFinder]:
    """40 photos; every fourth also as the same file under another name, and saved again at quality 90."""
    folder = tmp_path_factory.mktemp("copies")
    photos = sorted(SAMPLES.rglob("*.jpg"))[:40]
    for i, path in enumerate(photos):
        (folder / f"{i:02d}.jpg").write_bytes(path.read_bytes())
        if i % 4 == 0:
            (folder / f"{i:02d}-same.jpg").write_bytes(path.read_bytes())
            Image.open(path).convert("RGB").save(folder / f"{i:02d}-again.jpg", quality=92)
    with ImageFinder.open(folder / "index") as finder:
        finder.add(folder)
        yield finder


@pytest.mark.parametrize("diversity", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("collapse", [False, True])
@pytest.mark.parametrize("query", ["an animal", "id"])
def test_arranged_pages_hold_every_image_once(
    with_copies: ImageFinder, query: str, collapse: bool, diversity: float
) -> None:
    finder, asked = with_copies, "an animal"
    if query == "id":
        asked = f"id:{finder.records()[0].id}"
    every = finder.search(asked, k=100, collapse=collapse, diversity=diversity)
    pages = [finder.search(asked, k=9, offset=o, collapse=collapse, diversity=diversity) for o in range(0, 72, 9)]
    assert [(h.id, h.copies) for page in pages for h in page] == [(h.id, h.copies) for h in every]
    shown = [id for h in every for id in (h.id, *h.copies)]
    assert len(shown) == len(set(shown)) == len(finder) - (query == "id")
    assert [h.rank for h in every] == list(range(1, len(every) + 1))


def test_near_identical_hits_become_one(with_copies: ImageFinder) -> None:
    hits = with_copies.search("an animal", k=100, collapse=True)
    names = {h.id: Path(h.uri).stem for h in with_copies.search("an animal", k=100)}
    together = {frozenset(names[id] for id in (h.id, *h.copies)) for h in hits if h.copies}
    for i in range(0, 40, 4):
        (group,) = (g for g in together if f"{i:02d}" in g)
        assert {f"{i:02d}", f"{i:02d}-same"} <= group
    assert sum(len(g) == 3 for g in together) >= 8  # those saved again, too
    assert hits.to_dict()["hits"][0].get("copies", []) == list(hits[0].copies)
    plain = {h.id: h.score for h in with_copies.search("an animal", k=100)}
    assert all(h.score >= plain[id] for h in hits for id in h.copies)  # the best of them is the one shown


def test_more_blocks_than_one_are_arranged_as_well(monkeypatch: pytest.MonkeyPatch, with_copies: ImageFinder) -> None:
    monkeypatch.setattr("imagefinder.search.ranking.BLOCK", 16)
    first = with_copies.records()[0].id
    for query in ("an animal", f"id:{first}", f"an animal + id:{first}"):
        every = with_copies.search(query, k=100, collapse=True, diversity=0.3)
        pages = [with_copies.search(query, k=7, offset=o, collapse=True, diversity=0.3) for o in range(0, 63, 7)]
        assert [h.id for page in pages for h in page] == [h.id for h in every]
        shown = [id for h in every for id in (h.id, *h.copies)]
        assert len(shown) == len(set(shown)) == len(with_copies) - (query != "an animal")


def test_diversity_spreads_the_hits(finder: ImageFinder) -> None:
    ids, vectors = finder.vectors()
    place = {id: i for i, id in enumerate(ids)}
    asked = sorted(ids, key=lambda id: finder.get(id).uri)[::10]  # ids hang on the path of the checkout

    def likeness(diversity: float) -> float:
        found = []
        for id in asked:
            rows = vectors[[place[h.id] for h in finder.similar(id, k=10, diversity=diversity)]]
            found.append((rows @ rows.T)[np.triu_indices(10, 1)].mean())
        return float(np.mean(found))

    plain, some, much = (likeness(d) for d in (0.0, 0.3, 0.7))
    assert plain > 1.1 * some > 1.1 * much
    assert [h.id for h in finder.similar(ids[0], k=10, diversity=0)] == [h.id for h in finder.similar(ids[0], k=10)]


def test_marginal_relevance_is_as_its_formula_says() -> None:
    from imagefinder.search.rerank import diverse_order

    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((12, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = np.sort(rng.random(12).astype(np.float32))[::-1].copy()
    relevance = (scores - scores.min()) / (scores.max() - scores.min())
    chosen: list[int] = [0]
    while len(chosen) < 12:
        rest = [i for i in range(12) if i not in chosen]
        chosen.append(
            max(rest, key=lambda i: 0.6 * relevance[i] - 0.4 * max(float(vectors[i] @ vectors[j]) for j in chosen))
        )
    assert diverse_order(scores, vectors, 0.4) == chosen
    assert diverse_order(scores, vectors, 0.0) == list(range(12))


@pytest.mark.parametrize("diversity", [-0.1, 1.1, math.nan])
def test_diversity_goes_from_0_to_1(finder: ImageFinder, diversity: float) -> None:
    with pytest.raises(ValueError, match="diversity"):
        finder.search("dog", diversity=diversity)


# --- words that the model does not know -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "\u72d7",
        "\U0001f600",
        "\u0441\u043e\u0431\u0430\u043a\u0430",
        "der Hund",
        "xqzvkw",
        "???",
        "\u0e2a\u0e38\u0e19\u0e31\u0e02",
    ],
)
def test_a_text_without_a_known_word_finds_nothing_and_is_told(finder: ImageFinder, text: str) -> None:
    hits = finder.search(text)
    assert not hits and hits.unknown_words == (text.split()[-1],)
    word = text.split()[-1]
    offer = (
        f' To search by it all the same, write it in quotation marks: "{word}".'
        if word.isascii() and word != "???"
        else ""
    )
    assert hits.notice == f"No word was understood: {word}. The model reads English.{offer}"
    assert hits.to_dict()["unknown_words"] == list(hits.unknown_words)


def test_the_rest_of_a_query_is_searched_for_and_the_unknown_named(finder: ImageFinder) -> None:
    hits = finder.search("red \u0448\u0430\u0440", k=3)
    assert len(hits) == 3 and hits.unknown_words == ("\u0448\u0430\u0440",)
    image = finder.records()[0]
    both = finder.search(f"id:{image.id} + \u72d7", k=3)
    assert [h.id for h in both] == [h.id for h in finder.similar(image.id, 3)] and both.unknown_words == ("\u72d7",)
    assert "elephnat (did you mean elephant?)" in str(finder.search("an elephnat").notice)
    without = finder.search("dog -\u72d7", k=3)
    assert [h.id for h in without] == [h.id for h in finder.search("dog", 3)]


def test_a_word_in_quotation_marks_is_searched_for_though_no_list_has_it(finder: ImageFinder) -> None:
    hits = finder.search('"xqzvkw"', k=3)
    assert len(hits) == 3 and hits.unknown_words == ("xqzvkw",)
    assert hits.notice == "Not known as words and searched by their letters, as you asked: xqzvkw."
    assert [h.id for h in hits] != [h.id for h in finder.search('"qqpzzzt"', k=3)] or len(finder) < 4
    mixed = finder.search('"xqzvkw" + \u72d7', k=3)
    assert [h.id for h in mixed] == [h.id for h in hits] and mixed.unknown_words == ("xqzvkw", "\u72d7")
    assert "understood: \u72d7." in str(mixed.notice) and "as you asked: xqzvkw." in str(mixed.notice)
    assert not finder.search('"\u72d7"'), "of other scripts the model has no letters"
    assert [h.id for h in finder.search('dog -"xqzvkw"', k=60)] != [h.id for h in finder.search("dog -xqzvkw", k=60)]


@pytest.mark.parametrize(
    "text",
    [
        "a t-shirt",
        "hoodies",
        "firehose",
        "Nike sneakers",
        "two dogs' leashes",
        "iphone15",
        "zucchini",
        "the",
        "1999",
        "caf\u00e9",
    ],
)
def test_ordinary_words_and_those_of_shops_are_not_blamed(finder: ImageFinder, text: str) -> None:
    assert finder.search(text, k=1).notice is None

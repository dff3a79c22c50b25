"""Why a hit is one: shares that add up to its score, what it has in common with the query, and where in its picture."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagefinder import FunctionEmbedder, ImageFinder
from imagefinder.errors import InvalidQueryError, NotFoundError
from imagefinder.results import Explanation
from imagefinder.search.options import WordsIn
from imagefinder.search.why import EXPLAINED, FIRST, TEXTS
from imagefinder.types import Hit, Reason, Why

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
CLOSE = 2e-3  # vectors are stored in 16 bits


@pytest.fixture(scope="module")
def finder(
    sample_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Iterator[ImageFinder]:
    with ImageFinder.open(copy_index(sample_index, tmp_path_factory.mktemp("why") / "index")) as finder:
        yield finder


@pytest.fixture(scope="module")
def picture() -> Path:
    return next((SAMPLES / "food").glob("*.jpg"))


def shares(hit: Hit) -> dict[str, float]:
    assert hit.why is not None
    return {reason.text: reason.share for reason in hit.why.reasons if reason.share is not None}


# --- shares -----------------------------------------------------------------------------------------------------------


def queries(finder: ImageFinder, picture: Path) -> list[tuple[Any, dict[str, Any], set[str]]]:
    """Queries with their options, and what their parts are called."""
    ids = [record.id for record in finder.records()][:4]
    names = [Path(finder.get(id).uri).name for id in ids]
    return [
        ("dog", {}, {"dog"}),
        ("dog + beach - grass", {}, {"dog", "beach", "-grass"}),
        ("2:dog + 0.5:snow", {}, {"dog", "snow"}),
        (picture, {}, {picture.name}),
        (f"id:{ids[0]} - id:{ids[1]}", {}, {names[0], f"-{names[1]}"}),
        (["dog", picture], {}, {"dog", picture.name}),
        (["dog", (picture, -0.5)], {}, {"dog", f"-{picture.name}"}),
        (Image.open(picture), {}, {"picture"}),
        ("dog - grass", {"liked": ids[:1]}, {"dog", "-grass", "1 liked", "others"}),
        ("dog", {"liked": ids[:2], "disliked": ids[2:]}, {"dog", "2 liked", "2 disliked", "others"}),
        ("dog", {"disliked": ids[:1]}, {"dog", "1 disliked", "others"}),
        (None, {"liked": ids[:2]}, {"2 liked", "others"}),
    ]


def test_the_shares_of_the_parts_are_the_score(finder: ImageFinder, picture: Path) -> None:
    for query, options, parts in queries(finder, picture):
        hits = finder.search(query, 20, explain=True, **options)
        assert len(hits) == 20
        for hit in hits:
            found = shares(hit)
            assert found.keys() - {TEXTS, FIRST} == parts, query
            assert sum(found.values()) == pytest.approx(hit.score, abs=CLOSE), query
            said = found.get(TEXTS, 0) + found.get(FIRST, 0)
            assert hit.why is not None and hit.why.meaning == pytest.approx(hit.score - said, abs=CLOSE)
        assert [(h.id, h.score) for h in hits] == [(h.id, h.score) for h in finder.search(query, 20, **options)]


def test_a_share_is_the_cosine_with_that_part(finder: ImageFinder) -> None:
    hits = finder.search("2:dog + beach - grass", 10, explain=True)
    ids, vectors = finder.vectors(finder.text_space)
    words = finder.embed_words(["dog", "beach", "grass"])
    norm = np.linalg.norm(2 * words[0] + words[1] - words[2])
    for hit in hits:
        row = vectors[ids.index(hit.id)]
        expected = {"dog": 2 * row @ words[0], "beach": row @ words[1], "-grass": -row @ words[2]}
        assert {n: share for n, share in shares(hit).items() if n != TEXTS} == pytest.approx(
            {name: share / norm for name, share in expected.items()}, abs=CLOSE
        )


def test_the_shares_add_up_over_several_models(
    sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path], picture: Path
) -> None:
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        finder.train_adapter({r.id: Path(r.uri).parent.name for r in finder.records()}, name="by-folder")
        both = ["default", "by-folder"]
        for query in (picture, ["dog", picture], "dog - grass"):
            for hit in finder.search(query, 10, spaces=both, explain=True):
                assert sum(shares(hit).values()) == pytest.approx(hit.score, abs=5 * CLOSE)
        found = finder.explain(finder.records()[0].id, picture, spaces=["by-folder"])
        assert found.how == "features" and found.map is not None, "an adapter shows the parts that its base shows"


def test_only_what_was_asked_for_is_explained(finder: ImageFinder) -> None:
    assert all(hit.why is None and "why" not in hit.to_dict() for hit in finder.search("dog", 5))
    many = finder.search("dog", 150, explain=True)
    assert [hit.why is not None for hit in many] == [True] * EXPLAINED + [False] * (150 - EXPLAINED)
    nothing = finder.search("qwxzyv", 5, explain=True)
    assert len(nothing) == 0


def test_it_is_told_in_json_and_in_words() -> None:
    why = Why((Reason("colour", "red"), Reason("shows", "dog"), Reason("words", "a dog", 0.25)), 0.25)
    assert Why.from_dict(why.to_dict()) == why
    assert why.texts() == ["colour: red", "shows: dog"], "one share is the score"
    assert Why((*why.reasons, Reason("words", "-grass", -0.05))).texts()[2:] == ["a dog +0.250", "-grass -0.050"]


# --- what is written --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(
    sample_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Iterator[ImageFinder]:
    """Images that say words: the first in a caption, the second in tags, the third in the picture."""
    with ImageFinder.open(copy_index(sample_index, tmp_path_factory.mktemp("written") / "index")) as finder:
        one, two, three = [record.id for record in finder.records()][:3]
        finder.update(one, caption="Two Walruses drinking at a pool")
        finder.update(two, tags=["walrus crossing", "town"])
        finder._collection.index.store.merge_payload([three], {"text": "WALRUS TRAVEL\nInvoice 7"})
        yield finder


def fields(why: Why | None) -> set[tuple[str, str]]:
    assert why is not None
    return {(r.kind, r.text) for r in why.reasons if r.share is None and r.kind not in ("shows", "colour")}


SAID = [{("caption", "Walruses")}, {("tag", "walrus crossing")}, {("text in picture", "WALRUS")}]


@pytest.mark.parametrize("words_in", ["both", "texts"])
def test_what_is_written_is_a_reason_with_its_share(written: ImageFinder, words_in: WordsIn) -> None:
    ids = [record.id for record in written.records()][:3]
    hits = {hit.id: hit for hit in written.search("walrus", 20, words_in=words_in, explain=True)}
    assert [fields(hits[id].why) for id in ids] == SAID
    for hit in hits.values():
        found = shares(hit)
        assert sum(found.values()) == pytest.approx(hit.score, abs=CLOSE)
        assert (found.get(TEXTS, 0) > 0) == (hit.id in ids) == bool(fields(hit.why))
        assert found.keys() - {TEXTS} == ({"walrus"} if words_in == "both" else set())
    explained = written.explain(ids[0], "walrus", words_in=words_in)
    found = hits[ids[0]].why
    assert found is not None and [(r.kind, r.text) for r in explained.why.reasons] == [
        (r.kind, r.text) for r in found.reasons
    ]
    assert explained.why.meaning == pytest.approx(found.meaning, abs=CLOSE)
    assert (explained.map is None) == (words_in == "texts")


def test_words_that_are_not_looked_for_in_texts_are_no_reason(written: ImageFinder) -> None:
    for hit in written.search("walrus", 20, words_in="pictures", explain=True):
        assert shares(hit).keys() == {"walrus"} and not fields(hit.why)
    for hit in written.search("town - walrus", 3, explain=True):
        assert not any("walrus" in text.casefold().split() for _, text in fields(hit.why))


def test_a_name_and_a_phrase_come_first_with_a_share_of_their_own(written: ImageFinder) -> None:
    one = written.records()[0]
    phrase, *others = written.search('"drinking at a pool"', 5, explain=True)
    assert phrase.id == one.id and shares(phrase)[FIRST] > 0 and not any(FIRST in shares(hit) for hit in others)
    named = written.search(Path(one.uri).name, 1, explain=True)[0]
    assert named.id == one.id and shares(named)[FIRST] > 0 and ("name", Path(one.uri).name) not in fields(named.why)
    assert {text for kind, text in fields(named.why) if kind == "name"}
    for hit in (phrase, named):
        assert sum(shares(hit).values()) == pytest.approx(hit.score, abs=CLOSE)
        assert shares(hit)[TEXTS] > 0


def test_a_field_that_is_asked_for_is_the_only_one_that_speaks(written: ImageFinder) -> None:
    one, two = [record.id for record in written.records()][:2]
    written.update(two, caption="a walrus, striped")
    hits = written.search("caption:walrus", 5, explain=True)
    assert {hit.id for hit in hits} == {one, two}
    assert {frozenset(fields(hit.why)) for hit in hits} == {
        frozenset({("caption", "Walruses")}),
        frozenset({("caption", "walrus")}),
    }
    written.update(two, caption=None)


def test_texts_add_their_share_with_likes_and_several_models(written: ImageFinder) -> None:
    ids = [record.id for record in written.records()][:6]
    written.train_adapter({r.id: Path(r.uri).parent.name for r in written.records()}, name="by-folder")
    asked: list[tuple[Any, dict[str, Any]]] = [
        ("walrus - grass", {"liked": ids[4:], "disliked": ids[3:4]}),
        (["walrus", f"id:{ids[5]}"], {"spaces": ["default", "by-folder"]}),
        ("walrus", {"spaces": ["default", "by-folder"], "liked": ids[4:5]}),
    ]
    for query, options in asked:
        hits = written.search(query, 20, explain=True, **options)
        assert any(shares(hit).get(TEXTS, 0) > 0 for hit in hits)
        for hit in hits:
            assert sum(shares(hit).values()) == pytest.approx(hit.score, abs=5 * CLOSE), (query, hit.why)


# --- what is shared ---------------------------------------------------------------------------------------------------


def concepts(why: Why | None, kind: str = "shows") -> set[str]:
    assert why is not None
    return {reason.text for reason in why.reasons if reason.kind == kind}


def test_image_and_query_share_concepts(finder: ImageFinder) -> None:
    assert "strawberry" in concepts(finder.search("strawberry", 1, explain=True)[0].why)
    best = finder.search("strawberry", 1)[0]
    other = finder.similar(best.id, 1, explain=True)[0]
    assert concepts(finder.explain(best.id, f"id:{best.id}").why), "an image shares its own"
    assert concepts(other.why) <= concepts(finder.explain(other.id, f"id:{other.id}").why)


def test_what_is_subtracted_is_not_shared(finder: ImageFinder) -> None:
    best = finder.search("strawberry", 1)[0]
    assert "strawberry" not in concepts(finder.explain(best.id, "car - strawberry").why)


def test_colours_are_shared(finder: ImageFinder) -> None:
    for hit in finder.search("red car", 20, explain=True):
        assert concepts(hit.why, "colour") == {"red"} & set(hit.record.colours)
    first = finder.records()[0]
    assert concepts(finder.explain(first.id, f"id:{first.id}").why, "colour") == set(first.colours)
    assert concepts(finder.explain(first.id, Path(first.uri)).why, "colour") == set(first.colours)


# --- the map ----------------------------------------------------------------------------------------------------------


def inside(found: Explanation, box: tuple[float, float, float, float]) -> bool:
    assert found.peak is not None
    return box[0] <= found.peak[0] <= box[2] and box[1] <= found.peak[1] <= box[3]


PLACES = [(0.05, 0.1), (0.55, 0.1), (0.05, 0.5), (0.55, 0.5)]


@pytest.mark.parametrize("place", PLACES)
def test_the_map_points_at_what_was_pasted(
    place: tuple[float, float],
    sample_index: Path,
    tmp_path: Path,
    copy_index: Callable[[Path, Path], Path],
    make_image: Callable[..., Image.Image],
) -> None:
    thing = next(path for path in sorted((SAMPLES / "food").glob("*.jpg")) if "strawberr" in path.name)
    scene = make_image(3, (480, 360)).point(lambda value: 150 + value // 8)
    scene.paste(Image.open(thing).resize((168, 144)), (round(480 * place[0]), round(360 * place[1])))
    scene.save(tmp_path / "scene.png")
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        finder.add(tmp_path / "scene.png")
        box = (place[0], place[1], place[0] + 0.35, place[1] + 0.4)
        for query in (thing, "strawberry", ["strawberry", thing]):
            found = finder.explain(tmp_path / "scene.png", query)
            assert found.how == "features" and inside(found, box), (query, found.peak)
            assert found.map is not None and found.map.shape == (192, 256) and found.map.dtype == np.float32
            assert found.map.min() == 0 and found.map.max() <= 1


def red(images: np.ndarray) -> np.ndarray:
    """How red, green and blue: uint8 (n, 32, 32, 3) to float (n, 3)."""
    return images.reshape(len(images), -1, 3).mean(axis=1) / 255 + 0.01


@pytest.mark.parametrize("place", PLACES)
def test_where_a_model_shows_no_parts_they_are_hidden_in_turn(
    place: tuple[float, float], tmp_path: Path, make_image: Callable[..., Image.Image]
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(12):
        make_image(i).save(folder / f"{i}.png")
    scene = Image.new("RGB", (200, 100), (70, 110, 120))
    scene.paste((250, 20, 20), (round(200 * place[0]), round(100 * place[1]), round(200 * place[0]) + 70, 40))
    scene.paste((250, 20, 20), (round(200 * place[0]), round(100 * place[1]), round(200 * place[0]) + 70, 85))
    scene.save(folder / "scene.png")
    calls: list[int] = []

    def counted(images: np.ndarray) -> np.ndarray:
        calls.append(len(images))
        return red(images)

    with ImageFinder.open(tmp_path / "index", model=FunctionEmbedder("red", counted, dim=3, size=32)) as finder:
        finder.add(folder)
        calls.clear()
        found = finder.explain(folder / "scene.png", Image.new("RGB", (40, 40), (255, 0, 0)))
    assert found.how == "occlusion"
    assert inside(found, (place[0], place[1], place[0] + 0.35, 0.9))
    assert sum(calls) == 1 + 50, "the query, the picture, and the picture with each part hidden"


def test_what_the_model_does_not_see_is_zero(finder: ImageFinder, tmp_path: Path) -> None:
    """The default model crops the ends of a long picture."""
    wide = Image.new("RGB", (400, 100), "white")
    picture = next(path for path in sorted((SAMPLES / "food").glob("*.jpg")) if "strawberr" in path.name)
    for left in range(0, 400, 100):
        wide.paste(Image.open(picture).resize((100, 100)), (left, 0))
    wide.save(tmp_path / "wide.png")
    with ImageFinder.open(tmp_path / "index") as small:
        small.add(SAMPLES / "food", tmp_path / "wide.png")
        found = small.explain(tmp_path / "wide.png", picture)
    assert found.map is not None and found.map.shape == (64, 256)
    assert not found.map[:, :63].any() and not found.map[:, -63:].any() and found.map[:, 64:192].any()


def test_a_picture_that_is_gone_has_reasons_but_no_map(
    sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]
) -> None:
    shutil.copy(next((SAMPLES / "food").glob("*.jpg")), tmp_path / "here.jpg")
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        finder.add(tmp_path / "here.jpg")
        there = finder.explain(tmp_path / "here.jpg", "food - car")
        (tmp_path / "here.jpg").unlink()
        gone = finder.explain(tmp_path / "here.jpg", "food - car")
    assert there.map is not None and there.how == "features"
    assert gone.map is None and gone.how == "none" and gone.peak is None and gone.why == there.why


def test_the_explanation_of_an_image_is_that_of_the_hit(finder: ImageFinder) -> None:
    for hit in finder.search("red dog - grass", 5, explain=True):
        found = finder.explain(hit.id, "red dog - grass")
        assert hit.why is not None and found.peak is not None
        assert found.why.to_dict() == hit.why.to_dict()
        expected = {"id": hit.id, "why": hit.why.to_dict(), "how": "features", "peak": [*found.peak], "text_at": []}
        assert found.to_dict() == expected


def test_bad_questions_are_refused(finder: ImageFinder) -> None:
    with pytest.raises(NotFoundError):
        finder.explain("no such image", "dog")
    with pytest.raises(InvalidQueryError):
        finder.explain(finder.records()[0].id, "")
    with pytest.raises(InvalidQueryError):
        finder.explain(finder.records()[0].id, None)
    with pytest.raises(InvalidQueryError):
        finder.explain(finder.records()[0].id, None, disliked=[finder.records()[1].id])
    found = finder.explain(finder.records()[0].id, "qwxzyv")
    assert found.why == Why() and found.map is None


# --- drawn ------------------------------------------------------------------------------------------------------------


def test_a_map_is_drawn_and_kept_as_a_picture() -> None:
    from imagefinder.images.heat import draw_map, map_of_png, map_to_png

    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (48, 1))
    assert np.abs(map_of_png(map_to_png(ramp)) - ramp).max() <= 0.5 / 255 + 1e-6
    assert Image.open(BytesIO(map_to_png(ramp))).mode == "L"
    drawn = np.asarray(draw_map(Image.new("RGB", (320, 240), (200, 40, 40)), ramp), int)
    assert np.abs(drawn[:, -1] - (200, 40, 40)).max() <= 3, "what matters keeps its colours"
    assert np.ptp(drawn[:, 0], axis=-1).max() <= 3 and drawn[:, 0].max() < 60, "the rest is grey and dark"
    assert (drawn[:, 158:162] > 240).all(axis=-1).any(axis=1).all(), "a line goes around what is above half"
    flat = draw_map(Image.new("RGB", (32, 32), "white"), np.ones((8, 8), np.float32))
    assert (np.asarray(flat) == 255).all()

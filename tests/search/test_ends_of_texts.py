"""Where the hits end when texts of images speak as well: captions, names, phrases, fields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagefinder import ImageFinder
from imagefinder.results import MAYBE, SURELY


@pytest.fixture
def finder(sample_index: Path, copy_index: Callable[[Path, Path], Path], tmp_path: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        yield finder


def few(finder: ImageFinder, n: int) -> list[str]:
    """Ids of the images whose names come first: ids depend on where the files lie."""
    return [r.id for r in sorted(finder.records(), key=lambda r: Path(r.uri).name)[:n]]


@pytest.mark.parametrize(
    "query", ['"wet road"', 'caption:"wet road"', "caption:wet caption:road", '"wet road" at night']
)
def test_who_says_a_phrase_surely_fits(finder: ImageFinder, query: str) -> None:
    said = few(finder, 3)
    for id in said:
        finder.update(id, caption="A wet road in the evening")
    found = finder.search(query, 100, cut="auto")
    assert {h.id for h in found[:3]} == {*said} and all((h.sure or 0) > 0.99 for h in found[:3])
    assert found.surely is not None and found.surely >= 3 and found.surely + (found.maybe or 0) == len(found)
    everything = finder.search(query, 300)
    assert [h.sure for h in everything[: len(found)]] == [h.sure for h in found], "no cut changes how sure an image is"


def test_who_is_called_like_the_query_surely_fits(finder: ImageFinder) -> None:
    name = Path(finder.get(few(finder, 1)[0]).uri).name
    for query in (name, name.rpartition(".")[0]):
        found = finder.search(query, 20, cut="auto")
        assert Path(found[0].uri).name == name and found[0].sure == pytest.approx(1.0, abs=1e-3)


def test_who_says_all_of_the_query_fits_and_who_says_a_common_part_of_it_not_for_that(finder: ImageFinder) -> None:
    one, *others = few(finder, 30)
    finder.update(one, caption="volcano erupting")
    for id in others:
        finder.update(id, caption="a picture of something")
    found = finder.search("picture of a volcano erupting", 100, cut="auto")
    assert found[0].id == one and (found[0].sure or 0) > SURELY
    assert all((h.sure or 0) < SURELY for h in found if h.id in others)


def test_by_texts_only_what_says_the_query_fits_and_is_counted(finder: ImageFinder) -> None:
    *says, half = few(finder, 4)
    for id in says:
        finder.update(id, caption="volcano erupting")
    finder.update(half, caption="an erupting quarrel of a family at table about nothing at all and much more of it")
    found = finder.search("volcano erupting", 50, words_in="texts", cut="auto")
    assert {h.id for h in found[:3]} == {*says} and all((h.sure or 0) > SURELY for h in found[:3])
    assert found.surely == 3 and found.maybe == len(found) - 3
    everything = finder.search("volcano erupting", 50, words_in="texts")
    assert everything[3].id == half and (everything[3].sure or 0) < SURELY and everything.surely is None
    narrow = finder.search("volcano erupting", 50, words_in="texts", filter=f'uri = "{finder.get(half).uri}"')
    assert [(h.id, h.sure) for h in narrow] == [(half, everything[3].sure)], "nor does a filter"
    word = finder.search("erupting", 50, words_in="texts", cut="auto")
    assert [h.sure for h in word] == [1.0] * 4 and word.surely == 4, "of one word, all say it, however long they are"
    none = finder.search("zeppelin", 50, words_in="texts", cut="auto")
    assert (len(none), none.surely, none.maybe) == (0, 0, 0)


def test_a_field_has_to_say_it_so_all_that_is_found_fits(finder: ImageFinder) -> None:
    said = few(finder, 5)
    for n, id in enumerate(said):
        finder.update(id, caption="volcano " * (n + 1) + "and words " * 10 * n)
    for query in ("caption:volcano", 'caption:"volcano"'):
        found = finder.search(query, 2, cut="auto")
        assert [h.sure for h in found] == [1.0, 1.0] and (found.surely, found.maybe) == (5, 0)
        last = finder.search(query, 2, offset=4, cut="auto")
        assert len(last) == 1 and (last.surely, last.maybe) == (5, 0)
    within = finder.search(["caption:volcano", "strawberry"], 20)
    assert {h.id for h in within} == {*said}, "with other words beside the field these say how sure it is"
    assert all(h.sure is not None and h.sure < 1 for h in within)


def test_texts_tell_in_a_small_collection_too(tmp_path: Path, make_image: Callable[..., object]) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for n in range(12):
        make_image(n).save(folder / f"{n}.png")  # type: ignore[attr-defined]
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(folder)
        one = finder.records()[4].id
        finder.update(one, caption="a wet road")
        assert [h.sure for h in finder.search("caption:road", cut="auto")] == [1.0]
        assert finder.search("road", words_in="texts", cut="auto").surely == 1
        both = finder.search("wet road", 20, cut="auto")
        assert both[0].id == one and len(both) == 12 and both.surely is None
        assert all(h.sure is None for h in both), "how sure the others are nobody can tell"


def test_likes_beside_words_that_texts_say(finder: ImageFinder) -> None:
    first, second, liked = few(finder, 3)
    for id in (first, second):
        finder.update(id, caption="volcano erupting")
    found = finder.search("volcano erupting", 185, liked=[liked])
    assert all(0 <= (h.sure or 0) <= 1 for h in found)
    cut = finder.search("volcano erupting", 185, liked=[liked], cut="auto")
    assert [h.id for h in cut] == [h.id for h in found[: len(cut)]]
    assert len(cut) < len(found) and all((h.sure or 0) < MAYBE for h in found[len(cut) :] if (h.sure or 0) < 0.1)

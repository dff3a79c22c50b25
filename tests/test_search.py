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
from imagefinder.query import Box, Kind, parse_query
from imagefinder.types import image_id

SAMPLES = Path(__file__).resolve().parents[1] / "examples" / "images"


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
    assert [h.id for h in part][:3] == [h.id for h in whole][:3]
    np.testing.assert_allclose([h.score for h in part][:3], [h.score for h in whole][:3], atol=0.03)


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
        (path, {"read", "embed", "query", "count"}),
        ("dog", {"embed", "query", "count"}),
        (Term(Kind.ID, finder.records()[0].id), {"query", "count"}),
    ):
        hits = finder.search(query, k=3)
        assert set(hits.stages) == stages
        assert all(ms >= 0 for ms in hits.stages.values())
        assert sum(hits.stages.values()) == pytest.approx(hits.took_ms)
        assert set(hits.to_dict()["stages"]) == {f"{name}_ms" for name in stages}
        assert hits.total == hits.to_dict()["total"] == len(finder)
    assert finder.search("dog", k=1, filter="width = 320").total == len(finder.records("width = 320"))

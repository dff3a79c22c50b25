"""A query image that is a file of the index, as it was when it was indexed, is not read: its vectors are there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.search.embed import Pictures
from imagefinder.search.query import Box, Kind, Term

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(SAMPLES, tmp_path_factory.mktemp("known") / "images"))


@pytest.fixture(scope="module")
def finder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageFinder]:
    with ImageFinder.open(tmp_path_factory.mktemp("index") / "index") as finder:
        finder.add(folder)
        yield finder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was read to be embedded."""
    found: list[object] = []
    before = Pictures.of

    def of(self: Pictures, term: Term) -> Image.Image:
        found.append(term.value)
        return before(self, term)

    monkeypatch.setattr(Pictures, "of", of)
    return found


def photos(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jpg"))


def test_it_finds_the_same_as_its_pixels(finder: ImageFinder, folder: Path, read: list[object]) -> None:
    for path in photos(folder)[:5]:
        stored, embedded = finder.search(path, k=6), finder.search(path.read_bytes(), k=6)
        assert [h.id for h in stored][:1] == [h.id for h in embedded][:1] == [finder.get(path).id]
        assert [h.score for h in stored] == pytest.approx([h.score for h in embedded], abs=0.01)
    assert all(isinstance(value, bytes) for value in read) and len(read) == 5


def test_also_beside_words_and_by_another_spelling_of_its_path(
    finder: ImageFinder, folder: Path, read: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = photos(folder)[0]
    monkeypatch.chdir(path.parent)
    plain = finder.search([str(path), "dog"], k=6)
    assert [h.id for h in finder.search([f"./{path.name}", "dog"], k=6)] == [h.id for h in plain]
    assert not read
    with_bytes = finder.search([Term(Kind.DATA, path.read_bytes()), "dog"], k=6)
    assert [h.score for h in plain] == pytest.approx([h.score for h in with_bytes], abs=0.01)


def test_a_part_of_it_is_read(finder: ImageFinder, folder: Path, read: list[object]) -> None:
    path = photos(folder)[1]
    finder.search([Term(Kind.FILE, str(path), box=Box(0, 0, 0.5, 0.5))])
    assert read == [str(path)]


def test_one_that_changed_is_read(finder: ImageFinder, folder: Path, read: list[object]) -> None:
    path, other = photos(folder)[2:4]
    facts = path.stat()
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 10**9))
    finder.search(path)
    assert read == [str(path)]
    shutil.copyfile(other, path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert finder.search(path, k=1)[0].id == finder.get(other).id
    assert read == [str(path)] * 2


def test_one_that_is_not_in_the_index_is_read(
    finder: ImageFinder, folder: Path, read: list[object], tmp_path: Path
) -> None:
    copy = Path(shutil.copy2(photos(folder)[0], tmp_path / "copy.jpg"))
    assert finder.search(copy, k=1)[0].id == finder.get(photos(folder)[0]).id
    assert read == [str(copy)]

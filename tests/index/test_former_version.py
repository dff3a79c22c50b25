"""An index that version 0.1 made opens, answers as it did, and can be worked on.

``data/index-0.1.tar.xz`` was made with 0.1 (model ``fast``, source ``/photos``, seven sample images): two clusters, one
of them renamed, a map, outliers, a decision on duplicates, a judgement, a tag on two images. The numbers below are what
0.1 itself answered.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from imagefinder import ImageFinder

ARCHIVE = Path(__file__).with_name("data") / "index-0.1.tar.xz"
PICTURES = Path(__file__).resolve().parents[2] / "examples" / "images"
FIRST = "owl.jpg"
HITS = ["dog.jpg", "lion.jpg", "daffodil.jpg"]
SIMILAR = ["orange-seville.jpg", "daffodil.jpg", "dog.jpg"]
CLUSTERS = [("first", 4), ("food", 3)]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with tarfile.open(ARCHIVE) as tar:
        tar.extractall(tmp_path, filter="data")
    return tmp_path / "index"


def names(images: object) -> list[str]:
    return [Path(image.uri).name for image in images]  # type: ignore[attr-defined]


def test_it_answers_as_the_former_version_did(old: Path) -> None:
    with ImageFinder.open(old, create=False) as finder:
        assert len(finder) == 7 and finder.models == ["efficientnet-lite0"] and finder.sources == ["/photos"]
        assert names(finder.search("a dog", k=3)) == HITS
        first = finder.records()[0]
        assert Path(first.uri).name == FIRST
        assert names(finder.similar(first.id, k=3)) == SIMILAR
        assert sorted((c.name, c.size) for c in finder.clusters) == CLUSTERS
        assert len(finder.records("tags = chosen")) == 2
        assert len(finder.kept_map().ids) == 7
        assert len(finder.copies.decisions().pairs) == 1
        assert len(finder.feedback.list()) == 1


def test_words_are_found_in_what_is_written_of_its_images(old: Path) -> None:
    for _ in range(2):  # the first opening makes the index of words
        with ImageFinder.open(old, create=False) as finder:
            assert names(finder.search("daffodil.jpg", k=1)) == ["daffodil.jpg"]
            assert names(finder.search("seville", words_in="texts")) == ["orange-seville.jpg"]
            chosen = {r.id for r in finder.records("tags = chosen")}
            assert len(chosen) == 2 and {h.id for h in finder.search("tag:chosen")} == chosen


def test_work_on_it_goes_on(old: Path) -> None:
    with ImageFinder.open(old, create=False) as finder:
        assert finder.add(PICTURES / "medical").added == 3
        finder.clusters.rename("first", "renamed")
        finder.clusters.lock("renamed")
        finder.clusters.undo()
        finder.clusters.undo()
        assert "first" in [c.name for c in finder.clusters]
        finder.clusters.rename("first", "renamed")
        finder.map(update=True)
    with ImageFinder.open(old, create=False) as finder:
        assert len(finder) == 10 and "renamed" in [c.name for c in finder.clusters]
        assert len(finder.kept_map().ids) == 10
        assert names(finder.search(PICTURES / "animals" / "dog.jpg", k=1)) == ["dog.jpg"]

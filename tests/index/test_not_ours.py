"""Links out of an index, a copy of one that is held, a journal that names other places, a model that is lost."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from imagefinder import ImageFinder
from imagefinder.duplicates.moving import content_hash
from imagefinder.errors import IndexDamagedError
from imagefinder.index.lock import read_door, served_at

CopyIndex = Callable[[Path, Path], Path]


@pytest.fixture
def index(sample_index: Path, tmp_path: Path, copy_index: CopyIndex) -> Path:
    return copy_index(sample_index, tmp_path / "index")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("name", ["runs", "jobs", "models", ".lock", "said.jsonl", ".lock.json", "thumbs/ab"])
def test_an_index_with_a_link_is_refused_and_nothing_written_through_it(index: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "0001").write_text("mine")
    target = tmp_path / "mine" / ("0001" if "." in name else "")
    (index / name).unlink(missing_ok=True) if (index / name).is_file() else shutil.rmtree(index / name, True)
    (index / name).parent.mkdir(exist_ok=True)
    (index / name).symlink_to(target)
    for read_only in (False, True):
        with pytest.raises(IndexDamagedError, match="is a link"):
            ImageFinder.open(index, read_only=read_only)
    assert (tmp_path / "mine" / "0001").read_text() == "mine"


def test_the_holder_of_an_index_does_not_answer_for_a_copy_of_it(index: Path, tmp_path: Path) -> None:
    with ImageFinder.open(index) as holder:
        holder._collection.index.serve_at("http://127.0.0.1:1")
        assert read_door(index) and served_at(index)
        shutil.copytree(index, tmp_path / "copy")
        assert read_door(tmp_path / "copy") is None and served_at(tmp_path / "copy") == ""
        with ImageFinder.open(tmp_path / "copy", wait_s=0) as copy:
            copy.remove(copy.records()[0].id)
            assert len(copy) == len(holder) - 1


@pytest.mark.parametrize("place", ["elsewhere/a.jpg", "images/.hidden/a.jpg", "images/../b.jpg", "images/run.sh"])
def test_undo_moves_nothing_to_where_no_picture_of_the_index_may_lie(index: Path, tmp_path: Path, place: str) -> None:
    with ImageFinder.open(index) as finder:
        source = Path(finder.sources[0])
        run = index / "trash" / "20260101-000000-000000-abcdef01"
        target = f"{tmp_path}/{place}" if place.startswith("elsewhere") else f"{source}/{place.partition('/')[2]}"
        run.mkdir(parents=True)
        moved = run / f"0001-{Path(target).name}"
        moved.write_text("#!/bin/sh")
        row = {"from": target, "to": str(moved), "content_hash": content_hash(moved)}
        (run / "journal.jsonl").write_text(json.dumps(row) + "\n")
        done = finder.copies.undo()
        assert not done.files and [left.code for left in done.left] == ["not-allowed"]
        assert moved.exists() and not os.path.lexists(target)


@pytest.mark.parametrize("harm", ["lost", "cut"])
def test_a_trained_model_that_is_lost_stops_nothing(index: Path, harm: str) -> None:
    with ImageFinder.open(index) as finder:
        finder.train_classifier(by="folder", hidden=4, held_out=0, name="three")
        finder.use_space("three")
    folder = index / "models" / "three"
    if harm == "lost":
        shutil.rmtree(folder)
    else:
        for path in folder.iterdir():
            path.write_bytes(path.read_bytes()[:100])
    with ImageFinder.open(index) as finder:
        assert len(finder.search("id:" + finder.records()[0].id, k=3)) == 3
        assert finder.add().unchanged and "three" in " ".join(finder.info().notices)
        assert [space.broken != "" for space in finder.spaces()] == [
            space.model == "three" for space in finder.spaces()
        ]
        finder.use_space("default")
        finder.drop_space("three")
        assert "three" not in finder.models and not folder.exists()

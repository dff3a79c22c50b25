"""Moving and copying files of images: nothing is overwritten, nothing that was said is lost, also after a kill."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from imagefinder import ImageFinder
from imagefinder.catalog import changes
from imagefinder.organising import files as moving

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return [Path(shutil.copy(path, folder)) for path in sorted(SAMPLES.rglob("*.jpg"))[:4]]


@pytest.fixture
def home(tmp_path: Path, pictures: list[Path]) -> Path:
    with ImageFinder.open(tmp_path / "index") as finder:
        finder.add(pictures[0].parent)
        finder.tag([str(pictures[0])], ["kept"])
        finder.mark([str(pictures[0])], rating=5)
        finder.albums.add("Summer", [str(pictures[0])])
    return tmp_path / "index"


def test_a_moved_image_keeps_all_that_is_known_of_it(home: Path, pictures: list[Path], tmp_path: Path) -> None:
    with ImageFinder.open(home) as finder:
        before = finder.get(pictures[0])
        made = finder.move_files(str(tmp_path / "elsewhere"), [before.id])
        after = finder.get(tmp_path / "elsewhere" / pictures[0].name)
        assert (after.tags, after.extra["rating"], after.extra["albums"]) == (("kept",), 5, ["Summer"])
        assert after.content_hash == before.content_hash and len(finder) == 4
        assert finder.similar(after.id, k=1)[0].id != after.id
        finder.history.undo(made.change)
        assert finder.get(pictures[0]).to_dict() == before.to_dict() and pictures[0].exists()


def test_what_is_said_of_a_moved_image_survives_its_next_indexing(
    home: Path, pictures: list[Path], tmp_path: Path
) -> None:
    inside = pictures[0].parent / "deeper"
    with ImageFinder.open(home) as finder:
        finder.move_files(str(inside), [str(pictures[0])])
        finder.add()
        record = finder.get(inside / pictures[0].name)
        assert record.tags == ("kept",) and record.extra["rating"] == 5 and len(finder) == 4


def test_no_file_is_overwritten(home: Path, pictures: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / pictures[0].name.upper()).write_bytes(b"somebody's")
    with ImageFinder.open(home) as finder:
        for place in (finder.copy_files, finder.move_files):
            place(str(target), [str(pictures[0])])
    assert (target / pictures[0].name.upper()).read_bytes() == b"somebody's"
    assert len(list(target.iterdir())) == 3 and not pictures[0].exists()


def test_a_sidecar_goes_along(home: Path, pictures: list[Path], tmp_path: Path) -> None:
    sidecar = pictures[0].with_suffix(".xmp")
    sidecar.write_text("<x/>", "utf-8")
    with ImageFinder.open(home) as finder:
        finder.move_files(str(tmp_path / "target"), [str(pictures[0])])
    assert (tmp_path / "target" / sidecar.name).exists() and not sidecar.exists()


class KillError(BaseException):
    pass


def test_a_kill_between_file_and_record_loses_nothing(
    home: Path, pictures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KillError

    with ImageFinder.open(home) as finder:
        with monkeypatch.context() as patch, pytest.raises(KillError):
            patch.setattr(moving, "follow", killed)
            finder.move_files(str(tmp_path / "target"), [str(pictures[0])])
        assert not pictures[0].exists() and (tmp_path / "target" / pictures[0].name).exists()
        (change,) = (id for id in changes.undoable(finder._collection.index) if _kind(finder, id) == "moved")
        finder.history.undo(change)
        assert pictures[0].exists() and finder.get(pictures[0]).tags == ("kept",)


def _kind(finder: ImageFinder, id: str) -> str:
    return str(changes.kept(finder._collection.index, id)["kind"])


def test_marks_and_albums_come_back_with_the_content(home: Path, pictures: list[Path]) -> None:
    with ImageFinder.open(home) as finder:
        finder.remove(str(pictures[0]))
        finder.add()
        record = finder.get(pictures[0])
        assert (record.extra["rating"], record.extra["albums"]) == (5, ["Summer"])
        assert finder.albums.images("Summer") == [record.id]

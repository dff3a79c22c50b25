"""Sources that are away, renamed, forgotten; what was said of images outlives their absence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.finder import ImageFinder
from imagefinder.types import Progress
from tests.support.command import run_cli

MakeImage = Callable[..., Image.Image]


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        yield finder


@pytest.fixture
def fill(make_image: MakeImage) -> Callable[..., Path]:
    def fill(folder: Path, n: int, first: int = 0) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for i in range(first, first + n):
            make_image(i).save(folder / f"{i:03}.png")
        return folder

    return fill


def states(finder: ImageFinder) -> dict[str, str]:
    return {Path(source.uri).name: source.state for source in finder.list_sources()}


def test_a_missing_or_malformed_source_stops_no_other(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path]
) -> None:
    usb, home = fill(tmp_path / "usb", 3), fill(tmp_path / "home", 2, 100)
    table = tmp_path / "t.csv"
    table.write_text("path\nhome/100.png\n")
    finder.add(usb, home, table)
    usb.rename(tmp_path / "elsewhere")
    table.write_text("what\nno path here\n")
    fill(home, 1, 102)
    report = finder.add()
    assert (report.added, report.removed, report.total) == (1, 0, 6)
    assert {Path(one.uri).name for one in report.missing} == {"usb", "t.csv"}
    assert states(finder)["usb"] == "missing"
    assert len(finder.records("missing = true")) == 3
    assert len(finder.search("id:" + finder.get(usb / "000.png").id, k=10)) == 5  # all others
    (tmp_path / "elsewhere").rename(usb)
    finder.add(usb)
    assert states(finder)["usb"] == "there"
    assert not finder.records("missing = true")


def test_a_renamed_source_is_moved_with_what_was_said_of_its_images(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path]
) -> None:
    usb = fill(tmp_path / "usb", 4)
    finder.add(usb)
    finder.tag([usb / "001.png"], add=["holiday"])
    finder.update(usb / "002.png", caption="the sea")
    with pytest.raises(InvalidInputError, match="still there"):
        finder.move_source(usb, tmp_path / "pictures")
    usb.rename(tmp_path / "pictures")
    report = finder.move_source(usb, tmp_path / "pictures")
    assert (report.moved, report.added, report.removed, report.total) == (4, 0, 0, 4)
    assert states(finder) == {"pictures": "there"}
    assert finder.get(tmp_path / "pictures/001.png").tags == ("holiday",)
    assert finder.get(tmp_path / "pictures/002.png").caption == "the sea"
    with pytest.raises(NotFoundError):
        finder.move_source(usb, tmp_path / "pictures")


def test_a_folder_that_was_renamed_brings_its_tags_when_it_is_indexed(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path]
) -> None:
    usb = fill(tmp_path / "usb", 3)
    finder.add(usb)
    finder.tag(filter="folder = usb", add=["holiday"])
    usb.rename(tmp_path / "pictures")
    finder.add(tmp_path / "pictures")
    assert {Path(r.uri).parent.name for r in finder.records("tags = holiday")} == {"usb", "pictures"}
    assert finder.forget_source(usb, remove_images=True) == 3
    assert len(finder) == len(finder.records("tags = holiday")) == 3


def test_what_was_said_comes_back_with_the_content_until_it_is_purged(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path]
) -> None:
    album = fill(tmp_path / "album", 4)
    finder.add(album)
    for name, tag in (("000.png", "a"), ("001.png", "b")):
        finder.tag([album / name], add=[tag])
    (tmp_path / "away").mkdir()
    for name in ("000.png", "001.png"):
        shutil.move(album / name, tmp_path / "away" / name)
    report = finder.add(album)
    assert (report.removed, report.said) == (2, 2)
    shutil.move(tmp_path / "away/000.png", album / "other-name.png")
    finder.add(album)
    assert finder.get(album / "other-name.png").tags == ("a",)
    assert finder.purge() == 1
    shutil.move(tmp_path / "away/001.png", album / "001.png")
    finder.add(album)
    assert finder.get(album / "001.png").tags == ()


@pytest.mark.parametrize(("gone", "kept"), [(10, 0), (11, 11)])
def test_many_images_of_a_source_leave_it_only_when_that_is_allowed(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path], gone: int, kept: int
) -> None:
    album = fill(tmp_path / "album", 12)
    finder.add(album)
    for i in range(gone):
        (album / f"{i:03}.png").unlink()
    report = finder.add()
    assert (report.kept, report.removed) == (kept, gone - kept)
    assert len(finder) == 12 - gone + kept
    finder.add(allow_removal=True)
    assert len(finder) == 12 - gone


def test_a_folder_below_that_is_empty_now_keeps_its_images_and_a_deleted_one_does_not(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path]
) -> None:
    library = tmp_path / "library"
    fill(library / "local", 30), fill(library / "nas/album", 11, 100)
    finder.add(library)
    shutil.rmtree(library / "nas/album")
    report = finder.add()
    assert (report.kept, report.removed) == (11, 0)
    assert report.skipped[0].uri == str(library / "nas")
    shutil.rmtree(library / "nas")
    assert finder.add().removed == 11


def test_what_a_link_led_to_is_not_removed_while_it_leads_nowhere(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path]
) -> None:
    library, nas = fill(tmp_path / "library", 30), fill(tmp_path / "nas", 3, 100)
    (library / "linked").symlink_to(nas)
    assert finder.add(library).added == 33
    nas.rename(tmp_path / "away")
    report = finder.add()
    assert (report.kept, report.removed, report.total) == (3, 0, 33)
    assert report.skipped[0].uri == str(library / "linked") and "linked" in report.skipped[0].reason
    (library / "linked").unlink()  # now it was a person
    assert finder.add().removed == 3


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Path]:
    """A folder with a small drive mounted on it, below what is to be indexed."""
    folder = tmp_path / "library" / "drive"
    folder.mkdir(parents=True)
    mounted = os.name == "posix" and mount(folder)
    if not mounted:
        pytest.skip("mounting a drive needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


def mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True).returncode == 0


def test_the_images_of_a_drive_below_a_source_stay_while_it_is_not_mounted(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path], drive: Path
) -> None:
    library = fill(tmp_path / "library", 30)
    fill(drive, 3, 100)
    finder.add(library)
    finder.tag(filter="folder = drive", add=["holiday"])
    subprocess.run(["umount", str(drive)], check=True)
    report = finder.add()
    assert (report.kept, report.removed) == (3, 0) and report.skipped[0].uri == str(drive)
    assert len(finder.records("tags = holiday and missing = true")) == 3
    assert mount(drive)
    fill(drive, 3, 100)
    finder.add()
    assert len(finder.records("tags = holiday")) == 3 and not finder.records("missing = true")


def test_a_folder_that_cannot_be_read_keeps_its_images(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = fill(tmp_path / "library", 2)
    closed = fill(library / "closed", 30, 100)
    finder.add(library)
    real = os.scandir

    def scandir(path: Any = ".") -> Any:
        if str(path).startswith(str(closed)):
            raise PermissionError(13, "Permission denied")
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        report = finder.add(allow_removal=True)
        assert (report.removed, report.total) == (0, 32)
        assert [one.uri for one in report.skipped] == [str(closed)]
    assert finder.add().unchanged == 32


def test_purging_forgets_decisions_and_feedback_of_images_that_are_gone(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path]
) -> None:
    album = fill(tmp_path / "album", 4)
    finder.add(album)
    ids = [finder.get(album / f"{n:03}.png").id for n in range(4)]
    finder.tag(ids[:1], add=["gone"])
    finder.copies.decide("keep-both", *ids[:2])
    finder.copies.decide("not-duplicate", *ids[2:])
    finder.feedback.add({"text": "x"}, ids[:1], ids[1:2])
    finder.feedback.add({"text": "y"}, ids[:1])
    assert finder.purge() == 0 and len(finder.feedback) == 2
    (album / "000.png").unlink()
    finder.add()
    assert len(finder.copies.decisions().pairs) == 2 and len(finder.feedback) == 2
    assert finder.purge() == 1
    assert [d.decision for d in finder.copies.decisions().pairs.values()] == ["not-duplicate"]
    (judgement,) = finder.feedback.list()
    assert (judgement.query, judgement.liked, len(judgement.disliked)) == ({"text": "x"}, (), 1)
    fill(album, 1)
    finder.add()
    assert finder.get(album / "000.png").tags == ()


def test_the_facts_of_the_index_say_how_each_source_is(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path]
) -> None:
    finder.add(fill(tmp_path / "a", 1), fill(tmp_path / "b", 1, 10), fill(tmp_path / "c", 1, 20))
    finder.pause_source(tmp_path / "b")
    shutil.rmtree(tmp_path / "c")
    told = {Path(source["uri"]).name: source["state"] for source in finder.info().sources}
    assert told == states(finder) == {"a": "there", "b": "paused", "c": "missing"}
    finder.close()
    said = run_cli("info", "--index", tmp_path / "index", "--json")
    assert [source["state"] for source in json.loads(said.stdout)["sources"]] == ["there", "paused", "missing"]
    assert f"{tmp_path / 'b'}  (paused, last indexed" in run_cli("info", "--index", tmp_path / "index").stdout


def test_a_paused_source_is_left_as_it_is(finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path]) -> None:
    a, b = fill(tmp_path / "a", 2), fill(tmp_path / "b", 2, 50)
    finder.add(a, b)
    finder.pause_source(a)
    fill(a, 1, 5), fill(b, 1, 55)
    assert finder.add().added == 1
    assert states(finder) == {"a": "paused", "b": "there"}
    finder.resume_source(a)
    assert finder.add().added == 1


def test_an_index_below_a_source_is_passed_by_and_is_never_one(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path]
) -> None:
    fill(tmp_path / "index/thumbnails", 2)
    fill(tmp_path / "pictures", 3, 50)
    trash = fill(tmp_path / "trash/20261121-101500", 1, 90)
    (trash / "journal.jsonl").write_text('{"from": "/a", "to": "/b", "content_hash": "c"}\n')
    assert finder.add(tmp_path).added == 3
    with pytest.raises(InvalidInputError, match="index"):
        finder.add(tmp_path / "index/thumbnails")
    with pytest.raises(InvalidInputError, match="trash"):
        finder.add(trash)


def test_a_run_that_was_stopped_leaves_a_source_to_go_on_with(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path]
) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == stage and progress.done >= done:
            raise KeyboardInterrupt

    album = fill(tmp_path / "album", 3)
    stage, done = "looking for images", 0
    with pytest.raises(KeyboardInterrupt):
        finder.add(album, progress=stop)
    assert states(finder) == {"album": "interrupted"}
    assert finder.list_sources()[0].found == 0
    stage, done = "indexing", 1
    with pytest.raises(KeyboardInterrupt):
        finder.add(progress=stop)
    (stopped,) = finder.list_sources()
    assert (stopped.state, stopped.found) == ("interrupted", 3) and stopped.images == len(finder) > 0
    assert finder.add().total == 3
    assert states(finder) == {"album": "there"} and finder.list_sources()[0].found == 0


def test_the_name_of_a_source_goes_along_when_it_is_moved(
    finder: ImageFinder, tmp_path: Path, fill: Callable[..., Path]
) -> None:
    album = fill(tmp_path / "album", 2)
    finder.add(album)
    finder.rename_source(album, "Summer")
    album.rename(tmp_path / "away")
    finder.move_source(album, tmp_path / "away")
    assert [(one.uri, one.label) for one in finder.list_sources()] == [(str(tmp_path / "away"), "Summer")]
    finder.close()
    listing = run_cli("sources", "list", "--index", tmp_path / "index")
    assert f"Summer: {tmp_path / 'away'}" in listing.stdout


def test_rebuilding_is_refused_while_a_source_is_missing_and_keeps_tags(
    tmp_path: Path, fill: Callable[..., Path]
) -> None:
    usb, home, index = fill(tmp_path / "usb", 3), fill(tmp_path / "home", 2, 50), tmp_path / "index"
    with ImageFinder.open(index, model="fast") as finder:
        finder.add(usb, home)
        finder.tag(filter="folder = home", add=["holiday"])
    usb.rename(tmp_path / "away")
    refused = run_cli("index", "--rebuild", "--index", index)
    assert refused.returncode == 3
    assert "nothing has changed" in refused.stderr
    with ImageFinder.open(index) as finder:
        assert len(finder) == 5
    (tmp_path / "away").rename(usb)
    ImageFinder.rebuild(index)
    with ImageFinder.open(index, model="fast") as finder:
        finder.add()
        assert len(finder) == 5
        assert len(finder.records("tags = holiday")) == 2


def test_the_command_lists_and_forgets(tmp_path: Path, fill: Callable[..., Path]) -> None:
    usb, home, index = fill(tmp_path / "usb", 2), fill(tmp_path / "home", 2, 50), tmp_path / "index"
    assert run_cli("index", usb, home, "--model", "fast", "--index", index).returncode == 0
    usb.rename(tmp_path / "away")
    assert run_cli("index", "--index", index).returncode == 1
    first = run_cli("sources", "list", "--index", index).stdout.splitlines()[0].split()
    assert first[:5] == ["missing", "folder", "2", "images", str(usb)]
    assert run_cli("sources", "forget", usb, "--index", index).returncode == 0
    assert run_cli("index", "--index", index).returncode == 0
    assert run_cli("remove", home, "--index", index).returncode == 0
    with ImageFinder.open(index) as finder:
        assert (len(finder), finder.sources) == (2, [])

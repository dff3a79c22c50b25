"""Pictures of several files, links, and crops: what a plan takes in, and what applying it leaves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from imagefinder.duplicates import trash
from imagefinder.duplicates.companions import Companions
from imagefinder.duplicates.matching.shown import Shown, edits_of, hold_of
from imagefinder.duplicates.moving import content_hash
from imagefinder.duplicates.plan import Plan, PlannedFile, PlannedGroup, make_plan
from imagefinder.duplicates.report import DuplicateReport
from imagefinder.finder import ImageFinder

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images" / "animals"


@pytest.mark.parametrize(
    ("name", "belonging", "others"),
    [
        ("IMG_1.HEIC", ["IMG_1.MOV", "IMG_1.AAE", "IMG_1.JPG"], ["IMG_2.MOV", "IMG_1 (1).MOV", "IMG_1.txt"]),
        ("IMG_1.JPG", ["IMG_1.cr2", "IMG_1.JPG.xmp", "img_1.xmp"], ["IMG_1.jpeg", "IMG_1.png", "IMG_10.CR2"]),
        ("PXL_1.MP.jpg", ["PXL_1.MP", "PXL_1.dng"], ["PXL_1.jpg", "PXL_2.MP"]),
        ("a.jpg", ["a.jpg.supplemental-metadata.json"], ["a.json.jpg", "b.jpg.supplemental-metadata.json"]),
        ("a.png", ["a.mp4", "a.NEF"], ["a.jpg", "a.webp"]),
        ("a", ["a.mov"], ["a.jpg"]),
    ],
)
def test_files_of_one_picture_are_known_by_their_names(
    tmp_path: Path, name: str, belonging: list[str], others: list[str]
) -> None:
    for file in (name, *belonging, *others):
        (tmp_path / file).touch()
    assert {Path(p).name for p in Companions().of(str(tmp_path / name))} == set(belonging)


def pairs(tmp_path: Path, *second: tuple[str, bytes]) -> tuple[Path, ImageFinder]:
    """A photo and its video in a folder; the same photo in another, with the files given beside it."""
    for folder in ("a", "b/more"):
        (tmp_path / "photos" / folder).mkdir(parents=True)
        shutil.copy(SAMPLES / "bear.jpg", tmp_path / "photos" / folder / "IMG_1.jpg")
    (tmp_path / "photos" / "a" / "IMG_1.MOV").write_bytes(b"video")
    for name, content in second:
        (tmp_path / "photos" / "b" / "more" / name).write_bytes(content)
    finder = ImageFinder.open(tmp_path / "index", model="fast")
    finder.add(tmp_path / "photos")
    return tmp_path / "photos", finder


def files(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_a_pair_that_is_a_copy_moves_whole_and_comes_back(tmp_path: Path) -> None:
    folder, finder = pairs(tmp_path, ("IMG_1.MOV", b"video"))
    with finder:
        before = files(folder)
        make_plan(finder.duplicates()).save(tmp_path / "plan.json")
        plan = Plan.load(tmp_path / "plan.json")
        assert plan.files == 2
        assert not trash.apply_plan(finder._collection.index, plan).left
        assert files(folder) == {"a/IMG_1.jpg", "a/IMG_1.MOV"}
        trash.undo(finder._collection.index)
        assert files(folder) == before


@pytest.mark.parametrize("beside", [("IMG_1.MOV", b"another"), ("IMG_1.xmp", b"notes")])
def test_a_pair_of_which_one_file_has_no_copy_stays(tmp_path: Path, beside: tuple[str, bytes]) -> None:
    folder, finder = pairs(tmp_path, beside)
    with finder:
        before = files(folder)
        assert make_plan(finder.duplicates()).files == 0
        records = {Path(r.uri).parent.name: r for r in finder.records()}
        moved = finder.copies.trash([(records["a"].id, [records["more"].id])])
        assert ([left.code for left in moved.left], files(folder)) == (["one-of-several"], before)


def test_a_plan_that_knows_of_no_pairs_tears_none_apart(tmp_path: Path) -> None:
    folder, finder = pairs(tmp_path, ("IMG_1.MOV", b"video"))
    with finder:
        keep, remove = (
            PlannedFile(str(p), content_hash(p), p.stat().st_size)
            for p in (folder / "a" / "IMG_1.jpg", folder / "b" / "more" / "IMG_1.jpg")
        )
        moved = trash.apply_plan(finder._collection.index, Plan((PlannedGroup(keep, (remove,)),)))
        assert [left.code for left in moved.left] == ["one-of-several"]


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("link", [os.link, os.symlink])
def test_a_link_is_not_moved(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "photos").mkdir()
    shutil.copy(SAMPLES / "bear.jpg", tmp_path / "elsewhere" / "x.jpg")
    shutil.copy(SAMPLES / "bear.jpg", tmp_path / "photos" / "a.jpg")
    link(tmp_path / "elsewhere" / "x.jpg", tmp_path / "photos" / "linked.jpg")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "photos")
        records = {Path(r.uri).name: r.id for r in finder.records()}
        if "linked.jpg" in records:
            moved = finder.copies.trash([(records["a.jpg"], [records["linked.jpg"]])])
            assert [left.code for left in moved.left] == ["link"]
    assert (tmp_path / "photos" / "linked.jpg").exists()


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_names_of_one_file_are_no_copies(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(SAMPLES / "bear.jpg", folder / "a.jpg")
    os.link(folder / "a.jpg", folder / "b.jpg")
    (folder / "c.jpg").symlink_to(folder / "a.jpg")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(folder)
        assert finder.duplicates().groups == ()
        shutil.copy(SAMPLES / "bear.jpg", folder / "longer name.jpg")
        finder.add(folder)
        report = finder.duplicates()
        (group,) = report.groups
        size = (folder / "a.jpg").stat().st_size
        movable = [m for m in group.members if not m.hold]
        assert (len(group.members), group.wasted) == (1, size * len(movable))
        assert make_plan(report).files == len(movable)


# --- crops --------------------------------------------------------------------------------------------------------


def searched(tmp_path: Path, whole_size: tuple[int, int], crop_size: tuple[int, int]) -> DuplicateReport:
    folder = tmp_path / "photos"
    folder.mkdir()
    with Image.open(SAMPLES / "bear.jpg") as image:
        rgb = image.convert("RGB")
    rgb.resize(whole_size).save(folder / "whole.png")
    rgb.crop((0, 0, rgb.width * 7 // 10, rgb.height)).resize(crop_size).save(folder / "crop.png")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(folder)
        return finder.duplicates()


def test_of_a_crop_and_the_whole_the_whole_is_kept(tmp_path: Path) -> None:
    report = searched(tmp_path, (300, 240), (210, 240))
    (group,) = report.groups
    (member,) = group.members
    assert (Path(group.keep.uri).name, member.hold, make_plan(report).files) == ("whole.png", "", 1)
    assert member.edits[0] in ("cropped to 69%", "cropped to 70%", "cropped to 71%")


def test_a_crop_with_more_pixels_is_for_a_person_to_decide_about(tmp_path: Path) -> None:
    report = searched(tmp_path, (300, 240), (420, 480))
    (group,) = report.groups
    (member,) = group.members
    assert (Path(group.keep.uri).name, make_plan(report).files, group.wasted) == ("whole.png", 0, 0)
    assert "at 2.0 times the resolution" in member.hold
    assert "2.0 times the resolution" in member.evidence


def test_what_is_said_of_a_crop_depends_on_which_is_kept() -> None:
    shown, edits = Shown.of((1.0, 0.6), (False, False), 1.0), ("mirrored", "cropped to 60%")
    assert shown.shares == pytest.approx((0.6, 1.0))
    assert edits_of(edits, shown, first=True) == ("mirrored", "cropped to 60%")
    assert hold_of(edits, shown, first=True) == ""
    assert edits_of(edits, shown, first=False) == ("mirrored", "shows 67% more")
    assert hold_of(edits, shown, first=False) == "It shows 67% more than the one kept."
    both = Shown.of((0.8, 0.8), (False, False), 1.0)
    assert hold_of(edits, both, first=True) == hold_of(edits, both, first=False) != ""
    assert hold_of(edits, Shown.of((1.0, 0.8), (False, True), 1.0), first=False) == ""

"""Pictures of several files, links, and crops: what a plan takes in, and what applying it leaves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from imagefinder.duplicates import taking_back, trash
from imagefinder.duplicates.companions import Companions
from imagefinder.duplicates.find import Options
from imagefinder.duplicates.matching.edits import Detail
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
        taking_back.undo(finder._collection.index)
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


# --- HEIC and JPEG of one shot, both in the index -----------------------------------------------------------------


def shots(tmp_path: Path, *folders: str) -> tuple[Path, ImageFinder]:
    """A shot as HEIC and as JPEG in each of the folders."""
    heif = pytest.importorskip("pillow_heif")
    for folder in folders:
        (tmp_path / "photos" / folder).mkdir(parents=True)
        if folder != folders[0]:
            for file in (tmp_path / "photos" / folders[0]).iterdir():
                shutil.copy(file, tmp_path / "photos" / folder)
            continue
        picture = mosaic()
        picture.save(tmp_path / "photos" / folder / "IMG_1.JPG", quality=92)
        heif.from_pillow(picture).save(tmp_path / "photos" / folder / "IMG_1.HEIC", quality=80)
    finder = ImageFinder.open(tmp_path / "index", model="fast")
    finder.add(tmp_path / "photos")
    return tmp_path / "photos", finder


def test_one_shot_in_two_files_is_no_group_and_is_told(tmp_path: Path) -> None:
    folder, finder = shots(tmp_path, "a")
    with finder:
        report = finder.duplicates()
        assert report.groups == ()
        assert report.one_picture == ((str(folder / "a/IMG_1.HEIC"), str(folder / "a/IMG_1.JPG")),)
        latest = finder.copies.latest()
        assert latest["one_picture"] == [list(report.one_picture[0])]
        (folder / "a" / "IMG_1.JPG").unlink()
        finder.add(folder)
        assert finder.copies.latest()["one_picture"] == []


def test_two_shots_in_two_files_are_one_pair_that_moves_whole(tmp_path: Path) -> None:
    folder, finder = shots(tmp_path, "a", "b/more")
    with finder:
        before = files(folder)
        report = finder.duplicates()
        (group,) = report.groups
        (member,) = group.members
        assert (group.keep.uri, member.record.uri) == (
            str(folder / "a/IMG_1.HEIC"),
            str(folder / "b/more/IMG_1.HEIC"),
        )
        size = (folder / "b/more/IMG_1.JPG").stat().st_size
        assert member.beside.along == ((str(folder / "b/more/IMG_1.JPG"), size),)
        assert group.wasted == member.record.bytes + size
        assert group.to_dict()["keep"]["along"][0]["uri"] == str(folder / "a/IMG_1.JPG")
        moved = trash.apply_plan(finder._collection.index, make_plan(report))
        assert (len(moved.files), files(folder)) == (2, {"a/IMG_1.HEIC", "a/IMG_1.JPG"})
        taking_back.undo(finder._collection.index)
        assert files(folder) == before


def test_the_fuller_set_is_kept(tmp_path: Path) -> None:
    """The copy in the shorter path has no video; the other one has."""
    (tmp_path / "photos" / "with videos").mkdir(parents=True)
    shutil.copy(SAMPLES / "bear.jpg", tmp_path / "photos" / "IMG_1.jpg")
    shutil.copy(SAMPLES / "bear.jpg", tmp_path / "photos" / "with videos" / "IMG_1.jpg")
    (tmp_path / "photos" / "with videos" / "IMG_1.MOV").write_bytes(b"video")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "photos")
        report = finder.duplicates()
        (group,) = report.groups
        assert (Path(group.keep.uri).parent.name, group.reason) == ("with videos", "it comes with IMG_1.MOV")
        assert [f.path for g in make_plan(report).groups for f in g.remove] == [str(tmp_path / "photos" / "IMG_1.jpg")]


def test_what_can_not_move_whole_is_held_and_takes_no_room(tmp_path: Path) -> None:
    _, finder = pairs(tmp_path, ("IMG_1.MOV", b"other"))
    with finder:
        (group,) = finder.duplicates().groups
        hold = "It is one picture with IMG_1.MOV, of which there is no copy beside the other."
        assert ([m.hold for m in group.members], group.wasted) == ([hold], 0)


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
        report = finder.duplicates()
        indexed = sorted(r.uri for r in finder.records())
        assert (report.groups, sorted(report.one_file[0])) == ((), indexed)
        shutil.copy(SAMPLES / "bear.jpg", folder / "longer name.jpg")
        finder.add(folder)
        report = finder.duplicates()
        (group,) = report.groups
        size = (folder / "a.jpg").stat().st_size
        movable = [m for m in group.members if not m.hold]
        assert (len(group.members), group.wasted) == (1, size * len(movable))
        assert make_plan(report).files == len(movable)


# --- crops --------------------------------------------------------------------------------------------------------


def mosaic() -> Image.Image:
    """A picture with detail down to its pixels, as the samples have at their own size."""
    whole = Image.new("RGB", (700, 520))
    for number, path in enumerate(sorted(SAMPLES.glob("*.jpg"))[:16]):
        with Image.open(path) as image:
            left, top = number % 4 * 175, number // 4 * 130
            whole.paste(image.convert("RGB").crop((0, 0, 175, 130)), (left, top))
    return whole


def searched(tmp_path: Path, **pictures: Image.Image) -> DuplicateReport:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(folder)
        return finder.duplicates()


def scaled(image: Image.Image, scale: float) -> Image.Image:
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)


def left_part(image: Image.Image) -> Image.Image:
    return image.crop((0, 0, image.width * 7 // 10, image.height))


def test_of_a_crop_and_the_whole_the_whole_is_kept(tmp_path: Path) -> None:
    report = searched(tmp_path, whole=mosaic(), crop=left_part(mosaic()))
    (group,) = report.groups
    (member,) = group.members
    assert (Path(group.keep.uri).name, member.hold, make_plan(report).files) == ("whole.png", "", 1)
    assert (member.edits, group.reason) == (("cropped to 70%",), "shows 43% more of the scene")


def test_a_crop_of_higher_resolution_is_for_a_person_to_decide_about(tmp_path: Path) -> None:
    report = searched(tmp_path, whole=scaled(mosaic(), 0.5), crop=left_part(mosaic()))
    (group,) = report.groups
    (member,) = group.members
    assert (Path(group.keep.uri).name, make_plan(report).files, group.wasted) == ("whole.png", 0, 0)
    assert member.hold == "The other shows 43% more; this one shows its part in 4.0 times as many pixels."
    assert member.edits == ("cropped to 70%", "in 2.0 times the resolution")


def test_a_crop_that_was_enlarged_shows_nothing_more(tmp_path: Path) -> None:
    report = searched(tmp_path, whole=mosaic(), crop=scaled(left_part(mosaic()), 1.3))
    (group,) = report.groups
    (member,) = group.members
    assert (Path(group.keep.uri).name, member.hold, make_plan(report).files) == ("whole.png", "", 1)
    assert member.edits == ("cropped to 70%", "enlarged 1.3 times, without more detail")


@pytest.mark.parametrize("scale", [1.5, 2.0])
def test_an_enlarged_copy_is_not_preferred(tmp_path: Path, scale: float) -> None:
    report = searched(tmp_path, a_copy=scaled(mosaic(), scale), original=mosaic(), small=scaled(mosaic(), 0.5))
    (group,) = report.groups
    assert (Path(group.keep.uri).name, group.reason) == ("original.png", "the other is only enlarged")
    edits = {Path(m.record.uri).stem: (m.edits, m.hold) for m in group.members}
    assert edits["small"] == (("resized",), "")
    assert edits["a_copy"] == ((f"enlarged {scale:.1f} times, without more detail",), "")


@pytest.mark.parametrize(
    ("edit", "onto"),
    [
        (lambda image: image, (0.7, 0, 0, 1, 0, 0)),
        (ImageOps.mirror, (-0.7, 0, 0, 1, 0.7, 0)),
        (lambda image: image.transpose(Image.Transpose.ROTATE_90), (0, 1, -0.7, 0, 0.7, 0)),
        (lambda image: scaled(image, 0.6), (0.7, 0, 0, 1, 0, 0)),
    ],
)
def test_it_is_known_where_a_copy_lies_on_the_one_kept(
    tmp_path: Path, edit: Callable[[Image.Image], Image.Image], onto: tuple[float, ...]
) -> None:
    (group,) = searched(tmp_path, whole=mosaic(), a_crop=edit(left_part(mosaic()))).groups
    (member,) = group.members
    assert Path(group.keep.uri).name == "whole.png"
    assert member.onto == pytest.approx(onto, abs=0.003)
    assert group.to_dict()["members"][0]["onto"] == list(member.onto)


def test_nothing_is_planned_below_certainty() -> None:
    assert hold_of(("re-encoded",), Shown(), first=True, score=0.96) == ""
    assert hold_of(("re-encoded",), Shown(), first=True, score=0.93).startswith("Only 93% of what both show")


def test_no_order_of_qualities_prefers_a_crop(tmp_path: Path) -> None:
    pictures = {"whole": scaled(mosaic(), 0.5), "c": left_part(mosaic())}  # the crop has more bytes, and a shorter path
    searched(tmp_path, **pictures)
    for rule in ("bytes", "path", "pixels", "oldest"):
        with ImageFinder.open(tmp_path / "index") as finder:
            (group,) = finder.duplicates(Options(rules=[rule])).groups
        assert Path(group.keep.uri).name == "whole.png"
        assert group.reason == "shows 43% more of the scene"


def test_what_is_said_of_a_crop_depends_on_which_is_kept() -> None:
    shown, edits = Shown.of((1.0, 0.6), (False, False), 1.0), ("mirrored", "cropped to 60%")
    assert shown.shares == pytest.approx((0.6, 1.0))
    assert edits_of(edits, shown, first=True) == ("mirrored", "cropped to 60%")
    assert hold_of(edits, shown, first=True) == ""
    assert edits_of(edits, shown, first=False) == ("mirrored", "shows 67% more")
    assert hold_of(edits, shown, first=False) == "It shows 67% more than the other."
    finer = Shown.of((1.0, 0.5), (False, False), 0.5, Detail.UNSURE)
    assert hold_of(edits, finer, first=False) == "It shows 100% more than the other."
    finer = Shown.of((0.5, 1.0), (False, False), 0.5, Detail.UNSURE)
    assert "4.0 times as many pixels, though hardly" in hold_of(edits, finer, first=False)
    both = Shown.of((0.8, 0.8), (False, False), 1.0)
    assert hold_of(edits, both, first=True) == hold_of(edits, both, first=False) != ""
    assert hold_of(edits[1:], Shown.of((1.0, 0.8), (False, True), 1.0), first=False) == ""


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_of_a_mirrored_pair_nobody_is_told_to_move_either(scale: float) -> None:
    pair = Shown.of((1.0, 1.0), (False, False), scale)
    for first in (True, False):
        assert hold_of(("mirrored", "re-encoded"), pair, first) == (
            "One of the two is mirrored, and which of them can't be told."
        )

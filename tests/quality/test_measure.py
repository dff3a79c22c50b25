"""Outliers and quality of an index, through the library and the command line."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from command import run_cli
from PIL import Image, ImageDraw, ImageFilter

from imagefinder import ImageFinder
from imagefinder.errors import InvalidInputError

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, among them a drawing, a blurred and a dark one, and one that will be gone."""
    home = tmp_path_factory.mktemp("triage")
    (home / "photos").mkdir()
    photos = sorted(SAMPLES.rglob("*.jpg"))[::5][:30]
    for path in photos:
        shutil.copy(path, home / "photos" / path.name)
    with Image.open(photos[0]) as image:
        image.filter(ImageFilter.GaussianBlur(12)).save(home / "photos" / "blurred.jpg")
        image.point(lambda v: v // 8).save(home / "photos" / "night.jpg")
        image.rotate(5).save(home / "photos" / "gone.jpg")
    drawing = Image.new("RGB", (300, 300), "white")
    for i in range(0, 300, 10):
        ImageDraw.Draw(drawing).line((i, 0, 300 - i, 300), fill="black")
    drawing.save(home / "photos" / "drawing.png")
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "photos")
    (home / "photos" / "gone.jpg").unlink()
    return home


def test_quality_is_measured_once_and_kept_for_filters(home: Path) -> None:
    with ImageFinder.open(home / "index") as finder:
        steps: list[tuple[int, int]] = []
        report = finder.quality(progress=lambda now: steps.append((now.done, now.total)))
        assert (report.measured, report.total) == (33, 33) and steps[-1] == (34, 34)
        assert [Path(s.uri).name for s in report.skipped] == ["gone.jpg"] and report.skipped[0].code == "not-found"
        assert {Path(r.uri).name for r in finder.records("issues = blurry")} == {"blurred.jpg"}
        assert {Path(r.uri).name for r in finder.records("issues = dark")} == {"night.jpg"}
        darkest = min(finder.records("has brightness"), key=lambda r: float(str(r.extra["brightness"])))
        assert Path(darkest.uri).name == "night.jpg"
        assert len(finder.records("blur <= 0.5")) == 32 and len(finder.records("blur > 0.5")) == 1
        again = finder.quality()
        assert (again.measured, again.total) == (0, 33) and again.issues == report.issues
        assert finder.quality(again=True).measured == 33
        assert all("blurred" not in h.uri for h in finder.search("bird", 40, filter="not issues = blurry"))


def test_outliers_are_scored_for_filters(home: Path) -> None:
    with ImageFinder.open(home / "index") as finder:
        found = finder.outliers(5)
        assert [o.score for o in found] == sorted((o.score for o in found), reverse=True) and len(found) == 5
        assert found[0].from_cluster is None and finder.get(found[0].nearest)
        assert len(finder.records("has outlier")) == len(finder)
        best = max(finder.records(), key=lambda r: float(str(r.extra["outlier"])))
        assert best.id == found[0].record.id
        finder.cluster(3)
        away = finder.outliers(5)
        assert all(o.from_cluster is not None and o.from_cluster > 0 for o in away)
        store, kept = finder._collection.index.store, {r.id: r.extra["outlier"] for r in finder.records()}
        writes, some = store.writes, next(iter(kept))
        finder.outliers(5)
        assert store.writes == writes  # all say so already
        store.merge_payload([some], {"outlier": 1234.5})
        finder.outliers(5)
        assert {r.id: r.extra["outlier"] for r in finder.records()} == kept


def test_an_edited_picture_loses_what_was_found_of_the_former_one(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for path in sorted(SAMPLES.rglob("*.jpg"))[:6]:
        shutil.copy(path, tmp_path / "photos" / path.name)
    edited, other = sorted((tmp_path / "photos").iterdir())[:2]
    shutil.copy(edited, tmp_path / "original.jpg")
    with Image.open(edited) as image:
        image.filter(ImageFilter.GaussianBlur(12)).save(edited)
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "photos")
        before = set(finder.get(edited).extra)
        finder.quality()
        finder.outliers()
        found = set(finder.get(edited).extra) - before
        assert finder.get(edited).extra["issues"] == ["blurry"] and {"outlier", "blur", "contrast"} < found
        shutil.copy(tmp_path / "original.jpg", edited)
        os.utime(other)  # touched, not changed
        assert finder.add().updated == 1
        assert not found & set(finder.get(edited).extra)
        assert found - {"issues"} <= set(finder.get(other).extra), "it has no issues"


def test_another_file_in_the_place_of_an_image_is_not_judged_as_it(tmp_path: Path) -> None:
    for n, path in enumerate(sorted(SAMPLES.rglob("*.jpg"))[:3]):
        shutil.copy(path, tmp_path / f"{n}.jpg")
    with ImageFinder.open(tmp_path / "index") as finder:
        finder.add(tmp_path, exclude=["index"])
        shutil.copy(tmp_path / "2.jpg", tmp_path / "1.jpg")
        report = finder.quality()
        assert report.measured == 2 and [s.uri for s in report.skipped] == [str(tmp_path / "1.jpg")]
        assert "changed since it was indexed" in report.skipped[0].reason
        assert sorted(Path(r.uri).name for r in finder.records("has blur")) == ["0.jpg", "2.jpg"]


def test_two_images_have_no_outliers(tmp_path: Path) -> None:
    for path in sorted(SAMPLES.rglob("*.jpg"))[:2]:
        shutil.copy(path, tmp_path / path.name)
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path, include=["*.jpg"])
        with pytest.raises(InvalidInputError, match="3 images"):
            finder.outliers()


def test_on_the_command_line(home: Path) -> None:
    where = ("--index", home / "index")
    found = json.loads(run_cli("outliers", "-k", 3, "--json", "--sheet", home / "o.png", *where).stdout)["outliers"]
    assert len(found) == 3 and {"score", "uri", "nearest"} <= set(found[0]) and (home / "o.png").stat().st_size
    assert run_cli("outliers", "-k", 3, *where).stdout.count("\n") == 3
    shown = run_cli("quality", "--issue", "blurry", *where)
    assert "blurred.jpg" in shown.stdout and "night.jpg" not in shown.stdout
    assert json.loads(run_cli("quality", "--json", *where).stdout)["issues"]["dark"] == 1

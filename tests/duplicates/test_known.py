"""What a search for duplicates keeps for the next one: verdicts and hashes, by content."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from imagefinder.duplicates import judging, known
from imagefinder.duplicates.find import Options
from imagefinder.duplicates.grouping import Edge
from imagefinder.duplicates.known import Known, keep_known, load_known, rules
from imagefinder.duplicates.matching.shown import Shown
from imagefinder.duplicates.matching.sketch import may_be_copies, sketch_of
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.report import DuplicateReport
from imagefinder.errors import StorageError
from imagefinder.finder import ImageFinder
from imagefinder.types import Progress

ANIMALS = Path(__file__).resolve().parents[2] / "examples" / "images" / "animals"
A, B, C = ("0a" * 16, "0b" * 16, "0c" * 16)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Six photos, and of the first a mirrored copy."""
    folder = tmp_path / "album"
    folder.mkdir()
    for i, photo in enumerate(sorted(ANIMALS.glob("*.jpg"))[:6]):
        shutil.copy(photo, folder / f"{i}.jpg")
    with Image.open(folder / "0.jpg") as image:
        ImageOps.mirror(image.convert("RGB")).save(folder / "mirrored.jpg", quality=80)
    return folder


@pytest.fixture
def finder(album: Path, tmp_path: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(album)
        yield finder


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files read by searches, by name."""
    from imagefinder.images.loader import Loader

    names: list[str] = []
    real = Loader.read

    def noting(self: Loader, ref: Any) -> Any:
        names.append(Path(ref.uri).name)
        return real(self, ref)

    monkeypatch.setattr(Loader, "read", noting)
    return names


def found(report: DuplicateReport) -> dict[str, Any]:
    """All of a report but the counts and the time."""
    return {k: v for k, v in report.to_dict().items() if k not in ("seconds", "compared", "kept")}


def home(finder: ImageFinder) -> Any:
    return finder._collection.index.documents


def test_the_second_search_compares_nothing_and_finds_the_same(finder: ImageFinder, read: list[str]) -> None:
    first = finder.duplicates()
    assert (len(first.groups), first.kept) == (1, 0)
    assert first.compared > 0
    read.clear()
    second = finder.duplicates()
    assert (second.compared, second.kept, read) == (0, first.compared, [])
    assert found(second) == found(first)


def test_a_new_picture_is_compared_and_no_other_pair(finder: ImageFinder, album: Path) -> None:
    finder.duplicates()
    before = set(known.load_known(home(finder)).strangers) | set(known.load_known(home(finder)).verdicts)
    with Image.open(album / "3.jpg") as image:
        image.convert("RGB").save(album / "new.png")
    finder.add(album)
    report = finder.duplicates()
    new = finder.get(album / "new.png").content_hash
    after = load_known(home(finder))
    pairs = {*after.strangers, *after.verdicts}
    assert report.compared == len([p for p in pairs if new in p]) > 0
    assert {p for p in pairs if new not in p} <= before
    assert {frozenset(Path(r.uri).name for r in (g.keep, g.members[0].record)) for g in report.groups} == {
        frozenset({"0.jpg", "mirrored.jpg"}),
        frozenset({"3.jpg", "new.png"}),
    }


def test_pictures_that_left_or_changed_leave_nothing(finder: ImageFinder, album: Path) -> None:
    finder.duplicates()
    gone = {finder.get(album / name).content_hash for name in ("mirrored.jpg", "5.jpg")}
    (album / "mirrored.jpg").unlink()
    shutil.copy(sorted(ANIMALS.glob("*.jpg"))[7], album / "5.jpg")
    finder.add(album)
    assert finder.duplicates().groups == ()
    left = load_known(home(finder))
    assert not gone & {*left.hashes, *(c for pair in (*left.verdicts, *left.strangers) for c in pair)}
    assert len(left.hashes) == 6


def test_a_file_that_changed_since_it_was_indexed_is_not_taken_for_what_it_was(
    finder: ImageFinder, album: Path, read: list[str]
) -> None:
    first = finder.duplicates()
    for path in album.iterdir():
        os.utime(path, ns=(1, 1))  # touched, not changed: what is known of is read, not compared
    read.clear()
    again = finder.duplicates()
    assert again.compared == 0
    assert {"0.jpg", "mirrored.jpg"} <= set(read)
    assert found(again) == found(first)
    (album / "mirrored.jpg").write_bytes((album / "1.jpg").read_bytes())
    changed = finder.duplicates()
    assert (changed.groups, [s.code for s in changed.skipped]) == ((), ["changed"])


def test_a_closer_look_is_not_skipped_for_what_only_a_first_look_is_known_of(finder: ImageFinder) -> None:
    first = finder.duplicates()
    known_pairs = load_known(home(finder))
    assert known_pairs.strangers
    looser = finder.duplicates(Options(tier=Tier.SAME_SCENE))
    assert (looser.compared, looser.kept) == (len(known_pairs.strangers), len(known_pairs.verdicts))
    again = finder.duplicates()
    assert (again.compared, found(again)) == (0, found(first))
    assert finder.duplicates(Options(tier=Tier.SAME_SCENE)).compared == 0
    finder.duplicates(Options(tier=Tier.IDENTICAL_BYTES))
    assert finder.duplicates().compared == 0


class Cancelled(Exception):  # noqa: N818  what a job raises to end
    pass


@pytest.mark.files
def test_what_was_compared_before_a_cancel_is_kept(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = finder.duplicates()
    for run in (home(finder) / "runs" / known.KIND).iterdir():
        shutil.rmtree(run)
    judged = 0
    real = judging.Judge.are_strangers

    def one(self: judging.Judge, a: int, b: int) -> bool:
        nonlocal judged
        judged += 1
        if judged > 1:
            raise Cancelled
        return real(self, a, b)

    with monkeypatch.context() as patched:
        patched.setattr(judging.Judge, "are_strangers", one)
        with pytest.raises(Cancelled):
            finder.duplicates(Options(workers=1))
    stages: list[Progress] = []
    rest = finder.duplicates(progress=stages.append)
    assert (rest.kept, rest.compared) == (1, whole.compared - 1)
    assert found(rest) == found(whole)
    assert "reading pictures" not in {p.stage for p in stages}


@pytest.mark.files
@pytest.mark.parametrize("damage", ["cut", "empty", "no archive", "no facts", "other rules", "wild numbers"])
def test_what_is_damaged_or_of_another_version_is_ignored(finder: ImageFinder, damage: str) -> None:
    first = finder.duplicates()
    (run,) = (home(finder) / "runs" / known.KIND).iterdir()
    arrays, facts = run / "arrays.npz", run / "run.json"
    if damage == "cut":
        arrays.write_bytes(arrays.read_bytes()[:-100])
    elif damage == "empty":
        arrays.write_bytes(b"")
    elif damage == "no archive":
        arrays.unlink()
    elif damage == "no facts":
        facts.write_text("{")
    elif damage == "other rules":
        facts.write_text(facts.read_text().replace(rules(), "f" * 32))
    else:
        with np.load(arrays) as there:
            held = dict(there)
        np.savez(arrays, **{**held, "strangers": held["strangers"] + 1000})
    again = finder.duplicates()
    assert (again.compared, again.kept) == (first.compared, 0)
    assert found(again) == found(first)
    assert finder.duplicates().compared == 0


def test_a_full_disk_is_said_and_ends_nothing(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise StorageError("There is no room.")

    with monkeypatch.context() as patched:
        patched.setattr(known, "save_run", full)
        patched.setattr("imagefinder.duplicates.last_run.save_run", full)
        report = finder.duplicates()
    assert (len(report.groups), report.unkept) == (1, "There is no room.")
    assert finder.duplicates().compared == report.compared


def test_other_thresholds_are_other_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    before = rules()
    monkeypatch.setattr("imagefinder.duplicates.matching.changes.MARGIN", 12.5)
    assert rules() != before


def test_what_is_kept_comes_back_to_the_bit(tmp_path: Path) -> None:
    shown, onto = Shown((1.0, 1 / 3), 1.7), (-0.5, 0.0, 0.0, 0.4, 0.75, 0.1)
    edge = Edge(Tier.SAME_PICTURE, "resized; 97% “agrees”", 0.1 + 0.2, ("resized",), (1.0, 0.7), shown, onto)
    scene = Edge(Tier.SAME_SCENE, "the same scene", 0.0)
    hashes = {A: np.where(np.arange(63) % 3, 1, -1).astype(np.int8)}
    keep_known(tmp_path, Known(hashes, {(A, B): edge, (C, A): scene, (B, C): None}, {(A, "not a hash")}))
    back = load_known(tmp_path)
    assert back.verdicts == {(A, B): edge, (C, A): scene, (B, C): None}
    assert back.strangers == set()
    np.testing.assert_array_equal(back.hashes[A], hashes[A])
    assert back.verdict((A, B)) == edge
    turned = back.verdict((B, A))
    assert turned is not None
    assert (turned.content, turned.shown) == ((0.7, 1.0), Shown((1 / 3, 1.0), 1 / 1.7))
    assert turned.onto == pytest.approx((-2.0, 0.0, 0.0, 2.5, 1.5, -0.25))


def test_a_pair_takes_few_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    contents = [row.tobytes().hex() for row in rng.integers(0, 256, (2000, 16), np.uint8)]
    pairs = {(contents[a], contents[b]) for a, b in rng.integers(0, 2000, (10_000, 2)).tolist() if a != b}
    keep_known(tmp_path, Known({}, dict.fromkeys(pairs)))
    (run,) = (tmp_path / "runs" / known.KIND).iterdir()
    assert (run / "arrays.npz").stat().st_size <= 8 * len(pairs) + 16 * len(contents) + 2000


@pytest.mark.parametrize("turn", [None, *Image.Transpose])
def test_the_first_look_knows_copies_from_strangers(turn: Image.Transpose | None) -> None:
    photos = [Image.open(path).convert("RGB") for path in sorted(ANIMALS.glob("*.jpg"))[:8]]
    sketches = [sketch_of(photo) for photo in photos]
    for i, photo in enumerate(photos):
        part = photo.crop((0, 0, photo.width * 4 // 5, photo.height * 4 // 5)).reduce(2)
        copy = sketch_of(part if turn is None else part.transpose(turn))
        assert may_be_copies(sketches[i], copy)
    strangers = [may_be_copies(a, b) for i, a in enumerate(sketches) for b in sketches[:i]]
    assert sum(strangers) <= len(strangers) // 4

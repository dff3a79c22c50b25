"""Finding duplicates from end to end: groups, plans, the trash and its undoing, decisions, the command."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from command import run_cli
from PIL import Image, ImageOps

from imagefinder.duplicates import decisions, moving, taking_back, trash
from imagefinder.duplicates.candidates import candidates, near_in_order
from imagefinder.duplicates.decisions import Decision, Decisions
from imagefinder.duplicates.find import Options
from imagefinder.duplicates.grouping import GROUPED, Edge, Grouping, by_content
from imagefinder.duplicates.journal import journals
from imagefinder.duplicates.matching.best_copy import DEFAULT_RULES, Copy
from imagefinder.duplicates.matching.hashes import perceptual_hash
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.pictures import Pictures
from imagefinder.duplicates.plan import Plan, PlannedFile, PlannedGroup, make_plan
from imagefinder.duplicates.report import DuplicateReport, Group
from imagefinder.errors import IndexDamagedError, InvalidInputError, NotFoundError, StorageError
from imagefinder.finder import ImageFinder
from imagefinder.index.folder import Index
from imagefinder.types import Limits, Record

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Five photos and, of the first three, a twin, a lossless copy and a mirrored crop in a folder ``more``."""
    folder = tmp_path / "album"
    (folder / "more").mkdir(parents=True)
    for i, name in enumerate(("bear", "bison", "badger", "camel", "cow")):
        shutil.copy(SAMPLES / "animals" / f"{name}.jpg", folder / f"{i}.jpg")
    shutil.copy2(folder / "0.jpg", folder / "more" / "0 (1).jpg")
    with Image.open(folder / "1.jpg") as image:
        image.convert("RGB").save(folder / "more" / "1.png")
    with Image.open(folder / "2.jpg") as image:
        rgb = ImageOps.mirror(image.convert("RGB"))
        rgb.crop((0, 0, rgb.width * 9 // 10, rgb.height)).save(folder / "more" / "2.jpg", quality=60)
    return folder


@pytest.fixture
def finder(album: Path, tmp_path: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(album)
        yield finder


@pytest.fixture
def index(finder: ImageFinder) -> Index:
    return finder._collection.index


def by_name(report: DuplicateReport) -> dict[str, Group]:
    return {Path(g.keep.uri).name: g for g in report.groups}


def names(report: DuplicateReport) -> set[frozenset[str]]:
    return {frozenset(Path(r.uri).name for r in (g.keep, *(m.record for m in g.members))) for g in report.groups}


def test_each_kind_of_copy_is_found_with_its_evidence(finder: ImageFinder, album: Path) -> None:
    stages: set[str] = set()
    report = finder.duplicates(progress=lambda now: stages.add(now.stage))
    groups = by_name(report)
    assert set(groups) == {"0.jpg", "1.png", "2.jpg"}
    assert [g.tier for g in report.groups] == [Tier.IDENTICAL_BYTES, Tier.IDENTICAL_PIXELS, Tier.SAME_PICTURE]
    assert "named like a copy" in groups["0.jpg"].reason
    assert "better format: PNG against JPEG" in groups["1.png"].reason
    assert re.fullmatch(r"shows 1[0-2]% more of the scene", groups["2.jpg"].reason)
    (crop,) = groups["2.jpg"].members
    assert crop.edits[0] == "mirrored"
    assert crop.edits[1] in ("cropped to 90%", "cropped to 89%", "cropped to 91%")
    looked = {"reading vectors", "reading pictures", "comparing images", "finding candidates"}
    assert stages == {*looked, "comparing", "making groups"}
    assert (report.images, report.skipped) == (8, ())


def test_a_stricter_tier_leaves_the_looser_ones_out(finder: ImageFinder) -> None:
    report = finder.duplicates(Options(tier=Tier.IDENTICAL_BYTES))
    assert names(report) == {frozenset({"0.jpg", "0 (1).jpg"})}
    assert report.compared == 0


def grouped(edges: dict[tuple[int, int], Edge], decisions: Decisions | None = None) -> list[Group]:
    """Groups of five images of falling size, each of a content of its own."""
    records = [Record(f"{i}", f"/{i}.jpg", content_hash=f"{i:032d}", width=9 - i, height=9) for i in range(5)]
    contents = by_content([Copy(r) for r in records], DEFAULT_RULES)
    grouping = Grouping(contents, edges, decisions or Decisions(), DEFAULT_RULES)
    return [g for tier in GROUPED for g in grouping.groups(tier)]


def test_similar_is_never_called_a_duplicate_and_never_planned() -> None:
    copy, scene = Edge(Tier.SAME_PICTURE, "resized", 1.0), Edge(Tier.SAME_SCENE, "points", 0.9)
    groups = grouped({(0, 1): copy, (0, 2): scene, (1, 3): scene, (0, 4): Edge(Tier.SIMILAR, "vectors", 0.9)})
    assert [(g.tier, g.keep.id, [m.record.id for m in g.members]) for g in groups] == [
        (Tier.SAME_PICTURE, "0", ["1"]),
        (Tier.SAME_SCENE, "0", ["2"]),  # 3 is known through 1 only, for which 0 stands
        (Tier.SIMILAR, "0", ["4"]),
    ]
    plan = make_plan(DuplicateReport(tuple(groups), 5, 4, 0, (), 0.0))
    assert [f.path for g in plan.groups for f in g.remove] == ["/1.jpg"]


def test_two_that_were_decided_apart_join_no_third() -> None:
    copy = Edge(Tier.SAME_PICTURE, "resized", 1.0)
    apart = Decisions().with_images(Decision.NOT_DUPLICATE, [(f"{i:032d}", "") for i in (1, 2)])
    (group,) = grouped({(0, 1): copy, (0, 2): copy, (1, 2): copy}, apart)
    assert [m.record.id for m in group.members] == ["1"]


def test_a_looser_tier_than_the_candidates_allow_is_refused(finder: ImageFinder) -> None:
    with pytest.raises(InvalidInputError, match=r"between 0\.4 and 1"):
        finder.duplicates(Options(similar=0.1))


def test_the_next_run_need_not_hash_again(finder: ImageFinder) -> None:
    first = finder.duplicates()
    stages: list[str] = []
    again = finder.duplicates(progress=lambda now: stages.append(now.stage))
    assert "reading pictures" not in stages
    assert names(again) == names(first)
    finder.duplicates(Options(tier=Tier.IDENTICAL_BYTES))  # reads no picture, and forgets no hash
    finder.duplicates(progress=lambda now: stages.append(now.stage))
    assert "reading pictures" not in stages


def test_a_reference_folder_is_kept_and_never_planned(finder: ImageFinder, album: Path) -> None:
    report = finder.duplicates(Options(references=[str(album / "more")]))
    assert {g.keep.uri for g in report.groups} == {str(p) for p in (album / "more").iterdir()}
    assert all("reference folder" in g.reason for g in report.groups)
    everything = finder.duplicates(Options(references=[str(album)]))
    assert len(everything.groups) == 3
    assert make_plan(everything).files == 0
    with pytest.raises(NotFoundError, match="no folder"):
        finder.duplicates(Options(references=[str(album / "none")]))


def test_a_preferred_folder_and_the_order_of_rules_decide(finder: ImageFinder, album: Path) -> None:
    preferred = finder.duplicates(Options(prefer=[str(album / "more")]))
    kept = {Path(g.keep.uri).relative_to(album).as_posix() for g in preferred.groups}
    assert kept == {"more/0 (1).jpg", "more/1.png", "2.jpg"}  # of a crop and the whole the whole, whatever is preferred
    smallest_first = finder.duplicates(Options(rules=["path"]))
    assert {Path(g.keep.uri).parent.name for g in smallest_first.groups} == {"album"}


@pytest.mark.parametrize("decision", Decision)
def test_a_decision_outlives_a_rescan_and_a_move(
    finder: ImageFinder, index: Index, album: Path, decision: Decision
) -> None:
    pairs = [("2.jpg", "more/2.jpg"), ("0.jpg", "more/0 (1).jpg")]
    known = Decisions()
    for pair in pairs:
        known = known.with_images(decision, [(r.content_hash, r.uri) for r in (finder.get(album / p) for p in pair)])
    decisions.change_decisions(index, lambda _: known)
    report = finder.duplicates()
    assert names(report) == {frozenset({"1.jpg", "1.png"})}
    assert report.decided == 2
    (album / "more").rename(album / "elsewhere")
    (album / "2.jpg").rename(album / "another name.jpg")
    finder.add(album)
    finder.add(album, force=True)
    assert names(finder.duplicates()) == {frozenset({"1.jpg", "1.png"})}


def test_what_can_not_be_read_is_listed_and_the_rest_is_found(finder: ImageFinder, album: Path) -> None:
    (album / "3.jpg").unlink()
    (album / "4.jpg").write_bytes(b"no longer a picture")
    report = finder.duplicates()
    assert {Path(s.uri).name: s.code for s in report.skipped} == {"3.jpg": "not-found", "4.jpg": "changed"}
    assert len(report.groups) == 3


def test_one_image_has_no_duplicates(tmp_path: Path, album: Path) -> None:
    with ImageFinder.open(tmp_path / "one", model="fast") as finder:
        with pytest.raises(NotFoundError):
            finder.duplicates()
        finder.add(album / "0.jpg")
        assert finder.duplicates().groups == ()


def test_many_identical_files_are_one_group(tmp_path: Path, album: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(30):
        shutil.copy(album / "0.jpg", folder / f"{i}.jpg")
    with ImageFinder.open(tmp_path / "idx", model="fast") as finder:
        finder.add(folder)
        (group,) = finder.duplicates().groups
    assert len(group.members) == 29


def test_candidates_are_near_by_vector_or_by_hash_in_any_orientation(make_image: Callable[..., Image.Image]) -> None:
    rng = np.random.default_rng(0)
    images = [make_image(seed, (90, 60)) for seed in range(40)]
    images += [images[3].transpose(way) for way in Image.Transpose]
    vectors = rng.normal(size=(len(images), 256)).astype(np.float32)  # far from each other, but for two
    vectors[1] = vectors[0] + 0.1 * vectors[1]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    hashes = np.stack([perceptual_hash(i) for i in images])
    hashes[5:8] = 0  # could not be read
    pairs, cosines = candidates(vectors, hashes)
    found = {(int(a), int(b)) for a, b in pairs}
    assert (0, 1) in found
    assert {p for p in found if p[0] == 3} == {(3, i) for i in range(40, 47)}
    assert not found & {(a, b) for a in range(5, 8) for b in range(5, 8)}
    np.testing.assert_allclose(cosines, [vectors[a] @ vectors[b] for a, b in pairs], atol=1e-6)
    order = near_in_order(pairs, len(images))
    assert sorted(order) == list(range(len(pairs)))


def test_the_cache_of_features_stays_small_and_changes_no_answer(
    finder: ImageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = list(finder.records())
    wide = Pictures(records, Limits())
    monkeypatch.setattr("imagefinder.duplicates.pictures.CACHE_BYTES", 100_000)
    narrow = Pictures(records, Limits())
    for number in [*range(len(records)), *range(len(records))]:
        first, second = wide.features(number), narrow.features(number)
        assert first is not None
        assert second is not None
        np.testing.assert_array_equal(first.grey, second.grey)
        np.testing.assert_array_equal(first.descriptors, second.descriptors)
        assert 0 < narrow._cache.held <= 100_000


# --- plans and the trash ------------------------------------------------------------------------------------------


@pytest.fixture
def plan(finder: ImageFinder, tmp_path: Path) -> Plan:
    make_plan(finder.duplicates()).save(tmp_path / "plan.json")
    return Plan.load(tmp_path / "plan.json")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_plan_is_applied_and_undone(plan: Plan, finder: ImageFinder, index: Index, album: Path) -> None:
    before = contents(album)
    assert (len(before), plan.files) == (8, 3)
    moved = trash.apply_plan(index, plan)
    assert set(contents(album)) == {"0.jpg", "2.jpg", "3.jpg", "4.jpg", "more/1.png"}
    assert (len(moved.files), moved.left, len(finder)) == (3, (), 5)
    assert journals(index.path) == [moved.journal]
    back = taking_back.undo(index, anywhere=True)
    assert contents(album) == before
    assert (len(back.files), journals(index.path)) == (3, [])
    assert finder.add(album).added == 3
    with pytest.raises(NotFoundError, match="nothing to undo"):
        taking_back.undo(index, anywhere=True)


def test_a_changed_file_and_one_whose_keeper_changed_stay(plan: Plan, index: Index, album: Path) -> None:
    (album / "more" / "0 (1).jpg").write_bytes((album / "3.jpg").read_bytes())
    (album / "more" / "1.png").unlink()
    moved = trash.apply_plan(index, plan)
    assert {Path(s.uri).name: s.code for s in moved.left} == {"0 (1).jpg": "changed", "1.jpg": "nothing-kept"}
    assert [Path(a).name for a, _ in moved.files] == ["2.jpg"]


def test_a_reference_folder_is_not_touched_whatever_the_plan_says(plan: Plan, index: Index, album: Path) -> None:
    before = contents(album)
    moved = trash.apply_plan(index, plan, references=[str(album)])
    assert (moved.files, {s.code for s in moved.left}) == ((), {"reference"})
    moved = trash.apply_plan(index, Plan(plan.groups, (str(album),)))
    assert contents(album) == before
    assert not moved.files


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_two_names_of_one_file_are_not_two_files(plan: Plan, index: Index, album: Path) -> None:
    twin = album / "more" / "0 (1).jpg"
    twin.unlink()
    twin.symlink_to(album / "0.jpg")
    moved = trash.apply_plan(index, plan)
    assert [(Path(s.uri).name, s.code) for s in moved.left] == [("0 (1).jpg", "same-file")]
    assert (album / "0.jpg").exists()


def test_a_crash_between_the_journal_and_the_move_can_be_undone(
    plan: Plan, index: Index, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(album)
    real, moves = moving.move, 0

    def move(source: Path, target: Path) -> None:
        nonlocal moves
        moves += 1
        if moves == 2:
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(trash, "move", move)
        with pytest.raises(KeyboardInterrupt):
            trash.apply_plan(index, plan)
    (journal,) = journals(index.path)
    assert len(journal.read_text().splitlines()) == 2
    with journal.open("a") as file:
        file.write('{"from": "/cut sh')
    assert len(taking_back.undo(index, anywhere=True).files) == 1
    assert contents(album) == before


def two_drives(folder: Path, real: Callable[[Path, Path], int]) -> Callable[[Path, Path], int]:
    """A renaming to which ``folder`` is a drive of its own."""

    def rename(source: Path, target: Path) -> int:
        if source.is_relative_to(folder) != target.is_relative_to(folder):
            return errno.EXDEV
        return real(source, target)

    return rename


def test_another_drive_is_copied_to_and_checked(
    plan: Plan, index: Index, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(album)

    monkeypatch.setattr(moving, "_exclusively", two_drives(album, moving._exclusively))
    moved = trash.apply_plan(index, plan, trash=tmp_path / "far")
    assert all(Path(place).is_relative_to(tmp_path / "far") for _, place in moved.files)
    assert len(contents(album)) == 5
    taking_back.undo(index, anywhere=True)
    assert contents(album) == before


def test_a_failed_move_says_how_to_take_it_back(
    plan: Plan, index: Index, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real = contents(album), moving.move

    def move(source: Path, target: Path) -> None:
        if target.name.startswith("0003"):
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        real(source, target)

    monkeypatch.setattr(trash, "move", move)
    with pytest.raises(StorageError, match=r"No space left on device\. 2 files were moved before") as stopped:
        trash.apply_plan(index, plan)
    (journal,) = journals(index.path)
    assert stopped.value.remedy.endswith(
        f"imagefinder duplicates undo {journal} --index {shlex.quote(str(index.documents))}"
    )
    assert len(contents(album)) == index.store.count() == 6  # the index has followed
    taking_back.undo(index, journal, anywhere=True)
    assert contents(album) == before


@pytest.mark.files
def test_room_is_asked_for_before_the_first_move(
    plan: Plan, index: Index, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(album)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=90_000_000))
    with pytest.raises(StorageError, match=r"90 MB are free.*No file was moved"):
        trash.apply_plan(index, plan)
    assert contents(album) == before
    assert journals(index.path) == []


def test_a_place_taken_since_is_not_written_over(plan: Plan, index: Index, album: Path) -> None:
    trash.apply_plan(index, plan)
    (album / "1.jpg").write_bytes(b"something new")
    back = taking_back.undo(index, anywhere=True)
    assert [(Path(s.uri).name, s.code) for s in back.left] == [("1.jpg", "place-taken")]
    assert (album / "1.jpg").read_bytes() == b"something new"
    (album / "1.jpg").unlink()
    assert [Path(b).name for _, b in taking_back.undo(index, anywhere=True).files] == ["1.jpg"]


def test_the_trash_is_not_indexed(plan: Plan, index: Index, finder: ImageFinder, album: Path) -> None:
    trash.apply_plan(index, plan, trash=album / "trash")
    report = finder.add(album)
    assert (report.total, report.added) == (5, 0)


def test_a_file_with_the_longest_name_is_moved_and_comes_back(album: Path, tmp_path: Path) -> None:
    (album / "more" / "0 (1).jpg").rename(album / "more" / ("日" * 83 + "a.jpg"))
    before = contents(album)
    with ImageFinder.open(tmp_path / "long", model="fast") as finder:
        finder.add(album)
        assert len(trash.apply_plan(finder._collection.index, make_plan(finder.duplicates())).files) == 3
        taking_back.undo(finder._collection.index)
    assert contents(album) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: "no JSON",
        lambda facts: [],
        lambda facts: {**facts, "imagefinder_plan": 99},
        lambda facts: {**facts, "groups": [{"keep": {}}]},
        lambda facts: {
            **facts,
            "groups": [{**facts["groups"][0], "keep": {"path": "relative", "content_hash": "", "bytes": 1}}],
        },
        lambda facts: {**facts, "groups": [{**g, "remove": [g["keep"]]} for g in facts["groups"]]},
    ],
)
def test_a_damaged_plan_is_refused(tmp_path: Path, change: Any) -> None:
    files = [PlannedFile(str(tmp_path / name), "0" * 32, 1) for name in "ab"]
    Plan((PlannedGroup(files[0], (files[1],)),)).save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json").files == 1
    changed = change(json.loads((tmp_path / "plan.json").read_text()))
    (tmp_path / "bad.json").write_text(changed if isinstance(changed, str) else json.dumps(changed))
    with pytest.raises(InvalidInputError):
        Plan.load(tmp_path / "bad.json")


def test_damaged_decisions_are_not_taken_for_none(tmp_path: Path) -> None:
    assert decisions.load_decisions(tmp_path) == Decisions()
    (tmp_path / decisions.FILE).write_text("{")
    with pytest.raises(IndexDamagedError, match=r"decisions\.json"):
        decisions.load_decisions(tmp_path)


# --- the command --------------------------------------------------------------------------------------------------


@pytest.mark.files
def test_the_command_from_finding_to_undoing(album: Path, tmp_path: Path) -> None:
    home, plan, page = tmp_path / "cli-index", tmp_path / "plan.json", tmp_path / "page.html"
    assert run_cli("index", album, "--index", home, "--model", "fast").returncode == 0
    before = contents(album)
    found = run_cli("duplicates", "--index", home, "--plan", plan, "--html", page)
    assert found.returncode == 0, found.stderr
    assert "mirrored, cropped to" in found.stdout
    assert page.read_text("utf-8").count("<img ") == 6
    assert contents(album) == before
    applied = json.loads(run_cli("duplicates", "--apply", plan, "--index", home, "--json").stdout)
    assert (len(applied["moved"]), applied["left"]) == (3, [])
    assert run_cli("duplicates", "--index", home, "--json").returncode == 1
    assert run_cli("duplicates", "--undo", "--index", home).returncode == 0
    assert contents(album) == before
    assert run_cli("index", "--index", home).returncode == 0
    decided = run_cli(
        "duplicates", "decide", "keep-both", album / "0.jpg", album / "more" / "0 (1).jpg", "--index", home
    )
    assert decided.returncode == 0, decided.stderr
    report = json.loads(run_cli("duplicates", "find", "--index", home, "--json").stdout)
    keys = {"images", "indexed", "compared", "kept", "decided", "seconds", "groups", "skipped", "one_file"}
    assert set(report) == keys | {"one_picture"}
    assert (len(report["groups"]), report["decided"]) == (2, 1)
    assert "keep-both" in run_cli("duplicates", "decisions", "--index", home, "--export", tmp_path / "d.json").stdout
    forgotten = run_cli("duplicates", "forget", album / "0.jpg", album / "more" / "0 (1).jpg", "--index", home)
    assert forgotten.returncode == 0
    assert run_cli("duplicates", "decisions", "--index", home).returncode == 1
    taken = run_cli("duplicates", "decisions", "--index", home, "--import", tmp_path / "d.json", "--json")
    assert len(json.loads(taken.stdout)["pairs"]) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--tier", "alike"], 2, "tier"),
        (["apply"], 2, "PLAN"),
        (["decide", "maybe", "a", "b"], 2, "maybe"),
        (["undo"], 3, "no index"),
    ],
)
def test_wrong_use_is_said_plainly(tmp_path: Path, arguments: list[str], code: int, word: str) -> None:
    done = run_cli("duplicates", *arguments, "--index", tmp_path / "none")
    assert done.returncode == code
    assert word in done.stderr


def test_the_command_tells_what_is_held_and_what_is_no_duplicate(tmp_path: Path) -> None:
    folder, home, page = tmp_path / "photos", tmp_path / "an index", tmp_path / "page.html"
    for place, video in (("a", b"one"), ("b/more", b"another")):
        (folder / place).mkdir(parents=True)
        shutil.copy(SAMPLES / "animals" / "bear.jpg", folder / place / "IMG_1.jpg")
        (folder / place / "IMG_1.MOV").write_bytes(video)
    shutil.copy(SAMPLES / "animals" / "cow.jpg", folder)
    os.link(folder / "cow.jpg", folder / "cow by another name.jpg")
    assert run_cli("index", folder, "--index", home, "--model", "fast").returncode == 0
    found = run_cli("duplicates", "--index", home, "--plan", tmp_path / "plan.json", "--html", page)
    held = "In no plan: It is one picture with IMG_1.MOV, of which there is no copy beside the other."
    for text in (found.stdout, page.read_text("utf-8")):
        assert held in text
        assert "one picture with IMG_1.MOV" in text
        assert "No duplicates: names of one file" in text
    assert f"{folder / 'cow.jpg'}  =  {folder / 'cow by another name.jpg'}" in found.stdout
    assert "the duplicates take 0 B; 1 image in no plan, for you to decide." in found.stderr
    assert f"imagefinder duplicates apply {tmp_path / 'plan.json'} --index '{home}'" in found.stderr


@pytest.mark.files
def test_the_command_says_how_many_files_moved_before_an_error(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, plan = tmp_path / "cli-index", tmp_path / "plan.json"
    run_cli("index", album, "--index", home, "--model", "fast")
    run_cli("duplicates", "--index", home, "--plan", plan)
    before = contents(album)
    with monkeypatch.context() as patched:
        patched.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=90_000_000))
        full = run_cli("duplicates", "apply", plan, "--index", home)
    assert (full.returncode, contents(album)) == (3, before)
    assert "No file was moved" in full.stderr
    real = moving.move

    def move(source: Path, target: Path) -> None:
        if target.name.startswith("0003"):
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(trash, "move", move)
        stopped = run_cli("duplicates", "apply", plan, "--index", home)
    assert stopped.returncode == 3
    assert "2 files were moved before" in stopped.stderr
    command = stopped.stderr.partition("Take them back with: imagefinder ")[2].splitlines()[0]
    assert run_cli(*shlex.split(command)).returncode == 0
    assert contents(album) == before

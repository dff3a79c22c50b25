"""Processes that move files to the trash are killed, or work at once: nothing is lost, and all can be taken back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imagefinder.duplicates import journal, taking_back, trash
from imagefinder.duplicates.moving import content_hash
from imagefinder.duplicates.plan import Plan, PlannedFile, PlannedGroup
from imagefinder.index.folder import Index

SETS = 6  # each a picture and its video, there twice

# Kills itself right before the call of a number that changes anything on the disk.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from imagefinder.duplicates import journal, moving, trash
from imagefinder.duplicates.plan import Plan
from imagefinder.index.folder import Index

home, plan, step, far = sys.argv[1], Plan.load(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "far"
calls = 0

def counted(real):
    def call(*arguments, **options):
        global calls
        calls += 1
        if calls == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    return call

real = moving._exclusively
moving._exclusively = counted((lambda a, b: real(a, b) if a.parent == b.parent else 18) if far else real)
os.fsync, os.unlink, shutil.copyfileobj = map(counted, (os.fsync, os.unlink, shutil.copyfileobj))
trash.retire = counted(trash.retire)
with Index(Path(home)) as index:
    trash.apply_plan(index, plan)
"""


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def planned(path: Path, along: tuple[PlannedFile, ...] = ()) -> PlannedFile:
    return PlannedFile(str(path), content_hash(path), path.stat().st_size, along=along)


def a_plan(folder: Path) -> Plan:
    groups = []
    for number in range(SETS):
        pictures = []
        for place in ("kept", "copies"):
            (folder / place).mkdir(parents=True, exist_ok=True)
            picture, video = (folder / place / f"IMG_{number}.{ending}" for ending in ("JPG", "MOV"))
            picture.write_bytes(b"picture %d" % number * 1000)
            video.write_bytes(b"video %d" % number * 3000)
            pictures.append(planned(picture, (planned(video),)))
        groups.append(PlannedGroup(pictures[0], (pictures[1],)))
    return Plan(tuple(groups))


def run(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", *map(str, arguments)])


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal on Windows")
@pytest.mark.parametrize("drive", ["near", "far"])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 7, 10, 15, 22, 31])
def test_what_a_kill_leaves_is_taken_back_or_ended(tmp_path: Path, drive: str, step: int) -> None:
    photos, home = tmp_path / "photos", tmp_path / "index"
    a_plan(photos).save(tmp_path / "plan.json")
    plan, before = Plan.load(tmp_path / "plan.json"), files(photos)
    Index(home, create=True).close()
    assert run(KILLED, home, tmp_path / "plan.json", step, drive).wait() == -signal.SIGKILL
    left = set(files(photos).values()) | set(files(home / "trash").values())
    assert set(before.values()) <= left
    with Index(home) as index:
        while journal.journals(home):
            taking_back.undo(index, anywhere=True)
    assert files(photos) == before
    with Index(home) as index:  # a plan that was begun can be ended too: no picture stays torn apart
        trash.apply_plan(index, plan)
    assert {Path(name).parts[0] for name in files(photos)} == {"kept"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal on Windows")
@pytest.mark.parametrize("step", [3, 6, 9, 13])
def test_a_plan_is_ended_after_a_kill_without_taking_it_back(tmp_path: Path, step: int) -> None:
    photos, home = tmp_path / "photos", tmp_path / "index"
    a_plan(photos).save(tmp_path / "plan.json")
    before = files(photos)
    Index(home, create=True).close()
    assert run(KILLED, home, tmp_path / "plan.json", step, "near").wait() == -signal.SIGKILL
    with Index(home) as index:
        moved = trash.apply_plan(index, Plan.load(tmp_path / "plan.json"))
        assert {one.code for one in moved.left} <= {"moved-before"}
        assert {Path(name).parts[0] for name in files(photos)} == {"kept"}
        for _ in journal.journals(home):
            taking_back.undo(index, anywhere=True)
    assert files(photos) == before


AT_ONCE = """
import sys
from pathlib import Path
from imagefinder.duplicates import trash
from imagefinder.duplicates.plan import Plan
from imagefinder.index.folder import Index

home, plan, shared, fifo = sys.argv[1], Plan.load(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
with Index(Path(home)) as index:
    open(fifo).read()  # until all are there
    trash.apply_plan(index, plan, trash=shared)
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes on Windows")
def test_two_processes_fill_one_trash_at_once(tmp_path: Path) -> None:
    shared, processes, gates = tmp_path / "trash", [], []
    for name in "ab":
        a_plan(tmp_path / name / "photos").save(tmp_path / f"{name}.json")
        Index(tmp_path / name / "index", create=True).close()
        os.mkfifo(tmp_path / f"{name}.gate")
        given = (tmp_path / name / "index", tmp_path / f"{name}.json", shared, tmp_path / f"{name}.gate")
        processes.append(run(AT_ONCE, *given))
    before = {name: files(tmp_path / name / "photos") for name in "ab"}
    gates = [(tmp_path / f"{name}.gate").open("wb") for name in "ab"]  # waits for each to read
    for gate in gates:
        gate.close()
    assert [process.wait() for process in processes] == [0, 0]
    assert len([p for p in shared.rglob("*") if p.suffix in (".JPG", ".MOV")]) == 4 * SETS
    for name in "ab":
        with Index(tmp_path / name / "index") as index:
            assert len(taking_back.undo(index, anywhere=True).files) == 2 * SETS
        assert files(tmp_path / name / "photos") == before[name]

"""Nothing is lost: kills at random moments, a full disk, two processes at once."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagefinder.errors import IndexLockedError, StorageError
from imagefinder.finder import ImageFinder
from tests.support.edited import edit_json

CHILD = """
import sys
from imagefinder.finder import ImageFinder
print("started", flush=True)
with ImageFinder.open(sys.argv[1], model="fast") as finder:
    finder.add(sys.argv[2], progress=lambda p: print(p.stored, flush=True))
print("finished", flush=True)
"""

HOLDER = """
import sys, time
from imagefinder.finder import ImageFinder
finder = ImageFinder.open(sys.argv[1])
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 pictures, each content twice in every tenth."""
    folder = tmp_path_factory.mktemp("many")
    for i in range(300):
        noise = np.random.default_rng(i - (i % 10 == 9)).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"{i:03d}.png")
    return folder


@pytest.fixture(scope="module")
def whole(many: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], np.ndarray]:
    """What an uninterrupted run gives: content by URI, and vectors."""
    index = tmp_path_factory.mktemp("whole") / "index"
    subprocess.run([sys.executable, "-c", CHILD, str(index), str(many)], check=True, stdout=subprocess.DEVNULL)
    return contents(index)


def contents(index: Path) -> tuple[dict[str, str], np.ndarray]:
    with ImageFinder.open(index) as finder:
        return {r.uri: r.content_hash for r in finder.records()}, finder.vectors()[1]


def run_and_kill(index: Path, folder: Path, stored: int, after_s: float) -> int:
    """Index in a process that is killed some seconds after it has said that so many images are stored; how many it had
    said were, by then."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(index), str(folder)], stdout=subprocess.PIPE, text=True)
    said = 0
    with child:
        assert child.stdout is not None
        for line in child.stdout:
            said = int(line) if line.strip().isdigit() else said
            if said >= stored:
                break
        time.sleep(after_s)
        child.send_signal(signal.SIGKILL)
        return max([said, *(int(line) for line in child.stdout if line.strip().isdigit())])


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX thing")
def test_a_kill_at_any_moment_loses_nothing(
    many: Path, whole: tuple[dict[str, str], np.ndarray], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    hashes, vectors = whole
    dice = random.Random(0)
    early = 0
    for n in range(pytestconfig.getoption("--kills")):
        index = tmp_path / f"index{n}"
        reported = run_and_kill(index, many, dice.randrange(0, 300, 10) if n else 0, dice.uniform(0, 0.3))
        early += reported < 300
        with ImageFinder.open(index, model="fast") as finder:
            assert len(finder) >= reported, "an image that was reported as stored is gone"
            finder.add(many)
        found, rows = contents(index)
        assert found == hashes
        np.testing.assert_allclose(rows, vectors, atol=2e-3)
    assert early, "no kill came before the end: the test tested nothing"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 500 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = (
        os.name == "posix"
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=500m", "tmpfs", str(disk)], capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("mounting a small disk needs the right to mount")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=False)


def test_a_full_disk_is_said_and_what_was_stored_stays(
    many: Path, whole: tuple[dict[str, str], np.ndarray], small_disk: Path
) -> None:
    index, filler = small_disk / "index", small_disk / "filler"
    reported: list[int] = []
    with ImageFinder.open(index, model="fast") as finder:
        finder.add(next(many.glob("*.png")))
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    filler.write_bytes(bytes(max(0, free - 200_000)))
    with pytest.raises(StorageError, match="full"), ImageFinder.open(index) as finder:
        finder.add(many, progress=lambda p: reported.append(p.stored))
    filler.unlink()
    with ImageFinder.open(index) as finder:
        assert len(finder) >= max(reported, default=0)
        finder.add(many)
    found, rows = contents(index)
    assert found == whole[0]
    assert rows.shape[0] == 300


def test_a_full_disk_ends_a_rebuild_and_the_index_is_as_it_was(many: Path, small_disk: Path) -> None:
    index, filler = small_disk / "index", small_disk / "filler"
    with ImageFinder.open(index, model="fast") as finder:
        finder.add(many)
    before = contents(index)
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    filler.write_bytes(bytes(max(0, free - 100 * 1024**2)))  # enough to begin, too little to end
    with pytest.raises(StorageError):
        ImageFinder.rebuild(index)
    filler.unlink()
    found, rows = contents(index)
    assert found == before[0]
    np.testing.assert_array_equal(rows, before[1])
    assert not list(index.glob("made-*"))
    assert ImageFinder.rebuild(index).total == 300


def test_a_second_process_is_told_who_holds_the_index(many: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(index)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(IndexLockedError, match=str(holder.pid)):
            ImageFinder.open(index, wait_s=0.1)
        answer = subprocess.run(
            [sys.executable, "-m", "imagefinder", "index", str(many), "--index", str(index), "--json"],
            capture_output=True,
            text=True,
        )
        assert answer.returncode == 3
        assert str(holder.pid) in json.loads(answer.stdout)["error"]["message"]
        assert "Traceback" not in answer.stderr
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    ImageFinder.open(index, wait_s=5).close()


def _damage(path: Path) -> None:
    path.write_bytes(b"not what it was")


def _newer(path: Path) -> None:
    edit_json(path, lambda data: data.update(version=999))


@pytest.mark.parametrize(("harm", "word"), [(_damage, "index.json"), (_newer, "newer"), (Path.unlink, "missing")])
def test_a_damaged_or_newer_index_is_told_with_the_way_out(
    many: Path, tmp_path: Path, harm: Callable[[Path], None], word: str
) -> None:
    index = tmp_path / "index"
    with ImageFinder.open(index, model="fast") as finder:
        finder.add(next(many.glob("*.png")))
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(many.glob("*.png"))[:20]:
        shutil.copy(path, few)
    for name in ("index.json", "index.bak.json"):
        harm(index / name)
    answer = subprocess.run(
        [sys.executable, "-m", "imagefinder", "info", "--index", str(index)], capture_output=True, text=True
    )
    assert answer.returncode == 3
    assert word in answer.stderr
    assert "Traceback" not in answer.stderr
    again = [sys.executable, "-m", "imagefinder", "index", "--rebuild", str(few), "--index", str(index), "--json"]
    rebuilt = subprocess.run(again, capture_output=True, text=True)
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert json.loads(rebuilt.stdout)["total"] == 20

"""A power cut: the process dies, and of what was written last some files have lost their ends. Wherever each is cut,
the index opens, or says what is damaged and how to make it again, and no word that was acknowledged is lost. ``--kills
30`` cuts each file in 30 places."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.errors import IndexDamagedError
from imagefinder.index.said import FILE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX thing")

CopyIndex = Callable[[Path, Path], Path]
Words = dict[str, tuple[str, ...]]
CHILD = """
import json, os, signal, sys
from imagefinder import ImageFinder

finder = ImageFinder.open(sys.argv[1])
finder.add(sys.argv[2])
for n, record in enumerate(finder.records()):
    finder.tag([record.id], add=[f"late {n}"])
finder.tag([record.id], remove=["early"])
print(json.dumps({r.uri: r.tags for r in finder.records()}), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, copy_index: CopyIndex) -> tuple[Path, Words]:
    """An index in which a process was at work that died, and what it had acknowledged."""
    home = tmp_path_factory.mktemp("cut")
    for n in range(30):
        dice = random.Random(n)
        noise = Image.frombytes("RGB", (6, 6), bytes(dice.randrange(256) for _ in range(108)))
        (home / "ab"[n % 2]).mkdir(exist_ok=True)
        noise.resize((64, 64)).save(home / "ab"[n % 2] / f"{n}.png")
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "a")
        finder.tag([r.id for r in finder.records()], add=["early"])
        finder.cluster(2)
        finder.clusters.rename(0, "mine")
    command = [sys.executable, "-c", CHILD, str(home / "index"), str(home / "b")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    copy_index(home / "index", home / "dead")
    return home, {uri: tuple(tags) for uri, tags in json.loads(done.stdout).items()}


def cuts(size: int, many: int) -> Iterator[int]:
    """Places all over a file, more of them near its end."""
    dice = random.Random(size)
    yield 0
    for n in range(many):
        yield dice.randrange(size) if n % 2 else max(0, size - dice.randrange(1, 400))


@pytest.mark.parametrize("which", ["mutable_id_tracker.mappings", "open-*", FILE])
def test_no_word_that_was_acknowledged_is_lost(
    home: tuple[Path, Words], copy_index: CopyIndex, pytestconfig: pytest.Config, which: str
) -> None:
    place, words = home
    path = max((place / "dead").rglob(which), key=lambda path: len(path.read_bytes().rstrip(b"\0")))
    data = path.read_bytes().rstrip(b"\0")
    opened = 0
    for at in cuts(len(data), pytestconfig.getoption("--kills")):
        shutil.rmtree(place / "index")
        copy_index(place / "dead", place / "index")
        with (place / "index" / path.relative_to(place / "dead")).open("r+b") as file:
            file.truncate(at)
        try:
            with ImageFinder.open(place / "index") as finder:
                finder.add()
                opened += 1
        except IndexDamagedError as error:
            assert "imagefinder index --rebuild" in error.remedy, at
            ImageFinder.rebuild(place / "index")
        with ImageFinder.open(place / "index") as finder:
            assert {r.uri: r.tags for r in finder.records()} == words, at
            assert "mine" in finder.clusters.clustering.names().values(), at
    assert opened or which == "mutable_id_tracker.mappings"


def test_an_index_that_was_left_open_is_whole(home: tuple[Path, Words], copy_index: CopyIndex) -> None:
    place, words = home
    shutil.rmtree(place / "index")
    copy_index(place / "dead", place / "index")
    for _ in range(2):
        with ImageFinder.open(place / "index") as finder:
            assert {r.uri: r.tags for r in finder.records()} == words
            assert not finder.info().notices

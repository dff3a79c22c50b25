"""Kills at random moments, spread over the whole of every kind of run: nothing that was acknowledged is lost, what
people said least of all; the index opens, and the work goes on. ``--kills 30`` kills each 30 times."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.duplicates.moving import content_hash
from imagefinder.errors import NotFoundError
from tests.support import killed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a POSIX thing")

CopyIndex = Callable[[Path, Path], Path]
FEW = 4  # kills, by default: one of each kind of run then
STEPS = {"index": 20, "tag": 90, "cluster": 110, "train": 60, "duplicates": 20, "rebuild": 60}  # at least
Said = list[list[str]]
Words = dict[str, tuple[tuple[str, ...], str | None]]  # tags and caption by URI


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of two folders, with tags and captions, clusters, feedback and decisions."""
    home = tmp_path_factory.mktemp("kills")
    for n in range(60):
        folder = home / ("more" if n >= 20 else "ab"[n % 2])
        folder.mkdir(exist_ok=True)
        dice = random.Random(n)
        noise = Image.frombytes("RGB", (6, 6), bytes(dice.randrange(256) for _ in range(108)))
        noise.resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"{n:03}.png")
    for n in range(4):
        shutil.copy(home / "ab"[n % 2] / f"{n:03}.png", home / "ab"[n % 2] / f"{n:03} copy.png")
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "a", home / "b")
        for n, record in enumerate(finder.records()):
            finder.update(record.id, tags=[f"tag {n}"], caption=f"said of {n}")
        finder.cluster(4)
        finder.clusters.rename(0, "named")
        finder.feedback.add({"text": "x"}, [finder.records()[0].id])
        first, second = finder.records()[:2]
        finder.copies.decide("not-duplicate", first.id, second.id)
    return home


def moved_home(home: Path, target: Path, copy_index: CopyIndex) -> Path:
    """The same files and index in the place that the index knows: sources are paths. One after the other."""
    shutil.rmtree(home / "index", ignore_errors=True)
    for name in ("a", "b"):
        shutil.rmtree(home / name, ignore_errors=True)
        shutil.copytree(target / name, home / name)
    copy_index(target / "index", home / "index")
    return home


@pytest.fixture(scope="module")
def whole(home: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: CopyIndex) -> Path:
    """A copy of all as it was before any kill."""
    kept = tmp_path_factory.mktemp("whole")
    for name in ("a", "b"):
        shutil.copytree(home / name, kept / name)
    copy_index(home / "index", kept / "index")
    return kept


def run(job: str, home: Path, step: int = 0, microseconds: int = 0) -> tuple[int, Said]:
    command = [sys.executable, killed.__file__, job, str(home), str(step), str(microseconds)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def words(finder: ImageFinder) -> Words:
    return {record.uri: (record.tags, record.caption) for record in finder.records()}


def files(home: Path) -> Counter[str]:
    """The contents of all pictures, wherever they are now."""
    places = [home / "a", home / "b", home / "index" / "trash"]
    return Counter(content_hash(path) for place in places for path in place.rglob("*.png"))


def kept_index(finder: ImageFinder, before: Words, said: Said) -> None:
    stored = max((int(n) for what, n in said if what in ("stored",)), default=0)
    assert len(finder) >= len(before) + stored
    finder.add(Path(finder.sources[0]).parent / "more")
    assert len(finder) == len(before) + 40 and words(finder).items() >= before.items()


def kept_tag(finder: ImageFinder, before: Words, said: Said) -> None:
    now = words(finder)
    assert now.keys() == before.keys()
    for what, uri, text in (row for row in said if row[0] != "steps"):
        assert text in now[uri][0] if what == "tag" else text == now[uri][1]
    assert all(set(before[uri][0]) <= set(tags) for uri, (tags, _) in now.items())
    finder.tag([next(iter(now))], add=["later"])


def kept_cluster(finder: ImageFinder, before: Words, said: Said) -> None:
    assert words(finder) == before
    fits(finder)
    for what, uri in said:
        if what == "pinned":
            assert finder.get(uri).extra["cluster_pinned"]
    finder.cluster(3)
    fits(finder)
    assert {"named", *(name for what, name in said if what == "renamed")} <= set(names_of_all_versions(finder))
    assert words(finder) == before


def fits(finder: ImageFinder) -> None:
    """The records say what the clustering in force says."""
    labels = Counter(record.extra["cluster"] for record in finder.records())
    assert labels == {one.label: one.size for one in finder.clusters}


def names_of_all_versions(finder: ImageFinder) -> Iterator[str]:
    while True:
        yield from (one.name for one in finder.clusters)
        try:
            finder.clusters.undo()
        except NotFoundError:
            return


def kept_train(finder: ImageFinder, before: Words, said: Said) -> None:
    assert words(finder) == before
    trained = [name for what, name in said if what == "trained"]
    for name in trained:
        assert finder.search("id:" + finder.records()[0].id, spaces=[name], k=3)
    finder.train_classifier(by="folder", hidden=4, held_out=0, name="three")
    assert finder.search("id:" + finder.records()[0].id, spaces=["three"], k=3)


def kept_duplicates(finder: ImageFinder, before: Words, said: Said) -> None:
    finder.add()
    here = words(finder)
    assert here.items() <= before.items()
    assert {finder.get(uri).content_hash for uri in here} == set(files(_home(finder))), "one of each content stays"
    while True:
        try:
            finder.copies.undo()
        except NotFoundError:
            break
    finder.add()
    assert words(finder) == before


def kept_rebuild(finder: ImageFinder, before: Words, said: Said) -> None:
    path = _home(finder) / "index"
    whole_index(finder, before)
    assert len([name for name in ("points", "made-1", "made-2") if (path / name).exists()]) == 1
    finder.close()
    assert ImageFinder.rebuild(path).total == len(before)
    with ImageFinder.open(path) as again:
        whole_index(again, before)


def whole_index(finder: ImageFinder, before: Words) -> None:
    assert words(finder) == before
    assert "named" in [one.name for one in finder.clusters]
    assert len(finder.feedback) == 1 and len(finder.copies.decisions().pairs) == 1
    assert len(finder.search("id:" + finder.records()[0].id, k=30)) == len(before) - 1


def _home(finder: ImageFinder) -> Path:
    return Path(finder.info().path).parent


KEPT = {
    "index": kept_index,
    "tag": kept_tag,
    "cluster": kept_cluster,
    "train": kept_train,
    "duplicates": kept_duplicates,
    "rebuild": kept_rebuild,
}


def moments(steps: int, kills: int, dice: random.Random) -> Iterator[tuple[int, int]]:
    """One in each of so many equal parts of the run: its step, and microseconds after it."""
    for n in range(kills):
        yield 1 + int(steps * (n + dice.random()) / kills), dice.choice((0, dice.randrange(1, 20_000)))


@pytest.mark.parametrize("job", STEPS)
def test_a_kill_at_any_moment_loses_nothing_acknowledged(
    job: str, home: Path, whole: Path, copy_index: CopyIndex, pytestconfig: pytest.Config
) -> None:
    kills, steps = pytestconfig.getoption("--kills"), STEPS[job]
    with ImageFinder.open(moved_home(home, whole, copy_index) / "index") as finder:
        before = words(finder)
    pictures = files(home)
    if kills > FEW:
        steps = int(run(job, home)[1][-1][1])
        assert STEPS[job] <= steps, "the few kills of each run would come after the end"
    for step, microseconds in moments(steps, kills if kills > FEW else 1, random.Random(job)):
        moved_home(home, whole, copy_index)
        code, said = run(job, home, step, microseconds)
        assert code or microseconds, "the run has ended before that step"
        assert files(home) == pictures
        with ImageFinder.open(home / "index") as finder:
            try:
                KEPT[job](finder, before, [row for row in said if row[0] != "steps"])
            except (AssertionError, KeyError) as error:
                raise AssertionError(f"{job} killed at step {step} of {steps}, {microseconds} us after") from error
        assert files(home) == pictures

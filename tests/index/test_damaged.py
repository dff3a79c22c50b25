"""Each file of an index in turn cut to half, to nothing, removed, one bit flipped: the answers stay right, or somebody
says which file is damaged and what to do, and doing that brings back all that people said. ``--damage`` tries every
file in every way, also the engine's; without it each kind of file is tried once."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.duplicates.plan import make_plan
from tests.support import damaged

ALLOWED = {"right", "told", "mended"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, and an index of them with all kinds of files."""
    home = tmp_path_factory.mktemp("damaged")
    for n in range(36):
        folder = home / "pictures" / "ab"[n % 2]
        folder.mkdir(parents=True, exist_ok=True)
        dice = random.Random(n)
        noise = Image.frombytes("RGB", (6, 6), bytes(dice.randrange(256) for _ in range(108)))
        noise.resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"{n:03}.png")
    shutil.copy(home / "pictures" / "a" / "000.png", home / "pictures" / "a" / "000 copy.png")
    for folder in "ab":
        shutil.copytree(home / "pictures" / folder, home / folder)
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "a", home / "b")
        for n, record in enumerate(finder.records()):
            finder.update(record.id, tags=[f"tag {n}"], caption=f"said of {n}", name=f"name {n}")
        finder.cluster(3)
        finder.clusters.rename(0, "mine")
        finder.clusters.rename(1, "locked")
        finder.clusters.lock("locked")
        finder.clusters.move(finder.records()[0].id, 2)
        finder.feedback.add({"text": "x"}, [finder.records()[0].id])
        first, second = finder.records()[:2]
        finder.copies.decide("not-duplicate", first.id, second.id)
        finder.map("pca")
        finder.train_classifier(by="folder", hidden=4, held_out=0, name="three")
        found = finder.duplicates()
        finder.copies.apply(make_plan(found))
        finder.duplicates()
    for folder in "ab":  # as they are now
        shutil.rmtree(home / "pictures" / folder)
        shutil.copytree(home / folder, home / "pictures" / folder)
    shutil.copytree(home / "index", home / "whole", copy_function=damaged.copy_with_holes)
    return home


def cases(whole: Path, every: bool) -> Iterator[tuple[str, str]]:
    seen: Counter[str] = Counter()
    for path in sorted(whole.rglob("*")):
        name = str(path.relative_to(whole))
        if path.is_dir() or path.name.startswith(".") or name.startswith(("jobs", "thumbs")):
            continue
        kind = path.name if "points" in name else name.replace("0001", "0002")
        harms = list(damaged.HARMS)
        for i, harm in enumerate(harms):
            if every or (seen[kind] == 0 and i == len(seen) % 4):
                yield name, harm
        seen[kind] += 1


def answers(home: Path, wanted: list[tuple[str, str]]) -> Iterator[tuple[str, str, str, str]]:
    """The name, the harm, the outcome and what is wrong with it; a process that dies is one too."""
    while wanted:
        text = "".join(json.dumps(one) + "\n" for one in wanted)
        command = [sys.executable, damaged.__file__, str(home)]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        ended = [row[1:] for row in rows if row[0] == "end"]
        for (name, harm), (outcome, why) in zip(wanted, ended, strict=False):
            yield name, harm, outcome, why
        if len(ended) == len(wanted):
            return
        assert len(rows) > 2 * len(ended), done.stderr
        yield *wanted[len(ended)], "died", f"{done.returncode}: {done.stderr[-500:]}"
        wanted = wanted[len(ended) + 1 :]


def test_damage_is_never_silent_and_always_mended(home: Path, pytestconfig: pytest.Config) -> None:
    wanted = list(cases(home / "whole", pytestconfig.getoption("--damage")))
    found = list(answers(home, wanted))
    assert len(found) == len(wanted) > 40
    bad = [one for one in found if one[2] not in ALLOWED]
    assert not bad, "\n\n".join(" ".join(one) for one in bad)

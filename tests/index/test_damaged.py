"""Each file of an index in turn cut to half, to nothing, removed, one bit flipped: the answers stay right, or somebody
says which file is damaged and what to do, and doing that brings back all that people said. ``--damage`` tries every
file in every way, also the engine's; without it each kind of file is tried once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import damaged, rich

ALLOWED = {"right", "told", "mended"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, and an index of them with all kinds of files."""
    home = tmp_path_factory.mktemp("damaged")
    rich.make(home)
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

"""An index that came from somebody else is input: whatever its files say, nothing is written or removed outside it, and
what can't be is refused with a message. ``--damage`` edits every field of every file with every value; without it each
field is edited once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import edited_fields, rich

MISSING = edited_fields.MISSING
VALUES: list[Any] = [
    *(None, True, -1, 2**70, 1e308, "", "x", [], {}, ["../x"], MISSING),
    *("../victim/x", "../../victim/x.json", "/HOME/victim/x", "a\0b", "\ud800", "9" * 5000),
]
LOOKED = 8  # of the fields, one in so many is edited by default, and what there is looked at
USED = 60  # and one in so many, and all is changed too, which takes ten times as long
ARRAYS = ("empty", "text", "huge", "negative", "nan", "flat", MISSING)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("strangers")
    rich.make(home)
    return home


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values are; of a list its first."""
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "sum":
                yield from places(inner, (*at, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*at, 0))


def fields(whole: Path) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Every field of every file of JSON that is ours, and every array."""
    for path in sorted(whole.rglob("*")):
        name = str(path.relative_to(whole))
        if name.startswith(("points", ".lock")) or not path.is_file():
            continue
        if path.suffix == ".json":
            yield from ((name, at) for at in places(json.loads(path.read_text("utf-8"))))
        elif path.suffix == ".jsonl":
            seen: set[str] = set()
            for number, line in enumerate(path.read_text("utf-8").splitlines()):
                row = json.loads(line)
                if str(sorted(row)) not in seen:
                    seen.add(str(sorted(row)))
                    yield from ((name, (number, *at)) for at in places(row))
        elif path.suffix == ".npz":
            with np.load(path) as file:
                yield from ((name, (array,)) for array in file.files)


def cases(home: Path, every: bool) -> Iterator[tuple[str, tuple[Any, ...], Any, bool]]:
    """A file, where in it, the value, and whether the index is changed then, or only looked at. ``every``: each value
    in each field is looked at, and one in each field used."""
    for n, (name, at) in enumerate(fields(home / "whole")):
        values: list[Any] = list(ARRAYS) if name.endswith(".npz") else VALUES
        for i, value in enumerate(values):
            one = i == n % len(values)
            used = one and (every or n % USED == 0)
            if used or every or (one and n % LOOKED == 0):
                yield name, at, value.replace("/HOME", str(home)) if isinstance(value, str) else value, used


@pytest.mark.timeout(10_000)  # with --damage
def test_whatever_a_file_says_nothing_outside_is_touched(home: Path, pytestconfig: pytest.Config) -> None:
    wanted = list(cases(home, pytestconfig.getoption("--damage")))
    bad = [f"{one}: {outcome}" for one, outcome in answers(home, wanted) if outcome not in ("right", "refused")]
    assert len(wanted) > 60 and not bad, "\n\n".join(bad)


def answers(home: Path, wanted: list[Any]) -> Iterator[tuple[Any, str]]:
    """A case that ends the process, or takes a minute, is a bad one."""
    while wanted:
        text = "".join(json.dumps(one) + "\n" for one in wanted)
        command = [sys.executable, edited_fields.__file__, str(home)]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        yield from zip(wanted, found, strict=False)
        if len(found) == len(wanted):
            return
        yield wanted[len(found)], f"ended with {done.returncode}: {done.stderr[-500:]}"
        wanted = wanted[len(found) + 1 :]

"""Edits one field of a file of an index after the other, as a stranger would who sends an index, and uses the index.

    python edited_fields.py HOME < cases

``HOME`` is as in ``damaged.py``. A case is a line of JSON: a file below the index, where in it (keys and places; in a
file of lines the number of the line first), the value, ``MISSING`` to take the field out, and whether the index is then
changed, and not only looked at. The answer is a line of
JSON: "right" or "refused", or what happened that never may.
"""

from __future__ import annotations

import hashlib
import io
import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from damaged import look, put_back

from imagefinder import ImageFinder
from imagefinder.errors import ImageFinderError
from imagefinder.server.hub import Hub
from imagefinder.server.jobs import queue

MISSING = "<missing>"
LONGEST_S = 60  # of computing, however many others compute


def edit(path: Path, where: list[Any], value: Any) -> None:
    if path.suffix == ".npz":
        _edit_arrays(path, where[0], value)
    elif path.suffix == ".jsonl":
        lines = path.read_text("utf-8").splitlines()
        row = json.loads(lines[where[0]])
        lines[where[0]] = json.dumps(_edited(row, where[1:], value))
        path.write_text("\n".join(lines) + "\n", "utf-8")
    else:
        path.write_text(json.dumps(_edited(json.loads(path.read_text("utf-8")), where, value)), "utf-8")


def _edited(row: Any, where: list[Any], value: Any) -> Any:
    row.pop("sum", None)
    inner = row
    for key in where[:-1]:
        inner = inner[key]
    if value == MISSING:
        del inner[where[-1]]
    else:
        inner[where[-1]] = value
    return row


def _edit_arrays(path: Path, name: str, how: str) -> None:
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    array = arrays.pop(name)
    made: dict[str, Callable[[], Any]] = {
        "empty": lambda: array[:0],
        "text": lambda: np.array(["../x"] * len(array)),
        "huge": lambda: np.full(array.shape, 2**62 if array.dtype.kind in "iu" else 1e30),
        "negative": lambda: np.full(array.shape, -5, "i4"),
        "nan": lambda: np.full(array.shape, np.nan, "f4"),
        "flat": lambda: array.reshape(-1)[:3],
    }
    if how in made:
        arrays[name] = made[how]()
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    path.write_bytes(buffer.getvalue())


def use(index: Path) -> list[str]:
    """Read and change what there is; what was refused."""
    refused = list(look(index)[1].values())
    steps: list[Callable[[ImageFinder], object]] = [
        lambda f: f.copies.undo(),
        lambda f: f.add(),
        lambda f: f.clusters.rename(1, "later"),
        lambda f: f.clusters.undo(),
        lambda f: f.cluster(2),
        lambda f: f.map("pca", update=True),
        lambda f: f.map("pca"),
        lambda f: f.update(f.records()[0].id, tags=["later"]),
        lambda f: f.purge(),
        lambda f: f.drop_space("three"),
        lambda f: f.info(),
    ]
    with ImageFinder.open(index, create=False) as finder:
        for step in steps:
            try:
                step(finder)
            except ImageFinderError as error:
                refused.append(str(error))
    queue.KEPT = 1  # an older one goes
    jobs = queue.Jobs(index, Hub())
    jobs.submit("index", {}, lambda job, jobs: {"done": True})
    jobs.close()
    return refused


def outside(home: Path) -> dict[str, str]:
    """Every file beside the index."""
    found = [path for path in home.rglob("*") if not path.is_relative_to(home / "index")]
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in found
        if not path.is_relative_to(home / "whole")
    }


def case(home: Path, name: str, where: list[Any], value: Any, used: bool) -> str:
    index = put_back(home)
    before = outside(home)
    edit(index / name, where, value)
    try:
        refused = use(index) if used else list(look(index)[1].values())
    except ImageFinderError as error:
        refused = [str(error)]
    after = {path: digest for path, digest in outside(home).items() if path != "a/000 copy.png"}
    if before != after:
        return f"changed outside: {sorted(before.items() ^ after.items())}"
    return "refused" if refused else "right"


def main(home: Path) -> None:
    (home / "victim").mkdir(exist_ok=True)
    (home / "victim" / "0001-x").write_text("mine")
    (home / "victim" / "x.json").write_text("{}")
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, LONGEST_S)
        try:
            outcome = case(home, *json.loads(line))
        except Exception as error:
            import traceback

            outcome = f"unexpected: {''.join(traceback.format_exception(error)[-4:])}"
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

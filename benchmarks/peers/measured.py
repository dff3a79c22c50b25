"""Whole processes, measured: wall time, processor time and peak memory of a program and of all that it starts."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import RESULTS, save

PROGRAMS = Path(__file__).parent / "programs"
RESULT = "RESULT "  # what the line with a program's own figures begins with
# A process of its own, as small as can be: the peak memory of a new process begins at that of the one that starts it.
WATCH = """
import os, sys, time
started = time.perf_counter()
pid = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, used = os.wait4(pid, 0)
wall, cpu, peak = time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
print(f'RESULT {{"wall_s": {wall:.2f}, "cpu_s": {cpu:.2f}, "peak_mb": {peak:.0f}}}')
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run(python: Path | str, program: str, *arguments: object, **environment: str) -> dict[str, Any]:
    """Run one of ``programs``: what it says of itself, and the seconds, processor seconds and peak memory of its whole
    process, with what it starts and waits for. ``load`` is the machine's before it: near the number of cores and above,
    the figure was taken on a machine that was at work on something else."""
    load = round(os.getloadavg()[0], 1)
    command = [sys.executable, "-S", "-c", WATCH, str(python), str(PROGRAMS / program), *map(str, arguments)]
    told = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # as users have it
    done = subprocess.run(command, capture_output=True, text=True, env={**told, **environment})
    said = [line for line in done.stdout.splitlines() if line.startswith(RESULT)]
    if done.returncode or len(said) < 2:
        raise RuntimeError(f"{program} {arguments} failed ({done.returncode}):\n{done.stderr[-3000:]}")
    figures, used = (json.loads(line.removeprefix(RESULT)) for line in said[-2:])
    return {**figures, **used, "load": load}


def interleaved(
    name: str, facts: Mapping[str, Any], ways: Mapping[str, Callable[[], dict[str, Any]]], rounds: int
) -> None:
    """Measure each way in turn, ``rounds`` times, and keep it in ``results/peers/NAME.json``: medians of its numbers,
    and every wall time and load. It is kept after each run, as some take minutes, beside the rows of earlier ones."""
    found: dict[str, list[dict[str, Any]]] = {row: [] for row in ways}
    for _ in range(rounds):
        for row, way in ways.items():
            found[row].append(way())
            print(row, found[row][-1], file=sys.stderr, flush=True)
            keep(name, facts, {row: _medians(found[row])})


def _medians(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    numbers = {key for key, value in rows[0].items() if isinstance(value, int | float)} - {"load"}
    row = {k: round(statistics.median(r[k] for r in rows), 3) if k in numbers else v for k, v in rows[0].items()}
    return {**row, "rounds": [r["wall_s"] for r in rows], "load": [r["load"] for r in rows]}


def keep(name: str, facts: Mapping[str, Any], rows: Mapping[str, Any]) -> None:
    """Keep rows beside those that an earlier run left in ``results/peers/NAME.json``; rows of the same name are
    replaced."""
    path = RESULTS / "peers" / f"{name}.json"
    before = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    versions = {**before.get("versions", {}), **facts.get("versions", {})}
    save(f"peers/{name}", {**facts, "versions": versions, "rows": {**before.get("rows", {}), **rows}})

"""What image files cost that were made to cost much, and 10,000 files damaged at random. Linux only.

    python benchmarks/hostile_files.py [--damaged 10000]

Each file that was made is decoded at the size that indexing wants and in full, in a process of its own: seconds of
processors, and the most memory that decoding took, here and in the decoder's process together, beside the file
itself. Those damaged at random are decoded one after the other; the slowest is said, and what came of them.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from common import save
from hostile import KINDS, damaged, small_files

from imagefinder.errors import ImageError
from imagefinder.images import apart
from imagefinder.images.decode import decode, encode_bytes
from imagefinder.types import ImageRef, Limits

SIDES = {"indexed": 224, "in full": None}


def memory(what: str) -> float:
    """MB of this process, as the kernel counts them."""
    found = re.search(rf"{what}:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) / 1000 if found else 0.0


def of_children() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1000


def outcome(data: bytes, side: int | None) -> str:
    try:
        return f"decoded, {decode(encode_bytes(ImageRef('x'), data), short_side=side, limits=Limits()).format}"
    except ImageError as error:
        return f"{error.code}: {error.message}"


def one(path: Path, side: int | None) -> dict[str, Any]:
    """What decoding one file costs; for a process of its own."""
    data, base = path.read_bytes(), memory("VmRSS")
    started, used = time.perf_counter(), time.process_time()
    said = outcome(data, side)
    seconds, here = time.perf_counter() - started, time.process_time() - used
    apart._end_all()
    there, most = of_children()
    taken = memory("VmHWM") - base + most
    return {"outcome": said, "cpu_s": round(here + there, 2), "wall_s": round(seconds, 2), "mb": round(taken)}


def made(scratch: Path) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for name, make in KINDS.items():
        path = scratch / name
        path.write_bytes(make())
        rows[name] = {"bytes": path.stat().st_size}
        for what, side in SIDES.items():
            if "longer than" in str(rows[name].get("indexed")):
                continue  # in full it would be the same
            call = [sys.executable, __file__, "--one", str(path), *(["--side", str(side)] if side else [])]
            done = subprocess.run(call, capture_output=True, text=True, check=True)
            rows[name][what] = json.loads(done.stdout)
        print(name, rows[name], file=sys.stderr, flush=True)
        path.unlink()
    return rows


def at_random(n: int) -> dict[str, Any]:
    files, base = small_files(), memory("VmRSS")
    outcomes: Counter[str] = Counter()
    slowest: tuple[float, str] = (0.0, "")
    started = time.perf_counter()
    for name, data in damaged(files, n, seed=13):
        before = time.perf_counter()
        outcomes[outcome(data, 224).partition(":")[0].partition(",")[0]] += 1
        slowest = max(slowest, (time.perf_counter() - before, name))
    seconds = time.perf_counter() - started
    apart._end_all()
    return {
        "files": n,
        "seconds": round(seconds, 1),
        "slowest_s": round(slowest[0], 2),
        "slowest": slowest[1],
        "mb": round(memory("VmHWM") - base + of_children()[1]),
        "outcomes": dict(outcomes.most_common()),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--damaged", type=int, default=10_000)
    options.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--side", type=int, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one:
        print(json.dumps(one(chosen.one, chosen.side)))
        return
    random = at_random(chosen.damaged)  # first, for a process is said to have had the memory of the one that starts it
    with tempfile.TemporaryDirectory() as scratch:
        rows = made(Path(scratch))
    costs = [row[what] for row in rows.values() for what in SIDES if what in row]
    worst = {"most_cpu_s": max(c["cpu_s"] for c in costs), "most_mb": max(c["mb"] for c in costs)}
    save("hostile_files", {**worst, "damaged": random, "made": rows})


if __name__ == "__main__":
    main()

"""What copies, backups and restores of an index take: ``python benchmarks/copies.py INDEX [ADDRESS]``.

Each is the command as a user runs it, in a process of its own: the seconds by the clock and of the processor, and the
most memory that the process had. A copy goes from the folder to another one, from the folder to an address (by default
of the PostgreSQL that the tests start) and back; a backup goes from the folder to a file, and a restore back. The index
itself is only read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common import ROOT, save

sys.path.insert(0, str(ROOT / "tests" / "support"))
QUIET = {**os.environ, "IMAGEFINDER_INDEX": ""}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("address", nargs="?")
    parser.add_argument("--scratch", type=Path, help="a folder for copies  [default: a temporary one]")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch, at_address(args.address) as address:
        there = Path(scratch)
        commands = {
            "folder to folder": ["copy", args.index, there / "copy"],
            "folder to PostgreSQL": ["copy", args.index, address],
            "PostgreSQL to folder": ["copy", address, there / "back"],
            "backup": ["backup", there / "index.tar", "--index", args.index],
            "restore": ["restore", there / "index.tar", "--index", there / "restored"],
        }
        rows = {name: measured(command) for name, command in commands.items()}
        rows["backup"]["bytes"] = (there / "index.tar").stat().st_size
        checked = {rows[name]["images"] for name in rows}
    if len(checked) != 1:
        sys.exit(f"the copies hold different numbers of images: {checked}")
    save("copies", {"images": checked.pop(), "load": round(os.getloadavg()[0], 1), "rows": rows})
    return 0


@contextmanager
def at_address(address: str | None) -> Iterator[str]:
    if address:
        yield address
        return
    import database

    with database.running() as server:
        yield server.address("copies")


def measured(command: Sequence[object]) -> dict[str, Any]:
    """Run ``imagefinder`` with these arguments; what it took, and how many images it told of."""
    out_r, out_w = os.pipe()
    begun = time.perf_counter()
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "imagefinder", *map(str, command), "--json"],
        QUIET,
        file_actions=[(os.POSIX_SPAWN_DUP2, out_w, 1), (os.POSIX_SPAWN_CLOSE, out_r)],
    )
    os.close(out_w)
    with os.fdopen(out_r, encoding="utf-8") as out:
        told = out.read()
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - begun
    if status:
        sys.exit(f"{command} failed")
    return {
        "images": json.loads(told)["images"],
        "seconds": round(seconds, 1),
        "processor": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    sys.exit(main())

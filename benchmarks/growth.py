"""How time, memory and disk grow with the number of images: each row of a table at 1,000 to 1,000,000 images.

python benchmarks/growth.py --indexes FOLDER --scratch DIR [--sizes 1000 10000] [--rows open graph] [--limit 600]
    [--seconds 500] [--again] [--code CHECKOUT --label before] [--name growth]

FOLDER holds indexes made by millions.py, each of which is copied to DIR and stays there. Each row runs in a process of
its own, which is ended after --limit seconds. Results are kept row by row, and rows that are there are passed over, so
that a run can be cut into pieces of --seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, ROOT, save
from growth_rows import ROWS, Memory, Row

from imagefinder._util.files import disk_use

LEAST_S = 0.3  # of a processor: below, the start of things counts for more than their number
LABELS = ("before", "now")  # the table shows both
SIZES = (1000, 10_000, 100_000, 1_000_000)


def measure(name: str, index: Path, n: int) -> dict[str, Any]:
    """A row in this process: seconds, seconds of a processor, memory at its peak and disk that it takes, both in MB."""
    row, disk = Row(index, n), disk_use(index)
    memory = Memory(row)
    memory.start()
    ROWS[name][2](row)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "seconds": round(row.seconds, 5),
        "cpu_s": round(row.cpu, 5),
        "peak_mb": round(peak / 1024),
        "anonymous_mb": round(memory.peak / 1e6),
        "disk_mb": round((disk_use(index) - disk) / 1e6, 1),
        "load": round(os.getloadavg()[0], 1),
        **row.facts,
    }


def in_process(name: str, index: Path, n: int, code: Path, limit: float) -> dict[str, Any]:
    """The same in a process of its own; what it says where it fails or takes too long."""
    command = [sys.executable, __file__, "--one", name, str(index), str(n)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(code / "src"), str(Path(__file__).parent)])}
    before = sum(os.times()[2:4])
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, start_new_session=True
    )
    try:
        out, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 15)
        process.communicate()
        return {"over_s": limit, "cpu_s_until_then": round(sum(os.times()[2:4]) - before, 1)}
    if process.returncode:
        return {"failed": errors.decode(errors="replace").strip().splitlines()[-1:]}
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def copied(indexes: Path, n: int, scratch: Path) -> Path:
    copy = scratch / str(n)
    if not copy.is_dir():
        scratch.mkdir(parents=True, exist_ok=True)
        beside = copy.with_suffix(".part")
        subprocess.run(["rm", "-rf", str(beside)], check=True)
        subprocess.run(["cp", "-r", "--sparse=always", str(indexes / str(n)), str(beside)], check=True)
        beside.rename(copy)
    return copy


def exponent(row: dict[str, dict[str, Any]], what: str = "cpu_s") -> float | None:
    """The exponent of growth, fitted to the sizes from which on it takes long enough to tell; None for fewer than
    two."""
    points = [(int(n), one[what]) for n, one in row.items() if one.get(what, 0) >= LEAST_S]
    if len(points) < 2:
        return None
    sizes, took = np.log(np.array(points, float)).T
    return round(float(np.polyfit(sizes, took, 1)[0]), 2)


def plot(rows: dict[str, dict[str, Any]], path: Path) -> None:
    """Seconds of a processor by the number of images, of each row that has two."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 6.5))
    for i, (name, sizes) in enumerate(rows.items()):
        points = sorted((int(n), one["cpu_s"]) for n, one in sizes.items() if one.get("cpu_s"))
        if len(points) > 1:
            axes.loglog(*zip(*points, strict=True), marker="o", markersize=3, color=f"C{i % 10}",
                        linestyle=("-", "--", ":")[i // 10], label=name)  # fmt: skip
    axes.loglog([1e3, 1e6], [1e-2, 1e-2 * 1000**1.15], color="grey", linewidth=4, alpha=0.3, label="n^1.15")
    axes.set(xlabel="images", ylabel="seconds of a processor")
    axes.legend(ncols=2, fontsize=7)
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--indexes", type=Path)
    parser.add_argument("--scratch", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--rows", nargs="+", choices=list(ROWS), default=list(ROWS))
    parser.add_argument("--limit", type=float, default=600.0)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no row after this time")
    parser.add_argument("--again", action="store_true", help="measure rows anew that have results")
    parser.add_argument("--code", type=Path, default=ROOT, help="a checkout of another version")
    parser.add_argument("--label", default="now", choices=LABELS, help="which version of the code it is")
    parser.add_argument("--name", default="growth", help="of the file of results")
    parser.add_argument("--one", nargs=3, metavar=("ROW", "INDEX", "N"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one[0], Path(options.one[1]), int(options.one[2]))))
        return
    path, until = RESULTS / f"{options.name}.json", time.monotonic() + options.seconds
    kept = json.loads(path.read_text()) if path.exists() else {}
    codes: dict[str, Any] = {label: kept[label] for label in LABELS if label in kept}
    rows: dict[str, dict[str, Any]] = codes.get(options.label, {}).get("rows", {})
    for n in options.sizes:
        for name in options.rows:
            there = "failed" not in rows.get(name, {}).get(str(n), {"failed": True})
            if (there and not options.again) or time.monotonic() > until:
                continue
            found = in_process(name, copied(options.indexes, n, options.scratch), n, options.code, options.limit)
            print(n, name, found, flush=True)
            rows.setdefault(name, {})[str(n)] = found
            ordered = {one: rows[one] for one in ROWS if one in rows}
            fitted = {one: exponent(sizes) for one, sizes in ordered.items()}
            codes[options.label] = {"rows": ordered, "exponents": fitted}
            save(options.name, codes)
    plot(rows, ROOT / "docs" / "images" / f"{options.name}.svg")


if __name__ == "__main__":
    main()

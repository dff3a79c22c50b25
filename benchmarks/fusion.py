"""Several models and measures together against each alone: MAP@R of searches by an image of the index.

python benchmarks/fusion.py [--queries 400]
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from common import dataset, save
from quality import table_of

from imagefinder.finder import ImageFinder

RANKS = 100
BOTH = ["default", "fast"]
MEASURES = ["cosine", "euclidean"]
WAYS: dict[str, dict[str, Any]] = {
    "default": {},
    "fast": {"spaces": ["fast"]},
    "default, euclidean": {"measures": ["euclidean"]},
    "fast, euclidean": {"spaces": ["fast"], "measures": ["euclidean"]},
    **{f"default, both measures, {how}": {"measures": MEASURES, "fuse": how} for how in ("rrf", "vote", "mean")},
    **{f"default + fast, {how}": {"spaces": BOTH, "fuse": how} for how in ("rrf", "vote", "mean")},
    **{
        f"default + fast, both measures, {how}": {"spaces": BOTH, "measures": MEASURES, "fuse": how}
        for how in ("rrf", "vote", "mean")
    },
}


def measure(name: str, folder: Path, scratch: Path, queries: int) -> dict[str, Any]:
    table = table_of(folder, name, scratch)
    with table.open(encoding="utf-8", newline="") as file:
        labels = {str((folder / row["filename"]).resolve()): row["label"] for row in csv.DictReader(file)}
    with tempfile.TemporaryDirectory() as index, ImageFinder.open(index) as finder:
        finder.add(table if name == "stamps" else folder / "images", column="filename" if name == "stamps" else None)
        finder.add_model("fast")
        of = {
            r.id: labels[str(Path(r.uri).resolve())] for r in finder.records() if str(Path(r.uri).resolve()) in labels
        }
        sizes = Counter(of.values())
        asked = random.Random(0).sample(sorted(id for id, label in of.items() if sizes[label] > 1), queries)
        rows: dict[str, Any] = {"images": len(of), "queries": queries}
        for way, options in WAYS.items():
            finder.similar(asked[0], RANKS, **options)  # what is read once
            started, total = time.perf_counter(), 0.0
            for id in asked:
                r = min(RANKS, sizes[of[id]] - 1)
                found = [of.get(hit.id) == of[id] for hit in finder.similar(id, r, **options)]
                total += sum(sum(found[: i + 1]) / (i + 1) for i, right in enumerate(found) if right) / r
            took = (time.perf_counter() - started) / queries
            rows[way] = {"map_at_r": round(total / queries, 4), "ms": round(1000 * took, 1)}
        return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    options = parser.parse_args()
    options.scratch.mkdir(exist_ok=True)
    save(
        "fusion",
        {
            name: measure(name, dataset(name, options.scratch), options.scratch, options.queries)
            for name in ("clothing", "stamps")
        },
    )


if __name__ == "__main__":
    main()

"""Maps of vectors: ImageFinder beside openTSNE, umap-learn and scikit-learn, each called as its documentation does.

    python benchmarks/peers/maps.py [--vectors 22914] [--index DIR] [--rounds 1] [--scratch DIR] [--only NAME...]

The vectors are those of an index (``--index``, in the 256 dimensions that are searched), or clustered ones of chance.
Each map is a process of its own, imports included, and is judged against the same vectors. scikit-learn's t-SNE takes
tens of minutes for 22,914: it is made only if it is named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from environments import SCRATCH, make, versions
from measured import interleaved, run
from vectors import clustered

from imagefinder import ImageFinder
from imagefinder.maps.scores import score_map

SLOW = "scikit-learn t-SNE"
# The name of a row, its environment (empty: this Python, with ImageFinder), the program and what it is told.
WAYS = {
    "imagefinder t-SNE": ("", "map_ours.py", "tsne"),
    "imagefinder UMAP": ("", "map_ours.py", "umap"),
    "imagefinder PaCMAP": ("", "map_ours.py", "pacmap"),
    "openTSNE": ("maps", "map_theirs.py", "openTSNE"),
    "umap-learn": ("maps", "map_theirs.py", "umap"),
    SLOW: ("maps", "map_theirs.py", "sklearn"),
}


def way(row: str, source: Path, scratch: Path) -> Callable[[], dict[str, Any]]:
    environment, program, name = WAYS[row]
    python = make(environment, scratch) if environment else sys.executable

    def once() -> dict[str, Any]:
        out = scratch / "map.npy"
        figures = run(python, program, source, out, name, PYTHONWARNINGS="ignore")
        scores = score_map(np.load(source), np.load(out).astype(np.float32)).to_dict()
        return {**figures, **{k: round(v, 4) for k, v in scores.items() if isinstance(v, float)}}

    return once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=22_914)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=SCRATCH)
    parser.add_argument("--only", nargs="+", default=[w for w in WAYS if w != SLOW], choices=[*WAYS], metavar="NAME")
    options = parser.parse_args()
    options.scratch.mkdir(exist_ok=True)
    source = options.scratch / f"map-{options.vectors}.npy"
    if options.index:
        with ImageFinder.open(options.index, read_only=True) as finder:
            np.save(source, finder.vectors()[1][: options.vectors])
    else:
        np.save(source, clustered(options.vectors)[0])
    facts = {
        "vectors": len(np.load(source, mmap_mode="r")),
        "from": "an index of Tiny ImageNet" if options.index else "clustered, of chance",
        "versions": {"maps": versions("maps", options.scratch)},
    }
    ways = {row: way(row, source, options.scratch) for row in options.only}
    interleaved("maps", facts, ways, options.rounds)


if __name__ == "__main__":
    main()

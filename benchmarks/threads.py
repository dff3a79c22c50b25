"""What a search takes while the same index is being changed by another thread.

    python benchmarks/threads.py INDEX FOLDER [--remove N]

INDEX is an index (it is copied) of the images in FOLDER. N of them are taken out and indexed again while another thread
searches by id without a pause; so also while the transforms are fitted anew, the store is tidied after many
deletions, and the rows are read.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import save

from imagefinder.finder import ImageFinder
from imagefinder.index.spaces import refit


def watched(finder: ImageFinder, query: str, work: Callable[[], object]) -> dict[str, Any]:
    """Milliseconds of searches by id while ``work`` is done in this thread."""
    times: list[float] = []
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            start = time.perf_counter()
            finder.search(query, k=20)
            times.append(1000 * (time.perf_counter() - start))

    thread = threading.Thread(target=search)
    thread.start()
    start = time.perf_counter()
    try:
        work()
    finally:
        seconds = time.perf_counter() - start
        stop.set()
        thread.join()
    shares = {name: float(np.quantile(times, share)) for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))}
    return {"seconds": round(seconds, 2), "searches": len(times), **{k: round(v, 1) for k, v in shares.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--remove", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "index"
        if shutil.which("cp"):  # keeps the holes of sparse files
            subprocess.run(["cp", "-r", "--sparse=always", options.index, copy], check=True)
        else:
            shutil.copytree(options.index, copy)
        with ImageFinder.open(copy, create=False) as finder:
            ids = [r.id for r in finder.records()]
            query, found = f"id:{ids[-1]}", {}
            finder.search(query)
            found["idle"] = watched(finder, query, lambda: time.sleep(5))
            finder.remove(*ids[: options.remove])
            found["indexing"] = watched(finder, query, lambda: finder.add(options.folder))
            found["refitting"] = watched(
                finder, query, lambda: refit(finder._collection.index, finder.embedder.spec, force=True)
            )
            found["reading all rows"] = watched(finder, query, lambda: [finder.records() for _ in range(5)])
            finder.remove(*ids[: len(ids) // 4])
            found["tidying"] = watched(finder, query, finder._collection.index.store.optimize)
    save("threads", {"images": len(ids), "indexed": options.remove, "milliseconds of a search": found})


if __name__ == "__main__":
    main()

"""What a process takes that opens a large index and looks at it for the first time: processor time and memory of each
look, without columns beside the store, as after a kill, and with those that were written.

    python benchmarks/first_looks.py --index COPY [--name first_looks] [--label before --code OTHER/src]

``COPY`` is an index that may be changed, as benchmarks/millions.py makes them. With ``--code``, another version of
ImageFinder is measured. ``stall_ms`` is the longest that another thread waited for the interpreter, or for a core.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import RESULTS, save
from growth_rows import FILTERS, anonymous, processor_s

import imagefinder
from imagefinder.finder import ImageFinder
from imagefinder.store.filters.parse import as_filter

LABELS = ("now", "before")
CASES = ("none", "written")
SORTS = ("-date", "uri", "-bytes", "width", "taken_at", "-mtime")
SEARCHES = 70


def looks(index: Path) -> dict[str, Any]:
    """CPU in milliseconds and anonymous megabytes after each look, in their order."""
    found: dict[str, Any] = {}
    gaps = Gaps()

    def look(name: str, do: Callable[[], object], n: int = 1) -> Any:
        gaps.longest = 0.0
        before = processor_s()
        result = [do() for _ in range(n)][-1]
        took = 1000 * (processor_s() - before) / n
        memory = round(anonymous(os.getpid()) / 1e6)
        found[name] = {"cpu_ms": round(took, 2), "anonymous_mb": memory, "stall_ms": round(gaps.longest)}
        print(name, found[name], file=sys.stderr, flush=True)
        return result

    look("begin", lambda: None)
    finder = look("open", lambda: ImageFinder.open(index, create=False))
    store = finder._collection.index.store
    look("order", lambda: finder.order(sort="-date"))
    look("timeline", finder.browse.timeline)
    look("facets", finder.facets)
    look("facets again", finder.facets)
    look("first page", lambda: finder.list(sort="-date", k=200))
    look("suggest", lambda: finder.suggest("dog"))
    for sort in SORTS[1:]:
        look(f"list {sort}", lambda sort=sort: finder.list(sort=sort))
    for filter in FILTERS:
        look(f"count {filter}", lambda filter=filter: store.count(as_filter(filter)))
    for filter in FILTERS:
        look(f"facets {filter}", lambda filter=filter: finder.facets(filter))
    ids = [record.id for record in finder.list(k=SEARCHES)[0]]
    asked = iter(range(10**6))

    def search(more: str = "") -> object:
        i = next(asked)
        return finder.similar(f"id:{ids[i % SEARCHES]}", filter=more or FILTERS[i % len(FILTERS)])

    for filter in FILTERS:
        look(f"search {filter}", lambda filter=filter: search(filter))
    look("search filtered, warm", search, SEARCHES)
    look("collect garbage", gc.collect)
    finder.tag(ids[:50], add=["first-looks"])
    look("facets after a write", finder.facets)
    look("order after a write", lambda: finder.order(sort="-date"))
    finder.tag(ids[:50], remove=["first-looks"])
    look("close", finder.close)
    return found


class Gaps:
    """The longest that another thread waited for the interpreter."""

    def __init__(self) -> None:
        self.longest = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            before = time.perf_counter()
            time.sleep(0.002)
            self.longest = max(self.longest, 1000 * (time.perf_counter() - before) - 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--name", default="first_looks")
    parser.add_argument("--label", choices=LABELS, default="now")
    parser.add_argument("--code", type=Path, help="the src folder of another version")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(looks(options.index)))
        return
    path = RESULTS / f"{options.name}.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    found: dict[str, Any] = {label: kept.get(label, {}) for label in LABELS}
    with ImageFinder.open(options.index, create=False) as finder:
        n = str(len(finder))
    code = options.code or Path(imagefinder.__file__).parents[1]
    for case in CASES:
        if case == "none":
            for file in (options.index / "points").glob(".columns-*"):
                file.unlink()
        command = [sys.executable, __file__, "--index", str(options.index), "--one"]
        env = {**os.environ, "PYTHONPATH": str(code)}
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=env)
        found[options.label].setdefault(n, {})[case] = {**json.loads(done.stdout), "load": round(os.getloadavg()[0], 1)}
        save(options.name, {label: dict(sorted(found[label].items(), key=lambda row: int(row[0]))) for label in LABELS})


if __name__ == "__main__":
    main()

"""The rows of growth.py: each does one thing with a copy of an index, which stays as the row leaves it.

A row opens what it needs, times what counts with ``clock``, and gives further figures.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from imagefinder.finder import ImageFinder
from imagefinder.index.folder import Index
from imagefinder.index.neighbors import index_graph

NEAREST = 15  # neighbours of a graph
ASKED = 100  # queries of a row
MORE = 1000  # images that are added
WORDS = ("goldfish", "a yellow school bus", "red sports car", "people on a beach", "a dog", "sunglasses", "pizza")
FILTERS = (
    'tags = "hike"',
    'colours = "red" and width > 4100',
    'taken_at >= "2015"',
    "bytes > 2000",
    'camera = "NIKON D750"',
    "lat > 50",
    "caption says castle",
)
PAGE = ("/v1/index", "/v1/images?sort=-date&k=200", "/v1/images/shapes?sort=-date", "/v1/facets", "/v1/timeline")


@dataclass
class Row:
    """A row on the copy of an index at ``index``, of ``n`` images. ``seconds`` and ``cpu`` are what was timed."""

    index: Path
    n: int
    seconds: float = 0.0
    cpu: float = 0.0
    process: int | None = None  # whose memory counts, instead of this one's
    facts: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Count this time, with that of threads and of processes that end in it."""
        started, before = time.perf_counter(), processor_s()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - started
            self.cpu += processor_s() - before

    def open(self) -> ImageFinder:
        return ImageFinder.open(self.index, create=False)

    def times(self, ask: Callable[[int], object], n: int = ASKED, warm: int = 5) -> None:
        """p50 and p95 in milliseconds, and the longest of the first, which wait for what is read from the disk; what is
        counted is one call's mean."""
        first = 0.0
        for i in range(warm):
            started = time.perf_counter()
            ask(i)
            first = max(first, 1000 * (time.perf_counter() - started))
        took = []
        before = self.seconds, self.cpu
        for i in range(warm, warm + n):
            started = self.seconds
            with self.clock():
                ask(i)
            took.append(1000 * (self.seconds - started))
        self.seconds, self.cpu = ((now - then) / n for now, then in zip((self.seconds, self.cpu), before, strict=True))
        self.facts |= {"p50_ms": round(statistics.median(took), 2), "p95_ms": round(float(np.quantile(took, 0.95)), 2)}
        self.facts |= {"first_ms": round(first, 2)} if warm else {}


def processor_s() -> float:
    """Of this process and those that have ended in it."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def opening(row: Row) -> None:
    with row.clock():
        finder = row.open()
        len(finder)
    finder.close()


def cold_search(row: Row) -> None:
    command = [sys.executable, "-m", "imagefinder", "search", "a yellow school bus", "--index", str(row.index)]
    subprocess.run(command, capture_output=True, check=True)
    with row.clock():
        subprocess.run(command, capture_output=True, check=True)


def by_vector(row: Row) -> None:
    """Searches by the vectors of images of the index with noise, and their recall@10."""
    with Index(row.index, create=False) as index:
        name = index.space(index.manifest.current["image"]).search_vector or ""
        random = np.random.default_rng(0)
        queries = index.sampled(index.manifest.current["image"]).vectors[: 2 * ASKED]
        queries = queries + random.normal(0, 0.03, queries.shape).astype(np.float32)
        found: dict[int, list[str]] = {}

        def ask(i: int) -> None:
            found[i] = [p.id for p in index.store.query(name, queries[i % len(queries)], 10, payload=False)]

        row.times(ask, warm=ASKED)
        shares = []
        for i, ids in found.items():
            true = {p.id for p in index.store.query(name, queries[i % len(queries)], 10, exact=True, payload=False)}
            shares.append(len(true.intersection(ids)) / max(1, len(true)))
        row.facts["recall_at_10"] = round(float(np.mean(shares)), 4)


def _ids(finder: ImageFinder) -> list[str]:
    """Of images from all over the index."""
    ids = finder.order().ids
    return [ids[at] for at in range(0, len(ids), -(-len(ids) // (2 * ASKED)))]


def by_id(row: Row) -> None:
    with row.open() as finder:
        ids = _ids(finder)
        row.times(lambda i: finder.similar(f"id:{ids[i % len(ids)]}"), warm=ASKED)


def by_id_filtered(row: Row) -> None:
    with row.open() as finder:
        ids = _ids(finder)
        row.times(lambda i: finder.similar(f"id:{ids[i % len(ids)]}", filter=FILTERS[i % len(FILTERS)]), warm=ASKED)


def by_words(row: Row) -> None:
    with row.open() as finder:
        row.times(lambda i: finder.search(WORDS[i % len(WORDS)]), warm=10)


def counts(row: Row) -> None:
    """How many match a filter that was not asked for before."""
    with row.open() as finder:
        store = finder._collection.index.store
        store.count()
        from imagefinder.store.filters.parse import as_filter

        asked = [as_filter(f"{FILTERS[i % len(FILTERS)]} or bytes = {i}") for i in range(30)]
        row.times(lambda i: store.count(asked[i]), n=25)


def facets(row: Row) -> None:
    with row.open() as finder:
        with row.clock():
            finder.facets()
        first, row.seconds, row.cpu = row.seconds, 0.0, 0.0
        row.times(lambda i: finder.facets(FILTERS[i % len(FILTERS)] if i % 2 else None), n=14)
        row.facts["first_s"] = round(first, 2)


def sorted_lists(row: Row) -> None:
    """The first page of the images by a field; each is asked for the first time."""
    with row.open() as finder:
        sorts = ("-date", "uri", "-bytes", "width", "taken_at", "-mtime")
        row.times(lambda i: finder.list(sort=sorts[i % len(sorts)]), n=len(sorts), warm=0)


def first_page(row: Row) -> None:
    """What the page asks for first, of a server that has just begun, and the memory of this server."""
    with _served(row) as address:
        for path in PAGE:
            with row.clock():
                row.facts[path] = round(len(_get(f"{address}{path}")) / 1e6, 2)


def writing(row: Row) -> None:
    """Searches of a server by words and by an image while images are added: the worst stalls."""
    more = _more(row)
    with _served(row) as address:
        found = json.loads(_get(f"{address}/v1/images?k=100"))["images"]
        job = _post(f"{address}/v1/jobs", {"kind": "index", "options": {"sources": [str(more)]}})["id"]
        took: list[float] = []
        state = "queued"
        while state in ("queued", "running"):
            id = found[len(took) % len(found)]["id"]
            for body in ({"words": WORDS[len(took) % 7]}, {"parts": [{"id": id}]}):
                started = time.perf_counter()
                _post(f"{address}/v1/search", body)
                took.append(1000 * (time.perf_counter() - started))
            state = json.loads(_get(f"{address}/v1/jobs/{job}"))["state"]
            time.sleep(0.02)
        row.seconds = sum(took) / len(took) / 1000
        row.facts |= {"state": state, "searches": len(took), "p50_ms": round(statistics.median(took), 1)}
        row.facts |= {"p99_ms": round(float(np.quantile(took, 0.99)), 1), "max_ms": round(max(took), 1)}


@contextmanager
def _served(row: Row) -> Iterator[str]:
    log = row.index.with_suffix(".log")
    where = ["--index", str(row.index), "--no-key", "--no-browser", "--port", "0"]
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "imagefinder", "serve", *where], stdout=out, stderr=out)
    row.process = process.pid
    try:
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        while True:
            try:
                _get(f"{found[0]}/readyz")
                break
            except OSError:
                time.sleep(0.2)
        before = _cpu_of(process.pid)
        yield found[0]
        row.cpu = _cpu_of(process.pid) - before
        row.facts["anonymous_mb"] = round(anonymous(process.pid) / 1e6)
    finally:
        process.terminate()
        process.wait()


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def anonymous(pid: int) -> int:
    """The bytes of memory of a process that no file backs."""
    try:
        found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return 1024 * int(found[1]) if found else 0


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=600) as answer:
        return bytes(answer.read())


def _post(url: str, body: Any) -> Any:
    head = {"content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), head)
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.loads(answer.read())


def unchanged(row: Row) -> None:
    with row.open() as finder:
        source = finder.sources[0]
        with row.clock():
            report = finder.add(source)
        row.facts |= {"unchanged": report.unchanged, "added": report.added}


def merged(row: Row) -> None:
    """Merging what was written, and making the engine's graph where there is one."""
    with Index(row.index, create=False) as index, row.clock():
        index.store.optimize()


def graph(row: Row) -> None:
    shutil.rmtree(row.index / "runs" / "neighbors", ignore_errors=True)
    with row.open() as finder:
        _, vectors = finder.vectors()
        with row.clock():
            index_graph(finder._collection.index, vectors, NEAREST)


def clustered(row: Row) -> None:
    """Leiden, beyond the graph where that is kept."""
    with row.open() as finder, row.clock():
        row.facts["clusters"] = len(finder.cluster().clusters)


def by_k_means(row: Row) -> None:
    with row.open() as finder, row.clock():
        finder.cluster(min(1000, row.n // 100), method="kmeans")


def renamed(row: Row) -> None:
    """The largest cluster gets another name."""
    with row.open() as finder:
        sizes = finder.clusters.sizes()
        largest = max((label for label in sizes if label >= 0), key=lambda label: sizes[label])
        row.facts["images"] = sizes[largest]
        with row.clock():
            finder.clusters.rename(largest, f"Renamed {time.time_ns()}")


def choose_k(row: Row) -> None:
    with row.open() as finder, row.clock():
        finder.choose_k()


def outliers(row: Row) -> None:
    with row.open() as finder, row.clock():
        finder.outliers()


def map_tsne(row: Row) -> None:
    with row.open() as finder, row.clock():
        finder.map("tsne")


def map_pca(row: Row) -> None:
    with row.open() as finder, row.clock():
        finder.map("pca")


def duplicates(row: Row) -> None:
    with row.open() as finder, row.clock():
        row.facts["compared"] = finder.duplicates().compared


def added(row: Row) -> None:
    """A thousand new files of a new folder, everything included."""
    more = _more(row)
    with row.open() as finder, row.clock():
        row.facts["added"] = finder.add(more).added


def _more(row: Row) -> Path:
    """A new folder with copies of real files, each with some bytes more at its end."""
    more = row.index.parent / f"{row.index.name}-more-{time.time_ns()}"
    more.mkdir(parents=True)
    with Index(row.index, create=False, read_only=True) as index:
        points = next(index.store.scroll(batch=MORE, fields=("uri",)))
    for i, point in enumerate(points):
        (more / f"{i:04}.jpg").write_bytes(Path(point.payload["uri"]).read_bytes() + f"{more.name} {i}".encode())
    return more


class Memory(threading.Thread):
    """Watches the memory of a process, or of the one that the ``row`` names."""

    def __init__(self, row: Row) -> None:
        super().__init__(daemon=True)
        self._row, self.peak = row, 0

    def run(self) -> None:
        while True:
            self.peak = max(self.peak, anonymous(self._row.process or os.getpid()))
            time.sleep(0.05)


# name: what is done, what must hold at a million, and how
ROWS: dict[str, tuple[str, str, Callable[[Row], None]]] = {
    "open": ("open the index", "1 s", opening),
    "cold": ("search from the command line", "1.5 s", cold_search),
    "vector": ("search by a vector", "p95 10 ms, recall .99", by_vector),
    "id": ("search by id", "p95 10 ms", by_id),
    "filtered": ("search by id, with a filter", "p95 25 ms", by_id_filtered),
    "words": ("search by words", "", by_words),
    "counts": ("count by a filter", "300 ms", counts),
    "facets": ("facets", "300 ms", facets),
    "lists": ("first page of a sorted list", "300 ms", sorted_lists),
    "page": ("what the page asks a new server for", "", first_page),
    "unchanged": ("index again, nothing changed", "60 s", unchanged),
    "merge": ("merge what was written", "", merged),
    "graph": ("neighbour graph", "8 min", graph),
    "leiden": ("cluster by Leiden", "12 min beyond the graph", clustered),
    "kmeans": ("cluster by k-means, k = n / 100, at most 1,000", "8 min", by_k_means),
    "rename": ("rename the largest cluster", "1 s", renamed),
    "choose-k": ("choose k", "10 min", choose_k),
    "outliers": ("outliers", "10 min beyond the graph", outliers),
    "pca": ("map by PCA", "", map_pca),
    "tsne": ("map by t-SNE", "25 min", map_tsne),
    "duplicates": ("duplicates", "30 min for candidates", duplicates),
    "add": ("add 1,000 images", "60 s", added),
    "writing": ("search of a server while 1,000 images are added", "p99 100 ms, stall 300 ms", writing),
}

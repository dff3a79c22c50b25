"""What an image costs as an index grows: bytes, memory, and processor time to embed, to write, to index and to search.

python benchmarks/scaling.py [PART...] [--largest N] [--scratch DIR]

The parts are ``embedding``, ``serve``, ``records``, ``graph`` and ``cluster``; each keeps its rows in
``results/scaling.json``, and what was measured before of other sizes stays. ``imagefinder plan`` reads a copy of that
file, which is written beside its modules. Times are processor time, of this process and of the database's, so that what
else the machine does counts little; but those of ``cluster`` are what a clock says: run that on a quiet machine, or
with precedence (``chrt -r 5``).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, ROOT, dataset, photos, save
from PIL import Image
from scaling_data import Mixed, again, real_points
from scaling_shards import cluster

from imagefinder import ImageFinder
from imagefinder.models.registry import load_model
from imagefinder.store.base import Point, Store, VectorParams
from imagefinder.store.edge.store import EdgeStore
from imagefinder.store.postgres.store import PostgresStore
from imagefinder.vectors.transform import LinearTransform

sys.path.insert(0, str(ROOT / "tests" / "support"))

SHIPPED = ROOT / "src" / "imagefinder" / "planning" / "measured.json"
KEYS = ("store", "model", "images", "busy")  # what tells rows of one part apart
MODELS = {"default": 500, "fast": 500, "default, 12 megapixels": 4000}  # the longest side of the photos
PHOTOS = 200
RECORDS = (10_000, 30_000, 100_000)
GRAPHS = {"folder": (10_000, 100_000, 300_000, 1_000_000), "postgresql": (10_000, 100_000, 300_000, 1_000_000)}
DIM, BATCH, ASKED, LOOKED_FOR = 256, 500, 200, 10
LITTLE_MEMORY_MB = 24  # for a graph of the smaller size that has one, as it is when a graph outgrows its memory
OPENED = """
import json, os, sys
import numpy as np
from imagefinder.store.edge.store import EdgeStore
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
import qdrant_edge
before = resident()
store = EdgeStore.open(sys.argv[1])
for row in np.load(sys.argv[2]):
    store.query(sys.argv[3], row, 10, payload=False)
print(resident() - before)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", nargs="*", help="[default: all]")
    parser.add_argument("--largest", type=int, default=1_000_000, help="no index has more images than so many")
    parser.add_argument("--smallest", type=int, default=0)
    parser.add_argument("--store", choices=list(GRAPHS), help="[default: all]")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    args = parser.parse_args()
    args.scratch.mkdir(parents=True, exist_ok=True)
    for name in args.part or PARTS:
        for row in PARTS[name](args):
            keep(name, row)
    return 0


def keep(part: str, row: dict[str, Any]) -> None:
    """Add a row to the results, in the place of one of the same store, model, number of images and so on."""
    kept = RESULTS / "scaling.json"
    found = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    rows = [old for old in found.get(part, []) if any(old.get(k) != row.get(k) for k in KEYS)]
    rows = sorted([*rows, row], key=lambda r: [str(r.get(k, "")).rjust(40) for k in KEYS])
    save("scaling", {name: rows if name == part else found.get(name, []) for name in PARTS})
    shutil.copyfile(kept, SHIPPED)


# ---- embedding


def embedding(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Processor time of a run of indexing into a new folder, from file to stored vector, one worker."""
    clothing = dataset("clothing", args.scratch)
    for model, side in MODELS.items():
        n = PHOTOS if side < 1000 else PHOTOS // 4
        folder = photos(clothing, args.scratch / f"photos-{side}-{n}", n, side)
        with (
            tempfile.TemporaryDirectory(dir=args.scratch) as home,
            ImageFinder.open(Path(home) / "index", model=model.partition(",")[0]) as finder,
        ):
            finder.add(ROOT / "examples" / "images" / "animals")  # loads the model
            begun = time.process_time()
            report = finder.add(folder, workers=1)
            spent = time.process_time() - begun
        yield {
            "model": model,
            "images": report.added,
            "bytes_per_image": round(sum(p.stat().st_size for p in folder.iterdir()) / report.added),
            "cpu_ms": round(1e3 * spent / report.added, 2),
            "inference_ms": inference_ms(model.partition(",")[0], folder),
        }


def inference_ms(name: str, folder: Path) -> float:
    """Of that, what a GPU would do: the network alone, 16 pictures at once."""
    model = load_model(name, threads=1)
    pictures = [Image.open(path).convert("RGB") for path in sorted(folder.iterdir())[:16]]
    pixels = np.stack([model.preprocess(picture) for picture in pictures])
    model.embed_images(pixels)
    begun = time.process_time()
    for _ in range(4):
        model.embed_images(pixels)
    return round(1e3 * (time.process_time() - begun) / 64, 2)


def serve(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Processor time of ``imagefinder serve`` for a search, as ``benchmarks/workers.py`` has measured it."""
    found = json.loads((RESULTS / "workers.json").read_text("utf-8"))
    yield {"store": "postgresql", "images": found["images"], "cpu_ms": found["rows"][0]["server_ms"]}


# ---- whole records


def records(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Whole records, with all vectors of the default model, as indexing writes them."""
    sample, params = real_points(args.scratch)
    text = sum(len(json.dumps(dict(point.payload))) for point in sample) / len(sample)
    for store, n in sizes(args, dict.fromkeys(GRAPHS, RECORDS)):
        with tempfile.TemporaryDirectory(dir=args.scratch) as scratch, made(store, Path(scratch)) as site:
            site.store.start_over(params)
            rng = np.random.default_rng(0)
            points = (again(sample, i, rng) for i in range(n))
            wrote = written(site, points, n)
            yield {
                "store": store,
                "images": n,
                "payload_bytes": round(text),
                "vectors": {name: p.dim for name, p in params.items()},
                "write_cpu_ms": wrote,
                "bytes": site.bytes(),
                **({"fit_cpu_ms": fitted(site, params, n)} if n == RECORDS[0] else {}),
            }


def fitted(site: Site, params: dict[str, VectorParams], n: int) -> dict[str, float]:
    """Processor milliseconds an image to fit the transforms of all spaces and to write what is searched, as a run does
    at its end when the index has doubled: all in one process."""

    def batches(raw: str) -> Iterator[tuple[list[str], np.ndarray]]:
        for page in site.store.scroll(fields=(), vectors=[raw]):
            yield [point.id for point in page], np.stack([point.vectors[raw] for point in page])

    def fit() -> None:
        for raw in [name for name in params if name.endswith(".raw")]:
            kind = "pca" if params[raw].dim > 512 else "center"
            zeros = np.zeros(params[raw].dim, np.float32)
            found = LinearTransform.fit((rows for _, rows in batches(raw)), kind=kind, prior_mean=zeros)
            site.store.create_vector(f"{raw}.new", VectorParams(found.dim_out, "float16"))
            for ids, rows in batches(raw):
                site.store.set_vectors(f"{raw}.new", ids, found.apply(rows))

    here, there = site.spent(fit)
    return {"client": round(1e3 * here / n, 4), "server": round(1e3 * there / n, 4)}


# ---- one searched vector


def graph(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One searched vector of 256 dimensions and float16 an image, and little beside it."""
    sample, _ = real_points(args.scratch)
    name = next(name for name, row in sample[0].vectors.items() if len(row) == DIM)
    mixed = Mixed(np.stack([point.vectors[name] for point in sample]))
    for store, n in sizes(args, GRAPHS):
        with tempfile.TemporaryDirectory(dir=args.scratch) as scratch, made(store, Path(scratch)) as site:
            site.store.start_over({"v": VectorParams(DIM, "float16")})
            wrote = written(site, mixed.points(n), n)
            build = site.spent(site.store.optimize)
            more = {"little_memory": site.built_again()} if store == "postgresql" and n == 100_000 else {}
            site.reopen()
            queries = mixed.rows(10**9, ASKED)
            yield {
                "store": store,
                "images": n,
                "dim": DIM,
                "write_cpu_ms": wrote,
                "build_cpu_s": round(sum(build), 1),
                "bytes": site.bytes(),
                **asked(site, queries),
                **more,
                "resident_bytes": site.resident(queries, Path(scratch)),
            }


def asked(site: Site, queries: np.ndarray) -> dict[str, Any]:
    """Processor milliseconds of each query, in order of size as a hundred quantiles, and the share of the 10 nearest
    that is found."""
    for row in queries[:20]:
        site.store.query("v", row, LOOKED_FOR, payload=False)
    taken, found = [], []
    for row in queries:
        taken.append(1e3 * sum(site.spent(lambda row=row: site.store.query("v", row, LOOKED_FOR, payload=False))))
    for row in queries[:50]:
        near = {hit.id for hit in site.store.query("v", row, LOOKED_FOR, payload=False)}
        nearest = {hit.id for hit in site.store.query("v", row, LOOKED_FOR, payload=False, exact=True)}
        found.append(len(near & nearest) / len(nearest))
    samples = np.quantile(taken, (np.arange(100) + 0.5) / 100)
    return {
        "query_cpu_ms": round(float(np.mean(taken)), 3),
        "query_cpu_samples_ms": [round(float(sample), 3) for sample in samples],
        "recall": round(float(np.mean(found)), 3),
    }


def cluster_part(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    sample, _ = real_points(args.scratch)
    name = next(name for name, row in sample[0].vectors.items() if len(row) == DIM)
    yield from cluster(Mixed(np.stack([point.vectors[name] for point in sample])))


# ---- stores


def sizes(args: argparse.Namespace, of: dict[str, tuple[int, ...]]) -> Iterator[tuple[str, int]]:
    for store, numbers in of.items():
        if args.store in (None, store):
            yield from ((store, n) for n in numbers if args.smallest <= n <= args.largest)


def written(site: Site, points: Iterator[Point], n: int) -> dict[str, float]:
    """Processor milliseconds of a written point, of this process and of the database; making the points not counted."""
    here = there = 0.0
    batch: list[Point] = []
    for i, point in enumerate(points, 1):
        batch.append(point)
        if len(batch) == BATCH or i == n:
            more = site.spent(partial(site.store.upsert, batch))
            here, there, batch = here + more[0], there + more[1], []
    return {"client": round(1e3 * here / n, 4), "server": round(1e3 * there / n, 4)}


class Site:
    """A store in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: Store = EdgeStore.create(folder)

    def spent(self, call: Callable[[], object]) -> tuple[float, float]:
        """Processor seconds of this process, and of the database."""
        here, there = time.process_time(), self.elsewhere()
        call()
        return time.process_time() - here, self.elsewhere() - there

    def elsewhere(self) -> float:
        return 0.0

    def reopen(self) -> None:
        self.store.close()
        self.store = EdgeStore.open(self.folder)

    def bytes(self) -> dict[str, int]:
        """By part of a segment, what it takes on the disk; the log, whose files have a fixed size, not counted."""
        self.reopen()
        found: dict[str, int] = {}
        for path in (self.folder / "segments").rglob("*"):
            if path.is_file():
                part = path.relative_to(self.folder / "segments").parts[1]
                found[part] = found.get(part, 0) + path.stat().st_blocks * 512
        return dict(sorted(found.items()))

    def resident(self, queries: np.ndarray, scratch: Path) -> int:
        """What opening the store and searching adds to the memory of a process."""
        self.store.close()
        np.save(scratch / "queries.npy", queries)
        command = [sys.executable, "-c", OPENED, str(self.folder), str(scratch / "queries.npy"), "v"]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        self.store = EdgeStore.open(self.folder)
        return int(done.stdout)

    def built_again(self) -> dict[str, float]:
        raise NotImplementedError


class DatabaseSite(Site):
    """A store in a PostgreSQL of its own."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.store = PostgresStore.create(server.address("scaling"))
        self.tables: dict[str, str] = {}

    def elsewhere(self) -> float:
        return server_seconds(self.server)

    def reopen(self) -> None:
        pass

    def bytes(self) -> dict[str, int]:
        sql = (
            "select c.relname, pg_relation_size(c.oid), pg_indexes_size(c.oid), "
            "coalesce((select sum(pg_relation_size(i.indexrelid)) from pg_index i "
            "join pg_class h on h.oid = i.indexrelid where i.indrelid = c.oid and h.relname like '%_hnsw'), 0), "
            "coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) from pg_class c "
            "join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and n.nspname like 'imagefinder%'"
        )
        named = dict(self.ask("select 'vector_' || n, name from vectors"))
        found: dict[str, int] = {}
        for table, rows, indexes, hnsw, more in self.ask(sql):
            name = named.get(table, table)
            found |= {name: rows + more, f"{name}, keys": indexes - int(hnsw), f"{name}, graph": int(hnsw)}
        return {name: size for name, size in sorted(found.items()) if size > 2**17}

    def resident(self, queries: np.ndarray, scratch: Path) -> int:
        """What must be in memory for searches to read no disk: the graph, and the vectors with their key."""
        return sum(size for name, size in self.bytes().items() if name.startswith("v"))

    def built_again(self) -> dict[str, float]:
        """The graph again, in so little memory that its end is made on the disk."""
        graph = "vector_1_hnsw"
        make = f"create index {graph} on vector_1 using hnsw (v halfvec_ip_ops)"
        with self.connection() as connection:
            connection.execute(f"drop index {graph}")
            connection.execute(f"set maintenance_work_mem to '{LITTLE_MEMORY_MB}MB'")
            spent = self.spent(lambda: connection.execute(make))
        return {"memory_mb": LITTLE_MEMORY_MB, "build_cpu_s": round(sum(spent), 1)}

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with self.connection() as connection:
            return connection.execute(sql).fetchall()

    @contextmanager
    def connection(self) -> Iterator[Any]:
        import psycopg

        address = self.server.address("x").replace("/x?", "?")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute('set search_path to "imagefinder_scaling", public')
            yield connection


@contextmanager
def made(store: str, scratch: Path) -> Iterator[Site]:
    if store == "folder":
        site = Site(scratch / "points")
        try:
            yield site
        finally:
            site.store.close()
        return
    import database

    settings = {"shared_buffers": "1GB", "max_wal_size": "1GB", "max_parallel_workers_per_gather": "0"}
    settings["maintenance_work_mem"] = "4GB"
    with database.running(**settings) as server:
        site = DatabaseSite(server)
        try:
            yield site
        finally:
            site.store.close()


def server_seconds(server: Any) -> float:
    """Processor seconds of a PostgreSQL and of all its processes, those that have ended too."""
    first = server._running.pid
    fields = Path(f"/proc/{first}/stat").read_text().rpartition(")")[2].split()
    ended = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    pids = [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]
    return ended + sum(running_seconds(pid) for pid in pids)


def running_seconds(pid: int) -> float:
    """Of one process, to the nanosecond."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (OSError, IndexError):
        return 0.0


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[dict[str, Any]]]] = {
    "embedding": embedding,
    "serve": serve,
    "records": records,
    "graph": graph,
    "cluster": cluster_part,
}

if __name__ == "__main__":
    sys.exit(main())

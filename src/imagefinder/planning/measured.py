"""What was measured, and the slopes that plans are made from.

``measured.json`` is a copy of what ``benchmarks/scaling.py`` wrote. Bytes grow with the number of images (least
squares). So do writing and searching exactly; the processor time of a search by a graph grows with the logarithm of
the number, that of making a graph with the number and its logarithm (Malkov and Yashunin 2018, section 4.2). For each
of those the constant is the geometric mean of the rows, and ``spread`` says how far rows are from each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from imagefinder.store.edge.engine import HNSW_FROM as EDGE_FROM
from imagefinder.store.postgres.store import HNSW_FROM as POSTGRES_FROM

FILE = Path(__file__).parent / "measured.json"
DIM = 256  # of the vectors whose graphs were measured
HALF = 2  # bytes of a number, as float16
BENCHED = {"folder": "folder", "qdrant": "folder", "postgresql": "postgresql"}  # Qdrant's engine is that of a folder
GRAPH_FROM = {"folder": EDGE_FROM, "qdrant": 50_000, "postgresql": POSTGRES_FROM}
RECORD = ("payload", "id_tracker", "mutable_id_tracker", "points", "said")
Row = Mapping[str, Any]


@cache
def measured() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found


@dataclass(frozen=True, slots=True)
class Slopes:
    """Of one store: bytes and processor milliseconds an image or a search. ``largest`` is the largest number of vectors
    that was measured, ``graph_from`` the smallest that has a graph."""

    record_bytes: float
    vector_bytes: float  # of the row of a vector, beside its numbers
    graph_bytes: float  # of a vector of 256 dimensions; with the vector's numbers where ``graph_copies``
    graph_copies: bool
    resident_bytes: float  # of an image, beside vectors and graphs
    write_client_ms: float
    write_server_ms: float
    fit_client_ms: float
    fit_server_ms: float
    exact_ms: float  # for each vector
    search_ms: float  # times ln(vectors)
    build_ms: float  # for each vector, times ln(vectors)
    recall: float
    spread: float
    little_memory: float  # how many times as long a graph takes that outgrows its memory
    samples: tuple[float, ...]  # of a search by a graph, as shares of the mean, in order of size
    largest: int
    graph_from: int

    def query_ms(self, vectors: float) -> float:
        """Processor milliseconds of a search among so many vectors of 256 dimensions."""
        if vectors < self.graph_from:
            return max(self.exact_ms * vectors, 0.05)
        return self.search_ms * math.log(vectors)

    def build_hours(self, vectors: float) -> float:
        """Processor hours of a graph of so many vectors of 256 dimensions."""
        return 0.0 if vectors < self.graph_from else self.build_ms * vectors * math.log(vectors) / 3.6e6


@cache
def slopes(store: str) -> Slopes:
    """Those of a store, a key of ``BENCHED``."""
    name, found = BENCHED[store], measured()
    records = [row for row in found["records"] if row["store"] == name]
    rows = [row for row in found["graph"] if row["store"] == name]
    graphs = [row for row in rows if row["build_cpu_s"] > 0]
    exact = [row for row in rows if row["build_cpu_s"] == 0]
    copies = name == "postgresql"
    per_graph = mean_of(graphs, lambda row: _graph(row) / row["images"])
    search = [row["query_cpu_ms"] / math.log(row["images"]) for row in graphs]
    build = [1e3 * row["build_cpu_s"] / row["images"] / math.log(row["images"]) for row in graphs]
    fit = next(row["fit_cpu_ms"] for row in records if "fit_cpu_ms" in row)
    last = graphs[-1]
    slow = next(
        (row["little_memory"]["build_cpu_s"] / row["build_cpu_s"] for row in rows if "little_memory" in row), 1.0
    )
    return Slopes(
        record_bytes=slope(records, lambda row: sum(n for part, n in row["bytes"].items() if part.startswith(RECORD))),
        vector_bytes=slope(records, _rows_of_vectors) / len(records[0]["vectors"]),
        graph_bytes=per_graph,
        graph_copies=copies,
        resident_bytes=0.0
        if copies
        else max(0.0, slope(graphs, lambda r: r["resident_bytes"]) - HALF * DIM - per_graph),
        write_client_ms=mean_of(records, lambda row: row["write_cpu_ms"]["client"]),
        write_server_ms=mean_of(records, lambda row: row["write_cpu_ms"]["server"]),
        fit_client_ms=fit["client"],
        fit_server_ms=fit["server"],
        exact_ms=mean_of(exact, lambda row: row["query_cpu_ms"] / row["images"]),
        search_ms=geometric(search),
        build_ms=geometric(build),
        recall=last["recall"],
        spread=max(max(search) / min(search), max(build) / min(build)),
        little_memory=slow,
        samples=tuple(one / last["query_cpu_ms"] for one in last["query_cpu_samples_ms"]),
        largest=max(row["images"] for row in rows),
        graph_from=GRAPH_FROM[store],
    )


def embedding_ms(model: str, image_bytes: float) -> tuple[float, float]:
    """Processor milliseconds of an image of so many bytes from file to vector, and of that without the network: what
    decoding a larger file adds is the same for all models."""
    rows = {row["model"]: row for row in measured()["embedding"]}
    small, large = rows["default"], rows["default, 12 megapixels"]
    apart = [row["cpu_ms"] - row["inference_ms"] for row in (small, large)]
    more = (apart[1] - apart[0]) / (large["bytes_per_image"] - small["bytes_per_image"])
    rest = max(0.1, apart[0] + more * (image_bytes - small["bytes_per_image"]))
    return rows[model]["inference_ms"] + rest, rest


def serving_ms() -> float:
    """Processor milliseconds of ``imagefinder serve`` for a search."""
    return float(measured()["serve"][0]["cpu_ms"])


def slope(rows: Sequence[Row], value: Callable[[Row], float]) -> float:
    """What one image more adds, by least squares; of one row its share."""
    if len(rows) == 1:
        return value(rows[0]) / float(rows[0]["images"])
    middle = mean_of(rows, lambda row: row["images"])
    mean = mean_of(rows, value)
    over = sum((row["images"] - middle) * (value(row) - mean) for row in rows)
    return float(over / sum((row["images"] - middle) ** 2 for row in rows))


def mean_of(rows: Sequence[Row], value: Callable[[Row], float]) -> float:
    return sum(value(row) for row in rows) / len(rows)


def geometric(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def _rows_of_vectors(row: Row) -> float:
    """The bytes of all tables or files of vectors, beside the numbers in them."""
    tables = sum(
        n for part, n in row["bytes"].items() if part.removeprefix("vector_storage-").split(", ")[0] in row["vectors"]
    )
    return float(tables - HALF * row["images"] * sum(row["vectors"].values()))


def _graph(row: Row) -> float:
    return float(sum(n for part, n in row["bytes"].items() if part in ("v, graph", "vector_index-v")))

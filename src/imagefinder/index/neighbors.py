"""The neighbour graph of an index: computed once, stored, and used for clusters, maps, duplicates and outliers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.errors import IndexDamagedError, NotFoundError, StorageError
from imagefinder.index.runs import Run, drop_former, drop_run, readable_runs, save_run
from imagefinder.types import OnProgress, ignore
from imagefinder.vectors.neighbors import NeighborGraph, knn_graph
from imagefinder.vectors.shards import Shards, rows_of

if TYPE_CHECKING:
    from imagefinder._util.places import Place
    from imagefinder.index.folder import Index
    from imagefinder.types import Float32

KIND = "neighbors"
KEPT, FEWEST = 90, 20  # neighbours: what the most demanding of them (t-SNE) looks at, and what most of them need
LARGEST = 256 * 1024**2  # bytes of a graph that is kept, with as many neighbours as that allows


def index_graph(index: Index, vectors: Float32 | Shards, k: int, *, progress: OnProgress = ignore) -> NeighborGraph:
    """The ``k`` nearest neighbours of vectors, float32 (n, dim), of this index, or of shards of them. The stored graph
    is used if it was made from the same vectors; otherwise it is computed, and stored if it is of all images."""
    shards = Shards.of(vectors)
    digest = hashlib.blake2b(b"".join(shards.map(_digest)), digest_size=16).hexdigest()
    for run in readable_runs(index.documents, KIND):
        if run.facts.get("vectors") == digest:
            try:
                found = _read(run, len(shards))
                if found.k >= min(k, len(shards) - 1):
                    return found.first(k)
            except NotFoundError:  # another took its place meanwhile
                continue
            except IndexDamagedError:
                if not index.read_only:
                    drop_run(run)
    room = min(KEPT, LARGEST // (8 * max(1, len(shards))))
    worth_keeping = not index.read_only and room >= max(k, FEWEST) and len(shards) == index.store.count()
    graph = knn_graph(shards, room if worth_keeping else k, progress=progress)
    if worth_keeping:
        _keep(index, graph, digest)
    return graph.first(k)


def kept_graph(documents: Place) -> dict[str, Any] | None:
    """What people are told of the graph that is kept, see ``results.IndexInfo``."""
    facts = [run.facts for run in readable_runs(documents, KIND)][-1:]
    return {name: facts[0].get(name, 1.0) for name in ("images", "k", "recall")} if facts else None


def _digest(part: Any) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(rows_of(part)).data, digest_size=16).digest()


def _read(run: Run, n: int) -> NeighborGraph:
    """Raises IndexDamagedError, or NotFoundError if it was dropped meanwhile."""
    arrays = run.arrays({"indices": ("i", n, "k"), "distances": ("f", n, "k")})
    indices = arrays["indices"]
    if indices.size and (int(indices.min()) < 0 or int(indices.max()) >= n):
        raise IndexDamagedError(f"{run.folder} is damaged: it has neighbours that are no images.", remedy=run.again)
    recall = run.facts.get("recall", 1.0)
    return NeighborGraph(indices, arrays["distances"], recall if isinstance(recall, float) else 1.0)


def _keep(index: Index, graph: NeighborGraph, digest: str) -> None:
    try:
        run = save_run(
            index.documents,
            KIND,
            {"vectors": digest, "k": graph.k, "images": len(graph), "recall": round(graph.recall, 4)},
            {"indices": graph.indices, "distances": graph.distances},
        )
    except StorageError:  # a disk too full to keep it: it is computed again next time
        return
    drop_former(index.documents, run)

"""The k-nearest-neighbour graph: computed once, used by clustering, maps, duplicates and outliers. It is exact up to
``EXACT`` vectors, and made by ``cells`` above. Its tasks run in threads or on a cluster, and give the same graph to the
bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.errors import InvalidInputError
from imagefinder.types import OnProgress, Progress, ignore
from imagefinder.vectors.cells import nearest_in_cells
from imagefinder.vectors.nearest import ROWS, Nearest, merge, nearest
from imagefinder.vectors.shards import SHARD, Shards, bounds, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from imagefinder.types import Float32

EXACT = 30_000  # vectors, which take 5 s of a core; of more, not all are compared
SPAN, MOST_SPANS = 16, 64  # parts that a task compares with, at least; into how many tasks a row's work is divided


@dataclass(frozen=True, slots=True)
class NeighborGraph:
    """The nearest neighbours of each row, nearest first, without the row itself.

    ``indices`` is int32 (n, k), ``distances`` float32 (n, k): Euclidean distances, which between unit vectors are
    sqrt(2 - 2 cosine). ``recall`` is the share of the true neighbours of a sample that are among them: 1 where the
    graph is exact.
    """

    indices: npt.NDArray[np.int32]
    distances: Float32
    recall: float = 1.0

    @property
    def k(self) -> int:
        return int(self.indices.shape[1])

    def __len__(self) -> int:
        return int(self.indices.shape[0])

    def first(self, k: int) -> NeighborGraph:
        """The graph with only the ``k`` nearest neighbours."""
        return NeighborGraph(self.indices[:, :k], self.distances[:, :k], self.recall)

    def to_sparse(self) -> Any:
        """A scipy CSR matrix (n, n) of the distances."""
        from scipy.sparse import csr_matrix

        n, k = self.indices.shape
        starts = np.arange(0, n * k + 1, k)
        return csr_matrix((self.distances.ravel(), self.indices.ravel(), starts), shape=(n, n))


def knn_graph(
    vectors: Float32 | Shards,
    k: int,
    *,
    queries: Float32 | None = None,
    within: float = np.inf,
    exact: bool = False,
    progress: OnProgress = ignore,
) -> NeighborGraph:
    """The ``k`` nearest rows of ``vectors``, float32 (n, dim), for each row, or for each of ``queries`` (m, dim): all
    where there are at most ``EXACT`` vectors, or it must be ``exact``, else nearly all that lie ``within`` a distance.
    Of equally near rows the first comes first.

    Where the vectors are shards, their runner does the work and the vectors stay where they are: this process holds
    only the result. A task needs some 30 MB for distances besides its rows. ``progress`` is told of each task. ``k`` is
    lowered to the number of possible neighbours: n - 1, or n for queries. Raises InvalidInputError.
    """
    shards = Shards.of(vectors)
    rows = shards if queries is None else Shards.of(queries, shards.runner)
    if shards.dim != rows.dim:
        raise InvalidInputError(f"Vectors of {shards.dim} dimensions can't be compared with ones of {rows.dim}.")
    k = min(k, len(shards) if queries is not None else len(shards) - 1)
    if k < 1:
        raise InvalidInputError(f"Neighbours need at least two images, and k of 1 or more; there are {len(shards)}.")
    squares = _squares(rows)
    if rows is not shards:
        _squares(shards)
    if exact or len(shards) <= EXACT or not len(rows):
        found = _all_compared(shards, rows, k, progress)
        return NeighborGraph(found.indices, np.sqrt(np.maximum(found.values + squares[:, None], 0)))
    found, recall = nearest_in_cells(shards, rows, k, within=within, progress=progress)
    return NeighborGraph(found.indices, np.sqrt(found.values), recall)


def _all_compared(shards: Shards, rows: Shards, k: int, progress: OnProgress) -> Nearest:
    found = Nearest.none(len(rows), k)
    pieces, spans = _pieces(len(rows), shards.runner.workers), _spans(len(shards.parts))
    done = shards.runner.map(nearest, _tasks(shards, rows, k, rows is shards, pieces))
    for number, further in enumerate(done):
        a, b = pieces[number % len(pieces)]
        found.indices[a:b], found.values[a:b] = merge(found.some(a, b), further)
        progress(Progress("comparing images", number + 1, len(pieces) * len(spans)))
    return found


def _tasks(
    shards: Shards, rows: Shards, k: int, itself: bool, pieces: list[tuple[int, int]]
) -> Iterator[tuple[Any, ...]]:
    """The arguments of ``nearest`` for each span of columns and, inside, each piece of rows: so the columns that were
    sent to a machine serve many tasks in a row, and the spans of a piece come in their order."""
    for span in _spans(len(shards.parts)):
        firsts = [SHARD * part for part in span]
        for a, b in pieces:
            part, start = rows.parts[a // SHARD], a % SHARD
            here = slice(start, start + b - a)
            yield (part, here, a if itself else None, k, firsts, *(shards.parts[other] for other in span))


def _spans(parts: int) -> list[range]:
    step = max(SPAN, -(-parts // MOST_SPANS))
    return [range(a, min(a + step, parts)) for a in range(0, parts, step)]


def _pieces(n: int, workers: int) -> list[tuple[int, int]]:
    """Where the pieces of ``n`` rows begin and end: a few for each worker, none beyond a part. What comes out does not
    depend on them, since they are made of whole blocks."""
    step = min(SHARD, ROWS * max(1, -(-n // (4 * workers * ROWS))))
    return [(c, min(c + step, b)) for a, b in bounds(n) for c in range(a, b, step)]


def _squares(shards: Shards) -> Float32:
    """The square of each vector's length, float32 (n,). Raises InvalidInputError where one is no number."""
    found: Float32 = np.concatenate([np.zeros(0, np.float32), *shards.map(_squares_of)])
    if not np.isfinite(found).all():
        raise InvalidInputError(
            f"The vector {int(np.flatnonzero(~np.isfinite(found))[0])} has values that are no numbers."
        )
    return found


def _squares_of(part: Any) -> Float32:
    rows = rows_of(part)
    return np.asarray(np.einsum("ij,ij->i", rows, rows))

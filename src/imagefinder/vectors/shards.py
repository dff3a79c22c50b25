"""Vectors in parts of equal size, each held where the tasks run that work on it: in this process or on a cluster."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from imagefinder._util.runner import Runner, Threads
from imagefinder._util.threads import one_blas_thread
from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

    Rows = npt.NDArray[np.int64]
    Apply = Callable[[Float32], Float32]

SHARD = 8192  # rows of a part; of 256 dimensions they take 8 MB


@dataclass(frozen=True, slots=True)
class Shards:
    """Vectors float32 (``n``, ``dim``) as ``parts`` of ``SHARD`` rows, the last one perhaps shorter. A part is what the
    ``runner`` gives for it: only tasks see its rows, as ``rows_of`` them, and each decides what comes back to this
    process. ``held`` are all of the vectors where this process has them anyway."""

    runner: Runner
    parts: Sequence[Any]
    n: int
    dim: int
    held: Float32 | None = field(default=None, repr=False)

    @classmethod
    def of(cls, vectors: Float32 | Shards, runner: Runner | None = None) -> Shards:
        """Of vectors in memory, float32 (n, dim), in threads unless a runner is given; shards stay as they are. Raises
        InvalidInputError."""
        if isinstance(vectors, Shards):
            return vectors
        if vectors.ndim != 2:
            raise InvalidInputError(f"Vectors must have the shape (n, dim), got {vectors.shape}.")
        runner = runner or Threads()
        parts = [runner.put(sent(vectors[a:b]) if runner.far else vectors[a:b]) for a, b in bounds(len(vectors))]
        return cls(runner, parts, len(vectors), vectors.shape[1], vectors)

    @classmethod
    def stream(cls, batches: Iterable[Float32], runner: Runner) -> Self:
        """Of batches float32 (any number, dim), of which no more than a part is in this process at once, unless tasks
        run in it."""
        parts, n, dim = [], 0, 0
        for rows in _in_parts(batches):
            parts.append(runner.put(sent(rows) if runner.far else rows))
            n, dim = n + len(rows), rows.shape[1]
        return cls(runner, parts, n, dim)

    def __len__(self) -> int:
        return self.n

    def map(self, do: Callable[..., Any], *shared: Any) -> Generator[Any, None, None]:
        """``do(part, *shared)`` for each part, in order. What is ``shared`` is sent once."""
        given = [self.runner.put(value) for value in shared]
        yield from self.runner.map(do, ((part, *given) for part in self.parts))

    def __getitem__(self, rows: Rows | npt.NDArray[np.bool_]) -> Float32:
        """Some of the vectors in this process, float32 (rows, dim): by their numbers, or those marked."""
        if self.held is not None:
            return self.held[rows]
        rows = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        taken = np.empty((len(rows), self.dim), np.float32)
        part_of = rows // SHARD
        wanted = np.unique(part_of).tolist()
        tasks = ((self.parts[part], rows[part_of == part] - part * SHARD) for part in wanted)
        for part, found in zip(wanted, self.runner.map(_take, tasks), strict=True):
            taken[part_of == part] = found
        return taken

    def all(self) -> Float32:
        """All of the vectors in this process, float32 (n, dim)."""
        if self.held is not None:
            return self.held
        return np.concatenate([np.zeros((0, self.dim), np.float32), *self.map(rows_of)])

    def only(self, marked: npt.NDArray[np.bool_]) -> Shards:
        """Those of the vectors that are marked, bool (n,), as shards of their own."""
        if marked.all():
            return self
        if self.held is not None:
            return Shards.of(self.held[marked], self.runner)
        rows = np.flatnonzero(marked)
        parts = [self.some(rows[a:b]) for a, b in bounds(len(rows))]
        return Shards(self.runner, parts, len(rows), self.dim)

    def some(self, rows: Rows) -> Any:
        """Some of the vectors, by their numbers, which are ascending, as one part."""
        if self.held is not None and not self.runner.far:
            return self.held[rows]
        part_of = rows // SHARD
        used = np.unique(part_of).tolist()
        chosen = [rows[part_of == part] - part * SHARD for part in used]
        return self.runner.call(_join, chosen, *(self.parts[part] for part in used))

    def different(self, enough: int) -> int:
        """How many of the vectors differ from each other; if ``enough`` do, perhaps not all of them are looked at."""
        seen: set[bytes] = set()
        for some in self.map(_digests):
            seen |= some
            if len(seen) >= enough:
                break
        return len(seen)


def bounds(n: int) -> list[tuple[int, int]]:
    """Where the parts of ``n`` rows begin and end."""
    return [(a, min(a + SHARD, n)) for a in range(0, n, SHARD)]


def rows_of(part: Any) -> Float32:
    """The rows of a part, float32 (rows, dim), in a task."""
    return np.asarray(part, np.float32)


def sent(rows: Float32) -> Any:
    """A part as it is sent to other processes: half as much where nothing is lost by it, as of vectors out of a
    store."""
    with np.errstate(over="ignore"):
        half = rows.astype(np.float16)
    return half if np.array_equal(half, rows) else np.ascontiguousarray(rows)


def _in_parts(batches: Iterable[Float32]) -> Iterator[Float32]:
    waiting: list[Float32] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= SHARD:
            rows = np.concatenate(waiting)
            whole = len(rows) - len(rows) % SHARD
            yield from (rows[a : a + SHARD] for a in range(0, whole, SHARD))
            waiting = [rows[whole:]]
    if rest := sum(map(len, waiting)):
        yield np.concatenate(waiting)[-rest:]


def _take(part: Any, rows: Rows) -> Float32:
    return rows_of(part[rows])


def _join(chosen: list[Rows], *parts: Any) -> Any:
    return np.concatenate([part[rows] for part, rows in zip(parts, chosen, strict=True)])


def _digests(part: Any) -> set[bytes]:
    rows = rows_of(part) + np.float32(0)  # -0 is no other number than 0
    return {hashlib.blake2b(row.data, digest_size=16).digest() for row in np.ascontiguousarray(rows)}


def filled(batches: Iterable[Float32], expected: int) -> Float32:
    """All rows of batches float32 (any number, dim), about as many as ``expected``, never held twice."""
    whole, n = np.zeros((0, 0), np.float32), 0
    for rows in batches:
        if n + len(rows) > len(whole):
            larger = np.empty((max(expected, n + len(rows)), rows.shape[1]), np.float32)
            if n:
                larger[:n] = whole[:n]
            whole = larger
        whole[n : n + len(rows)] = rows
        n += len(rows)
    return whole[:n]


def in_parts(batches: Iterable[tuple[list[str], Float32]], apply: Apply) -> Iterator[tuple[list[str], Float32]]:
    """Ids and vectors in parts of ``SHARD`` rows, the last one perhaps shorter: what ``apply`` makes of raw vectors. It
    is given a whole part at once, and one thread, so that the same vectors come out to the bit wherever it is done."""
    ids: list[str] = []
    waiting: list[Float32] = []
    for some, rows in batches:
        ids, waiting = [*ids, *some], [*waiting, rows]
        while len(ids) >= SHARD:
            held = np.concatenate(waiting)
            yield ids[:SHARD], applied(apply, held[:SHARD])
            ids, waiting = ids[SHARD:], [held[SHARD:]]
    if ids:
        yield ids, applied(apply, np.concatenate(waiting))


def applied(apply: Apply, raw: Float32) -> Float32:
    """What ``apply`` makes of vectors, in one thread."""
    with one_blas_thread():
        return apply(raw)

"""The nearest rows where there are too many to compare each with each: only rows that lie near the same landmarks are.

The landmarks are a random part of the vectors, and the rows nearest to one are its cell. Each row is in several cells,
and inside a cell all are compared: two rows are found to be near each other if one of their cells is the same. This is
an inverted file (Jégou, Douze and Schmid 2011) whose lists overlap on both sides. In how many cells a row must be is
read off a sample whose true neighbours are known, and so is the recall that is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imagefinder.types import OnProgress, Progress
from imagefinder.vectors.keys import NONE, keys_of, least_keys, renumbered, unpacked
from imagefinder.vectors.nearest import ROWS, Nearest, merge, nearest
from imagefinder.vectors.shards import SHARD, Shards, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from imagefinder.types import Float32
    from imagefinder.vectors.keys import Keys

    Bool = npt.NDArray[np.bool_]
    Int32 = npt.NDArray[np.int32]
    Int64 = npt.NDArray[np.int64]

CELL = 100  # vectors for each landmark
MOST_CELLS = 16  # that a row is in
SAMPLE = 500  # rows whose true neighbours are found
AIM = 0.96  # the recall that is planned for; what came out was .95 at least wherever it was measured
LARGEST = 8192  # rows of a cell that are compared with each other; more are one picture a thousandfold, and divided
ROUNDED = 1e-5  # of a vector's square: so much may squared distances differ by rounding
TASK = 8192  # rows, one in several cells counted as often, that one task compares


class Cells(NamedTuple):
    """The rows of each cell, ascending: those of cell ``c`` are ``rows[starts[c] : starts[c + 1]]``."""

    rows: Int64
    starts: Int64

    @classmethod
    def of(cls, near: Int32, count: int) -> Cells:
        """From the cells of each row, int32 (n, m)."""
        flat = near.ravel()
        order = np.argsort(flat, kind="stable") // near.shape[1]
        return cls(order, np.concatenate([[0], np.cumsum(np.bincount(flat, minlength=count))]))

    def of_cell(self, cell: int) -> Int64:
        return self.rows[self.starts[cell] : self.starts[cell + 1]]

    def of_some(self, cells: Int64) -> Int64:
        """The rows that are in any of some cells, ascending."""
        return np.unique(np.concatenate([self.of_cell(cell) for cell in cells.tolist()]))


def nearest_in_cells(
    shards: Shards, rows: Shards, k: int, *, within: float, progress: OnProgress, seed: int = 0
) -> tuple[Nearest, float]:
    """Nearly the ``k`` nearest of the vectors for each of ``rows``, which may be the vectors themselves, and the recall
    on a sample, in which only neighbours ``within`` a distance count. ``values`` are squared distances."""
    random, n = np.random.default_rng(seed), len(shards)
    landmarks = shards[np.sort(random.choice(n, max(MOST_CELLS, n // CELL), replace=False))]
    sample = np.sort(random.choice(len(rows), min(SAMPLE, len(rows)), replace=False))
    true = nearest_of_some(shards, rows, sample, k)
    counted = true.values <= within**2 * (1 + 1e-5)
    sorted_columns = _sorted_in(shards, landmarks, progress)
    sorted_rows = sorted_columns if rows is shards else _sorted_in(rows, landmarks, progress)
    known = counted if counted.sum() >= SAMPLE else np.ones_like(counted)  # so few would tell little
    m = _cells_needed(sorted_rows[sample], sorted_columns[true.indices], known)
    m = min(MOST_CELLS, max(m, -(-4 * k // CELL)))
    columns = Cells.of(sorted_columns[:, :m], len(landmarks))
    own = columns if rows is shards else Cells.of(sorted_rows[:, :m], len(landmarks))
    found = _compared(shards, rows, own, columns, _plan(own, columns, landmarks), k, progress)
    found = _completed(shards, rows, found, k)
    limit = np.where(counted, true.values, 0).max(axis=1) + ROUNDED * np.square(rows[sample]).sum(axis=1)
    good = np.minimum((found.values[sample] <= limit[:, None]).sum(axis=1), counted.sum(axis=1))
    return found, float(good.sum() / counted.sum()) if counted.any() else 1.0


def nearest_of_some(shards: Shards, rows: Shards, some: Int64, k: int) -> Nearest:
    """The true ``k`` nearest of the vectors for ``some`` of the rows; of vectors themselves without themselves."""
    here, itself = rows[some], rows is shards
    wanted = min(k + itself, len(shards))
    part, found = shards.runner.put(here), Nearest.none(len(some), wanted)
    tasks = ((part, slice(None), None, wanted, [SHARD * i], other) for i, other in enumerate(shards.parts))
    for further in shards.runner.map(nearest, tasks):
        found = merge(found, further)
    squares = np.einsum("ij,ij->i", here, here)[:, None]
    values = np.maximum(found.values + squares, 0)
    if not itself:
        return Nearest(found.indices, values)
    away = found.indices != some[:, None]
    away[away.all(axis=1), -1] = False  # among very many at no distance, a row may not find itself
    return Nearest(found.indices[away].reshape(-1, wanted - 1), values[away].reshape(-1, wanted - 1))


def _sorted_in(shards: Shards, landmarks: Float32, progress: OnProgress) -> Int32:
    """The nearest landmarks of each row, nearest first, int32 (n, MOST_CELLS)."""
    found = []
    for part in shards.map(nearest_landmarks, landmarks):
        found.append(part)
        progress(Progress("sorting images", len(found), len(shards.parts)))
    return np.concatenate(found)


def nearest_landmarks(part: Any, landmarks: Float32) -> Int32:
    """Those of the rows of one part."""
    rows, squares = rows_of(part), np.einsum("ij,ij->i", landmarks, landmarks)
    found = np.empty((len(rows), MOST_CELLS), np.int32)
    for a in range(0, len(rows), ROWS):
        near = squares - 2 * (rows[a : a + ROWS] @ landmarks.T)
        some = np.argpartition(near, MOST_CELLS - 1, axis=1)[:, :MOST_CELLS]
        order = np.argsort(np.take_along_axis(near, some, axis=1), axis=1, kind="stable")
        found[a : a + ROWS] = np.take_along_axis(some, order, axis=1)
    return found


def _cells_needed(rows: Int32, others: Int32, counted: Bool) -> int:
    """In how many cells each row must be, for the share ``AIM`` of those ``counted`` (s, k) to be found: of ``rows``
    (s, m) the neighbours whose cells are ``others`` (s, k, m)."""
    for m in range(2, MOST_CELLS):
        shared = (rows[:, None, :m, None] == others[:, :, None, :m]).any(axis=(2, 3))
        if shared[counted].sum() >= AIM * counted.sum():
            return m
    return MOST_CELLS


def _plan(own: Cells, columns: Cells, landmarks: Float32) -> list[Int64]:
    """The cells of each task. Neighbouring cells, which have many rows in common, are in one."""
    few = landmarks[: max(1, int(len(landmarks) ** 0.5))]
    group = (np.einsum("ij,ij->i", few, few) - 2 * (landmarks @ few.T)).argmin(axis=1)
    order = np.argsort(group, kind="stable")
    size = np.maximum(np.diff(own.starts), np.diff(columns.starts))[order]
    return np.split(order, np.flatnonzero(np.diff(np.cumsum(size) // TASK)) + 1)


def _compared(
    shards: Shards, rows: Shards, own: Cells, columns: Cells, plan: list[Int64], k: int, progress: OnProgress
) -> Nearest:
    """What the tasks find. Which of them finds a neighbour makes no difference, nor in which order they come."""
    keys = np.full((len(rows), k), NONE)

    def tasks() -> Iterator[tuple[Any, ...]]:
        for cells in plan:
            these, those = own.of_some(cells), columns.of_some(cells)
            pairs = [(own.of_cell(cell), columns.of_cell(cell)) for cell in cells.tolist()]
            places = [(np.searchsorted(these, a), np.searchsorted(those, b)) for a, b in pairs]
            yield None if rows is shards else rows.some(these), shards.some(those), places, k

    for number, found in enumerate(shards.runner.map(compare_cells, tasks())):
        these, those = own.of_some(plan[number]), columns.of_some(plan[number])
        keys[these] = least_keys(keys[these], renumbered(found, those), k)
        progress(Progress("comparing images", number + 1, len(plan)))
    return Nearest(*unpacked(keys))


def compare_cells(own: Any, columns: Any, cells: list[tuple[Int64, Int64]], k: int) -> Keys:
    """Nearly the ``k`` nearest of some ``columns`` for some rows (``own``; None: the columns themselves, none of which
    is its own neighbour): each is compared with those that share one of the ``cells`` with it."""
    others = rows_of(columns)
    rows = others if own is None else rows_of(own)
    found = np.full((len(rows), k), NONE)
    for mine, theirs in cells:
        pieces = max(1, -(-max(len(mine), len(theirs)) // LARGEST))
        for some, against in zip(np.array_split(mine, pieces), np.array_split(theirs, pieces), strict=True):
            block = others[against]
            squares = np.einsum("ij,ij->i", block, block)
            for a in range(0, len(some), ROWS):
                here = some[a : a + ROWS]
                these = rows[here]
                near = np.einsum("ij,ij->i", these, these)[:, None] + squares - 2 * (these @ block.T)
                if own is None:
                    near[np.arange(len(here)), np.arange(a, a + len(here))] = np.inf
                found[here] = least_keys(found[here], keys_of(near, against, k), k)
    return found


def _completed(shards: Shards, rows: Shards, found: Nearest, k: int) -> Nearest:
    """Rows that share their cells with fewer than ``k`` others are compared with all."""
    lacking = np.flatnonzero(found.indices[:, -1] < 0)
    for a in range(0, len(lacking), ROWS):
        some = lacking[a : a + ROWS]
        found.indices[some], found.values[some] = nearest_of_some(shards, rows, some, k)
    return found

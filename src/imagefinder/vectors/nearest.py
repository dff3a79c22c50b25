"""The nearest of some rows for others: what one task of the neighbour graph computes, and how such results are merged.

Of equal distances the lesser row comes first, always: so the ``k`` nearest of a union are the ``k`` nearest of the
``k`` nearest of its parts, whatever the parts are and in whichever order they are merged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imagefinder.vectors.shards import rows_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

    Int32 = npt.NDArray[np.int32]

ROWS, COLUMNS = 1024, 4096  # compared at once: 16 MB of distances, which a core's cache and a slow bus bear


class Nearest(NamedTuple):
    """The nearest columns of each row: ``indices`` int32 (rows, k), and what orders them, ``values`` float32 (rows, k):
    the squared distance less the row's own square. Where fewer were seen, the rest are -1 and infinity."""

    indices: Int32
    values: Float32

    @classmethod
    def none(cls, rows: int, k: int) -> Nearest:
        """Before any column was seen."""
        return cls(np.full((rows, k), -1, np.int32), np.full((rows, k), np.inf, np.float32))

    def some(self, a: int, b: int) -> Nearest:
        """Those of some rows, in the same memory."""
        return Nearest(self.indices[a:b], self.values[a:b])


def nearest(part: Any, here: slice, start: int | None, k: int, firsts: list[int], *columns: Any) -> Nearest:
    """The ``k`` nearest of the rows of parts (``columns``, which begin at the rows ``firsts``, ascending) to the rows
    ``here`` of another part. ``start`` is the number of the first of these, so that none finds itself; None where they
    are others."""
    rows = rows_of(part[here])
    found = Nearest.none(len(rows), k)
    doubled = -2 * rows  # exact; and it is never the memory of the columns, for which NumPy would sum in another order
    for first, others in zip(firsts, columns, strict=True):
        for b in range(0, len(others), COLUMNS):
            block = rows_of(others[b : b + COLUMNS])
            squares = np.einsum("ij,ij->i", block, block)
            for a in range(0, len(rows), ROWS):
                near = doubled[a : a + ROWS] @ block.T
                near += squares
                if start is not None:
                    _leave_out(near, first + b - start - a)
                _keep_nearer(found.some(a, a + ROWS), near, first + b)
    return found


def _leave_out(near: Float32, ahead: int) -> None:
    """Make the rows infinitely far from themselves; ``ahead`` is the first column's number less the first row's."""
    same = np.arange(max(0, ahead), min(len(near), ahead + near.shape[1]))
    near[same, same - ahead] = np.inf


def _keep_nearer(found: Nearest, near: Float32, first: int) -> None:
    """Put into ``found`` what is nearer in ``near``, float32 (rows, columns), whose columns begin at ``first`` and lie
    behind all that were seen."""
    m, k = found.values.shape
    worst = found.values[:, -1]
    if near.shape[1] > k and np.isinf(worst).any():
        limit = np.partition(near, k - 1, axis=1)[:, k - 1]
        flat = np.flatnonzero((near <= limit[:, None]) & (near < worst[:, None]))
    else:
        flat = np.flatnonzero(near < worst[:, None])
    if not len(flat):
        return
    rows, columns = np.divmod(flat, near.shape[1])
    counts = np.bincount(rows, minlength=m)
    place = k + np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    some = np.flatnonzero(counts)
    number = np.cumsum(counts > 0) - 1
    values = np.full((len(some), k + int(counts.max())), np.inf, np.float32)
    indices = np.full(values.shape, -1, np.int32)
    values[:, :k], indices[:, :k] = found.values[some], found.indices[some]
    values[number[rows], place], indices[number[rows], place] = near.ravel()[flat], columns + first
    kept = _least(Nearest(indices, values), k)
    found.indices[some], found.values[some] = kept


def merge(found: Nearest, further: Nearest) -> Nearest:
    """The nearest of both; the columns of ``further`` lie behind those of ``found``."""
    indices = np.concatenate([found.indices, further.indices], axis=1)
    values = np.concatenate([found.values, further.values], axis=1)
    return _least(Nearest(indices, values), found.values.shape[1])


def _least(some: Nearest, k: int) -> Nearest:
    order = np.argsort(some.values, axis=1, kind="stable")[:, :k]
    return Nearest(np.take_along_axis(some.indices, order, axis=1), np.take_along_axis(some.values, order, axis=1))

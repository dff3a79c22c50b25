"""Neighbours as whole numbers: the bits of the squared distance, then the row. The least number is the nearest
neighbour, and of equally near ones the first; what finds a neighbour twice finds the same number, or nearly."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

    Keys: TypeAlias = npt.NDArray[np.uint64]

NONE = np.uint64(2**64 - 1)  # in place of a neighbour where there are too few
HALF, LOW = np.uint64(32), np.uint64(2**32 - 1)


def keys_of(near: Float32, columns: npt.NDArray[np.int64], k: int) -> Keys:
    """The ``k`` nearest columns of each row, or all where there are fewer, by no order, of squared distances float32
    (rows, columns) that may be a little below 0. Infinite ones are left out."""
    if near.shape[1] > k:
        chosen = np.argpartition(near, k - 1, axis=1)[:, :k]
        near, found = np.take_along_axis(near, chosen, axis=1), columns[chosen]
    else:
        found = np.broadcast_to(columns, near.shape)
    bits = np.maximum(near, 0).view(np.uint32).astype(np.uint64)
    return np.where(np.isinf(near), NONE, (bits << HALF) | found.astype(np.uint64))


def least_keys(some: Keys, others: Keys, k: int) -> Keys:
    """The ``k`` nearest of both, (rows, k), nearest first, each once."""
    both = np.concatenate([some, others], axis=1)
    by_row = np.sort((both << HALF) | (both >> HALF), axis=1)
    again = (by_row[:, 1:] >> HALF) == (by_row[:, :-1] >> HALF)
    by_row[:, 1:][again] = NONE
    return np.sort((by_row << HALF) | (by_row >> HALF), axis=1)[:, :k]


def renumbered(keys: Keys, numbers: npt.NDArray[np.int64]) -> Keys:
    """With the number of each row in place of its place among the ``numbers``."""
    rows = np.minimum(keys & LOW, np.uint64(len(numbers) - 1)).astype(np.int64)
    return np.where(keys == NONE, NONE, (keys >> HALF << HALF) | numbers[rows].astype(np.uint64))


def unpacked(keys: Keys) -> tuple[npt.NDArray[np.int32], Float32]:
    """The rows int32 and the squared distances float32, -1 and infinity where there is none."""
    values = (keys >> HALF).astype(np.uint32).view(np.float32)
    values[keys == NONE] = np.inf
    return (keys & LOW).astype(np.uint32).view(np.int32), values

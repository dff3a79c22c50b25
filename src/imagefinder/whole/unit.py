"""Vectors of which only the direction counts: a store makes their length 1, then rounds them, and so do copies of them
once more. A rounded vector has not quite the length 1, so a few, of few dimensions, would come out otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.whole.contents import is_half

if TYPE_CHECKING:
    from imagefinder.store.base import Point, VectorParams
    from imagefinder.types import Float32

STEPS = 40
WITHIN = 0.98  # of the way to what would be rounded to another number


def to_store(points: Sequence[Point], vectors: Mapping[str, VectorParams]) -> list[Point]:
    """These points, to be given to a store that then holds their vectors to the bit."""
    names = [name for name, params in vectors.items() if params.metric == "cosine" and is_half(params)]
    found = [dict(point.vectors) for point in points]
    for name in names:
        having = [held for held in found if name in held]
        if having:
            rows = unrounded(np.stack([held[name] for held in having]).astype(np.float32))
            for held, row in zip(having, rows, strict=True):
                held[name] = row
    return [replace(point, vectors=held) for point, held in zip(points, found, strict=True)]


def unrounded(rows: Float32) -> Float32:
    """float32 (n, dim) of values that float16 holds: those rows that would change are replaced by vectors of length 1
    that are rounded to them. A row that was made by rounding such a vector has one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    changed = ((rows / np.where(lengths, lengths, 1)).astype(np.float16) != rows.astype(np.float16)).any(axis=1)
    result = rows.copy()
    for i in np.flatnonzero(changed):
        result[i] = _of_length_1(rows[i])
    return result


def _of_length_1(row: Float32) -> Float32:
    """By halving: the row times a factor, each number kept within what is rounded to it."""
    half = row.astype(np.float16)
    beside = [np.nextafter(half, np.float16(end)).astype(np.float64) for end in (-np.inf, np.inf)]
    least, most = (row + WITHIN * (other - row) / 2 for other in beside)
    low, high = 0.5, 2.0
    for _ in range(STEPS):
        factor = (low + high) / 2
        found = np.clip(row.astype(np.float64) * factor, least, most)
        low, high = (factor, high) if np.linalg.norm(found) < 1 else (low, factor)
    return found.astype(np.float32)

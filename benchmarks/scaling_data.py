"""Points to write by the million, made of those of real images."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from common import dataset

from imagefinder import ImageFinder
from imagefinder.index.folder import Index
from imagefinder.store.base import Point, VectorParams

IMAGES = 3000
NOISE = 0.3  # as long as this share of the vector
CHUNK = 10_000


def real_points(scratch: Path) -> tuple[list[Point], dict[str, VectorParams]]:
    """The points of an index of 3,000 photos of 64 pixels, with all their vectors."""
    home = scratch / f"scaling-{IMAGES}"
    if not home.is_dir():
        photos = sorted((dataset("tinyimagenet", scratch) / "images").iterdir())
        few = scratch / f"scaling-{IMAGES}-photos"
        few.mkdir(exist_ok=True)
        for path in photos[:: max(1, len(photos) // IMAGES)][:IMAGES]:
            (few / path.name).hardlink_to(path)
        with ImageFinder.open(home) as finder:
            finder.add(few)
    with Index(home, create=False) as index:
        params = dict(index.store.vectors())
        return [point for page in index.store.scroll(vectors=tuple(params)) for point in page], params


def again(sample: Sequence[Point], i: int, rng: np.random.Generator) -> Point:
    """The ``i``-th of any number of points: one of the sample, each vector with noise."""
    point = sample[i % len(sample)]
    rows = {}
    for name, row in point.vectors.items():
        noise = rng.standard_normal(len(row), dtype=np.float32)
        rows[name] = row + noise * (NOISE * np.linalg.norm(row) / np.linalg.norm(noise))
    payload = {**point.payload, "uri": f"{point.payload['uri']}.{i}.jpg"}
    return Point(str(uuid.UUID(int=int.from_bytes(rng.bytes(16), "big"))), payload, rows)


class Mixed:
    """Any number of vectors between real ones: a random mean of two, with noise. Row ``i`` is always the same."""

    def __init__(self, real: np.ndarray) -> None:
        """``real`` is float32 (n, dim)."""
        self.real = real / np.linalg.norm(real, axis=1, keepdims=True)

    def rows(self, first: int, n: int) -> np.ndarray:
        """float32 (n, dim), of unit length, from row ``first`` on."""
        rng = np.random.default_rng(first)
        pairs = rng.integers(len(self.real), size=(n, 2))
        share = rng.random((n, 1), dtype=np.float32)
        rows = share * self.real[pairs[:, 0]] + (1 - share) * self.real[pairs[:, 1]]
        noise = rng.standard_normal(rows.shape, dtype=np.float32)
        rows += noise * (NOISE * np.linalg.norm(rows, axis=1, keepdims=True) / np.sqrt(rows.shape[1]))
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def points(self, n: int) -> Iterator[Point]:
        for first in range(0, n, CHUNK):
            for i, row in enumerate(self.rows(first, min(CHUNK, n - first)), first):
                yield Point(str(uuid.UUID(int=(i * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)), {}, {"v": row})

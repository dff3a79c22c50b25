"""What a model makes of the parts of a picture, from one run over the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from math import isqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imagefinder.errors import ModelError
from imagefinder.models.base import Parts
from imagefinder.models.preprocess import normalise, prepare, seen_box
from imagefinder.models.session import Session

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.models.image_tower import ImageTower
    from imagefinder.models.spec import ModelSpec, Preprocess
    from imagefinder.types import Float32

WINDOW = 3  # of cells, where the map has about this many times three; larger maps have larger windows
SPECIAL = 8  # tokens of a transformer that stand for no part of the picture, at most
_OF_PATCHES = ("mean", "patch_mean", "max")


class Halves(NamedTuple):
    """An image graph in two: up to its last feature map, called ``map``, and what is behind it."""

    front: Session
    back: Session
    map: str


class PartsTower:
    """Pools the last feature map of an image graph over windows of it instead of the whole, so that one run gives a
    vector for each part. What is behind the map (pooling, a classifier, a projection) is run as it stands.

    Works for convolutional networks, and for transformers whose patches are pooled by their mean or maximum. It does
    not for those that look at the picture through one token: the other tokens lie elsewhere in the space.
    """

    def __init__(self, spec: ModelSpec, preprocess: Preprocess, tower: ImageTower, *, threads: int | None) -> None:
        self._spec = spec
        self._preprocess = preprocess
        self._tower = tower
        self._threads = threads

    def of(self, image: Image, vectors: Callable[[Mapping[str, Float32]], Mapping[str, Float32]]) -> Parts | None:
        """The parts of an upright RGB picture; ``vectors`` makes those of the spaces from the outputs of the graph.
        None for a model that can't tell parts."""
        row = prepare(image, self._preprocess)[None]
        halves = self._halves
        if halves is not None:
            (found,) = halves.front.run([halves.map], {self._tower.input: normalise(row, self._preprocess)})
        else:
            found = self._patches(row)
        if found is None or found.ndim != 4 or min(found.shape[2:]) < 2:
            return None
        windows, rows, columns = _windows(found)
        outputs = self._behind(windows)
        if outputs is None:
            return None
        height, width = (w / n for w, n in zip(windows.shape[2:], found.shape[2:], strict=True))
        box = seen_box(*image.size, self._preprocess)
        return Parts(rows, columns, height, width, box, vectors(outputs))

    def _behind(self, windows: np.ndarray) -> Mapping[str, Float32] | None:
        outputs = self._spec.image.outputs
        if self._halves is None:
            (name,) = outputs
            return self._tower.pooled({name: windows})
        arrays = self._halves.back.run(list(outputs.values()), {self._halves.map: windows})
        return self._tower.pooled(dict(zip(outputs, arrays, strict=True)))

    def _patches(self, row: np.ndarray) -> np.ndarray | None:
        """The output of a graph that is pooled outside it, float32 (1, channels, height, width)."""
        if len(self._spec.image.outputs) != 1 or self._spec.image.pooling not in (*_OF_PATCHES, "gem"):
            return None
        (found,) = self._tower.unpooled(row).values()
        if found.ndim == 3 and self._spec.image.pooling in _OF_PATCHES:
            side = isqrt(found.shape[1])
            special = found.shape[1] - side * side
            if side < 2 or special > SPECIAL or len(set(self._preprocess.size)) > 1:
                return None
            found = found[:, special:].transpose(0, 2, 1).reshape(1, -1, side, side)
        return found if found.ndim == 4 else None

    @cached_property
    def _halves(self) -> Halves | None:
        from imagefinder.models.prune import find_map

        image = self._spec.image
        path, outputs = self._spec.folder / image.file, tuple(image.outputs.values())
        try:
            map = find_map(path, outputs)
            if map is None or map in outputs:
                return None
            front = Session(path, outputs=(map,), threads=self._threads)
            return Halves(front, Session(path, outputs=outputs, threads=self._threads, given=map), map)
        except (ModelError, ValueError, OSError):  # a graph of 16-bit floats, or one that can't be cut there
            return None


def _windows(map: np.ndarray) -> tuple[np.ndarray, int, int]:
    """All windows of (1, channels, height, width) as (rows * columns, channels, h, w), and how many there are."""
    sides = tuple(min(n - 1, max(1, round(n * WINDOW / 9))) for n in map.shape[2:])
    found = np.lib.stride_tricks.sliding_window_view(map[0], sides, axis=(1, 2))
    channels, rows, columns = found.shape[:3]
    windows = found.transpose(1, 2, 0, 3, 4).reshape(rows * columns, channels, *sides)
    return np.ascontiguousarray(windows, np.float32), rows, columns

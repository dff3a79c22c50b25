"""What a model makes of a picture with parts of it hidden, from one run over the whole of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import isqrt
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from imagefinder._util.threads import chunked
from imagefinder.errors import ModelError
from imagefinder.models.base import WithoutParts
from imagefinder.models.preprocess import normalise, prepare, seen_box
from imagefinder.models.session import Session

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.models.image_tower import ImageTower
    from imagefinder.models.spec import ModelSpec, Preprocess
    from imagefinder.types import Float32

MOST = 12  # parts along each side
BATCH = 32  # maps run through what is behind them at once
SPECIAL = 8  # tokens of a transformer that stand for no part of the picture, at most
_OF_PATCHES = ("mean", "patch_mean", "max")
Outputs: TypeAlias = "Mapping[str, Float32]"


class Halves(NamedTuple):
    """An image graph in two: up to its last feature map, called ``map``, whose ``cells`` lie there (see
    ``prune.cell_grid``), and what is behind it."""

    front: Session
    back: Session
    map: str
    cells: tuple[tuple[float, float], tuple[float, float]]


class PartsTower:
    """Hides parts of the last feature map of an image graph under its mean, and runs what is behind the map (pooling, a
    classifier, a projection) for each: occlusion (Zeiler and Fergus 2014) where it is cheap. About a third of each side
    is hidden at a time.

    Works for convolutional networks, and for transformers whose patches are pooled by their mean or maximum. It does
    not for those that look at the picture through one token, which the last patches have no more part in.
    """

    def __init__(self, spec: ModelSpec, preprocess: Preprocess, tower: ImageTower, *, threads: int | None) -> None:
        self._spec = spec
        self._preprocess = preprocess
        self._tower = tower
        self._threads = threads

    def of(self, image: Image) -> WithoutParts | None:
        """An upright RGB picture with parts hidden; its ``vectors`` are the outputs of the graph, by their names in the
        spec. None for a model that can't do it."""
        found = self._map(prepare(image, self._preprocess)[None])
        if found is None or found.ndim != 4 or min(found.shape[2:]) < 2:
            return None
        steps = tuple(-(-cells // MOST) for cells in found.shape[2:])
        rows, columns = (range(0, cells, step) for cells, step in zip(found.shape[2:], steps, strict=True))
        hidden = [
            (slice(0), slice(0)),
            *((_near(i, found.shape[2]), _near(j, found.shape[3])) for i in rows for j in columns),
        ]
        outputs = [self._behind(_without(found[0], some)) for some in chunked(hidden, BATCH)]
        whole = {name: np.concatenate([part[name] for part in outputs]) for name in outputs[0]}
        down, across = (
            (first / side, step * jump / side)
            for (first, step), jump, side in zip(self._grid(found.shape), steps, self._preprocess.size, strict=True)
        )
        box = seen_box(*image.size, self._preprocess)
        return WithoutParts(len(rows), len(columns), down, across, box, whole)

    def _map(self, row: np.ndarray) -> np.ndarray | None:
        """The last feature map of a picture, (1, channels, height, width)."""
        if self._halves is None:
            return self._patches(row)
        front, name = self._halves.front, self._halves.map
        return front.run([name], {self._tower.input: normalise(row, self._preprocess)})[0]

    def _behind(self, maps: np.ndarray) -> Outputs:
        outputs = self._spec.image.outputs
        if self._halves is not None:
            arrays = self._halves.back.run(list(outputs.values()), {self._halves.map: maps})
            return self._tower.pooled(dict(zip(outputs, arrays, strict=True)))
        (name,) = outputs
        if self._spec.image.pooling not in _OF_PATCHES:
            return self._tower.pooled({name: maps})
        tokens = maps.reshape(*maps.shape[:2], -1)
        return {name: tokens.max(axis=2) if self._spec.image.pooling == "max" else tokens.mean(axis=2)}

    def _patches(self, row: np.ndarray) -> np.ndarray | None:
        """The output of a graph that is pooled outside it, float32 (1, channels, height, width), without the tokens
        that stand for no part."""
        if len(self._spec.image.outputs) != 1 or self._spec.image.pooling not in (*_OF_PATCHES, "gem"):
            return None
        (found,) = self._tower.unpooled(row).values()
        if found.ndim == 3 and self._spec.image.pooling in _OF_PATCHES:
            side = isqrt(found.shape[1])
            special = found.shape[1] - side * side
            if side < 2 or special > SPECIAL or len(set(self._preprocess.size)) > 1:
                return None
            found = found[:, special:].transpose(0, 2, 1).reshape(1, -1, side, side)
        return found

    def _grid(self, shape: Sequence[int]) -> tuple[tuple[float, float], tuple[float, float]]:
        """The middle of the first cell and the step, in pixels, for rows and columns."""
        if self._halves is not None:
            return self._halves.cells
        steps = [side / cells for side, cells in zip(self._preprocess.size, shape[2:], strict=True)]
        return (steps[0] / 2, steps[0]), (steps[1] / 2, steps[1])

    @cached_property
    def _halves(self) -> Halves | None:
        from imagefinder.models.prune import cell_grid, find_map

        image = self._spec.image
        path, outputs = self._spec.folder / image.file, tuple(image.outputs.values())
        try:
            name = find_map(path, outputs)
            if name is None or name in outputs:
                return None
            front = Session(path, outputs=(name,), threads=self._threads)
            back = Session(path, outputs=outputs, threads=self._threads, given=name)
            return Halves(front, back, name, cell_grid(path, name))
        except (ModelError, ValueError, OSError):  # a graph of 16-bit floats, or one that can't be cut there
            return None


def _near(cell: int, cells: int) -> slice:
    """The cells that are hidden together with one."""
    around = 0 if cells < 4 else max(1, round(cells / 9))
    return slice(max(0, cell - around), cell + around + 1)


def _without(map: np.ndarray, hidden: Sequence[tuple[slice, slice]]) -> np.ndarray:
    """A map, (channels, height, width), with each of these windows under the mean of its channel, float32."""
    mean = map.mean(axis=(1, 2), keepdims=True)
    found = np.repeat(map[None], len(hidden), axis=0).astype(np.float32, copy=False)
    for one, (rows, columns) in zip(found, hidden, strict=True):
        one[:, rows, columns] = mean
    return found

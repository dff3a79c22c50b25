"""The image graph of a model, with the normalisation before it and the pooling after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import ModelError
from imagefinder.models.preprocess import normalise
from imagefinder.models.session import Session

if TYPE_CHECKING:
    from imagefinder.models.spec import ModelSpec, Preprocess
    from imagefinder.types import Float32


AT_ONCE = 4  # pictures in one run on a CPU: what the layers of 16 hold has no room in its caches (``ingest_cpu.py``)


class ImageTower:
    """The image graph of a spec, loaded when first used. Safe for several threads."""

    def __init__(self, spec: ModelSpec, preprocess: Preprocess, *, threads: int | None = None) -> None:
        self._spec = spec
        self._preprocess = preprocess
        self._threads = threads

    @property
    def provider(self) -> str:
        return self._session.provider

    def run(self, batch: np.ndarray) -> Mapping[str, Float32]:
        """uint8 (n, height, width, 3) to float32 (n, dim) for each output of the spec. Raises ModelError."""
        return self.pooled(self.unpooled(batch))

    def unpooled(self, batch: np.ndarray) -> Mapping[str, np.ndarray]:
        """The outputs of the spec as the graph gives them."""
        outputs = self._spec.image.outputs
        arrays = self._session.run(list(outputs.values()), {self.input: normalise(batch, self._preprocess)})
        return dict(zip(outputs, arrays, strict=True))

    def pooled(self, outputs: Mapping[str, np.ndarray]) -> Mapping[str, Float32]:
        """The outputs of a graph as float32 (n, dim). Raises ModelError."""
        return {
            name: finite(pool(array, self._spec.image.pooling if name != "classes" else "none"), self._spec.name)
            for name, array in outputs.items()
        }

    @cached_property
    def input(self) -> str:
        """The one that takes pictures."""
        if self._spec.image.input:
            return self._spec.image.input
        there = self._session.inputs
        found = [name for name, shape in there.items() if len(shape) == 4]
        if len(found) != 1:
            raise ModelError(
                f"{self._spec.name} should have one input for pictures, of four axes; it has {there}.",
                remedy="Name it in the spec.json: image.input.",
            )
        return found[0]

    @cached_property
    def _session(self) -> Session:
        image = self._spec.image
        path, outputs = self._spec.folder / image.file, tuple(image.outputs.values())
        return Session(path, outputs=outputs, threads=self._threads, at_once=AT_ONCE)


def pool(array: np.ndarray, pooling: str) -> Float32:
    """The output of a graph, (n, dim), (n, tokens, dim) or (n, channels, height, width), as one vector per picture:
    float32 (n, dim). Raises ModelError for a pooling that doesn't fit, and for values that are not finite."""
    if array.dtype.kind not in "fiu":
        raise ModelError(f"The model gives {array.dtype} {array.shape} instead of numbers.")
    if array.ndim == 4 and array.shape[2:] == (1, 1):
        array = array[:, :, 0, 0]
    how = _POOLINGS.get((pooling, array.ndim))
    if how is None:
        raise ModelError(f"A pooling {pooling!r} does not fit an output of the shape {array.shape}.")
    return np.asarray(how(array.astype(np.float32, copy=False)), dtype=np.float32)


def finite(vectors: Float32, name: str) -> Float32:
    """The vectors, unless one is not a number or infinite. Raises ModelError."""
    if not np.isfinite(vectors).all():
        raise ModelError(
            f"{name} gives vectors that are not numbers (NaN) or infinite.",
            remedy="The file is damaged, or 16 bits are too few for this model: take its model.onnx of 32 bits.",
        )
    return vectors


_POOLINGS: dict[tuple[str, int], Callable[[np.ndarray], np.ndarray]] = {
    **{(pooling, 2): lambda a: a for pooling in ("none", "cls", "mean", "patch_mean", "gem", "max")},
    ("cls", 3): lambda a: a[:, 0],
    ("mean", 3): lambda a: a.mean(axis=1),
    ("patch_mean", 3): lambda a: a[:, 1:].mean(axis=1),
    ("max", 3): lambda a: a.max(axis=1),
    ("mean", 4): lambda a: a.mean(axis=(2, 3)),
    ("max", 4): lambda a: a.max(axis=(2, 3)),
    # Radenovic et al. 2018, p = 3; negative activations count as none
    ("gem", 4): lambda a: np.cbrt((np.maximum(a, 1e-6) ** 3).mean(axis=(2, 3))),
}

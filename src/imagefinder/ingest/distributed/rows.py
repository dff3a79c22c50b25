"""What travels between the stages on a cluster: a row is some images together, as anything that can be pickled (its
``head``) and the pixels of those that are to be embedded, which are never copied for it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from imagefinder.ingest.known import Known
    from imagefinder.ingest.reading import Read
    from imagefinder.types import ImageRef, Skipped


@dataclass(slots=True)
class Chunk:
    """Some images on their way. ``refs`` are to be read, and ``known`` is what the index knows of them, by URI. Then
    ``results`` say what became of each, and ``fresh`` are the positions of those that lack vectors. What is an ImageRef
    there is left to the machine of the run. ``busy`` is how long each stage took, in seconds, and of a processor."""

    refs: Sequence[ImageRef] = ()
    known: dict[str, Known] = field(default_factory=dict)
    results: list[Read | Skipped | ImageRef] = field(default_factory=list)
    fresh: list[int] = field(default_factory=list)
    busy: dict[str, tuple[float, float]] = field(default_factory=dict)
    nodes: list[str] = field(default_factory=list)


def to_table(head: Any, pixels: np.ndarray | None = None) -> Any:
    """A ``pyarrow.Table`` of one row. ``pixels`` are of any shape and dtype."""
    import pyarrow as pa

    whole = (head, None if pixels is None else (pixels.shape, pixels.dtype.str))
    data = b"" if pixels is None else np.ascontiguousarray(pixels).data.cast("B")
    return pa.table({"head": _binary(pickle.dumps(whole, 5)), "pixels": _binary(data)})


def from_table(table: Any) -> Iterator[tuple[Any, np.ndarray | None]]:
    """The rows of a ``pyarrow.Table``, with their pixels, which may not be written to."""
    for head, pixels in zip(table["head"], table["pixels"], strict=True):
        found, form = pickle.loads(head.as_buffer())
        shape, dtype = form or ((), "u1")
        yield found, np.frombuffer(pixels.as_buffer(), dtype).reshape(shape) if form else None


def _binary(data: Any) -> Any:
    import pyarrow as pa

    ends = pa.py_buffer(np.array([0, len(data)], np.int64))
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, ends, pa.py_buffer(data)])

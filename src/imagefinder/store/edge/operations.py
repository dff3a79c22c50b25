"""What is written to the engine, as plain values, so that it can be written down and done again."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from imagefinder.store.base import Point
from imagefinder.store.shared.calls import packed, unpacked

if TYPE_CHECKING:
    import qdrant_edge

SIZES = struct.Struct(">IQ")  # of a head, JSON, and of the arrays behind it
Operation: TypeAlias = tuple[str, tuple[Any, ...]]  # a key of ``MAKERS``, and its arguments


def _upsert(points: Sequence[Point]) -> qdrant_edge.UpdateOperation:
    """The engine reads a memoryview fastest: 45 ns per float; an array takes 85, ``tolist`` 55."""
    import qdrant_edge as engine

    def one(point: Point) -> qdrant_edge.Point:
        vectors: Any = {name: memoryview(vector) for name, vector in point.vectors.items()}  # type: ignore[arg-type]
        return engine.Point(point.id, vectors, dict(point.payload))

    return engine.UpdateOperation.upsert_points([one(point) for point in points])


def _vectors(name: str, ids: Sequence[str], rows: Sequence[np.ndarray]) -> qdrant_edge.UpdateOperation:
    import qdrant_edge as engine

    pairs = zip(ids, rows, strict=True)
    return engine.UpdateOperation.update_vectors(
        [engine.PointVectors(id, {name: memoryview(row)}) for id, row in pairs]  # type: ignore[dict-item, arg-type]
    )


def _of_engine(name: str) -> Callable[..., qdrant_edge.UpdateOperation]:
    def make(*args: Any) -> qdrant_edge.UpdateOperation:
        from qdrant_edge import UpdateOperation

        made: qdrant_edge.UpdateOperation = getattr(UpdateOperation, name)(*args)
        return made

    return make


MAKERS: dict[str, Callable[..., Any]] = {
    "upsert": _upsert,
    "vectors": _vectors,
    "overwrite": _of_engine("overwrite_payload"),
    "set": _of_engine("set_payload"),
    "unset": _of_engine("delete_payload"),
    "delete": _of_engine("delete_points"),
}


def made(operation: Operation) -> qdrant_edge.UpdateOperation:
    """The engine's form."""
    kind, args = operation
    found: qdrant_edge.UpdateOperation = MAKERS[kind](*args)
    return found


def touched(operation: Operation) -> Sequence[str]:
    """The ids of the points whose payloads an operation changes."""
    kind, args = operation
    if kind == "upsert":
        return [point.id for point in args[0]]
    return () if kind == "vectors" else list(args[0])


class Journal:
    """A file of operations, in the order in which they were done: of each, JSON and the bytes of its arrays. It is for
    a process that does them again while this one lives; after a kill it is worth nothing."""

    def __init__(self, path: Path) -> None:
        self.path, self._file = path, path.open("xb")
        self.size = 0  # bytes
        self.spoiled = False  # something was done that it can't say

    def add(self, operation: Operation) -> None:
        """Raises OSError."""
        kind, args = operation
        said, arrays = _plain(kind, args)
        shapes = [[array.dtype.str, array.shape] for array in arrays]
        head = json.dumps({"kind": kind, "said": said, "arrays": shapes}).encode()
        body = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
        self._file.write(SIZES.pack(len(head), len(body)) + head + body)
        self._file.flush()
        self.size = self._file.tell()

    def close(self) -> None:
        self._file.close()


def _plain(kind: str, args: tuple[Any, ...]) -> tuple[Any, Sequence[np.ndarray]]:
    if kind == "upsert":
        return packed(args[0])
    if kind == "vectors":
        name, ids, rows = args
        return [name, list(ids)], [np.stack(rows)]
    return list(args), ()


def read_journal(path: Path, start: int, end: int) -> Iterator[Operation]:
    """The operations between two positions of a journal."""
    with path.open("rb") as file:
        file.seek(start)
        while file.tell() < end:
            head_bytes, body_bytes = SIZES.unpack(file.read(SIZES.size))
            head, body = json.loads(file.read(head_bytes)), memoryview(file.read(body_bytes))
            arrays = []
            for kind, shape in head["arrays"]:
                dtype = np.dtype(kind)
                size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
                arrays.append(np.frombuffer(body[:size], dtype).reshape(shape))
                body = body[size:]
            yield head["kind"], _args(head["kind"], head["said"], arrays)


def _args(kind: str, said: Any, arrays: Sequence[np.ndarray]) -> tuple[Any, ...]:
    if kind == "upsert":
        return (unpacked(said, arrays),)
    return (*said, list(arrays[0])) if kind == "vectors" else tuple(said)

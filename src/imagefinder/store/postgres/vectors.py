"""Vectors between NumPy and pgvector, as bytes, and how they are compared."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imagefinder.store.base import VectorParams
from imagefinder.store.checks import checked_vector

if TYPE_CHECKING:
    from psycopg import Connection

TYPES = {"float32": "vector", "float16": "halfvec"}  # of the database
MOST = 16_000  # dimensions that pgvector can store
INDEXED = {"float32": 2000, "float16": 4000}  # dimensions that its HNSW can index
_NUMBERS = {"vector": ">f4", "halfvec": ">f2"}
_HALF_MOST = 65_504.0


class Sent(NamedTuple):
    """A row on its way to the database."""

    row: np.ndarray


class SentVector(Sent):
    """One of float32."""


class SentHalf(Sent):
    """One of float16."""


SENT: dict[str, type[Sent]] = {"vector": SentVector, "halfvec": SentHalf}


def register(connection: Connection[Any], oids: dict[str, tuple[int, int]]) -> None:
    """Have a connection understand vectors; ``oids`` are those of the types and of their arrays."""
    from psycopg.adapt import Dumper
    from psycopg.pq import Format
    from psycopg.types import TypeInfo

    for name, (oid, array) in oids.items():
        TypeInfo(name, oid, array).register(connection)
        numbers = _NUMBERS[name]

        class Written(Dumper):
            format = Format.BINARY
            kind = numbers

            def dump(self, obj: Sent) -> bytes:
                return struct.pack(">HH", len(obj.row), 0) + obj.row.astype(self.kind).tobytes()

        Written.oid = oid
        connection.adapters.register_dumper(SENT[name], Written)


def read(data: bytes, params: VectorParams) -> np.ndarray:
    """A vector of the database, float32 (dim,)."""
    return np.frombuffer(data, _NUMBERS[TYPES[params.dtype]], offset=4).astype(np.float32)


def stored(rows: np.ndarray, params: VectorParams) -> list[Sent]:
    """Rows, float32 (n, dim), as they are stored: those compared by cosine with unit length, but for zeros."""
    sent = SENT[TYPES[params.dtype]]
    return [sent(row) for row in (_unit(rows) if params.metric == "cosine" else rows)]


def asked(name: str, vector: Any, params: VectorParams) -> tuple[Sent, float]:
    """A query, and what its scores are to be multiplied with: float16 ends before what a query may hold. Raises
    InvalidInputError."""
    row = checked_vector(name, vector, params)
    if params.metric == "cosine":
        row = _unit(row[None])[0]
    largest = float(np.abs(row).max())
    scale = largest if params.dtype == "float16" and largest > _HALF_MOST else 1.0
    return SENT[TYPES[params.dtype]](row / np.float32(scale)), scale


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    unit: np.ndarray = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return unit

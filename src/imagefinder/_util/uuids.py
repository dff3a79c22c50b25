"""UUIDs in large numbers: their texts and their bytes, a million in half a second."""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import overload
from uuid import UUID

import numpy as np

LENGTH = 36  # of the text of one
_DIGITS = [i for i in range(LENGTH) if i not in (8, 13, 18, 23)]
_PARTS = ((0, 8), (9, 13), (14, 18), (19, 23), (24, 36))
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def packed(ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """UUIDs, texts or an array of them, as uint8 (n, 16). Raises ValueError."""
    if isinstance(ids, Ids):
        return ids.packed
    texts = np.asarray(ids, dtype="S") if len(ids) else np.zeros(0, f"S{LENGTH}")
    if texts.dtype.itemsize == LENGTH:
        signs = np.ascontiguousarray(texts).view(np.uint8).reshape(-1, LENGTH)
        digits = np.concatenate([signs[:, start:end] for start, end in _PARTS], axis=1)
        with suppress(ValueError):
            return np.frombuffer(unhexlify(digits.tobytes()), np.uint8).reshape(-1, 16)
    written = (id.decode() if isinstance(id, bytes) else id for id in texts.tolist())
    return np.frombuffer(b"".join(UUID(id).bytes for id in written), np.uint8).reshape(-1, 16)


def unpacked(rows: np.ndarray) -> list[str]:
    """The texts of UUIDs given as uint8 (n, 16)."""
    texts = np.full((len(rows), LENGTH), ord("-"), np.uint8)
    texts[:, _DIGITS[::2]], texts[:, _DIGITS[1::2]] = _HEX[rows >> 4], _HEX[rows & 15]
    found: list[str] = texts.view(f"S{LENGTH}").reshape(-1).astype("U").tolist()
    return found


class Ids(Sequence[str]):
    """The texts of UUIDs of which only the bytes are kept, ``packed``, uint8 (n, 16)."""

    def __init__(self, packed: np.ndarray) -> None:
        self.packed = packed

    def __len__(self) -> int:
        return len(self.packed)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Ids: ...
    def __getitem__(self, at: int | slice) -> str | Ids:
        return Ids(self.packed[at]) if isinstance(at, slice) else str(UUID(bytes=self.packed[at].tobytes()))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Ids):
            return np.array_equal(self.packed, other.packed)
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(str.__eq__, self, other))

    def __hash__(self) -> int:
        return hash(self.packed.tobytes())

    def __iter__(self) -> Iterator[str]:
        return iter(unpacked(self.packed))

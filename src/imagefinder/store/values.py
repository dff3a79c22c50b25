"""Many JSON values in little memory: texts as one run of bytes, numbers as an array, others as they are. An object of
Python's for each of a million values takes ten times as much, and a second of each thorough collection of garbage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from imagefinder._util.shapes import WHOLE

OBJECT = 200  # bytes, about: a list of a few texts


class Texts(Sequence[str]):
    """Texts in UTF-8, each with a zero byte after it; ``ends`` are their ends, behind those, int64 (n)."""

    def __init__(self, data: bytes, ends: np.ndarray) -> None:
        self.data, self.ends = data, ends

    @classmethod
    def of(cls, texts: Sequence[str]) -> Texts:
        written = [_written(text) for text in texts]
        ends = np.cumsum(np.fromiter((len(one) + 1 for one in written), np.int64, len(written)))
        return cls(b"\0".join([*written, b""]), ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        i = range(len(self))[at]
        return _text(self.data[int(self.ends[i - 1]) if i else 0 : int(self.ends[i]) - 1])

    def __iter__(self) -> Iterator[str]:
        return (_text(self.data[start : end - 1]) for start, end in pairwise([0, *self.ends.tolist()]))

    def taken(self, rows: np.ndarray) -> Texts:
        starts = np.concatenate([[0], self.ends])[rows]
        ends = np.cumsum(self.ends[rows] - starts)
        data = [self.data[start:end] for start, end in zip(starts.tolist(), self.ends[rows].tolist(), strict=True)]
        return Texts(b"".join(data), ends)

    def lengths(self) -> np.ndarray:
        """In bytes, int64 (n)."""
        found: np.ndarray = np.diff(self.ends, prepend=0) - 1
        return found

    def size(self) -> int:
        """In bytes, about."""
        return len(self.data) + 8 * len(self)

    def equal(self, text: str) -> np.ndarray:
        """Which are this text, bool (n)."""
        wanted = _written(text) + b"\0"
        found = self._holding(wanted)
        lengths = self.lengths()
        for row in np.flatnonzero(found).tolist():
            found[row] = lengths[row] + 1 == len(wanted) and self.data.startswith(wanted, self.ends[row] - len(wanted))
        return found

    def hold(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """Which hold this text, in upper or lower case, and of which that is not known, bool (n) each."""
        wanted = text.casefold()
        starts = np.concatenate([[0], self.ends[:-1]])
        other = np.frombuffer(self.data, np.uint8) > 127
        unsure: np.ndarray = np.logical_or.reduceat(other, starts) if len(self) else np.zeros(0, bool)
        if "\0" in wanted:
            return np.zeros(len(self), bool), np.ones(len(self), bool)
        if not wanted.isascii():
            return np.zeros(len(self), bool), unsure
        return Texts(self.data.lower(), self.ends)._holding(wanted.encode()) & ~unsure, unsure

    def _holding(self, sought: bytes) -> np.ndarray:
        """In which the bytes begin."""
        rows, data = [], self.data
        at = data.find(sought)
        while 0 <= at < len(data):
            rows.append(at)
            at = data.find(sought, data.find(b"\0", at) + 1)
        found = np.zeros(len(self), bool)
        found[np.searchsorted(self.ends, rows, side="right")] = True
        return found


class Numbers(Sequence[Any]):
    """Whole numbers, int64 (n), or others, float64 (n)."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, at: Any) -> Any:
        return self.array[at].tolist()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array.tolist())

    def taken(self, rows: np.ndarray) -> Numbers:
        return Numbers(self.array[rows])

    def size(self) -> int:
        return 8 * len(self)


class Mixed(list[Any]):
    """Any values, as they are."""

    def taken(self, rows: np.ndarray) -> Mixed:
        return Mixed(self[i] for i in rows.tolist())

    def size(self) -> int:
        return OBJECT * len(self)


Values: TypeAlias = Texts | Numbers | Mixed


def values_of(values: Sequence[Any]) -> Values:
    """In the form that takes least memory. None is no value."""
    kinds = set(map(type, values))
    if kinds == {str}:
        return Texts.of(values)
    if kinds == {float}:
        return Numbers(np.array(values, np.float64))
    if kinds == {int} and min(values) >= -WHOLE and max(values) < WHOLE:
        return Numbers(np.array(values, np.int64))
    return Mixed(values)


def joined(parts: Sequence[Values]) -> Values:
    """One after the other."""
    there = [part for part in parts if len(part)]
    if len(there) < 2:
        return there[0] if there else Mixed()
    texts = [part for part in there if isinstance(part, Texts)]
    if len(texts) == len(there):
        before = np.cumsum([0, *(len(part.data) for part in texts)])
        ends = [part.ends + start for part, start in zip(texts, before, strict=False)]
        return Texts(b"".join(part.data for part in texts), np.concatenate(ends))
    arrays = [part.array for part in there if isinstance(part, Numbers)]
    if len(arrays) == len(there) and len({array.dtype for array in arrays}) == 1:
        return Numbers(np.concatenate(arrays))
    return Mixed(value for part in there for value in part)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _written(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

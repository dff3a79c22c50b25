"""The filters of Qdrant Edge, and points that fulfil one by their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np


class Named:
    """Of the points with these ``ids``, S36 (n) in ascending order, those of ``rows``, bool (n): a byte each, where a
    set of ids takes a hundred. The engine's ``filter`` is made where it is asked for."""

    def __init__(self, ids: np.ndarray, rows: np.ndarray) -> None:
        self._ids, self._rows = ids, rows
        self.n = int(np.count_nonzero(rows))

    def __contains__(self, id: str) -> bool:
        at = int(np.searchsorted(self._ids, id.encode()))
        return at < len(self._ids) and bool(self._rows[at]) and self._ids[at] == id.encode()

    @cached_property
    def filter(self) -> Any:
        from qdrant_edge import Filter, HasIdCondition

        ids: set[Any] = set(self._ids[self._rows].astype("U36").tolist())
        return Filter(must=[HasIdCondition(ids)])


def of_engine(part: Any) -> Any:
    return part.filter if isinstance(part, Named) else part


class EdgeTerms:
    """Fulfils ``engines.Terms``."""

    def __init__(self, words: str | None) -> None:
        """``words``: the path of the index of words, see ``words.words_path``."""
        import qdrant_edge

        self.words, self._path, self._engine = words is not None, words or "", qdrant_edge

    def all_of(self, parts: Sequence[Any]) -> Any:
        return self._engine.Filter(must=[of_engine(part) for part in parts])

    def any_of(self, parts: Sequence[Any]) -> Any:
        return self._engine.Filter(should=[of_engine(part) for part in parts])

    def none_of(self, part: Any) -> Any:
        return self._engine.Filter(must_not=[of_engine(part)])

    def equal(self, path: str, value: str | int) -> Any:
        return self._field(path, match=self._engine.MatchValue(value))

    def empty(self, path: str) -> Any:
        return self._engine.IsEmptyCondition(path)

    def within(self, path: str, bounds: Mapping[str, float]) -> Any:
        return self._field(path, range=self._engine.RangeFloat(**bounds))

    def dated(self, path: str, bounds: Mapping[str, str]) -> Any:
        return self._field(path, range=self._engine.RangeDateTime(**bounds))

    def text(self, path: str) -> Any:
        return self._field(path, match=self._engine.MatchSubstring(""))

    def says(self, text: str, how: str) -> Any:
        kinds: Any = {
            "all": self._engine.MatchText,
            "any": self._engine.MatchTextAny,
            "phrase": self._engine.MatchPhrase,
        }
        return self._field(self._path, match=kinds[how](text))

    def _field(self, path: str, **condition: Any) -> Any:
        return self._engine.Filter(must=[self._engine.FieldCondition(path, **condition)])

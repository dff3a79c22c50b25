"""The filters of Qdrant Edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class EdgeTerms:
    """Fulfils ``engines.Terms``."""

    def __init__(self, words: str | None) -> None:
        """``words``: the path of the index of words, see ``words.words_path``."""
        import qdrant_edge

        self.words, self._path, self._engine = words is not None, words or "", qdrant_edge

    def all_of(self, parts: Sequence[Any]) -> Any:
        return self._engine.Filter(must=list(parts))

    def any_of(self, parts: Sequence[Any]) -> Any:
        return self._engine.Filter(should=list(parts))

    def none_of(self, part: Any) -> Any:
        return self._engine.Filter(must_not=[part])

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

"""The filters of a Qdrant server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.store.qdrant.payloads import PATH, spelt_words

if TYPE_CHECKING:
    from qdrant_client.models import Filter


class QdrantTerms:
    """Fulfils ``engines.Terms``."""

    words = True

    def __init__(self) -> None:
        from qdrant_client import models

        self._models = models

    def all_of(self, parts: Sequence[Any]) -> Any:
        return self._models.Filter(must=list(parts))

    def any_of(self, parts: Sequence[Any]) -> Any:
        return self._models.Filter(should=list(parts))

    def none_of(self, part: Any) -> Any:
        return self._models.Filter(must_not=[part])

    def equal(self, path: str, value: str | int) -> Any:
        return self._field(path, match=self._models.MatchValue(value=value))

    def empty(self, path: str) -> Any:
        return self._models.IsEmptyCondition(is_empty=self._models.PayloadField(key=path))

    def within(self, path: str, bounds: Mapping[str, float]) -> Any:
        return self._field(path, range=self._models.Range(**bounds))

    def dated(self, path: str, bounds: Mapping[str, str]) -> Any:
        return self._field(path, range=self._models.DatetimeRange.model_validate(bounds))

    def text(self, path: str) -> Any:
        return self._field(path, match=self._models.MatchSubstring(substring=""))

    def says(self, text: str, how: str) -> Any:
        words = spelt_words(text)
        if not words:
            return of_ids([])
        if how == "phrase":
            return self._field(PATH, match=self._models.MatchPhrase(phrase=" ".join(words)))
        if how == "any":
            return self._field(PATH, match=self._models.MatchTextAny(text_any=" ".join(words)))
        return self.all_of([self._field(PATH, match=self._models.MatchText(text=word)) for word in set(words)])

    def _field(self, path: str, **condition: Any) -> Any:
        return self._models.FieldCondition(key=path, **condition)


def of_ids(ids: Iterable[str]) -> Any:
    """The points with one of these ids."""
    from qdrant_client import models

    return models.HasIdCondition(has_id=[*ids])


def both(*parts: Any) -> Filter | None:
    """The points that fulfil all of these, of which None says nothing; None if all say nothing."""
    from qdrant_client import models

    found = [part for part in parts if part is not None]
    return models.Filter(must=found) if found else None

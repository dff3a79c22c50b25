"""``client.concepts``: queries that are kept under a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from imagefinder.client.connection import filter_text
from imagefinder.client.queries import parts_of
from imagefinder.index.concepts import Concept
from imagefinder.search.kept_query import with_ids
from imagefinder.search.query import QueryInput, parse_query
from imagefinder.store.filters.parse import FilterLike

if TYPE_CHECKING:
    from imagefinder.client.transport import Transport

HOME = "/v1/concepts"


class Concepts:
    """As ``finder.concepts``: kept by the server, beside its index."""

    def __init__(self, transport: Transport, resolve: Callable[[Sequence[str]], Sequence[str]]) -> None:
        self._transport = transport
        self._resolve = resolve

    def save(
        self,
        name: str,
        query: QueryInput | None = None,
        *,
        liked: Sequence[str] = (),
        disliked: Sequence[str] = (),
        min_score: float | None = None,
        filter: FilterLike = None,
    ) -> Concept:
        """Keep a query, what was liked and disliked, and a filter under a name; it takes the place of a concept of that
        name. Raises as the library does."""
        terms = with_ids(parse_query(query), lambda place: self._resolve([place])[0]) if query is not None else []
        body = {
            "name": name,
            "parts": parts_of(list(terms), self._transport) if terms else [],
            "liked": list(self._resolve(liked)),
            "disliked": list(self._resolve(disliked)),
            "min_score": min_score,
            "filter": filter_text(filter),
        }
        return Concept.from_dict(self._transport.json("POST", HOME, json=body))

    def list(self) -> Sequence[Concept]:
        """All concepts, by their names."""
        return tuple(Concept.from_dict(row) for row in self._transport.json("GET", HOME)["concepts"])

    def get(self, name: str) -> Concept:
        """The concept of this name. Raises NotFoundError."""
        return Concept.from_dict(self._transport.json("GET", _place(name)))

    def rename(self, name: str, new: str) -> Concept:
        """Give a concept another name. Raises NotFoundError or InvalidInputError."""
        return Concept.from_dict(self._transport.json("PATCH", _place(name), json={"name": new}))

    def remove(self, name: str) -> None:
        """Forget a concept. Raises NotFoundError."""
        self._transport.send("DELETE", _place(name))

    def refresh(self) -> Sequence[Concept]:
        """Mark again which images belong to each concept. All concepts, as ``list``."""
        rows = self._transport.json("POST", f"{HOME}/refresh")["concepts"]
        return tuple(Concept.from_dict(row) for row in rows)


def _place(name: str) -> str:
    return f"{HOME}/{quote(name, safe='')}"

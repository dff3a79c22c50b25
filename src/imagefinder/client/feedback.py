"""``client.feedback``: what people said of responses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.catalog.feedback import Judgement

if TYPE_CHECKING:
    from imagefinder.client.transport import Transport

HOME = "/v1/feedback"
PAGE = 1000


class Feedback:
    """As ``finder.feedback``: kept by the server, beside its index."""

    def __init__(self, transport: Transport, resolve: Callable[[Sequence[str]], Sequence[str]]) -> None:
        self._transport = transport
        self._resolve = resolve

    def add(self, query: Mapping[str, Any], liked: Sequence[str] = (), disliked: Sequence[str] = ()) -> Judgement:
        """Keep what a person liked and disliked among the hits of a query, which is JSON."""
        body = {"query": dict(query), "liked": self._resolve(liked), "disliked": self._resolve(disliked)}
        return Judgement.from_dict(self._transport.json("POST", HOME, json=body))

    def list(self) -> Sequence[Judgement]:
        """All judgements, the newest first."""
        found: list[Judgement] = []
        while True:
            page = self._transport.json("GET", HOME, params={"k": PAGE, "offset": len(found)})
            found += [Judgement.from_dict(row) for row in page["feedback"]]
            if not page["feedback"] or len(found) >= page["total"]:
                return tuple(found)

    def remove(self, id: str) -> None:
        """Forget a judgement. Raises NotFoundError."""
        self._transport.send("DELETE", f"{HOME}/{id}")

    def __len__(self) -> int:
        return int(self._transport.json("GET", HOME, params={"k": 1})["total"])

"""``client.browse``: the collection by months, folders, tags and how values are spread."""

from __future__ import annotations

import builtins
import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder._util.threads import chunked
from imagefinder.client.connection import filter_text
from imagefinder.store.filters.parse import FilterLike

if TYPE_CHECKING:
    from imagefinder.client.transport import Transport

MANY = 10_000  # ids in one request


class Browse:
    """As ``finder.browse``."""

    def __init__(self, transport: Transport, resolve: Callable[[Sequence[Any]], Sequence[str]]) -> None:
        self._transport = transport
        self._resolve = resolve

    def timeline(self, filter: FilterLike = None) -> dict[str, Any]:
        """How many images there are of each month, the latest first."""
        return self._get("/v1/timeline", filter=filter_text(filter))

    def histogram(self, field: str, filter: FilterLike = None, bins: int = 40) -> dict[str, Any]:
        """How a field is spread over the images that match."""
        return self._get("/v1/histogram", field=field, filter=filter_text(filter), bins=bins)

    def folders(self, filter: FilterLike = None, under: str = "") -> dict[str, Any]:
        """The folders in the folder ``under``, the highest ones without it."""
        return self._get("/v1/facets/folders", filter=filter_text(filter), under=under)

    def tags(
        self, images: Sequence[str | os.PathLike[str]] | None = None, filter: FilterLike = None
    ) -> builtins.list[dict[str, Any]]:
        """All tags with how many images have each: of these images, of those that match, or of all."""
        if images is None:
            found: builtins.list[dict[str, Any]] = self._get("/v1/tags", filter=filter_text(filter))["tags"]
            return found
        counts: Counter[str] = Counter()
        for ids in chunked([*dict.fromkeys(self._resolve(images))], MANY):
            body = {"ids": ids, "filter": filter_text(filter)}
            rows = self._transport.json("POST", "/v1/tags/count", json=body)["tags"]
            counts.update({row["value"]: row["count"] for row in rows})
        return [{"value": v, "count": n} for v, n in sorted(counts.items(), key=lambda row: (-row[1], row[0]))]

    def rename_tag(self, tag: str, to: str | None) -> int:
        """Call a tag otherwise on all images that have it, or with None take it away. How many images have changed."""
        changed: int = self._transport.json("POST", "/v1/tags/rename", json={"tag": tag, "to": to})["changed"]
        return changed

    def _get(self, path: str, **params: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._transport.json("GET", path, params=params)
        return found

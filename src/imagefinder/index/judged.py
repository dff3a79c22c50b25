"""Images that people judged: they are known by their ids, and by their content where their files have moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagefinder.errors import NotFoundError
from imagefinder.store.filters.nodes import In

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

JUDGED = [{"id": str, "content_hash": str}]  # the shape in which they are kept
BATCH = 500


@dataclass(frozen=True, slots=True)
class Judged:
    """An image that was judged: its id, and its content hash, which stays the same when the file moves."""

    id: str
    content_hash: str

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, "content_hash": self.content_hash}


def judged(index: Index, ids: Iterable[str]) -> tuple[Judged, ...]:
    """Images by their ids, each once. Raises NotFoundError for one that is not in the index."""
    found = []
    for id in dict.fromkeys(ids):
        points = index.store.retrieve([id])
        if not points:
            raise NotFoundError(f"There is no image with the id {id}.")
        found.append(Judged(points[0].id, str(points[0].payload.get("content_hash", ""))))
    return tuple(found)


def ids_there(index: Index, images: Iterable[Judged]) -> dict[Judged, str]:
    """The ids that images have in the index now: their own while it holds what was judged, else that of the same
    content elsewhere, the first by id. One whose content has gone is left out."""
    wanted = list(dict.fromkeys(images))
    found: dict[Judged, str] = {}
    for start in range(0, len(wanted), BATCH):
        some = wanted[start : start + BATCH]
        held = {p.id: str(p.payload.get("content_hash", "")) for p in index.store.retrieve([j.id for j in some])}
        found |= {j: j.id for j in some if held.get(j.id) == j.content_hash}
        moved = tuple({j.content_hash for j in some if j not in found and j.content_hash})
        if not moved:
            continue
        by_content: dict[str, str] = {}
        for points in index.store.scroll(filter=In("content_hash", moved), fields=("content_hash",)):
            for point in points:
                by_content.setdefault(str(point.payload["content_hash"]), point.id)
        found |= {j: by_content[j.content_hash] for j in some if j not in found and j.content_hash in by_content}
    return found

"""Makes one hit of the pages of a PDF, or the frames of a video: the best of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from imagefinder.images.inside import whole_of
from imagefinder.search.rerank import RankedHit

if TYPE_CHECKING:
    from collections.abc import Callable

SPARE = 50  # hits looked at beyond those asked for
DEEPER = 4  # times as many where these were too few


class Pages(Protocol):
    """What gives ranked hits, page by page."""

    def page(self, offset: int, k: int, *, payload: bool = True) -> list[RankedHit]:
        """The hits from ``offset`` on, ``k`` at most; without ``payload``, that of some may be missing."""


def page_of_files(ranking: Pages, offset: int, k: int) -> list[RankedHit]:
    """The hits from ``offset`` on, ``k`` at most, where those of one file are one. A file is on one page only, the one
    of its best part."""
    depth = offset + k + SPARE
    while True:
        found = ranking.page(0, depth)
        files = together(found)
        if len(files) >= offset + k or len(found) < depth:
            return files[offset : offset + k]
        depth *= DEEPER


def together(found: Sequence[RankedHit]) -> list[RankedHit]:
    """The first hit of each file, with the ids of the others."""
    first: dict[str, RankedHit] = {}
    others: dict[str, list[str]] = {}
    for hit in found:
        file = whole_of(str(hit.point.payload.get("uri")))
        if file in first:
            others.setdefault(file, []).append(hit.point.id)
        else:
            first[file] = hit
    return [hit._replace(other_parts=tuple(others.get(file, ()))) for file, hit in first.items()]


def pages(ranking: Pages, files: bool, *, payload: bool = True) -> Callable[[int, int], list[RankedHit]]:
    """What gives a page of a ranking: with ``files``, one hit for each file. Without ``payload``, that of some may be
    missing."""
    if not files:
        return lambda offset, k: ranking.page(offset, k, payload=payload)
    return lambda offset, k: page_of_files(ranking, offset, k)

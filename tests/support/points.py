"""All that the points of an index hold, to compare two indexes to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imagefinder import ImageFinder


def points_of(place: Path | str) -> dict[str, tuple[dict[str, Any], dict[str, bytes]]]:
    """The payload and the bytes of every vector of each point, by its id."""
    with ImageFinder.open(place, create=False) as finder:
        store = finder._collection.index.store
        scroll = store.scroll(vectors=sorted(store.vectors()))
        return {
            point.id: (dict(point.payload), {name: row.tobytes() for name, row in point.vectors.items()})
            for points in scroll
            for point in points
        }

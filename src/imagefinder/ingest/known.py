"""What an index knows of its images, to decide which of them have changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from imagefinder.store.base import Store
    from imagefinder.types import ImageRef

KNOWN_FIELDS = ("bytes", "mtime_ns", "content_hash", "source", "sidecar_ns", "parts", "remote_version")


class Known(NamedTuple):
    """What the index knows about an image, to decide whether it has changed."""

    id: str
    size: int | None
    mtime_ns: int | None
    content_hash: str
    source: str
    sidecar_ns: int | None = None
    parts: Any = None  # of a page or frame: how many its file has
    version: str | None = None

    def is_current(self, ref: ImageRef) -> bool:
        """Whether the image and its sidecar are unchanged: by the version, where its place has such. A URL has neither
        size nor time here, so it counts as unchanged once it is indexed; a picture inside a table has the table's time.
        """
        if ref.version:
            return self.version == ref.version
        same = self.mtime_ns == ref.mtime_ns and self.sidecar_ns == ref.sidecar_ns
        return ref.mtime_ns is None or (same and ref.size in (None, self.size))


def known_images(store: Store) -> dict[str, Known]:
    """Every image of the index, by URI."""
    return dict(each_known(store))


def each_known(store: Store) -> Iterator[tuple[str, Known]]:
    """The same, one after the other."""
    for points in store.scroll(fields=("uri", *KNOWN_FIELDS)):
        for p in points:
            yield p.payload["uri"], Known._make((p.id, *(p.payload.get(name) for name in KNOWN_FIELDS)))

"""Where the images of an index are, by their records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagefinder.types import ImageRef, Record

FIELDS = ("uri", "content_hash", "member_at")


def known_ref(payload: Mapping[str, Any]) -> ImageRef:
    """The reference to an image of the index, by the ``FIELDS`` of its record: it must hold what was indexed."""
    content, at = payload.get("content_hash"), payload.get("member_at")
    return ImageRef(str(payload["uri"]), content_hash=str(content or ""), at=str(at or ""))


def ref_of(record: Record) -> ImageRef:
    """The same by a whole record."""
    return known_ref({**record.extra, "uri": record.uri, "content_hash": record.content_hash})

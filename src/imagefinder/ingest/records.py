"""The record of an image: from its file, from a table, and from its former record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from imagefinder.types import DERIVED_FIELDS, ImageRef, Record

FILE_FACTS = ("width", "height", "format", "taken_at")
FACTS = (*FILE_FACTS, "colours")  # what only decoding tells


def make_record(ref: ImageRef, content_hash: str, size: int, facts: Mapping[str, Any], former: Record | None) -> Record:
    """The record of an image of ``size`` bytes. Caption, tags and other columns of the ``former`` record are kept
    unless the table of ``ref`` has other values. What was computed from the image is kept if its content is the
    same."""
    mtime = datetime.fromtimestamp(ref.mtime_ns / 1e9, UTC) if ref.mtime_ns is not None else None
    record = Record(
        id=ref.id,
        uri=ref.uri,
        folder=ref.folder,
        source=ref.source,
        content_hash=content_hash,
        bytes=size,
        mtime=mtime.isoformat(timespec="seconds") if mtime else None,
        mtime_ns=ref.mtime_ns,
        caption=former.caption if former else None,
        tags=former.tags if former else (),
        extra=_kept(former, content_hash) if former else {},
        **{**facts, "colours": tuple(facts.get("colours") or ())},
    )
    return with_metadata(record, ref)


def _kept(former: Record, content_hash: str) -> dict[str, Any]:
    same = former.content_hash == content_hash
    return {k: v for k, v in former.extra.items() if (same or k not in DERIVED_FIELDS) and k != "missing"}


def with_metadata(record: Record, ref: ImageRef) -> Record:
    """The record with the columns that a table gives for its image."""
    metadata = dict(ref.metadata)
    caption = metadata.pop("caption", record.caption)
    tags = metadata.pop("tags", None)
    return replace(
        record,
        caption=str(caption) if caption is not None else None,
        tags=tuple(str(t) for t in tags) if isinstance(tags, list) else record.tags,
        extra={**record.extra, **{k: v for k, v in metadata.items() if v is not None}},
    )

"""The record of an image: from its file, from a table, and from its former record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os.path import basename
from typing import Any

from imagefinder.images import dates
from imagefinder.images.inside import is_file
from imagefinder.store.checks import storable
from imagefinder.types import DERIVED_FIELDS, ImageRef, Record

FILE_FACTS = ("width", "height", "format", "taken_at", "taken_from")
FACTS = (*FILE_FACTS, "colours")  # what only decoding tells


def make_record(ref: ImageRef, content_hash: str, size: int, facts: Mapping[str, Any], former: Record | None) -> Record:
    """The record of an image of ``size`` bytes. Caption, tags and other columns of the ``former`` record are kept
    unless the table of ``ref`` has other values. What was computed from the image is kept if its content is the
    same."""
    mtime = dates.of_file(ref.mtime_ns)
    record = Record(
        id=ref.id,
        uri=ref.uri,
        folder=ref.folder,
        source=ref.source,
        content_hash=content_hash,
        bytes=size,
        mtime=mtime,
        mtime_ns=ref.mtime_ns,
        caption=former.caption if former else None,
        tags=former.tags if former else (),
        extra=_kept(former, content_hash) if former else {},
        **{**facts, **_dated(ref, facts, mtime), "colours": tuple(facts.get("colours") or ())},
    )
    return with_metadata(record, ref)


def _dated(ref: ImageRef, facts: Mapping[str, Any], mtime: str | None) -> dict[str, Any]:
    """When the image was taken: by its content, else by its file's name, else guessed from the file's time. A name
    goes before the time of the last saving. What a copy of it owes to its own file is not taken over."""
    at, by = facts.get("taken_at"), facts.get("taken_from")
    if by in (dates.NAME, dates.FILE):
        at, by = None, None
    if (at is None or by == dates.CHANGED) and (found := dates.named(basename(ref.uri))):
        at, by = found, dates.NAME
    guess = dates.guess(mtime) if at is None and is_file(ref.uri) else None
    return {"taken_at": at, "taken_from": dates.FILE if guess else by, "taken_guess": guess}


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
        extra={**record.extra, **{k: v for k, v in metadata.items() if v is not None and storable(k, v)}},
    )

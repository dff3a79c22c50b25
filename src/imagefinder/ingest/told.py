"""Takes what files say of themselves into records, beside what people said, which always goes before.

A record notes what its file said last (``NOTED_FIELDS`` of ``types``). So a keyword that is new in the file becomes a
tag, one that the file no longer has leaves with it, and a tag that a person took away does not come back. The same goes
for the caption. What people had said before the file did stays when the file says it no more.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from imagefinder.images.metadata import TAGS
from imagefinder.types import FILE_FIELDS, Record


def told_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What a file says, from the record of an image with the same content; see ``images.metadata.told``."""
    said = {name: payload[name] for name in FILE_FIELDS if name in payload}
    noted = {"tags": payload.get("file_tags"), "caption": payload.get("file_caption")}
    return {**said, **{name: value for name, value in noted.items() if value}}


def with_told(record: Record, told: Mapping[str, Any], sidecar_ns: int | None) -> Record:
    """The record with what its file says now. It still has what its file said before, and what people say."""
    noted = record.extra
    tags, own_tags = merged_tags(
        record.tags, _list(noted.get("file_tags")), _list(noted.get("own_tags")), told.get("tags", ())
    )
    caption, own_caption = merged_caption(
        record.caption, _text(noted.get("file_caption")), bool(noted.get("own_caption")), told.get("caption")
    )
    changes = {
        **{name: told[name] for name in FILE_FIELDS if name in told},
        "file_tags": list(told.get("tags", ())) or None,
        "own_tags": own_tags or None,
        "file_caption": told.get("caption"),
        "own_caption": own_caption or None,
        "sidecar_ns": sidecar_ns,
    }
    extra = {name: value for name, value in {**record.extra, **changes}.items() if value is not None}
    return replace(record, tags=tuple(tags), caption=caption, extra=extra)


def merged_tags(
    now: Sequence[str], before: Collection[str], own: Collection[str], after: Sequence[str]
) -> tuple[list[str], list[str]]:
    """The tags of an image that has those of ``now``, whose file had the keywords ``before`` and has ``after``; and
    those of the file's that people had given first. ``own`` are these until now."""
    brought = set(before) - set(own)
    kept = [tag for tag in now if tag in after or tag not in brought]
    new = [tag for tag in after if tag not in before and tag not in kept]
    first = [tag for tag in after if tag in now and (tag in own or tag not in before)]
    return [*kept, *new][: max(TAGS, len(kept))], first


def merged_caption(now: str | None, before: str | None, own: bool, after: str | None) -> tuple[str | None, bool]:
    """The same for a caption, and whether people had given the file's first."""
    if after == before:
        return now, own
    if now == before and not own:
        return after, False
    return now, now is not None and now == after


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _list(value: Any) -> list[str]:
    return list(value) if isinstance(value, (list, tuple)) else []

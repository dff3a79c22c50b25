"""The record of an image: from its file, from a table, and from its former record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os.path import basename
from typing import Any

from imagefinder.images import dates
from imagefinder.images.inside import is_file, whole_of
from imagefinder.images.sidecars import told_beside
from imagefinder.ingest.told import told_of, with_told
from imagefinder.store.checks import storable
from imagefinder.types import DERIVED_FIELDS, FILE_FIELDS, TEXT_FIELDS, ImageRef, LoadedImage, Record

FILE_FACTS = ("width", "height", "format", "taken_at", "taken_from")
FACTS = (*FILE_FACTS, "colours")  # what only decoding tells
PDF = "pdf"  # has read a text that a page of a PDF has
_OF_CONTENT = {*DERIVED_FIELDS, *FILE_FIELDS, *TEXT_FIELDS}


def facts_of(loaded: LoadedImage) -> dict[str, Any]:
    """What a picture, its file and its sidecar say, for ``make_record``. What the sidecar says goes before."""
    from imagefinder.images.palette import colour_names

    ref = loaded.ref
    told = {**loaded.told, **(told_beside(ref.sidecar, ref.within) if ref.sidecar else {})}
    facts = {name: told.pop(name, getattr(loaded, name)) for name in FILE_FACTS}
    return {**facts, "colours": colour_names(loaded.image), "told": told}


def copied_facts(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The same from the record of an image with the same content."""
    text = {"text": payload["text"]} if payload.get("text_by") == PDF and "text" in payload else {}
    return {**{name: payload.get(name) for name in FACTS}, "told": {**told_of(payload), **text}}


def make_record(ref: ImageRef, content_hash: str, size: int, facts: Mapping[str, Any], former: Record | None) -> Record:
    """The record of an image of ``size`` bytes. Caption, tags and other columns of the ``former`` record are kept
    unless the table of ``ref`` has other values; what its file says is added (``told`` of the ``facts``). What was
    computed from the image is kept if its content is the same."""
    facts, told = dict(facts), dict(facts.get("told") or {})
    read = {"text": told.pop("text"), "text_by": PDF} if "text" in told else {}  # what a page of a PDF says
    facts.pop("told", None)
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
        extra={**(_kept(former, content_hash) if former else {}), **read},
        **{**facts, **_dated(ref, facts, mtime), "colours": tuple(facts.get("colours") or ())},
    )
    record = with_metadata(with_told(record, told, ref.sidecar_ns), ref)
    place = {"remote_version": ref.version, "member_at": ref.at}
    extra = {name: value for name, value in record.extra.items() if name not in place}
    return replace(record, extra={**extra, **{name: value for name, value in place.items() if value}})


def _dated(ref: ImageRef, facts: Mapping[str, Any], mtime: str | None) -> dict[str, Any]:
    """When the image was taken: by its content, else by its file's name, else guessed from the file's time. A name
    goes before the time of the last saving. What a copy of it owes to its own file is not taken over."""
    at, by = facts.get("taken_at"), facts.get("taken_from")
    if by in (dates.NAME, dates.FILE):
        at, by = None, None
    if (at is None or by == dates.CHANGED) and (found := dates.named(basename(whole_of(ref.uri)))):
        at, by = found, dates.NAME
    guess = dates.guess(mtime) if at is None and is_file(whole_of(ref.uri)) else None
    return {"taken_at": at, "taken_from": dates.FILE if guess else by, "taken_guess": guess}


def _kept(former: Record, content_hash: str) -> dict[str, Any]:
    same = former.content_hash == content_hash
    return {k: v for k, v in former.extra.items() if (same or k not in _OF_CONTENT) and k != "missing"}


def with_metadata(record: Record, ref: ImageRef) -> Record:
    """The record with the columns that a table gives for its image."""
    metadata = dict(ref.metadata)
    caption = metadata.pop("caption", record.caption)
    tags = metadata.pop("tags", None)
    read = TEXT_FIELDS if "text" in metadata else ()  # what was read in the picture gives way to the table's text
    extra = {name: value for name, value in record.extra.items() if name not in read}
    return replace(
        record,
        caption=str(caption) if caption is not None else None,
        tags=tuple(str(t) for t in tags) if isinstance(tags, list) else record.tags,
        extra={**extra, **{k: v for k, v in metadata.items() if v is not None and storable(k, v)}},
    )

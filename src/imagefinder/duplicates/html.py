"""A page that shows groups of duplicates side by side, in one file without outside parts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from imagefinder._util.files import write_named
from imagefinder.duplicates.matching.shown import HELD
from imagefinder.duplicates.report import DuplicateReport, Group
from imagefinder.errors import ImageError
from imagefinder.images.loader import Loader
from imagefinder.images.refs import ref_of
from imagefinder.images.thumbnails import thumbnail, to_data_uri
from imagefinder.types import Limits, Record

THUMB = 240  # pixels, longest side
SHOWN = 500  # groups; a page of more would be too heavy for a browser
STYLE = (
    "body{font:14px system-ui,sans-serif;margin:24px;color:#1b1b1f;background:#fff}"
    "section{border-top:1px solid #dadce0;padding:12px 0}h2{font-size:15px;margin:0 0 8px}"
    "div{display:flex;flex-wrap:wrap;gap:16px}figure{margin:0;width:240px}"
    "img{max-width:240px;max-height:240px;display:block}figcaption{overflow-wrap:anywhere;margin-top:4px}"
    "small{color:#5f6368}.keep img{outline:3px solid #188038}"
)


def write_page(path: Path, report: DuplicateReport, limits: Limits) -> None:
    """Write the page. Raises StorageError."""
    loader = Loader(limits, THUMB)
    try:
        sections = "".join(_section(loader, i, g) for i, g in enumerate(report.groups[:SHOWN], 1))
    finally:
        loader.close()
    more = len(report.groups) - SHOWN
    aside = _aside("one picture in several files", report.one_picture) + _aside("names of one file", report.one_file)
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Duplicates</title><style>{STYLE}</style>'
        f"<h1>{len(report.groups)} groups of duplicates among {report.images} images</h1>{sections}"
        + (f"<p>and {more} more groups</p>" if more > 0 else "")
        + f"{aside}</html>\n"
    )
    write_named(path, text.encode())


def _section(loader: Loader, number: int, group: Group) -> str:
    figures = _figure(loader, group.keep, [f"keep: {group.reason}", *group.beside.words], "keep")
    for member in group.members:
        held = [f"{HELD} {member.hold}"] if member.hold else []
        lines = [f"{member.tier}: {member.evidence}", *held, *member.beside.words]
        figures += _figure(loader, member.record, lines, "copy")
    return f"<section><h2>{number}. {escape(group.tier)}</h2><div>{figures}</div></section>"


def _aside(what: str, sets: Sequence[Sequence[str]]) -> str:
    """What looks like duplicates and is none."""
    if not sets:
        return ""
    rows = "".join(f"<li>{'<br>'.join(map(escape, uris))}</li>" for uris in sets[:SHOWN])
    more = f"<li>and {len(sets) - SHOWN} more</li>" if len(sets) > SHOWN else ""
    return f"<section><h2>No duplicates: {what}</h2><ul>{rows}{more}</ul></section>"


def _figure(loader: Loader, record: Record, lines: Sequence[str], kind: str) -> str:
    try:
        ref, name = ref_of(record), record.uri.replace("\\", "/").rpartition("/")[2]
        picture = to_data_uri(thumbnail(loader.decode(loader.read(ref)).image, THUMB))
        shown = f'<img src="{picture}" alt="{escape(name)}">'
    except ImageError as error:
        shown = f"<em>{escape(error.message)}</em>"
    facts = f"{record.width}x{record.height} {record.format}, {record.bytes:,} bytes"
    return (
        f'<figure class="{kind}">{shown}<figcaption>{"<br>".join(map(escape, lines))}<br>{escape(record.uri)}<br>'
        f"<small>{escape(facts)}</small></figcaption></figure>"
    )

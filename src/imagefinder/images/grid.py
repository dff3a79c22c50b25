"""The picture grid that hits and records show as in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from imagefinder.errors import ImageError
from imagefinder.images.loader import Loader, is_url
from imagefinder.types import ImageRef, Limits

THUMB = 160  # pixels, longest side
SHOWN = 60  # pictures in one grid; more would make the notebook heavy


def html_grid(items: Sequence[tuple[str, str, str]]) -> str:
    """HTML for (uri, title, caption) triples. Pictures are embedded, so the notebook shows them anywhere; a URL is
    left to the browser, and a file that can't be read shows as its name."""
    loader = Loader(Limits(), THUMB)
    cells = "".join(_cell(loader, *item) for item in items[:SHOWN])
    more = f"<p>and {len(items) - SHOWN} more</p>" if len(items) > SHOWN else ""
    return f'<div style="display:flex;flex-wrap:wrap;gap:8px;align-items:flex-end">{cells}</div>{more}'


def _cell(loader: Loader, uri: str, title: str, caption: str) -> str:
    name = uri.replace("\\", "/").rpartition("/")[2]
    source = _source(loader, uri)
    picture = (
        f'<img src="{escape(source)}" alt="{escape(caption or name)}" style="max-width:{THUMB}px;max-height:{THUMB}px">'
        if source
        else "<em>not readable</em>"
    )
    text = " ".join(escape(part) for part in (title, caption or name) if part)
    return (
        f'<figure style="margin:0;width:{THUMB}px" title="{escape(uri)}">{picture}'
        f'<figcaption style="font-size:11px;overflow:hidden;text-overflow:ellipsis">{text}</figcaption></figure>'
    )


def _source(loader: Loader, uri: str) -> str:
    from imagefinder.images.thumbnails import thumbnail, to_data_uri

    if is_url(uri):
        return uri
    try:
        return to_data_uri(thumbnail(loader.decode(loader.read(ImageRef(uri))).image, THUMB))
    except ImageError:
        return ""

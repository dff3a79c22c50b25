"""Sheets of thumbnails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from imagefinder.errors import ImageError
from imagefinder.images.heat import draw_map
from imagefinder.images.loader import Loader
from imagefinder.images.thumbnails import contact_sheet as draw_sheet
from imagefinder.images.thumbnails import thumbnail
from imagefinder.results import how_sure
from imagefinder.types import ImageRef, Limits

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.types import Float32, Hit

SHEET_THUMB = 200  # pixels, longest side


def contact_sheet(
    hits: Sequence[Hit],
    *,
    title: str = "",
    columns: int = 5,
    limits: Limits | None = None,
    maps: Mapping[str, Float32] | None = None,
) -> Image:
    """A sheet of thumbnails with rank, how sure it is and file name; one that can't be read any more is left blank.
    ``maps`` are drawn over the images with these ids: see ``images.heat``."""
    named = [(hit.uri, f"{hit.rank}. {how_sure(hit)}  {_name(hit)}") for hit in hits]
    by_uri = {hit.uri: maps[hit.id] for hit in hits if maps and hit.id in maps}
    return picture_sheet(named, title=title, columns=columns, limits=limits, maps=by_uri)


def picture_sheet(
    pictures: Sequence[tuple[str, str]],
    *,
    title: str = "",
    columns: int = 5,
    limits: Limits | None = None,
    maps: Mapping[str, Float32] | None = None,
) -> Image:
    """A sheet of thumbnails of (uri, text below it), with the ``maps`` of these URIs drawn over them."""
    loader = Loader(limits or Limits(), SHEET_THUMB)
    try:
        items = [(_mapped(picture_of(loader, uri), (maps or {}).get(uri)), text) for uri, text in pictures]
    finally:
        loader.close()
    return draw_sheet(items, columns=columns, size=SHEET_THUMB, title=title)


def _mapped(picture: Image | None, map: Float32 | None) -> Image | None:
    if picture is None or map is None:
        return picture
    return draw_map(thumbnail(picture, 2 * SHEET_THUMB), map)


def picture_of(loader: Loader, uri: str) -> Image | None:
    """The picture at ``uri``, upright; None if it can't be read."""
    try:
        return loader.decode(loader.read(ImageRef(uri))).image
    except ImageError:
        return None


def _name(hit: Hit) -> str:
    return hit.record.caption or hit.uri.replace("\\", "/").rpartition("/")[2]


def search_sheet(searches: Sequence[tuple[str, Sequence[Hit]]], *, limits: Limits | None = None) -> Image:
    """Several searches under each other, each a titled row of its hits."""
    from PIL import Image as Pillow

    rows = [contact_sheet(hits, title=title, columns=max(1, len(hits)), limits=limits) for title, hits in searches]
    sheet = Pillow.new("RGB", (max(r.width for r in rows), sum(r.height for r in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet

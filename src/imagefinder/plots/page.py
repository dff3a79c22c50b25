"""A map as one HTML file that works without a server or a network: zoom, hover, search, legend."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.files import write_named
from imagefinder._util.threads import ordered_map
from imagefinder.images.inside import file_of, part_of
from imagefinder.images.loader import Loader, is_url
from imagefinder.plots.colours import RAMP, Colouring
from imagefinder.plots.pictures import THREADS, WINDOW, grid_cells, in_square
from imagefinder.plots.sheets import picture_of
from imagefinder.types import Limits

if TYPE_CHECKING:
    from imagefinder.types import Float32, Record

TEMPLATE = Path(__file__).with_name("page.html")
EMBEDDED = 6000  # pictures at most inside the page, about 1.7 kB each; beyond, those spread evenly over the map
SIZE, COLUMNS = 56, 32  # pixels of a picture, pictures in a row of a sprite sheet
STEPS = 65_535  # places are whole numbers up to this


def write_page(
    coordinates: Float32,
    records: Sequence[Record],
    path: Path,
    *,
    colouring: Colouring | None = None,
    title: str = "Map of images",
    note: str = "",
    limits: Limits | None = None,
) -> int:
    """Write the page to ``path``; returns how many pictures it holds.

    ``coordinates`` are float32 (n, 2). Pictures are embedded as sprite sheets; of more than ``EMBEDDED`` images the
    others are read from their files when pointed at. The page asks no network for anything, and its policy forbids
    it; it does hold the paths of the images. Raises StorageError.
    """
    sheets, slots = _sprites(coordinates, [r.uri for r in records], limits or Limits())
    low = coordinates.min(axis=0) if len(coordinates) else np.zeros(2)
    scale = STEPS / max(float(np.ptp(coordinates, axis=0).max()) if len(coordinates) else 0.0, 1e-9)
    places = np.rint((coordinates - low) * scale).astype(int)
    width, height = (int(v) for v in places.max(axis=0, initial=1))
    base = _common([r.uri for r in records])
    data = {
        "title": title,
        "note": note,
        "x": places[:, 0].tolist(),
        "y": (height - places[:, 1]).tolist(),
        "width": width,
        "height": height,
        "base": base,
        "uris": [r.uri[len(base) :] for r in records],
        "links": [link(r.uri) for r in records],
        "names": [r.uri.replace("\\", "/").rpartition("/")[2] for r in records],
        "captions": [r.caption or "" for r in records],
        "sprites": {"sheets": sheets, "slots": slots, "size": SIZE, "columns": COLUMNS, "per": COLUMNS**2},
        **_colours(colouring),
    }
    # Inside a script only "<" could end it or open a comment; JSON reads the escape back.
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    page = TEMPLATE.read_text("utf-8").replace("@TITLE@", escape(title), 1).replace("@DATA@", text, 1)
    write_named(path, page.encode("utf-8", "replace"))
    return sum(slot >= 0 for slot in slots)


def link(uri: str) -> str:
    """What a browser opens for an image: the URL, the file's, or its table's, a PDF or video at its place; nothing that
    could run as a script."""
    if is_url(uri):
        return uri
    path, part = Path(file_of(uri)), part_of(uri)
    place = uri.removeprefix(part.file) if part else ""
    return path.as_uri() + place if path.is_absolute() else ""


def _colours(colouring: Colouring | None) -> dict[str, Any]:
    if colouring is None:
        return {"field": "", "categories": [], "codes": [], "numbers": None}
    low, high = colouring.limits
    numbers = None
    if colouring.numbers is not None:
        numbers = [float(v) if np.isfinite(v) else None for v in colouring.numbers]
    return {
        "field": colouring.name,
        "categories": [
            {"label": c.label, "colour": c.colour, "count": c.count, "named": c.named} for c in colouring.categories
        ],
        "codes": colouring.codes.tolist(),
        "numbers": numbers,
        "low": low,
        "high": high,
        "ramp": RAMP,
    }


def _common(uris: Sequence[str]) -> str:
    """The start that all addresses share, said once."""
    first, last = min(uris, default=""), max(uris, default="")
    return first[: next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def _sprites(coordinates: Float32, uris: Sequence[str], limits: Limits) -> tuple[list[str], list[int]]:
    """Sprite sheets as data URIs, and for each image its place in them, or -1."""
    from PIL import Image as Pillow

    from imagefinder.images.thumbnails import to_data_uri

    chosen = range(len(uris)) if len(uris) <= EMBEDDED else grid_cells(coordinates, shown=EMBEDDED)[0].tolist()
    slots, sheets, filled = [-1] * len(uris), [], 0
    loader = Loader(limits, SIZE)
    sheet = Pillow.new("RGB", (COLUMNS * SIZE, COLUMNS * SIZE), "white")
    try:
        pictures = ordered_map(lambda i: picture_of(loader, uris[i]), chosen, workers=THREADS, window=WINDOW)
        for i, picture in zip(chosen, pictures, strict=True):
            if picture is None:
                continue
            k = filled % COLUMNS**2
            if filled and k == 0:
                sheets.append(to_data_uri(sheet, 76))
            sheet.paste(in_square(picture, SIZE), (k % COLUMNS * SIZE, k // COLUMNS * SIZE))
            slots[i], filled = filled, filled + 1
    finally:
        loader.close()
    if filled:
        rows = -(-((filled - 1) % COLUMNS**2 + 1) // COLUMNS)
        sheets.append(to_data_uri(sheet.crop((0, 0, COLUMNS * SIZE, rows * SIZE)), 76))
    return sheets, slots

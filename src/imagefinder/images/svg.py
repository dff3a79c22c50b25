"""SVG drawings, by resvg (resvg-py). A drawing comes from anyone, so it is read here first and written again without
all that reaches out of it: other files and addresses, scripts, entities within entities. resvg itself would read files
that it names, and runs no script."""

from __future__ import annotations

import math
import re
import zlib
from io import BytesIO
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from PIL import Image, PngImagePlugin

LEAST, MOST = 512, 4096  # pixels of the longer side of a whole drawing: it has any size that is wanted
BYTES = 32_000_000  # unpacked, and again when entities are put in
ELEMENTS, DEPTH = 200_000, 256
ENTITIES = 1000
_LEFT_OUT = {"script", "foreignobject", "iframe", "audio", "video", "canvas", "handler", "listener"}
_PICTURE = re.compile(r"\s*data:image/(?:png|jpeg|jpg|gif|webp)\s*[;,]", re.IGNORECASE)
_LENGTH = re.compile(r"\s*\+?(\d*\.?\d+(?:[eE][+-]?\d+)?)\s*(px|pt|pc|mm|cm|in|em|ex|q)?\s*", re.ASCII)
_UNITS = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0, "em": 16.0, "ex": 8.0}
_UNITS |= {"q": 96 / 101.6, "": 1.0}
_SPACE = "http://www.w3.org/2000/svg"


def is_svg(data: bytes) -> bool:
    """Whether a file that begins with these bytes is a drawing, or a packed one."""
    head = _unpacked(data[:4096], 4096, whole=False) if data.startswith(b"\x1f\x8b") else data[:4096]
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    return text.startswith(b"<") and b"<svg" in text and not text.startswith((b"<!doctype html", b"<html"))


class Picture:
    """A drawing. ``size`` is its own, in pixels, but at least ``LEAST`` and at most ``MOST`` on the longer side."""

    def __init__(self, data: bytes) -> None:
        text = _unpacked(data, BYTES) if data.startswith(b"\x1f\x8b") else data
        self._drawing = _Drawing()
        self._drawing.read(text)
        width, height = self._drawing.size()
        scale = min(max(1.0, LEAST / max(width, height)), MOST / max(width, height))
        self.size = (max(1, round(width * scale)), max(1, round(height * scale)))

    def pixels(self, short_side: int | None) -> int:
        """How many pixels are drawn."""
        width, height = self._drawn(short_side)
        return width * height

    def picture(self, short_side: int | None) -> Image.Image:
        """The drawing with its transparency (RGBA)."""
        import resvg_py

        width, height = self._drawn(short_side)
        fonts = bool(self._drawing.texts)  # to look for those of the system takes longer than to draw
        png = resvg_py.svg_to_bytes(
            svg_string=self._drawing.text(), width=width, height=height, skip_system_fonts=not fonts
        )
        image: Image.Image = PngImagePlugin.PngImageFile(BytesIO(png), "")
        image.load()
        return image

    def says(self) -> Image.Image:
        """An image that says nothing: drawings have no date."""
        return Image.new("RGB", (1, 1))

    def _drawn(self, short_side: int | None) -> tuple[int, int]:
        scale = 1.0 if short_side is None else short_side / min(self.size)
        scale = min(scale, MOST / max(self.size))
        return max(1, math.ceil(self.size[0] * scale)), max(1, math.ceil(self.size[1] * scale))


class _Drawing:
    """Takes the events of the parser and writes the drawing again, without what is left out."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._written = self._elements = self._entities = self.texts = 0
        self._depth = 0
        self._left_out = 0  # the depth of the element that is being left out
        self._root: dict[str, str] = {}

    def read(self, data: bytes) -> None:
        """Raises ValueError for what is no drawing or more than one may be, expat.ExpatError for what is no XML."""
        parser = expat.ParserCreate()
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.EntityDeclHandler = self._entity
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.Parse(data, True)
        if not self._root:
            raise ValueError("It is no SVG drawing")

    def text(self) -> str:
        return "".join(self._out)

    def size(self) -> tuple[float, float]:
        """Width and height as it says them, else those of its view box."""
        box = [float(n) for n in re.findall(r"[+-]?\d*\.?\d+(?:[eE][+-]?\d+)?", self._root.get("viewBox", ""))[:4]]
        wide, high = box[2:] if len(box) == 4 and min(box[2:]) > 0 else (0.0, 0.0)
        width, height = _pixels(self._root.get("width", "")), _pixels(self._root.get("height", ""))
        if wide:
            width, height = (
                width or (height * wide / high if height else wide),
                height or (width * high / wide if width else high),
            )
        width, height = width or 100.0, height or 100.0
        if not all(map(math.isfinite, (width, height))) or max(width, height) > 10_000 * min(width, height):
            raise ValueError("Its size is none that can be drawn")
        return width, height

    def _entity(self, name: str, parameter: bool, value: str | None, *where: Any) -> None:
        """Entities of plain text are put in; none that is elsewhere, or is made of others."""
        self._entities += 1
        if value is not None and ("&" in value or "%" in value):
            raise ValueError("It has entities within entities")
        if self._entities > ENTITIES:
            raise ValueError(f"It has more than {ENTITIES:,} entities")

    def _start(self, name: str, given: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._elements > ELEMENTS or self._depth > DEPTH:
            raise ValueError(f"It has more than {ELEMENTS:,} elements, or {DEPTH} within each other")
        local = name.rpartition(":")[2]
        if not self._root:
            if local != "svg":
                raise ValueError("It is no SVG drawing")
            self._root = given
            prefix = name.rpartition(":")[0]
            width, height = self.size()  # in pixels, for resvg knows no units by itself
            measures = {"width": f"{width:g}", "height": f"{height:g}"}
            box = {"viewBox": f"0 0 {width:g} {height:g}"} if "viewBox" not in given else {}
            given = {f"xmlns:{prefix}" if prefix else "xmlns": _SPACE, **given, **measures, **box}
        if self._left_out or local.lower() in _LEFT_OUT:
            self._left_out = self._left_out or self._depth
            return
        self.texts += local == "text"
        kept = "".join(f" {key}={quoteattr(value)}" for key, value in given.items() if _is_kept(key, value))
        self._write(f"<{name}{kept}>")

    def _end(self, name: str) -> None:
        if not self._left_out:
            self._write(f"</{name}>")
        elif self._left_out == self._depth:
            self._left_out = 0
        self._depth -= 1

    def _data(self, text: str) -> None:
        if not self._left_out:
            self._write(escape(text))

    def _write(self, text: str) -> None:
        self._written += len(text)
        if self._written > BYTES:
            raise ValueError(f"It is larger than {BYTES:,} bytes with its entities")
        self._out.append(text)


def _is_kept(name: str, value: str) -> bool:
    """What leads out of the drawing is left out, and what would be run."""
    local = name.rpartition(":")[2].lower()
    if local in ("href", "src", "base"):
        return value.strip().startswith("#") or bool(_PICTURE.match(value))
    return not local.startswith("on")


def _pixels(length: str) -> float:
    """A length in pixels; 0 for none, or one in per cent."""
    found = _LENGTH.fullmatch(length)
    return float(found[1]) * _UNITS[(found[2] or "").lower()] if found else 0.0


def _unpacked(data: bytes, most: int, *, whole: bool = True) -> bytes:
    """The content of a gzip file. Raises ValueError for more than ``most`` bytes, and for a damaged one; without
    ``whole``, what there is of it."""
    packer = zlib.decompressobj(31)
    try:
        found = packer.decompress(data, most + whole)
    except zlib.error as error:
        if whole:
            raise ValueError(str(error)) from error
        return b""
    if whole and len(found) > most:
        raise ValueError(f"It unpacks to more than {most:,} bytes")
    return found


def open_picture(data: bytes) -> Picture:
    return Picture(data)

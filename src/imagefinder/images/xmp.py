"""Reads XMP: metadata as RDF in XML, inside the files of images and in sidecars beside them (ISO 16684-1).

It comes from anyone, so the parser of the standard library is told to build nothing and to refuse what XMP never has: a
DOCTYPE, with which entities are declared. What stands before a fault counts.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias
from xml.parsers import expat

if TYPE_CHECKING:
    from PIL.Image import Image

BYTES = 1_000_000  # looked at; the rest of a larger packet is padding or previews
VALUES, LENGTH = 1000, 20_000  # of one property, and characters of a value
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_SPACES = {  # of the properties that are read
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/xap/1.0/": "xmp",
}
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
Properties: TypeAlias = dict[str, list[str]]


def packet_of(image: Image) -> bytes:
    """The XMP inside an image file, at most ``BYTES`` of it; empty where it has none."""
    packet = image.info.get("xmp") or getattr(image, "tag_v2", {}).get(700) or b""
    return (packet.encode() if isinstance(packet, str) else bytes(packet))[:BYTES]


def properties(packet: bytes) -> Properties:
    """The values of each property that says something, by its usual name, such as ``dc:subject``. Of a text in several
    languages the default comes first."""
    reader = _Reader()
    with suppress(expat.ExpatError, _RefusedError, LookupError, ValueError):
        reader.read(packet)
    return {name: values for name, found in reader.found.items() if (values := [text for text in found if text])}


class _RefusedError(Exception):
    """It has what no XMP has, or far too much of it."""


class _Reader:
    """Takes the events of the parser. ``_names`` are the elements that are open."""

    def __init__(self) -> None:
        self.found: defaultdict[str, list[str]] = defaultdict(list)
        self._names: list[str] = []
        self._text: list[str] = []
        self._first = False

    def read(self, packet: bytes) -> None:
        parser: Any = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.Parse(packet.strip(b"\0 \r\n\t"), True)

    def _refuse(self, *_: Any) -> None:
        raise _RefusedError

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._text.clear()
        self._first = attributes.get(_LANGUAGE) == "x-default"
        if name == f"{_RDF} Description":
            for attribute, value in attributes.items():
                self._keep(attribute, value)
        self._names.append(name)

    def _end(self, name: str) -> None:
        self._names.pop()
        if name == f"{_RDF} li" and len(self._names) > 1:  # in a bag, a sequence or a choice, in a property
            self._keep(self._names[-2], "".join(self._text))
        else:
            self._keep(name, "".join(self._text))
        self._text.clear()

    def _keep(self, name: str, value: str) -> None:
        space, _, local = name.rpartition(" ")
        values = self.found[f"{_SPACES[space]}:{local}"] if space in _SPACES else None
        if values is not None and (text := value.strip()[:LENGTH]) and len(values) < VALUES:
            values.insert(0 if self._first else len(values), text)

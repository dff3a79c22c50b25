"""Reads a query: text, files, URLs and ids, added and subtracted with weights, in the syntax of rclip
and of search engines."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias
from uuid import UUID

from imagefinder._util.files import expanded
from imagefinder.errors import InvalidQueryError
from imagefinder.images.inside import file_of
from imagefinder.search.grammar import split_pieces

if TYPE_CHECKING:
    from PIL.Image import Image

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif"}


class Kind(StrEnum):
    WORDS = "words"
    FILE = "file"
    URL = "url"
    ID = "id"
    CONCEPT = "concept"  # the name of what people kept, see ``concepts``
    DATA = "data"  # bytes of an image file, or a picture in memory


@dataclass(frozen=True, slots=True)
class Box:
    """A part of an upright picture, as fractions of its width and height from the top left corner. Raises
    InvalidQueryError for a box that is not inside the picture, or is smaller than ``SMALLEST`` of a side."""

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        sides = (self.left, self.top, self.right, self.bottom)
        if not all(isinstance(s, int | float) and math.isfinite(s) and 0 <= s <= 1 for s in sides):
            raise InvalidQueryError(f"A box lies within the picture, from 0 to 1; got {sides}.", remedy=_BOX)
        if self.least_side < SMALLEST - 1e-9:
            raise InvalidQueryError(
                f"A box is at least {SMALLEST:.0%} of the picture wide and high, left before right and top before "
                f"bottom; got {sides}.",
                remedy=_BOX,
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """A box from four numbers with commas: ``0.1,0.2,0.5,0.9``. Raises InvalidQueryError."""
        try:
            left, top, right, bottom = (float(part) for part in text.split(","))
        except ValueError:
            raise InvalidQueryError(f"{text!r} is not a box.", remedy=_BOX) from None
        return cls(left, top, right, bottom)

    @property
    def least_side(self) -> float:
        return min(self.right - self.left, self.bottom - self.top)

    def cut(self, picture: Image) -> Image:
        """This part of the picture, at least one pixel wide and high."""
        width, height = picture.size
        left, top = min(int(self.left * width), width - 1), min(int(self.top * height), height - 1)
        right, bottom = max(left + 1, round(self.right * width)), max(top + 1, round(self.bottom * height))
        return picture.crop((left, top, right, bottom))


SMALLEST = 0.01  # of a side; less is a handful of pixels
_BOX = "Give left,top,right,bottom as fractions of the picture, e.g.: 0.25,0.1,0.75,0.6"


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a query. A negative ``weight`` means: less of it. With a ``box``, only that part of its picture
    counts. ``quoted`` text is searched by even if no word of it is known. Raises InvalidQueryError for a box on a text,
    and for a weight that is not a finite number."""

    kind: Kind
    value: str | bytes | Image
    weight: float = 1.0
    box: Box | None = None
    quoted: bool = False

    def __post_init__(self) -> None:
        if self.box is not None and self.kind in (Kind.WORDS, Kind.CONCEPT):
            raise InvalidQueryError("A box is a part of a picture; words have none.", remedy="Leave out the box.")
        if not math.isfinite(self.weight):
            raise InvalidQueryError(f"A weight is a finite number, not {self.weight}.")

    @property
    def shows_picture(self) -> bool:
        """Whether a picture has to be read and embedded for this term. For a whole image of the index, the stored
        vector is used."""
        return self.kind not in (Kind.WORDS, Kind.CONCEPT) and (self.kind is not Kind.ID or self.box is not None)

    @property
    def text(self) -> str:
        return self.value if isinstance(self.value, str) else f"<{type(self.value).__name__}>"


Part: TypeAlias = "str | Path | bytes | Image | Term | tuple[str | Path | bytes | Image, float]"
QueryInput: TypeAlias = "Part | list[Part]"


def parse_query(query: QueryInput, *, files: bool = True) -> list[Term]:
    """The terms of a query.

    Text is split at `` + `` and `` - ``, and ``-word`` or ``-"some words"`` is subtracted: see ``grammar``. Each part
    may have a weight (``2:dog``) and is an id (``id:UUID``), a kept concept (``concept:NAME``), a URL, a file (one that
    exists, or that is written like the path of an image), or else, and always in quotation marks, text to search by. A
    ``Path``, the bytes of an image file, or a Pillow image is one term. A list contains parts to be added, each with or
    without a weight: ``["dog", (Path("beach.jpg"), 0.5), ("people", -1)]``. With ``files=False``, no text is read as a
    path or
    looked up on the disk: for text from strangers. Raises InvalidQueryError.
    """
    parts: list[Part] = query if isinstance(query, list) else [query]
    terms = [term for part in parts for term in _terms(part, files)]
    if not terms:
        raise InvalidQueryError("The query is empty.", remedy="Give words, the path of an image, a URL or id:ID.")
    if all(t.weight <= 0 for t in terms):
        raise InvalidQueryError(
            "The query only subtracts.", remedy="Give at least one thing to look for, e.g.: beach - people"
        )
    return terms


def parse_arguments(arguments: Sequence[str]) -> list[Term]:
    """The terms of a query given as arguments of a command line. An argument that is an existing file is one term."""
    pieces: list[tuple[str, bool]] = []  # (text, may be split)
    for argument in arguments:
        whole = argument not in ("+", "-") and _is_file(argument)
        if pieces and not whole and pieces[-1][1]:
            pieces[-1] = (f"{pieces[-1][0]} {argument}", True)
        else:
            pieces.append((argument, not whole))
    terms: list[Term] = []
    sign = 1.0
    for text, splittable in pieces:
        if not splittable:
            terms.append(replace(_classify(text, True), weight=sign))
            sign = 1.0
            continue
        ahead = re.search(r"(?:^|\s)([+-])\s*$", text)
        body = text[: ahead.start()] if ahead else text
        if body.strip():
            found = split_text(body)
            terms += [replace(found[0], weight=found[0].weight * sign), *found[1:]]
        sign = -1.0 if ahead and ahead.group(1) == "-" else 1.0
    return parse_query(list(terms))


def split_text(text: str, *, files: bool = True) -> list[Term]:
    """The terms of a text with signs: ``dog + ./beach.jpg -people``. Only with ``files`` can they be paths."""
    if files and _is_file(text):
        return [_classify(text, files)]
    pieces = split_pieces(text, _is_file) if files else split_pieces(text)
    return [
        Term(Kind.WORDS, piece.text, piece.weight, quoted=True)
        if piece.quoted
        else replace(_classify(piece.text, files), weight=piece.weight)
        for piece in pieces
    ]


def _terms(part: Part, files: bool) -> list[Term]:
    if isinstance(part, Term):
        return [part]
    if isinstance(part, tuple):
        if len(part) != 2 or not isinstance(part[1], int | float):
            raise InvalidQueryError(f"A part with a weight is (part, number), not {part!r:.200}.")
        value, weight = part
        return [replace(term, weight=term.weight * float(weight)) for term in _terms(value, files)]
    if isinstance(part, str):
        return split_text(part, files=files) if part.strip() else []
    if isinstance(part, Path):
        return [Term(Kind.FILE, _existing(str(part)))]
    if not isinstance(part, bytes) and not hasattr(part, "mode"):  # as every Pillow image has
        raise InvalidQueryError(
            f"A part of a query is a text, a path, a picture or its bytes, not {part!r:.200}.",
            remedy="Give words, the path of an image, a URL or id:ID.",
        )
    return [Term(Kind.DATA, part)]


def _classify(text: str, files: bool) -> Term:
    if text.startswith("id:"):
        return Term(Kind.ID, _uuid(text[3:].strip()))
    if text.startswith("concept:"):
        return Term(Kind.CONCEPT, text.removeprefix("concept:").strip())
    if text.lower().startswith(("http://", "https://")):
        return Term(Kind.URL, text)
    if files and (_is_file(text) or _looks_like_path(text)):
        return Term(Kind.FILE, _existing(text))
    return Term(Kind.WORDS, text)


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidQueryError(
            f"{text!r} is not an id.", remedy="Ids are UUIDs; `imagefinder search --json` prints them."
        ) from None


def _is_file(text: str) -> bool:
    try:
        return expanded(file_of(text)).is_file()
    except (OSError, ValueError, RuntimeError):
        return False


def _looks_like_path(text: str) -> bool:
    """Whether a text that is not an existing file was meant as one. Then an error is better than a search for its
    name."""
    if "\n" in text or text.startswith("~"):
        return text.startswith("~/")
    written_as_path = text.startswith(("./", "../", "/", ".\\", "..\\"))
    return written_as_path or (" " not in text and Path(text).suffix.lower() in IMAGE_SUFFIXES)


def _existing(text: str) -> str:
    if not _is_file(text):
        raise InvalidQueryError(f"There is no file '{text}'.", remedy="Check the path, or search by words or a URL.")
    return str(expanded(text))

"""Files of several pictures, each of which is an image of its own: the pages of a PDF, the frames of a video. They are
opened in a process of their own only (``images.apart``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

from imagefinder.errors import ImageError
from imagefinder.images import apart
from imagefinder.images.formats import FORMATS, NAMED, why_not
from imagefinder.images.inside import Part, has_parts, part_of
from imagefinder.images.marks import content_of
from imagefinder.types import EncodedImage, ImageRef, Limits, SkipCode

QUALITY = 95  # of the JPEG that is made of a page or frame
LEAST = 512  # pixels of its short side, at least: a part of it may be looked at
LONGEST = 65_500  # pixels that a side of a JPEG may have
_NAMES = {format.parts: format.name for format in FORMATS if format.parts}


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds: its ``parts`` as images, and what is not taken in (``left_out``), for people; empty if all
    is."""

    parts: tuple[ImageRef, ...]
    left_out: str = ""

    def __iter__(self) -> Iterator[ImageRef]:
        return iter(self.parts)


def look_inside(ref: ImageRef, limits: Limits) -> Contents:
    """The parts of the file ``ref``. Raises ImageError where it can't be opened, or has none."""
    usable(ref.uri)
    found = apart.look(ref.uri, ref.within, limits)
    paged = bool(part_of(f"{ref.uri}#page=1"))
    places = [Part(ref.uri, page=int(at)) if paged else Part(ref.uri, time=at) for at in found["places"]]
    return Contents(tuple(as_part(ref, place, len(places)) for place in places), found["left_out"])


def as_part(ref: ImageRef, part: Part, count: int) -> ImageRef:
    """A part of the file ``ref``, which has ``count`` of them: what a table says of the file holds for it."""
    return replace(ref, uri=part.uri, metadata={**ref.metadata, **part.fields(), "parts": count})


def read_part(ref: ImageRef, part: Part, limits: Limits, short_side: int | None) -> EncodedImage:
    """A page or frame as a JPEG, its short side of at least ``short_side`` pixels where it has as many. Raises
    ImageError."""
    usable(part.file)
    wanted = None if short_side is None else max(2 * short_side, LEAST)
    found, picture = apart.part(part.file, ref.within, part.place, wanted, limits)
    picture.thumbnail((LONGEST, LONGEST))
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return EncodedImage(ref, buffer.getvalue(), content_of(found["mark"], part), _facts(part, found))


def _facts(part: Part, found: dict[str, Any]) -> dict[str, Any]:
    from imagefinder.images.video import taken_at

    width, height = found["full"]
    facts = {"width": width, "height": height, "format": _NAMES["page" if part.page else "t"]}
    said = dict(found["said"])
    if part.page is None and (at := taken_at(said, part.place)):
        facts |= {"taken_at": at, "taken_from": "video"}
    said.pop("began", None)
    return {**facts, "told": {**said, **({"text": text} if (text := found["text"].strip()) else {})}}


def usable(path: str) -> None:
    """Raises ImageError for a file of several pictures whose extra is not installed, and for one that is none."""
    if not has_parts(path):
        raise ImageError("It has no pages or frames.", code=SkipCode.UNSUPPORTED_FORMAT)
    if error := why_not(NAMED[_NAMES["page" if part_of(f"{path}#page=1") else "t"]]):
        raise error

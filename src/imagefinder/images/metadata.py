"""What the file of an image says beside its pixels and its date: keywords, title and description, the camera, where it
was taken. Read from XMP, IPTC and EXIF, in this order: the first that says something of a kind counts for it, as the
Metadata Working Group advises for programs that read.

Any of it may be missing, broken or nonsense. What can't be read is passed over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.images.xmp import Properties, packet_of, properties

if TYPE_CHECKING:
    from PIL.Image import Exif, Image

TAGS, TAG_LENGTH, CAPTION_LENGTH, NAME_LENGTH = 100, 100, 10_000, 100  # as many, and as long, as people may give
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_MAKE, _MODEL, _LENS, _DESCRIPTION = 271, 272, 0xA434, 270
_XP_TITLE, _XP_COMMENT, _XP_KEYWORDS, _XP_SUBJECT = 40091, 40092, 40094, 40095  # what Windows writes, in UTF-16
_PLACE = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d{1,12})?)(?:,(\d{1,2}(?:\.\d{1,12})?))?([NSEW])", re.ASCII)  # of XMP
# What cameras and programs write where a person could describe the picture.
_NOTHING = frozenset(
    ("olympus digital camera", "sony dsc", "minolta digital camera", "konica minolta digital camera", "digital camera")
    + ("samsung digital camera", "samsung", "exif_jpeg_picture", "exif jpeg", "jpeg picture", "dcf 1.0", "default")
    + ("created with gimp", "untitled", "image", "picture", "screenshot", "charset=ascii", "binary comment", "vivo")
)


def told(image: Image) -> dict[str, Any]:
    """What an image file says, of which ``image`` is the loaded picture: ``tags`` (a list), ``caption``, ``camera``,
    ``lens`` (texts), ``lat`` and ``lon`` (degrees, WGS 84, north and east positive, both or none). What it doesn't say
    is left out."""
    found: dict[str, Any] = {}
    for look in (_xmp, _iptc, _exif):
        try:
            said = look(image)
        except Exception:  # metadata is written by anything and broken in any way
            continue
        found = {**said, **found}
    return found


def told_by_xmp(packet: bytes) -> dict[str, Any]:
    """The same of a packet of XMP by itself, such as a sidecar is."""
    return _of_properties(properties(packet))


def _xmp(image: Image) -> dict[str, Any]:
    packet = packet_of(image)
    return told_by_xmp(packet) if packet else {}


def _of_properties(said: Properties) -> dict[str, Any]:
    def first(*names: str) -> str:
        return next((said[name][0] for name in names if name in said), "")

    place = [_xmp_degrees(first(f"exif:GPS{name}")) for name in ("Latitude", "Longitude")]
    return _some(
        tags=clean_tags(said.get("dc:subject", ())),
        caption=_caption(first("dc:title"), first("dc:description")),
        camera=_camera(first("tiff:Make"), first("tiff:Model")),
        lens=_clean(first("exifEX:LensModel", "aux:Lens"), NAME_LENGTH),
        **_position(*place),
    )


def _xmp_degrees(text: str) -> float | None:
    match = _PLACE.fullmatch(text)
    if match is None:
        return None
    degrees, minutes, seconds, side = match.groups()
    value = int(degrees) + float(minutes) / 60 + float(seconds or 0) / 3600
    return -value if side in "SW" else value


def _iptc(image: Image) -> dict[str, Any]:
    if "photoshop" not in image.info and 33723 not in getattr(image, "tag_v2", {}):
        return {}
    from PIL import IptcImagePlugin

    said: Mapping[tuple[int, int], Any] = IptcImagePlugin.getiptcinfo(image) or {}  # type: ignore[arg-type]

    def texts(field: int) -> list[str]:
        found = said.get((2, field)) or ()
        return [_decoded(one) for one in (found if isinstance(found, list) else [found])]

    title, description = ("".join(texts(field)[:1]) for field in (5, 120))
    return _some(tags=clean_tags(texts(25)), caption=_caption(title, description))


def _exif(image: Image) -> dict[str, Any]:
    exif = image.getexif()
    if not exif:
        return {}
    windows = {tag: _utf16(exif.get(tag)) for tag in (_XP_TITLE, _XP_SUBJECT, _XP_COMMENT, _XP_KEYWORDS)}
    description = _text(exif.get(_DESCRIPTION)) or windows[_XP_SUBJECT] or windows[_XP_COMMENT]
    details = exif.get_ifd(_EXIF_IFD)
    return _some(
        tags=clean_tags(windows[_XP_KEYWORDS].split(";")),
        caption=_caption(windows[_XP_TITLE], description),
        camera=_camera(_text(exif.get(_MAKE)), _text(exif.get(_MODEL))),
        lens=_clean(_text(details.get(_LENS)), NAME_LENGTH),
        **_exif_position(exif),
    )


def _exif_position(exif: Exif) -> dict[str, float]:
    if _GPS_IFD not in exif:
        return {}
    gps = exif.get_ifd(_GPS_IFD)
    return _position(_exif_degrees(gps.get(2), gps.get(1), "S"), _exif_degrees(gps.get(4), gps.get(3), "W"))


def _exif_degrees(parts: Any, side: Any, negative: str) -> float | None:
    if not isinstance(parts, Sequence) or not 1 <= len(parts) <= 3:
        return None
    value = sum(float(part) / float(60**i) for i, part in enumerate(parts))
    return -value if _text(side).strip().upper() == negative else value


# --- what is kept of it -----------------------------------------------------------------------------------------------


def _some(**found: Any) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value is not None and value != "" and value != []}


def _position(lat: float | None, lon: float | None) -> dict[str, float]:
    """Nothing for what is no place on earth, nor for 0, 0, which devices write that don't know where they are."""
    if lat is None or lon is None or not (math.isfinite(lat) and math.isfinite(lon)):
        return {}
    lat, lon = round(lat, 6) + 0.0, round(lon, 6) + 0.0  # 0.1 m; and no negative zero
    return {"lat": lat, "lon": lon} if abs(lat) <= 90 and abs(lon) <= 180 and (lat or lon) else {}


def _camera(make: str, model: str) -> str:
    """The model, with its maker unless it begins with it."""
    make, model = _clean(make, NAME_LENGTH), _clean(model, NAME_LENGTH)
    if not model or model.casefold().startswith(make.casefold().split(" ")[0]):
        return model or make
    return f"{make} {model}"[:NAME_LENGTH].strip()


def _caption(title: str, description: str) -> str:
    title, description = (_clean(text, CAPTION_LENGTH, lines=True) for text in (title, description))
    title, description = ("" if _is_nothing(text) else text for text in (title, description))
    return description if title in description else title if not description else f"{title}\n{description}"[:10_000]


def _is_nothing(text: str) -> bool:
    return text.casefold() in _NOTHING or text.startswith(("<", "{"))  # also what programs tell each other


def clean_tags(found: Iterable[str]) -> list[str]:
    """Keywords as tags that people could have given: each once, without what is too long, and not too many."""
    tags = (_clean(text, TAG_LENGTH + 1) for text in found)
    return [*dict.fromkeys(tag for tag in tags if 1 <= len(tag) <= TAG_LENGTH)][:TAGS]


def _clean(text: str, longest: int, *, lines: bool = False) -> str:
    """The text without what can't be shown, in one line or several, and not longer."""
    end = text.find("\0")  # where a text of C ends
    kept: Callable[[str], bool] = lambda c: c.isprintable() or c in "\u200d\u200c" or (lines and c == "\n")  # noqa: E731
    text = (text if end < 0 else text[:end])[: 4 * longest].replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c if kept(c) else " " if c.isspace() else "" for c in text)
    return (text if lines else " ".join(text.split())).strip()[:longest].strip()


def _text(value: Any) -> str:
    return _decoded(value) if isinstance(value, bytes) else "" if value is None else _again(str(value))


def _decoded(found: Any) -> str:
    """Bytes as UTF-8 where they are that, else as what most programs took before."""
    data: bytes = bytes(found)[: 4 * CAPTION_LENGTH]
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        return (data[: error.start] if error.end >= len(data) > 1000 else data).decode("cp1252", "replace")


def _again(text: str) -> str:
    """A text of EXIF, which Pillow reads as Latin-1, as the UTF-8 that most programs write there."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _utf16(value: Any) -> str:
    if isinstance(value, tuple):
        value = bytes(value)
    return value[: 4 * CAPTION_LENGTH].decode("utf-16-le", "ignore").split("\0")[0] if isinstance(value, bytes) else ""

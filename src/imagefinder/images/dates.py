"""When a picture was taken, by what its file says: EXIF, XMP, IPTC, PNG, and the file's name.

Any of these may be missing, broken or nonsense. What can't be read is passed over, and the next is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from imagefinder.images.xmp import packet_of

if TYPE_CHECKING:
    from PIL.Image import Image

CHANGED = "changed"  # says when the picture was last saved, which is often, not always, when it was taken
NAME, FILE = "name", "file"
_EXIF_IFD = 0x8769
_ORIGINAL, _DIGITIZED, _SAVED = (36867, 36881), (36868, 36882), (306, 36880)  # EXIF tags of a date and of its offset
_DATE = re.compile(
    r"(\d{4})[-:/.](\d\d?)[-:/.](\d\d?)"
    r"(?:[T\s]+(\d\d?):(\d\d)(?::(\d\d)(?:[.,]\d*)?)?\s*(Z|[+-]\d\d:\d\d)?)?[\s:]*",
    re.ASCII,
)
_LONGEST = 100  # characters of a date
_OFFSET = re.compile(r"Z|[+-](?:0\d|1[0-4]):[0-5]\d", re.ASCII)
_XMP = re.compile(
    rb"(exif:DateTimeOriginal|photoshop:DateCreated|(?:xmp|xap):CreateDate)\s*(?:=\s*[\"']|>)\s*([0-9][^\"'<]{3,40})"
)
_XMP_ORDER = (b"exif:DateTimeOriginal", b"photoshop:DateCreated", b"xmp:CreateDate", b"xap:CreateDate")
_NAMED = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"(?:(?>(?:\s+(?:at|um)\s+|[-_. T])+)([01]?\d|2[0-3])([-_.:h]?)([0-5]\d)\6?([0-5]\d)(?:\s*([AaPp])[Mm]\b)?)?"
)
_COMPACT = re.compile(r"(?:^|[^a-z])(?:img|vid|pxl|mvimg|pano|burst|screenshot|ptt|aud|sti)[-_ ]$", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = "1980-01-02", "2100"  # of a file: before and after stand the zero times of systems, and nonsense


class Taken(NamedTuple):
    """A date, ISO 8601 without a zone where none is known, and what says it: "exif", "xmp", "iptc", "png", "name", or
    "changed" where only the time of the last saving is known. Both are None where nothing says it."""

    at: str | None = None
    by: str | None = None


def taken(image: Image, data: bytes) -> Taken:
    """What the content of an image file says, of which ``image`` is the loaded picture and ``data`` the bytes."""
    for by, look in _LOOKS:
        try:
            at = look(image, data)
        except Exception:  # metadata is written by anything and broken in any way
            continue
        if at:
            return Taken(at, by)
    return Taken()


def named(name: str) -> str | None:
    """The date in the name of a file, such as IMG_20200601_100000.jpg, "2020-06-01 10.00.00.jpg",
    IMG-20200601-WA0001.jpg or "Screenshot 2020-06-01 at 10.00.00.png"; None where there is none.

    Eight digits are a date only where a time follows them or a word of cameras goes before them: they may be a number.
    """
    for match in _NAMED.finditer(name):
        year, between, month, day, hour, _, minute, second, half = match.groups()
        if hour is None:
            after = name[match.end() : match.end() + 1]
            if after.isdigit() or not (between or _COMPACT.search(name[: match.start()])):
                continue
        elif half:
            hour = str(int(hour) % 12 + 12 * (half in "pP"))
        date = f"{year}-{month}-{day}"
        if found := _checked(f"{date} {hour.zfill(2)}:{minute}:{second}" if hour else date):
            return found
    return None


def of_file(mtime_ns: int | None) -> str | None:
    """A file's time in nanoseconds since 1970 as ISO 8601 in UTC; None where 64 bits don't hold it: before 1678 and
    after 2262."""
    if mtime_ns is None or not -(2**63) < mtime_ns < 2**63 - 1:
        return None
    return (_EPOCH + timedelta(seconds=mtime_ns // 1_000_000_000)).isoformat()


def guess(mtime: str | None) -> str | None:
    """A file's time as a guess at when its picture was taken; None for the zero times of systems."""
    return mtime if mtime and _FIRST <= mtime < _LAST else None


def _checked(text: str, offset: str = "") -> str | None:
    """A date as cameras and programs write it, as ISO 8601; None for anything else. A zone that can't be read is left
    out."""
    text = text.strip("\0 ")
    match = _DATE.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    try:
        seconds = min(int(second or 0), 59)  # a leap second
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), seconds)
    except ValueError:
        return None
    if moment.year < 1800:
        return None
    if hour is None:
        return moment.date().isoformat()
    zone = next((z for z in (zone, offset.strip("\0 ")) if z and _OFFSET.fullmatch(z)), "")
    return moment.isoformat() + zone.replace("Z", "+00:00")


def _exif(*wanted: tuple[int, int]) -> Callable[[Image, bytes], str | None]:
    def look(image: Image, data: bytes) -> str | None:
        exif = image.getexif()
        if not exif:
            return None
        details = exif.get_ifd(_EXIF_IFD)
        for date, offset in wanted:
            value = details.get(date) or exif.get(date)
            if value and (found := _checked(_text(value), _text(details.get(offset, "")))):
                return found
        return None

    return look


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _xmp(image: Image, data: bytes) -> str | None:
    return taken_by_xmp(packet_of(image))


def taken_by_xmp(packet: bytes) -> str | None:
    """When a packet of XMP says that its picture was taken; None where it doesn't."""
    found = dict(reversed(_XMP.findall(packet)))
    dates = (_checked(found[name].decode("latin-1")) for name in _XMP_ORDER if name in found)
    return next((date for date in dates if date), None)


def _iptc(image: Image, data: bytes) -> str | None:
    if "photoshop" not in image.info and 33723 not in getattr(image, "tag_v2", {}):
        return None
    from PIL import IptcImagePlugin

    said = IptcImagePlugin.getiptcinfo(image) or {}  # type: ignore[arg-type]
    date, time = (_text(said.get((2, field)) or "") for field in (55, 60))
    text = f"{date[:4]}-{date[4:6]}-{date[6:8]}"
    if re.fullmatch(r"\d{6}.*", time):
        text += f" {time[:2]}:{time[2:4]}:{time[4:6]}"
    return _checked(text)


def _png(image: Image, data: bytes) -> str | None:
    said = next((v for k, v in image.info.items() if str(k).replace(" ", "").lower() == "creationtime"), None)
    if not isinstance(said, str):
        return None
    if found := _checked(said):
        return found
    from email.utils import parsedate_to_datetime  # as RFC 1123 has it, which the standard of PNG asks for

    return _checked(parsedate_to_datetime(said).isoformat())


def _png_changed(image: Image, data: bytes) -> str | None:
    """The chunk tIME, in UTC."""
    at = data.find(b"\0\0\0\x07tIME") + 8 if image.format == "PNG" else 7
    if at == 7:
        return None
    year, (month, day, hour, minute, second) = int.from_bytes(data[at : at + 2], "big"), data[at + 2 : at + 7]
    return _checked(f"{year:04}-{month}-{day} {hour}:{minute:02}:{second:02}Z".replace("Z", "+00:00"))


_LOOKS = (
    ("exif", _exif(_ORIGINAL, _DIGITIZED)),
    ("xmp", _xmp),
    ("iptc", _iptc),
    ("png", _png),
    (CHANGED, _exif(_SAVED)),
    (CHANGED, _png_changed),
)

"""Images inside tar and zip archives, on this machine or another: nothing is unpacked, and an archive is read from its
beginning to its end once.

A member is known by ``ARCHIVE.tar#NAME``. In a tar its place is noted with its record, so that it is found again
without reading what lies before it. Files beside an image, of the same name but for the ending, say something of it, as
in WebDataset: ``.txt`` and ``.caption`` its caption, ``.cls`` its class, ``.json`` fields.
"""

from __future__ import annotations

import json
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple, cast

from imagefinder.errors import FetchError, ImageError
from imagefinder.images.formats import BY_ENDING
from imagefinder.images.tables import fields_of
from imagefinder.types import Limits, SkipCode, Skipped

MEMBERS = 2_000_000  # of an archive
HEADER = 1024**2  # bytes of a header of a tar
DIRECTORY = 256 * 1024**2  # bytes of the directory of a zip
BESIDE = 1024**2  # bytes of a file beside an image
NAME = 1000  # characters of a name
_TEXTS = (".txt", ".caption", ".cls", ".json")
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others can take gigabytes of memory to unpack


class Member(NamedTuple):
    """An image of an archive: ``at`` is its place and size in bytes, as "512+2048"; empty in a zip. ``fields`` are what
    files beside it say."""

    name: str
    data: bytes
    at: str
    fields: Mapping[str, Any]


def read_members(file: BinaryIO, uri: str, limits: Limits) -> Iterator[Member | Skipped]:
    """The images of an archive, and what is left out. Raises ImageError where it is damaged or too large: what came
    before holds."""
    bounded = _Bounded(file, DIRECTORY if _is_zip(uri) else HEADER)
    try:
        yield from (_of_zip if _is_zip(uri) else _of_tar)(bounded, uri, limits)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        EOFError,
        RecursionError,
        NotImplementedError,
    ) as error:
        if isinstance(error, ImageError):
            raise
        raise _damaged(str(error)) from error


def read_member(file: BinaryIO, uri: str, name: str, at: str, limits: Limits) -> bytes:
    """The bytes of one image, found by its place, else by its name. Raises ImageError."""
    if at and not _is_zip(uri):
        start, _, size = at.partition("+")
        file.seek(int(start))
        return _whole(file.read(_allowed(int(size), limits)), int(size))
    for item in read_members(file, uri, limits):
        if isinstance(item, Member) and item.name == name:
            return item.data
    raise ImageError("The archive has no such member now.", code=SkipCode.NOT_FOUND, remedy="Index again.")


def _is_zip(uri: str) -> bool:
    return uri.lower().endswith(".zip")


class _Bounded:
    """A file of which little can be read at once: a header may claim any size."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._most = file, most
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._most + 1 if size < 0 else min(size, self._most + 1))
        if max(len(data), size) > self._most:
            raise ImageError("A header of the archive claims too many bytes.", code=SkipCode.TOO_COSTLY)
        return data

    def take(self, start: int, size: int) -> bytes:
        self._file.seek(start)
        return self._file.read(size)


# --- tar --------------------------------------------------------------------------------------------------------------


def _of_tar(file: _Bounded, uri: str, limits: Limits) -> Iterator[Member | Skipped]:
    """Members of one sample follow each other, so no more than those of one are held."""
    seen: set[str] = set()
    sample = _Sample()
    for info in _headers(file):
        if not _is_wanted(info.name):
            continue
        if (stem := _stem(info.name)) != sample.stem:
            yield from sample.members()
            sample = _Sample(stem)
        ending = _ending(info.name)
        if why := _refused(info.name, seen) or (
            "" if info.isreg() and not info.issparse() else "It is a link, or no whole file."
        ):
            if ending not in _TEXTS:
                yield _skipped(uri, info.name, why)
        elif ending in _TEXTS:
            if info.size <= BESIDE:
                sample.texts[ending] = file.take(info.offset_data, info.size)
        else:
            try:
                data = _whole(file.take(info.offset_data, _allowed(info.size, limits)), info.size)
                sample.images.append((info.name, data, f"{info.offset_data}+{info.size}"))
            except FetchError:  # what the archive itself is read from fails
                raise
            except ImageError as error:
                yield _left_out(uri, info.name, error)
    yield from sample.members()


def _headers(file: _Bounded) -> Iterator[tarfile.TarInfo]:
    """Raises ImageError where something follows that is no header: ``tarfile`` takes that for the end."""
    with tarfile.open(fileobj=cast(BinaryIO, file), mode="r:") as tar:
        for count in range(MEMBERS + 1):
            info = tar.next()
            if info is None:
                break
            if count == MEMBERS:
                raise ImageError(f"The archive has more than {MEMBERS:,} members.", code=SkipCode.TOO_COSTLY)
            cast(Any, tar).members.clear()  # which would grow
            yield info
        if file.take(tar.offset, tarfile.BLOCKSIZE).strip(b"\0"):
            raise _damaged("no header where one should be")


class _Sample:
    """The images that have a name in common but for the ending, and the texts beside them."""

    def __init__(self, stem: str | None = None) -> None:
        self.stem = stem
        self.images: list[tuple[str, bytes, str]] = []
        self.texts: dict[str, bytes] = {}

    def members(self) -> Iterator[Member]:
        fields = fields_beside(self.texts) if self.images else {}
        yield from (Member(name, data, at, fields) for name, data, at in self.images)


# --- zip --------------------------------------------------------------------------------------------------------------


def _of_zip(file: _Bounded, uri: str, limits: Limits) -> Iterator[Member | Skipped]:
    with zipfile.ZipFile(cast(BinaryIO, file)) as archive:
        infos = archive.infolist()
        if len(infos) > MEMBERS:
            raise ImageError(f"The archive has more than {MEMBERS:,} members.", code=SkipCode.TOO_COSTLY)
        beside: dict[str, dict[str, zipfile.ZipInfo]] = {}
        for info in infos:
            if _ending(info.filename) in _TEXTS:
                beside.setdefault(_stem(info.filename), {}).setdefault(_ending(info.filename), info)
        seen: set[str] = set()
        for info in infos:
            if not _is_wanted(info.filename) or _ending(info.filename) in _TEXTS:
                continue
            if why := _refused(info.filename, seen) or _why_not(info):
                yield _skipped(uri, info.filename, why)
                continue
            try:
                data = _unpacked(archive, info, limits)
                texts = {
                    e: _unpacked(archive, t, limits)
                    for e, t in beside.get(_stem(info.filename), {}).items()
                    if t.file_size <= BESIDE and not _why_not(t)
                }
            except FetchError:
                raise
            except ImageError as error:
                yield _left_out(uri, info.filename, error)
                continue
            yield Member(info.filename, data, "", fields_beside(texts))


def _why_not(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 1:
        return "It is encrypted."
    return "" if info.compress_type in _PLAIN else "It is packed by a method that is not opened."


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> bytes:
    """No more is unpacked than is allowed, whatever the directory claims. Raises ImageError."""
    allowed = _allowed(info.file_size, limits)
    try:
        with archive.open(info) as member:
            return _whole(member.read(allowed), info.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ImageError(f"It is damaged: {error}.", code=SkipCode.CORRUPT) from error


# --- both -------------------------------------------------------------------------------------------------------------


def fields_beside(texts: Mapping[str, bytes]) -> dict[str, Any]:
    """What the files beside an image say, as columns of a table do. What can't be read says nothing."""
    found: dict[str, Any] = {}
    if ".json" in texts:
        try:
            value = json.loads(texts[".json"])
        except (ValueError, RecursionError):
            value = None
        found |= value if isinstance(value, dict) else {}
    for ending in (".caption", ".txt"):
        if text := texts.get(ending, b"").decode("utf-8", "replace").strip():
            found["caption"] = text
    if text := texts.get(".cls", b"").decode("utf-8", "replace").strip()[:NAME]:
        found["cls"] = int(text) if text.isascii() and text.isdigit() and len(text) < 18 else text
    return fields_of(found)


def _is_wanted(name: str) -> bool:
    """Whether a member may be an image, or say something of one; not what Macs put beside each file."""
    base = os.path.basename(name)
    ending = _ending(name)
    format = BY_ENDING.get(ending)
    return (
        (ending in _TEXTS or bool(format and not format.parts))
        and not base.startswith("._")
        and "__MACOSX/" not in name
    )


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _stem(name: str) -> str:
    """A name up to the first point of its last part, which is what the members of a sample have in common."""
    folder, slash, base = name.rpartition("/")
    return folder + slash + base.partition(".")[0]


def _refused(name: str, seen: set[str]) -> str:
    """Why a member is not taken by its name; empty if it is. Names are shown, and are never places of files."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "Its name is not valid UTF-8."
    if len(name) > NAME or not name.isprintable():
        return "Its name is too long, or has characters that can't be shown."
    if name in seen:
        return "Another member before it has the same name."
    seen.add(name)
    return ""


def _allowed(size: int, limits: Limits) -> int:
    if size > limits.max_bytes:
        raise ImageError(f"It is larger than {limits.max_bytes:,} bytes.", code=SkipCode.TOO_MANY_BYTES)
    if not size:
        raise ImageError("It is empty.", code=SkipCode.EMPTY)
    return size


def _whole(data: bytes, size: int) -> bytes:
    if len(data) < size:
        raise ImageError("The archive ends in the middle of it.", code=SkipCode.TRUNCATED)
    return data


def _damaged(why: str) -> ImageError:
    return ImageError(f"The archive is damaged: {why[:200]}.", code=SkipCode.CORRUPT, remedy="Pack it anew.")


def _skipped(uri: str, name: str, why: str) -> Skipped:
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name[:NAME])
    return Skipped(f"{uri}#{shown}", SkipCode.BAD_NAME if "name" in why else SkipCode.UNSUPPORTED_FORMAT, why)


def _left_out(uri: str, name: str, error: ImageError) -> Skipped:
    return Skipped(f"{uri}#{name}", error.code, error.message, error.remedy)

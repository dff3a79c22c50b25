"""Small pictures for pages: made when first asked for, then kept in the index folder by the content they show.

thumbs/ab/ab12...-256.jpg
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from imagefinder._util.ending import ending
from imagefinder._util.systems import replace_path
from imagefinder.errors import ImageError
from imagefinder.images.exposure import exposure_of
from imagefinder.images.files import open_file, unreadable
from imagefinder.images.inside import Part, is_there, part_of
from imagefinder.images.loader import Loader, is_file
from imagefinder.images.marks import content_of, mark_of
from imagefinder.images.refs import ref_of
from imagefinder.types import ImageRef, Limits, Record, SkipCode

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.types import EncodedImage

SIZES = (64, 128, 256, 512, 1024, 2048)  # pixels of the longest side
QUALITY = {64: 75, 128: 75, 256: 80, 512: 82, 1024: 85, 2048: 88}
KEPT_UP_TO = 512  # larger ones take more room than they save time
FOLDER = "thumbs"
HASHES_KEPT = 10_000  # of files that were sent
CHUNK = 1024**2
ROOM = 512 * 1024**2  # bytes left free on the disk
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif", "BMP": "image/bmp"}
UNKNOWN = "application/octet-stream"
TYPES |= {"AVIF": "image/avif", "TIFF": "image/tiff", "HEIF": "image/heif", "ICO": "image/x-icon"}


class Pictures:
    """Thumbnails and originals of records. Safe to use from several threads."""

    def __init__(self, home: Path, limits: Limits, max_bytes: int) -> None:
        self._folder = home / FOLDER
        self._limits = limits
        self._max_bytes = max_bytes
        self._loader = Loader(limits)
        self._lock = threading.Lock()
        self._size: int | None = None
        self._hashes: dict[tuple[int, ...], str] = {}

    def thumbnail(self, record: Record, size: int) -> bytes:
        """A JPEG of the upright picture, its longest side ``size`` pixels at most. Raises ImageError."""
        kept = self._path(record.content_hash, size)
        with suppress(OSError):
            return self._kept(kept)
        image = self._from_larger(record.content_hash, size) or self._decoded(record, size)
        data = to_jpeg(image, size)
        if size <= KEPT_UP_TO:
            self._keep(kept, data)
        return data

    def is_kept(self, record: Record, size: int) -> bool:
        """Whether a thumbnail is there already."""
        return self._path(record.content_hash, size).exists()

    def bytes_kept(self) -> int:
        """How much room the thumbnails take."""
        with self._lock:
            if self._size is None:
                self._size = sum(facts.st_size for _, facts in self._files())
            return self._size

    def original(self, record: Record) -> tuple[BinaryIO, int]:
        """The file of an image, opened at its start, and its bytes. Raises ImageError, also where it is not the content
        that was indexed: then another file is in its place."""
        if not is_file(record.uri):
            encoded = self._read(record)
            return BytesIO(encoded.data), len(encoded.data)
        return self._opened(record.uri, record.content_hash, None)

    def whole(self, record: Record) -> tuple[BinaryIO, int]:
        """The same of the PDF or video that a page or frame is of; of any other image its own file."""
        part = part_of(record.uri)
        return self.original(record) if part is None else self._opened(part.file, record.content_hash, part)

    def shot(self, record: Record) -> dict[str, Any]:
        """Whether the file of an image is ``there`` and what was indexed, if not ``why``, and how it was taken. What is
        at a URL is taken to be there: it is not fetched for this."""
        if not is_file(record.uri):
            return {"there": is_there(record.uri)}
        try:
            with self.original(record)[0] as file:
                return {"there": True, **exposure_of(file)}
        except ImageError as error:
            return {"there": False, "why": error.message}

    def _opened(self, path: str, content: str, part: Part | None) -> tuple[BinaryIO, int]:
        try:
            file = open_file(path)
        except OSError as error:
            raise unreadable(error) from error
        try:
            facts = os.fstat(file.fileno())
            if (content_of(mark_of(file, facts.st_size), part) if part else self._hash_of(file, facts)) != content:
                raise _changed()
            file.seek(0)
            return file, facts.st_size
        except OSError as error:
            file.close()
            raise unreadable(error) from error
        except ImageError:
            file.close()
            raise

    def _hash_of(self, file: BinaryIO, facts: os.stat_result) -> str:
        """The hash of a file's content, which is read once as long as the file stays as it is."""
        if facts.st_size > self._limits.max_bytes:
            raise _changed()
        key = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
        if key not in self._hashes:
            digest = hashlib.blake2b(digest_size=16)
            while part := file.read(CHUNK):
                ending().go_on()
                digest.update(part)
            if len(self._hashes) >= HASHES_KEPT:
                self._hashes.clear()
            self._hashes[key] = digest.hexdigest()
        return self._hashes[key]

    def _read(self, record: Record) -> EncodedImage:
        """The image's own bytes. Raises ImageError, also where they are not those that were indexed."""
        return self._loader.read(ref_of(record))

    def _decoded(self, record: Record, size: int) -> Image:
        encoded = self._read(record)
        longest = max(record.width, record.height, 1)
        short_side = max(1, round(size * min(record.width, record.height, longest) / longest)) if record.width else size
        return Loader(self._limits, short_side).decode(encoded).image

    def _from_larger(self, content: str, size: int) -> Image | None:
        from imagefinder.images.decode import encode_bytes

        for larger in SIZES:
            if size < larger <= KEPT_UP_TO and (path := self._path(content, larger)).exists():
                with suppress(ImageError, OSError):
                    return self._loader.decode(encode_bytes(ImageRef(str(path)), self._kept(path))).image
        return None

    def _kept(self, path: Path) -> bytes:
        """A file of ours, not what a link in its place leads to: an index may be somebody else's. Raises OSError."""
        with open_file(path, [os.path.realpath(self._folder)]) as file:
            return file.read()

    def _path(self, content: str, size: int) -> Path:
        return self._folder / content[:2] / f"{content}-{size}.jpg"

    def _keep(self, path: Path, data: bytes) -> None:
        """Keep a thumbnail while there is room. That it can't be kept is no error: it is made again."""
        with self._lock, suppress(OSError):
            if path.exists():  # another thread has made it at the same time
                return
            if self._size is None:
                self._size = sum(facts.st_size for _, facts in self._files())
            if self._size + len(data) > self._max_bytes:
                self._size = self._drop_oldest(len(data))
            if self._size + len(data) <= self._max_bytes and _free(self._folder.parent) > ROOM:
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary = path.with_suffix(f".{threading.get_native_id()}.tmp")
                temporary.write_bytes(data)  # without waiting for the disk: losing one costs its making
                replace_path(temporary, path)
                self._size += len(data)

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        """Those there are, with the system's facts; not those that somebody removes meanwhile."""
        for path in self._folder.glob("*/*.jpg"):
            with suppress(OSError):
                yield path, path.stat()

    def _drop_oldest(self, coming: int) -> int:
        """Remove the oldest until at most three quarters of the room are taken, and ``coming`` bytes fit; the bytes
        left."""
        files = sorted(self._files(), key=lambda found: found[1].st_mtime)
        total = sum(facts.st_size for _, facts in files)
        for file, facts in files:
            if total <= min(0.75 * self._max_bytes, self._max_bytes - coming):
                break
            file.unlink(missing_ok=True)
            total -= facts.st_size
        return total


def _changed() -> ImageError:
    """Another picture must not be shown, nor kept, under the name of the one that was indexed."""
    return ImageError("The file has changed since it was indexed.", code=SkipCode.NOT_FOUND, remedy="Index it again.")


def to_jpeg(image: Image, size: int) -> bytes:
    from imagefinder.images.thumbnails import thumbnail

    buffer = BytesIO()
    thumbnail(image, size).save(buffer, "JPEG", quality=QUALITY.get(size, 85), optimize=size <= 128)
    return buffer.getvalue()


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free

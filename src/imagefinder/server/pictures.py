"""Small pictures for pages: made when first asked for, then kept in the index folder by the content they show.

thumbs/ab/ab12...-256.jpg
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder.errors import ImageError
from imagefinder.images.loader import Loader
from imagefinder.types import ImageRef, Limits, Record, SkipCode

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.types import EncodedImage

SIZES = (64, 128, 256, 512, 1024, 2048)  # pixels of the longest side
QUALITY = {64: 75, 128: 75, 256: 80, 512: 82, 1024: 85, 2048: 88}
KEPT_UP_TO = 512  # larger ones take more room than they save time
FOLDER = "thumbs"
ROOM = 512 * 1024**2  # bytes left free on the disk
TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif", "BMP": "image/bmp"}
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

    def thumbnail(self, record: Record, size: int) -> bytes:
        """A JPEG of the upright picture, its longest side ``size`` pixels at most. Raises ImageError."""
        kept = self._path(record.content_hash, size)
        with suppress(OSError):
            return kept.read_bytes()
        image = self._from_larger(record.content_hash, size) or self._decoded(record, size)
        data = to_jpeg(image, size)
        if size <= KEPT_UP_TO:
            self._keep(kept, data)
        return data

    def original(self, record: Record) -> EncodedImage:
        """The file's own bytes, read again. Raises ImageError."""
        return self._loader.read(ImageRef(record.uri))

    def _decoded(self, record: Record, size: int) -> Image:
        encoded = self.original(record)
        if encoded.content_hash != record.content_hash and not record.uri.startswith(("http://", "https://")):
            # Another picture must not be kept under the name of the one that was indexed.
            raise ImageError(
                "The file has changed since it was indexed.", code=SkipCode.NOT_FOUND, remedy="Index it again."
            )
        longest = max(record.width, record.height, 1)
        short_side = max(1, round(size * min(record.width, record.height, longest) / longest)) if record.width else size
        return Loader(self._limits, short_side).decode(encoded).image

    def _from_larger(self, content: str, size: int) -> Image | None:
        for larger in SIZES:
            if size < larger <= KEPT_UP_TO and (path := self._path(content, larger)).exists():
                with suppress(ImageError):
                    return self._loader.decode(self._loader.read(ImageRef(str(path)))).image
        return None

    def _path(self, content: str, size: int) -> Path:
        return self._folder / content[:2] / f"{content}-{size}.jpg"

    def _keep(self, path: Path, data: bytes) -> None:
        """Keep a thumbnail while there is room. That it can't be kept is no error: it is made again."""
        with self._lock, suppress(OSError):
            if path.exists():  # another thread has made it at the same time
                return
            if self._size is None:
                self._size = sum(f.stat().st_size for f in self._files())
            if self._size + len(data) > self._max_bytes:
                self._size = self._drop_oldest(len(data))
            if self._size + len(data) <= self._max_bytes and _free(self._folder.parent) > ROOM:
                path.parent.mkdir(parents=True, exist_ok=True)
                temporary = path.with_suffix(f".{threading.get_native_id()}.tmp")
                temporary.write_bytes(data)  # without waiting for the disk: losing one costs its making
                os.replace(temporary, path)
                self._size += len(data)

    def _files(self) -> Iterator[Path]:
        return self._folder.glob("*/*.jpg")

    def _drop_oldest(self, coming: int) -> int:
        """Remove the oldest until at most three quarters of the room are taken, and ``coming`` bytes fit; the bytes
        left."""
        files = sorted(((f.stat().st_mtime, f.stat().st_size, f) for f in self._files()), key=lambda f: f[0])
        total = sum(size for _, size, _ in files)
        for _, size, file in files:
            if total <= min(0.75 * self._max_bytes, self._max_bytes - coming):
                break
            file.unlink(missing_ok=True)
            total -= size
        return total


def to_jpeg(image: Image, size: int) -> bytes:
    from imagefinder.images.thumbnails import thumbnail

    buffer = BytesIO()
    thumbnail(image, size).save(buffer, "JPEG", quality=QUALITY.get(size, 85), optimize=size <= 128)
    return buffer.getvalue()


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free

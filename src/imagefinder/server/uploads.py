"""Files that clients send: images to be indexed, tables, and pictures to search by. Named by us, never by the client.

uploads/images/ab12....jpg     part of the collection, until the image is deleted; or in a bucket
uploads/tables/ab12....csv     tables of paths or URLs
uploads/queries/ab12...        pictures searched by; the latest are kept

Of an index at an address each machine has its own folders, uploads/at-MACHINE/images and so on.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from imagefinder._util.ending import ending
from imagefinder._util.files import write_whole
from imagefinder.catalog.edits import NAME_LENGTH
from imagefinder.errors import ImageError, ImageFinderError, InvalidInputError, NotFoundError, StorageError
from imagefinder.images.files import open_file
from imagefinder.images.inside import file_of, is_bucket
from imagefinder.images.loader import Loader, is_url
from imagefinder.images.places import located
from imagefinder.server.errors import RefusedError
from imagefinder.server.kept_images import InBucket, InFolder, KeptImages
from imagefinder.server.settings import place_of
from imagefinder.server.shared_pictures import SharedPictures
from imagefinder.types import ImageRef, Limits, Record, image_id

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.finder import ImageFinder
    from imagefinder.index.board import Board
    from imagefinder.server.settings import ServerSettings
    from imagefinder.types import LoadedImage

QUERIES_KEPT = 500
HELD_BYTES = 64_000_000
NAME = re.compile(r"[0-9a-f]{32}")
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif", "AVIF": "avif"}
SUFFIXES |= {"HEIF": "heic", "PPM": "ppm", "JPEG2000": "jp2", "ICO": "ico", "PSD": "psd", "JXL": "jxl", "SVG": "svg"}
SUFFIXES |= {"RAW": "dng"}  # for all: what it is, is told by its content


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A picture to search by: its name for later requests, size in pixels, and format."""

    upload: str
    width: int
    height: int
    format: str

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(slots=True)
class Kept:
    """Images of one request: what each is to be called, by its id, and those that can't be used."""

    names: dict[str, str] = field(default_factory=dict)
    skipped: list[dict[str, str]] = field(default_factory=list)
    uris: list[str] = field(default_factory=list)


class Uploads:
    """The upload folders of an index. ``place`` is a folder in a bucket to keep images in; empty: the index folder.
    Pictures to search by are known to all servers that meet at the ``board``."""

    def __init__(self, home: Path, limits: Limits, place: str = "", board: Board | None = None) -> None:
        folder = home / "uploads"
        if board is not None:  # two machines with the same home must not take their files for those of one folder
            folder /= _machine()
        self.images: KeptImages = InBucket(place, limits) if place else InFolder(folder / "images")
        self.tables = folder / "tables"
        self._queries = folder / "queries"
        self._shared = SharedPictures(board) if board is not None else None
        self._limits = limits
        self._loader = Loader(limits, 512)
        self._held: dict[str, bytes] = {}  # pictures searched by that could not be written
        self._claims: Counter[str] = Counter()  # requests that are keeping a file
        self._lock = threading.Lock()

    # --- pictures to search by ------------------------------------------------------------------------------------

    def keep_query(self, data: bytes | str) -> Uploaded:
        """Keep the bytes of an image, or what its URL gives. Raises ImageError for one that can't be used."""
        loaded, content = self._loaded(data)
        if self._shared is not None:
            self._shared.keep(loaded.content_hash, content)
        try:
            write_whole(self._queries / loaded.content_hash, content)
        except StorageError:  # a medium that can't be written, or a full disk
            self._remember(loaded.content_hash, content)
            return Uploaded(loaded.content_hash, loaded.width, loaded.height, loaded.format)
        for old in self._kept_queries()[:-QUERIES_KEPT]:
            old.unlink(missing_ok=True)
        return Uploaded(loaded.content_hash, loaded.width, loaded.height, loaded.format)

    def _remember(self, name: str, content: bytes) -> None:
        with self._lock:
            self._held[name] = content
            while len(self._held) > 1 and sum(map(len, self._held.values())) > HELD_BYTES:
                del self._held[next(iter(self._held))]

    def _kept_queries(self) -> list[Path]:
        """The files of the pictures searched by, the oldest first: those that other threads neither write nor remove at
        this moment."""
        found: list[tuple[float, Path]] = []
        for path in self._queries.iterdir():
            if NAME.fullmatch(path.name):
                with suppress(FileNotFoundError):
                    found.append((path.stat().st_mtime, path))
        return [path for _, path in sorted(found)]

    def query(self, name: str) -> bytes:
        """The bytes kept under this name. Raises NotFoundError."""
        if NAME.fullmatch(name):
            if held := self._held.get(name):
                return held
            with suppress(OSError), open_file(self._queries / name, [os.path.realpath(self._queries)]) as file:
                return file.read()  # not what a link in its place leads to: an index may be somebody else's
            if self._shared is not None and (found := self._shared.find(name)) is not None:
                return found
        raise NotFoundError(f"There is no upload {name[:40]!r} any more.", remedy="Send the picture again.")

    def query_picture(self, name: str) -> Image:
        return self._loaded(self.query(name))[0].image

    def _loaded(self, data: bytes | str) -> tuple[LoadedImage, bytes]:
        from imagefinder.images.decode import encode_bytes

        if isinstance(data, str):
            encoded = self._loader.read(ImageRef(data))
        else:
            encoded = encode_bytes(ImageRef("<upload>"), data)
        return self._loader.decode(encoded), encoded.data

    # --- images of the collection ---------------------------------------------------------------------------------

    def keep_images(self, files: Sequence[tuple[str, BinaryIO]], finder: ImageFinder) -> Kept:
        """Keep images for the collection, each given with the name to show; the same content is one file. Those that
        can't be used are named in what it gives. If anything else stops it, nothing is kept."""
        kept = Kept()
        try:
            for name, file in files:
                ending().go_on()
                try:
                    kept.names[image_id(self._keep_image(file.read(), kept))] = name
                except ImageError as error:
                    kept.skipped.append(not_kept(name, error))
            ending().go_on()
        except BaseException:
            self.let_go(kept, finder)
            raise
        return kept

    def _keep_image(self, data: bytes, kept: Kept) -> str:
        loaded, content = self._loaded(data)
        uri = self.images.uri_of(f"{loaded.content_hash}.{SUFFIXES.get(loaded.format, 'img')}")
        if uri not in kept.uris:
            with self._lock:
                self._claims[uri] += 1
            kept.uris.append(uri)
        self.images.put(uri, content)
        return uri

    @contextmanager
    def settled(self, kept: Kept, finder: ImageFinder) -> Iterator[None]:
        """What is kept becomes part of the collection in this block; what does not is removed at its end."""
        try:
            yield
        finally:
            self.let_go(kept, finder)

    def let_go(self, kept: Kept, finder: ImageFinder) -> None:
        """Remove the files that neither the index has nor another request keeps."""
        with self._lock:
            while kept.uris:
                uri = kept.uris.pop()
                self._claims[uri] -= 1
                if not self._claims[uri]:
                    del self._claims[uri]
                    if image_id(uri) not in finder:
                        self.images.drop(uri)

    def drop(self, records: Sequence[Record]) -> None:
        for record in records:
            if self.images.owns(record.uri):
                self.images.drop(record.uri)

    # --- tables ---------------------------------------------------------------------------------------------------

    def keep_table(self, name: str, data: bytes, settings: ServerSettings) -> Path:
        """Keep a CSV or Parquet table. Raises InvalidTableError, and RefusedError for paths no client may add."""
        from imagefinder.images.tables import read_rows

        suffix = Path(name).suffix.lower()
        if suffix not in (".csv", ".tsv", ".parquet", ".pq"):
            raise InvalidInputError(f"'{name[:80]}' is not a table.", remedy="Send a .csv, .tsv or .parquet file.")
        path = self.tables / f"{hashlib.blake2b(data, digest_size=16).hexdigest()}{suffix}"
        write_whole(path, data)
        try:
            places = [place for place, _ in read_rows(path)]
            self._check([p for p in places if not p.startswith(f"{path.absolute()}#")], settings)
        except Exception:
            path.unlink(missing_ok=True)
            raise
        return path

    def _check(self, places: Sequence[str], settings: ServerSettings) -> None:
        for place in places:
            uri = located(place, str(self.tables))
            if not is_url(uri) and not settings.may_add(file_of(uri)):
                raise RefusedError(
                    403,
                    f"The table names a file of the server's machine ('{place[:80]}').",
                    remedy="Only URLs may be added.",
                )


def _machine() -> str:
    """The name of this machine, as that of a folder."""
    return f"at-{re.sub(r'[^A-Za-z0-9.-]', '_', socket.gethostname())[:100]}"


def check_source(source: str, finder: ImageFinder, settings: ServerSettings, uploads: Uploads) -> str:
    """The source that a client names, as it is to be used: a URL, an address in a bucket, or an absolute path. Refuses
    a path of this machine, and a bucket, that nobody has allowed; what it leads to is bound by ``bounds``, too."""
    if is_url(source):
        return source
    place = place_of(source)
    if place in finder.sources or os.path.dirname(place) == str(uploads.tables) or settings.may_add(place):
        return place
    if is_bucket(place):
        raise RefusedError(
            403,
            "Images in this bucket can't be added from here: the server would read it with its own keys.",
            remedy="Start it with --allow-folder s3://BUCKET/FOLDER.",
        )
    raise RefusedError(
        403, "Folders of the server's machine can't be added from here.", remedy="Start it with --allow-folder DIR."
    )


def bounds(settings: ServerSettings, uploads: Uploads) -> tuple[str, ...] | None:
    """The folders that files of new sources must lie in, wherever links and tables of clients lead; None: anywhere."""
    if settings.within is None:
        return None
    kept = uploads.images.source
    kept = kept if is_bucket(kept) else os.path.realpath(kept)
    return (*settings.within, os.path.realpath(uploads.tables), kept)


def display_name(name: str | None) -> str:
    """The name a client gave a file, without folders and control characters: to be shown, never to be opened."""
    text = re.split(r"[/\\]", name or "")[-1]
    return "".join(c for c in text if c.isprintable())[:NAME_LENGTH]


def not_kept(name: str, error: ImageFinderError) -> dict[str, str]:
    return {
        "uri": name,
        "code": getattr(error, "code", "invalid-input"),
        "reason": error.message,
        "remedy": error.remedy,
    }

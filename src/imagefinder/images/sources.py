"""Sources of images: folders, single files, tables of paths or URLs, URLs, and what lies in buckets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from imagefinder._util.files import expanded
from imagefinder._util.systems import as_on_disk
from imagefinder.errors import ImageError, ImageFinderError, InvalidInputError, MissingExtraError, NotFoundError
from imagefinder.images.files import OutsideError, check_within, look, regular, unreadable
from imagefinder.images.formats import BY_ENDING, UNSUPPORTED, why_not
from imagefinder.images.ignore import IGNORE_FILE, Rules
from imagefinder.images.inside import holder_of, inside, is_archive, is_bucket, is_remote, is_url
from imagefinder.images.ours import inside_ours, ours
from imagefinder.images.parquet import ENDINGS, has_pictures
from imagefinder.images.places import located
from imagefinder.images.remote.pages import is_page
from imagefinder.images.remote.sources import PageSource, UrlSource, bucket_source, url_folder
from imagefinder.images.sidecars import Sidecars, beside
from imagefinder.images.source import Source, printable
from imagefinder.images.tables import read_rows
from imagefinder.types import ImageRef, SkipCode, Skipped

TABLES = (".csv", ".tsv", ".parquet", ".pq")


class FolderSource(Source):
    """A folder and everything below it, except what the rules leave out. Links to files and folders are followed, but
    no folder is entered twice."""

    kind = "folder"

    def __init__(
        self,
        path: str,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        within: Sequence[str] | None = None,
    ) -> None:
        super().__init__(path, {"include": list(include), "exclude": list(exclude)}, within)
        self._rules = Rules(include, exclude)
        self._unreadable: list[str] = []

    def counting(self) -> Iterator[bool]:
        """Of each file that ``scan`` would find whether it is an image, and False for each folder, so that whoever
        counts can end at any moment."""
        return (isinstance(item, ImageRef) for item in self._each())

    def scan(self) -> Iterator[ImageRef | Skipped]:
        return (item for item in self._each() if isinstance(item, (ImageRef, Skipped)))

    def _each(self) -> Iterator[Any]:
        """What there is, in order; of a folder the walk through it, before what it holds."""
        self._unreadable, self.mounts, self.broken, self.ours = [], [], [], []
        self._entered: set[tuple[int, int]] = set()
        levels = [self._walk(self.uri, "", self._rules)]  # a stack: folders lie deeper than Python lets calls go
        while levels:
            for item in levels[-1]:
                yield item
                if not isinstance(item, (ImageRef, Skipped)):
                    levels.append(item)
                    break
            else:
                levels.pop()

    def _walk(self, folder: str, below: str, rules: Rules) -> Iterator[Any]:  # noqa: C901 - one pass, in order
        """What a folder holds, in order: images, what is left out, and the walk through each folder in it.

        ``below`` is the folder's path from the root, with a slash at its end unless empty.
        """
        try:
            check_within(folder, self.within)
            stat = os.stat(folder)
            if (stat.st_dev, stat.st_ino) in self._entered:
                return
            self._entered.add((stat.st_dev, stat.st_ino))
            if not os.path.islink(folder) and os.stat(os.path.dirname(folder)).st_dev != stat.st_dev:
                self.mounts.append(folder)
            with os.scandir(folder) as found:
                entries = _without_live_films(sorted(found, key=lambda e: e.name))
        except OutsideError as error:
            self._unreadable.append(folder + os.sep)
            yield _skipped(folder, unreadable(error))
            return
        except OSError as error:
            self._unreadable.append(folder + os.sep)
            yield Skipped(printable(folder), SkipCode.PERMISSION, f"The folder can't be read: {error.strerror}.")
            return
        if below and ours(folder, {e.name for e in entries}):
            self.ours.append(folder + os.sep)
            return
        if ignore := next((e.path for e in entries if e.name == IGNORE_FILE), None):
            try:
                rules = rules.with_file(ignore, below)
            except OSError as error:  # what it was to leave out is not known: nothing here is taken in, nothing removed
                reason = unreadable(error)
                if not below:
                    raise ImageError(f"{ignore}: {reason.message}", code=reason.code, remedy=reason.remedy) from error
                self._unreadable.append(folder + os.sep)
                yield _skipped(ignore, reason)
                return
        sidecars = Sidecars(entries)
        for entry in entries:
            if _is_folder(entry):
                if not rules.leaves_out(below + entry.name, folder=True):
                    yield self._walk(entry.path, f"{below}{entry.name}/", rules)
            elif not rules.leaves_out(below + entry.name, folder=False):
                if entry.is_symlink() and not os.path.exists(entry.path):
                    self.broken.append(entry.path)
                yield from self._file(entry, sidecars)

    def _file(self, entry: os.DirEntry[str], sidecars: Sidecars) -> Iterable[ImageRef | Skipped]:
        extension = os.path.splitext(entry.name)[1].lower()
        if extension in UNSUPPORTED:
            reason = UNSUPPORTED[extension]
            return (Skipped(printable(entry.path), SkipCode.UNSUPPORTED_FORMAT, reason, "Save it as JPEG or PNG."),)
        if (format := BY_ENDING.get(extension)) and (error := why_not(format)):
            self._unreadable.append(f"{entry.path}#")  # of what it holds, nothing is known to be gone
            return (_skipped(entry.path, error),)
        if format:
            return (_file_ref(entry.path, self, entry=entry, sidecar=sidecars.of(entry.name)),)
        return self._table(entry.path) if extension in ENDINGS else ()

    def _table(self, path: str) -> Iterator[ImageRef | Skipped]:
        """The pictures inside a Parquet table. While it can't be read, they stay."""
        found: list[ImageRef | Skipped] = []
        try:
            if has_pictures(Path(path), self.within):
                found = list(TableSource(path, within=self.within).inside_it(self.uri))
        except ImageFinderError as error:
            self._unreadable.append(f"{path}#")
            code = SkipCode.UNSUPPORTED_FORMAT if isinstance(error, MissingExtraError) else SkipCode.CORRUPT
            found = [Skipped(printable(path), code, error.message, error.remedy)]
        yield from found

    def covers(self, uri: str) -> bool:
        return uri.startswith(self.uri.rstrip(os.sep) + os.sep)

    def is_bare(self) -> bool:
        try:
            with os.scandir(self.uri) as entries:
                return next(entries, None) is None
        except OSError:  # gone since it was scanned: the drive, most likely
            return True

    def is_hidden(self, uri: str) -> bool:
        return uri.startswith(tuple(self._unreadable))


class FileSource(Source):
    """One image file, whatever its name; or one of several pictures, or an archive of them, by its name."""

    kind = "file"

    def __init__(self, path: str, within: Sequence[str] | None = None) -> None:
        super().__init__(path, within=within)

    def scan(self) -> Iterator[ImageRef | Skipped]:
        yield _file_ref(self.uri, self, sidecar=beside(self.uri))

    def covers(self, uri: str) -> bool:
        return holder_of(uri) == self.uri


class TableSource(Source):
    """A CSV or Parquet table with a column of paths or URLs, or of pictures themselves (Parquet); the other columns
    become fields of the images.

    Relative paths start from the table's folder. If an image has several rows, the first is used.
    """

    kind = "table"

    def __init__(self, path: str, column: str | None = None, within: Sequence[str] | None = None) -> None:
        super().__init__(path, {"column": column} if column else {}, within)
        self._column = column
        self._bare = False

    def scan(self) -> Iterator[ImageRef | Skipped]:
        base = os.path.dirname(self.uri)
        self._bare = True
        seen: set[str] = set()
        for place, metadata in read_rows(Path(self.uri), self._column, self.within):
            uri = located(place, base)
            if uri not in seen:
                self._bare = False
                seen.add(uri)
                yield self._row(uri, metadata)

    def inside_it(self, source: str) -> Iterator[ImageRef | Skipped]:
        """The pictures that are inside the table itself, as images of the ``source`` that the table is in."""
        rows = (item for item in self.scan() if isinstance(item, ImageRef))
        yield from (replace(item, source=source) for item in rows if item.uri.startswith(f"{self.uri}#"))

    def is_bare(self) -> bool:
        return self._bare

    def _row(self, uri: str, metadata: dict[str, Any]) -> ImageRef | Skipped:
        if is_remote(uri):
            if is_bucket(uri) and self.within is not None and not uri.startswith(tuple(f"{w}/" for w in self.within)):
                return Skipped(uri, SkipCode.ADDRESS_REFUSED, "It is in no bucket that images may come from.")
            return ImageRef(uri, folder=url_folder(uri), source=self.uri, metadata=metadata)
        place = inside(uri)
        sidecar = ("", None) if place else beside(uri)
        found = _file_ref(place.table if place else uri, self, metadata, sidecar=sidecar)
        return replace(found, uri=uri, size=None) if place and isinstance(found, ImageRef) else found


def open_source(
    text: str,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    column: str | None = None,
    within: Sequence[str] | None = None,
) -> Source:
    """The source that a path or address names: a folder, a table (by its extension), an image file, an archive, a URL,
    a page of links, or a folder or object in a bucket.

    ``include`` and ``exclude`` are for folders, also in buckets; ``column`` is for tables; ``within``: see ``Source``.
    Raises NotFoundError, and InvalidInputError for a folder that ImageFinder made itself, which is never a source.
    """
    if is_bucket(text):
        return bucket_source(text, include, exclude)
    if is_url(text):
        return PageSource(text) if is_page(text) else UrlSource(text)
    path = as_on_disk(os.path.abspath(expanded(text)))
    if os.path.isdir(path):
        if found := inside_ours(path):
            raise InvalidInputError(
                f"{printable(path)} can't be a source: {printable(found[0])} is {found[1]}.",
                remedy="Name the folder that holds the pictures themselves.",
            )
        return FolderSource(path, include, exclude, within)
    if not os.path.exists(path):
        raise NotFoundError(
            f"There is no file or folder {printable(path)}.",
            remedy="Check the path; if it is on another drive, mount it.",
        )
    return TableSource(path, column, within) if path.lower().endswith(TABLES) else FileSource(path, within)


def _file_ref(
    path: str,
    source: Source,
    metadata: Any = None,
    entry: os.DirEntry[str] | None = None,
    sidecar: tuple[str, int | None] = ("", None),
) -> ImageRef | Skipped:
    """The reference to a file. ``entry`` saves reading its facts again after a folder has been listed, and looking
    where a file leads that is no link."""
    try:
        if not path.isascii():
            path.encode()
        if entry is None or entry.is_symlink():
            check_within(path, source.within)
        found = regular(entry.stat()) if entry else look(path)
    except UnicodeEncodeError:
        return Skipped(printable(path), SkipCode.BAD_NAME, "The file's name is not valid UTF-8.", "Rename the file.")
    except OSError as error:
        return _skipped(path, unreadable(error))
    folder = os.path.basename(os.path.dirname(path))
    mtime_ns = min(max(found.st_mtime_ns, -(2**63)), 2**63 - 1)  # what an index can hold: the years 1678 to 2262
    state = f"{mtime_ns}+{found.st_size}" if is_archive(path) else ""  # tells of all that is in it
    ref = ImageRef(path, found.st_size, mtime_ns, folder, source.uri, metadata or {}, source.within, "", *sidecar)
    return replace(ref, version=state) if state else ref


def _without_live_films(entries: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    """The entries of a folder but for the films of "live" photos: each is one picture with the photo called like it."""
    if not any(e.name.lower().endswith(".mov") for e in entries):
        return entries
    parts = [os.path.splitext(e.name.casefold()) for e in entries]
    photos = {stem for stem, ending in parts if ending in (".heic", ".heif", ".jpg", ".jpeg")}
    return [e for e, (stem, ending) in zip(entries, parts, strict=True) if not (ending == ".mov" and stem in photos)]


def _skipped(path: str, error: ImageError) -> Skipped:
    return Skipped(printable(path), error.code, error.message, error.remedy)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False

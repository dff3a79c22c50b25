"""Sources on other machines: folders and objects in buckets and data sets, single URLs, and pages of links."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from imagefinder.errors import FetchError, ImageError, InvalidInputError
from imagefinder.images.formats import BY_ENDING, UNSUPPORTED, check_usable
from imagefinder.images.ignore import Rules
from imagefinder.images.inside import ARCHIVES, holder_of
from imagefinder.images.remote.access import Entry, open_bucket
from imagefinder.images.remote.schemes import address_of, tidy
from imagefinder.images.source import Source
from imagefinder.types import ImageRef, SkipCode, Skipped

TABLES = (".csv", ".tsv", ".parquet", ".pq")


def bucket_source(text: str, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Source:
    """What an address in a bucket names: an object, by an ending of images or archives, else a folder. Raises
    InvalidInputError."""
    uri, key = tidy(text), address_of(text).key
    ending = os.path.splitext(key)[1].lower()
    if ending in TABLES:
        raise InvalidInputError(
            f"{uri} is a table in a bucket.", remedy="Download it, then index the file; it may name images in buckets."
        )
    one = ending in BY_ENDING or ending in ARCHIVES
    return ObjectSource(uri) if one else BucketSource(uri, include, exclude)


class BucketSource(Source):
    """A folder of a bucket or data set, with all below it, or the whole of one. Objects are taken in by the ending of
    their names, and by the rules for names in folders; archives of images are opened."""

    kind = "bucket"

    def __init__(self, uri: str, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        super().__init__(uri, {"include": list(include), "exclude": list(exclude)})
        self._rules = Rules(include, exclude)
        self._bare = False
        self._folders: dict[str, bool] = {}

    def scan(self) -> Iterator[ImageRef | Skipped]:
        self._bare, self._folders = True, {"": False}
        bucket, folder = open_bucket(self.uri, self.limits)
        root, below = address_of(self.uri).root, f"{folder}/" if folder else ""
        try:
            for entry in bucket.list(folder):
                self._bare = False
                if found := self._found(root, below, entry):
                    yield found
        except FetchError as error:  # an error of the source, which is said with its address
            raise FetchError(f"{self.uri}: {error.message}", code=error.code, remedy=error.remedy) from None

    def _found(self, root: str, below: str, entry: Entry) -> ImageRef | Skipped | None:
        name = entry.key.removeprefix(below)
        uri, ending = root + entry.key, os.path.splitext(name)[1].lower()
        if ending not in BY_ENDING and ending not in ARCHIVES and ending not in UNSUPPORTED:
            return None
        if self._is_out(name.rpartition("/")[0]) or self._rules.leaves_out(name, folder=False):
            return None
        if ending in UNSUPPORTED:
            return Skipped(uri, SkipCode.UNSUPPORTED_FORMAT, UNSUPPORTED[ending], "Save it as JPEG or PNG.")
        if format := BY_ENDING.get(ending):
            try:
                check_usable(format)
            except ImageError as error:
                return Skipped(uri, error.code, error.message, error.remedy)
        return ref_to(uri, entry, self.uri)

    def _is_out(self, folder: str) -> bool:
        """Whether a folder, or one that it is in, is left out."""
        if folder not in self._folders:
            out = self._is_out(folder.rpartition("/")[0]) or self._rules.leaves_out(folder, folder=True)
            self._folders[folder] = out
        return self._folders[folder]

    def covers(self, uri: str) -> bool:
        return holder_of(uri).startswith(f"{self.uri}/")

    def is_bare(self) -> bool:
        return self._bare


class UrlSource(Source):
    """One image or archive at a URL."""

    kind = "url"

    def scan(self) -> Iterator[ImageRef | Skipped]:
        yield ImageRef(self.uri, folder=url_folder(self.uri), source=self.uri)

    def covers(self, uri: str) -> bool:
        return holder_of(uri) == self.uri


class ObjectSource(UrlSource):
    """One image or archive in a bucket."""

    def scan(self) -> Iterator[ImageRef | Skipped]:
        bucket, key = open_bucket(self.uri, self.limits)
        try:
            yield ref_to(self.uri, bucket.head(key), self.uri)
        except FetchError as error:
            raise FetchError(f"{self.uri}: {error.message}", code=error.code, remedy=error.remedy) from None


class PageSource(Source):
    """The images that a page links to, and the pages of the folders below it. What a page says of a file, when it was
    changed and its size, tells whether it has changed. Where the address is that of an image itself, this is it."""

    kind = "page"

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self._bare = False

    def scan(self) -> Iterator[ImageRef | Skipped]:
        from imagefinder.images.fetch import Fetcher
        from imagefinder.images.remote.pages import links

        self._bare = True
        try:
            for link in links(Fetcher(self.limits), self.uri):
                self._bare = False
                path = urlsplit(link.url).path
                ending = os.path.splitext(path)[1].lower()
                format = BY_ENDING.get(ending)
                if ending in ARCHIVES or (format and not format.parts):
                    yield ImageRef(link.url, folder=url_folder(link.url), source=self.uri, version=link.said)
        except FetchError as error:
            if error.code != SkipCode.UNSUPPORTED_FORMAT:
                raise FetchError(f"{self.uri}: {error.message}", code=error.code, remedy=error.remedy) from None
            self._bare = False
            yield ImageRef(self.uri, folder=url_folder(self.uri), source=self.uri)

    def covers(self, uri: str) -> bool:
        return False  # what a page links to may lie anywhere: records say which source they are of

    def is_bare(self) -> bool:
        return self._bare


def ref_to(uri: str, entry: Entry, source: str) -> ImageRef:
    return ImageRef(uri, entry.size, entry.mtime_ns, url_folder(uri), source, version=entry.version)


def url_folder(url: str) -> str:
    """The name of the folder that something at an address is in; of the host or bucket where there is none."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    path = url.partition("://")[2].partition("/")[2] if parts.scheme not in ("http", "https") else parts.path
    return path.rpartition("/")[0].rpartition("/")[2] or host

"""Downloads images into a folder: those of a table of URLs, or photos of Unsplash."""

from __future__ import annotations

import json
import os
import re
import threading
import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count, islice, repeat
from pathlib import Path
from typing import Any

from imagefinder._util.csv_cells import write_rows
from imagefinder._util.files import DEVICES, expanded, rename_new, write_new
from imagefinder._util.threads import ordered_map
from imagefinder.errors import FetchError, ImageError, ImageFinderError, InvalidTableError, StorageError
from imagefinder.images.decode import decode, encode_bytes
from imagefinder.images.fetch import Fetcher
from imagefinder.images.files import look
from imagefinder.images.inside import inside
from imagefinder.images.loader import split_url
from imagefinder.images.names import copied_name, ending_of
from imagefinder.images.parquet_reader import read_picture
from imagefinder.images.tables import MANIFEST, read_csv, read_rows
from imagefinder.types import ImageRef, Limits, OnProgress, Progress, SkipCode, Skipped

PARTIAL = ".imagefinder-part"  # what is not yet whole; nobody else's name, for it is removed by the next run
LONGEST_STEM = 80  # bytes; some systems take no more than 143 for a name
PER_HOST = 4  # downloads at once from one host
UNSPLASH, PICSUM = "https://api.unsplash.com", "https://picsum.photos"
PHOTO_WIDTH = 1080  # pixels


@dataclass(frozen=True, slots=True)
class DownloadReport:
    """What came of it: ``seen`` = downloaded + already + failed."""

    seen: int
    downloaded: int
    already: int
    failed: tuple[Skipped, ...]
    seconds: float
    manifest: str

    def to_dict(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**row, "failed": [s.to_dict() for s in self.failed]}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One image to download: its URL, and what the manifest says about it."""

    url: str
    columns: dict[str, Any] = field(default_factory=dict)
    notify: tuple[str, dict[str, str]] | None = None  # URL and headers: Unsplash wants to be told of a download


def download_urls(
    table: str | Path,
    folder: str | Path,
    *,
    column: str | None = None,
    workers: int = 8,
    limits: Limits | None = None,
    progress: OnProgress | None = None,
) -> DownloadReport:
    """Download the images of a CSV or Parquet table into ``folder``; pictures inside a table are written there.

    ``folder/manifest.csv`` gets a row for each: file, url and the table's other columns. What it lists is not fetched
    again, so a stopped run goes on where it was. A URL that fails is in the report; the others go on. Raises
    InvalidTableError, also where a manifest.csv of something else is in the way, and StorageError when the folder
    can't be written.
    """
    wanted = [_Wanted(url, columns) for url, columns in read_rows(expanded(table), column)]
    return _Downloads(expanded(folder), limits or Limits()).run(wanted, workers, progress)


def download_unsplash(
    n: int,
    folder: str | Path,
    *,
    key: str | None = None,
    base_url: str | None = None,
    workers: int = 8,
    limits: Limits | None = None,
    progress: OnProgress | None = None,
) -> DownloadReport:
    """Download ``n`` photos of Unsplash: by its API with an access key, else by picsum.photos, which serves them.

    The manifest holds the photographer and the photo's page, as Unsplash's licence asks to credit. Run again with a
    larger ``n``, it adds the missing ones. Raises FetchError when the service itself can't be reached or answers
    something else, and otherwise as ``download_urls`` does.
    """
    downloads = _Downloads(expanded(folder), limits or Limits())
    have = len(downloads.done)
    base = (base_url or (UNSPLASH if key else PICSUM)).rstrip("/")
    listing = _unsplash(downloads.fetcher, base, key.strip()) if key else _picsum(downloads.fetcher, base)
    fresh = (w for w in listing if w.url not in downloads.done)
    report = downloads.run(list(islice(fresh, max(0, n - have))), workers, progress)
    already = min(have, n)
    return replace(report, seen=report.seen + already, already=already)


def _picsum(fetcher: Fetcher, base: str) -> Iterator[_Wanted]:
    """Photos in picsum's order, asked for by id so that the URL stays the same."""
    urls = (f"{base}/v2/list?page={page}&limit=100" for page in count(1))
    for photo in _photos(fetcher, urls, {}):
        with _understood(base):
            width = min(PHOTO_WIDTH, int(photo["width"]))
            height = round(int(photo["height"]) * width / int(photo["width"]))
            yield _Wanted(
                f"{base}/id/{photo['id']}/{width}/{height}",
                {"photographer": photo.get("author", ""), "page": photo.get("url", "")},
            )


def _unsplash(fetcher: Fetcher, base: str, key: str) -> Iterator[_Wanted]:
    """Random photos, 30 a request."""
    headers = {"Authorization": f"Client-ID {key}", "Accept-Version": "v1"}
    for photo in _photos(fetcher, repeat(f"{base}/photos/random?count=30"), headers):
        with _understood(base):
            links = photo.get("links") or {}
            counted = str(links.get("download_location") or "")
            yield _Wanted(
                str(photo["urls"]["raw"]) + f"&w={PHOTO_WIDTH}&fm=jpg&q=85",
                {
                    "caption": photo.get("alt_description") or photo.get("description") or "",
                    "photographer": (photo.get("user") or {}).get("name", ""),
                    "page": links.get("html", ""),
                },
                # The key goes to its own service only.
                notify=(counted, headers) if counted.startswith(f"{base}/") else None,
            )


def _photos(fetcher: Fetcher, urls: Iterable[str], headers: dict[str, str]) -> Iterator[dict[str, Any]]:
    """What a service lists, page after page, until one brings nothing new."""
    seen: set[str] = set()
    for url in urls:
        with _understood(url):
            photos = {str(photo["id"]): photo for photo in json.loads(fetcher.get(url, headers, any_type=True))}
        new = [id for id in photos if id not in seen]
        if not new:
            return
        seen.update(new)
        yield from (photos[id] for id in new)


@contextmanager
def _understood(url: str) -> Iterator[None]:
    """Turn errors caused by a response of an unexpected form into a FetchError."""
    try:
        yield
    except ImageFinderError:
        raise
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise FetchError(
            f"{url} did not answer with a list of photos.", code=SkipCode.FETCH_FAILED, remedy="Try again later."
        ) from error


class _Downloads:
    """A folder being filled. Workers fetch; the manifest is written by the calling thread."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self.fetcher = Fetcher(limits)
        self._limits = limits
        self._hosts: dict[str, threading.Semaphore] = {}
        self._lock = threading.Lock()
        self._had: dict[str, dict[str, Any]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for left in folder.glob(f"*{PARTIAL}"):
                left.unlink()
            self._names = {_same(name) for name in os.listdir(folder)}
            rows = self._read_manifest()
        except (OSError, ValueError) as error:
            if isinstance(error, ImageFinderError):
                raise
            raise StorageError(f"{folder} can't be used: {getattr(error, 'strerror', None) or error}.") from error
        self.done = {row["url"]: row for row in rows if row["url"] and _same(row["file"]) in self._names}

    def _read_manifest(self) -> list[dict[str, Any]]:
        path = self.folder / MANIFEST
        if not path.exists() or not look(path).st_size:
            return []
        try:
            names, rows = read_csv(path, whole=False)  # a row may be half written
            if not {"file", "url"} <= set(names):
                raise InvalidTableError(f"{path} has no columns file and url.")
            return [row for row in rows if row["file"]]
        except InvalidTableError as error:
            raise InvalidTableError(
                f"{error.message} It is not what a download has written.",
                remedy=f"Move {MANIFEST} away, or choose another folder.",
            ) from error

    def run(self, wanted: Iterable[_Wanted], workers: int, progress: OnProgress | None) -> DownloadReport:
        started = time.perf_counter()
        every = list({w.url: w for w in wanted}.values())
        todo = [w for w in every if w.url not in self.done]
        failed: list[Skipped] = []
        downloaded = 0
        results = ordered_map(self._one, todo, workers=workers, window=4 * workers)
        try:
            for i, (item, result) in enumerate(zip(todo, results, strict=True), start=1):
                if isinstance(result, Skipped):
                    failed.append(result)
                else:
                    downloaded += 1
                    self.done[item.url] = result
                    if downloaded % 50 == 0:
                        self._write_manifest()
                if progress:
                    progress(Progress("downloading", i, len(todo)))
        finally:
            results.close()  # waits for what is under way, which is then in the manifest too
            self.done.update((w.url, self._had[w.url]) for w in todo if w.url in self._had)
            self._write_manifest()
        seconds = round(time.perf_counter() - started, 2)
        path = str(self.folder / MANIFEST)
        return DownloadReport(len(every), downloaded, len(every) - len(todo), tuple(failed), seconds, path)

    def _one(self, item: _Wanted) -> dict[str, Any] | Skipped:
        """Fetch one image; its row in the manifest, or why there is none."""
        place = inside(item.url)
        try:
            with self._host(item.url):
                data = read_picture(place, self._limits) if place else self.fetcher.get(item.url)
            # Decoded at the least scale: enough to know that it is a whole image, and of which format.
            image = decode(encode_bytes(ImageRef(item.url), data), short_side=32, limits=self._limits)
            name = self._name(item.url, ending_of(image.format))
            self._write(name, data)
        except ImageError as error:
            return Skipped(item.url, error.code, error.message, error.remedy)
        self._had[item.url] = {"file": name, "url": item.url, **_columns(item)}
        self._notify(item)
        return self._had[item.url]

    def _host(self, url: str) -> threading.Semaphore:
        host = split_url(url).netloc.rpartition("@")[2].lower()
        with self._lock:
            return self._hosts.setdefault(host, threading.Semaphore(PER_HOST))

    def _name(self, url: str, extension: str) -> str:
        """A name that every system takes and no other file here has, from the last part of the URL's path or the name
        that the table gives."""
        stem = Path(copied_name(url) if inside(url) else split_url(url).path.rstrip("/")).stem
        stem = re.sub(r"[^\w.-]+", "_", stem).encode("utf-8", "ignore")[:LONGEST_STEM].decode("utf-8", "ignore")
        stem = stem.strip("._") or "image"
        if stem.partition(".")[0].lower() in DEVICES:
            stem = f"image-{stem}"
        with self._lock:
            names = (f"{stem}{f'-{i}' if i else ''}{extension}" for i in count())
            name = next(n for n in names if _same(n) not in self._names)
            self._names.add(_same(name))
        return name

    def _write(self, name: str, data: bytes) -> None:
        partial = self.folder / f"{name}{PARTIAL}"
        try:
            write_new(partial, data)
            rename_new(partial, self.folder / name)
        except OSError as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise StorageError(
                f"{self.folder / name} can't be written: {error.strerror}.", remedy="Make room, then run again."
            ) from error

    def _notify(self, item: _Wanted) -> None:
        if item.notify:
            url, headers = item.notify
            with suppress(ImageError):  # the picture is here; the count at Unsplash is a courtesy
                self.fetcher.get(url, headers, any_type=True)

    def _write_manifest(self) -> None:
        rows = list(self.done.values())
        names = list(dict.fromkeys(["file", "url", *(name for row in rows for name in row)]))
        partial = self.folder / f"{MANIFEST}{PARTIAL}"
        try:
            partial.unlink(missing_ok=True)
            with partial.open("x", encoding="utf-8", errors="replace", newline="") as file:
                write_rows(file, names, rows, line_end="\r\n", quote=False)
            partial.replace(self.folder / MANIFEST)
        except OSError as error:
            raise StorageError(f"{partial} can't be written: {error.strerror}.") from error


def _columns(item: _Wanted) -> dict[str, Any]:
    """What stands beside file and url, under names of its own."""
    return {
        f"csv_{name}" if name.strip().lower() in ("file", "url") else name: ", ".join(v) if isinstance(v, list) else v
        for name, v in item.columns.items()
    }


def _same(name: str) -> str:
    """A form that is equal for names that are one file on some systems: macOS and Windows ignore case, macOS also
    splits accents."""
    return unicodedata.normalize("NFC", name).casefold()

"""Downloads images into a folder: those of a table of URLs, or photos of Unsplash."""

from __future__ import annotations

import csv
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from imagefinder._batching import ordered_map
from imagefinder.errors import ImageError, StorageError
from imagefinder.images.decode import decode, encode_bytes
from imagefinder.images.fetch import Fetcher
from imagefinder.images.tables import read_rows
from imagefinder.types import ImageRef, Limits, Skipped

MANIFEST = "manifest.csv"
PER_HOST = 4  # downloads at once from one host
UNSPLASH, PICSUM = "https://api.unsplash.com", "https://picsum.photos"
PHOTO_WIDTH = 1080  # pixels
_EXTENSIONS = {"JPEG": ".jpg", "TIFF": ".tif", "HEIF": ".heic", "JPEG2000": ".jp2"}

Progress = Callable[[int, int], None]


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
    """One image to have: where it is, and what is to stand beside it in the manifest."""

    url: str
    columns: dict[str, Any] = field(default_factory=dict)
    notify: str | None = None  # Unsplash wants to be told of a download


def download_urls(
    table: str | Path,
    folder: str | Path,
    *,
    column: str | None = None,
    workers: int = 8,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> DownloadReport:
    """Download the images of a CSV or Parquet table into ``folder``.

    ``folder/manifest.csv`` gets a row for each: file, url and the table's other columns. What it lists is not fetched
    again, so a stopped run goes on where it was. A URL that fails is in the report; the others go on. Raises
    InvalidTableError, and StorageError when the folder can't be written.
    """
    wanted = [_Wanted(url, columns) for url, columns in read_rows(Path(table), column)]
    return _Downloads(Path(folder), limits or Limits()).run(wanted, workers, progress)


def download_unsplash(
    n: int,
    folder: str | Path,
    *,
    key: str | None = None,
    base_url: str | None = None,
    workers: int = 8,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> DownloadReport:
    """Download ``n`` photos of Unsplash: by its API with an access key, else by picsum.photos, which serves them.

    The manifest holds the photographer and the photo's page, as Unsplash's licence asks to credit. Run again with a
    larger ``n``, it adds the missing ones. Raises FetchError when the service itself can't be reached.
    """
    downloads = _Downloads(Path(folder), limits or Limits())
    have = len(downloads.done)
    listing = (
        _unsplash(downloads.fetcher, base_url or UNSPLASH, key)
        if key
        else _picsum(downloads.fetcher, base_url or PICSUM)
    )
    fresh = (w for w in listing if w.url not in downloads.done)
    wanted = [w for w, _ in zip(fresh, range(max(0, n - have)), strict=False)]
    report = downloads.run(wanted, workers, progress)
    already = min(have, n)
    return DownloadReport(
        report.seen + already, report.downloaded, already, report.failed, report.seconds, report.manifest
    )


def _picsum(fetcher: Fetcher, base: str) -> Iterator[_Wanted]:
    """Photos in picsum's order, asked for by id so that the URL stays the same."""
    for page in count(1):
        photos = json.loads(fetcher.get(f"{base}/v2/list?page={page}&limit=100", any_type=True))
        if not photos:
            return
        for photo in photos:
            width = min(PHOTO_WIDTH, int(photo["width"]))
            height = round(int(photo["height"]) * width / int(photo["width"]))
            yield _Wanted(
                f"{base}/id/{photo['id']}/{width}/{height}",
                {"photographer": photo.get("author", ""), "page": photo.get("url", "")},
            )


def _unsplash(fetcher: Fetcher, base: str, key: str) -> Iterator[_Wanted]:
    """Random photos, 30 a request; stops when a request brings nothing new."""
    headers = {"Authorization": f"Client-ID {key}", "Accept-Version": "v1"}
    seen: set[str] = set()
    while True:
        photos = json.loads(fetcher.get(f"{base}/photos/random?count=30", headers, any_type=True))
        new = [p for p in photos if p["id"] not in seen]
        if not new:
            return
        for photo in new:
            seen.add(photo["id"])
            user = photo.get("user") or {}
            yield _Wanted(
                photo["urls"]["raw"] + f"&w={PHOTO_WIDTH}&fm=jpg&q=85",
                {
                    "caption": photo.get("alt_description") or photo.get("description") or "",
                    "photographer": user.get("name", ""),
                    "page": (photo.get("links") or {}).get("html", ""),
                },
                notify=(photo.get("links") or {}).get("download_location"),
            )


class _Downloads:
    """A folder being filled. Workers fetch; the manifest is written by the calling thread."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self.fetcher = Fetcher(limits)
        self._limits = limits
        self._hosts: dict[str, threading.Semaphore] = {}
        self._lock = threading.Lock()
        self._names: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._names.update(os.listdir(folder))
            self.rows = self._read_manifest()
        except OSError as error:
            raise StorageError(f"{folder} can't be used: {error.strerror}.") from error
        self.done = {row["url"]: row for row in self.rows if row.get("file") in self._names}

    def _read_manifest(self) -> list[dict[str, Any]]:
        path = self.folder / MANIFEST
        if not path.is_file():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return [row for row in csv.DictReader(file) if row.get("url")]

    def run(self, wanted: Iterable[_Wanted], workers: int, progress: Progress | None) -> DownloadReport:
        started = time.perf_counter()
        every = list({w.url: w for w in wanted}.values())
        todo = [w for w in every if w.url not in self.done]
        failed: list[Skipped] = []
        downloaded = 0
        try:
            results = ordered_map(self._one, todo, workers=workers, window=4 * workers)
            for i, (item, result) in enumerate(zip(todo, results, strict=True), start=1):
                if isinstance(result, Skipped):
                    failed.append(result)
                else:
                    downloaded += 1
                    self.done[item.url] = {"file": result, "url": item.url, **item.columns}
                    if downloaded % 50 == 0:
                        self._write_manifest()
                if progress:
                    progress(i, len(todo))
        finally:
            self._write_manifest()
        seconds = round(time.perf_counter() - started, 2)
        path = str(self.folder / MANIFEST)
        return DownloadReport(len(every), downloaded, len(every) - len(todo), tuple(failed), seconds, path)

    def _one(self, item: _Wanted) -> str | Skipped:
        """Fetch one image; its file's name, or why there is none."""
        try:
            with self._host(item.url):
                data = self.fetcher.get(item.url)
            # Decoded at the least scale: enough to know that it is a whole image, and of which format.
            image = decode(encode_bytes(ImageRef(item.url), data), short_side=32, limits=self._limits)
            name = self._name(item.url, _EXTENSIONS.get(image.format, f".{image.format.lower()}"))
            self._write(name, data)
            self._notify(item)
            return name
        except ImageError as error:
            return Skipped(item.url, error.code, error.message, error.remedy)

    def _host(self, url: str) -> threading.Semaphore:
        host = urlsplit(url).netloc
        with self._lock:
            return self._hosts.setdefault(host, threading.Semaphore(PER_HOST))

    def _name(self, url: str, extension: str) -> str:
        """A safe name that no other file here has, from the last part of the URL's path."""
        stem = Path(urlsplit(url).path.rstrip("/")).stem
        stem = re.sub(r"[^\w.-]+", "_", stem).strip("._")[:80] or "image"
        with self._lock:
            name = next(n for i in count() if (n := f"{stem}{f'-{i}' if i else ''}{extension}") not in self._names)
            self._names.add(name)
        return name

    def _write(self, name: str, data: bytes) -> None:
        partial = self.folder / f"{name}.part"
        try:
            partial.write_bytes(data)
            partial.replace(self.folder / name)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise StorageError(
                f"{self.folder / name} can't be written: {error.strerror}.", remedy="Make room, then run again."
            ) from error

    def _notify(self, item: _Wanted) -> None:
        if item.notify:
            with suppress(ImageError):  # the picture is here; the count at Unsplash is a courtesy
                self.fetcher.get(item.notify, any_type=True)

    def _write_manifest(self) -> None:
        rows = list(self.done.values())
        names = list(dict.fromkeys(["file", "url", *(name for row in rows for name in row)]))
        partial = self.folder / f"{MANIFEST}.part"
        try:
            with partial.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, names)
                writer.writeheader()
                writer.writerows(rows)
            partial.replace(self.folder / MANIFEST)
        except OSError as error:
            raise StorageError(f"{partial} can't be written: {error.strerror}.") from error

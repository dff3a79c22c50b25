"""Sending images of this machine, and URLs, to the server."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import expanded
from imagefinder._util.threads import chunked
from imagefinder.client.queries import bytes_of
from imagefinder.client.responses import record_of
from imagefinder.errors import InvalidInputError
from imagefinder.images.loader import is_url
from imagefinder.results import Records
from imagefinder.types import OnProgress, Progress, Record, Skipped, ignore

if TYPE_CHECKING:
    from imagefinder.client.jobs import Jobs
    from imagefinder.client.transport import Transport

FILES, BYTES, URLS = 32, 32 * 1024**2, 100  # in one request: about what a server adds in the time it makes us wait
AGAIN_S = 0.5  # between two requests while other short work is in the way


@dataclass(frozen=True, slots=True)
class Added:
    """What became of images that were sent: the records of those in the index now, and those left out."""

    images: Records
    skipped: tuple[Skipped, ...]


class Sender:
    """Adds images in portions. To send one again that the server has already changes nothing."""

    def __init__(self, transport: Transport, jobs: Jobs, progress: OnProgress | None) -> None:
        self._transport = transport
        self._jobs = jobs
        self._progress = progress or ignore
        self._images: list[Record] = []
        self._skipped: list[Skipped] = []

    def add(self, sources: Sequence[str | os.PathLike[str]], tags: Sequence[str]) -> Added:
        names = [os.fspath(s) for s in sources]
        urls = [n for n in names if is_url(n)]
        files = [_checked(n) for n in names if not is_url(n)]
        if tags and urls:
            raise InvalidInputError("Tags are for files.", remedy="Add the URLs without, then tag their records.")
        done = 0
        for portion in _portions(files):
            form = [("files", (name, data)) for name, data in portion]
            self._send("/v1/images", {"files": form, "data": {"tags": ",".join(tags)}})
            self._progress(Progress("sending", done := done + len(portion), len(names)))
        for some in chunked(urls, URLS):
            self._send("/v1/images/urls", {"json": {"urls": some}})
            self._progress(Progress("sending", done := done + len(some), len(names)))
        return Added(Records(self._images), tuple(self._skipped))

    def _send(self, path: str, request: dict[str, Any]) -> None:
        """Add a portion. While a job is in its way, wait for that one, and ask again for what came out."""
        response = self._transport.json("POST", path, **request)
        while "images" not in response:
            if job := response.get("job"):
                self._wait(job["id"])
            else:
                time.sleep(AGAIN_S)
            response = self._transport.json("POST", path, **request)
        self._images += [record_of(row) for row in response["images"]]
        self._skipped += [Skipped(**row) for row in response["skipped"]]

    def _wait(self, id: str) -> None:
        """However that job ends, it is out of our way."""
        while not self._jobs.get(id).ended:
            time.sleep(AGAIN_S)


def _checked(name: str) -> Path:
    """A file to be read later. Raises InvalidInputError."""
    path = expanded(name)
    if path.is_dir():
        raise InvalidInputError(
            f"{name} is a folder.", remedy="Name its files, or use add_folder for a folder of the server's machine."
        )
    if not path.is_file():
        raise InvalidInputError(f"There is no file '{name}'.", remedy="Check the path.")
    return path


def _portions(files: Sequence[Path]) -> Iterator[list[tuple[str, bytes]]]:
    """Names and bytes of files, some at once; a large one goes alone."""
    portion: list[tuple[str, bytes]] = []
    size = 0
    for path in files:
        data = bytes_of(path)
        if portion and (len(portion) == FILES or size + len(data) > BYTES):
            yield portion
            portion, size = [], 0
        portion.append((path.name, data))
        size += len(data)
    if portion:
        yield portion

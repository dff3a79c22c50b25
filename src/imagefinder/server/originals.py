"""Sends the file of an image in parts, whole or a range of it, so that a slow reader holds no memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

import anyio.to_thread
from fastapi.responses import Response

from imagefinder.images.headers import format_of
from imagefinder.images.video import kind_of as container_of
from imagefinder.server.bounds import STREAMED
from imagefinder.server.errors import RefusedError
from imagefinder.server.pictures import TYPES, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

VIDEOS = {
    "mov": "video/mp4",
    "matroska": "video/webm",
    "ogg": "video/ogg",
    "mpegts": "video/mp2t",
    "avi": "video/x-msvideo",
}
VIDEOS |= {"mpeg": "video/mpeg", "asf": "video/x-ms-asf", "flv": "video/x-flv"}
READ = 256 * 1024  # bytes that are read at once
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII | re.IGNORECASE)


class FileResponse(Response):
    """``size`` bytes of an open file, or the range of them that was asked for. Closes the file."""

    def __init__(self, file: BinaryIO, size: int, media_type: str, headers: Mapping[str, str], asked: str | None):
        self._file = file
        try:
            self._start, end = asked_range(asked, size) or (0, size)
        except RefusedError:
            file.close()
            raise
        partial = end - self._start < size
        super().__init__(None, 206 if partial else 200, {**headers, "accept-ranges": "bytes"}, media_type)
        self._left = end - self._start
        self.headers["content-length"] = str(self._left)
        if partial:
            self.headers["content-range"] = f"bytes {self._start}-{end - 1}/{size}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[STREAMED] = True
        with self._file as file:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            file.seek(self._start)
            while self._left:
                part = await anyio.to_thread.run_sync(file.read, min(READ, self._left))
                self._left -= len(part)
                if not part:
                    raise OSError("A file became shorter while it was sent.")
                await send({"type": "http.response.body", "body": part, "more_body": self._left > 0})
            if self.headers["content-length"] == "0":
                await send({"type": "http.response.body", "body": b""})


def asked_range(asked: str | None, size: int) -> tuple[int, int] | None:
    """Where the range of a Range header begins and ends; None where there is none, or one that need not be understood.
    Raises RefusedError for one outside the file."""
    found = RANGE.fullmatch(asked.replace(" ", "")) if asked else None
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if first and last and int(last) < int(first):
        return None
    if start >= size:
        raise RefusedError(416, f"The file has {size:,} bytes.", headers={"content-range": f"bytes */{size}"})
    return start, end


def kind_of_file(head: bytes, uri: str) -> tuple[str, str]:
    """The media type of a file that begins with these bytes, and the policy that it is sent with: of a stranger's file,
    nothing runs here. Browsers show no PDF in a sandbox; they have their own around it."""
    format = format_of(head)
    if format == "PDF":
        return "application/pdf", "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'"
    kind = TYPES.get(format, UNKNOWN)
    if format == "VIDEO":
        kind = VIDEOS.get(container_of(head), UNKNOWN)
        kind = "video/x-matroska" if kind == "video/webm" and ".webm" not in uri.lower() else kind
    return kind, "sandbox; default-src 'none'"


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether a client has what an ETag names."""
    return if_none_match is not None and (if_none_match.strip() == "*" or etag in if_none_match)

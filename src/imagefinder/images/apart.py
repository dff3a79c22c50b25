"""Decodes files in processes of their own, with bounds of time and memory: what hangs, crashes or takes too much ends
there, and takes nothing else with it.

A decoder is another Python, started without a fork of this process, that reads files from a pipe and answers with
pixels (``images.worker``). It is kept for the next file, leaves when there is none for a while, and ends with this
process. Its memory is bounded where the system can (Linux); elsewhere by what its formats are known to take.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import Any, BinaryIO

from PIL import Image

from imagefinder._util.threads import cores
from imagefinder.errors import ImageError
from imagefinder.types import EncodedImage, Limits, LoadedImage, SkipCode

LARGE = 20_000_000  # pixels in memory; larger pictures are decoded one at a time, to bound memory
STRIP = 300_000  # pixels sent at once: fewer bytes than a pipe holds, and than a cache
WAIT = 12 if os.name == "posix" else 3  # times the seconds allowed, by the clock on the wall: a machine may be busy
START = 60  # seconds in which a decoder is ready
PIPE = 1 << 20  # bytes a pipe holds, where that can be said
BOUNDS = (  # of Limits
    *("max_pixels", "max_decoded_pixels", "max_seconds", "max_memory"),
    *("max_pages", "max_frames", "max_length_s", "max_look_s"),
)
FACTS = ("width", "height", "format", "taken_at", "taken_from", "told")  # of LoadedImage
_CODE = (  # numeric packages are given one thread before they are loaded
    "import os, sys; os.environ.update(OMP_NUM_THREADS='1', OPENBLAS_NUM_THREADS='1', MKL_NUM_THREADS='1'); "
    "sys.path[:] = sys.argv[1:]; from imagefinder.images.worker import main; main()"
)

one_large = threading.Lock()
_places = threading.BoundedSemaphore(max(2, cores()))
_rested: list[_Decoder] = []  # with nothing to do


def decode(encoded: EncodedImage, *, short_side: int | None, limits: Limits) -> LoadedImage:
    """As ``decode.decode``. Raises ImageError, too-costly for a file that takes too long or too much memory."""
    request = {"do": "decode", "short_side": short_side, "large": False}
    answer, picture = _ask(request, [encoded.data], limits)
    if answer.get("large"):
        with one_large:
            answer, picture = _ask({**request, "large": True}, [encoded.data], limits)
    assert picture is not None
    facts = {name: answer[name] for name in FACTS}
    return LoadedImage(encoded.ref, picture, encoded.content_hash, len(encoded.data), **facts)


def look(path: str, within: Sequence[str] | None, limits: Limits) -> dict[str, Any]:
    """The parts of a file of several pictures, see ``parts.Contents``. Raises ImageError."""
    answer, _ = _ask({"do": "look", "path": path, "within": within}, [], limits, limits.max_look_s)
    return answer


def part(
    path: str, within: Sequence[str] | None, place: float, short_side: int | None, limits: Limits
) -> tuple[dict[str, Any], Image.Image]:
    """A page or frame of a file, and its facts, see ``parts.read_part``. Raises ImageError."""
    request = {"do": "part", "path": path, "within": within, "place": place, "short_side": short_side, "large": False}
    answer, picture = _ask(request, [], limits)
    if answer.get("large"):
        with one_large:
            answer, picture = _ask({**request, "large": True}, [], limits)
    assert picture is not None
    return answer, picture


def same_frames(a: bytes, b: bytes, limits: Limits) -> str | None:
    """As ``same_frames.same_frames``; a file that can't be compared within the limits is said to differ."""
    try:
        answer, _ = _ask({"do": "same_frames"}, [a, b], limits)
    except ImageError as error:
        return f"the pictures in them can't be compared. {error.message}"
    said = answer["said"]
    return None if said is None else str(said)


class LargeError(Exception):
    """A picture is so large that it is to be decoded while no other is."""


def too_costly(what: str) -> ImageError:
    return ImageError(
        what,
        code=SkipCode.TOO_COSTLY,
        remedy="Save it again as JPEG or PNG. In Python, Limits may allow more for files that are to be trusted.",
    )


def _ask(
    request: dict[str, Any], files: Sequence[bytes], limits: Limits, seconds: float = 0.0
) -> tuple[dict[str, Any], Image.Image | None]:
    """What a decoder answers, and the picture that it sends. It may take ``seconds`` beyond the limit. Raises
    ImageError."""
    limits = replace(limits, max_seconds=limits.max_seconds + seconds)
    asked = {**request, "files": [len(data) for data in files], **{name: asdict(limits)[name] for name in BOUNDS}}
    with _places:
        while True:
            decoder = _rested_one() or _Decoder()
            try:
                answer, picture = decoder.ask(asked, files, limits)
            except _LeftError:  # it had nothing to do, and left in this very moment
                continue
            if answer.pop("stays"):
                _rested.append(decoder)
            else:
                decoder.end()
            if "code" in answer:
                raise ImageError(answer["message"], code=answer["code"], remedy=answer["remedy"])
            return answer, picture


def _rested_one() -> _Decoder | None:
    with suppress(IndexError):
        return _rested.pop()
    return None


def _not_started(why: str) -> ImageError:
    return ImageError(
        f"This kind of file is decoded in a process of its own, which can't be started: {why}.",
        code=SkipCode.UNSUPPORTED_FORMAT,
        remedy="Save it as JPEG, PNG or WebP.",
    )


class _LeftError(Exception):
    """A decoder is not there any more, and has not looked at what it was asked."""


class _Decoder:
    """A process that decodes. One that is ended, or has failed, is not used again."""

    def __init__(self) -> None:
        import subprocess

        paths = [os.path.abspath(path) for path in sys.path if path]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _CODE, *paths],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # of Windows
            )
        except (OSError, ValueError) as error:
            raise _not_started(str(error)) from error
        self._in: BinaryIO = self._process.stdin  # type: ignore[assignment]
        self._out: BinaryIO = self._process.stdout  # type: ignore[assignment]
        self._late = False
        for pipe in (self._in, self._out):
            _widen(pipe)
        with self._clock(START):
            ready = self._out.read(1)
        if not ready:
            self.end()
            raise _not_started("it ended at once")

    def ask(
        self, asked: dict[str, Any], files: Sequence[bytes], limits: Limits
    ) -> tuple[dict[str, Any], Image.Image | None]:
        try:
            with self._clock(WAIT * limits.max_seconds):
                self._send(asked, files)
                answer = json.loads(self._exactly(int.from_bytes(self._exactly(4), "big")))
                picture = self._picture(answer.pop("size")) if "size" in answer else None
            return answer, picture
        except (OSError, EOFError) as error:  # it is gone
            raise self._why(limits) from error
        except BaseException:
            self.end()
            raise

    def _send(self, asked: dict[str, Any], files: Sequence[bytes]) -> None:
        head = json.dumps(asked).encode()
        self._in.write(len(head).to_bytes(4, "big") + head)
        for data in files:
            self._in.write(data)
        self._in.flush()

    def _exactly(self, size: int) -> bytes:
        data = self._out.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def _picture(self, size: list[int]) -> Image.Image:
        width, height = size
        rows = strip_rows(width)
        if height <= rows:
            return Image.frombytes("RGB", (width, height), self._exactly(3 * width * height))
        picture = Image.new("RGB", (width, height))
        for top in range(0, height, rows):
            some = min(rows, height - top)
            picture.paste(Image.frombytes("RGB", (width, some), self._exactly(3 * width * some)), (0, top))
        return picture

    @contextmanager
    def _clock(self, seconds: float) -> Iterator[None]:
        """Ends the process when the block takes longer."""
        timer = threading.Timer(seconds, self._stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _stop(self) -> None:
        self._late = True
        self._process.kill()

    def _why(self, limits: Limits) -> Exception:
        """Why the process is gone."""
        self._end_pipes()
        code = self._process.wait()
        if self._late or code == -getattr(signal, "SIGPROF", 0):
            return too_costly(f"Decoding it took longer than {limits.max_seconds:g} seconds.")
        if code == 0:
            return _LeftError()
        return ImageError(
            "The file is damaged: its decoder crashed, or took more memory than is allowed.",
            code=SkipCode.CORRUPT,
            remedy="Save it again as JPEG or PNG.",
        )

    def end(self) -> None:
        self._process.kill()
        self._end_pipes()
        self._process.wait()

    def _end_pipes(self) -> None:
        for pipe in (self._in, self._out):
            with suppress(OSError):
                pipe.close()


def strip_rows(width: int) -> int:
    """The rows of a picture that are sent at once."""
    return max(1, STRIP // max(width, 1))


def _widen(pipe: BinaryIO) -> None:
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE)  # type: ignore[attr-defined, unused-ignore]


def _end_all() -> None:
    while decoder := _rested_one():
        decoder.end()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):  # two processes can't talk to one decoder
    os.register_at_fork(after_in_child=_rested.clear)

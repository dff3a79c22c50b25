"""The process of ``images.apart`` in which files are decoded. It reads requests from its standard input, and writes
answers and pixels to its standard output.

A request and an answer are JSON with its length before it, 4 bytes, big end first; behind a request come the files,
behind an answer the pixels, RGB in rows. What takes too much time ends the process; what takes too much memory fails
in it.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import threading
import warnings
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from PIL.Image import Image

from imagefinder.errors import ImageError
from imagefinder.images.apart import BOUNDS, FACTS, LARGE, LargeError, strip_rows, too_costly
from imagefinder.images.decode import decode_here
from imagefinder.images.opened import Opened
from imagefinder.images.same_frames import same_frames_here
from imagefinder.types import EncodedImage, ImageRef, Limits

IDLE = 30  # seconds without work after which the process leaves
TIRED = 150_000_000  # bytes of memory, beside the picture, with which it leaves: not all is given back
OWN = 60_000_000  # bytes that the process holds before it decodes

_Requests: TypeAlias = "queue.SimpleQueue[tuple[dict[str, Any], list[bytes]]]"


def main() -> None:
    """Answer requests until there are none."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks decides what Ctrl-C ends
    warnings.simplefilter("ignore")
    _one_thread()
    out.write(b"!")  # ready
    out.flush()
    requests: _Requests = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests,), daemon=True).start()
    while True:
        try:
            request, files = requests.get(timeout=IDLE)
        except queue.Empty:
            os._exit(0)
        _answer(out, request, files)


def _one_thread() -> None:
    """Each decoder works in one thread: several processes work at once, and what one takes can be told."""
    with suppress(ImportError, AttributeError):
        from PIL import AvifImagePlugin

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    with suppress(ImportError, AttributeError):
        import pillow_heif

        pillow_heif.options.DECODE_THREADS = 1
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _listen(requests: _Requests) -> None:
    """Reads requests; ends the process, whatever it is doing, when the one that asks is gone."""
    asked = os.fdopen(0, "rb")
    while len(size := asked.read(4)) == 4:
        request = json.loads(asked.read(int.from_bytes(size, "big")))
        requests.put((request, [asked.read(length) for length in request["files"]]))
    os._exit(0)


def _answer(out: BinaryIO, request: dict[str, Any], files: list[bytes]) -> None:
    picture = None
    _end_after(request["max_seconds"])
    try:
        if request["do"] == "same_frames":
            _bound_memory(request["max_memory"])
            answer: dict[str, Any] = {"said": same_frames_here(*files)}
        elif request["do"] == "decode":
            answer, picture = _decoded(request, files.pop())
        else:
            answer, picture = _of_file(request)
    except LargeError:
        answer = {"large": True}
    except (ImageError, MemoryError) as error:
        told = error if isinstance(error, ImageError) else too_costly("Decoding it takes more memory than is allowed.")
        answer = {"code": told.code, "message": told.message, "remedy": told.remedy}
    _end_after(0)
    held = 4 * picture.width * picture.height if picture else 0
    head = json.dumps({**answer, "stays": _size(resident=True) < TIRED + held}).encode()
    out.write(len(head).to_bytes(4, "big") + head)
    if picture is not None:
        rows = strip_rows(picture.width)
        for top in range(0, picture.height, rows):
            out.write(picture.crop((0, top, picture.width, min(top + rows, picture.height))).tobytes())
    out.flush()
    _bound_memory(None)


def _decoded(request: dict[str, Any], data: bytes) -> tuple[dict[str, Any], Image]:
    limits = Limits(**{name: request[name] for name in BOUNDS})
    _bound_memory(limits.max_memory)

    def hold(pixels: int) -> AbstractContextManager[None]:
        return _hold(pixels, request)

    loaded = decode_here(
        EncodedImage(ImageRef(""), data, ""), short_side=request["short_side"], limits=limits, hold=hold, sent=True
    )
    facts = {name: getattr(loaded, name) for name in FACTS}
    return {**facts, "size": loaded.image.size}, loaded.image


def _of_file(request: dict[str, Any]) -> tuple[dict[str, Any], Image | None]:
    """The parts of a file, or one of them. The file stays open for the next one."""
    limits = Limits(**{name: request[name] for name in BOUNDS})
    _opened.load(request["path"])  # what is loaded counts as this process's own
    _bound_memory(limits.max_memory)
    if request["do"] == "look":
        return _opened.contents(request["path"], request["within"], limits), None

    def hold(pixels: int) -> AbstractContextManager[None]:
        return _hold(pixels, request)

    facts, picture = _opened.part(
        request["path"], request["within"], request["place"], request["short_side"], limits, hold
    )
    return {**facts, "size": picture.size}, picture


_opened = Opened()


def _hold(pixels: int, request: dict[str, Any]) -> AbstractContextManager[None]:
    if pixels > LARGE and not request["large"]:
        raise LargeError
    return nullcontext()


# --- bounds -----------------------------------------------------------------------------------------------------------


def _end_after(seconds: float) -> None:
    """End this process when it has worked for so long (time of the processor); 0 for never. Windows has no such clock;
    there the process that asks ends this one by its own."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _bound_memory(more: int | None) -> None:
    """Bound the memory of this process to so many bytes more than it has, less what it had from the start; None for no
    bound. Only Linux does so."""
    now = _size()
    with suppress(ImportError, OSError, ValueError):
        import resource

        most = resource.RLIM_INFINITY if more is None or not now else now + max(0, more - OWN)
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def _size(resident: bool = False) -> int:
    """The addresses that this process has, or of these what is in memory, in bytes; 0 where the system doesn't say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[resident]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError, AttributeError):
        return 0

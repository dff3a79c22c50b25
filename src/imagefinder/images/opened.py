"""The file of several pictures that is open in the process of ``images.worker``: a PDF or a video. It is opened as any
file of a stranger is, stays open for its next part, and is opened again when it has changed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, BinaryIO

from PIL import Image

from imagefinder._util.extras import EXTRAS
from imagefinder.errors import ImageError
from imagefinder.images.apart import LargeError
from imagefinder.images.decode import Hold, broken, check_claim, check_cost
from imagefinder.images.files import open_file, unreadable
from imagefinder.images.formats import BY_ENDING, NAMED, Format, why_not
from imagefinder.images.headers import format_of
from imagefinder.images.marks import mark_of
from imagefinder.types import Limits, SkipCode


class Opened:
    """Opens files of several pictures, one at a time."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] | None = None
        self._file: BinaryIO | None = None
        self._document: Any = None
        self._mark = ""

    def load(self, path: str) -> None:
        """Import what opens files of this name."""
        format = _format(path)
        for module in EXTRAS[format.extra]:
            if find_spec(module):
                import_module(module)

    def contents(self, path: str, within: Sequence[str] | None, limits: Limits) -> dict[str, Any]:
        """The places of its parts, what marks its content, and what is not taken in. Raises ImageError."""
        try:
            document = self._open(path, within, limits)
            places = document.places()
        except Exception as error:  # a decoder given damaged bytes raises anything
            self._close()
            raise _told(error) from error
        return {"places": places, "mark": self._mark, "left_out": document.left_out}

    def part(
        self, path: str, within: Sequence[str] | None, place: float, short_side: int | None, limits: Limits, hold: Hold
    ) -> tuple[dict[str, Any], Image.Image]:
        """A part as an upright RGB picture, and its facts. Raises ImageError."""
        try:
            document = self._open(path, within, limits)
            size, pixels = document.size(place), document.pixels(place, short_side)
            check_claim(size, limits)
            check_cost(pixels, _format(path).held * pixels, limits)
            with hold(pixels):
                picture: Image.Image = document.picture(place, short_side)
            text = document.text(place)
        except (ImageError, LargeError):
            raise
        except Exception as error:  # a decoder given damaged bytes raises anything
            self._close()
            raise _told(error) from error
        upright = size[::-1] if (size[0] > size[1]) != (picture.width > picture.height) and size[0] != size[1] else size
        return {"mark": self._mark, "full": upright, "text": text, "said": document.said}, picture

    def _open(self, path: str, within: Sequence[str] | None, limits: Limits) -> Any:
        try:
            file = open_file(path, within)
        except OSError as error:
            raise unreadable(error) from error
        facts = os.fstat(file.fileno())
        key = (path, facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, limits)
        if key == self._key and self._document is not None:
            file.close()
            return self._document
        self._close()
        self._file = file
        self._mark = mark_of(file, facts.st_size)
        self._document = _document(path, file, limits)
        self._key = key
        return self._document

    def _close(self) -> None:
        document, file = self._document, self._file
        self._key = self._document = self._file = None
        for one in (document, file):
            if one is not None:
                with suppress(Exception):  # a decoder in any state
                    one.close()


def _document(path: str, file: BinaryIO, limits: Limits) -> Any:
    format = _format(path)
    if error := why_not(format):
        raise error
    head = file.read(4096)
    file.seek(0)
    if not head:
        raise ImageError("The file is empty.", code=SkipCode.EMPTY)
    if NAMED.get(format_of(head)) != format:
        raise ImageError(
            f"Its content is no {'PDF' if format.name == 'PDF' else 'video'} that can be read.",
            code=SkipCode.UNSUPPORTED_FORMAT,
            remedy="Give it the ending of what it is.",
        )
    return import_module(f"imagefinder.images.{format.module}").open_file(file, limits)


def _format(path: str) -> Format:
    return BY_ENDING[os.path.splitext(path)[1].lower()]


def _told(error: Exception) -> ImageError:
    return error if isinstance(error, ImageError) else broken(error)

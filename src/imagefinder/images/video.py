"""Frames of videos, by FFmpeg (PyAV): those that begin something new, each with its time.

Key frames are looked at, which cost little. Where they stand far apart, as in recordings of screens, all frames are
decoded, if there is time for that, and one a second is looked at. A frame is taken in if it differs from the one that
was taken in before it.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image

from imagefinder.errors import ImageError
from imagefinder.types import Limits, SkipCode

if TYPE_CHECKING:
    import numpy.typing as npt

FAR = 5.0  # seconds between key frames, beyond which all frames are decoded
STEP = 1.0  # seconds between frames that are looked at, at least
NEW = 10.0  # levels of 255 by which a frame differs from the one before it, in the mean over a small picture
SIDE, SPREAD = 16, 16  # pixels of that picture; levels between its darkest and lightest place that show nothing
ON = 20.0  # seconds that are rather decoded than looked for
BACK = (0.0, 2.0, 10.0, math.inf)  # seconds before a time from which its frame is looked for
EXACT = 0.0006  # seconds: times are kept in thousandths
SPEED = 100_000_000  # pixels that are decoded in a second of a processor, at least (H.264, one thread)
_BRANDS = (
    b"qt  ",
    b"isom",
    b"iso",
    b"mp4",
    b"M4V",
    b"avc1",
    b"3gp",
    b"3g2",
    b"mmp4",
    b"dash",
    b"f4v",
    b"XAVC",
    b"MSNV",
)
_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")  # a film of QuickTime may begin with these
_PLACE = re.compile(r"([+-]\d{1,2}(?:\.\d+)?)([+-]\d{1,3}(?:\.\d+)?)(?:[+-]\d+(?:\.\d+)?)?/?")  # ISO 6709


def kind_of(data: bytes) -> str:
    """FFmpeg's name of what a file that begins with these bytes is; empty for no video. Playlists, which name other
    files and addresses, are none."""
    if (data[4:8] == b"ftyp" and data[8:12].startswith(_BRANDS)) or data[4:8] in _ATOMS:
        return "mov"
    if data.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if data.startswith(b"RIFF") and data[8:12] == b"AVI ":
        return "avi"
    if data.startswith((b"\0\0\x01\xba", b"\0\0\x01\xb3")):
        return "mpeg" if data[3] == 0xBA else "mpegvideo"
    if any(data[at : at + 1] == data[at + size : at + size + 1] == b"G" for at, size in ((0, 188), (4, 192))):
        return "mpegts"
    starts = {b"0&\xb2u\x8ef\xcf\x11": "asf", b"FLV\x01": "flv", b"OggS": "ogg"}
    return next((name for start, name in starts.items() if data.startswith(start)), "")


def is_video(data: bytes) -> bool:
    """Whether a file that begins with these bytes is a video."""
    return bool(kind_of(data))


class _Seen(NamedTuple):
    """A frame that was looked at: when it is shown, and its small picture, float32 (SIDE, SIDE, 3)."""

    at: float
    small: npt.NDArray[np.float32]

    @property
    def is_blank(self) -> bool:
        return bool(np.ptp(self.small, axis=(0, 1)).max() <= SPREAD)


class Document:
    """A video that is open. Its places are the times of its frames in seconds from its beginning."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        import av

        av.logging.set_level(av.logging.PANIC)
        kind = kind_of(file.read(4096))
        file.seek(0)
        if not kind:
            raise ImageError("Its content is no video that can be read.", code=SkipCode.UNSUPPORTED_FORMAT)
        self._limits = limits
        nothing = {"protocol_whitelist": "none", "enable_drefs": "0", "use_absolute_path": "0"}
        try:
            self._film: Any = av.open(
                file, format=kind, container_options=nothing, io_open=_refused, metadata_errors="replace"
            )
        except av.error.FFmpegError as error:
            told: Any = error.log  # the level, the part of FFmpeg, and what that says
            why = str(told[2] if told else error.strerror).strip()
            raise ImageError(
                f"The video is damaged, or cut short: {why}.",
                code=SkipCode.CORRUPT,
                remedy="Copy or download it again.",
            ) from error
        if not self._film.streams.video:
            raise ImageError("The file has no pictures, only sound.", code=SkipCode.NOT_AN_IMAGE)
        self._stream = self._film.streams.video[0]
        self._stream.codec_context.thread_count = 1
        self._base = float(self._stream.time_base or 0)
        self._start = float((self._stream.start_time or 0) * self._base)
        self._now: tuple[float, Iterator[Any]] = (math.inf, iter(()))
        self.left_out = ""
        self.count = 0

    @property
    def said(self) -> dict[str, Any]:
        """What the file says of itself: ``began`` (ISO 8601), and as ``images.metadata.told`` has it."""
        told = {name.rpartition("quicktime.")[2].lower(): value for name, value in self._film.metadata.items()}
        found: dict[str, Any] = {"camera": " ".join(told[n] for n in ("make", "model") if n in told)}
        found |= {"caption": told.get("title", ""), "began": told.get("creationdate") or told.get("creation_time", "")}
        if place := _PLACE.fullmatch(told.get("location.iso6709") or told.get("location", "")):
            lat, lon = (round(float(part), 6) for part in place.groups())
            found |= {"lat": lat, "lon": lon} if abs(lat) <= 90 and abs(lon) <= 180 and (lat or lon) else {}
        return {name: value for name, value in found.items() if value}

    def places(self) -> list[float]:
        """The times of the frames that are taken in."""
        seen = list(self._looked_at(self._key_frames()))
        ends = [frame.at for frame in seen[1:]] + [min(self._length(), self._limits.max_length_s)]
        if not seen or (self._is_quick() and any(b - a.at > FAR for a, b in zip(seen, ends, strict=True))):
            seen = list(self._looked_at(self._all_frames())) or seen
        if not seen:
            raise ImageError("The video has no frame that can be decoded.", code=SkipCode.CORRUPT)
        found = _new_ones([frame for frame in seen if not frame.is_blank] or seen[:1])
        self.count, most = len(found), self._limits.max_frames
        if len(found) > most:
            self._say(f"It has {len(found):,} frames that differ; {most:,} of them, from all of it, are taken in.")
            found = [found[i] for i in np.linspace(0, len(found) - 1, most).round().astype(int)]
        return found

    def size(self, place: float) -> tuple[int, int]:
        """Width and height of the upright frames in pixels."""
        context, shape = self._stream.codec_context, self._stream.sample_aspect_ratio or 1
        return max(1, round(context.width * float(shape))), max(1, context.height)

    def pixels(self, place: float, short_side: int | None) -> int:
        """How many pixels a frame has: all are decoded, whatever is wanted."""
        return int(self._stream.codec_context.width * self._stream.codec_context.height)

    def picture(self, place: float, short_side: int | None) -> Image.Image:
        """The frame at a time, upright, RGB."""
        at, following = self._now
        ahead = [following] if at < place <= at + ON and self._key_before(place) <= at else []
        for frames in chain(ahead, (self._from(place - back) for back in BACK)):  # few formats know each frame's place
            frame = next((f for f in frames if self._time(f) >= place - EXACT), None)
            if frame is not None and self._time(frame) <= place + EXACT:
                self._now = (self._time(frame), frames)
                return self._upright(frame, short_side)
        self._now = (math.inf, iter(()))
        raise ImageError("The video has no frame at that time any more.", code=SkipCode.NOT_FOUND)

    def text(self, place: float) -> str:
        return ""

    def close(self) -> None:
        self._film.close()

    # --- going through it -----------------------------------------------------------------------------------------

    def _looked_at(self, frames: Iterator[Any]) -> Iterator[_Seen]:
        """Some of the frames, as long as there is time."""
        until, last = time.process_time() + self._limits.max_look_s / 2, -math.inf
        for frame in frames:
            at = self._time(frame)
            if at > self._limits.max_length_s:
                self._say(f"Of it, the first {self._limits.max_length_s / 3600:g} hours are looked at.")
                return
            if at >= last + STEP:
                last = at
                yield _Seen(round(at, 3), _small(frame))
            if time.process_time() > until:
                self._say(f"To look at it takes too long; what comes after {at:,.0f} seconds is not.")
                return

    def _key_frames(self) -> Iterator[Any]:
        whole = self._stream.codec_context.name in (
            "h264",
            "hevc",
        )  # which know frames that are whole, and no key frames
        self._stream.codec_context.skip_frame = "NONINTRA" if whole else "NONKEY"
        return self._decoded(0.0)

    def _is_quick(self) -> bool:
        """Whether there is time to decode all frames."""
        frames = self._length() * float(self._stream.average_rate or 30)
        return frames * self.pixels(0, None) < SPEED * self._limits.max_look_s / 2

    def _all_frames(self) -> Iterator[Any]:
        self.left_out = ""
        return self._from(0.0)

    def _from(self, place: float) -> Iterator[Any]:
        """The frames from a time on, and some before it."""
        self._stream.codec_context.skip_frame = "DEFAULT"
        return self._decoded(place)

    def _decoded(self, place: float) -> Iterator[Any]:
        """What is damaged is passed over, as players do."""
        from av.error import FFmpegError

        with suppress(FFmpegError):  # of some there is only one way through
            if place > 0 and self._base:
                self._film.seek(int((place + self._start) / self._base), stream=self._stream)
            else:
                self._film.seek(0)
        faults = 0
        packets = self._film.demux(self._stream)
        while faults < 100:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                yield from (frame for frame in packet.decode() if frame.time is not None)
            except FFmpegError:
                faults += 1

    def _key_before(self, place: float) -> float:
        """When the last key frame before a time is shown, as far as an index of the file says; else a second before."""
        try:
            entries = self._stream.index_entries
            found = entries.search_timestamp(round((place + self._start) / self._base), backward=True)
            return float(entries[found].timestamp * self._base) - self._start if found >= 0 else place - 1.0
        except (AttributeError, IndexError, ZeroDivisionError, TypeError, ValueError, OverflowError):
            return place - 1.0

    # --- one frame ------------------------------------------------------------------------------------------------

    def _time(self, frame: Any) -> float:
        return max(0.0, float(frame.time) - self._start)

    def _length(self) -> float:
        if self._stream.duration:
            return float(self._stream.duration * self._base)
        return float(self._film.duration or 0) / 1_000_000

    def _upright(self, frame: Any, short_side: int | None) -> Image.Image:
        width, height = self.size(0)
        scale = 1.0 if short_side is None else min(1.0, short_side / min(width, height))
        size = {"width": max(1, math.ceil(width * scale)), "height": max(1, math.ceil(height * scale))}
        picture: Image.Image = frame.to_image(**size)
        turns = round((getattr(frame, "rotation", 0) or 0) / 90) % 4
        return picture.rotate(90 * turns, expand=True) if turns else picture

    def _say(self, text: str) -> None:
        self.left_out = f"{self.left_out} {text}".strip()


def _small(frame: Any) -> npt.NDArray[np.float32]:
    side = 4 * SIDE
    values = frame.reformat(width=side, height=side, format="rgb24").to_ndarray().astype(np.float32)
    found: npt.NDArray[np.float32] = values.reshape(SIDE, 4, SIDE, 4, 3).mean(axis=(1, 3))
    return found


def _new_ones(seen: list[_Seen]) -> list[float]:
    """The times of those that differ from the one before them."""
    kept = seen[:1]
    for frame in seen[1:]:
        if float(np.abs(frame.small - kept[-1].small).mean()) >= NEW:
            kept.append(frame)
    return [frame.at for frame in kept]


def _refused(*asked: Any) -> Any:
    """No file that a video names is opened."""
    raise OSError("A video may open no other file.")


def taken_at(said: dict[str, Any], place: float) -> str | None:
    """When a frame was taken, ISO 8601, by when the video says that it began."""
    with suppress(ValueError, OverflowError):
        began = datetime.fromisoformat(str(said.get("began", "")))
        if 1980 < began.year < 2100:
            return (began + timedelta(seconds=place)).replace(microsecond=0).isoformat()
    return None


def open_file(file: BinaryIO, limits: Limits) -> Document:
    return Document(file, limits)

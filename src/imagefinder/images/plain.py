"""Which files are decoded in this process: JPEG, PNG and WebP that cost no more than their pixels do.

Everything else is decoded in a process of its own (``images.apart``): other formats, animations, and what is built in
a way that programs don't write and that may cost minutes, such as thousands of scans or comments. Nothing here
refuses a file.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

PIXELS = 20_000_000  # of a JPEG in several scans, whose coefficients are kept in memory
SCANS = 64  # of a JPEG; programs write 1 to 12, and optimizers up to 40
PASSES = 400_000_000  # pixels times scans
SEGMENTS = 600  # before the first scan of a JPEG: a colour profile takes up to 255
CHUNKS = 20_000  # of a PNG; libpng writes one for each 8 kB
TEXTS = 1000  # chunks of a PNG that are no pixels
HEADER = 16_000_000  # bytes of all that is no pixels
PROFILE = 1_000_000  # bytes of a colour profile
METADATA = 4_000_000  # bytes that the values of EXIF claim together: each may claim the same
_UNITS = (1, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8)  # bytes of each type of EXIF
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def is_plain(name: str, data: bytes) -> bool:
    """Whether a file of this format (``headers.format_of``) is decoded in this process."""
    look = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}.get(name)
    return look is not None and look(data)


# --- JPEG -------------------------------------------------------------------------------------------------------------


def _jpeg(data: bytes) -> bool:
    at, segments, profile, exif = 2, 0, 0, 0
    pixels, components, one_pass = 0, 0, False
    while data[at : at + 1] == b"\xff" and at + 4 <= len(data) and segments < SEGMENTS and at < HEADER:
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        body = at + 4
        if marker == 0xDA:
            whole = one_pass and components and data[body : body + 1] == bytes([components])
            return bool(whole) or _few_passes(data, at, pixels)
        if marker in (0xC0, 0xC1, 0xC2):
            pixels = int.from_bytes(data[body + 1 : body + 3], "big") * int.from_bytes(data[body + 3 : body + 5], "big")
            components, one_pass = data[body + 5] if len(data) > body + 5 else 0, marker != 0xC2
        elif marker == 0xE1 and data.startswith(b"Exif\0\0", body):
            exif += 1
            if exif > 1 or not _is_small(data[body + 6 : at + 2 + size]):
                return False
        elif marker == 0xE2:
            if data.startswith(b"MPF\0", body) and not _is_small(data[body + 4 : at + 2 + size]):
                return False
            profile += size
            if profile > PROFILE or b"mpet" in data[body : at + 2 + size]:
                return False
        elif not (0xC4 <= marker <= 0xFE) or marker in _UNUSUAL or size < 2:
            return False
        at, segments = at + 2 + size, segments + 1
    return False


_UNUSUAL = {*range(0xC5, 0xD0), *range(0xD0, 0xDA), 0xDC, 0xDE, 0xDF}  # other processes, and markers out of place


def _few_passes(data: bytes, at: int, pixels: int) -> bool:
    """Whether a JPEG of several scans, the first one at ``at``, has few of them for its size."""
    most = min(SCANS, PASSES // max(pixels, 1)) if pixels <= PIXELS else 0
    scans = 0
    for found in _MARKER.finditer(data, at):
        if found.group()[1] == 0xDA:
            scans += 1
            if scans > most:
                return False
        elif found.group()[1] == 0xD9:
            break
    return True


# --- PNG --------------------------------------------------------------------------------------------------------------


def _png(data: bytes) -> bool:
    texts = header = 0
    for chunks, (kind, at, size) in enumerate(_png_chunks(data)):
        if kind != b"IDAT":
            texts, header = texts + 1, header + size
        if chunks > CHUNKS or texts > TEXTS or header > HEADER or kind in (b"acTL", b"fcTL", b"fdAT"):
            return False
        if kind in (b"tEXt", b"zTXt", b"iTXt") and data.startswith(b"Raw profile type", at):
            return False
        if kind == b"eXIf" and not _is_small(data[at : at + size]):
            return False
        if kind == b"iCCP" and not _is_simple(data[at : at + size]):
            return False
    return True


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each chunk, where its content begins, and its length."""
    at = 8
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        yield kind, at + 8, size
        if kind == b"IEND":
            return
        at += size + 12


def _is_simple(chunk: bytes) -> bool:
    """Whether the colour profile in a chunk of a PNG is small, and no program of its own."""
    packed = chunk[chunk.find(b"\0") + 2 :]
    try:
        profile = zlib.decompressobj().decompress(packed, PROFILE + 1)
    except zlib.error:
        return True  # it is passed over
    return len(profile) <= PROFILE and b"mpet" not in profile


# --- WebP -------------------------------------------------------------------------------------------------------------


def _webp(data: bytes) -> bool:
    at, chunks = 12, 0
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size] if kind in (b"EXIF", b"ICCP") else b""
        chunks += 1
        if chunks > TEXTS or kind in (b"ANIM", b"ANMF"):
            return False
        if kind == b"VP8X" and data[at + 8 : at + 9] and data[at + 8] & 2:  # an animation
            return False
        if kind == b"EXIF" and not _is_small(body.removeprefix(b"Exif\0\0")):
            return False
        if kind == b"ICCP" and (size > PROFILE or b"mpet" in body):
            return False
        at += 8 + size + size % 2
    return True


# --- EXIF -------------------------------------------------------------------------------------------------------------


def _is_small(exif: bytes) -> bool:
    """Whether the values of EXIF, or of another such directory, claim few bytes together."""
    order = "big" if exif[:2] == b"MM" else "little"
    if exif[:2] not in (b"MM", b"II"):
        return True  # it is passed over

    def whole(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], order)  # type: ignore[arg-type]

    claimed, places = 0, [whole(4, 4)]
    for place in places:  # grows by the directories of the photo and of its place, the only other ones that are read
        for entry in range(place + 2, min(place + 2 + 12 * whole(place, 2), len(exif) - 11), 12):
            tag, kind, count = whole(entry, 2), whole(entry + 2, 2), whole(entry + 4, 4)
            claimed += min(count * (_UNITS[kind] if kind < len(_UNITS) else 8), len(exif)) + 12
            if tag in (0x8769, 0x8825) and len(places) < 3:
                places.append(whole(entry + 8, 4))
    return claimed <= METADATA

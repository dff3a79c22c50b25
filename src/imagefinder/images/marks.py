"""What marks the content of a file of several pictures, which may be too large to be read each time."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from imagefinder.images.inside import Part

WHOLE = 64 * 1024**2  # bytes up to which all of a file counts; of a larger one samples do
SAMPLES, SAMPLE = 64, 64 * 1024


def mark_of(file: BinaryIO, size: int) -> str:
    """What marks the content of an open file of ``size`` bytes: hex BLAKE2b-128 of all of it, or of its size and of
    samples from all of it."""
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    file.seek(0)
    if size <= WHOLE:
        while part := file.read(1 << 20):
            digest.update(part)
    else:
        for number in range(SAMPLES):
            file.seek((size - SAMPLE) * number // (SAMPLES - 1))
            digest.update(file.read(SAMPLE))
    file.seek(0)
    return digest.hexdigest()


def content_of(mark: str, part: Part) -> str:
    """The content hash of a part of a file that is marked so."""
    return hashlib.blake2b(f"{mark}{part.place:.3f}".encode(), digest_size=16).hexdigest()

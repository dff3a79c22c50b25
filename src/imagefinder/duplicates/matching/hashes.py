"""Perceptual hashes that know mirrored and turned pictures, and hashes of exact pixels.

The perceptual hash is a pHash (Zauner, *Implementation and Benchmarking of Perceptual Image Hash Functions*, 2010)
with one change: a bit is the *sign* of a DCT coefficient instead of a comparison with their median. Mirroring a picture
flips the signs of its odd frequencies and nothing else, and transposing it transposes them, so the hashes of all eight
orientations follow from one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

    from imagefinder.types import Float32

SIDE = 32  # pixels of the square that a picture is squashed to
LOW = 8  # frequencies kept each way
BITS = LOW * LOW - 1  # the first coefficient, the mean brightness, says nothing by its sign

ORIENTATIONS = ("upright", "mirrored", "upside down and mirrored", "turned by 180°", "transposed",
                "turned by 270°", "turned by 90°", "transposed and mirrored")  # fmt: skip


def perceptual_hash(image: Image) -> npt.NDArray[np.int8]:
    """The signs of the low frequencies of a picture: int8 (63,) of -1 and 1, row by row of the 8 x 8 block."""
    from PIL.Image import Resampling
    from scipy.fft import dctn

    # Pillow's box filter leans to one side, so that a mirrored picture would not have the mirrored hash.
    grey = np.asarray(image.convert("L").resize((SIDE, SIDE), Resampling.BILINEAR), np.float32)
    low = dctn(grey, norm="ortho")[:LOW, :LOW]
    return np.where(low > 0, 1, -1).astype(np.int8).ravel()[1:]


def orientations(hashes: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """The hashes int8 (n, 63) of all pictures in each of eight orientations: int8 (8, n, 63)."""
    n = len(hashes)
    block = np.concatenate([np.ones((n, 1), np.int8), hashes], axis=1).reshape(n, LOW, LOW)
    odd = np.where(np.arange(LOW) % 2, -1, 1).astype(np.int8)
    across, down = odd[None, None, :], odd[None, :, None]
    turned = block.transpose(0, 2, 1)
    every = [way * flip for way in (block, turned) for flip in (1, across, down, across * down)]
    return np.stack(every).astype(np.int8).reshape(8, n, LOW * LOW)[:, :, 1:]


def differing_bits(distances: Float32) -> Float32:
    """Euclidean distances between rows of signs as numbers of bits that differ: float32, same shape."""
    return np.asarray(distances**2 / 4, np.float32)


def apart(bits: float) -> float:
    """The Euclidean distance between rows of signs of which so many differ."""
    return float(2 * np.sqrt(bits))


def pixel_hash(image: Image) -> str:
    """The hex BLAKE2b-128 of the size and the pixels of an upright RGB picture, whatever file it came from."""
    facts = f"{image.width}x{image.height}:{image.mode}:".encode()
    return hashlib.blake2b(facts + image.tobytes(), digest_size=16).hexdigest()

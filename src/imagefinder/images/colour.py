"""Converts any picture that Pillow can open to upright 8-bit sRGB on white."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms

ORIENTATION = 0x0112  # EXIF tag
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
TOLERANCE = 12  # levels of 255 by which the sRGB profiles of different makers lie apart
BLOCK = 4_000_000  # pixels worked on at once where a picture is not 8-bit
_BITS, _LARGEST, _LARGEST_SIGNED = 258, 281, 341  # TIFF tags
_WHITES = (255, 1023, 4095, 16383, 65535)  # of 8, 10, 12, 14 and 16 bits
_TRANSPARENT = {"RGBA", "LA", "PA", "La", "RGBa"}


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 when there is none or it can't be read."""
    try:
        value = int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # EXIF is written by anything and broken in any way; the pixels are still good
        return 1
    return value if value in TURNS else 1


def upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF orientation says."""
    turn = TURNS.get(orientation(image))
    return image if turn is None else image.transpose(turn)


def white_of(image: Image.Image) -> int | None:
    """The value that stands for white in an image of 16-bit grey, as a TIFF says it; None where nothing says it."""
    tags = getattr(image, "tag_v2", None)
    if tags is None or not image.mode.startswith("I"):
        return None
    bits, *largest = (_first(tags.get(tag)) for tag in (_BITS, _LARGEST_SIGNED, _LARGEST))
    if 8 < bits < 16:
        return (1 << bits) - 1
    return next((value for value in largest if 255 < value < 65535), None)


def _first(value: object) -> int:
    value = value[0] if isinstance(value, (tuple, list)) and value else value
    return int(value) if isinstance(value, (int, float)) else 0


def to_rgb(image: Image.Image, white: int | None = None) -> Image.Image:
    """The picture as 8-bit sRGB: 16-bit scaled down by the value ``white`` or by the bits that it uses, transparency on
    white, its ICC profile applied."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _eight_bit(image, white).convert("RGB")
    if is_transparent(image):
        opaque = _on_white(image)
        return opaque if not profile or _is_srgb(profile, "RGB") else to_srgb(opaque, profile)
    if image.mode == "LAB":
        return to_srgb(image, None)
    if image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    return to_srgb(image, profile)


def is_done(image: Image.Image) -> bool:
    """Whether ``to_rgb`` would change nothing."""
    profile = image.info.get("icc_profile")
    return image.mode == "RGB" and "transparency" not in image.info and (not profile or _is_srgb(profile, "RGB"))


def bare(image: Image.Image) -> Image.Image:
    """The same pixels, not copied, without the file they came from."""
    image.load()
    return image._new(image.im)


def is_transparent(image: Image.Image) -> bool:
    return image.mode in _TRANSPARENT or "transparency" in image.info


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, "white")
    rows = max(1, BLOCK // max(1, image.width))
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height))).convert("RGBA")
        white.paste(strip, (0, top), strip.getchannel("A"))
    return white


def _eight_bit(image: Image.Image, white: int | None) -> Image.Image:
    """Grey of more than 8 bits, or of floating point."""
    values = np.asarray(image)
    rows = max(1, BLOCK // max(1, image.width))  # in float64 all at once a large picture would take eightfold memory
    blocks = [values[i : i + rows] for i in range(0, len(values), rows)]
    low = min((float(_finite(b).min(initial=0)) for b in blocks), default=0.0)
    high = max((float(_finite(b).max(initial=0)) for b in blocks), default=0.0)
    if image.mode == "F" and 1 < high <= 255 and sum(int((b > 1).sum()) for b in blocks) < 0.05 * values.size:
        high = 1.0  # lights brighter than white
    shift, top = _range(low, high, white, image.mode)
    scale, grey = 255 / top, np.empty(values.shape, np.uint8)
    for i, block in enumerate(blocks):
        levels = (np.nan_to_num(block.astype(np.float64), posinf=high, neginf=low) - shift) * scale
        grey[i * rows : (i + 1) * rows] = levels.round().clip(0, 255)
    return Image.fromarray(grey)


def _range(low: float, high: float, white: int | None, mode: str) -> tuple[float, float]:
    """The value of black, and how far from it white is. Floats up to 1 end at 1. What fits in 16 bits ends where the
    fewest usual bits that hold it end, so that pictures of one camera are treated alike; only other values are
    stretched from their own range."""
    if low < 0 or high > _WHITES[-1]:
        return low, max(high - low, 1e-12)
    if mode == "F" and high <= 1:
        return 0.0, 1.0
    return 0.0, float(white if white and white >= high else next(w for w in _WHITES if w >= high))


def _finite(block: np.ndarray) -> np.ndarray:
    finite: np.ndarray = np.nan_to_num(block, posinf=0, neginf=0)
    return finite


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An RGB, L, CMYK or LAB picture in sRGB; a profile that can't be used is ignored."""
    if image.mode != "LAB" and (not profile or _is_srgb(profile, image.mode)):
        return image.convert("RGB")
    try:
        transform = _transform(None if image.mode == "LAB" else profile, image.mode)
        converted = ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        converted = None
    return converted if converted is not None else image.convert("RGB")


def _is_srgb(profile: bytes, mode: str) -> bool:
    """Whether a profile that calls itself sRGB, in ASCII or UTF-16 near the start, changes colours as little as those
    do that are. One that can't be used counts as sRGB."""
    head = profile[:1024]
    return (b"sRGB" in head or "sRGB".encode("utf-16-be") in head) and _changes_little(profile, mode)


@lru_cache(maxsize=32)
def _changes_little(profile: bytes, mode: str) -> bool:
    """Compares what a profile makes of colours spread over all there are with sRGB's own."""
    steps = np.linspace(0, 255, 6).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(6, 36, 3)
    sample = Image.fromarray(cube) if mode == "RGB" else Image.fromarray(cube[..., 0]).convert(mode)
    try:
        made = ImageCms.applyTransform(sample, _transform(profile, mode))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        made = None
    if made is None:
        return True
    apart = np.abs(np.asarray(made, np.int16) - np.asarray(sample.convert("RGB"), np.int16))
    return int(apart.max()) <= TOLERANCE


@lru_cache(maxsize=32)
def _transform(profile: bytes | None, mode: str) -> Any:
    source = ImageCms.ImageCmsProfile(BytesIO(profile)) if profile else ImageCms.createProfile("LAB")
    # lcms keeps the last pixel in a transform; without that cache, threads may share it.
    return ImageCms.buildTransform(source, _srgb(), mode, "RGB", flags=ImageCms.Flags.NOCACHE)


@lru_cache(maxsize=1)
def _srgb() -> Any:
    return ImageCms.createProfile("sRGB")

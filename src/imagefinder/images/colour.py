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
BLOCK = 4_000_000  # pixels worked on at once where a picture is not 8-bit
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


def to_rgb(image: Image.Image) -> Image.Image:
    """The picture as 8-bit sRGB: 16-bit scaled down, transparency on white, its ICC profile applied."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _eight_bit(image).convert("RGB")
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        return to_srgb(_on_white(image), profile)
    if image.mode == "LAB":
        return to_srgb(image, None)
    if image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    return to_srgb(image, profile)


def _on_white(image: Image.Image) -> Image.Image:
    rgba = image if image.mode == "RGBA" else image.convert("RGBA")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=rgba.getchannel("A"))
    return white


def _eight_bit(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits. 16-bit values lose their low byte; others are stretched from their own range only
    when they don't fit a known one (0..1, 0..255, 0..65535)."""
    values = np.asarray(image)
    rows = max(1, BLOCK // max(1, image.width))  # in float64 all at once a large picture would take eightfold memory
    blocks = [values[i : i + rows] for i in range(0, len(values), rows)]
    low = min((float(np.nan_to_num(b).min(initial=0)) for b in blocks), default=0.0)
    high = max((float(np.nan_to_num(b).max(initial=0)) for b in blocks), default=0.0)
    shift, scale = 0.0, 1.0
    if image.mode.startswith("I;16") or (image.mode == "I" and low >= 0 and 255 < high <= 65535):
        scale = 1 / 257
    elif image.mode == "F" and low >= 0 and high <= 1:
        scale = 255.0
    elif low < 0 or high > 255:
        shift, scale = low, 255 / max(high - low, 1e-12)
    grey = np.empty(values.shape, np.uint8)
    for i, block in enumerate(blocks):
        grey[i * rows : (i + 1) * rows] = ((np.nan_to_num(block.astype(np.float64)) - shift) * scale).round()
    return Image.fromarray(grey)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An RGB, L, CMYK or LAB picture in sRGB; a profile that can't be used is ignored."""
    if image.mode != "LAB" and (not profile or _is_srgb(profile)):
        return image.convert("RGB")
    try:
        transform = _transform(None if image.mode == "LAB" else profile, image.mode)
        converted = ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        converted = None
    return converted if converted is not None else image.convert("RGB")


def _is_srgb(profile: bytes) -> bool:
    """By its description, in ASCII or UTF-16, near the start: parsing every photo's profile would cost more."""
    head = profile[:1024]
    return b"sRGB" in head or "sRGB".encode("utf-16-be") in head


@lru_cache(maxsize=32)
def _transform(profile: bytes | None, mode: str) -> Any:
    source = ImageCms.ImageCmsProfile(BytesIO(profile)) if profile else ImageCms.createProfile("LAB")
    # lcms keeps the last pixel in a transform; without that cache, threads may share it.
    return ImageCms.buildTransform(source, _srgb(), mode, "RGB", flags=ImageCms.Flags.NOCACHE)


@lru_cache(maxsize=1)
def _srgb() -> Any:
    return ImageCms.createProfile("sRGB")

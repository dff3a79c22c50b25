"""From the bytes of an image file to an upright RGB picture, with limits that are checked before the work."""

from __future__ import annotations

import hashlib
import threading
from contextlib import nullcontext
from io import BytesIO
from typing import Any

from PIL import Image

from imagefinder.errors import ImageError
from imagefinder.images import dates
from imagefinder.images.colour import orientation, to_rgb, upright, white_of
from imagefinder.images.files import open_file, unreadable
from imagefinder.images.frames import is_blank, later_frames
from imagefinder.images.headers import format_of, icon_sizes, pixels_held
from imagefinder.types import EncodedImage, ImageRef, Limits, LoadedImage, SkipCode

LARGE = 20_000_000  # pixels in memory; larger pictures are decoded one at a time, to bound memory
CHUNK = 1024 * 1024

_one_large = threading.Lock()


def encode_bytes(ref: ImageRef, data: bytes) -> EncodedImage:
    """The bytes of an image with their hash, BLAKE2b-128."""
    return EncodedImage(ref, data, hashlib.blake2b(data, digest_size=16).hexdigest())


def read_file(ref: ImageRef, limits: Limits) -> EncodedImage:
    """Read a local file. Raises ImageError: not-found, permission, not-an-image, empty or too-many-bytes."""
    try:
        with open_file(ref.uri, ref.within) as file:
            data = file.read(limits.max_bytes + 1)  # one more than allowed is enough to know, should the file grow
    except OSError as error:
        raise unreadable(error) from error
    if not data:
        raise ImageError("The file is empty.", code=SkipCode.EMPTY)
    if len(data) > limits.max_bytes:
        raise ImageError(
            f"The file is larger than {limits.max_bytes:,} bytes.",
            code=SkipCode.TOO_MANY_BYTES,
            remedy="Raise Limits.max_bytes if it is to be trusted.",
        )
    return encode_bytes(ref, data)


def decode(encoded: EncodedImage, *, short_side: int | None, limits: Limits) -> LoadedImage:
    """Decode to an upright RGB picture.

    The format is found from the content. A JPEG is decoded at the smallest of its scales (1/1, 1/2, 1/4, 1/8) at which
    the short side has at least ``short_side`` pixels; None decodes in full. Raises ImageError with a skip code.
    """
    image = _opened(encoded.data, limits)
    full = image.size
    _check_claim(full, limits)
    if short_side is not None and image.format in ("JPEG", "MPO"):
        scale = min(1.0, short_side / min(full))
        image.draft(image.mode, (-int(-full[0] * scale // 1), -int(-full[1] * scale // 1)))
    pixels = pixels_held(image, full, encoded.data)
    if pixels > limits.max_decoded_pixels:
        raise _too_many(pixels, limits.max_decoded_pixels, "would have to be decoded")
    with _one_large if pixels > LARGE else nullcontext():
        drafted = image.size != full
        said, picture, turned = _finished(image, encoded.data, limits)
    width, height = (full[1], full[0]) if drafted and turned else full if drafted else picture.size
    return LoadedImage(
        ref=encoded.ref,
        image=picture,
        content_hash=encoded.content_hash,
        bytes=len(encoded.data),
        width=width,
        height=height,
        format="JPEG" if image.format == "MPO" else image.format or "",
        taken_at=said.at,
        taken_from=said.by,
    )


def from_picture(image: Image.Image) -> Image.Image:
    """A Pillow image of any mode as an upright RGB picture."""
    return to_rgb(upright(image))


def _opened(data: bytes, limits: Limits) -> Image.Image:
    """The image with its header read, but no pixel decoded.

    The limit of Pillow's own ``Image.open`` is a setting of the whole process. The plugins are called directly, so that
    each caller has its own limits and no setting is changed.
    """
    if not data:
        raise ImageError("There are no bytes.", code=SkipCode.EMPTY)
    name = format_of(data)
    if not name:
        raise _unknown(data)
    if name == "ICO":
        for size in icon_sizes(data):  # Pillow decodes an icon as soon as it is opened
            _check_claim(size, limits, limits.max_decoded_pixels)
    try:
        image: Image.Image = _factory(name)(BytesIO(data), "")
    except Exception as error:  # a decoder given damaged bytes raises anything
        raise _broken(error) from error
    return image


def _factory(name: str) -> Any:
    """The Pillow plugin for a format."""
    if name == "HEIF":
        from pillow_heif import HeifImageFile

        return HeifImageFile
    Image.init()
    return Image.OPEN[name][0]


def _unknown(data: bytes) -> ImageError:
    head = data[:1024].lstrip().lower()
    if b"<svg" in data[:4096].lower():
        return ImageError("SVG drawings are not supported.", code=SkipCode.UNSUPPORTED_FORMAT, remedy="Save it as PNG.")
    if head.startswith((b"<!doctype html", b"<html")):
        return ImageError("It is a web page, not an image.", code=SkipCode.NOT_AN_IMAGE)
    return ImageError(
        "Its content is no image format that can be read.",
        code=SkipCode.UNSUPPORTED_FORMAT,
        remedy="Convert it to JPEG or PNG, if it is an image.",
    )


def _check_claim(size: tuple[int, int], limits: Limits, most: int | None = None) -> None:
    most = limits.max_pixels if most is None else min(most, limits.max_pixels)
    if min(size) < 1:
        raise ImageError(f"Its header claims a size of {size[0]} x {size[1]}.", code=SkipCode.CORRUPT)
    if size[0] * size[1] > most:
        raise _too_many(size[0] * size[1], most, "are claimed by its header")


def _too_many(pixels: int, limit: int, what: str) -> ImageError:
    return ImageError(
        f"{pixels / 1e6:,.0f} million pixels {what}; {limit / 1e6:,.0f} million are allowed.",
        code=SkipCode.TOO_MANY_PIXELS,
        remedy="Scale the picture down.",
    )


def _finished(image: Image.Image, data: bytes, limits: Limits) -> tuple[dates.Taken, Image.Image, bool]:
    """When it was taken, the decoded, upright RGB picture, and whether width and height were swapped for that. Of
    several frames or pages it is the first that shows something."""
    try:
        image.load()
        turned = orientation(image) >= 5
        said = dates.taken(image, data)
        picture = to_rgb(upright(image), white_of(image))
        if getattr(image, "is_animated", False) and is_blank(picture):
            frames = later_frames(image, limits.max_decoded_pixels, lambda size: _check_claim(size, limits))
            later = (to_rgb(upright(frame), white_of(frame)) for frame in frames)
            picture = next((found for found in later if not is_blank(found)), picture)
        return said, picture, turned
    except Exception as error:  # a decoder given damaged bytes raises anything
        raise _broken(error) from error


def _broken(error: Exception) -> ImageError:
    text = str(error).splitlines()[0].strip(" .") if str(error).strip() else type(error).__name__
    cut = any(word in text.lower() for word in ("truncated", "end of file", "not enough", "premature"))
    return ImageError(
        f"The file is {'cut short' if cut else 'damaged'}: {text[:200]}.",
        code=SkipCode.TRUNCATED if cut else SkipCode.CORRUPT,
        remedy="Copy or download it again.",
    )

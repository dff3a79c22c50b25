"""From the bytes of an image file to an upright RGB picture, with limits that are checked before the work."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from io import BytesIO
from typing import Any, TypeAlias

from PIL import Image

from imagefinder.errors import ImageError
from imagefinder.images import apart, dates, metadata
from imagefinder.images.colour import bare, is_done, orientation, to_rgb, upright, white_of
from imagefinder.images.files import open_file, unreadable
from imagefinder.images.formats import NAMED, Format, check_usable
from imagefinder.images.frames import is_blank, later_frames
from imagefinder.images.headers import bytes_held, factory, format_of, icon_sizes, pixels_held
from imagefinder.images.plain import is_plain
from imagefinder.types import EncodedImage, ImageRef, Limits, LoadedImage, SkipCode

Hold: TypeAlias = Callable[[int], AbstractContextManager[Any]]  # given the pixels that are about to be decoded


def encode_bytes(ref: ImageRef, data: bytes) -> EncodedImage:
    """The bytes of an image with their hash, BLAKE2b-128."""
    return EncodedImage(ref, data, hashlib.blake2b(data, digest_size=16).hexdigest())


def read_file(ref: ImageRef, limits: Limits) -> EncodedImage:
    """Read a local file. Raises ImageError: not-found, permission, not-an-image, empty or too-many-bytes."""
    try:
        with open_file(ref.uri, ref.within) as file:
            size = min(os.fstat(file.fileno()).st_size, limits.max_bytes)
            data = file.read(size + 1)  # not ``max_bytes``: room for so much comes from the system for each file anew
            if len(data) > size:  # it is growing, or too large: one more than allowed is enough to know
                data += file.read(limits.max_bytes + 1 - len(data))
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
    """Decode to an upright RGB picture; everything that reads a picture goes through here.

    The format is found from the content. A JPEG is decoded at the smallest of its scales (1/1, 1/2, 1/4, 1/8) at which
    the short side has at least ``short_side`` pixels; None decodes in full. What may cost more than its pixels is
    decoded in a process of its own (``images.plain`` says what). Raises ImageError with a skip code.
    """
    if not encoded.data:
        raise ImageError("There are no bytes.", code=SkipCode.EMPTY)
    name = format_of(encoded.data)
    if not name:
        raise _unknown(encoded.data)
    check_usable(NAMED[name])
    if is_plain(name, encoded.data):
        return decode_here(encoded, short_side=short_side, limits=limits)
    return apart.decode(encoded, short_side=short_side, limits=limits)


def _one_at_a_time(pixels: int) -> AbstractContextManager[Any]:
    return apart.one_large if pixels > apart.LARGE else nullcontext()


def decode_here(
    encoded: EncodedImage,
    *,
    short_side: int | None,
    limits: Limits,
    hold: Hold = _one_at_a_time,
    sent: bool = False,
) -> LoadedImage:
    """``decode`` in this process, whatever it costs. ``hold`` is given the number of pixels before they are decoded,
    which then happens inside what it returns. A picture that is ``sent`` to another process is held twice in the end.
    """
    if NAMED[name := format_of(encoded.data)].module:
        return _by_another(encoded, NAMED[name], short_side, limits, hold)
    image = _opened(encoded.data, limits)
    full = image.size
    check_claim(full, limits)
    if short_side is not None and image.format in ("JPEG", "MPO"):
        scale = min(1.0, short_side / min(full))
        image.draft(image.mode, (-int(-full[0] * scale // 1), -int(-full[1] * scale // 1)))
    pixels = pixels_held(image, full, encoded.data)
    check_cost(pixels, max(bytes_held(image, full, pixels), 8 * image.width * image.height if sent else 0), limits)
    with hold(pixels):
        drafted = image.size != full
        said, told, picture, turned = _finished(image, encoded.data, limits)
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
        told=told,
    )


def _by_another(
    encoded: EncodedImage, format: Format, short_side: int | None, limits: Limits, hold: Hold
) -> LoadedImage:
    """``decode_here`` of a format that Pillow doesn't open, by the module that does."""
    try:
        opened = import_module(f"imagefinder.images.{format.module}").open_picture(encoded.data)
        check_claim(opened.size, limits)
        pixels = opened.pixels(short_side)
        check_cost(pixels, format.held * pixels, limits)
        with hold(pixels):
            picture = to_rgb(opened.picture(short_side))
            says = opened.says()
            said, told = dates.taken(says, encoded.data), metadata.told(says)
    except Exception as error:  # a decoder given damaged bytes raises anything
        if isinstance(error, ImageError | apart.LargeError):
            raise
        raise broken(error) from error
    width, height = opened.size
    size = len(encoded.data)
    return LoadedImage(
        encoded.ref, picture, encoded.content_hash, size, width, height, format.name, said.at, said.by, told
    )


def from_picture(image: Image.Image) -> Image.Image:
    """A Pillow image of any mode as an upright RGB picture."""
    return to_rgb(upright(image))


def _opened(data: bytes, limits: Limits) -> Image.Image:
    """The image with its header read, but no pixel decoded.

    The limit of Pillow's own ``Image.open`` is a setting of the whole process. The plugins are called directly, so that
    each caller has its own limits and no setting is changed.
    """
    name = format_of(data)
    if name == "ICO":
        for size in icon_sizes(data):  # Pillow decodes an icon as soon as it is opened
            check_claim(size, limits, limits.max_decoded_pixels)
    try:
        image: Image.Image = factory(name)(BytesIO(data), "")
    except Exception as error:  # a decoder given damaged bytes raises anything
        raise broken(error) from error
    return image


def _unknown(data: bytes) -> ImageError:
    head = data[:1024].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return ImageError("It is a web page, not an image.", code=SkipCode.NOT_AN_IMAGE)
    return ImageError(
        "Its content is no image format that can be read.",
        code=SkipCode.UNSUPPORTED_FORMAT,
        remedy="Convert it to JPEG or PNG, if it is an image.",
    )


def check_claim(size: tuple[int, int], limits: Limits, most: int | None = None) -> None:
    """Raises ImageError for a size that no picture has, or that is more than is allowed."""
    most = limits.max_pixels if most is None else min(most, limits.max_pixels)
    if min(size) < 1:
        raise ImageError(f"Its header claims a size of {size[0]} x {size[1]}.", code=SkipCode.CORRUPT)
    if size[0] * size[1] > most:
        raise _too_many(size[0] * size[1], most, "are claimed by its header")


def check_cost(pixels: int, held: int, limits: Limits) -> None:
    """Raises ImageError where so many pixels are too many to decode, or so many bytes too many to hold for it."""
    if pixels > limits.max_decoded_pixels:
        raise _too_many(pixels, limits.max_decoded_pixels, "would have to be decoded")
    if held > limits.max_memory:
        allowed = f"{limits.max_memory / 1e6:,.0f} are allowed"
        raise apart.too_costly(f"Decoding it would take {held / 1e6:,.0f} MB of memory; {allowed}.")


def _too_many(pixels: int, limit: int, what: str) -> ImageError:
    return ImageError(
        f"{pixels / 1e6:,.0f} million pixels {what}; {limit / 1e6:,.0f} million are allowed.",
        code=SkipCode.TOO_MANY_PIXELS,
        remedy="Scale the picture down.",
    )


def _finished(image: Image.Image, data: bytes, limits: Limits) -> tuple[dates.Taken, dict[str, Any], Image.Image, bool]:
    """When it was taken, what else it says, the decoded, upright RGB picture, and whether width and height were swapped
    for that. Of several frames or pages it is the first that shows something."""
    try:
        image.load()
        turned = orientation(image) >= 5
        said, told = dates.taken(image, data), metadata.told(image)
        white, picture = white_of(image), upright(image)
        animated = bool(getattr(image, "is_animated", False))
        if picture is not image and not animated:
            image.close()  # its pixels are not needed beside the turned ones
        picture = bare(picture) if is_done(picture) and not animated else to_rgb(picture, white)
        if animated and is_blank(picture):
            frames = later_frames(image, limits.max_decoded_pixels, lambda size: check_claim(size, limits))
            later = (to_rgb(upright(frame), white_of(frame)) for frame in frames)
            picture = next((found for found in later if not is_blank(found)), picture)
        return said, told, picture, turned
    except Exception as error:  # a decoder given damaged bytes raises anything
        raise broken(error) from error


def broken(error: Exception) -> ImageError:
    """What a decoder raised, as the error of a file that is damaged or cut, or takes too much memory."""
    if isinstance(error, MemoryError):
        return apart.too_costly("Decoding it takes more memory than is allowed.")
    text = str(error).splitlines()[0].strip(" .") if str(error).strip() else type(error).__name__
    cut = any(word in text.lower() for word in ("truncated", "end of file", "not enough", "premature"))
    return ImageError(
        f"The file is {'cut short' if cut else 'damaged'}: {text[:200]}.",
        code=SkipCode.TRUNCATED if cut else SkipCode.CORRUPT,
        remedy="Copy or download it again.",
    )

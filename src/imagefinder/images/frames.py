"""Which frame of an animation, or page of a document, stands for the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from PIL import Image

FRAMES = 100  # looked at, at most
SIDE = 128  # pixels of the small picture in which something is looked for
SPREAD = 16  # levels of 255 between the darkest and the lightest place of a frame that shows nothing


def is_blank(picture: Image.Image) -> bool:
    """Whether an RGB picture is of one colour, but for noise."""
    small = picture.resize((SIDE, SIDE), Image.Resampling.BOX)
    return all(high - low <= SPREAD for low, high in small.getextrema())  # type: ignore[misc]


def later_frames(image: Image.Image, pixels: int, check: Callable[[tuple[int, int]], None]) -> Iterator[Image.Image]:
    """The frames after the first, loaded one by one, until about so many pixels have been decoded or one is damaged.
    ``check`` is called with the size of each before it is decoded, and may raise."""
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return
    for number in range(1, FRAMES):
        try:
            image.seek(number)
            check(image.size)
            pixels -= image.width * image.height
            if pixels < 0:
                return
            image.load()
        except Exception:  # the end, or damage of any kind: what was read before is good
            return
        yield image

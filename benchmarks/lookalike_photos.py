"""Look-alikes made of real photos: other digits on a sign, a plate or a price, things that moved or were exchanged
before a camera that did not move.

Each kind is a function ``draw(photo, other, template, content)``: what follows from ``template`` both pictures of a
pair share, what follows from ``content`` they don't. ``other`` is a photo that things are taken from. No print is
smaller than a thirteenth of the height: of what can't be read nothing can be asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from lookalikes import VARIANTS, LookAlike, font, same_content, words
from PIL import Image, ImageDraw, ImageFilter

Photo = Image.Image
Kind = Callable[[Photo, Photo, Random, Random], Photo]
SIGNS = (("white", "black"), ((20, 60, 150), "white"), ((250, 210, 30), "black"), ((0, 110, 60), "white"))
PLATE = "ABCDEFGHKLMNPRSTUVXYZ0123456789"
LEFT_OUT = "0.35 of the size, both"  # of photos of 224 pixels nothing small is left then


def on(photo: Photo) -> tuple[Photo, ImageDraw.ImageDraw]:
    image = photo.copy()
    return image, ImageDraw.Draw(image)


def place(t: Random, photo: Photo, width: int, height: int) -> tuple[int, int]:
    return t.randrange(max(1, photo.width - width)), t.randrange(max(1, photo.height - height))


def sign(photo: Photo, other: Photo, t: Random, c: Random) -> Photo:
    image, d = on(photo)
    h = int(photo.height * t.uniform(0.1, 0.3))
    x, y = place(t, photo, int(1.5 * h), h)
    ground, ink = t.choice(SIGNS)
    d.rectangle((x, y, x + 1.5 * h, y + h), fill=ground, outline=ink, width=max(1, h // 20))
    d.text((x + 0.25 * h, y), f"{t.randrange(1, 10)}{c.randrange(10)}", font=font(int(0.8 * h)), fill=ink)
    return image


def plate(photo: Photo, other: Photo, t: Random, c: Random) -> Photo:
    image, d = on(photo)
    h = int(photo.height * t.uniform(0.09, 0.14))
    x, y = place(t, photo, 5 * h, h)
    d.rectangle((x, y, x + 5 * h, y + h), fill=(245, 245, 240), outline="black")
    letters = [t.choice(PLATE) for _ in range(7)]
    letters[t.randrange(7)] = c.choice(PLATE)
    d.text((x + 0.2 * h, y), "".join(letters), font=font(int(0.9 * h)), fill="black")
    return image


def price(photo: Photo, other: Photo, t: Random, c: Random) -> Photo:
    image, d = on(photo)
    h = int(photo.height * t.uniform(0.12, 0.2))
    x, y = place(t, photo, int(2.4 * h), h)
    d.ellipse((x, y, x + 2.4 * h, y + h), fill=t.choice(((220, 20, 20), (250, 230, 40), (255, 255, 255))))
    d.text(
        (x + 0.4 * h, y + 0.15 * h),
        f"{c.randrange(1, 99)}.{c.randrange(100):02}",
        font=font(int(0.65 * h)),
        fill="black",
    )
    return image


def ticker(photo: Photo, other: Photo, t: Random, c: Random) -> Photo:
    image, d = on(photo)
    h = photo.height // 10
    top = photo.height - t.randrange(h, 3 * h)
    d.rectangle((0, top, photo.width, top + h), fill=(20, 30, 90))
    d.text((8, top), words(c, 6), font=font(int(0.8 * h)), fill="white")
    return image


def score(photo: Photo, other: Photo, t: Random, c: Random) -> Photo:
    image, d = on(photo)
    h = photo.height // 9
    d.rectangle((8, 8, 8 + 6 * h, 8 + h), fill=(10, 10, 10))
    d.text((12, 8), f"HOM {c.randrange(9)}:{c.randrange(9)} AWY", font=font(int(0.8 * h)), fill="white")
    return image


def clock(photo: Photo, other: Photo, t: Random, c: Random) -> Photo:
    image, d = on(photo)
    s = int(photo.height * t.uniform(0.15, 0.35))
    x, y = place(t, photo, s, s)
    d.ellipse((x, y, x + s, y + s), fill="white", outline="black", width=max(2, s // 20))
    for length, width in ((0.25, 0.06), (0.4, 0.04)):
        angle = c.uniform(0, 2 * math.pi)
        end = (x + s / 2 + length * s * math.sin(angle), y + s / 2 - length * s * math.cos(angle))
        d.line((x + s / 2, y + s / 2, *end), fill="black", width=max(2, int(s * width)))
    return image


def lights(photo: Photo, other: Photo, t: Random, c: Random) -> Photo:
    image, d = on(photo)
    h = int(photo.height * t.uniform(0.2, 0.35))
    w = h // 3
    x, y = place(t, photo, w, h)
    d.rectangle((x, y, x + w, y + h), fill=(20, 20, 20))
    on_now = c.randrange(3)
    for i, colour in enumerate(((230, 30, 30), (240, 200, 20), (40, 220, 80))):
        shown = colour if i == on_now else tuple(v // 5 for v in colour)
        d.ellipse((x + 2, y + 2 + i * w, x + w - 2, y + (i + 1) * w - 2), fill=shown)
    return image


def thing(other: Photo, t: Random, c: Random) -> Photo:
    w, h = (int(side * t.uniform(0.12, 0.35)) for side in other.size)
    x, y = c.randrange(other.width - w), c.randrange(other.height - h)
    return other.crop((x, y, x + w, y + h))


def put(photo: Photo, what: Photo, at: tuple[int, int]) -> Photo:
    mask = Image.new("L", what.size)
    ImageDraw.Draw(mask).ellipse((0, 0, *what.size), fill=255)
    image = photo.copy()
    image.paste(what, at, mask.filter(ImageFilter.GaussianBlur(2)))
    return image


def moved(photo: Photo, other: Photo, t: Random, c: Random) -> Photo:
    what = thing(other, t, t)
    return put(photo, what, place(c, photo, *what.size))


def exchanged(photo: Photo, other: Photo, t: Random, c: Random) -> Photo:
    what = thing(other, t, c)
    return put(photo, what, place(t, photo, *what.size))


KINDS: dict[str, Kind] = {
    "sign on a photo": sign, "plate on a photo": plate, "price on a photo": price,
    "ticker on a photo": ticker, "score on a photo": score, "clock on a photo": clock, "lights on a photo": lights,
    "moved on a photo": moved, "exchanged on a photo": exchanged,
}  # fmt: skip


def photo_look_alikes(kind: str, photos: Sequence[Path]) -> Iterator[LookAlike]:
    """A pair of each photo, in one variant after the other; contents that came out equal are left out."""
    variants = [(name, both) for name, both in VARIANTS.items() if name != LEFT_OUT]
    for number, path in enumerate(photos):
        photo, other = (Image.open(p).convert("RGB") for p in (path, photos[(number + 1) % len(photos)]))
        first, second = (
            KINDS[kind](photo, other, Random(f"{kind}{number}"), Random(f"{kind}{number}/{c}")) for c in range(2)
        )
        if not same_content(first, second):
            variant, (one, two) = variants[number % len(variants)]
            yield LookAlike(kind, variant, one(first), two(second))

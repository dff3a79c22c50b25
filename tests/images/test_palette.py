"""Names of colours: the usual ones by their web values, and pictures of things on plain backgrounds."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageColor, ImageDraw

from imagefinder.images.palette import COLOURS, _oklch, colour_names

NAMED = {
    "black": ["black", "#101418"],
    "grey": ["gray", "dimgray", "darkgray"],
    "white": ["white", "whitesmoke"],
    "red": ["red", "crimson", "firebrick", "darkred"],
    "orange": ["orange", "darkorange"],
    "yellow": ["yellow", "gold"],
    "green": ["green", "lime", "forestgreen", "darkgreen", "olivedrab"],
    "cyan": ["cyan", "turquoise", "lightseagreen"],
    "blue": ["blue", "navy", "royalblue", "steelblue", "skyblue"],
    "purple": ["purple", "darkviolet", "mediumpurple", "indigo"],
    "pink": ["hotpink", "pink", "deeppink", "lightpink"],
    "brown": ["saddlebrown", "sienna", "#5c4033"],
    "beige": ["tan", "wheat", "bisque"],
}


@pytest.mark.parametrize(("name", "web"), [(name, web) for name, webs in NAMED.items() for web in webs])
def test_web_colours_have_their_names(name: str, web: str) -> None:
    assert colour_names(Image.new("RGB", (60, 40), web)) == (name,)


def test_oklab_is_as_published() -> None:
    """Red, green and blue of sRGB in Oklch as CSS Color 4 gives them."""
    published = {
        "red": (0.62796, 0.25768, 29.234),
        "lime": (0.86644, 0.29483, 142.495),
        "blue": (0.45201, 0.31321, 264.052),
    }
    for web, wanted in published.items():
        rgb = np.array(ImageColor.getrgb(web)) / 255
        np.testing.assert_allclose([float(v) for v in _oklch(rgb)], wanted, rtol=1e-3)


def thing(colour: str, background: str, box: tuple[int, int, int, int] = (70, 60, 230, 340)) -> Image.Image:
    picture = Image.new("RGB", (300, 400), background)
    ImageDraw.Draw(picture).rectangle(box, fill=colour)
    return picture


@pytest.mark.parametrize("background", ["white", "#e8e8e8", "black", "#777777"])
def test_a_plain_background_does_not_count(background: str) -> None:
    assert colour_names(thing("red", background)) == ("red",)


def test_a_thing_of_the_colour_of_its_background_has_it() -> None:
    assert colour_names(thing("#f4f4f4", "white")) == ("white",)
    striped = thing("white", "white")
    ImageDraw.Draw(striped).rectangle((100, 150, 200, 250), fill="navy")
    assert set(colour_names(striped)) == {"white", "blue"}


def test_a_meadow_is_green_and_every_picture_has_a_colour() -> None:
    assert "green" in colour_names(thing("#202020", "green", (120, 150, 180, 250)))
    rng = np.random.default_rng(0)
    for size in ((1, 1), (3, 200), (48, 48)):
        noise = Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8))
        names = colour_names(noise)
        assert names and set(names) <= set(COLOURS) and len(set(names)) == len(names)

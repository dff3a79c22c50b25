"""The main colours of a picture, as words for filters."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

MUTED = ("black", "grey", "white", "brown", "beige")  # what rooms, floors and studios are made of
VIVID = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
COLOURS = (*MUTED, *VIVID)
GRID = 48  # points looked at along each side: colours are large things
MIDDLE = slice(GRID // 4, 3 * GRID // 4)  # where the thing shown lies on a plain background
# Of the picture, or of the thing, that a colour covers to be named: vivid ones stand out sooner.
SHARES = np.where(np.arange(len(COLOURS)) < len(MUTED), 0.15, 0.08)
BACKGROUND_SHARE = 0.35  # of the middle that the background's colour covers to be the thing's as well
PLAIN = 0.6  # of the border in one muted colour: a plain background
BITS = 5  # of each channel that decide


def colour_names(picture: Image) -> tuple[str, ...]:
    """The names, from ``COLOURS``, that cover a large share of an upright RGB picture, the largest first; at least one.

    A plain background in a muted colour does not count, so a red shirt on white is red. If the middle of the picture
    has the colour of the background, it counts, so a white shirt on white is white.
    """
    from PIL.Image import Resampling

    pixels = np.asarray(picture.resize((GRID, GRID), Resampling.NEAREST), np.uint8) >> (8 - BITS)
    names = _table()[pixels[..., 0], pixels[..., 1], pixels[..., 2]]
    border = np.concatenate([names[0], names[-1], names[:, 0], names[:, -1]])
    counts = np.bincount(border, minlength=len(COLOURS))
    background = int(counts.argmax())
    if counts[background] < PLAIN * border.size or background >= len(MUTED):
        shares = np.bincount(names.ravel(), minlength=len(COLOURS)) / names.size
    else:
        shares = _of_thing(names, background)
    chosen = [int(i) for i in np.argsort(-shares, kind="stable") if shares[i] >= SHARES[i]]
    return tuple(COLOURS[i] for i in chosen) or (COLOURS[int(shares.argmax())],)


def _of_thing(names: npt.NDArray[np.uint8], background: int) -> npt.NDArray[np.float64]:
    """Shares of the colours, float64 (colours,), of the object in front of a plain background."""
    middle = np.bincount(names[MIDDLE, MIDDLE].ravel(), minlength=len(COLOURS)) / names[MIDDLE, MIDDLE].size
    every = np.bincount(names.ravel(), minlength=len(COLOURS)).astype(np.float64)
    every[background] = 0
    shares = every / max(1.0, every.sum()) if every.sum() >= 0.02 * names.size else np.zeros(len(COLOURS))
    shares[background] = middle[background] if middle[background] >= BACKGROUND_SHARE else 0.0
    if not shares.any():
        shares[background] = 1.0
    return shares


@cache
def _table() -> npt.NDArray[np.uint8]:
    """The place in ``COLOURS`` of each RGB colour, uint8 (32, 32, 32), by ``BITS`` of each channel."""
    levels = (np.arange(2**BITS) + 0.5) / 2**BITS
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    return _named(*_oklch(rgb))


def _oklch(rgb: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    """sRGB from 0 to 1, float64 (..., 3), to Oklab's lightness, chroma and hue in degrees (Ottosson 2020)."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    cones = np.cbrt(
        linear
        @ np.array(
            [
                [0.4122214708, 0.2119034982, 0.0883024619],
                [0.5363325363, 0.6806995451, 0.2817188376],
                [0.0514459929, 0.1073969566, 0.6299787005],
            ]
        )
    )
    lab = cones @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )
    return lab[..., 0], np.hypot(lab[..., 1], lab[..., 2]), np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360


def _named(
    light: npt.NDArray[np.float64], chroma: npt.NDArray[np.float64], hue: npt.NDArray[np.float64]
) -> npt.NDArray[np.uint8]:
    """The name of each colour. Bounds of hue lie between the usual web colours of those names; brown is dark orange,
    beige light and pale orange, pink light or pale red."""
    place = {name: i for i, name in enumerate(COLOURS)}
    wheel = [(12, "pink"), (42, "red"), (75, "orange"), (112, "yellow"), (165, "green"), (225, "cyan"), (285, "blue")]
    found = np.full(hue.shape, place["pink"], np.uint8)
    start = 0.0
    for end, name in wheel:
        found[(hue >= start) & (hue < end)] = place[name]
        start = end
    found[(hue >= 285) & (hue < 330)] = place["purple"]
    warm = (hue >= 20) & (hue < 112)
    found[(hue >= 350) & (light < 0.5) | (hue < 12) & (light < 0.57)] = place["red"]
    found[(hue >= 12) & (hue < 42) & (light > 0.7)] = place["pink"]
    found[warm & (hue >= 35) & (light < 0.62)] = place["brown"]
    found[warm & (chroma < 0.09) & (light < 0.7)] = place["brown"]
    found[warm & (chroma < 0.08) & (light >= 0.7)] = place["beige"]
    found[chroma < 0.03] = place["grey"]
    found[(light < 0.32) & (chroma < 0.05) | (light < 0.18)] = place["black"]
    found[(light > 0.84) & (chroma < 0.03)] = place["white"]
    return found

"""Where two pictures that lie on each other differ by more than what is done to a copy, and what that shows.

A pixel differs if its value is not within the range of the other's neighbouring pixels, with a margin for noise that
grows with the contrast around: compression and resampling do the more the more there is. It differs as well if so much
is unusual in this pair, as small print is. What was laid over a copy is in one picture only: it has an outline there
that the other lacks, few colours, and hides less than it shows. Something in each picture that the other lacks is other
content. In doubt it is other content.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from imagefinder.duplicates.matching.detail import Laid, equalised
from imagefinder.duplicates.matching.residue import residue

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

    Mask: TypeAlias = npt.NDArray[np.bool_]

BLUR = 0.7  # pixels
MARGIN, NOISY, PER_TONE = 11.0, 2.5, 0.4  # grey levels, times the typical difference, times the change in tone
RELATIVE = 0.25  # share of the contrast around
LEAST_WEIGHT, MOST_RATIO = 4.5, 4.0  # of a connected place, in pixels times limits, from which it is more than noise
LEAST_UNUSUAL, ON_A_PAGE = 20.0, 1.5  # the same, for what is only unusual; so much more so on a page
NEAR_WORDS = 9  # pixels within which places belong together
WINDOW = 9  # pixels over which structure is measured
# What was laid over. Chosen on the kinds of benchmarks/lookalikes.py that are not held out, and on 400 photos with
# text, marks and exchanged things.
LARGE = 0.03  # share of the picture
OUTLINE, HIDDEN, HARDLY_HIDDEN = 0.6, 0.4, 0.15  # of the one below, as shares of the one above, where it is large
SMALL_OUTLINE, SMALL_HIDDEN = 0.2, 0.05  # where it is small: a thing that was exchanged is that too
STRAY_WEIGHT = 0.15  # share of the places in which the other one shows more
FEW_COLOURS = 0.55  # share of its pixels that have one of four colours
LEAST_SHARE = 0.008  # of the picture, that it takes
PRINTED = 0.7  # share of pixels that have one of four grey levels, from which a picture is a page rather than a photo
PLAIN, CLEAR = 0.86, (0.3, 0.1)  # a cut-out on white, if what is laid over is large and stands out
FLAT, FLAT_SHARE, ALIKE_SHARE = 4.0, 0.4, 0.3
CELL, OFF_COLOUR, LEAST_CELLS = 4, 45.0, 14  # pixels, levels of 255, cells


class Finding(StrEnum):
    """SAME: nothing but noise. LAID_OVER: something in one of them that hides little of the other. OTHER: other
    content."""

    SAME = "same"
    LAID_OVER = "laid over"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Changes:
    """What a close look found: ``places`` that differ by more than noise; they take ``share`` of the overlap."""

    finding: Finding
    places: int = 0
    share: float = 0.0


def changes(laid: Laid) -> Changes:
    """Look closely at two pictures laid on each other. Costs about 30 ms at 1024 pixels."""
    u, v, noise, toned = equalised(laid)
    ratio, x, y = _differences(u, v, laid.inside, MARGIN + NOISY * noise + PER_TONE * toned)
    unusual = residue(x, y, laid.inside, toned)
    if printed(x[laid.inside]) > PRINTED:  # bare ground tells little of what compression does to print
        unusual /= ON_A_PAGE
    large, small = _beyond_noise(ratio, LEAST_WEIGHT), _beyond_noise(unusual, LEAST_UNUSUAL)
    differs, ratio = large | small, np.maximum(ratio, unusual)
    places = _connected(differs)[0] - 1
    coloured = _off_colour(laid, differs)
    if not places and not coloured:
        return Changes(Finding.SAME)
    share = float(np.count_nonzero(differs)) / max(1, int(np.count_nonzero(laid.inside)))
    if coloured or not _is_laid_over(laid, x, y, differs, ratio):
        return Changes(Finding.OTHER, places + coloured, share)
    return Changes(Finding.LAID_OVER, places, share)


def _differences(u: Float32, v: Float32, inside: Mask, margin: float) -> tuple[Float32, Float32, Float32]:
    """How far each pixel is off, in units of what noise may do; and both pictures, slightly blurred."""
    import cv2

    x, y = cv2.GaussianBlur(u, (0, 0), BLUR), cv2.GaussianBlur(v, (0, 0), BLUR)
    near, around = np.ones((3, 3), np.uint8), np.ones((7, 7), np.uint8)
    above = np.maximum(y - cv2.dilate(x, near), x - cv2.dilate(y, near))
    below = np.maximum(cv2.erode(x, near) - y, cv2.erode(y, near) - x)
    contrast = np.minimum(*(cv2.dilate(p, around) - cv2.erode(p, around) for p in (x, y)))
    limit = margin + RELATIVE * contrast
    ratio = np.where(inside, np.maximum(above, below) / limit, 0)
    return np.asarray(ratio, np.float32), np.asarray(x, np.float32), np.asarray(y, np.float32)


def _connected(mask: Mask) -> tuple[int, npt.NDArray[np.int32]]:
    """The number of connected places, with what is around them, and of each pixel that of its place."""
    import cv2

    n, place = cv2.connectedComponents(cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)))
    return n, np.asarray(place, np.int32)


def _beyond_noise(ratio: Float32, least: float) -> Mask:
    """The pixels of connected places that weigh at least so much."""
    over = ratio > 1
    n, place = _connected(over)
    weight = np.bincount(place.ravel(), np.where(over, np.minimum(ratio, MOST_RATIO), 0).ravel(), n)
    weight[0] = 0
    return np.asarray(over & (weight >= least)[place])


def _off_colour(laid: Laid, differs: Mask) -> int:
    """The number of places that have another colour, which no change of the colours of the whole explains. Places that
    differ in grey anyway are left out."""
    import cv2

    size = (max(1, differs.shape[1] // CELL), max(1, differs.shape[0] // CELL))
    there = cv2.resize((laid.inside & ~differs).astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.99
    if np.count_nonzero(there) < LEAST_CELLS:
        return 0
    small = [cv2.resize(p, size, interpolation=cv2.INTER_AREA).astype(np.float32) for p in (laid.x, laid.y)]
    hues = [np.stack([p[..., 0] - p[..., 1], p[..., 2] - p[..., 1]], axis=2) for p in small]
    strongest = [float(np.percentile(np.abs(h[there]), 98)) for h in hues]
    if min(strongest) < 8 and max(strongest) >= 8:  # one of them is black and white
        return 0
    off = np.zeros(there.shape, np.float32)
    for i in range(2):
        off = np.maximum(off, _off_line(hues[0][..., i], hues[1][..., i], there))
    clipped = np.minimum(small[0].min(axis=2), small[1].min(axis=2)) < 4
    clipped |= np.maximum(small[0].max(axis=2), small[1].max(axis=2)) > 251
    wrong = ((off > np.where(clipped, 2.0, 1.0) * OFF_COLOUR) & there).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(
        cv2.morphologyEx(wrong, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    )
    return int(np.count_nonzero(stats[1:, cv2.CC_STAT_AREA] >= LEAST_CELLS))


def _off_line(x: Float32, y: Float32, there: Mask) -> Float32:
    """How far each value is from a line through most of them, whichever way it is drawn."""
    gain = float(np.clip(np.std(x[there]) / max(float(np.std(y[there])), 1.0), 0.3, 3.0))
    offset = float(np.median(x[there] - gain * y[there]))
    return np.asarray(np.abs(gain * y + offset - x) / max(gain, 1.0), np.float32)


# --- what was laid over -------------------------------------------------------------------------------------------


def _is_laid_over(laid: Laid, x: Float32, y: Float32, differs: Mask, ratio: Float32) -> bool:
    import cv2

    inside = laid.inside
    if np.count_nonzero(differs) < LEAST_SHARE * np.count_nonzero(inside):
        return False
    shape = _filled(differs)
    rim = (cv2.dilate(shape, np.ones((3, 3), np.uint8)) - cv2.erode(shape, np.ones((3, 3), np.uint8))) > 0
    edges = [float(_edges(p)[rim].sum()) for p in (x, y)]
    (above, below), colours = ((x, y), laid.x) if edges[0] >= edges[1] else ((y, x), laid.y)
    added, hidden = _structure(above, below)
    outline, lost = min(edges) / max(*edges, 1.0), float(hidden[differs].sum() / max(1.0, float(added[differs].sum())))
    large = float(differs.sum()) >= LARGE * float(inside.sum())
    if large and (lost > HIDDEN or (outline > OUTLINE and lost > HARDLY_HIDDEN)):
        return False
    if not large and (lost > SMALL_HIDDEN or outline > SMALL_OUTLINE):
        return False
    if _against(differs, ratio, added, hidden) > STRAY_WEIGHT:
        return False
    clear = large and outline <= CLEAR[0] and lost <= CLEAR[1]
    if printed(below[inside]) > (PLAIN if clear else PRINTED):
        return False
    if _share_of_most(_codes(colours[differs])) < FEW_COLOURS:
        return False
    return not _continues(above, below, shape, differs, inside & (ratio < 0.6))


def _filled(differs: Mask) -> npt.NDArray[np.uint8]:
    """The mask with small gaps and all holes closed."""
    import cv2

    closed = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    framed = cv2.copyMakeBorder(closed, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    outside = framed.copy()
    cv2.floodFill(outside, None, (0, 0), 1)
    return np.ascontiguousarray((framed | (1 - outside))[1:-1, 1:-1])


def _edges(picture: Float32) -> Float32:
    import cv2

    across, down = (cv2.Sobel(picture, cv2.CV_32F, *way, scale=0.25) for way in ((1, 0), (0, 1)))
    return np.asarray(cv2.magnitude(across, down), np.float32)


def _structure(above: Float32, below: Float32) -> tuple[Float32, Float32]:
    """The variance around each pixel, of each picture, that the other does not explain."""
    mean_a, mean_b = _mean(above), _mean(below)
    var_a = np.maximum(_mean(above * above) - mean_a**2, 0)
    var_b = np.maximum(_mean(below * below) - mean_b**2, 0)
    together = np.maximum(_mean(above * below) - mean_a * mean_b, 0)
    own = 1 - np.minimum(together**2 / np.maximum(var_a * var_b, 1.0), 1)
    return np.asarray(var_a * own, np.float32), np.asarray(var_b * own, np.float32)


def _mean(picture: Float32) -> Float32:
    import cv2

    return np.asarray(cv2.boxFilter(picture, -1, (WINDOW, WINDOW)), np.float32)


def _against(differs: Mask, ratio: Float32, added: Float32, hidden: Float32) -> float:
    """The share, by weight, of places in which what is hidden is more than what is added."""
    import cv2

    near = cv2.dilate(differs.astype(np.uint8), np.ones((NEAR_WORDS, NEAR_WORDS), np.uint8))
    n, place = cv2.connectedComponents(near)
    here = place[differs]
    weight, more, less = (
        np.bincount(here, values[differs], n) for values in (np.minimum(ratio, MOST_RATIO), added, hidden)
    )
    return float(weight[less > more].sum() / max(float(weight.sum()), 1e-6))


def _codes(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    steps = (rgb >> 5).astype(np.intp)
    return steps[:, 0] << 6 | steps[:, 1] << 3 | steps[:, 2]


def _share_of_most(codes: npt.NDArray[np.intp]) -> float:
    """The share of the four most frequent values."""
    count = np.sort(np.bincount(codes))[::-1]
    return float(count[:4].sum() / max(1, int(count.sum())))


def printed(values: Float32) -> float:
    """The share of pixels, float32 (n,) from 0 to 255, that have one of the four most frequent of 32 grey levels."""
    return _share_of_most((np.clip(values, 0, 255).astype(np.intp)) >> 3)


def _continues(above: Float32, below: Float32, shape: npt.NDArray[np.uint8], differs: Mask, alike: Mask) -> bool:
    """Whether what is there in one only is of the ink of what is around it in both, on plain ground: a stroke more of a
    letter."""
    import cv2

    wide, close = (cv2.dilate(shape, np.ones((n, n), np.uint8)) > 0 for n in (17, 5))
    ring = wide & ~close & alike
    if not ring.any():
        return True
    deviation = np.sqrt(np.maximum(_mean(below * below) - _mean(below) ** 2, 0))
    if float((deviation[ring] < FLAT).mean()) < FLAT_SHARE:
        return False
    ground, ink = float(np.median(below[ring])), float(np.median(above[differs]))
    same_ink = ring & (np.abs(above - ink) < 30) & (np.abs(above - ground) > 30)
    return int(np.count_nonzero(same_ink)) > ALIKE_SHARE * int(np.count_nonzero(differs))

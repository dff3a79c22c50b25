"""Whether two pictures may be duplicates: lays one on the other and looks, place by place, where they agree.

A duplicate agrees to the pixel nearly everywhere, whatever was done to it; two shots of one scene, however alike, do
not: something moved, the light or the viewpoint changed. What is laid over a duplicate (a caption, a mark) costs the
few places it covers. Small things are not seen at this size: ``closer`` has the last word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.duplicates.matching.align import Alignment, align
from imagefinder.duplicates.matching.edits import Edit
from imagefinder.duplicates.matching.features import COLOUR_CELL, SIDE, Features
from imagefinder.duplicates.matching.onto import Onto
from imagefinder.duplicates.matching.tiers import Tier

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

TILE = 12  # pixels; tiles overlap by half
BLUR = 1.0  # pixels; takes away the noise of compression, and what half a pixel of shift does
TEXTURE = 5.0  # grey levels of standard deviation from which a tile shows something
ALIKE = 0.8  # correlation from which two tiles show the same
NEAR, FLAT_NEAR = 40.0, 20.0  # grey levels that the means of two tiles may differ by
CLOSE = 24.0  # grey levels that two pixels may differ by
FLAT = 3.0  # grey levels that a border varies by
DARK, BRIGHT = 10.0, 240.0  # grey levels near which a tile may be clipped
SAMPLED = 9  # of so many pixels one tells the brightness
STRONG_COLOUR = 20  # steps of ``Features.colour``

LEAST_TILES = 12  # with texture; fewer prove nothing
# Chosen on the even-numbered photos of benchmarks/duplicates.py, and measured on the odd ones.
AGREEMENT, FIDELITY = 0.9, 0.93
LAID_OVER_AGREEMENT, LAID_OVER_FIDELITY, LAID_OVER_PIXELS = 0.5, 0.98, 0.86
RECOLOURED = 0.3  # share of places whose colour may have changed in a way of its own
WHOLE_OVERLAP = 0.96  # share from which a picture counts as lying on the other as a whole
OVERLAP = 0.4  # share of each picture that must lie on the other
SCENE_INLIERS, SCENE_SHARE = 20, 0.3


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two pictures laid on each other show, over the places where both are.

    ``agreement`` is the share of tiles with texture that show the same, ``fidelity`` the median correlation of those,
    ``pixels`` the share of pixels that differ little. ``overlaps`` are the shares of the first and of the second
    picture that lie on the other, ``bordered`` whether what lies outside looks like an added border.
    ``gain`` and ``offset`` (grey levels) take the brightness of the second to that of the first; ``recoloured`` is the
    share of places whose colour does not follow from the other's, ``grey`` whether only one of the two is grey.
    """

    agreement: float
    fidelity: float
    pixels: float
    tiles: int
    overlaps: tuple[float, float]
    bordered: tuple[bool, bool]
    gain: float
    offset: float
    recoloured: float
    grey: bool

    @property
    def framed(self) -> tuple[bool, bool]:
        """Whether the first, and the second, is the other with a border or a bar added."""
        first, second = self.overlaps
        return (
            self.bordered[0] and first < WHOLE_OVERLAP <= second,
            self.bordered[1] and second < WHOLE_OVERLAP <= first,
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the comparison of a pair came to. ``tier`` is SAME_PICTURE, SAME_SCENE, or None: nothing in common.

    ``edits`` says what was done to a duplicate; ``scale`` is pixels of the first per pixel of the second, at full size;
    ``angle`` in degrees, against the clock; ``alignment`` is how one lies on the other, for a duplicate;
    ``onto`` the same as a close look has it: how the second lies on the first.
    """

    tier: Tier | None
    edits: tuple[str, ...] = ()
    evidence: str = ""
    mirrored: bool = False
    angle: float = 0.0
    scale: float = 1.0
    inliers: int = 0
    comparison: Comparison | None = None
    alignment: Alignment | None = None
    onto: Onto = ()

    @property
    def score(self) -> float:
        """0 to 1: the share of the compared places that agree."""
        return self.comparison.agreement if self.comparison else 0.0


def verify(a: Features, b: Features) -> Verdict:
    """Compare two pictures. Costs 3 ms for strangers, about 8 ms for duplicates."""
    alignment = align(a, b)
    if alignment is None:
        return Verdict(None)
    found = compare(a, alignment)
    if found is not None and _is_copy(found):
        return _copy(a, b, alignment, found)
    if alignment.inliers >= SCENE_INLIERS and alignment.inliers >= SCENE_SHARE * alignment.matches:
        evidence = f"the same scene: {alignment.inliers} points agree"
        if found is not None:
            evidence += f", but only {found.agreement:.0%} of the overlap looks the same"
        return Verdict(Tier.SAME_SCENE, (), evidence, inliers=alignment.inliers, comparison=found)
    return Verdict(None, inliers=alignment.inliers, comparison=found)


def _is_copy(found: Comparison) -> bool:
    if found.tiles < LEAST_TILES or min(found.overlaps) < OVERLAP**2 or max(found.overlaps) < OVERLAP:
        return False
    if found.recoloured > RECOLOURED and not found.grey:
        return False
    whole = found.agreement >= AGREEMENT and found.fidelity >= FIDELITY
    laid_over = (
        found.agreement >= LAID_OVER_AGREEMENT
        and found.fidelity >= LAID_OVER_FIDELITY
        and found.pixels >= LAID_OVER_PIXELS
    )
    return whole or laid_over


# --- laying one on the other --------------------------------------------------------------------------------------


def compare(a: Features, alignment: Alignment) -> Comparison | None:
    """Look where the pictures agree; None if they hardly overlap. The larger is shrunk, never the smaller enlarged."""
    import cv2

    if not 0.1 < alignment.scale < 10:
        return None
    if alignment.scale <= 1:
        return _compare(a, alignment.other, alignment.matrix)
    found = _compare(alignment.other, a, cv2.invertAffineTransform(alignment.matrix))
    if found is None:
        return None
    gain, offset = 1 / found.gain, -found.offset / found.gain
    bordered = found.bordered[::-1]
    return replace(found, overlaps=found.overlaps[::-1], bordered=bordered, gain=gain, offset=offset)


def _compare(a: Features, b: Features, matrix: npt.NDArray[np.float64]) -> Comparison | None:
    x, y, mask = _laid(a, b, matrix)
    inside = _tiles(mask) > 0.999
    if np.count_nonzero(inside) < LEAST_TILES:
        return None
    gain, offset = _brightness(y[mask > 0], x[mask > 0])
    if not 0.2 < gain < 5:
        return None
    # The one with more contrast is made from the other: what it clipped to white or black, it clips again.
    if gain < 1:
        x = np.clip((x - offset) / gain, 0, 255)
    else:
        y = np.clip(y * gain + offset, 0, 255)
    agreement, fidelity, tiles = _agreement(x, y, inside)
    covered, covering = mask > 0, _covering(a, b, matrix)
    recoloured, grey = _colours(a, b, matrix)
    return Comparison(
        agreement=agreement,
        fidelity=fidelity,
        pixels=float((np.abs(x - y)[covered] < CLOSE).mean()),
        tiles=tiles,
        overlaps=(float(covered.mean()), float(covering.mean())),
        bordered=(_is_border(a.grey, covered), _is_border(b.grey, covering)),
        gain=gain,
        offset=offset,
        recoloured=recoloured,
        grey=grey,
    )


def _laid(a: Features, b: Features, matrix: npt.NDArray[np.float64]) -> tuple[Float32, Float32, Float32]:
    """The first picture, the second laid on it, and a mask of where the second is; float32 of the first's shape."""
    import cv2

    size = (a.grey.shape[1], a.grey.shape[0])
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    moving = b.grey.astype(np.float32)
    if scale < 0.9:  # against aliasing
        moving = cv2.GaussianBlur(moving, (0, 0), 0.5 * math.sqrt(1 / scale**2 - 1))
    laid = cv2.warpAffine(moving, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(np.ones(b.grey.shape, np.float32), matrix, size, flags=cv2.INTER_NEAREST)
    # A picture that had to be enlarged lacks the detail of the other: both are brought down to what it has.
    blur = BLUR * max(1.0, SIDE / min(max(f.width, f.height) for f in (a, b)))
    return cv2.GaussianBlur(a.grey.astype(np.float32), (0, 0), blur), cv2.GaussianBlur(laid, (0, 0), blur), mask


def _covering(a: Features, b: Features, matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Where the second picture lies on the first, seen from the second."""
    import cv2

    size = (b.grey.shape[1], b.grey.shape[0])
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(np.ones(a.grey.shape, np.uint8), matrix, size, flags=flags) > 0)


def _tiles(picture: Float32) -> Float32:
    """The mean of every tile, float32 (rows, columns)."""
    import cv2

    h, w = picture.shape
    means = cv2.boxFilter(picture, -1, (TILE, TILE), anchor=(0, 0), borderType=cv2.BORDER_REPLICATE)
    step = TILE // 2
    return np.asarray(means[: max(1, h - TILE + 1) : step, : max(1, w - TILE + 1) : step])


def _agreement(x: Float32, y: Float32, inside: npt.NDArray[np.bool_]) -> tuple[float, float, int]:
    """The share of tiles with texture that show the same, their median correlation, and how many have texture."""
    mean_x, mean_y = _tiles(x)[inside], _tiles(y)[inside]
    spread_x = np.sqrt(np.maximum(_tiles(x * x)[inside] - mean_x**2, 0))
    spread_y = np.sqrt(np.maximum(_tiles(y * y)[inside] - mean_y**2, 0))
    correlation = (_tiles(x * y)[inside] - mean_x * mean_y) / np.maximum(spread_x * spread_y, 1e-2)
    textured = np.maximum(spread_x, spread_y) > TEXTURE
    equal_spread = np.minimum(spread_x, spread_y) > 0.4 * np.maximum(spread_x, spread_y)
    apart = np.abs(mean_x - mean_y)
    same = (equal_spread & (correlation > ALIKE) & (apart < NEAR))[textured]
    if not same.any():
        return 0.0, 0.0, int(textured.sum())
    # Where nothing is to be seen on either side, a tile counts only against: by its brightness.
    odd = int(np.count_nonzero(~textured & (apart > FLAT_NEAR)))
    return float(same.sum() / (len(same) + odd)), float(np.median(correlation[textured][same])), int(textured.sum())


def _brightness(x: Float32, y: Float32) -> tuple[float, float]:
    """The gain and offset that take x to y, from pixels that are neither black nor white on either side."""
    clear = np.flatnonzero((np.minimum(x, y) > DARK) & (np.maximum(x, y) < BRIGHT))
    if len(clear) < len(x) // 50:
        return _line(x[::SAMPLED], y[::SAMPLED])
    clear = clear[:: max(1, SAMPLED * len(clear) // len(x))]
    return _line(x[clear], y[clear])


def _line(x: Float32, y: Float32) -> tuple[float, float]:
    """Gain and offset of y = gain x + offset, fitted to the 70% that fit best; gain 1 if x hardly varies."""
    if float(np.std(x)) < 1:
        return 1.0, float(np.median(y - x))
    gain, offset = np.polyfit(x, y, 1)
    for _ in range(3):
        off = np.abs(gain * x + offset - y)
        kept = off <= max(float(np.percentile(off, 70)), 1.0)
        if float(np.std(x[kept])) < 1:
            break
        gain, offset = np.polyfit(x[kept], y[kept], 1)
    return float(gain), float(offset)


def _colours(a: Features, b: Features, matrix: npt.NDArray[np.float64]) -> tuple[float, bool]:
    """The share of places whose colour is not the other's after one gain and offset, and whether only one is grey."""
    import cv2

    cells = matrix.copy()
    middle = (COLOUR_CELL - 1) / 2
    cells[:, 2] = (matrix[:, :2] @ np.full(2, middle) + matrix[:, 2] - middle) / COLOUR_CELL
    size = (a.colour.shape[1], a.colour.shape[0])
    laid = cv2.warpAffine(b.colour.astype(np.float32), cells, size)
    there = cv2.warpAffine(np.ones(b.colour.shape[:2], np.float32), cells, size) > 0.99
    mine, theirs = a.colour[there].astype(np.float32), laid[there]
    if len(mine) < LEAST_TILES:
        return 0.0, False
    strongest = sorted(float(np.percentile(np.abs(c), 95)) for c in (mine, theirs))
    off = np.stack([_off_line(mine[:, i], theirs[:, i]) for i in range(2)]).max(axis=0)
    return float((off > STRONG_COLOUR).mean()), strongest[0] < 4 < strongest[1]


def _off_line(x: Float32, y: Float32) -> Float32:
    gain, offset = _line(x, y)
    if not 0.3 <= gain <= 3.0:
        gain = min(max(gain, 0.3), 3.0)
        offset = float(np.median(y - gain * x))
    return np.asarray(np.abs(gain * x + offset - y) / max(gain, 1.0), np.float32)


def _is_border(grey: npt.NDArray[np.uint8], covered: npt.NDArray[np.bool_]) -> bool:
    """Whether what is not covered is an added border or bar: of one brightness, as sky or a wall hardly is, set off
    from the picture, as a white background is not, and all along it, where a thing that was cut goes on."""
    outside = grey[~covered]
    if len(outside) == 0:
        return False
    middle = np.median(outside)

    def share(pixels: npt.NDArray[np.uint8], within: float) -> float:
        return float((np.abs(pixels - middle) <= within).mean()) if len(pixels) else 1.0

    if share(outside, FLAT) <= 0.6:
        return False
    rim, along = grey[covered & ~_grown(covered, -4)], grey[_grown(covered, 4) & ~_grown(covered, 1)]
    return share(along, CLOSE) > 0.9 and share(rim, 4 * FLAT) < 0.5


def _grown(mask: npt.NDArray[np.bool_], pixels: int) -> npt.NDArray[np.bool_]:
    """A mask that reaches so many pixels farther, or less far."""
    import cv2

    square = np.ones((2 * abs(pixels) + 1,) * 2, np.uint8)
    return np.asarray((cv2.dilate if pixels > 0 else cv2.erode)(mask.astype(np.uint8), square) > 0)


# --- saying what was found ----------------------------------------------------------------------------------------


def _copy(a: Features, b: Features, alignment: Alignment, found: Comparison) -> Verdict:
    scale = alignment.scale * (b.grey.shape[1] / b.width) / (a.grey.shape[1] / a.width)
    edits = _edits(alignment, found, scale)
    evidence = evidence_of(edits, found.agreement)
    return Verdict(
        Tier.SAME_PICTURE, edits, evidence, alignment.mirrored, alignment.angle, scale, alignment.inliers, found,
        alignment,
    )  # fmt: skip


def evidence_of(edits: Sequence[str], agreement: float) -> str:
    """What was done to a copy, and how much of it agrees, in words."""
    return f"{', '.join(edits)}; {agreement:.0%} of the overlap agrees"


def _edits(alignment: Alignment, found: Comparison, scale: float) -> tuple[str, ...]:
    """What was done to one to get the other, in words."""
    edits: list[str] = []
    if alignment.mirrored:
        edits.append(Edit.MIRRORED)
    if abs(alignment.angle) > 1:
        edits.append(Edit.ROTATED.by(f"{abs(alignment.angle):.0f}°"))
    if any(found.framed):
        edits.append(Edit.FRAMED)
    elif min(found.overlaps) < WHOLE_OVERLAP:
        edits.append(Edit.CROPPED.by(f"{min(found.overlaps):.0%}"))
    if abs(math.log(scale)) > math.log(1.03):
        edits.append(Edit.RESIZED)
    if found.agreement < AGREEMENT:
        edits.append(Edit.LAID_OVER)
    if found.grey:
        edits.append(Edit.GREY)
    if abs(found.gain - 1) > 0.1 or abs(found.offset) > 12:
        edits.append(Edit.TONED)
    return tuple(edits) or (Edit.ENCODED,)

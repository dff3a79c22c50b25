"""Two pictures laid on each other to a fraction of a pixel, and brought to one tone and one sharpness.

What is left to tell them apart then is either noise or content.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

    from imagefinder.duplicates.matching.align import Alignment
    from imagefinder.types import Float32

    Float64: TypeAlias = npt.NDArray[np.float64]
    Uint8: TypeAlias = npt.NDArray[np.uint8]

FINE = 1024  # pixels, longest side at which pictures are looked at closely
CORNERS, WINDOW, LEAST_CORNERS = 400, 21, 10  # points followed from one to the other, and pixels around each
STRAY = 0.7  # pixels that a followed point may lie off
MOST_CHANGE = 0.08  # of scale or turn that following the points may still find
SOFT = (0.8, 1.6, 3.2)  # pixels of blur, of which a filter is made that takes one picture's sharpness to the other's
SAMPLED = 3  # of so many pixels each way one is used to fit it
UNEVEN = 6  # the light may change over a sixth of the picture, as a vignette does
TRUSTED = 25  # grey levels that two pixels of one place may differ by to tell the tone


@dataclass(frozen=True, slots=True)
class Laid:
    """Two pictures in the frame of the coarser one: ``x`` and ``y`` uint8 (h, w, 3), ``inside`` bool (h, w) where both
    are. ``swapped``: ``x`` is the second picture. ``matrix`` float64 (2, 3) maps pixels of the second, mirrored if the
    alignment says so, to those of the first."""

    x: Uint8
    y: Uint8
    inside: npt.NDArray[np.bool_]
    swapped: bool
    matrix: Float64


def fine_picture(image: Image) -> Uint8:
    """A picture as it is looked at closely: RGB uint8 (h, w, 3), at most ``FINE`` pixels long."""
    import cv2

    rgb = np.asarray(image.convert("RGB"))
    scale = FINE / max(image.size)
    if scale >= 1:
        return rgb
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def lay(a: Uint8, b: Uint8, alignment: Alignment, shape: tuple[int, ...]) -> Laid:
    """Lay ``b`` on ``a``, pictures from ``fine_picture``; ``shape`` is that of the first's features.

    The alignment is refined by following corners from one to the other (Lucas and Kanade 1981) and fitting an affine
    map to those that agree (RANSAC).
    """
    import cv2

    if alignment.mirrored:
        b = np.ascontiguousarray(b[:, ::-1])
    matrix = _between(alignment.matrix, _ratio(a, shape), _ratio(b, alignment.other.grey.shape))
    swapped = _scale(matrix) > 1
    if swapped:
        a, b, matrix = b, a, np.asarray(cv2.invertAffineTransform(matrix))
    grey = cv2.cvtColor(a, cv2.COLOR_RGB2GRAY)
    y, inside = _warped(b, matrix, grey.shape)
    for _ in range(2):
        bright = _as_bright(cv2.cvtColor(y, cv2.COLOR_RGB2GRAY), grey, inside)
        step = _step(grey, bright, inside)
        if step is None:
            break
        closer = np.column_stack([step[:, :2] @ matrix[:, :2], step[:, :2] @ matrix[:, 2] + step[:, 2]])
        moved, there = _warped(b, closer, grey.shape)
        both = inside & there
        if _apart(_as_bright(cv2.cvtColor(moved, cv2.COLOR_RGB2GRAY), grey, both), grey, both) >= _apart(
            bright, grey, both
        ):
            break
        matrix, y, inside = closer, moved, there
    back = np.asarray(cv2.invertAffineTransform(matrix)) if swapped else matrix
    return Laid(a, y, inside, swapped, back)


def _as_bright(y: Uint8, x: Uint8, inside: npt.NDArray[np.bool_]) -> Uint8:
    """``y`` with the mean and the contrast of ``x``: following points takes them to be equal."""
    ys, xs = y[inside].astype(np.float32), x[inside].astype(np.float32)
    if not len(ys):
        return y
    gain = float(xs.std()) / max(float(ys.std()), 1.0)
    return np.asarray(np.clip(gain * (y - float(ys.mean())) + float(xs.mean()), 0, 255), np.uint8)


def _apart(x: Uint8, y: Uint8, inside: npt.NDArray[np.bool_]) -> float:
    return _typical(np.asarray(x.astype(np.float32) - y, np.float32), inside)


def _ratio(fine: Uint8, shape: tuple[int, ...]) -> Float64:
    return np.array([fine.shape[1] / shape[1], fine.shape[0] / shape[0]])


def _between(matrix: Float64, a: Float64, b: Float64) -> Float64:
    """The matrix between pixels of features as one between those of pictures ``a`` and ``b`` times as large, each way.
    The middle of a pixel has whole coordinates."""
    linear = a[:, None] * matrix[:, :2] / b[None, :]
    half = np.full(2, 0.5)
    shift = a * (matrix[:, 2] + half - matrix[:, :2] @ half) - half + linear @ half
    return np.column_stack([linear, shift])


def _scale(matrix: Float64) -> float:
    return math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))


def _warped(b: Uint8, matrix: Float64, shape: tuple[int, ...]) -> tuple[Uint8, npt.NDArray[np.bool_]]:
    import cv2

    size, scale = (shape[1], shape[0]), _scale(matrix)
    moving = cv2.GaussianBlur(b, (0, 0), 0.45 * math.sqrt(1 / scale**2 - 1)) if scale < 0.9 else b  # against aliasing
    y = cv2.warpAffine(moving, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.warpAffine(np.ones(b.shape[:2], np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    inner = cv2.erode(mask, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(y, np.uint8), np.asarray(inner > 0)


def _step(x: Uint8, y: Uint8, inside: npt.NDArray[np.bool_]) -> Float64 | None:
    """The small affine map that takes ``y`` to ``x``; None if too few corners agree on one."""
    import cv2

    points = cv2.goodFeaturesToTrack(x, CORNERS, 0.01, 8, mask=inside.astype(np.uint8))
    if points is None or len(points) < LEAST_CORNERS:
        return None
    moved, status, _ = cv2.calcOpticalFlowPyrLK(x, y, points, None, winSize=(WINDOW, WINDOW), maxLevel=3)
    found = status.ravel() > 0
    if np.count_nonzero(found) < LEAST_CORNERS:
        return None
    step, agree = cv2.estimateAffine2D(moved[found], points[found], method=cv2.RANSAC, ransacReprojThreshold=STRAY)
    if step is None or np.count_nonzero(agree) < max(LEAST_CORNERS, 0.3 * np.count_nonzero(found)):
        return None
    return None if np.abs(step[:, :2] - np.eye(2)).max() > MOST_CHANGE else np.asarray(step, np.float64)


# --- one tone, one sharpness --------------------------------------------------------------------------------------


def equalised(laid: Laid) -> tuple[Float32, Float32, float, float]:
    """Both in grey, float32 (h, w), as like each other as a tone curve, a filter and uneven light can make them; the
    grey levels by which they still differ in most places, and those by which they differed before."""
    import cv2

    x, y, inside = laid.x, laid.y, laid.inside
    grey = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), cv2.cvtColor(y, cv2.COLOR_RGB2GRAY)
    toned = [_toned(*grey, inside)]
    # What is made brighter is clipped in each colour by itself.
    channels = [_toned(np.ascontiguousarray(x[..., c]), np.ascontiguousarray(y[..., c]), inside) for c in range(3)]
    weights = (0.299, 0.587, 0.114)
    first, second = (sum(w * pair[i] for w, pair in zip(weights, channels, strict=True)) for i in range(2))
    toned.append((np.asarray(first, np.float32), np.asarray(second, np.float32)))
    u, v = min(toned, key=lambda pair: _typical(pair[0] - pair[1], inside))
    tried = [(u, v), (_filtered(u, v, inside), v), (u, _filtered(v, u, inside))]
    u, v = min(tried, key=lambda pair: _typical(pair[0] - pair[1], inside))
    v = _evenly_lit(u, v, inside)
    before = _typical(np.asarray(grey[0].astype(np.float32) - grey[1], np.float32), inside)
    return u, v, _typical(u - v, inside), before


def _typical(off: Float32, inside: npt.NDArray[np.bool_]) -> float:
    """The mean of the least 90% of the differences."""
    away = np.sort(np.abs(off[::SAMPLED, ::SAMPLED][inside[::SAMPLED, ::SAMPLED]]))
    return float(away[: max(1, len(away) * 9 // 10)].mean()) if len(away) else 0.0


def _toned(x: Uint8, y: Uint8, inside: npt.NDArray[np.bool_]) -> tuple[Float32, Float32]:
    """The one with more contrast as it is, the other in its tone: what one clipped, the other clips again."""
    xs, ys = x[inside], y[inside]
    if float(xs.std()) >= float(ys.std()):
        return x.astype(np.float32), _curve(xs, ys)[y]
    return _curve(ys, xs)[x], y.astype(np.float32)


def _curve(x: Uint8, y: Uint8) -> Float32:
    """The rising curve, float32 (256,), that takes values ``y`` to values ``x`` of the same places.

    The two histograms give a first one, to which it does not matter where something lies. It then follows the places
    that agree.
    """
    levels = np.arange(256)
    shares = [np.cumsum(np.bincount(v, minlength=256)) / max(1, len(v)) for v in (x, y)]
    first = np.interp(shares[1], shares[0], levels)
    near = np.abs(x - first[y]) < TRUSTED
    x, y = x[near], y[near]
    count = np.bincount(y >> 3, minlength=32)
    held = count >= max(20, len(y) // 5000)
    if np.count_nonzero(held) < 2:
        return np.asarray(first, np.float32)
    means = [np.bincount(y >> 3, v, 32)[held] / count[held] for v in (x, y)]
    rising, given = np.maximum.accumulate(means[0]), means[1]
    curve = np.interp(levels, given, rising)
    below, above = levels < given[0], levels > given[-1]
    slope = (rising[-1] - rising[0]) / max(given[-1] - given[0], 1.0)
    curve[below] += slope * (levels[below] - given[0])
    curve[above] += slope * (levels[above] - given[-1])
    return np.asarray(np.clip(curve, 0, 255), np.float32)


def _filtered(u: Float32, v: Float32, inside: npt.NDArray[np.bool_]) -> Float32:
    """``u`` as sharp or soft as ``v``, by the mixture of blurs of it that fits best."""
    import cv2

    softer = [cv2.GaussianBlur(u, (0, 0), sigma) - u for sigma in SOFT]
    some = (slice(None, None, SAMPLED), slice(None, None, SAMPLED))
    here = inside[some]
    rows = np.stack([s[some][here] for s in softer], axis=1).astype(np.float64)
    wanted = (v - u)[some][here].astype(np.float64)
    if len(wanted) < 100:
        return u
    weights: Float64 = np.zeros(len(SOFT))
    for _ in range(3):
        off = np.abs(wanted - rows @ weights)
        kept = off <= max(float(np.percentile(off, 90)), 1.0)
        square = rows[kept].T @ rows[kept] + np.eye(len(SOFT)) * len(wanted) * 1e-3
        weights = np.asarray(np.linalg.solve(square, rows[kept].T @ wanted[kept]), np.float64)
    return np.asarray(u + sum(w * s for w, s in zip(weights, softer, strict=True)), np.float32)


def _evenly_lit(u: Float32, v: Float32, inside: npt.NDArray[np.bool_]) -> Float32:
    """``v`` in the light of ``u``, where that changes slowly over the picture."""
    import cv2

    small = (max(8, u.shape[1] // 8), max(8, u.shape[0] // 8))
    weight = inside.astype(np.float32)
    light = []
    for picture in (u, v):
        mean = cv2.resize(picture * weight, small, interpolation=cv2.INTER_AREA)
        light.append(cv2.GaussianBlur(mean, (0, 0), max(small) / UNEVEN) + 1)
    gain = np.clip(light[0] / light[1], 0.5, 2.0)
    return np.asarray(v * cv2.resize(gain, (u.shape[1], u.shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)

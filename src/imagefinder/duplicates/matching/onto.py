"""Where one of two copies lies on the other, in parts of their sides: the same for pictures of any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.duplicates.matching.detail import Laid

    Matrix: TypeAlias = npt.NDArray[np.float64]

# (a, b, c, d, e, f): the place (x, y) of a copy lies at (ax + cy + e, bx + dy + f) of the other, as in CSS and SVG,
# with all places from 0 to 1 across and down. Empty where it is not known, or each lies on the other as a whole.
Onto: TypeAlias = tuple[float, ...]
DIGITS = 6


def onto_of(laid: Laid, mirrored: bool, first: tuple[int, ...], second: tuple[int, ...]) -> Onto:
    """How the second of two pictures, of these shapes, was laid on the first."""
    matrix = _square(laid.matrix)
    if mirrored:
        matrix = matrix @ np.array([[-1.0, 0, second[1] - 1], [0, 1, 0], [0, 0, 1]])
    return _written(np.linalg.inv(_pixels(first)) @ matrix @ _pixels(second))


def turned_back(onto: Onto) -> Onto:
    """How the other lies on this one."""
    if not onto:
        return ()
    return _written(np.asarray(np.linalg.inv(_square(np.array(onto).reshape(3, 2).T)), np.float64))


def _pixels(shape: tuple[int, ...]) -> Matrix:
    """From parts of the sides to pixels, whose middles have whole coordinates."""
    return np.array([[shape[1], 0, -0.5], [0, shape[0], -0.5], [0, 0, 1]])


def _square(matrix: Matrix) -> Matrix:
    return np.vstack([matrix, [0, 0, 1]])


def _written(matrix: Matrix) -> Onto:
    return tuple(round(float(value), DIGITS) for value in matrix[:2].T.ravel())

"""A picture map: thumbnails where their images lie, in the cells of a grid, so that none covers another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagefinder._util.threads import ordered_map
from imagefinder.errors import InvalidInputError
from imagefinder.images.loader import Loader
from imagefinder.images.thumbnails import save_picture
from imagefinder.plots.sheets import picture_of
from imagefinder.types import Limits

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

    from imagefinder.types import Float32

SHOWN = 1600  # pictures at most: more would be too small to see
ROOM = 1.35  # cells for each picture; the free ones keep groups apart
LONGEST, GAP = 3000, 2  # pixels of the longer side; between two pictures
SMALLEST, LARGEST = 40, 160  # pixels, side of a picture
CROPPED = 1.6  # times as long as wide: longer pictures are shown whole
EDGE = 0.5  # percent at each end: images farther out are drawn at the edge, so that a few don't shrink the rest
THREADS, WINDOW = 4, 32


def grid_cells(
    coordinates: Float32, *, shown: int = SHOWN
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], tuple[int, int]]:
    """Give images a cell each of a grid, near their ``coordinates``, float32 (n, 2).

    Returns the rows of the images shown int (m,), their cells int (m, 2) as (column, row from the top), no two the
    same, and the grid's (columns, rows). Up to ``shown`` images are all shown, with the least sum of squared ways to
    their cells (Kuhn 1955). Of more, each cell shows the one nearest to its centre.
    """
    if not len(coordinates):
        raise InvalidInputError("A picture map needs at least one image.")
    low, high = np.percentile(coordinates, [EDGE, 100 - EDGE], axis=0)
    span = np.maximum(high - low, 1e-6)
    place = np.clip((coordinates - low) / span, 0, 1).astype(np.float64)
    place[:, 1] = 1 - place[:, 1]
    aspect = float(np.clip(span[0] / span[1], 0.5, 2))
    if len(coordinates) <= shown:
        size = _grid_size(len(coordinates) * (ROOM if len(coordinates) > 2 else 1), aspect)
        return np.arange(len(coordinates)), _assigned(place, size), size
    # As fine a grid as its filled cells allow; about half of them are filled on a usual map.
    for cells in np.geomspace(4 * shown, shown / 2, 16):
        size = _grid_size(float(cells), aspect)
        rows, where = _nearest_to_centres(place, size)
        if len(rows) <= shown:
            break
    return rows[:shown], where[:shown], size


def _grid_size(cells: float, aspect: float) -> tuple[int, int]:
    """Columns and rows of at least so many square cells (nearly: each side is rounded up)."""
    columns = max(1, math.ceil(math.sqrt(cells * aspect) - 1e-9))
    return columns, max(1, math.ceil(cells / columns - 1e-9))


def _assigned(place: npt.NDArray[np.float64], size: tuple[int, int]) -> npt.NDArray[np.int64]:
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    columns, rows = size
    cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    _, chosen = linear_sum_assignment(cdist(place * [columns, rows], cells + 0.5, "sqeuclidean"))
    return np.asarray(cells[chosen], dtype=np.int64)


def _nearest_to_centres(
    place: npt.NDArray[np.float64], size: tuple[int, int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    spots = place * size
    cells = np.minimum(spots.astype(np.int64), np.array(size) - 1)
    order = np.argsort(((spots - cells - 0.5) ** 2).sum(axis=1), kind="stable")
    _, first = np.unique(cells[order] @ [1, size[0]], return_index=True)
    rows = np.sort(order[first])
    return rows, cells[rows]


def picture_map(
    coordinates: Float32, uris: Sequence[str], *, shown: int = SHOWN, limits: Limits | None = None
) -> tuple[Image, int]:
    """Draw the images at ``uris`` on the plane; returns the picture and how many images it shows.

    An image that can't be read leaves its cell empty. Raises InvalidInputError.
    """
    from PIL import Image as Pillow

    rows, cells, (columns, lines) = grid_cells(coordinates, shown=shown)
    side = int(np.clip(LONGEST // max(columns, lines), SMALLEST, LARGEST))
    sheet = Pillow.new("RGB", (columns * side + GAP, lines * side + GAP), "white")
    drawn = 0
    for (column, line), picture in zip(
        cells.tolist(), _pictures([uris[i] for i in rows], side, limits or Limits()), strict=True
    ):
        if picture is not None:
            sheet.paste(in_square(picture, side - GAP), (column * side + GAP, line * side + GAP))
            drawn += 1
    return sheet, drawn


def in_square(picture: Image, side: int) -> Image:
    """The picture in a square of ``side`` pixels: cropped if that takes little away, else whole, on white."""
    from PIL import Image as Pillow
    from PIL import ImageOps

    if max(picture.size) <= CROPPED * min(picture.size):
        return ImageOps.fit(picture, (side, side), Pillow.Resampling.LANCZOS)
    return ImageOps.pad(picture, (side, side), Pillow.Resampling.LANCZOS, color="white")


def save_picture_map(sheet: Image, path: Path) -> None:
    """Write it as PNG, JPEG or WebP, whole or not at all. Raises InvalidInputError and StorageError."""
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise InvalidInputError(f"{path} has no picture's extension.", remedy="Name it .png, .jpg or .webp.")
    save_picture(sheet, path, quality=88)


def _pictures(uris: Sequence[str], side: int, limits: Limits) -> Iterator[Image | None]:
    """The pictures, decoded no larger than needed, in order; None for one that can't be read."""
    loader = Loader(limits, side)
    try:
        yield from ordered_map(lambda uri: picture_of(loader, uri), uris, workers=THREADS, window=WINDOW)
    finally:
        loader.close()

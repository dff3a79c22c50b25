"""Which part of a picture fits a query: a map over the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from imagefinder.search.ranking import Ranking

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.index.models import View
    from imagefinder.models.base import Embedder, Parts
    from imagefinder.search.embed import SpaceQuery
    from imagefinder.types import Float32

SIDE = 256  # pixels of a map along its longer side
HIDDEN = 7  # windows along each side that are hidden in turn, where a model does not show the parts of a picture
BATCH = 16  # pictures embedded at once
FAINT = 1.0  # standard deviations of the scores of random images: what differs by less across a picture stays faint
Score: TypeAlias = Callable[[Mapping[str, np.ndarray]], np.ndarray]


def heat_map(views: Sequence[View], queries: Sequence[Mapping[str, SpaceQuery]], picture: Image) -> tuple[Float32, str]:
    """How well each part of an upright RGB picture fits what is searched for in the spaces of the views: float32 (h,
    w), 0 to 1; and how it was found, "features" or "occlusion".

    A part is scored as an image is: its vectors go through the transform of the space, and their cosines are
    standardised with those of random images. What a model does not see of a picture, because it crops, is 0.
    """
    size = map_size(*picture.size)
    total = np.zeros(size)
    ways = set()
    for view, wanted in zip(views, queries, strict=True):
        for embedder, score in _scores(view, wanted):
            values, way = _values(embedder, picture, score, size)
            total += values / len(views)
            ways.add(way)
    seen = np.isfinite(total)
    least = max(0.0, float(np.median(total[seen]))) if seen.any() else 0.0
    most = max(float(total[seen].max(initial=0.0)), least + FAINT)
    found = np.where(seen, (np.where(seen, total, 0.0) - least) / (most - least), 0.0)
    return np.clip(found, 0, 1).astype(np.float32), max(ways, default="none")


def map_size(width: int, height: int) -> tuple[int, int]:
    """The height and width of a map over a ``width`` x ``height`` picture."""
    scale = SIDE / max(width, height)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _scores(view: View, queries: Mapping[str, SpaceQuery]) -> list[tuple[Embedder, Score]]:
    """The models that what is searched for in a view needs, each with the score of pictures by their raw vectors."""
    index, whole = view.index, sum(query.weight for query in queries.values())
    by_model: dict[str, list[str]] = {}
    for space in queries:
        by_model.setdefault(index.space(space).model, []).append(space)

    def score_in(spaces: Sequence[str]) -> Score:
        def score(vectors: Mapping[str, np.ndarray]) -> np.ndarray:
            total = np.zeros(len(next(iter(vectors.values()))))
            for space in spaces:
                query = queries[space]
                middle, spread = Ranking(index, {space: query}, space).background()
                found = index.to_search(space, vectors[index.space(space).model_space]) @ query.vector
                total += query.weight / whole * (found - middle) / spread
            return total

        return score

    return [(view.models.of_space(spaces[0]), score_in(spaces)) for spaces in by_model.values()]


def _values(embedder: Embedder, picture: Image, score: Score, size: tuple[int, int]) -> tuple[np.ndarray, str]:
    embed_parts = getattr(embedder, "embed_parts", None)  # a program's own embedder may lack it
    parts: Parts | None = embed_parts(picture) if embed_parts else None
    if parts is not None:
        values = score(parts.vectors).reshape(parts.rows, parts.columns)
        return _spread(values, parts.box, (parts.height, parts.width), size), "features"
    return _spread(_lost(embedder, picture, score), (0, 0, 1, 1), (2 / (HIDDEN + 1),) * 2, size), "occlusion"


def _lost(embedder: Embedder, picture: Image, score: Score) -> np.ndarray:
    """What the score loses when a part of the picture is hidden under its mean colour, float64 (HIDDEN, HIDDEN):
    occlusion sensitivity (Zeiler and Fergus 2014). The parts overlap by half."""
    from PIL import Image as Pillow

    small = picture.copy()
    small.thumbnail((2 * embedder.short_side,) * 2, Pillow.Resampling.BICUBIC)
    mean = tuple(int(part) for part in np.asarray(small.convert("RGB")).mean(axis=(0, 1)))
    rows = [embedder.preprocess(small)]
    for i in range(HIDDEN):
        for j in range(HIDDEN):
            covered = small.copy()
            left, right = (round(n * small.width / (HIDDEN + 1)) for n in (j, j + 2))
            top, bottom = (round(n * small.height / (HIDDEN + 1)) for n in (i, i + 2))
            covered.paste(mean, (left, top, right, bottom))
            rows.append(embedder.preprocess(covered))
    scores = [score(embedder.embed_images(np.stack(rows[i : i + BATCH]))) for i in range(0, len(rows), BATCH)]
    whole, *rest = np.concatenate(scores)
    return (whole - np.array(rest)).reshape(HIDDEN, HIDDEN)


def _spread(values: np.ndarray, box: Sequence[float], window: tuple[float, float], size: tuple[int, int]) -> np.ndarray:
    """The values of windows, (rows, columns), over a map of ``size``, between the middles of windows linearly; nan
    outside ``box``. A window has the size ``window``, as fractions of the box."""
    left, top, right, bottom = box
    found = values
    outside = []
    for axis, (start, end) in enumerate(((top, bottom), (left, right))):
        at = ((np.arange(size[axis]) + 0.5) / size[axis] - start) / (end - start)  # of the box
        outside.append((at < 0) | (at > 1))
        last = values.shape[axis] - 1
        place = np.clip((at - window[axis] / 2) / max(1 - window[axis], 1e-6) * last, 0, last)
        low = np.minimum(place.astype(int), max(last - 1, 0))
        part = np.expand_dims(place - low, 1 - axis)
        high = np.minimum(low + 1, last)
        found = np.take(found, low, axis) * (1 - part) + np.take(found, high, axis) * part
    return np.where(outside[0][:, None] | outside[1][None, :], np.nan, found)

"""Which part of a picture fits a query: a map over the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from imagefinder._util.threads import chunked
from imagefinder.models.base import WithoutParts
from imagefinder.search.ranking import Ranking

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.index.folder import Index
    from imagefinder.index.models import View
    from imagefinder.models.base import Embedder, Mixture
    from imagefinder.search.embed import SpaceQuery
    from imagefinder.types import Float32

SIDE = 256  # pixels of a map along its longer side
HIDDEN = 7  # windows along each side that are hidden in turn, where a model does not show the parts of a picture
BATCH = 16  # pictures embedded at once
FAINT = 0.05  # standard deviations of the scores of random images: where all parts matter less, the map stays faint
CLOSE = 0.1  # of cosine: a class nearer to the words by this much counts e times as much
Loss: TypeAlias = Callable[[WithoutParts], np.ndarray]


def heat_map(views: Sequence[View], queries: Sequence[Mapping[str, SpaceQuery]], picture: Image) -> tuple[Float32, str]:
    """Which parts of an upright RGB picture make it fit what is searched for in the spaces of the views: float32 (h,
    w), 0 to 1; and how it was found, "features" or "occlusion".

    Each part is hidden in turn (Zeiler and Fergus 2014), under the mean of the last feature map, or where a model does
    not give that, under the mean colour of the picture. The map is how much lower the picture then scores, against the
    part that matters most. Scores of several spaces are standardised with those of random images and added. A part that
    the picture scores higher without is 0, as is what a model does not see of it. For how words are scored, see
    ``_lost_of_mixture``.
    """
    size = map_size(*picture.size)
    total = np.zeros(size)
    ways = set()
    for view, wanted in zip(views, queries, strict=True):
        for embedder, lost_of in _losses(view, wanted):
            found, way = _without_parts(embedder, picture)
            lost = lost_of(found).reshape(found.rows, found.columns)
            total += _spread(lost, found.box, (found.down, found.across), size) / len(views)
            ways.add(way)
    total = np.nan_to_num(total)
    return np.clip(total / max(float(total.max()), FAINT), 0, 1).astype(np.float32), max(ways, default="none")


def map_size(width: int, height: int) -> tuple[int, int]:
    """The height and width of a map over a ``width`` x ``height`` picture."""
    scale = SIDE / max(width, height)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _losses(view: View, queries: Mapping[str, SpaceQuery]) -> list[tuple[Embedder, Loss]]:
    """The models that what is searched for in a view needs, each with what the score loses by every hidden part."""
    index, whole = view.index, sum(query.weight for query in queries.values())
    by_model: dict[str, list[str]] = {}
    for space in queries:
        by_model.setdefault(index.space(space).model, []).append(space)

    def loss_in(spaces: Sequence[str]) -> Loss:
        def loss(found: WithoutParts) -> np.ndarray:
            total = np.zeros(found.rows * found.columns)
            for space in spaces:
                total += queries[space].weight / whole * _lost(index, space, queries[space], found)
            return total

        return loss

    return [(view.models.of_space(spaces[0]), loss_in(spaces)) for spaces in by_model.values()]


def _lost(index: Index, space: str, query: SpaceQuery, found: WithoutParts) -> np.ndarray:
    """How much lower the picture scores in a space without each part, in standard deviations of the scores of random
    images."""
    name = index.space(space).model_space
    scores = index.to_search(space, found.vectors[name]) @ query.vector
    lost: np.ndarray = (scores[0] - scores[1:]) / Ranking(index, {space: query}, space).background()[1]
    mixture = found.mixtures.get(name)
    return lost if mixture is None else _lost_of_mixture(index.to_search(space, mixture.vectors), mixture, query, lost)


def _lost_of_mixture(vectors: Float32, mixture: Mixture, query: SpaceQuery, lost: np.ndarray) -> np.ndarray:
    """How much less likely the picture shows what words mean without each part: the logarithm of the shares of the
    classes, ``vectors`` of unit length, each as much as it is near to what is searched for. It is as large as ``lost``.

    The cosine says less of it: it depends on all that the picture shows, also on what has nothing to do with the words.
    """
    meant = np.exp(vectors @ query.vector / CLOSE)
    likely = np.log(np.maximum(mixture.shares @ meant, 1e-30))
    less: np.ndarray = likely[0] - likely[1:]
    scaled: np.ndarray = less * (np.linalg.norm(lost) / max(float(np.linalg.norm(less)), 1e-12))
    return scaled


def _without_parts(embedder: Embedder, picture: Image) -> tuple[WithoutParts, str]:
    embed = getattr(embedder, "embed_without_parts", None)  # a program's own embedder may lack it
    found: WithoutParts | None = embed(picture) if embed else None
    return (found, "features") if found is not None else (_hidden(embedder, picture), "occlusion")


def _hidden(embedder: Embedder, picture: Image) -> WithoutParts:
    """The picture with each of its parts in turn under its mean colour, embedded one by one. The parts overlap by
    half."""
    from PIL.Image import Resampling

    small = picture.convert("RGB")
    small.thumbnail((2 * embedder.short_side,) * 2, Resampling.BICUBIC)
    mean = tuple(int(part) for part in np.asarray(small).mean(axis=(0, 1)))
    rows = [embedder.preprocess(small)]
    for i in range(HIDDEN):
        for j in range(HIDDEN):
            covered = small.copy()
            left, right = (round(n * small.width / (HIDDEN + 1)) for n in (j, j + 2))
            top, bottom = (round(n * small.height / (HIDDEN + 1)) for n in (i, i + 2))
            covered.paste(mean, (left, top, right, bottom))
            rows.append(embedder.preprocess(covered))
    parts = [embedder.embed_images(np.stack(some)) for some in chunked(rows, BATCH)]
    vectors = {space: np.concatenate([part[space] for part in parts]) for space in parts[0]}
    step = 1 / (HIDDEN + 1)
    return WithoutParts(HIDDEN, HIDDEN, (step, step), (step, step), (0, 0, 1, 1), vectors)


def _spread(
    values: np.ndarray, box: Sequence[float], places: Sequence[tuple[float, float]], size: tuple[int, int]
) -> np.ndarray:
    """The values of parts, (rows, columns), over a map of ``size``, between their middles linearly; nan outside
    ``box``. ``places`` are the middle of the first part and the step to the next, of the box, down and across."""
    left, top, right, bottom = box
    found = values
    outside = []
    for axis, (start, end) in enumerate(((top, bottom), (left, right))):
        at = ((np.arange(size[axis]) + 0.5) / size[axis] - start) / (end - start)  # of the box
        outside.append((at < 0) | (at > 1))
        first, step = places[axis]
        last = values.shape[axis] - 1
        place = np.clip((at - first) / step, 0, last)
        low = np.minimum(place.astype(int), max(last - 1, 0))
        part = np.expand_dims(place - low, 1 - axis)
        found = np.take(found, low, axis) * (1 - part) + np.take(found, np.minimum(low + 1, last), axis) * part
    return np.where(outside[0][:, None] | outside[1][None, :], np.nan, found)

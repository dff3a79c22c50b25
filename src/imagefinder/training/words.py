"""The words of a collection: a map from how its images look to what its captions say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from imagefinder.errors import InvalidInputError
from imagefinder.evaluation.retrieval import WordScores, score_words
from imagefinder.types import OnProgress, Progress, ignore
from imagefinder.vectors.moments import unit
from imagefinder.vectors.transform import LinearTransform

if TYPE_CHECKING:
    from imagefinder.types import Float32

RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0)  # in units of the mean squared length of the images' vectors
SHARES = (0.3, 0.4, 0.5, 0.6, 0.7, 1.0)  # of what is said of an image that comes from the captions
FOLDS, LEAST = 5, 20  # images with a caption
LEAST_GAIN = 0.005


@dataclass(frozen=True, slots=True)
class Captions:
    """Caption i, of the image ``images[i]`` (a row from 0), has the embedding ``texts[i]``, float32 (m, dim)."""

    images: npt.NDArray[np.intp]
    texts: Float32

    def of(self, rows: npt.NDArray[np.intp]) -> Captions:
        """Those of some images, which are counted anew from 0."""
        place = np.full(int(self.images.max()) + 1, -1)
        place[rows[rows < len(place)]] = np.flatnonzero(rows < len(place))
        kept = place[self.images] >= 0
        return Captions(place[self.images[kept]].astype(np.intp), self.texts[kept])

    def means(self, count: int) -> Float32:
        """The mean of the captions of each of ``count`` images, float32 (count, dim)."""
        sums = np.zeros((count, self.texts.shape[1]), np.float32)
        np.add.at(sums, self.images, self.texts)
        return np.asarray(sums / np.maximum(np.bincount(self.images, minlength=count), 1)[:, None], np.float32)


@dataclass(frozen=True, slots=True)
class WordMap:
    """From raw image vectors and raw text vectors to text vectors: ``share`` of them is (looks @ ``weights`` +
    ``bias``), the rest what the model gave before."""

    looks: LinearTransform
    words: LinearTransform
    weights: Float32
    bias: Float32
    share: float

    def apply(self, image: Float32, words: Float32) -> Float32:
        """float32 (n, d) and (n, dim) to float32 (n, dim), rows of unit length."""
        learned = unit(self.looks.apply(image) @ self.weights + self.bias)
        return blended(learned, self.words.apply(words), self.share)

    def graph(self) -> Any:
        """The same as an ONNX model with the inputs ``base_image`` and ``base_words`` and the output ``words``."""
        from imagefinder.training.export import Graph, add_transform

        graph = Graph({"base_image": len(self.looks.mean), "base_words": len(self.words.mean)})
        looks = add_transform(graph, "base_image", self.looks)
        learned = graph.unit(graph.dense(looks, self.weights, self.bias))
        before = add_transform(graph, "base_words", self.words)
        parts = (learned, self.share), (before, 1 - self.share)
        scaled = [graph.op("Mul", part, graph.constant(share)) for part, share in parts]
        return graph.model({"words": (graph.unit(graph.op("Add", *scaled)), len(self.bias))})


@dataclass(frozen=True, slots=True)
class Taught:
    """The result of cross-validation: a map, or None if no map is better than the model alone. The scores are means
    over folds, for images that were not trained on."""

    map: WordMap | None
    before: WordScores
    after: WordScores
    ridge: float
    candidates: tuple[dict[str, Any], ...]


def blended(learned: Float32, before: Float32, share: float) -> Float32:
    """The weighted sum of unit rows, at unit length."""
    return unit(np.float32(share) * learned + np.float32(1 - share) * before)


def ridge(rows: Float32, targets: Float32, strength: float) -> tuple[Float32, Float32]:
    """Ridge regression in closed form (Hoerl and Kennard 1970), in its dual form if there are fewer rows than columns:
    weights (d, dim) and bias (dim,). ``strength`` is in units of the mean squared length of the centred rows. The mean
    of the targets is left out, because it does not distinguish one image from another."""
    mean = rows.mean(axis=0)
    x, y = (rows - mean).astype(np.float64), (targets - targets.mean(axis=0)).astype(np.float64)
    n, d = x.shape
    penalty = strength * max(float((x * x).sum()) / n, 1e-12)
    if n < d:
        weights = x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(n), y)
    else:
        weights = np.linalg.solve(x.T @ x + penalty * np.eye(d), x.T @ y)
    return weights.astype(np.float32), np.asarray(-mean @ weights, np.float32)


def fit_words(
    image: Float32,
    words: Float32,
    captions: Captions,
    transforms: tuple[LinearTransform, LinearTransform],
    *,
    seed: int = 0,
    progress: OnProgress = ignore,
) -> Taught:
    """Learn from images with captions: raw vectors ``image``, float32 (n, d), and ``words``, float32 (n, dim), one row
    per image, and how the index searches both. The strength and share with the best mean of recall at 1, 5 and 10 over
    the folds are chosen. Raises InvalidInputError for fewer than 20 images."""
    if len(image) < LEAST:
        raise InvalidInputError(
            f"{len(image)} images have captions.", remedy=f"Give captions for {LEAST} at least; hundreds are better."
        )
    progress(Progress("choosing a strength"))
    looks, before = LinearTransform(transforms[0].mean).apply(image), transforms[1].apply(words)
    scores = _cross_validate(looks, before, captions, seed)
    untouched = scores.pop((0.0, 0.0))
    strength, share = max(scores, key=lambda key: _mean(scores[key]))
    gains = np.array([_worth(a) - _worth(b) for a, b in zip(scores[strength, share], untouched, strict=True)])
    order = sorted(scores.items(), key=lambda item: -_mean(item[1]))
    candidates = tuple({"ridge": r, "share": s, "score": round(_mean(found), 4)} for (r, s), found in order)
    if gains.mean() <= max(LEAST_GAIN, gains.std(ddof=1) / np.sqrt(len(gains))):
        return Taught(None, _pooled(untouched), _pooled(untouched), 0.0, candidates)
    progress(Progress("fitting"))
    weights, bias = ridge(looks, captions.means(len(looks)), strength)
    found = WordMap(LinearTransform(transforms[0].mean), transforms[1], weights, bias, share)
    return Taught(found, _pooled(untouched), _pooled(scores[strength, share]), strength, candidates)


def _cross_validate(
    looks: Float32, before: Float32, captions: Captions, seed: int
) -> dict[tuple[float, float], list[WordScores]]:
    """The scores of each ridge and share, a list over the folds; of the words before under (0, 0)."""
    part = np.random.default_rng(seed).permutation(np.arange(len(looks)) % FOLDS)
    scores: dict[tuple[float, float], list[WordScores]] = {}
    for i in range(FOLDS):
        train, held = np.flatnonzero(part != i), np.flatnonzero(part == i)
        means, asked = captions.of(train).means(len(train)), captions.of(held)
        scores.setdefault((0.0, 0.0), []).append(score(before[held], asked))
        for strength in RIDGES:
            weights, bias = ridge(looks[train], means, strength)
            learned = unit(looks[held] @ weights + bias)
            for share in SHARES:
                said = blended(learned, before[held], share)
                scores.setdefault((strength, share), []).append(score(unit(said - said.mean(axis=0)), asked))
    return scores


def score(images: Float32, captions: Captions) -> WordScores:
    """Scores of unit rows (n, dim), a row for each image; captions that are the same are one text with several right
    images."""
    texts, same = np.unique(captions.texts, axis=0, return_inverse=True)
    right: list[list[int]] = [[] for _ in texts]
    for text, row in zip(same.ravel().tolist(), captions.images.tolist(), strict=True):
        right[text].append(row)
    return score_words(unit(texts), images, right)


def _worth(scores: WordScores) -> float:
    return (scores.recall_at_1 + scores.recall_at_5 + scores.recall_at_10) / 3


def _mean(scores: Sequence[WordScores]) -> float:
    return float(np.mean([_worth(s) for s in scores]))


def _pooled(scores: Sequence[WordScores]) -> WordScores:
    """The mean over folds, of the counts too."""
    counts = (round(float(np.mean([getattr(s, name) for s in scores]))) for name in ("images", "texts"))
    shares = (round(float(np.mean([getattr(s, f"recall_at_{k}") for s in scores])), 4) for k in (1, 5, 10))
    return WordScores(*counts, *shares)

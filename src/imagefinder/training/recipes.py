"""Ways to learn from labelled vectors. Each gives a linear map, for some with a softmax after it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from imagefinder.vectors.moments import eigen

if TYPE_CHECKING:
    from imagefinder.types import Float32

PRINCIPAL = 256  # dimensions learned from
NEIGHBORS, DAMPING, ROUNDS = 15, 0.9, 40  # of label spreading
SPREAD_WEIGHT = 3.0  # how much all spread labels count against all given ones, before ``trust``


@dataclass(frozen=True, slots=True)
class Head:
    """rows @ ``weights`` (d, dim) + ``bias`` (dim,), then a ``softmax`` or nothing."""

    weights: Float32
    bias: Float32
    softmax: bool = False

    @property
    def dim(self) -> int:
        return int(self.weights.shape[1])

    def apply(self, rows: Float32) -> Float32:
        """float32 (n, d) to float32 (n, dim)."""
        scores = rows @ self.weights + self.bias
        return softmax(scores) if self.softmax else scores


@dataclass(frozen=True)
class Around:
    """Unit ``vectors`` (n, d) of a collection, with or without labels, and the graph of their neighbours."""

    vectors: Float32

    @cached_property
    def axes(self) -> Float32 | None:
        """The directions (d, k) in which the vectors lie, or most of them; None where there are few dimensions. What
        learns takes the cube of their number in time."""
        if self.vectors.shape[1] <= PRINCIPAL:
            return None
        _, axes = eigen((self.vectors.T @ self.vectors).astype(np.float64))
        kept = axes[:, ::-1][:, : min(PRINCIPAL, len(self.vectors))]
        return np.ascontiguousarray(kept, np.float32)

    def fit(self, name: str, rows: npt.NDArray[np.intp], targets: npt.NDArray[np.intp]) -> Head:
        """What the recipe of this name learns of the labels ``targets``, numbers from 0, that some rows have."""
        if self.axes is None:
            return RECIPES[name](Known(self, rows, targets))
        head = RECIPES[name](Known(self.reduced, rows, targets))
        return replace(head, weights=self.axes @ head.weights)

    @cached_property
    def reduced(self) -> Around:
        """The vectors by their ``axes``."""
        return self if self.axes is None else Around(self.vectors @ self.axes)

    @cached_property
    def graph(self) -> Any:
        """Neighbours by the cube of their cosine, symmetric and normalised: SciPy sparse (n, n)."""
        from scipy.sparse import csr_matrix, diags

        n, k = len(self.vectors), min(NEIGHBORS, len(self.vectors) - 1)
        cosines = self.vectors @ self.vectors.T
        np.fill_diagonal(cosines, -np.inf)
        nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        values = np.maximum(np.take_along_axis(cosines, nearest, axis=1), 0).astype(np.float64) ** 3
        graph = csr_matrix((values.ravel(), (np.repeat(np.arange(n), k), nearest.ravel())), shape=(n, n))
        graph = graph.maximum(graph.T)
        scale = diags(1 / np.sqrt(np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-12)))
        return scale @ graph @ scale


@dataclass(frozen=True, slots=True)
class Known:
    """Of the vectors ``around``, ``rows`` have the labels ``targets``, numbers from 0."""

    around: Around
    rows: npt.NDArray[np.intp]
    targets: npt.NDArray[np.intp]

    @property
    def vectors(self) -> Float32:
        return self.around.vectors

    @property
    def labelled(self) -> Float32:
        return self.vectors[self.rows]

    @property
    def classes(self) -> int:
        return int(self.targets.max()) + 1


def softmax(scores: Float32) -> Float32:
    """Rows of scores to rows of probabilities."""
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def wccn(known: Known) -> Head:
    """Within-class covariance normalisation (Hatch, Kajarekar and Stolcke 2006): directions in which images of one
    class differ count less. The covariance is shrunk as Ledoit and Wolf (2004) derive."""
    _, whiten = _within(known)
    mean = known.vectors.mean(axis=0)
    return Head(whiten, np.asarray(-mean @ whiten, np.float32))


def lda(known: Known) -> Head:
    """Linear discriminant analysis (Fisher 1936, Rao 1948) with the covariance shrunk as Ledoit and Wolf (2004)
    derive: the directions that tell the classes apart."""
    means, whiten = _within(known)
    centre = means.mean(axis=0)
    _, _, axes = np.linalg.svd((means - centre) @ whiten, full_matrices=False)
    weights = whiten @ axes[: max(1, len(means) - 1)].T
    return Head(np.asarray(weights, np.float32), np.asarray(-centre @ weights, np.float32))


def logistic(known: Known, strength: float) -> Head:
    """The class probabilities of multinomial logistic regression; ``strength`` is the inverse of its ridge."""
    return _regress(known.labelled, known.targets, None, strength)


def spread(known: Known, trust: float) -> Head:
    """Logistic regression on all images: the labels spread first over the graph of neighbours (Zhou et al. 2004,
    "Learning with Local and Global Consistency"), and count by ``trust`` and by how sure they are."""
    shares = _spread(known)
    targets = shares.argmax(axis=1)
    weights = shares.max(axis=1) ** 2
    given = np.zeros(len(targets), bool)
    given[known.rows] = True
    free = max(1, int((~given).sum()))
    weights *= trust * SPREAD_WEIGHT * len(known.rows) / free
    targets[known.rows], weights[given] = known.targets, 1.0
    return _regress(known.vectors, targets, weights, 100.0)


RECIPES: Mapping[str, Callable[[Known], Head]] = {
    "wccn": wccn,
    "lda": lda,
    "logistic-10": partial(logistic, strength=10.0),
    "logistic-100": partial(logistic, strength=100.0),
    "spread-0.1": partial(spread, trust=0.1),
    "spread-1": partial(spread, trust=1.0),
}


def _within(known: Known) -> tuple[Float32, Float32]:
    """The mean of each class there is, (k, d), and the matrix (d, d) that makes the spread within classes round."""
    from sklearn.covariance import ledoit_wolf

    there, targets = np.unique(known.targets, return_inverse=True)
    means = np.stack([known.labelled[targets == i].mean(axis=0) for i in range(len(there))])
    covariance, _ = ledoit_wolf(known.labelled - means[targets], assume_centered=True)
    values, axes = eigen(covariance)
    floor = max(float(values.max()), 1e-12) * 1e-6  # classes of one image each have no spread at all
    return means, np.asarray(axes / np.sqrt(np.maximum(values, floor)), np.float32)


def _regress(
    rows: Float32, targets: npt.NDArray[np.intp], weights: npt.NDArray[np.float64] | None, strength: float
) -> Head:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # close enough: it is judged by what it finds
        warnings.filterwarnings("ignore", "The number of unique classes")  # some labels stand at one image each
        model = LogisticRegression(C=strength, max_iter=300).fit(rows, targets, sample_weight=weights)
    coefficients, bias = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:  # one score, its sign telling the classes apart
        coefficients, bias = np.hstack([-coefficients, coefficients]) / 2, np.hstack([-bias, bias]) / 2
    return Head(np.asarray(coefficients, np.float32), np.asarray(bias, np.float32), softmax=True)


def _spread(known: Known) -> npt.NDArray[np.float64]:
    """For each vector its share in each class, float64 (n, classes), rows adding up to 1 (or 0 where none came)."""
    given = np.zeros((len(known.vectors), known.classes))
    given[known.rows, known.targets] = 1.0
    found = given
    for _ in range(ROUNDS):
        found = DAMPING * (known.around.graph @ found) + (1 - DAMPING) * given
    for axis in (1, 0, 1):  # classes weigh the same whatever the number of their labels (Zhu et al. 2003)
        found = found / np.maximum(found.sum(axis=axis, keepdims=True), 1e-12)
    return found

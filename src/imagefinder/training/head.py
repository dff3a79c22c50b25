"""A classifier's head in NumPy: one hidden layer whose direction is the feature, and a softmax of cosines above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imagefinder.errors import InvalidInputError
from imagefinder.training.recipes import softmax
from imagefinder.types import OnProgress, Progress, ignore
from imagefinder.vectors.moments import unit

if TYPE_CHECKING:
    from imagefinder.types import Float32

SCALE = 8.0  # of the cosines before the softmax: a large one lets images of a class lie far apart
SMOOTHING = 0.05  # of the labels
DROPOUT = 0.3  # of the inputs
BATCH, STEPS = 64, 20  # an epoch goes over a small set several times, for as many steps at least
RATE, DECAY = 2e-3, 1e-2  # of Adam, and of the weights (decoupled: Loshchilov and Hutter 2019)
AVERAGE = 0.99  # of the weights over steps (Polyak and Juditsky 1992), instead of a falling rate
EPOCHS, PATIENCE, USUAL = 60, 10, 30  # at most, without getting better, and where nothing can be held out


@dataclass(frozen=True, slots=True)
class Network:
    """``hidden`` (d, h), ``bias`` (h,), a ReLU, unit length; its cosines with ``classes`` (h, k), times ``scale``."""

    hidden: Float32
    bias: Float32
    classes: Float32
    scale: float = SCALE

    def features(self, rows: Float32) -> Float32:
        """float32 (n, d) to float32 (n, h), rows of unit length."""
        return unit(np.maximum(rows @ self.hidden + self.bias, 0))

    def logits(self, rows: Float32) -> Float32:
        """float32 (n, d) to float32 (n, k)."""
        return np.asarray(self.features(rows) @ self.directions * np.float32(self.scale), np.float32)

    @property
    def directions(self) -> Float32:
        """The unit vector of each class, (h, k)."""
        return unit(self.classes.T).T


def fit_network(
    rows: Float32,
    targets: npt.NDArray[np.intp],
    check: tuple[Float32, npt.NDArray[np.intp]] | None = None,
    *,
    classes: int,
    hidden: int = 64,
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: OnProgress = ignore,
    stage: str = "training",
) -> tuple[Network, int]:
    """Train on float32 (n, d) rows of about unit variance; returns the network and the epochs that made it.

    The loss is cross-entropy of scaled cosines (Wang et al. 2017, "NormFace"), the rarer classes weighing more. With
    ``check``, rows and targets that are not trained on, training stops when their loss has not fallen for
    ``PATIENCE`` epochs, and the best network is returned. Raises InvalidInputError when the loss is no number.
    """
    random = np.random.default_rng(seed)
    trainer = _Trainer(rows, targets, classes, hidden, random)
    best, found, least = 0, trainer.averaged(), np.inf
    for epoch in range(1, epochs + 1):
        trainer.epoch(random)
        progress(Progress(stage, epoch, epochs))
        network = trainer.averaged()
        loss = cross_entropy(network.logits(check[0]), check[1]) if check else -float(epoch)
        if not np.isfinite(loss) or not np.isfinite(network.hidden).all():
            raise InvalidInputError(
                "The training came to values that are no numbers.", remedy="Check the vectors it starts from."
            )
        if loss < least:
            best, found, least = epoch, network, loss
        elif epoch - best >= PATIENCE:
            break
    return found, best


class _Trainer:
    """Adam (Kingma and Ba 2015) on the network's three arrays."""

    def __init__(
        self, rows: Float32, targets: npt.NDArray[np.intp], classes: int, hidden: int, random: np.random.Generator
    ) -> None:
        self._rows, self._targets = rows, targets
        counts = np.bincount(targets, minlength=classes)
        self._weights = np.sqrt(len(targets) / classes / np.maximum(counts, 1)).astype(np.float32)
        self._truth = np.full((classes, classes), SMOOTHING / classes, np.float32)
        self._truth[np.diag_indices(classes)] += 1 - SMOOTHING
        shapes = ((rows.shape[1], hidden), (hidden, classes))
        first, last = (random.standard_normal(s, np.float32) * np.float32(np.sqrt(2 / s[0])) for s in shapes)
        self._values = [first, np.zeros(hidden, np.float32), last]
        self._means = [np.zeros_like(v) for v in self._values]
        self._squares = [np.zeros_like(v) for v in self._values]
        self._averages = [np.zeros_like(v) for v in self._values]
        self._step = 0

    def epoch(self, random: np.random.Generator) -> None:
        n = len(self._rows)
        order = np.concatenate([random.permutation(n) for _ in range(max(1, -(-STEPS * BATCH // n)))])
        for start in range(0, len(order), BATCH):
            some = order[start : start + BATCH]
            kept = random.random((len(some), self._rows.shape[1]), np.float32) >= DROPOUT
            self._update(self._gradients(self._rows[some] * kept / np.float32(1 - DROPOUT), self._targets[some]))

    def averaged(self) -> Network:
        share = np.float32(1 - AVERAGE ** max(self._step, 1))
        hidden, bias, classes = [np.asarray(a / share, np.float32) for a in self._averages]
        return Network(hidden, bias, classes)

    def _gradients(self, rows: Float32, targets: npt.NDArray[np.intp]) -> list[Float32]:
        hidden, bias, classes = self._values
        active = np.maximum(rows @ hidden + bias, 0)
        length = np.maximum(np.linalg.norm(active, axis=1, keepdims=True), 1e-6)
        feature = active / length
        norms = np.maximum(np.linalg.norm(classes, axis=0, keepdims=True), 1e-6)
        directions = classes / norms
        error = softmax(SCALE * (feature @ directions)) - self._truth[targets]
        error *= self._weights[targets][:, None] * np.float32(SCALE / len(rows))
        to_feature = error @ directions.T
        to_active = (to_feature - feature * (to_feature * feature).sum(axis=1, keepdims=True)) / length * (active > 0)
        to_directions = feature.T @ error
        to_classes = (to_directions - directions * (to_directions * directions).sum(axis=0, keepdims=True)) / norms
        return [rows.T @ to_active, to_active.sum(axis=0), to_classes]

    def _update(self, gradients: list[Float32]) -> None:
        self._step += 1
        early = (1 - 0.9**self._step, 1 - 0.999**self._step)
        for i, gradient in enumerate(gradients):
            mean, square, value = self._means[i], self._squares[i], self._values[i]
            mean += np.float32(0.1) * (gradient - mean)
            square += np.float32(0.001) * (gradient * gradient - square)
            value *= np.float32(1 - RATE * DECAY)
            value -= np.float32(RATE / early[0]) * mean / (np.sqrt(square / np.float32(early[1])) + np.float32(1e-8))
            self._averages[i] += np.float32(1 - AVERAGE) * (value - self._averages[i])


def cross_entropy(logits: Float32, targets: npt.NDArray[np.intp]) -> float:
    """The mean negative log-likelihood of the true classes."""
    shifted = (logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
    return float((np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(targets)), targets]).mean())


def best_temperature(logits: Float32, targets: npt.NDArray[np.intp]) -> float:
    """What to divide logits by so that the probabilities are right on average (Guo et al. 2017, "On Calibration of
    Modern Neural Networks"): between 0.05 and 20."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log: cross_entropy(logits / np.float32(np.exp(log)), targets),
        bounds=(np.log(0.05), np.log(20)),
        method="bounded",
    )
    return float(np.exp(found.x))


def calibration_error(probabilities: Float32, targets: npt.NDArray[np.intp], bins: int = 15) -> float:
    """Expected calibration error (Naeini et al. 2015): how far confidence is from accuracy, in ``bins`` of equal
    width, weighted by the images in each."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = (abs(confidence[places == i].sum() - right[places == i].sum()) for i in range(bins))
    return float(sum(gaps) / len(targets))

"""A classifier on stored vectors, whose hidden layer is a space to search in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from imagefinder.errors import InvalidInputError
from imagefinder.evaluation.retrieval import LabelScores, score_labels
from imagefinder.training.head import (
    EPOCHS,
    USUAL,
    Network,
    best_temperature,
    calibration_error,
    fit_network,
)
from imagefinder.training.labels import SHARE, Examples, hold_out
from imagefinder.training.recipes import softmax
from imagefinder.types import OnProgress, ignore
from imagefinder.vectors.moments import unit
from imagefinder.vectors.transform import LinearTransform

if TYPE_CHECKING:
    from imagefinder.types import Float32

MAX_HIDDEN = 4096


@dataclass(frozen=True, slots=True)
class Classifier:
    """From raw vectors to features and class probabilities: centred on ``mean``, then a ``network`` for inputs of unit
    variance. Its logits are divided by ``temperature``."""

    mean: Float32
    network: Network
    classes: tuple[str, ...]
    temperature: float = 1.0

    def features(self, raw: Float32) -> Float32:
        """Raw vectors float32 (n, d) to float32 (n, hidden), rows of unit length."""
        return self.network.features(prepared(raw, self.mean))

    def probabilities(self, raw: Float32) -> Float32:
        """Raw vectors float32 (n, d) to float32 (n, classes), rows that add up to 1."""
        return softmax(self.network.logits(prepared(raw, self.mean)) / np.float32(self.temperature))

    def graph(self) -> Any:
        """The same as an ONNX model with the input ``base_image`` and the outputs ``image`` and ``classes``."""
        from imagefinder.training.export import Graph, add_transform

        net, graph = self.network, Graph({"base_image": len(self.mean)})
        rows = add_transform(graph, "base_image", LinearTransform(self.mean))
        scale = np.float32(np.sqrt(len(self.mean)))
        feature = graph.unit(graph.op("Relu", graph.dense(rows, net.hidden * scale, net.bias)))
        logits = graph.dense(feature, net.directions * np.float32(net.scale / self.temperature))
        classes = graph.op("Softmax", logits, axis=-1)
        return graph.model({"image": (feature, net.hidden.shape[1]), "classes": (classes, len(self.classes))})


@dataclass(frozen=True, slots=True)
class Measured:
    """The measures of a classifier on ``held`` rows that it was not trained on. ``accuracy`` is the share of right
    classes, ``ece`` the expected calibration error, without and with the temperature."""

    held: npt.NDArray[np.intp]
    scores: LabelScores
    accuracy: float
    ece_uncalibrated: float
    ece: float


def prepared(raw: Float32, mean: Float32) -> Float32:
    """Raw vectors, float32 (n, d), as the network gets them: centred, and scaled to the length that gives unit
    variance."""
    return LinearTransform(mean).apply(raw) * np.float32(np.sqrt(len(mean)))


def fit_classifier(
    raw: Float32,
    examples: Examples,
    mean: Float32,
    *,
    hidden: int = 64,
    share: float = SHARE,
    seed: int = 0,
    progress: OnProgress = ignore,
) -> tuple[Classifier, Measured | None]:
    """Train on ``raw``, float32 (n, d), with a row for each of the examples. ``mean`` (d,) is that of the collection's
    unit vectors.

    A share of each class is held out to measure the result. A share of the rest decides when to stop, and calibrates
    the probabilities. Then the model is trained on all images for as many epochs. If the classes are too small for
    this, it is trained for a fixed time and not calibrated, and measured is None. Raises InvalidInputError.
    """
    if not 2 <= hidden <= MAX_HIDDEN:
        raise InvalidInputError(f"The hidden layer must have from 2 to {MAX_HIDDEN} units; got {hidden}.")
    rows, targets, classes = prepared(raw, mean), examples.targets, examples.classes

    def fit(stage: str, train: Any, check: Any, epochs: int) -> tuple[Network, int]:
        return fit_network(
            rows[train],
            targets[train],
            check,
            classes=len(classes),
            hidden=hidden,
            epochs=epochs,
            seed=seed,
            progress=progress,
            stage=stage,
        )

    split = hold_out(examples, share=share, seed=seed)
    inner = hold_out(examples.take(split.train), seed=seed + 1)
    train, check = split.train[inner.train], split.train[inner.held]
    epochs, temperature, measured = USUAL, 1.0, None
    if len(check):
        network, epochs = fit("measuring", train, (rows[check], targets[check]), EPOCHS)
        temperature = best_temperature(network.logits(rows[check]), targets[check])
    elif len(split.held):
        network, _ = fit("measuring", split.train, None, USUAL)
    if len(split.held):
        measured = _measure(network, rows, examples, split.held, temperature)
    network, _ = fit("training", np.arange(len(rows)), None, epochs)
    return Classifier(mean, network, classes, temperature), measured


def _measure(
    network: Network, rows: Float32, examples: Examples, held: npt.NDArray[np.intp], temperature: float
) -> Measured:
    features, logits, targets = network.features(rows[held]), network.logits(rows[held]), examples.targets[held]
    centred = unit(features - features.mean(axis=0))  # as the index will search them
    calibrated = softmax(logits / np.float32(temperature))
    return Measured(
        held=held,
        scores=score_labels(centred, examples.take(held).labels),
        accuracy=round(float((logits.argmax(axis=1) == targets).mean()), 4),
        ece_uncalibrated=round(calibration_error(softmax(logits), targets), 4),
        ece=round(calibration_error(calibrated, targets), 4),
    )

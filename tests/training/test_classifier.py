"""The classifier's head: its gradients, its calibration, and what it may be asked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_adapter import collection, examples

from imagefinder.errors import InvalidInputError
from imagefinder.training import head
from imagefinder.training.classifier import fit_classifier
from imagefinder.training.export import check_parity
from imagefinder.training.recipes import softmax
from imagefinder.vectors.transform import LinearTransform


def test_the_gradients_are_those_of_the_loss() -> None:
    random = np.random.default_rng(0)
    rows, targets = random.standard_normal((7, 5), np.float32), np.array([0, 1, 2, 0, 0, 1, 2])
    trainer = head._Trainer(rows, targets, 3, 4, random)
    trainer._values[1] += 0.3

    def loss() -> float:
        hidden, bias, classes = (v.astype(np.float64) for v in trainer._values)
        feature = np.maximum(rows @ hidden + bias, 0)
        feature /= np.linalg.norm(feature, axis=1, keepdims=True)
        logits = head.SCALE * feature @ (classes / np.linalg.norm(classes, axis=0))
        each = -(trainer._truth[targets] * np.log(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))).sum(
            axis=1
        )
        return float((each * trainer._weights[targets]).mean())

    for value, gradient in zip(trainer._values, trainer._gradients(rows, targets), strict=True):
        for place in list(np.ndindex(value.shape))[:12]:
            kept = value[place]
            value[place] = kept + 1e-3
            up = loss()
            value[place] = kept - 1e-3
            down = loss()
            value[place] = kept
            assert gradient[place] == pytest.approx((up - down) / 2e-3, abs=2e-3)


def test_it_learns_what_tells_the_classes_apart() -> None:
    raw, labels, base = collection(noise=0.7, count=480)
    classifier, measured = fit_classifier(raw[:360], examples(labels[:360]), base.mean, hidden=16)
    told = np.array(classifier.classes)[classifier.probabilities(raw[360:]).argmax(axis=1)]
    assert (told == np.array(labels[360:])).mean() > 0.8
    assert measured is not None and len(measured.held) == 90
    assert measured.accuracy > 0.7 and 0 <= measured.ece <= 1 and measured.scores.map_at_r > 0.5
    features = classifier.features(raw)
    assert features.shape == (480, 16)
    expected = {"image": features, "classes": classifier.probabilities(raw)}
    assert check_parity(classifier.graph(), {"base_image": raw}, expected) < 1e-5


def test_the_same_seed_gives_the_same_classifier() -> None:
    raw, labels, base = collection(noise=1.0, count=60)
    one, two = (fit_classifier(raw, examples(labels), base.mean, hidden=4, seed=5)[0] for _ in range(2))
    np.testing.assert_array_equal(one.probabilities(raw), two.probabilities(raw))
    other = fit_classifier(raw, examples(labels), base.mean, hidden=4, seed=6)[0]
    assert not np.array_equal(one.probabilities(raw), other.probabilities(raw))


def test_one_image_a_class_can_be_trained_on_but_not_measured() -> None:
    raw, labels, base = collection(noise=1.0)
    classifier, measured = fit_classifier(raw[:6], examples(labels[:6]), base.mean)
    assert measured is None and classifier.temperature == 1
    assert (classifier.probabilities(raw[:6]).argmax(axis=1) == np.arange(6)).all()


@pytest.mark.parametrize("hidden", [0, 1, 5000])
def test_a_wrong_width_is_refused(hidden: int) -> None:
    raw, labels, base = collection(noise=1.0, count=60)
    with pytest.raises(InvalidInputError, match="hidden layer"):
        fit_classifier(raw, examples(labels), base.mean, hidden=hidden)


def test_values_that_are_no_numbers_stop_the_training() -> None:
    raw, labels, base = collection(noise=1.0, count=60)
    raw[3, 4] = np.nan
    with pytest.raises(InvalidInputError, match="no numbers"), np.errstate(all="ignore"):
        fit_classifier(raw, examples(labels), LinearTransform(base.mean).mean)


logits = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).standard_normal((40, 4)) * 3)


@given(logits)
def test_the_temperature_is_the_best_of_all(values: np.ndarray) -> None:
    values = values.astype(np.float32)
    targets = np.random.default_rng(1).integers(0, 4, 40)
    targets[:25] = values[:25].argmax(axis=1)
    found = head.best_temperature(values, targets)
    least = head.cross_entropy(values / np.float32(found), targets)
    for other in np.geomspace(0.06, 18, 30):
        assert least <= head.cross_entropy(values / np.float32(other), targets) + 1e-4


@given(logits, st.integers(1, 20))
def test_the_calibration_error_is_that_of_its_definition(values: np.ndarray, bins: int) -> None:
    shares, targets = softmax(values.astype(np.float32)), np.random.default_rng(0).integers(0, 4, 40)
    expected = 0.0
    for i in range(bins):
        rows = [n for n in range(40) if i == min(int(float(shares[n].max()) * bins), bins - 1)]
        if rows:
            right = np.mean([shares[n].argmax() == targets[n] for n in rows])
            expected += len(rows) / 40 * abs(right - np.mean([shares[n].max() for n in rows]))
    assert head.calibration_error(shares, targets, bins) == pytest.approx(expected, abs=1e-5)

"""The ways to learn from labelled vectors, against scikit-learn and formulas."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from imagefinder.training.recipes import RECIPES, Around, Known, lda, logistic, spread, wccn


def blobs(per_class: int = 12, classes: int = 3, dim: int = 10, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows about random centres, and their classes."""
    random = np.random.default_rng(seed)
    targets = np.repeat(np.arange(classes), per_class)
    rows = random.standard_normal((classes, dim))[targets] + 0.7 * random.standard_normal((len(targets), dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), targets


def known(per_class: int = 12, classes: int = 3, given: int | None = None) -> Known:
    vectors, targets = blobs(per_class, classes)
    rows = np.flatnonzero(np.arange(len(targets)) % per_class < (given or per_class))
    return Known(Around(vectors), rows, targets[rows])


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_gives_the_probabilities_of_scikit_learn(classes: int) -> None:
    there = known(classes=classes)
    expected = LogisticRegression(C=10.0, max_iter=300).fit(there.labelled, there.targets)
    head = logistic(there, 10.0)
    assert head.dim == classes and head.softmax
    np.testing.assert_allclose(head.apply(there.vectors), expected.predict_proba(there.vectors), atol=1e-4)


def test_wccn_makes_the_spread_within_classes_round() -> None:
    there = known()
    rows = wccn(there).apply(there.vectors)
    means = np.stack([rows[there.targets == c].mean(axis=0) for c in range(3)])
    plain = np.stack([there.labelled[there.targets == c].mean(axis=0) for c in range(3)])
    shrunk = LedoitWolf(assume_centered=True).fit(there.labelled - plain[there.targets]).covariance_
    weights = wccn(there).weights
    np.testing.assert_allclose(weights.T @ shrunk @ weights, np.eye(10), atol=1e-3)
    within = rows - means[there.targets]
    assert np.linalg.cond(within.T @ within) < np.linalg.cond(shrunk) * 10


def test_lda_spans_the_directions_of_scikit_learn() -> None:
    there = known(per_class=400)  # where shrinking does next to nothing
    found = lda(there).apply(there.vectors)
    expected = LinearDiscriminantAnalysis(solver="eigen").fit(there.labelled, there.targets).transform(there.vectors)
    assert found.shape == (1200, 2)
    plane, mine = (a - a.mean(axis=0) for a in (expected[:, :2], found))
    fitted = plane @ np.linalg.lstsq(plane, mine, rcond=None)[0]
    assert np.linalg.norm(fitted - mine) < 0.02 * np.linalg.norm(mine)


def test_spreading_reaches_the_images_without_labels() -> None:
    there = known(per_class=40, given=2)
    _, truth = blobs(40)
    alone = logistic(there, 100.0).apply(there.vectors).argmax(axis=1)
    helped = spread(there, 1.0).apply(there.vectors).argmax(axis=1)
    assert (helped == truth).mean() > (alone == truth).mean()


def test_spreading_follows_its_formula() -> None:
    there = known(per_class=5, given=2)
    from imagefinder.training import recipes

    graph = there.around.graph.toarray()
    assert np.allclose(graph, graph.T) and not graph.diagonal().any()
    given = np.zeros((15, 3))
    given[there.rows, there.targets] = 1
    exact = (1 - recipes.DAMPING) * np.linalg.solve(np.eye(15) - recipes.DAMPING * graph, given)
    for axis in (1, 0, 1):
        exact /= exact.sum(axis=axis, keepdims=True)
    np.testing.assert_allclose(recipes._spread(there), exact, atol=0.02)  # 40 rounds of it


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_bears_one_image_a_class(name: str) -> None:
    there = known(per_class=8, given=1)
    found = RECIPES[name](there).apply(there.vectors)
    assert np.isfinite(found).all() and found.shape[0] == 24
    np.testing.assert_array_equal(found, RECIPES[name](there).apply(there.vectors))


def test_many_dimensions_are_learned_from_by_the_few_the_vectors_lie_in() -> None:
    vectors, targets = blobs(per_class=12)
    turned = np.linalg.qr(np.random.default_rng(0).standard_normal((300, 300)))[0][:10].astype(np.float32)
    few, many, rows = Around(vectors), Around(vectors @ turned), np.arange(36)
    assert many.axes is not None and many.axes.shape == (300, 36) and few.axes is None
    one, other = (around.fit("logistic-10", rows, targets) for around in (few, many))
    assert other.weights.shape == (300, 3)
    np.testing.assert_allclose(one.apply(few.vectors), other.apply(many.vectors), atol=1e-3)

"""Retrieval scores against their formulas, written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imagefinder.evaluation.retrieval as retrieval
from imagefinder.errors import InvalidInputError
from imagefinder.evaluation.retrieval import score_labels, score_words


def unit_rows(n: int, seed: int, dim: int = 8) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def by_formula(vectors: np.ndarray, labels: list[str]) -> tuple[float, float]:
    """recall@1 and MAP@R = mean over queries of 1/R sum_{i<=R} P(i) rel(i), R at most 100."""
    first, average = [], []
    for q, label in enumerate(labels):
        others = [i for i in range(len(labels)) if i != q]
        relevant = min(sum(labels[i] == label for i in others), 100)
        if relevant == 0:
            continue
        others.sort(key=lambda i: -float(vectors[q] @ vectors[i]))
        right = [labels[i] == label for i in others]
        first.append(right[0])
        average.append(sum(right[i] * sum(right[: i + 1]) / (i + 1) for i in range(relevant)) / relevant)
    return float(np.mean(first)), float(np.mean(average))


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 60), st.integers(1, 6), st.integers(0, 99))
def test_label_scores_are_their_formula(n: int, classes: int, seed: int) -> None:
    vectors = unit_rows(n, seed)
    labels = [str(c) for c in np.random.default_rng(seed).integers(classes, size=n)] + ["0", "0"]
    vectors = np.concatenate([vectors, unit_rows(2, seed + 1)])
    scores = score_labels(vectors, labels)
    recall, average = by_formula(vectors, labels)
    assert scores.recall_at_1 == pytest.approx(recall, abs=1e-4)
    assert scores.map_at_r == pytest.approx(average, abs=1e-4)


def test_classes_larger_than_the_cut() -> None:
    vectors, labels = unit_rows(260, 1), ["a"] * 150 + ["b"] * 110
    assert score_labels(vectors, labels).map_at_r == pytest.approx(by_formula(vectors, labels)[1], abs=1e-4)


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, labels = unit_rows(90, 2), [str(i % 7) for i in range(90)]
    texts, right = unit_rows(50, 3), [[i, i + 1] for i in range(50)]
    whole = score_labels(vectors, labels), score_words(texts, vectors, right)
    monkeypatch.setattr(retrieval, "BLOCK", 7)
    assert (score_labels(vectors, labels), score_words(texts, vectors, right)) == whole


def test_perfect_and_hopeless() -> None:
    pure = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0)
    scores = score_labels(pure, ["a"] * 4 + ["b"] * 4 + ["c"] * 4)
    assert (scores.recall_at_1, scores.map_at_r) == (1, 1)
    mixed = np.repeat(np.eye(2, dtype=np.float32), 2, axis=0)
    scores = score_labels(mixed, ["a", "b", "a", "b"])
    assert (scores.recall_at_1, scores.map_at_r) == (0, 0)


def test_an_image_alone_with_its_label_competes_but_does_not_ask() -> None:
    vectors = np.array([[1, 0], [0.6, 0.8], [0.96, 0.28]], np.float32)
    scores = score_labels(vectors, ["a", "a", "alone"])
    assert scores.queries == 2 and scores.recall_at_1 == 0


def test_words_by_hand() -> None:
    """Cosines of the text with the images: 1, 0.8, 0, -1."""
    images = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32)
    text = np.array([[1, 0]], np.float32)
    assert score_words(text, images, [[0]]).recall_at_1 == 1
    assert score_words(text, images, [[3, 1]]).recall_at_1 == 0  # the best right one comes second
    assert score_words(text, images, [[3, 1]]).recall_at_5 == 1


def test_several_right_images_help_only_by_the_best() -> None:
    images, texts = unit_rows(40, 5), unit_rows(30, 6)
    right = [sorted({i, (3 * i) % 40, (7 * i) % 40}) for i in range(30)]
    ranks = [
        min(sorted(range(40), key=lambda j: -float(t @ images[j])).index(r) for r in rs)
        for t, rs in zip(texts, right, strict=True)
    ]
    scores = score_words(texts, images, right)
    for k, found in ((1, scores.recall_at_1), (5, scores.recall_at_5), (10, scores.recall_at_10)):
        assert found == pytest.approx(np.mean([rank < k for rank in ranks]), abs=1e-4)


def test_images_that_all_look_the_same_are_not_found() -> None:
    same = np.tile(np.array([[1, 0]], np.float32), (20, 1))
    assert score_words(same[:1], same, [[0]]).recall_at_10 == 0


def test_wrong_calls_are_refused() -> None:
    with pytest.raises(InvalidInputError):
        score_labels(unit_rows(3, 0), ["a", "a"])
    with pytest.raises(InvalidInputError):
        score_labels(unit_rows(2, 0), ["a", "b"])
    with pytest.raises(InvalidInputError):
        score_words(unit_rows(2, 0), unit_rows(3, 1), [[0]])
    with pytest.raises(InvalidInputError):
        score_words(unit_rows(1, 0), unit_rows(3, 1), [[]])

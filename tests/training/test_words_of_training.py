"""The map from how images look to what captions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from imagefinder.errors import InvalidInputError
from imagefinder.training.export import check_parity
from imagefinder.training.words import Captions, fit_words, ridge, score
from imagefinder.vectors.moments import unit
from imagefinder.vectors.transform import LinearTransform


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 30), st.integers(1, 12), st.floats(0.01, 10), st.integers(0, 99))
def test_ridge_is_that_of_scikit_learn(n: int, d: int, strength: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, targets = random.standard_normal((n, d), np.float32), random.standard_normal((n, 2), np.float32)
    weights, bias = ridge(rows, targets, strength)
    centred = rows - rows.mean(axis=0)
    expected = Ridge(alpha=strength * float((centred**2).sum()) / n).fit(rows, targets)
    np.testing.assert_allclose(weights, expected.coef_.T, atol=1e-3)
    said = expected.predict(rows) - targets.mean(axis=0)
    np.testing.assert_allclose(rows @ weights + bias, said, atol=1e-3)


def test_captions_of_some_images() -> None:
    captions = Captions(np.array([0, 0, 2, 3]), np.arange(8, dtype=np.float32).reshape(4, 2))
    np.testing.assert_array_equal(captions.means(4), [[1, 2], [0, 0], [4, 5], [6, 7]])
    some = captions.of(np.array([2, 3]))
    np.testing.assert_array_equal(some.images, [0, 1])
    np.testing.assert_array_equal(some.texts, [[4, 5], [6, 7]])


def test_texts_that_are_the_same_have_several_right_images() -> None:
    images = np.eye(3, dtype=np.float32)
    texts = np.array([[0, 1, 0], [0, 1, 0], [0.1, 0, 1]], np.float32)
    assert score(images, Captions(np.array([0, 1, 2]), texts)).recall_at_1 == 1
    assert score(images, Captions(np.array([0, 0, 2]), texts)).recall_at_1 == 0.5


def photos(n: int, seed: int = 0, clear: float = 1.0) -> tuple[np.ndarray, np.ndarray, Captions, tuple]:  # type: ignore[type-arg]
    """Images whose captions follow from how they look, two each, and words that say little of it."""
    random = np.random.default_rng(seed)
    truth = random.standard_normal((n, 6))
    image = truth @ random.standard_normal((6, 20)) + 0.2 * random.standard_normal((n, 20)) + 2
    said = clear * truth @ random.standard_normal((6, 12))
    texts = np.repeat(said, 2, axis=0) + 0.5 * random.standard_normal((2 * n, 12))
    words = 0.3 * said + random.standard_normal((n, 12)) + 1
    image, words, texts = (a.astype(np.float32) for a in (image, words, texts))
    transforms = tuple(
        LinearTransform.fit([v], kind="center", prior_mean=np.zeros(v.shape[1], np.float32)) for v in (image, words)
    )
    return image, words, Captions(np.repeat(np.arange(n), 2), unit(texts)), transforms


def test_it_learns_what_captions_say() -> None:
    image, words, captions, transforms = photos(150)
    taught = np.arange(100)
    found = fit_words(image[:100], words[:100], captions.of(taught), transforms)
    assert found.map is not None and found.after.recall_at_10 > found.before.recall_at_10
    asked = captions.of(np.arange(100, 150))
    before = score(transforms[1].apply(words)[100:], asked)
    after = score(found.map.apply(image, words)[100:], asked)
    assert after.recall_at_5 > before.recall_at_5 + 0.1
    inputs = {"base_image": image, "base_words": words}
    assert check_parity(found.map.graph(), inputs, {"words": found.map.apply(image, words)}) < 1e-5
    again = fit_words(image[:100], words[:100], captions.of(taught), transforms)
    assert again.candidates == found.candidates


def test_captions_that_say_nothing_leave_the_words_as_they_are() -> None:
    image, words, captions, transforms = photos(60, clear=0.0)
    found = fit_words(image, words, captions, transforms)
    assert found.map is None and found.before == found.after


def test_too_few_images_are_refused() -> None:
    image, words, captions, transforms = photos(19)
    with pytest.raises(InvalidInputError, match="19 images have captions"):
        fit_words(image, words, captions, transforms)

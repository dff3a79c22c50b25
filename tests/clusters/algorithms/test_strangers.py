"""Which images are like none of those that were clustered."""

from __future__ import annotations

import numpy as np
import pytest

from imagefinder.clusters.algorithms.strangers import LEAST, Strangers, sampled

DIM = 48


def things(seed: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Images of a kind of their own: one direction, and what varies about it along four others."""
    own = np.random.default_rng(seed)
    middle, spread = own.normal(size=DIM), own.normal(size=(4, DIM))
    rows = 3 * middle + rng.normal(size=(count, 4)) @ spread + 0.3 * rng.normal(size=(count, DIM))
    return np.asarray(rows, np.float32)


def collection(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    raw = np.concatenate([things(kind, count, rng) for kind in range(5)])
    return raw, np.repeat(np.arange(5, dtype=np.int32), count)


@pytest.mark.parametrize("count", [12, 80])  # fewer images than directions, and more
def test_another_kind_is_strange_and_more_of_the_same_is_not(count: int) -> None:
    rng = np.random.default_rng(0)
    found = Strangers.learn(*collection(count, rng))
    assert found is not None
    assert (~found.strange(collection(200, rng)[0])).mean() >= 0.93
    assert found.strange(things(99, 200, rng)).mean() >= 0.95


def test_length_counts_for_nothing_and_what_is_kept_tells_the_same() -> None:
    rng = np.random.default_rng(1)
    found = Strangers.learn(*collection(60, rng))
    assert found is not None
    new = np.concatenate([collection(20, rng)[0], things(99, 50, rng)])
    again = Strangers.from_arrays(found.arrays())
    assert again is not None
    assert found.strange(new).tolist() == again.strange(new).tolist() == found.strange(7 * new).tolist()


def test_too_few_images_say_nothing_of_what_is_usual() -> None:
    raw, labels = collection(LEAST // 5 - 1, np.random.default_rng(2))
    assert Strangers.learn(raw, labels) is None
    many, _ = collection(40, np.random.default_rng(2))
    assert Strangers.learn(many, np.full(len(many), -1, np.int32)) is None, "noise is no cluster"
    assert Strangers.from_arrays({}) is None, "what an older version kept"


@pytest.mark.parametrize("raw", [np.ones((50, 6)), np.zeros((50, 6)), np.eye(50)], ids=["equal", "zero", "unlike"])
def test_odd_collections_do_no_harm(raw: np.ndarray) -> None:
    rows = raw.astype(np.float32)
    found = Strangers.learn(rows, np.arange(50, dtype=np.int32) % 3)
    assert found is not None and all(np.isfinite(part).all() for part in found.arrays().values())
    assert found.strange(rows).shape == (50,)
    if len(np.unique(rows, axis=0)) == 1:
        assert not found.strange(rows).any(), "one more of the same"


def test_a_sample_is_enough_for_many() -> None:
    rows = sampled(100_000, 300)
    assert len(np.unique(rows)) == len(rows) == 3600 and (np.diff(rows) > 0).all()
    assert sampled(40, 2).tolist() == list(range(40))

"""Centring and PCA against scikit-learn's and against their properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder.errors import IndexDamagedError, InvalidInputError, StorageError
from imagefinder.vectors.transform import PRIOR_WEIGHT, LinearTransform

RNG = np.random.default_rng(0)
DIM_IN, DIM = 24, 6


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def sample(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, DIM_IN)) * np.linspace(3, 0.2, DIM_IN) + 2).astype(np.float32)


def fit(rows: np.ndarray, *, kind: str = "pca", prior: np.ndarray | None = None, parts: int = 1) -> LinearTransform:
    mean = unit(rows).mean(axis=0).astype(np.float32) if prior is None else prior
    return LinearTransform.fit(np.array_split(rows, parts), kind=kind, prior_mean=mean, dim=DIM)  # type: ignore[arg-type]


def test_pca_is_that_of_scikit_learn() -> None:
    sklearn = pytest.importorskip("sklearn.decomposition", reason="scikit-learn is the oracle here")
    rows = sample(400)
    expected = unit(sklearn.PCA(DIM, svd_solver="full").fit_transform(unit(rows).astype(np.float64)))
    found = fit(rows).apply(rows)
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * signs, expected, atol=1e-4)


def test_pca_is_that_of_the_singular_value_decomposition() -> None:
    rows = unit(sample(400)).astype(np.float64)
    _, _, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    expected = unit((rows - rows.mean(axis=0)) @ axes[:DIM].T)
    found = fit(rows.astype(np.float32)).apply(rows.astype(np.float32))
    np.testing.assert_allclose(np.abs((found * expected).sum(axis=0)), (expected**2).sum(axis=0), rtol=1e-3)
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-4)


@pytest.mark.parametrize("kind", ["pca", "center"])
@pytest.mark.parametrize("parts", [3, 100])
def test_chunks_make_no_difference(kind: str, parts: int) -> None:
    rows = sample(300)
    whole, parted = fit(rows, kind=kind), fit(rows, kind=kind, parts=parts)
    np.testing.assert_allclose(whole.apply(rows), parted.apply(rows), atol=1e-5)


def test_the_same_rows_give_the_same_transform() -> None:
    rows = sample(300)
    np.testing.assert_array_equal(fit(rows).apply(rows), fit(rows.copy()).apply(rows))


def test_none_leaves_pictures_and_texts_their_cosines() -> None:
    """Centred pictures stand in another order: each is divided by its own distance from the mean."""
    images, texts = sample(300), sample(20, seed=1)
    none, centred = fit(images, kind="none"), fit(images, kind="center")
    cosines = unit(texts) @ unit(images).T
    np.testing.assert_allclose(none.apply(texts, centre=False) @ none.apply(images).T, cosines, atol=1e-6)
    np.testing.assert_allclose(none.apply(images), unit(images), atol=1e-6)
    order = np.argsort(centred.apply(texts, centre=False) @ centred.apply(images).T, axis=1)
    assert (order[:, -10:] != np.argsort(cosines, axis=1)[:, -10:]).any()


def test_few_images_are_only_centred_near_the_prior_mean() -> None:
    rows, prior = sample(2 * DIM - 1), RNG.normal(size=DIM_IN).astype(np.float32)
    transform = fit(rows, prior=prior)
    n = len(rows)
    expected = (n * unit(rows).mean(axis=0) + PRIOR_WEIGHT * prior) / (n + PRIOR_WEIGHT)
    assert transform.axes is None and transform.dim_out == DIM_IN
    np.testing.assert_allclose(transform.mean, expected, atol=1e-5)


def test_enough_images_are_reduced() -> None:
    assert fit(sample(2 * DIM)).dim_out == DIM


def test_no_images_leave_the_prior_mean() -> None:
    prior = RNG.normal(size=DIM_IN).astype(np.float32)
    transform = LinearTransform.fit([], kind="pca", prior_mean=prior)
    np.testing.assert_allclose(transform.mean, prior, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 60), st.sampled_from(["pca", "center"]), st.integers(0, 9))
def test_rows_come_out_at_unit_length_or_zero(n: int, kind: str, seed: int) -> None:
    """Zero rows and many equal ones among them."""
    rows = sample(n, seed)
    rows[::3] = 0
    rows[1::3] = 1
    transform = fit(rows, kind=kind, prior=np.zeros(DIM_IN, np.float32))
    found = transform.apply(rows)
    assert found.dtype == np.float32 and found.shape == (n, transform.dim_out) and np.isfinite(found).all()
    lengths = np.linalg.norm(found, axis=1)
    assert np.all(np.isclose(lengths, 1, atol=1e-4) | (lengths < 1e-4))


def test_without_centring_the_mean_stays() -> None:
    transform = LinearTransform(np.full(DIM_IN, 5, np.float32))
    rows = sample(4)
    np.testing.assert_allclose(transform.apply(rows, centre=False), unit(rows), atol=1e-5)


def test_it_comes_back_from_the_disk(tmp_path: Path) -> None:
    rows = sample(100)
    for kind in ("pca", "center"):
        transform = fit(rows, kind=kind)
        transform.save(tmp_path / "t.npz")
        np.testing.assert_array_equal(LinearTransform.load(tmp_path / "t.npz").apply(rows), transform.apply(rows))
    assert [p.name for p in tmp_path.iterdir()] == ["t.npz"]


@pytest.mark.parametrize("spoil", [lambda d: b"", lambda d: b"no zip", lambda d: d[: len(d) // 2], lambda d: d[:-1]])
def test_a_damaged_file_is_refused(tmp_path: Path, spoil: object) -> None:
    path = tmp_path / "t.npz"
    fit(sample(100)).save(path)
    path.write_bytes(spoil(path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(IndexDamagedError, match=r"t\.npz"):
        LinearTransform.load(path)


def test_a_missing_file_is_named_and_so_is_a_place_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(IndexDamagedError):
        LinearTransform.load(tmp_path / "t.npz")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="file"):
        fit(sample(9)).save(tmp_path / "file" / "t.npz")


def test_wrong_calls_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="whiten"):
        fit(sample(9), kind="whiten")
    with pytest.raises(InvalidInputError, match="shape"):
        fit(sample(9)).apply(np.zeros((2, DIM_IN + 1), np.float32))
    with pytest.raises(InvalidInputError, match="shape"):
        LinearTransform.fit([np.zeros((2, 3), np.float32)], kind="pca", prior_mean=np.zeros(DIM_IN, np.float32))

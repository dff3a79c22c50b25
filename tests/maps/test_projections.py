"""Vectors on a plane: what each method must keep, and what it does with next to nothing."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.maps import projections
from imagefinder.maps.projections import FEW, METHODS, place, project
from imagefinder.maps.scores import score_map
from imagefinder.types import Progress
from imagefinder.vectors.neighbors import knn_graph


def groups(n: int = 120, dim: int = 24, count: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows in well separated groups, float32 (n, dim), and the group of each."""
    random = np.random.default_rng(seed)
    labels = np.arange(n) % count
    rows = random.standard_normal((n, dim)) * 0.25 + 3 * np.eye(dim)[labels]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), labels


@pytest.fixture(scope="module")
def laid_out() -> dict[str, np.ndarray]:
    vectors, _ = groups()
    graph = knn_graph(vectors, 90)
    return {method: project(vectors, method, graph=graph).coordinates for method in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_neighbours_stay_neighbours(method: str, laid_out: dict[str, np.ndarray]) -> None:
    vectors, labels = groups()
    coordinates = laid_out[method]
    assert coordinates.shape == (120, 2) and coordinates.dtype == np.float32
    nearest = knn_graph(coordinates, 3).indices
    together = (labels[nearest] == labels[:, None]).mean()
    assert together > (0.6 if method == "pca" else 0.95)
    assert score_map(vectors, coordinates).trustworthiness > 0.8


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_map(method: str, laid_out: dict[str, np.ndarray]) -> None:
    np.random.seed(5)  # what others draw changes nothing
    np.testing.assert_array_equal(project(groups()[0], method).coordinates, laid_out[method])


def test_pca_is_that_of_scikit_learn() -> None:
    vectors, _ = groups(seed=3)
    ours, model = project(vectors, "pca"), PCA(2, svd_solver="full").fit(vectors)
    np.testing.assert_allclose(np.abs(ours.coordinates), np.abs(model.transform(vectors)), atol=1e-4)
    np.testing.assert_allclose(ours.parameters["variance_kept"], model.explained_variance_ratio_, atol=1e-4)
    more, _ = groups(seed=4)
    np.testing.assert_allclose(np.abs(ours.place(more, vectors)), np.abs(model.transform(more)), atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 3, FEW - 1])
def test_few_images_lie_as_pca_lays_them(method: str, n: int) -> None:
    vectors, _ = groups(n)
    done = project(vectors, method)
    assert done.method == method
    np.testing.assert_array_equal(done.coordinates, project(vectors, "pca").coordinates)
    if n == 2:  # as far from each other as they are
        apart = np.linalg.norm(np.diff(done.coordinates, axis=0))
        assert apart == pytest.approx(np.linalg.norm(vectors[0] - vectors[1]), rel=1e-3)


@pytest.mark.parametrize(("method", "kinds"), [*((method, 1) for method in METHODS), ("tsne", 3), ("umap", 3)])
def test_identical_images(method: str, kinds: int) -> None:
    vectors = np.tile(groups(kinds, dim=8)[0], (12, 1))
    coordinates = project(vectors, method).coordinates
    assert np.isfinite(coordinates).all()
    if kinds == 1:
        assert np.abs(coordinates).max() < 1e-3


@pytest.mark.parametrize("n", [FEW, 20])  # fewer than three times the perplexity
def test_a_small_map_does_not_fall_together(n: int) -> None:
    random = np.random.default_rng(n).standard_normal((n, 16)).astype(np.float32)
    vectors = random / np.linalg.norm(random, axis=1, keepdims=True)
    coordinates = project(vectors, "tsne").coordinates
    assert np.ptp(coordinates, axis=0).min() > 1
    assert len(np.unique(coordinates, axis=0)) == n


@pytest.mark.parametrize("dim", [1, 2])
def test_more_axes_than_dimensions(dim: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((30, dim)).astype(np.float32)
    assert project(vectors, "umap").coordinates.shape == (30, 2)


def test_new_images_go_among_their_like(laid_out: dict[str, np.ndarray]) -> None:
    vectors, labels = groups()
    new, expected = groups(40, seed=9)
    for method in ("tsne", "umap", "pacmap"):
        spots = place(new, vectors, laid_out[method])
        nearest = knn_graph(laid_out[method], 1, queries=spots).indices[:, 0]
        assert (labels[nearest] == expected).all(), method


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 30), m=st.integers(0, 8), seed=st.integers(0, 100))
def test_an_image_of_the_map_is_placed_on_itself(n: int, m: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors, spots = groups(n, seed=seed)[0], random.standard_normal((n, 2)).astype(np.float32)
    again = random.integers(0, n, m)
    placed = place(vectors[again], vectors, spots)
    assert placed.shape == (m, 2)
    np.testing.assert_allclose(placed, spots[again], atol=0.02)
    new = place(groups(4, seed=seed + 1)[0], vectors, spots)  # never outside of what is there
    assert (new >= spots.min(axis=0) - 1e-5).all() and (new <= spots.max(axis=0) + 1e-5).all()


def test_wrong_input() -> None:
    vectors, _ = groups()
    with pytest.raises(NotFoundError, match="Did you mean 'umap'"):
        project(vectors, "umapp")
    with pytest.raises(InvalidInputError, match="at least one"):
        project(vectors[:0], "tsne")
    with pytest.raises(InvalidInputError, match="graph"):
        project(vectors, "tsne", graph=knn_graph(vectors[:50], 10))


def test_tsne_is_there_without_opentsne(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Linux on ARM, for which it has no wheels."""
    vectors, kinds = groups(count=3)
    for name in [name for name in sys.modules if name.partition(".")[0] == "openTSNE"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    monkeypatch.setattr(projections, "find_spec", lambda name: None if name == "openTSNE" else pytest.fail(name))
    told: list[Progress] = []
    done = project(vectors, "tsne", progress=told.append)
    assert done.coordinates.shape == (120, 2) and np.isfinite(done.coordinates).all()
    means = np.stack([done.coordinates[kinds == kind].mean(axis=0) for kind in range(3)])
    own = np.linalg.norm(done.coordinates[:, None] - means, axis=2).argmin(axis=1)
    assert (own == kinds).all() and told[-1].done == told[-1].total
    assert np.array_equal(done.coordinates, project(vectors, "tsne").coordinates)

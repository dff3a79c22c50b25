"""Projects vectors to a plane: PCA, t-SNE, UMAP and PaCMAP. All use one neighbour graph, and give the same result
for the same seed."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.extras import require
from imagefinder._util.suggest import unknown_name
from imagefinder._util.threads import cores
from imagefinder.errors import InvalidInputError
from imagefinder.types import OnProgress, Progress, ignore
from imagefinder.vectors.moments import eigen
from imagefinder.vectors.neighbors import NeighborGraph, knn_graph
from imagefinder.vectors.shards import SHARD

if TYPE_CHECKING:
    from imagefinder.types import Float32

NEIGHBORS = 90  # of the graph: three times t-SNE's perplexity, and enough for the others
FEW_NEIGHBORS, MANY = 30, 200_000  # fewer where there are so many images; t-SNE's perplexity is then 10
PERPLEXITY = 30
EARLY, LATE = 125, 250  # iterations with exaggeration and without
EXAGGERATE_FROM = 1000  # images; fewer are drawn together so strongly that they never come apart again
FFT_FROM = 2000  # images; below, the Barnes-Hut tree is as quick and more exact
FEW = 10  # images: fewer have no neighbourhoods worth the name, and PCA lays them out exactly enough
SAME = 1e-6  # vectors that differ less than this in every direction are one and the same
PLACE_NEIGHBORS = 10
TELL_EVERY = 25  # iterations


@dataclass(frozen=True, slots=True)
class Projection:
    """The position of each vector on the plane: ``coordinates``, float32 (n, 2), in the order of the vectors.

    ``parameters`` are JSON values. ``arrays`` are needed, with the coordinates, to add further vectors: for PCA the
    ``mean``, float32 (dim,), and the ``axes``, float32 (dim, 2).
    """

    method: str
    coordinates: Float32 = field(repr=False)
    parameters: Mapping[str, Any]
    arrays: Mapping[str, Float32] = field(default_factory=dict, repr=False)

    def place(self, new: Float32, vectors: Float32) -> Float32:
        """The positions of ``new`` vectors, float32 (m, dim), as float32 (m, 2).

        ``vectors``, float32 (n, dim), are those of the map. PCA is linear, so new vectors are projected like the
        others; on the other maps they are placed among their nearest neighbours.
        """
        if "axes" in self.arrays:
            return np.asarray((new - self.arrays["mean"]) @ self.arrays["axes"], dtype=np.float32)
        return place(new, vectors, self.coordinates)


def project(
    vectors: Float32,
    method: str,
    *,
    seed: int = 0,
    graph: NeighborGraph | None = None,
    progress: OnProgress = ignore,
) -> Projection:
    """Project ``vectors``, float32 (n, dim), to a plane by one of ``METHODS``.

    ``graph`` is their neighbour graph, if it exists already, best with ``NEIGHBORS`` neighbours. The same vectors and
    seed give the same coordinates on the same machine. PCA is used, whatever the method, for fewer than ``FEW`` images,
    for images that are all the same, and for vectors of two dimensions; the parameters then say so. ``progress`` is
    called with the progress of t-SNE and UMAP only, because PaCMAP doesn't report any.

    Raises:
        NotFoundError: there is no such method.
        MissingExtraError: its package is not installed.
        InvalidInputError: there is no vector, or the graph belongs to other vectors.
    """
    check_method(method)
    if vectors.ndim != 2 or not len(vectors):
        raise InvalidInputError(f"A map needs vectors of the shape (n, dim), at least one; got {vectors.shape}.")
    if graph is not None and len(graph) != len(vectors):
        raise InvalidInputError(f"The graph is of {len(graph)} vectors, not of these {len(vectors)}.")
    linear = _pca(vectors)
    if method == "pca":
        return linear
    if len(vectors) < FEW or vectors.shape[1] < 3 or np.ptp(vectors, axis=0).max() < SAME:
        return Projection(method, linear.coordinates, {"laid_out_by": "pca"}, linear.arrays)
    graph = graph or knn_graph(vectors, neighbors_for(len(vectors)))
    with _quiet():
        coordinates, parameters = METHODS[method](vectors, graph, linear.coordinates, seed, progress)
    told = {"graph_recall": round(graph.recall, 3)} if graph.recall < 1 else {}
    return Projection(method, np.asarray(coordinates, dtype=np.float32), {**parameters, **told, "seed": seed})


def neighbors_for(n: int) -> int:
    """How many neighbours the graph of ``n`` images should have."""
    return NEIGHBORS if n <= MANY else FEW_NEIGHBORS


def check_method(method: str) -> None:
    """Raises NotFoundError where there is no such method, MissingExtraError where its package is not installed."""
    if method not in METHODS:
        raise unknown_name("method", method, tuple(METHODS))
    if method in NEEDS_EXTRA:
        require("maps", NEEDS_EXTRA[method], what=f"The map method {method!r}")


def place(new: Float32, vectors: Float32, coordinates: Float32) -> Float32:
    """Place ``new`` vectors, float32 (m, dim), on the map of ``vectors`` (n, dim) at ``coordinates`` (n, 2).

    For each new image, the weighted medoid of its nearest neighbours on the map is found, and the image is placed at
    the mean of the half of them nearest to this medoid. The mean of all neighbours could lie in the empty space between
    two clusters. An image that is already on the map gets its own position. This works for every method and needs no
    model.
    """
    if not len(new):
        return np.zeros((0, 2), np.float32)
    graph = knn_graph(vectors, PLACE_NEIGHBORS, queries=new)
    weights = 1 / (graph.distances.astype(np.float64) ** 2 + SAME)
    spots = coordinates[graph.indices].astype(np.float64)
    apart = np.linalg.norm(spots[:, :, None] - spots[:, None], axis=3)
    medoid = np.argmin(np.einsum("mij,mj->mi", apart, weights), axis=1)
    from_medoid = apart[np.arange(len(new)), medoid]
    order = np.argsort(from_medoid, axis=1, kind="stable")
    np.put_along_axis(weights, order[:, (graph.k + 1) // 2 :], 0, axis=1)
    return np.asarray(np.einsum("mi,mid->md", weights, spots) / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def _pca(vectors: Float32) -> Projection:
    """The two directions of most variance (Pearson 1901), by the eigenvectors of the covariance."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    spread = np.zeros((vectors.shape[1], vectors.shape[1]))
    for a in range(0, len(vectors), SHARD):
        rows = vectors[a : a + SHARD] - mean
        spread += rows.T @ rows
    values, axes = eigen(spread)
    axes = np.pad(axes[:, ::-1][:, :2], ((0, 0), (0, max(0, 2 - axes.shape[1]))))
    signs = np.where(axes[np.abs(axes).argmax(axis=0), [0, 1]] < 0, -1, 1)
    total = float(values.sum())
    kept = [round(max(0.0, float(v)) / total, 4) if total > 0 else 0.0 for v in values[::-1][:2]]
    axes = (axes * signs).astype(np.float32)
    centre = mean.astype(np.float32)
    spots = [(vectors[a : a + SHARD] - centre) @ axes for a in range(0, len(vectors), SHARD)]
    return Projection("pca", np.concatenate(spots), {"variance_kept": kept}, {"mean": centre, "axes": axes})


def _tsne(
    vectors: Float32, graph: NeighborGraph, start: Float32, seed: int, progress: OnProgress
) -> tuple[Any, dict[str, Any]]:
    """t-SNE (van der Maaten and Hinton 2008) with interpolation (Linderman et al. 2019), computed by openTSNE.

    It starts from PCA, to keep the large structure (Kobak and Berens 2019). With a learning rate of n / exaggeration,
    half of the usual 750 iterations are enough (Belkina et al. 2019; with 22,914 images, 375 iterations give the
    trustworthiness of 750 within 0.002).
    """
    from openTSNE import TSNEEmbedding
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    graph = graph.first(min(graph.k, NEIGHBORS))
    perplexity = min(PERPLEXITY, graph.k / 3)
    known = PrecomputedNeighbors(graph.indices.astype(np.int64), graph.distances.astype(np.float64))
    threads = cores() if len(vectors) >= FFT_FROM else 1  # of few images threads cost more than they bring
    affinities = PerplexityBasedNN(knn_index=known, perplexity=perplexity, n_jobs=threads)
    embedding = TSNEEmbedding(
        _spread(start, 1e-4),
        affinities,
        negative_gradient_method="fft" if len(vectors) >= FFT_FROM else "bh",
        n_jobs=threads,
        random_state=seed,
    )
    progress(Progress("laying out", 0, EARLY + LATE))
    early = 12 if len(vectors) >= EXAGGERATE_FROM else 1
    for before, iterations, exaggeration, momentum in ((0, EARLY, early, 0.5), (EARLY, LATE, 1, 0.8)):

        def heard(done: int, error: float, now: Any, before: int = before) -> None:
            progress(Progress("laying out", before + done, EARLY + LATE))

        embedding = embedding.optimize(
            iterations,
            exaggeration=exaggeration,
            momentum=momentum,
            learning_rate=len(vectors) / exaggeration,
            callbacks=heard,
            callbacks_every_iters=TELL_EVERY,
        )
    return np.asarray(embedding), {"perplexity": round(perplexity, 2), "iterations": EARLY + LATE}


def _tsne_of_scikit_learn(
    vectors: Float32, graph: NeighborGraph, start: Float32, seed: int, progress: OnProgress
) -> tuple[Any, dict[str, Any]]:
    """The same where openTSNE is not: it has no wheels for Linux on ARM. It looks for the neighbours by itself, and has
    no interpolation, so that many images take longer."""
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, graph.k / 3)
    progress(Progress("laying out", 0, EARLY + LATE))
    model = TSNE(
        perplexity=perplexity,
        early_exaggeration=12.0 if len(vectors) >= EXAGGERATE_FROM else 1.0,
        max_iter=max(EARLY + LATE, 250),  # the least that it takes
        init=_spread(start, 1e-4).astype(np.float32),
        metric="cosine",
        random_state=seed,
        n_jobs=cores(),
    )
    found = model.fit_transform(vectors)
    progress(Progress("laying out", EARLY + LATE, EARLY + LATE))
    return np.asarray(found, np.float64), {"perplexity": round(perplexity, 2), "iterations": int(model.n_iter_) + 1}


def _umap(
    vectors: Float32, graph: NeighborGraph, start: Float32, seed: int, progress: OnProgress
) -> tuple[Any, dict[str, Any]]:
    """UMAP (McInnes et al. 2018) of 15 neighbours, started from PCA (Kobak and Linderman 2021)."""
    from umap import UMAP

    graph = graph.first(min(graph.k, 14))
    itself = np.arange(len(graph), dtype=np.int32)[:, None]
    indices = np.hstack([itself, graph.indices])
    distances = np.hstack([np.zeros_like(itself, np.float32), graph.distances])
    model = UMAP(
        n_neighbors=graph.k + 1,
        min_dist=0.1,
        init=_spread(start, 1.0).astype(np.float32),
        precomputed_knn=(indices, distances, None),
        force_approximation_algorithm=True,  # else the graph is thrown away below 4,096 images
        random_state=seed,
        n_jobs=1,
        tqdm_kwds={"disable": False, "file": _Heard(progress), "bar_format": "{n}/{total}", "mininterval": 0.5},
    )
    return model.fit_transform(vectors), {"neighbors": graph.k + 1, "min_dist": 0.1}


class _Heard(io.TextIOBase):
    """Tells of the epochs that UMAP's progress bar writes as "12/200"."""

    def __init__(self, progress: OnProgress) -> None:
        self._progress = progress

    def write(self, text: str) -> int:
        if found := re.search(r"(\d+)/(\d+)", text):
            self._progress(Progress("laying out", int(found[1]), int(found[2])))
        return len(text)


def _pacmap(
    vectors: Float32, graph: NeighborGraph, start: Float32, seed: int, progress: OnProgress
) -> tuple[Any, dict[str, Any]]:
    """PaCMAP (Wang et al. 2021), with pairs from the graph, chosen by scaled distances (section 5 of the paper)."""
    from pacmap import PaCMAP

    n = len(vectors)
    wanted = 10 if n < 10_000 else round(10 + 15 * (np.log10(n) - 4))
    near = min(wanted, graph.k, max(1, n // 4))  # near, mid-near and far pairs must all find others
    scale = np.maximum(graph.distances[:, 3:6].mean(axis=1), 1e-10)
    scaled = graph.distances**2 / (scale[:, None] * scale[graph.indices])
    best = np.argsort(scaled[:, : near + 50], axis=1, kind="stable")[:, :near]
    others = np.take_along_axis(graph.indices, best, axis=1)
    pairs = np.stack([np.repeat(np.arange(n), near), others.ravel()], axis=1).astype(np.int32)
    model = PaCMAP(n_neighbors=near, pair_neighbors=pairs, random_state=seed, apply_pca=False)
    return model.fit_transform(vectors, init=_spread(start, 1.0)), {"neighbors": near}


def _spread(start: Float32, deviation: float) -> Any:
    """Start positions, float64 (n, 2), from PCA. The first axis has the given standard deviation."""
    return start.astype(np.float64) * (deviation / max(float(start[:, 0].std()), 1e-12))


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the warnings and log lines of the libraries about threads and seeds. ImageFinder reports what matters to
    users."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


Layout = Callable[["Float32", NeighborGraph, "Float32", int, OnProgress], tuple[Any, dict[str, Any]]]
METHODS: dict[str, Layout] = {
    "pca": lambda vectors, graph, start, seed, progress: (start, {}),
    "tsne": lambda *given: (_tsne if find_spec("openTSNE") else _tsne_of_scikit_learn)(*given),
    "umap": _umap,
    "pacmap": _pacmap,
}
NEEDS_EXTRA = {"umap": "umap", "pacmap": "pacmap"}  # a method, and its module of the extra ``maps``

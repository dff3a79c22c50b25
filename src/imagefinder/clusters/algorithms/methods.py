"""The methods of clustering: ``METHODS`` is the one table that the library, the command line, the server, its page and
the documentation read. A further method is a row of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imagefinder._util.suggest import unknown_name
from imagefinder.clusters.algorithms import NEIGHBORS
from imagefinder.clusters.algorithms.kmeans import kmeans
from imagefinder.errors import InvalidInputError
from imagefinder.vectors.shards import Shards

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from imagefinder.types import Float32
    from imagefinder.vectors.neighbors import NeighborGraph

    Labels = npt.NDArray[np.int32]

NOISE = -1
BATCH = 1024  # rows a mini-batch step looks at
WIDE = 50  # neighbours for the methods that measure density
DEFAULT = "leiden"


@dataclass(frozen=True, slots=True)
class Task:
    """What to cluster and how. ``vectors`` float32 (n, dim), or shards of them; ``graph`` holds the neighbours of the
    same rows, for the methods that need it. ``settings`` are the method's own: see its row in ``METHODS``."""

    vectors: Float32 | Shards
    graph: NeighborGraph | None
    n_clusters: int | None = None
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)

    def held(self) -> Float32:
        """All of the vectors in this process, for a method that needs them so."""
        return Shards.of(self.vectors).all()

    def neighbors(self) -> NeighborGraph:
        """The graph. Raises InvalidInputError when there is none."""
        if self.graph is None:
            raise InvalidInputError("This method needs the neighbour graph of the vectors.")
        return self.graph


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a method: a number of this ``kind``, at ``least`` so much. ``help`` says what it does, and what
    holds where it is left out."""

    kind: type[int] | type[float]
    help: str
    least: int | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind.__name__, "help": self.help, "least": self.least}


@dataclass(frozen=True, slots=True)
class Method:
    """A method of clustering: its name for people (``title``), what it does (``summary``), and the function that runs
    it. ``run`` gives labels int32 (n,) in any numbering, -1 for noise, and the parameters it ended up with.

    ``counts``: it makes as many clusters as it is told to. ``needs_count``: it must be told. ``noise``: it leaves out
    images that fit nowhere. ``neighbors``: how many neighbours of each image the graph must hold, 0 for no graph.
    """

    run: Callable[[Task], tuple[Labels, dict[str, Any]]]
    title: str
    summary: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    counts: bool = True
    needs_count: bool = True
    noise: bool = False
    neighbors: int = 0

    def graph_size(self, n_clusters: int | None) -> int:
        """How many neighbours the graph must hold to find ``n_clusters``, or to find their number too (None)."""
        return self.neighbors or (NEIGHBORS if self.needs_count and n_clusters is None else 0)

    def to_dict(self) -> dict[str, Any]:
        """The facts of the row, as JSON values."""
        facts = {name: getattr(self, name) for name in ("title", "summary", "counts", "needs_count", "noise")}
        return {**facts, "settings": {name: setting.to_dict() for name, setting in self.settings.items()}}


def find_method(name: str) -> Method:
    """The row of that name. Raises NotFoundError."""
    if name not in METHODS:
        raise unknown_name("clustering method", name, list(METHODS))
    return METHODS[name]


def settings_of_all() -> dict[str, tuple[Setting, list[str]]]:
    """Every setting, and the names of the methods that have it."""
    found: dict[str, tuple[Setting, list[str]]] = {}
    for method, row in METHODS.items():
        for name, setting in row.settings.items():
            found.setdefault(name, (setting, []))[1].append(method)
    return found


def _kmeans(task: Task) -> tuple[Labels, dict[str, Any]]:
    n_init = task.settings.get("n_init", 3)
    found = kmeans(task.vectors, task.n_clusters or 1, n_init=n_init, seed=task.seed)
    return found.labels, {"n_init": n_init, "iterations": found.iterations}


def _minibatch(task: Task) -> tuple[Labels, dict[str, Any]]:
    """Sculley 2010: k-means on random batches."""
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(
        task.n_clusters, n_init=task.settings.get("n_init", 3), batch_size=BATCH, random_state=task.seed
    ).fit(task.held())
    return model.labels_, {"n_init": task.settings.get("n_init", 3), "iterations": model.n_iter_}


def _agglomerative(task: Task) -> tuple[Labels, dict[str, Any]]:
    """Ward 1963, joining only what the neighbour graph connects, so that memory grows with n, not n squared."""
    from sklearn.cluster import AgglomerativeClustering

    links = task.neighbors().first(NEIGHBORS).to_sparse()
    links.data[:] = 1  # a distance of 0 would be no link
    model = AgglomerativeClustering(task.n_clusters, linkage="ward", connectivity=links.maximum(links.T))
    return model.fit_predict(task.held()), {"linkage": "ward"}


def _leiden(task: Task) -> tuple[Labels, dict[str, Any]]:
    from imagefinder.clusters.algorithms import leiden

    resolution = task.settings.get("resolution")
    if task.n_clusters is None or resolution is not None:
        labels = leiden.leiden(task.neighbors(), resolution=resolution or 1.0, seed=task.seed)
        return labels, {"resolution": resolution or 1.0}
    return leiden.with_count(task.neighbors(), task.held(), task.n_clusters, seed=task.seed)


def _hdbscan(task: Task) -> tuple[Labels, dict[str, Any]]:
    from imagefinder.clusters.algorithms import density

    return density.hdbscan(task.neighbors(), **task.settings)


def _dbscan(task: Task) -> tuple[Labels, dict[str, Any]]:
    from imagefinder.clusters.algorithms import density

    return density.dbscan(task.neighbors(), **task.settings)


N_INIT = Setting(int, "number of starts.  [default: 3]", least=1)
MIN_SAMPLES = Setting(int, "neighbours of a dense point.  [default: 5]", least=1)

METHODS = {
    "leiden": Method(
        _leiden,
        "Leiden",
        "Communities of the neighbour graph; good for most collections.",
        {"resolution": Setting(float, "above 1 gives more clusters, below fewer.")},
        needs_count=False,
        neighbors=NEIGHBORS,
    ),
    "kmeans": Method(_kmeans, "k-means", "Images around a centre, in parts of similar size.", {"n_init": N_INIT}),
    "minibatch": Method(
        _minibatch,
        "k-means, quick",
        "As k-means, faster and a little rougher, for very many images.",
        {"n_init": N_INIT},
    ),
    "agglomerative": Method(
        _agglomerative,
        "Agglomerative",
        "Merges what is nearest, step by step (Ward); good for fine differences.",
        neighbors=NEIGHBORS,
    ),
    "hdbscan": Method(
        _hdbscan,
        "HDBSCAN",
        "Dense regions of any density; leaves out what fits nowhere, and finds the number itself.",
        {
            "min_samples": MIN_SAMPLES,
            "min_cluster_size": Setting(int, "smallest size.  [default: 1/200, at least 5]", least=2),
        },
        counts=False,
        needs_count=False,
        noise=True,
        neighbors=WIDE,
    ),
    "dbscan": Method(
        _dbscan,
        "DBSCAN",
        "Dense regions of one density; leaves out what fits nowhere, and finds the number itself.",
        {
            "min_samples": MIN_SAMPLES,
            "eps": Setting(float, "largest distance of neighbours.  [default: from the data]"),
        },
        counts=False,
        needs_count=False,
        noise=True,
        neighbors=WIDE,
    ),
}

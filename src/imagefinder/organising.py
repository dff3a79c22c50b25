"""What ``ImageFinder`` does with a whole collection: groups, measures, and what stands out."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from imagefinder.index.collection import cores

if TYPE_CHECKING:
    from imagefinder.clusters.algorithms.choose_k import Choice
    from imagefinder.clusters.clustering import Clustering
    from imagefinder.clusters.view import Clusters
    from imagefinder.duplicates.find import Options
    from imagefinder.duplicates.find import Progress as DuplicateProgress
    from imagefinder.duplicates.report import DuplicateReport
    from imagefinder.duplicates.review import Copies
    from imagefinder.index.folder import Index
    from imagefinder.index.models import View
    from imagefinder.maps.maps import Map
    from imagefinder.quality.measure import Outlier, QualityReport
    from imagefinder.results import Records
    from imagefinder.store.filters.parse import FilterLike
    from imagefinder.types import Float32, Limits, Record
    from imagefinder.vectors.variance import PcaReport


class Organising(ABC):
    """The methods of ``ImageFinder`` that look at all images at once."""

    _index: Index
    _limits: Limits

    @property
    @abstractmethod
    def _view(self) -> View: ...
    @abstractmethod
    def records(self, filter: FilterLike = None) -> Records: ...
    @abstractmethod
    def get(self, image: str | os.PathLike[str]) -> Record: ...
    @abstractmethod
    def vectors(self, space: str | None = None, *, raw: bool = False) -> tuple[list[str], Float32]: ...
    @abstractmethod
    def _ready(self) -> None: ...
    @abstractmethod
    def _resolve(self, image: str) -> str: ...

    def cluster(
        self, n_clusters: int | None = None, *, progress: Callable[[str], None] | None = None, **options: Any
    ) -> Clustering:
        """Cluster all images; None lets the data decide how many. The options are those of ``ClusterOptions``: method
        ("leiden", "kmeans", "minibatch", "agglomerative", "hdbscan", "dbscan"), features, scale, seed and so on.

        The records get ``cluster`` and ``cluster_name``, for filters. Corrections of earlier clusters are kept.
        """
        from imagefinder.clusters.make import ClusterOptions, cluster_index

        self._ready()
        wanted = ClusterOptions(n_clusters=n_clusters, **options)
        with self._index.grouping:  # a correction made meanwhile would be lost
            return cluster_index(self._index, self._view, wanted, progress or (lambda stage: None))

    def choose_k(
        self, max_k: int = 100, *, progress: Callable[[int, int], None] | None = None, **options: Any
    ) -> Choice:
        """Measure k-means for 2 to ``max_k`` clusters and suggest a number; changes nothing."""
        from imagefinder.clusters.make import ClusterOptions, choose_for

        self._ready()
        return choose_for(self._index, self._view, ClusterOptions(**options), max_k, progress)

    @property
    def clusters(self) -> Clusters:
        """The clusters in force, and what can be done with them."""
        from imagefinder.clusters.view import Clusters

        return Clusters(self._index, lambda: self._view, self._resolve, self.records)

    def map(self, method: str | None = None, *, progress: Callable[[str], None] | None = None, **options: Any) -> Map:
        """A map of the images, kept with the index: see ``maps.maps.open_map``."""
        from imagefinder.maps.maps import open_map

        self._ready()
        return open_map(self._index, self._view.image, method, progress=progress, **options)

    def pca_report(self) -> PcaReport:
        """How much of the differences between the images how many dimensions keep."""
        from imagefinder.maps.maps import report_variance

        return report_variance(self._index, self._view.image)

    def duplicates(
        self, options: Options | None = None, *, progress: DuplicateProgress | None = None
    ) -> DuplicateReport:
        """Groups of duplicates, with evidence and which to keep; see ``duplicates.find``."""
        from imagefinder.duplicates.find import find_duplicates

        self._ready()
        return find_duplicates(self._index, self._view.image, limits=self._limits, options=options, progress=progress)

    @property
    def copies(self) -> Copies:
        """The duplicates found last, and what is decided about them."""
        from imagefinder.duplicates.review import Copies

        return Copies(self._index, self.get)

    def maps(self) -> list[Map]:
        """The maps that are kept, the oldest first."""
        from imagefinder.maps.maps import kept_maps

        return kept_maps(self._index)

    def kept_map(self, name: str | None = None) -> Map:
        """A map that is kept, by its name, or the latest. Raises NotFoundError."""
        from imagefinder.maps.maps import kept_map

        return kept_map(self._index, name)

    def outliers(self, k: int = 20, *, progress: Callable[[str], None] | None = None) -> list[Outlier]:
        """The ``k`` images most unlike all others; every record gets its score as ``outlier``, for filters."""
        from imagefinder.quality.measure import find_outliers

        tell = progress or (lambda stage: None)
        tell("reading vectors")
        ids, vectors = self.vectors()
        return find_outliers(self._index, ids, vectors, k, tell)

    def quality(self, *, again: bool = False, progress: Callable[[int, int], None] | None = None) -> QualityReport:
        """Judge the pictures not judged yet, or all ``again``: the records get ``blur``, ``brightness``, ``contrast``,
        ``aspect`` and ``issues``, for filters."""
        from imagefinder.quality.measure import measure_quality

        return measure_quality(self._index, self._limits, again=again, workers=cores(), progress=progress)

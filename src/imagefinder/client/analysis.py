"""What ``Client`` does with a whole collection: jobs on the server that are waited for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.client.clusters import Clustering, Clusters
from imagefinder.client.duplicates import Copies
from imagefinder.client.jobs import Job, JobProgress, Jobs
from imagefinder.client.maps import Map
from imagefinder.client.responses import choice_of, duplicates_of, outlier_of, quality_of, report_of

if TYPE_CHECKING:
    from imagefinder.client.transport import Transport
    from imagefinder.clusters.algorithms.choose_k import Choice
    from imagefinder.duplicates.report import DuplicateReport
    from imagefinder.quality.measure import Outlier, QualityReport
    from imagefinder.results import IngestReport, Records
    from imagefinder.store.filters.parse import FilterLike


class Organising(ABC):
    """Each method with a ``progress`` starts a job, tells ``progress`` a ``Job`` whenever it has moved on, and returns
    at its end. Raises what the job failed of."""

    _transport: Transport
    _jobs: Jobs

    @abstractmethod
    def records(self, filter: FilterLike = None) -> Records: ...
    @abstractmethod
    def _ids(self, images: Sequence[str]) -> Sequence[str]: ...

    def add_folder(self, *folders: str, progress: JobProgress | None = None, **options: Any) -> IngestReport:
        """Index folders, tables and URLs as the server's machine names them; without any, go over those that are
        known. The options: ``include``, ``exclude``, ``force``, ``allow_empty``, and ``cluster`` to cluster when that
        was never done. The server may refuse folders that it was not started with."""
        job = self._jobs.run("index", {"sources": [str(f) for f in folders], **options}, progress)
        return report_of(job.result, self._jobs.skipped(job))

    def cluster(
        self, n_clusters: int | None = None, *, progress: JobProgress | None = None, **options: Any
    ) -> Clustering:
        """Cluster all images; None lets the data decide how many. The options: ``method``, ``features``, ``scale``,
        ``seed``, ``fresh``."""
        self._jobs.run("cluster", {"n_clusters": n_clusters, **options}, progress)
        return self.clusters.clustering

    def choose_k(self, max_k: int = 100, *, progress: JobProgress | None = None) -> Choice:
        """Measure k-means for 2 to ``max_k`` clusters and suggest a number; changes nothing."""
        return choice_of(self._jobs.run("choose-k", {"max_k": max_k}, progress).result)

    @property
    def clusters(self) -> Clusters:
        """The clusters in force, and what can be done with them."""
        return Clusters(self._transport, self._ids, self.records)

    def map(self, method: str | None = None, *, progress: JobProgress | None = None, **options: Any) -> Map:
        """Make a map of the images, kept with the index. The options: ``seed``, ``filter``, ``update``."""
        job = self._jobs.run("map", {"method": method, **options}, progress)
        return Map(self._transport, job.result)

    def maps(self) -> list[Map]:
        """The maps that are kept, the oldest first."""
        return [Map(self._transport, row) for row in reversed(self._transport.json("GET", "/v1/maps")["maps"])]

    def duplicates(self, *, progress: JobProgress | None = None, **options: Any) -> DuplicateReport:
        """Groups of copies of one picture, with evidence and which to keep. The options: ``tier``, ``similar`` (the
        least cosine of that tier) and ``keep`` (names of rules, the weightiest first)."""
        self._jobs.run("duplicates", options, progress)
        return duplicates_of(self.copies.latest())

    @property
    def copies(self) -> Copies:
        """The duplicates found last, and what is decided about them."""
        return Copies(self._transport, self._ids, self._jobs)

    def outliers(self, k: int = 20, *, progress: JobProgress | None = None) -> list[Outlier]:
        """The ``k`` images most unlike all others; every record gets its score as ``outlier``, for filters."""
        result = self._jobs.run("outliers", {"k": k}, progress).result
        return [outlier_of(row) for row in result["outliers"]]

    def quality(self, *, again: bool = False, progress: JobProgress | None = None) -> QualityReport:
        """Judge the pictures not judged yet, or all ``again``: the records get ``blur``, ``issues`` and so on."""
        job = self._jobs.run("quality", {"again": again}, progress)
        return quality_of(job.result, self._jobs.skipped(job))

    # --- jobs -----------------------------------------------------------------------------------------------------

    def job(self, id: str) -> Job:
        """One job, with its result when it has ended. Raises NotFoundError."""
        return self._jobs.get(id)

    def jobs(self, kind: str | None = None, state: str | None = None) -> list[Job]:
        """The jobs there are and were, the newest first, without their results."""
        return self._jobs.list(kind, state)

    def wait(self, id: str, progress: JobProgress | None = None) -> Job:
        """Wait for the end of a job. Raises what it failed of."""
        return self._jobs.wait(id, progress)

    def cancel(self, id: str) -> Job:
        """Stop a job at its next step. What it has stored by then stays."""
        return self._jobs.cancel(id)

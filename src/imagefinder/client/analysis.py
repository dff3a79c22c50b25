"""What ``Client`` does with a whole collection: jobs on the server that are waited for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.client.catalog import Catalog
from imagefinder.client.clusters import Clustering, Clusters
from imagefinder.client.connection import filter_text
from imagefinder.client.duplicates import Copies
from imagefinder.client.jobs import Job, JobProgress
from imagefinder.client.maps import SCORE_BYTES, Map
from imagefinder.client.queries import parts_of
from imagefinder.client.responses import (
    choice_of,
    duplicates_of,
    outlier_of,
    quality_of,
    read_of,
    report_of,
    variance_of,
)

if TYPE_CHECKING:
    from imagefinder.clusters.algorithms.choose_k import Choice
    from imagefinder.duplicates.find import Options
    from imagefinder.duplicates.report import DuplicateReport
    from imagefinder.ocr.read import ReadReport
    from imagefinder.quality.measure import Outlier, QualityReport
    from imagefinder.results import IngestReport
    from imagefinder.search.query import QueryInput
    from imagefinder.types import Float32
    from imagefinder.vectors.variance import PcaReport


class Analysis(Catalog):
    """As the methods of ``ImageFinder`` of the same names. Each method with a ``progress`` starts a job, tells
    ``progress`` a ``Job`` whenever it has moved on, and returns at its end. Raises what the job failed of."""

    def add_folder(
        self,
        *folders: str | os.PathLike[str],
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        column: str | None = None,
        force: bool = False,
        allow_removal: bool = False,
        allow_empty: bool = False,
        workers: int | None = None,
        progress: JobProgress | None = None,
        cluster: bool = False,
    ) -> IngestReport:
        """Index folders, tables and URLs as the server's machine names them; without any, go over those that are
        known. As ``ImageFinder.add``; ``cluster`` clusters when that was never done. The server may refuse folders
        that it was not started with."""
        options: dict[str, Any] = {"sources": [os.fspath(f) for f in folders], "force": force, "cluster": cluster}
        options |= {"include": [*include], "exclude": [*exclude], "column": column}
        options |= {"allow_removal": allow_removal or allow_empty, "workers": workers}
        job = self._jobs.run("index", options, progress)
        return report_of(job.result, self._jobs.skipped(job))

    def cluster(
        self, n_clusters: int | None = None, *, progress: JobProgress | None = None, **options: Any
    ) -> Clustering:
        """Cluster all images; None lets the data decide how many. The options are those of ``ImageFinder.cluster``."""
        self._jobs.run("cluster", {"n_clusters": n_clusters, **options}, progress)
        return self.clusters.clustering

    def choose_k(self, max_k: int = 100, *, progress: JobProgress | None = None, **options: Any) -> Choice:
        """Measure k-means for 2 to ``max_k`` clusters and suggest a number; changes nothing."""
        return choice_of(self._jobs.run("choose-k", {"max_k": max_k, **options}, progress).result)

    @property
    def clusters(self) -> Clusters:
        """The clusters in force, and what can be done with them."""
        return Clusters(self._transport, self._ids, self.records, self._jobs)

    def map(self, method: str | None = None, *, progress: JobProgress | None = None, **options: Any) -> Map:
        """Make a map of the images, kept with the index. The options: ``seed``, ``filter``, ``update``."""
        if "filter" in options:
            options["filter"] = filter_text(options["filter"])
        job = self._jobs.run("map", {"method": method, **options}, progress)
        return Map(self._transport, job.result)

    def maps(self) -> list[Map]:
        """The maps that are kept, the oldest first."""
        return [Map(self._transport, row) for row in reversed(self._transport.json("GET", "/v1/maps")["maps"])]

    def kept_map(self, name: str | None = None) -> Map:
        """A map that is kept, by its name, or the latest. Raises NotFoundError."""
        return Map(self._transport, self._transport.json("GET", f"/v1/maps/{name or 'latest'}"))

    def map_scores(self, query: QueryInput, name: str | None = None) -> Float32:
        """How well each image of a map that is kept fits a query, in the order of its ids; NaN for one that has
        gone."""
        import numpy as np

        body = {"parts": parts_of(query, self._transport)}
        found = self.kept_map(name).parts("scores", SCORE_BYTES, body)
        return np.frombuffer(found, "<f4").astype(np.float32)

    def pca_report(self) -> PcaReport:
        """How much of the differences between the images how many dimensions keep."""
        return variance_of(self._jobs.run("pca", {}).result)

    def duplicates(
        self, options: Options | None = None, *, progress: JobProgress | None = None, **wanted: Any
    ) -> DuplicateReport:
        """Groups of duplicates, with evidence and which image to keep. Folders in the options are the server's. In
        place of options, ``tier``, ``similar`` and ``keep`` (its ``rules``) may be given by name."""
        if options is not None:
            wanted["tier"] = str(options.tier)
            wanted |= {"similar": options.similar, "keep": [*options.rules], "workers": options.workers}
            wanted |= {"references": [*options.references], "prefer": [*options.prefer]}
        self._jobs.run("duplicates", wanted, progress)
        return duplicates_of(self.copies.latest())

    @property
    def copies(self) -> Copies:
        """The duplicates found last, and what is decided about them."""
        return Copies(self._transport, self._ids, self._jobs, self.get)

    def outliers(self, k: int = 20, *, progress: JobProgress | None = None) -> list[Outlier]:
        """The ``k`` images most unlike all others; every record gets its score as ``outlier``, for filters."""
        result = self._jobs.run("outliers", {"k": k}, progress).result
        return [outlier_of(row) for row in result["outliers"]]

    def quality(self, *, again: bool = False, progress: JobProgress | None = None) -> QualityReport:
        """Judge the pictures not judged yet, or all ``again``: the records get ``blur``, ``issues`` and so on."""
        job = self._jobs.run("quality", {"again": again}, progress)
        return quality_of(job.result, self._jobs.skipped(job))

    def read(self, *, progress: JobProgress | None = None, **options: Any) -> ReadReport:
        """Read the text in the pictures not read yet, for searches and filters. The options are those of
        ``ImageFinder.read``: ``again``, and ``workers``, how many cores of the server it may take."""
        job = self._jobs.run("read", options, progress)
        return read_of(job.result, self._jobs.skipped(job))

    # --- jobs -----------------------------------------------------------------------------------------------------

    def job(self, id: str) -> Job:
        """One job, with its result when it has ended. Raises NotFoundError."""
        return self._jobs.get(id)

    def jobs(self, kind: str | None = None, state: str | None = None) -> list[Job]:
        """The jobs there are and were, the newest first, without their results."""
        return self._jobs.list(kind, state)

    def run_job(self, kind: str, *, progress: JobProgress | None = None, **options: Any) -> Job:
        """Run a job of any kind that the server knows, with its options, and wait for its end. Raises what it failed
        of."""
        return self._jobs.run(kind, options, progress)

    def wait(self, id: str, progress: JobProgress | None = None) -> Job:
        """Wait for the end of a job. Raises what it failed of."""
        return self._jobs.wait(id, progress)

    def cancel(self, id: str) -> Job:
        """Stop a job at its next step. What it has stored by then stays."""
        return self._jobs.cancel(id)

    def forget_job(self, id: str) -> Job:
        """Take a job that has ended out of the server's list. Raises NotFoundError, and ServerError for one that has
        not ended."""
        return self._jobs.forget(id)

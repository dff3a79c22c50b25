"""What each kind of job does with the ``ImageFinder``: its options from a client, its progress, its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.errors import InvalidInputError
from imagefinder.server.jobs.queue import Job, Jobs, skipped_rows

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.results import Progress
    from imagefinder.server.hub import Hub
    from imagefinder.training.report import Training


class Kinds:
    """Makes the work of a job. Each method takes the options as they came, checked by its schema before."""

    def __init__(self, finder: ImageFinder, hub: Hub) -> None:
        self._finder = finder
        self._hub = hub

    def work(self, kind: str, options: dict[str, Any]) -> Callable[[Job, Jobs], Any]:
        """Raises InvalidInputError for a kind there isn't."""
        makers: dict[str, tuple[Callable[..., Any], str]] = {
            "index": (self._index, "images"),
            "cluster": (self._cluster, "clusters"),
            "choose-k": (self._choose_k, ""),
            "map": (self._map, "maps"),
            "duplicates": (self._duplicates, "duplicates"),
            "outliers": (self._outliers, "images"),
            "quality": (self._quality, "images"),
            "pca": (self._pca, ""),
            "model": (self._model, "images"),
            "train": (self._train, "images"),
            "classify": (self._classify, "images"),
        }
        if kind not in makers:
            raise InvalidInputError(f"There is no kind of job {kind!r}; there are {', '.join(makers)}.")
        do, changes = makers[kind]

        def run(job: Job, jobs: Jobs) -> Any:
            try:
                return do(job, jobs, **options)
            finally:
                if changes:
                    self.changed(changes)

        return run

    def changed(self, *what: str) -> None:
        """Tell every page that something is not as it was."""
        self._hub.publish("changed", {"what": list(what)})

    def _index(self, job: Job, jobs: Jobs, *, sources: list[str], cluster: bool = False, **options: Any) -> Any:
        def tell(progress: Progress) -> None:
            jobs.step(job, "indexing", progress.done, progress.total, open=True)

        jobs.step(job, "looking for images")
        report = self._finder.add(*sources, progress=tell, **options)
        job.skipped = skipped_rows(report.skipped)
        row = report.to_dict()
        row["skipped"] = len(report.skipped)
        if cluster and len(self._finder) > 1 and report.clusters is None:
            self._finder.cluster(progress=lambda stage: jobs.step(job, stage))
            self.changed("clusters")
        return row

    def _cluster(self, job: Job, jobs: Jobs, *, n_clusters: int | None = None, **options: Any) -> Any:
        made = self._finder.cluster(n_clusters, progress=lambda stage: jobs.step(job, stage), **options)
        facts = made.to_dict()
        return {name: facts[name] for name in ("run", "method", "n_images", "n_clusters", "n_noise", "scores")}

    def _choose_k(self, job: Job, jobs: Jobs, *, max_k: int = 100, **options: Any) -> Any:
        choice = self._finder.choose_k(max_k, progress=lambda d, n: jobs.step(job, "measuring", d, n), **options)
        return choice.to_dict()

    def _map(self, job: Job, jobs: Jobs, **options: Any) -> Any:
        jobs.step(job, "laying out")
        return self._finder.map(**options).to_dict()

    def _duplicates(
        self, job: Job, jobs: Jobs, *, tier: Tier = Tier.SAME_PICTURE, similar: float = 0.8, keep: Sequence[str] = ()
    ) -> Any:
        from imagefinder.duplicates.find import Options

        how = Options(Tier(tier), rules=keep, similar=similar)
        report = self._finder.duplicates(how, progress=lambda doing, d, n: jobs.step(job, doing, d, n))
        job.skipped = skipped_rows(report.skipped)
        return {"groups": len(report.groups), "images": report.images, "compared": report.compared}

    def _outliers(self, job: Job, jobs: Jobs, *, k: int = 50) -> Any:
        jobs.step(job, "comparing with neighbours")
        return {"outliers": [o.to_dict() for o in self._finder.outliers(k)]}

    def _quality(self, job: Job, jobs: Jobs, *, again: bool = False) -> Any:
        report = self._finder.quality(again=again, progress=lambda d, n: jobs.step(job, "judging", d, n))
        job.skipped = skipped_rows(report.skipped)
        row = report.to_dict()
        del row["skipped"]
        return row

    def _pca(self, job: Job, jobs: Jobs) -> Any:
        jobs.step(job, "measuring")
        return self._finder.pca_report().to_dict()

    def _model(self, job: Job, jobs: Jobs, *, name: str, use: bool = False) -> Any:
        filled = self._finder.add_model(name, use=use, progress=lambda d, n: jobs.step(job, "embedding", d, n))
        job.skipped = skipped_rows(filled.skipped)
        return {**filled.to_dict(), "skipped": len(filled.skipped)}

    def _train(self, job: Job, jobs: Jobs, *, what: str, **options: Any) -> Any:
        train: dict[str, Callable[..., Training]] = {
            "adapter": self._finder.train_adapter,
            "classifier": self._finder.train_classifier,
            "words": self._finder.train_words,
        }
        made = train[what](**options, progress=lambda stage, d, n: jobs.step(job, stage, d, n))
        return made.to_dict()

    def _classify(self, job: Job, jobs: Jobs, *, model: str | None = None) -> Any:
        made = self._finder.classify(model=model, progress=lambda d, n: jobs.step(job, "classifying", d, n))
        job.skipped = skipped_rows(made.skipped)
        return {**made.to_dict(), "skipped": len(made.skipped)}

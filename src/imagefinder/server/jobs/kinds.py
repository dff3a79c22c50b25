"""The kinds of jobs: ``JOBS`` has one row for each, and everything else reads it. A new kind is a new row, with its
options in ``options`` and its run here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from imagefinder._util.acting import acting, actor
from imagefinder._util.extras import require
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.errors import InvalidInputError, StorageError
from imagefinder.images.files import is_within
from imagefinder.images.loader import is_remote
from imagefinder.maps.projections import NEEDS_EXTRA, check_method
from imagefinder.server.errors import first_fault
from imagefinder.server.jobs import options, placing
from imagefinder.server.jobs.growing import growing
from imagefinder.server.jobs.job import Job
from imagefinder.server.jobs.queue import Jobs, Work
from imagefinder.server.jobs.task import Task
from imagefinder.server.requests import Body
from imagefinder.server.settings import place_of
from imagefinder.server.uploads import Uploads, bounds, check_source

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.server.hub import Changed, Hub
    from imagefinder.server.settings import ServerSettings
    from imagefinder.training.report import Training
    from imagefinder.types import Progress


class Host(Protocol):
    """What a job needs of the server that runs it."""

    finder: ImageFinder
    settings: ServerSettings
    uploads: Uploads
    jobs: Jobs
    hub: Hub


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of job.

    ``title`` is what people read, a function where it depends on the options. ``run(task, **options)`` does the work
    and returns the job's result, which is JSON. ``changes`` is what pages are told to load again at the end. ``check``
    refuses, before the job is queued, options that this server does not allow, and gives those that take their place,
    such as paths as they were checked. ``hidden`` options are not shown with the job, as they may be as many as there
    are images, or are nobody's business. ``goes_on``: another server may do it again, or go on with it, when its server
    has ended; else it ends as interrupted. ``steady``: it takes as long each time, with the same options and images, so
    that one tells how long the next will take.
    """

    title: str | Callable[[Mapping[str, Any]], str]
    options: type[Body]
    run: Callable[..., Any]
    changes: tuple[Changed, ...] = ()
    check: Callable[[Host, Mapping[str, Any]], Mapping[str, Any]] | None = None
    hidden: tuple[str, ...] = ()
    goes_on: bool = True
    steady: bool = False


def submit(host: Host, kind: str, given: Mapping[str, Any], *, trusted: bool = False) -> Job:
    """Check the options of a job and queue it. ``trusted`` options come from the person who started the server.

    Raises InvalidInputError, RefusedError for what clients may not do here, and MissingExtraError.
    """
    row, checked = JOBS[known(kind)], valid(kind, given)
    if row.check and not trusted:
        checked |= row.check(host, checked)

    shown = {name: value for name, value in checked.items() if name not in row.hidden}
    return host.jobs.submit(kind, shown, work_of(host, kind, checked), checked)


def work_of(host: Host, kind: str, checked: Mapping[str, Any]) -> Work:
    """What a job does, given options that were checked. Raises InvalidInputError for a kind there isn't."""
    row, who = JOBS[known(kind)], actor()

    def work(job: Job, jobs: Jobs) -> Any:
        try:
            if row.steady:
                job.expect(len(host.finder), jobs.list(kind, "done"))
            with acting(who):
                return row.run(Task(host.finder, job, jobs, host.hub), **checked)
        finally:
            if row.changes:
                host.hub.changed(*row.changes)

    return work


def resumed(host: Host, kind: str, given: Mapping[str, Any]) -> Work:
    """The same for a job that another server has checked. Raises InvalidInputError."""
    hidden = {name: given[name] for name in given if name not in JOBS[known(kind)].options.model_fields}
    plain = {name: value for name, value in given.items() if name not in hidden}
    return work_of(host, kind, {**valid(kind, plain), **hidden})


def valid(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a kind, as its model has them. Raises InvalidInputError."""
    try:
        return JOBS[known(kind)].options.model_validate(given).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise InvalidInputError(f"options of {kind}: {first_fault(error.errors())}", remedy="See /docs.") from None


def title_of(kind: str, given: Mapping[str, Any]) -> str:
    """What people read of a job; the kind's own name for one that an older version knew."""
    title = JOBS[kind].title if kind in JOBS else kind
    return title if isinstance(title, str) else title(given)


def known(kind: str) -> str:
    """The kind itself. Raises InvalidInputError for a kind there isn't."""
    if kind not in JOBS:
        raise InvalidInputError(f"There is no kind of job {kind!r}; there are {', '.join(JOBS)}.")
    return kind


# --- what each kind does ------------------------------------------------------------------------------------------


def _index(task: Task, *, sources: Sequence[str] = (), cluster: bool = False, **options: Any) -> Any:
    made = task.finder.add(*sources, progress=growing(task), **options)
    task.leave_out((*made.missing, *made.skipped))
    if cluster and len(task.finder) > 1 and made.clusters is None:
        task.finder.cluster(progress=task.report)
        task.changed("clusters")
    return {**made.to_dict(), "skipped": len(made.skipped)}


def _urls(task: Task, *, urls: Sequence[str]) -> Any:
    return _index(task, sources=urls)


def _move(task: Task, *, old: str, new: str, within: Sequence[str] | None = None) -> Any:
    task.step("looking for images")
    made = task.finder.move_source(old, new, within=within, progress=task.report)
    task.leave_out(made.skipped)
    return {**made.to_dict(), "skipped": len(made.skipped)}


def _check_move(host: Host, given: Mapping[str, Any]) -> Mapping[str, Any]:
    new = check_source(given["new"], host.finder, host.settings, host.uploads)
    return {"new": new, "within": bounds(host.settings, host.uploads)}


def _check_sources(host: Host, given: Mapping[str, Any]) -> Mapping[str, Any]:
    sources = [check_source(source, host.finder, host.settings, host.uploads) for source in given.get("sources", ())]
    return {"sources": sources, "within": bounds(host.settings, host.uploads)}


def _cluster(task: Task, *, n_clusters: int | None = None, **options: Any) -> Any:
    facts = task.finder.cluster(n_clusters, progress=task.report, **options).to_dict()
    return {name: facts[name] for name in ("run", "method", "n_images", "n_clusters", "n_noise", "scores")}


def _take_in(task: Task, *, key: str | None = None, clusters: Sequence[int] | None = None) -> Any:
    facts = task.finder.clusters.take_in(key, clusters, progress=task.report).to_dict()
    return {name: facts[name] for name in ("run", "n_images", "n_clusters", "n_noise")}


def _choose_k(task: Task, *, max_k: int = 100, **options: Any) -> Any:
    choice = task.finder.choose_k(max_k, progress=task.report, **options)
    return choice.to_dict()


def _map(task: Task, **options: Any) -> Any:
    return task.finder.map(progress=task.report, **options).to_dict()


def _check_map(host: Host, given: Mapping[str, Any]) -> Mapping[str, Any]:
    if given.get("method") in NEEDS_EXTRA and not given.get("update"):
        check_method(given["method"])
    return {}


def _duplicates(task: Task, *, tier: str = "same-picture", keep: Sequence[str] = (), **options: Any) -> Any:
    from imagefinder.duplicates.find import Options

    report = task.finder.duplicates(Options(Tier(tier), rules=keep, **options), progress=task.report)
    task.leave_out(report.skipped)
    if report.unkept:  # the page shows what is kept
        raise StorageError(f"The duplicates were found, but not kept: {report.unkept}")
    return {"groups": len(report.groups), "images": report.images, "compared": report.compared, "kept": report.kept}


def _check_folders(host: Host, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """A folder may be named that holds images of the index, or that images may be added from."""
    sources = [os.path.realpath(source) for source in host.finder.sources if not is_remote(source)]

    def checked(folder: str) -> str:
        place = place_of(folder)
        if is_within(os.path.realpath(place), sources):
            return place
        return check_source(folder, host.finder, host.settings, host.uploads)

    return {name: [checked(folder) for folder in given[name]] for name in ("references", "prefer") if name in given}


def _outliers(task: Task, *, k: int = 50) -> Any:
    return {"outliers": [o.to_dict() for o in task.finder.outliers(k, progress=task.report)]}


def _quality(task: Task, *, again: bool = False) -> Any:
    report = task.finder.quality(again=again, progress=task.report)
    task.leave_out(report.skipped)
    row = report.to_dict()
    del row["skipped"]
    return row


def _read(task: Task, *, again: bool = False, workers: int | None = None) -> Any:
    report = task.finder.read(again=again, workers=workers, progress=task.report)
    task.leave_out(report.skipped)
    return {**report.to_dict(), "skipped": len(report.skipped)}


def _check_read(host: Host, given: Mapping[str, Any]) -> Mapping[str, Any]:
    require("ocr", what="Reading the text in pictures")
    return {}


def _pca(task: Task) -> Any:
    task.step("measuring")
    return task.finder.pca_report().to_dict()


def _model(task: Task, *, name: str, use: bool = False) -> Any:
    filled = task.finder.add_model(name, use=use, progress=task.report)
    task.leave_out(filled.skipped)
    return {**filled.to_dict(), "skipped": len(filled.skipped)}


def _better_words(task: Task) -> Any:
    """Fetch the model that is recommended for words, embed all images with it, and search with it from then on."""
    from imagefinder.index.better_words import RECOMMENDED
    from imagefinder.models.registry import pull_model

    def fetching(progress: Progress) -> None:
        name = progress.stage.rpartition("/")[2]
        task.step(f"fetching {name}, in MB", progress.done // 1_000_000, progress.total // 1_000_000, open=True)

    task.step("asking the hub", open=True)
    spec = pull_model(RECOMMENDED, progress=fetching)
    return _model(task, name=spec.name, use=True)


def _train(task: Task, *, what: str, **options: Any) -> Any:
    train: dict[str, Callable[..., Training]] = {
        "adapter": task.finder.train_adapter,
        "classifier": task.finder.train_classifier,
        "words": task.finder.train_words,
    }
    return train[what](**options, progress=task.report).to_dict()


def _train_title(given: Mapping[str, Any]) -> str:
    titles = {"adapter": "Teaching better matches", "classifier": "Teaching classes", "words": "Teaching words"}
    return titles.get(str(given.get("what")), "Teaching")


def _classify(task: Task, *, model: str | None = None) -> Any:
    made = task.finder.classify(model=model, progress=task.report)
    task.leave_out(made.skipped)
    return {**made.to_dict(), "skipped": len(made.skipped)}


def _evaluate(
    task: Task,
    *,
    labels: Mapping[str, str] = MappingProxyType({}),
    captions: Mapping[str, Sequence[str]] = MappingProxyType({}),
    queries: Sequence[Mapping[str, Any]] = (),
    duplicates: Sequence[tuple[str, str]] = (),
    apart: Sequence[tuple[str, str]] = (),
    **options: Any,
) -> Any:
    from imagefinder.catalog.label_table import LabelTable
    from imagefinder.catalog.question_tables import Asked, Pairs, Questions

    task.step("measuring")
    pairs = [(id, text) for id, texts in captions.items() for text in texts]
    table = LabelTable(labels, pairs, ()) if labels or captions else None
    asked = Questions(tuple(Asked(**one) for one in queries)) if queries else None
    judged = Pairs.of(duplicates, apart) if duplicates or apart else None
    given = {name: value for name, value in options.items() if value is not None}
    return task.finder.evaluate(table, queries=asked, pairs=judged, progress=task.report, **given).to_dict()


JOBS: dict[str, JobKind] = {
    "index": JobKind("Indexing", options.IndexOptions, _index, ("images",), _check_sources, hidden=("within",)),
    "cluster": JobKind("Grouping", options.ClusterOptions, _cluster, ("clusters",), steady=True),
    "take-in": JobKind(
        "Making the new groups", options.TakeInOptions, _take_in, ("clusters",), None, ("key", "clusters")
    ),
    "choose-k": JobKind("Finding the number of groups", options.ChooseOptions, _choose_k, steady=True),
    "map": JobKind("Drawing the map", options.MapOptions, _map, ("maps",), _check_map, steady=True),
    "duplicates": JobKind(
        "Looking for duplicates", options.DuplicateOptions, _duplicates, ("duplicates",), _check_folders
    ),
    "outliers": JobKind("Looking for odd ones out", options.OutlierOptions, _outliers, ("images",), steady=True),
    "quality": JobKind("Measuring quality", options.QualityOptions, _quality, ("images",)),
    "read": JobKind("Reading text in pictures", options.ReadOptions, _read, ("images",), _check_read),
    "pca": JobKind("Measuring dimensions", options.NoOptions, _pca, steady=True),
    "model": JobKind("Adding a model", options.ModelOptions, _model, ("images",)),
    "better-words": JobKind("Getting better at words", options.NoOptions, _better_words, ("images",)),
    "train": JobKind(_train_title, options.TrainOptions, _train, ("images",), hidden=("labels", "captions")),
    "evaluate": JobKind(
        "Measuring how well images are found",
        options.EvaluateOptions,
        _evaluate,
        hidden=("labels", "captions", "queries", "duplicates", "apart"),
    ),
    "classify": JobKind("Telling classes", options.ClassifyOptions, _classify, ("images",)),
    "move-source": JobKind("Moving a source", options.MoveOptions, _move, ("images",), _check_move, ("within",), False),
    "files": JobKind(*placing.FACTS),
    "urls": JobKind("Adding images by URL", options.UrlOptions, _urls, ("images",), hidden=("urls",)),
}

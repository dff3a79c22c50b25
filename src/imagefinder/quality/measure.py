"""Finds unusual images, and images of poor quality. Both write scores to the records."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from imagefinder._util.ray_runner import runner_at
from imagefinder._util.threads import cores, ordered_map
from imagefinder.errors import ImageError, InvalidInputError
from imagefinder.images.loader import Loader
from imagefinder.images.refs import known_ref
from imagefinder.index.neighbors import index_graph
from imagefinder.index.parts import searched_shards
from imagefinder.index.there import contents_now, each_there, merge_there, still_there
from imagefinder.quality.outliers import NEIGHBORS, outlier_scores
from imagefinder.store.filters.parse import Has
from imagefinder.types import ImageRef, OnProgress, Progress, Record, Skipped, ignore

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.quality.scores import Quality
    from imagefinder.store.base import Point
    from imagefinder.vectors.neighbors import NeighborGraph

    _Judged: TypeAlias = tuple[Quality, tuple[str, ...]]

READ = ("uri", "width", "height", "content_hash")  # of a record, to judge its picture
SHORT_SIDE = 384  # pixels worth decoding for the judgement at 512 on the long side


@dataclass(frozen=True, slots=True)
class Outlier:
    """An unusual image. ``score`` compares its distance to its neighbours with that of other images (0 usual, above 3
    unusual). ``from_cluster`` is its distance to the centre of its cluster, divided by the radius that contains 99 % of
    the members (above 1 is outside); None without clusters. ``nearest`` is the id of the most similar image."""

    record: Record
    score: float
    from_cluster: float | None
    nearest: str

    def to_dict(self) -> dict[str, Any]:
        row = self.record.to_dict()
        away = None if self.from_cluster is None else round(self.from_cluster, 3)
        facts = {"id": row.pop("id"), "uri": row.pop("uri"), "score": round(self.score, 3), "from_cluster": away}
        ours = {**facts, "nearest": self.nearest}
        return {**ours, **row, **ours}  # ours first, and never a table's of the same name


@dataclass(frozen=True, slots=True)
class QualityReport:
    """The result of a run: ``measured`` images in this run, ``total`` images with scores, how many have each issue, and
    the images that could not be read."""

    measured: int
    total: int
    issues: dict[str, int]
    skipped: tuple[Skipped, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "measured": self.measured,
            "total": self.total,
            "issues": self.issues,
            "skipped": [s.to_dict() for s in self.skipped],
        }


def find_outliers(
    collection: Collection, k: int, progress: OnProgress | None = None, ray: str | None = None
) -> list[Outlier]:
    """The ``k`` images least similar to all others; every record gets the field ``outlier``. ``progress`` is called
    with each stage; ``ray`` is the address of a cluster that compares them. Raises InvalidInputError for fewer than 3
    images."""
    index, report = collection.index, progress or ignore
    collection.ready()
    contents = contents_now(index)
    ids, graph = _graph(index, collection.view().image, report, ray)
    report(Progress("keeping scores"))
    scores = outlier_scores(graph)
    said = index.store.columns(("id", "outlier"))
    kept = dict(zip(said["id"], said["outlier"], strict=True))
    by_score: defaultdict[float, dict[str, str]] = defaultdict(dict)
    for id, score in zip(ids, scores.tolist(), strict=True):
        value = round(score, 2)
        if id in contents and kept.get(id) != value:  # a point that is written leaves the graph of the store
            by_score[value][id] = contents[id]
    for value, some in by_score.items():
        merge_there(index, some, {"outlier": value})
    there = contents_now(index)
    worst = [i for i in np.argsort(-scores, kind="stable").tolist() if ids[i] in there][:k]
    points = {p.id: p for p in each_there(index.store, (ids[i] for i in worst))}
    away = _from_clusters(index, list(points))
    near = {ids[i]: next((ids[j] for j in graph.indices[i].tolist() if ids[j] in there), ids[i]) for i in worst}
    return [
        Outlier(Record.from_payload(id, points[id].payload), float(scores[i]), away.get(id), near[id])
        for i in worst
        if (id := ids[i]) in points
    ]


def _graph(index: Index, space: str, report: OnProgress, ray: str | None) -> tuple[list[str], NeighborGraph]:
    with runner_at(ray) as runner:
        report(Progress("reading vectors"))
        ids, vectors = searched_shards(index, space, runner)
        if len(ids) < 3:
            raise InvalidInputError(f"Outliers need 3 images at least; there are {len(ids)}.")
        report(Progress("comparing images"))
        return ids, index_graph(index, vectors, NEIGHBORS, progress=report)


def _from_clusters(index: Index, ids: Sequence[str]) -> dict[str, float]:
    from imagefinder.clusters import state
    from imagefinder.clusters.assign import fits
    from imagefinder.clusters.model import ClusterModel

    if state.in_force(index) is None:
        return {}
    clustering = state.current(index)
    if not fits(index, clustering):
        return {}
    model, space = ClusterModel.of(clustering), clustering.parameters["space"]
    radius = {c.label: max(c.radius, 1e-6) for c in clustering.clusters}
    raw = {id: found[space] for id, found in index.raw_of(ids, [space]).items() if space in found}
    if not raw:
        return {}
    features = model.features.apply(np.stack(list(raw.values())).astype(np.float32))
    labels = {p.id: p.payload.get("cluster") for p in each_there(index.store, raw)}
    result = {}
    for id, row in zip(raw, features, strict=True):
        label = labels.get(id)
        if label in radius:
            centre = clustering.centres[clustering.place(label)]
            result[id] = float(np.linalg.norm(row - centre)) / radius[label]
    return result


def measure_quality(
    collection: Collection,
    *,
    again: bool = False,
    progress: OnProgress | None = None,
) -> QualityReport:
    """Measure the quality of the images that have no scores yet, or of all with ``again``, and write the scores to the
    records. Colours are added too, because images that older versions indexed lack them. An image that goes, or gets
    another content, while this runs counts for nothing."""
    index = collection.index
    todo = [
        p
        for points in index.store.scroll(fields=(*READ, "member_at", "blur", "colours"), batch=2000)
        for p in points
        if again or "blur" not in p.payload or "colours" not in p.payload
    ]
    loader = Loader(collection.limits, SHORT_SIDE)
    failed: dict[str, Skipped] = {}
    measured = 0

    def judge(point: Point) -> _Judged | Skipped:
        ref = known_ref(point.payload)
        return _judge(loader, ref, point.payload.get("width", 0), point.payload.get("height", 0))

    contents = {p.id: p.payload.get("content_hash") or "" for p in todo}
    try:
        for i, (point, found) in enumerate(
            zip(todo, ordered_map(judge, todo, workers=cores(), window=8 * cores()), strict=True), start=1
        ):
            if isinstance(found, Skipped):
                failed[point.id] = found
            else:
                quality, colours = found
                payload = {**quality.to_payload(), "colours": list(colours)}
                measured += len(merge_there(index, {point.id: contents[point.id]}, payload))
            if progress:
                progress(Progress("judging", i, len(todo)))
    finally:
        loader.close()
    left = still_there(index, {id: contents[id] for id in failed})
    judged = index.store.columns(("blur", "issues"), filter=Has("blur"))
    counts = Counter(issue for issues in judged["issues"] for issue in issues or ())
    return QualityReport(measured, len(judged["blur"]), dict(counts.most_common()), tuple(failed[id] for id in left))


def _judge(loader: Loader, ref: ImageRef, width: int, height: int) -> _Judged | Skipped:
    from imagefinder.images.palette import colour_names
    from imagefinder.quality.scores import measure

    try:
        loaded = loader.decode(loader.read(ref))
    except ImageError as error:
        return Skipped(ref.uri, error.code, error.message, error.remedy)
    judged = measure(loaded.image, width or loaded.width, height or loaded.height)
    return judged, colour_names(loaded.image)

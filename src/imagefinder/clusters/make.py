"""Clusters an index, once with all it has to say about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.arguments import options_of
from imagefinder._util.ray_runner import runner_at
from imagefinder.clusters import state
from imagefinder.clusters.algorithms.choose_k import Choice, choose_k
from imagefinder.clusters.algorithms.constraints import Constraints, reconcile
from imagefinder.clusters.algorithms.describe import ClusterFacts, describe, stabilities
from imagefinder.clusters.algorithms.hierarchy import tree_of
from imagefinder.clusters.algorithms.methods import DEFAULT, Task, find_method
from imagefinder.clusters.algorithms.naming import distinct_names, free_name, shares_of_names, words_for_clusters
from imagefinder.clusters.algorithms.partition import partition
from imagefinder.clusters.algorithms.scores import (
    Distances,
    calinski_harabasz,
    davies_bouldin,
    inertia_of,
    mean_and_error,
    silhouettes,
)
from imagefinder.clusters.algorithms.strangers import Strangers, sampled
from imagefinder.clusters.clustering import Cluster, Clustering, count_noise, pack_arrays
from imagefinder.clusters.labels import UNKNOWN, labels_now
from imagefinder.clusters.material import Material, check_count, described, read_material, tried
from imagefinder.errors import IndexDamagedError, InvalidInputError, NotFoundError
from imagefinder.index.neighbors import index_graph
from imagefinder.types import OnProgress, Progress, ignore
from imagefinder.vectors.moments import unit
from imagefinder.vectors.neighbors import NeighborGraph, knn_graph
from imagefinder.vectors.shards import Shards

if TYPE_CHECKING:
    from imagefinder._util.runner import Runner
    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.index.models import View
    from imagefinder.types import Float32

Words = tuple[tuple[str, float], ...]
Sure = Callable[[Sequence[Sequence[str]]], list[dict[str, float]]]


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """How to cluster. ``n_clusters`` None lets the data decide. ``features`` and ``scale``: see ``vectors.features``;
    ``settings``: see ``algorithms.methods``; ``stability``: how many resampled runs judge it, 0 for none. ``fresh``
    forgets what was said of earlier clusters: names, locks, merges, splits and moves. ``ray`` is the address of a
    cluster of machines that compares the vectors and sums them (see ``_util.ray_cluster``): the result is the same."""

    method: str = DEFAULT
    n_clusters: int | None = None
    features: str = "default"
    scale: str = "none"
    seed: int = 0
    stability: int = 5
    fresh: bool = False
    ray: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def cluster_collection(
    collection: Collection, n_clusters: int | None, progress: OnProgress | None, **options: Any
) -> Clustering:
    """Cluster all images, with the options of ``ClusterOptions``, and put the result in force. Raises NotFoundError
    before anything is indexed, and InvalidInputError for options that can't be."""
    collection.ready()
    wanted = options_of(ClusterOptions, {"n_clusters": n_clusters, **options})
    with collection.index.grouping:  # a correction made meanwhile would be lost
        return cluster_index(collection.index, collection.view(), wanted, progress or ignore)


def choose_k_for(collection: Collection, max_k: int, progress: OnProgress | None, **options: Any) -> Choice:
    """Measure k-means for 2 to ``max_k`` clusters and suggest a number; changes nothing. Raises as
    ``cluster_collection``."""
    collection.ready()
    return choose_for(collection.index, collection.view(), options_of(ClusterOptions, options), max_k, progress)


def cluster_index(index: Index, view: View, options: ClusterOptions, report: OnProgress) -> Clustering:
    """Cluster all images and put the result in force; the clustering before stays as it is until then."""
    find_method(options.method)
    check_count(index)
    with runner_at(options.ray) as runner:
        return _cluster(index, view, options, report, runner)


def _cluster(index: Index, view: View, options: ClusterOptions, report: OnProgress, runner: Runner) -> Clustering:
    report(Progress("reading vectors"))
    material = read_material(index, view, options.features, options.scale, runner)
    constraints = None if options.fresh else read_constraints(index, material.ids)
    free = ~constraints.held if constraints else np.ones(len(material.ids), bool)
    neighbors = find_method(options.method).graph_size(options.n_clusters)
    vectors = material.vectors.only(free)
    graph = _graph(index, vectors, neighbors, options, report) if neighbors and len(vectors) > 1 else None
    n_free = _count_left(options.n_clusters, constraints)
    task = Task(vectors, graph, n_free, options.seed, dict(options.settings))
    report(Progress("clustering"))
    found, chosen = partition(task, options.method) if len(vectors) else (np.zeros(0, np.int32), {})
    if graph and graph.recall < 1:
        chosen["graph_recall"] = round(graph.recall, 3)
    labels = np.full(len(free), -1, np.int32)
    labels[free] = found
    if constraints:
        labels = reconcile(material.vectors, labels, constraints)
    report(Progress("describing"))
    made = describe_all(index, view, material, labels, _parameters(material, view, options, chosen))
    if len(vectors) > 1:
        report(Progress("resampling"))
        made = _judged(made, task, options, labels[free])
        report(Progress("learning what is usual"))
        made = with_strangers(index, made)
    former = state.said_of_clusters(index) if constraints else None
    made = with_constraints(made, constraints, former) if constraints and former else made
    return state.put_in_force(index, replace(made, parent=_former(index)))


def _former(index: Index) -> str | None:
    """The run that ``undo`` goes back to; none where that is damaged."""
    try:
        return state.current(index).name
    except (IndexDamagedError, NotFoundError):
        return None


def _parameters(material: Material, view: View, options: ClusterOptions, chosen: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "method": options.method,
        "asked": options.n_clusters or "auto",
        "features": options.features,
        "scale": options.scale,
        "seed": options.seed,
        "space": material.space,
        "model": view.index.space(view.image).model,
        "model_fingerprint": view.index.space(view.image).model_fingerprint,
        "settings": {**options.settings, **chosen},
    }


def choose_for(index: Index, view: View, options: ClusterOptions, max_k: int, progress: OnProgress | None) -> Choice:
    """Measure every number of clusters up to ``max_k``; changes nothing. Of many images a sample is looked at."""
    with runner_at(options.ray) as runner:
        material = read_material(index, view, options.features, options.scale, runner)
        n, rows = len(material.ids), tried(len(material.ids), options.seed)
        if n < 3:
            raise InvalidInputError(f"Choosing a number of clusters needs 3 images at least; there are {n}.")
        vectors, neighbors = material.part(rows)[1], find_method("kmeans").graph_size(None)
        if rows is None:
            graph = _graph(index, material.vectors, neighbors, options, progress or ignore)
        else:
            graph = knn_graph(Shards.of(vectors, runner), neighbors, progress=progress or ignore)
    choice = choose_k(vectors, graph, max_k=max_k, seed=options.seed, progress=progress)
    reasons = [choice.reason]
    if rows is not None:
        reasons.append(f"Measured on a sample of {len(rows):,} of the {n:,} images.")
    if graph.recall < 1:
        reasons.append(f"The graph is approximate: it holds {graph.recall:.1%} of the nearest of a sample.")
    return replace(choice, reason=" ".join(reasons))


def _graph(index: Index, vectors: Shards, k: int, options: ClusterOptions, report: OnProgress) -> NeighborGraph:
    """The neighbours; those of the vectors that are searched are shared with everything else that wants them."""
    shared = (options.features, options.scale) == ("default", "none")
    return index_graph(index, vectors, k, progress=report) if shared else knn_graph(vectors, k, progress=report)


def read_constraints(index: Index, ids: Sequence[str]) -> Constraints | None:
    """What was said of the clusters in force, for these images; None when nothing was."""
    former = state.said_of_clusters(index)
    if former is None:
        return None
    now = labels_now(index)
    labels = dict(zip(now.ids, now.labels.tolist(), strict=True))
    pinned = {id for id, is_pinned in zip(now.ids, now.pinned.tolist(), strict=True) if is_pinned}
    flags = {flag: frozenset(c.label for c in former.clusters if getattr(c, flag)) for flag in state.FLAGS}
    constraints = Constraints(
        np.array([labels.get(id, UNKNOWN) for id in ids], np.int32),  # an image that has gone meanwhile has none
        np.array([id in pinned for id in ids], bool),
        apart=former.apart,
        **flags,
    )
    return constraints if constraints.kept else None


def with_constraints(made: Clustering, constraints: Constraints, former: state.SaidOfClusters) -> Clustering:
    """The flags and given names of the clusters that live on; one that got such a name by chance gets another."""
    before = {c.label: c for c in former.clusters}
    kept = {c.label: before[c.label] for c in made.clusters if c.label in constraints.kept and c.label in before}
    given = {label: old.name for label, old in kept.items() if old.named or old.locked}
    names = made.names() | given
    for cluster in made.clusters:
        if cluster.label not in given:
            others = [name for label, name in names.items() if label != cluster.label]
            if cluster.name.casefold() in {name.casefold() for name in others}:
                names[cluster.label] = free_name(cluster.words, others)
    clusters = []
    for cluster in made.clusters:
        old, name = kept.get(cluster.label, cluster), names[cluster.label]
        sure = cluster.sure if name == cluster.name else None
        clusters.append(replace(cluster, name=name, sure=sure, named=old.named, locked=old.locked, joined=old.joined))
    apart = tuple(pair for pair in former.apart if set(pair) <= names.keys())
    return replace(made, clusters=tuple(clusters), apart=apart).with_arrays(pinned=constraints.pinned)


def describe_all(
    index: Index, view: View, material: Material, labels: np.ndarray, parameters: Mapping[str, Any]
) -> Clustering:
    """The clustering that these labels make: facts, names, tree, scores. Of many images a sample is described."""
    numbers, dense = dense_labels(labels)
    rows = described(dense)
    ids, vectors = material.part(rows)
    seen = dense if rows is None else dense[rows]
    facts, centres = describe(vectors, seen)
    words, sure = find_words(index, view, ids, seen)
    names, sizes = distinct_names(words), np.bincount(dense[dense >= 0])
    sures = sure([[name] for name in names])
    clusters = [
        replace(
            to_cluster(f, numbers[f.label], names[f.label], words[f.label], ids),
            size=int(sizes[f.label]),
            sure=sures[f.label].get(names[f.label]),
        )
        for f in facts
    ]
    return Clustering(
        clusters=tuple(clusters),
        parameters=parameters,
        scores=_scores(vectors, seen, centres, len(labels)),
        stored=pack_arrays(
            ids=material.ids,
            labels=labels,
            contents=material.contents,
            pinned=np.zeros(len(labels), bool),
            centres=centres,
            tree=tree_of(centres),
            features=material.features,
        ),
        n_images=len(labels),
        n_noise=count_noise(labels),
    )


def to_cluster(fact: ClusterFacts, label: int, name: str, words: Words, ids: Sequence[str]) -> Cluster:
    return Cluster(
        label=label,
        name=name,
        size=fact.size,
        tightness=fact.tightness,
        silhouette=fact.silhouette,
        radius=fact.radius,
        medoid=ids[fact.medoid],
        representatives=tuple(ids[row] for row in fact.representatives),
        borderline=tuple(ids[row] for row in fact.borderline),
        words=words,
    )


def dense_labels(labels: np.ndarray) -> tuple[list[int], np.ndarray]:
    """The labels there are, in order, and the labels as places in that order; -1 stays."""
    numbers = sorted({int(label) for label in np.unique(labels)} - {-1})
    place = {label: i for i, label in enumerate(numbers)} | {-1: -1}
    return numbers, np.array([place[int(label)] for label in labels], np.int32)


def _judged(made: Clustering, task: Task, options: ClusterOptions, labels: np.ndarray) -> Clustering:
    """With the stability of each cluster; ``labels`` are those of the images in ``task``."""
    numbers, dense = dense_labels(labels)
    found = stabilities(task, options.method, dense, runs=options.stability, make_graph=knn_graph)
    by_label = dict(zip(numbers, found, strict=True))
    return replace(made, clusters=tuple(replace(c, stability=by_label.get(c.label)) for c in made.clusters))


def with_strangers(index: Index, made: Clustering) -> Clustering:
    """With what tells new images that are like none of these."""
    space, ids = made.parameters["space"], made.ids
    chosen = {ids[row]: row for row in sampled(made.n_images, len(made.clusters)).tolist()}
    raw = {id: found[space] for id, found in index.raw_of(list(chosen), [space]).items() if space in found}
    if not raw:
        return made
    labels = made.labels[[chosen[id] for id in raw]]
    strangers = Strangers.learn(np.stack(list(raw.values())).astype(np.float32), labels)
    return made.with_arrays(strangers=strangers) if strangers else made


def _scores(vectors: Float32, labels: np.ndarray, centres: Float32, n: int) -> dict[str, Any]:
    """Of all ``n`` images; ``vectors`` and ``labels`` may be those of a sample of them."""
    k, weight = len(centres), n / max(len(vectors), 1)
    sample = Distances.sample(vectors, 0)
    silhouette, error = mean_and_error(silhouettes(sample, labels), n)
    inertia = weight * inertia_of(vectors, labels, centres)
    mean = vectors.mean(axis=0, keepdims=True)
    total = weight * inertia_of(vectors, np.zeros(len(vectors), np.int32), mean)
    return {
        "inertia": inertia,
        "silhouette": round(silhouette, 4),
        "silhouette_error": round(error, 4),
        "calinski_harabasz": round(calinski_harabasz(total, inertia, n, k), 3),
        "davies_bouldin": round(davies_bouldin(vectors, labels, centres), 4) if k else 0.0,
    }


def find_words(index: Index, view: View, ids: Sequence[str], labels: np.ndarray) -> tuple[list[Words], Sure]:
    """The best words of each cluster, and what tells of other names how sure they are (``naming.shares_of_names``);
    ``labels`` (n,) are those of ``ids``. None where no model understands words."""
    count = int(labels.max(initial=-1)) + 1
    if view.words is None:
        return [()] * count, lambda names: [{} for _ in names]
    spec, vocabulary = view.words_model.spec, view.words_model.vocabulary()
    prior = spec.prior(index.space(view.words).model_space)  # about the collection's own mean the odd words would lead
    place = {id: row for row, id in enumerate(ids)}
    images, order = [np.zeros((0, len(prior)), np.float32)], []
    for some, rows in index.raw_batches(view.words):
        known = [row for row, id in enumerate(some) if id in place]
        order += [place[some[row]] for row in known]
        images.append(unit(unit(rows[known]) - prior))
    all_images, known_words = np.concatenate(images), (vocabulary.words, vocabulary.vectors, vocabulary.above)
    found = words_for_clusters(all_images, labels[order], *known_words, count)
    return found, lambda names: shares_of_names(all_images, labels[order], *known_words, names)


def _count_left(n_clusters: int | None, constraints: Constraints | None) -> int | None:
    if n_clusters is None or constraints is None:
        return n_clusters
    return max(1, n_clusters - len(constraints.locked))

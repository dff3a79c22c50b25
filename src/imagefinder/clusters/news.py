"""What came since the images were grouped: how much of it fits the clusters, and which new ones the rest makes among
itself. Nothing is changed until that is taken in."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.clusters import state
from imagefinder.clusters.algorithms import NEIGHBORS
from imagefinder.clusters.algorithms.hierarchy import tree_of
from imagefinder.clusters.algorithms.methods import Task
from imagefinder.clusters.algorithms.partition import partition
from imagefinder.clusters.algorithms.scores import to_centres
from imagefinder.clusters.clustering import TAKEN_IN
from imagefinder.clusters.edit import relabelled, up_to_date, with_vectors
from imagefinder.clusters.join import FAR_LEAST, FAR_SHARE
from imagefinder.clusters.make import with_strangers
from imagefinder.errors import InvalidInputError
from imagefinder.types import OnProgress, Progress, ignore
from imagefinder.vectors.moments import unit
from imagefinder.vectors.neighbors import knn_graph
from imagefinder.vectors.shards import Shards

if TYPE_CHECKING:
    from imagefinder.clusters.clustering import Cluster, Clustering
    from imagefinder.index.folder import Index
    from imagefinder.index.models import View
    from imagefinder.types import Float32

    Labels = np.ndarray

LEAST = 5  # images that make a new cluster
MOST = 20_000  # images that fit nowhere: beyond, all are better grouped again
KEPT = "news"


@dataclass(frozen=True, slots=True)
class News:
    """What ``came`` since the images were grouped: how many joined each cluster (``fit``, by label), which new
    ``clusters`` the others would make, and the ``rest``, like too few others. ``key`` stands for exactly these images
    in these clusters; ``too_many`` fit nowhere to be told here: they are better grouped with all others."""

    key: str
    came: int
    fit: Mapping[int, int]
    clusters: tuple[Cluster, ...]
    rest: int
    too_many: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        fit = [{"label": label, "came": n} for label, n in sorted(self.fit.items(), key=lambda one: -one[1])]
        found = [c.to_dict() for c in self.clusters]
        facts = {name: getattr(self, name) for name in ("key", "came", "rest", "too_many")}
        return {**facts, "fit": fit, "clusters": found}


def news(index: Index, view: View) -> News:
    """What came since. Raises NotFoundError while nothing is clustered."""
    return _look(index, view)[0]


def take_in(
    index: Index,
    view: View,
    key: str | None = None,
    clusters: Sequence[int] | None = None,
    report: OnProgress = ignore,
) -> Clustering:
    """Put in force what ``news`` tells: the new clusters, those of some labels or all, beside the former ones, which
    are measured again with what joined them. An exception from ``report`` leaves all as it is. Raises InvalidInputError
    where ``key`` tells of other images."""
    report(Progress("looking at what came"))
    found, made, now = _look(index, view)
    if key is not None and key != found.key:
        raise InvalidInputError("The images or groups have changed since this was looked at.", remedy="Look again.")
    if not found.came:
        raise InvalidInputError("No image came since the images were grouped.")
    if found.too_many:
        raise InvalidInputError("Too many images fit no cluster to be taken in.", remedy="Run: imagefinder cluster")
    known = {c.label for c in found.clusters}
    wanted = known if clusters is None else set(clusters)
    if wanted - known:
        raise InvalidInputError(f"There is no new cluster {min(wanted - known)}.")
    if known - wanted:
        made = _without(made, now, sorted(known - wanted))
    made = replace(made, grouped_by="", grouped="", done=TAKEN_IN, parent=now.name)
    report(Progress("learning what is usual"))
    made = with_strangers(index, made)
    report(Progress("writing the groups"))
    return state.put_in_force(index, made, now)


def _without(made: Clustering, now: Clustering, left: Sequence[int]) -> Clustering:
    """Without some of the new clusters: their images stay where they are ``now``."""
    was = dict(zip(now.ids, now.labels.tolist(), strict=True))
    out = np.isin(made.labels, left)
    before = np.array([was[id] for id in made.ids], np.int32)
    rows = [row for row, c in enumerate(made.clusters) if c.label in left]
    centres = np.delete(made.centres, rows, axis=0)
    clusters = tuple(c for c in made.clusters if c.label not in left)
    labels = np.where(out, before, made.labels).astype(np.int32)
    return replace(made, clusters=clusters).with_arrays(labels=labels, centres=centres, tree=tree_of(centres))


def _look(index: Index, view: View) -> tuple[News, Clustering, Clustering]:
    """The news, the clustering that it would make, and the one now; kept until the images or clusters change."""
    now = up_to_date(index)
    text = "\n".join((now.parent or "", now.name, *now.ids)).encode()
    key = hashlib.blake2b(text + now.labels.tobytes() + now.pinned.tobytes(), digest_size=12).hexdigest()
    kept = index.results.get(KEPT)
    if kept is None or kept[0].key != key:
        kept = index.results[KEPT] = (*_made(index, view, now, key), now)
    return kept


def _made(index: Index, view: View, now: Clustering, key: str) -> tuple[News, Clustering]:
    came = np.array(state.newcomers(index, now), np.int64)
    nowhere = int((now.labels[came] < 0).sum())
    if not len(came) or nowhere > MOST:
        fit = Counter(int(label) for label in now.labels[came] if label >= 0)
        return News(key, len(came), fit, (), nowhere, nowhere > MOST), now
    now, vectors = with_vectors(index, now)
    came = np.array(state.newcomers(index, now), np.int64)
    rows = came[_in_doubt(vectors[came], now.labels[came], now.pinned[came], now)][:MOST]
    parts = _parts(vectors[rows], now.parameters["seed"], min((c.tightness for c in now.clusters), default=0.0))
    start = max((c.label for c in now.clusters), default=-1) + 1
    labels = now.labels.copy()
    labels[rows] = np.where(parts < 0, labels[rows], parts + start)
    labels[came] = _drawn(vectors[came], labels[came], ~now.pinned[came], start, _own(now.labels[came], now))
    fit = Counter(int(label) for label in labels[came] if 0 <= label < start)
    fresh = {int(label) for label in np.unique(labels[came]) if label >= start}
    changed = fresh | {int(label) for label in np.unique(now.labels[came]) if label >= 0}
    made = relabelled(index, view, now.with_arrays(labels=labels), changed, TAKEN_IN, vectors)
    clusters = sorted((c for c in made.clusters if c.label in fresh), key=lambda c: -c.size)
    return News(key, len(came), fit, tuple(clusters), int((labels[came] < 0).sum())), made


def _in_doubt(vectors: Float32, labels: Labels, pinned: Labels, now: Clustering) -> Labels:
    """Which newcomers are asked what they make among themselves, bool (n,): those in no cluster; and if so many lie
    outside the radius of theirs that it is no chance (see ``join.advice``), these too, unless a person put them
    there."""
    radius = {c.label: c.radius for c in now.clusters}
    away = np.linalg.norm(vectors - _own(labels, now), axis=1)
    far = (away > np.array([radius.get(int(label), np.inf) for label in labels])) & ~pinned
    odd = int((far | (labels < 0)).sum())
    asked = odd >= FAR_LEAST and odd > FAR_SHARE * len(labels)
    return np.asarray((labels < 0) | far & asked, np.bool_)


def _own(labels: Labels, now: Clustering) -> Float32:
    """The centre of the cluster of each label, float32 (n, dim); of those in none, any."""
    place = {c.label: row for row, c in enumerate(now.clusters)}
    rows = [place.get(int(label), 0) for label in labels]
    return now.centres[rows] if place else np.zeros((len(rows), now.centres.shape[1]), np.float32)


def _drawn(vectors: Float32, labels: Labels, free: Labels, start: int, centres: Float32) -> Labels:
    """The labels, with those of ``free`` images changed that are nearer to a new cluster, ``start`` and up, than to
    theirs, of ``centres`` float32 (n, dim)."""
    fresh = [label for label in np.unique(labels) if label >= start]
    if not fresh:
        return labels
    away = to_centres(vectors, np.stack([vectors[labels == label].mean(axis=0) for label in fresh]))
    nearer = free & (labels >= 0) & (labels < start) & (away.min(axis=1) < np.linalg.norm(vectors - centres, axis=1))
    return np.where(nearer, np.array(fresh)[away.argmin(axis=1)], labels).astype(np.int32)


def _parts(vectors: Float32, seed: int, loosest: float) -> Labels:
    """The clusters that images make among themselves, int32 (n,); -1 those that are like too few others, or in one
    that is looser than the ``loosest`` of those there are."""
    if len(vectors) < LEAST:
        return np.full(len(vectors), -1, np.int32)
    graph = knn_graph(Shards.of(vectors), min(NEIGHBORS, len(vectors) - 1))
    found = partition(Task(vectors, graph, None, seed), "leiden")[0]
    kept = [n >= LEAST and _tightness(vectors[found == part]) >= loosest for part, n in enumerate(np.bincount(found))]
    return np.where(np.array(kept)[found], found, -1).astype(np.int32)


def _tightness(vectors: Float32) -> float:
    """The mean cosine to the centre."""
    return float((unit(vectors) @ unit(vectors.mean(axis=0, keepdims=True))[0]).mean())

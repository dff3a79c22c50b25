"""Corrections of clusters. Each makes a new version of the clustering; ``state.go_back`` undoes it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.clusters import state
from imagefinder.clusters.algorithms.describe import describe
from imagefinder.clusters.algorithms.hierarchy import tree_of
from imagefinder.clusters.algorithms.methods import Task
from imagefinder.clusters.algorithms.naming import free_name
from imagefinder.clusters.algorithms.partition import partition
from imagefinder.clusters.assign import fits
from imagefinder.clusters.labels import UNKNOWN, labels_now
from imagefinder.clusters.make import dense_labels, find_words, to_cluster
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.index.folder import no_images

if TYPE_CHECKING:
    from imagefinder.clusters.clustering import Cluster, Clustering
    from imagefinder.index.folder import Index
    from imagefinder.index.models import View
    from imagefinder.types import Float32

LONGEST = 200  # characters of a name


def rename(index: Index, cluster: int | str, name: str) -> Clustering:
    """Give a cluster a name, which it keeps when clustering runs again."""
    now = state.current(index)
    found = now.find(cluster)
    name = _checked_name(name)
    _check_free(now, name, found.label)
    return _changed(index, now, found.label, f"rename {found.name} to {name}", name=name, named=True, sure=None)


def _check_free(now: Clustering, name: str, label: int | None = None) -> None:
    """Raise InvalidInputError where another cluster than ``label`` has the name."""
    if any(c.name.casefold() == name.casefold() for c in now.clusters if c.label != label):
        raise InvalidInputError(
            f"Another cluster is called {name!r} already.", remedy="Choose another name, or merge the two."
        )


def _checked_name(name: str) -> str:
    """The name on one line. Raises InvalidInputError for one that can't be told from a label, or can't be written."""
    name = " ".join(name.split())
    if not name:
        raise InvalidInputError("A cluster's name can't be empty.")
    if len(name) > LONGEST:
        raise InvalidInputError(f"A cluster's name can have {LONGEST} characters at most; this one has {len(name):,}.")
    if re.fullmatch(r"[+-]?\d+", name):
        raise InvalidInputError(
            f"A cluster can't be called {name!r}: a number means the label.", remedy="Put a word beside it."
        )
    if not name.isprintable():
        raise InvalidInputError(f"A cluster's name can't hold {next(c for c in name if not c.isprintable())!r}.")
    return name


def lock(index: Index, cluster: int | str, locked: bool = True) -> Clustering:
    """Keep the members of a cluster as they are when clustering runs again, or no longer."""
    now = state.current(index)
    found = now.find(cluster)
    return _changed(index, now, found.label, f"{'lock' if locked else 'unlock'} {found.name}", locked=locked)


def merge(index: Index, view: View, clusters: Sequence[int | str]) -> Clustering:
    """Make one cluster of several; it has the label and name of the first, and its images stay together."""
    now, vectors = with_vectors(index, up_to_date(index))
    found = list(dict.fromkeys(now.find(c) for c in clusters))
    if len(found) < 2:
        raise InvalidInputError("Merging needs two different clusters at least.")
    target, gone = found[0], {c.label for c in found[1:]}
    labels = np.where(np.isin(now.labels, sorted(gone)), target.label, now.labels).astype(np.int32)
    apart = tuple(p for p in now.apart if not set(p) & gone and set(p) != {c.label for c in found})
    done = f"merge {', '.join(c.name for c in found[1:])} into {target.name}"
    changed = replace(now, apart=apart).with_arrays(labels=labels)
    made = relabelled(index, view, changed, {target.label}, done, vectors)
    joined = [replace(c, joined=True) if c.label == target.label else c for c in made.clusters]
    return state.put_in_force(index, replace(made, clusters=tuple(joined)), now)


def split(index: Index, view: View, cluster: int | str, n: int = 2) -> Clustering:
    """Part a cluster into ``n`` by k-means; the largest part keeps its label and name. They stay apart."""
    now, vectors = with_vectors(index, up_to_date(index))
    found = now.find(cluster)
    if n < 2:
        raise InvalidInputError(f"A cluster is split into 2 or more parts, not {n}.")
    rows = np.flatnonzero(now.labels == found.label)
    if len(rows) < 2:
        raise InvalidInputError(f"The cluster {found.name!r} has too few images to be split: {len(rows)}.")
    parts, _ = partition(Task(vectors[rows], None, n, now.parameters["seed"]), "kmeans")
    start = max(c.label for c in now.clusters) + 1
    fresh = [found.label, *range(start, start + n - 1)]
    labels = now.labels.copy()
    labels[rows] = np.array(fresh, np.int32)[parts]
    apart = now.apart + tuple((a, b) for i, a in enumerate(fresh) for b in fresh[i + 1 :])
    changed = replace(now, apart=apart).with_arrays(labels=labels)
    done = f"split {found.name} into {n}"
    return state.put_in_force(index, relabelled(index, view, changed, set(fresh), done, vectors), now)


def move(index: Index, view: View, images: Sequence[str], cluster: int | str) -> Clustering:
    """Put images, by id, into a cluster; they stay there when clustering runs again. Of images that are in it already,
    only that is kept: it costs little."""
    now = up_to_date(index, images)
    target = now.find(cluster)
    chosen = _rows(now, images)
    if (now.labels[chosen] == target.label).all():
        pinned = now.pinned.copy()
        pinned[chosen] = True
        kept = now.with_clusters(now.clusters, f"keep {len(chosen)} in {target.name}").with_arrays(pinned=pinned)
        return state.put_in_force(index, kept, now)
    now, vectors = with_vectors(index, now)
    chosen = _rows(now, images)
    labels, pinned = now.labels.copy(), now.pinned.copy()
    touched = {int(label) for label in labels[chosen]} | {target.label}
    labels[chosen], pinned[chosen] = target.label, True
    done = f"move {len(chosen)} to {target.name}"
    changed = now.with_arrays(labels=labels, pinned=pinned)
    return state.put_in_force(index, relabelled(index, view, changed, touched - {-1}, done, vectors), now)


def create(index: Index, view: View, images: Sequence[str], name: str | None = None) -> Clustering:
    """Make a cluster of images, by id, the last of the clusters; they stay there when clustering runs again. Without a
    name it gets one from what sets it apart."""
    now, vectors = with_vectors(index, up_to_date(index, images))
    if name is not None:
        name = _checked_name(name)
        _check_free(now, name)
    chosen = _rows(now, images)
    label = max(c.label for c in now.clusters) + 1 if now.clusters else 0
    labels, pinned = now.labels.copy(), now.pinned.copy()
    touched = {int(one) for one in labels[chosen]} | {label}
    labels[chosen], pinned[chosen] = label, True
    made = relabelled(index, view, now.with_arrays(labels=labels, pinned=pinned), touched - {-1}, "", vectors)
    fresh = made.find(label)
    named = replace(fresh, name=name, named=True, sure=None) if name else fresh
    done = f"make {named.name} of {len(chosen)}"
    clusters = [named if c.label == label else c for c in made.clusters]
    return state.put_in_force(index, replace(made, clusters=tuple(clusters), done=done), now)


def _rows(now: Clustering, images: Sequence[str]) -> np.ndarray:
    """Where these images stand in a clustering. Raises NotFoundError."""
    rows = {id: row for row, id in enumerate(now.ids)}
    missing = [id for id in images if id not in rows]
    if missing or not images:
        raise NotFoundError(f"The index has no image '{missing[0]}'." if missing else "No image was named.")
    return np.array([rows[id] for id in images])


def up_to_date(index: Index, also: Sequence[str] | None = ()) -> Clustering:
    """The clustering in force with the images of today: those gone left out, those assigned since taken in. Images that
    are not assigned yet are in it, in no cluster, if they are among ``also``; with None they all are."""
    now, there = state.current(index), labels_now(index)
    wanted = there.labels != UNKNOWN
    if also is None or len(also):
        named = None if also is None else set(also)
        wanted |= np.array([named is None or id in named for id in there.ids], bool)
    rows = np.flatnonzero(wanted).tolist()
    return now.with_arrays(
        ids=[there.ids[row] for row in rows],
        labels=np.maximum(there.labels[rows], -1),
        pinned=there.pinned[rows],
        contents=[there.contents[row] for row in rows],
    )


def with_vectors(index: Index, clustering: Clustering) -> tuple[Clustering, Float32]:
    """The clustering without images that have gone since it was brought up to date, and the features of the others,
    float32 (n, dim), in its order. Raises NotFoundError when the index has another model by now, or no image."""
    space = clustering.parameters["space"]
    if not fits(index, clustering):
        raise NotFoundError(
            f"The clusters were made with another model than the index has now: {clustering.parameters['model']}.",
            remedy="Run: imagefinder cluster",
        )
    parts = {id: row for ids, rows in index.raw_batches(space) for id, row in zip(ids, rows, strict=True)}
    there = [row for row, id in enumerate(clustering.ids) if id in parts]
    if not there:
        raise no_images()
    if len(there) < len(clustering.ids):
        clustering = _of_rows(clustering, there)
    return clustering, clustering.features.apply(np.stack([parts[id] for id in clustering.ids]))


def _of_rows(clustering: Clustering, rows: Sequence[int]) -> Clustering:
    contents = clustering.contents
    return clustering.with_arrays(
        ids=[clustering.ids[row] for row in rows],
        labels=clustering.labels[rows],
        pinned=clustering.pinned[rows],
        **({"contents": [contents[row] for row in rows]} if contents else {}),
    )


def _changed(index: Index, now: Clustering, label: int, done: str, **flags: object) -> Clustering:
    """With other flags or another name on one cluster; no image moves."""
    clusters = [replace(c, **flags) if c.label == label else c for c in now.clusters]  # type: ignore[arg-type]
    return state.put_facts_in_force(index, now.with_clusters(clusters, done), now)


def relabelled(
    index: Index,
    view: View,
    changed: Clustering,
    touched: set[int],
    done: str,
    vectors: Float32,
) -> Clustering:
    """The clustering with its facts brought up to its labels: anew for the ``touched`` clusters, as they were for the
    others."""
    numbers, dense = dense_labels(changed.labels)
    facts, centres = describe(vectors, dense, only=[i for i, label in enumerate(numbers) if label in touched])
    before = {c.label: c for c in changed.clusters}
    fresh = {numbers[fact.label]: fact for fact in facts}
    anew = set(numbers) - set(before)
    words, sure = find_words(index, view, changed.ids, dense) if anew else ([], None)
    clusters: list[Cluster] = []
    for i, label in enumerate(numbers):
        old = before.get(label)
        if label not in fresh:
            clusters.append(before[label])
            continue
        said = old.words if old else words[i]
        name = old.name if old else free_name(said, [c.name for c in [*before.values(), *clusters]])
        made = replace(to_cluster(fresh[label], label, name, said, changed.ids), sure=old.sure if old else None)
        clusters.append(replace(made, named=old.named, locked=old.locked, joined=old.joined) if old else made)
    if sure:
        shares = sure([[c.name] for c in clusters])
        clusters = [
            replace(c, sure=shares[i].get(c.name)) if c.label in fresh and not c.named else c
            for i, c in enumerate(clusters)
        ]
    return changed.with_clusters(clusters, done).with_arrays(centres=centres, tree=tree_of(centres))

"""Splits vectors into clusters, by any of the methods of ``METHODS``."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.clusters.algorithms import leiden
from imagefinder.clusters.algorithms.methods import METHODS, NOISE, Method, Task, find_method
from imagefinder.errors import InvalidInputError
from imagefinder.vectors.shards import Shards

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.vectors.neighbors import NeighborGraph

    Labels = npt.NDArray[np.int32]


def partition(task: Task, method: str) -> tuple[Labels, dict[str, Any]]:
    """Labels int32 (n,), 0 for the largest cluster, -1 for noise, and the parameters the method ended up with.

    Without ``n_clusters``, a method that needs a number takes that of the communities in the neighbour graph. Raises
    InvalidInputError for an unknown method or setting, or for more clusters than there are different images.
    """
    how = find_method(method)
    if unknown := sorted(set(task.settings) - set(how.settings)):
        raise InvalidInputError(
            f"{method} has no setting {unknown[0]!r}; it has: {', '.join(how.settings) or 'none'}.",
        )
    different = Shards.of(task.vectors).different(max(2, task.n_clusters or 0))
    _check_count(task, method, how, different)
    if different == 1:
        return np.zeros(len(task.vectors), np.int32), {}
    if task.n_clusters is None and how.needs_count:
        task = replace(task, n_clusters=communities(task.neighbors(), task.seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence on degenerate data, which is dealt with here
        labels, parameters = how.run(task)
    return by_size(labels), parameters


def communities(graph: NeighborGraph, seed: int = 0) -> int:
    """How many communities the neighbour graph falls into (Leiden, modularity): our guess at the number of clusters."""
    return len(np.unique(leiden.leiden(graph, seed=seed)))


def by_size(labels: Labels) -> Labels:
    """The same clusters numbered by size, 0 for the largest; of equals, the one of the earlier row comes first."""
    found, first, counts = np.unique(labels, return_index=True, return_counts=True)
    order = sorted(
        (-int(c), int(f), int(label)) for label, f, c in zip(found, first, counts, strict=True) if label >= 0
    )
    number = {label: i for i, (_, _, label) in enumerate(order)} | {NOISE: NOISE}
    return np.array([number[int(label)] for label in labels], np.int32)


def _check_count(task: Task, method: str, how: Method, different: int) -> None:
    wanted = task.n_clusters
    if wanted is None:
        return
    if not how.counts:
        counting = [name for name, row in METHODS.items() if row.counts]
        raise InvalidInputError(
            f"{method} finds the number of clusters itself; it can't be told to make {wanted}.",
            remedy=f"Leave the number out (-n auto), or choose one of: {', '.join(counting)}.",
        )
    if wanted < 1:
        raise InvalidInputError(f"The number of clusters must be 1 or more, not {wanted}.")
    if wanted > different:
        raise InvalidInputError(
            f"{wanted} clusters were asked for, but there are only {different} different images.",
            remedy=f"Ask for at most {different}.",
        )

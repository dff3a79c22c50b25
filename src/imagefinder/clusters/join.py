"""New images join the clusters there are; and when it is time to cluster again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefinder.clusters import state
from imagefinder.clusters.assign import assign_rest, fits
from imagefinder.clusters.labels import put_back
from imagefinder.errors import IndexDamagedError, NotFoundError
from imagefinder.results import Assigned
from imagefinder.store.filters.parse import Has, Not

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

GROWN = 0.5  # of the images clustered: so many new ones, and it is time to cluster again
FAR_SHARE, FAR_LEAST = 0.2, 30  # of the new ones outside every cluster's radius, where 0.01 would be usual


def assign_new(index: Index) -> Assigned | None:
    """Assign the images without a label to the nearest cluster, or to their own if the clustering knows them; None when
    there is no clustering. One that is damaged is told in the advice: it is no reason for indexing to fail."""
    try:
        if state.in_force(index) is None:
            return None
        clustering = state.current(index)
    except (IndexDamagedError, NotFoundError) as error:
        return Assigned(0, 0, 0, f"New images could not be assigned to clusters: {error.message}")
    returned, ids = put_back(index, clustering, Not(Has("cluster")))
    if not fits(index, clustering):
        advice = "The clusters were made with another model: it is time to cluster again."
        return Assigned(0, 0, 0, advice, returned)
    far = assign_rest(index, clustering, ids)
    sums = state.count_assigned(index, len(ids), far)
    told = _advice(sums["clustered"], sums["assigned"], sums["far"])
    return Assigned(len(ids), far, sums["assigned"], told, returned)


def _advice(clustered: int, since: int, far: int) -> str | None:
    if since >= GROWN * max(clustered, 1):
        return f"{since:,} images came since {clustered:,} were clustered: it is time to cluster again."
    if far >= FAR_LEAST and far > FAR_SHARE * since:
        return f"{far:,} of {since:,} new images fit no cluster well: it is time to cluster again."
    return None

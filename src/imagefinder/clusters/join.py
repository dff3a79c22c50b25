"""New images join the clusters there are; and when it is time to cluster again."""

from __future__ import annotations

from collections.abc import Mapping
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
FAR_SHARE, FAR_LEAST = 0.2, 10  # of the new ones that fit no cluster, where 0.04 would be usual


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
        told = "The clusters were made with another model: it is time to cluster again."
        return Assigned(0, 0, 0, told, returned)
    joined, left, far = assign_rest(index, clustering, ids)
    sums = state.count_assigned(index, joined + left, far, left)
    return Assigned(joined, far, sums["assigned"], advice(sums), returned, left, sums["unassigned"])


def advice(counts: Mapping[str, int]) -> str | None:
    """Whether it is time to cluster again, and why, of the counts of ``state.counts``; None where it isn't."""
    clustered, since = counts["clustered"], counts["assigned"]
    odd = max(counts["unassigned"], counts["far"])
    if odd >= FAR_LEAST and odd > FAR_SHARE * since:
        return f"{odd:,} of {since:,} images that came later fit no cluster: it is time to cluster again."
    if since >= GROWN * max(clustered, 1):
        return f"{since:,} images came since {clustered:,} were clustered: it is time to cluster again."
    return None

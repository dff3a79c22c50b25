"""New images join the clusters there are; and when it is time to cluster again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.clusters import state
from imagefinder.clusters.model import ClusterModel
from imagefinder.errors import IndexDamagedError, NotFoundError
from imagefinder.store.filters.parse import Has, Not

if TYPE_CHECKING:
    from imagefinder.clusters.clustering import Clustering
    from imagefinder.index.folder import Index

GROWN = 0.5  # of the images clustered: so many new ones, and it is time to cluster again
FAR_SHARE, FAR_LEAST = 0.2, 30  # of the new ones outside every cluster's radius, where 0.01 would be usual
BATCH = 2000


@dataclass(frozen=True, slots=True)
class Assigned:
    """What became of new images: how many joined a cluster, how many of these lie farther out than 99 % of it, and
    advice to cluster again, or None. ``since`` counts all images assigned since the clustering was made; ``returned``
    those that were away and have their cluster back."""

    assigned: int
    far: int
    since: int
    advice: str | None
    returned: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def assign_new(index: Index) -> Assigned | None:
    """Assign the images without a label to the nearest cluster, or to their own if the clustering knows them; None when
    there is no clustering. One that is damaged is told in the advice: it is no reason for indexing to fail."""
    try:
        if state.in_force(index) is None:
            return None
        clustering = state.current(index)
    except (IndexDamagedError, NotFoundError) as error:
        return Assigned(0, 0, 0, f"New images could not be assigned to clusters: {error.message}")
    returned, ids = state.put_back(index, clustering, Not(Has("cluster")))
    if not fits(index, clustering):
        advice = "The clusters were made with another model: it is time to cluster again."
        return Assigned(0, 0, 0, advice, returned)
    far = assign_rest(index, clustering, ids)
    sums = state.count_assigned(index, len(ids), far)
    told = _advice(sums["clustered"], sums["assigned"], sums["far"])
    return Assigned(len(ids), far, sums["assigned"], told, returned)


def fits(index: Index, clustering: Clustering) -> bool:
    """Whether the index still holds vectors of the model that the clustering was made with."""
    space = index.manifest.spaces.get(clustering.parameters["space"])
    return space is not None and space.model_fingerprint == clustering.parameters["model_fingerprint"]


def assign_rest(index: Index, clustering: Clustering, ids: Sequence[str]) -> int:
    """Label images by the nearest centre; how many of them lie outside the radius of their cluster."""
    if not fits(index, clustering):
        return 0
    space, model, far = clustering.parameters["space"], ClusterModel.of(clustering), 0
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        raw = {id: found[space] for id, found in index.raw_of(part, [space]).items() if space in found}
        if not raw:
            continue
        labels, _, outside = model.assign(np.stack(list(raw.values())).astype(np.float32))
        far += int(outside.sum())
        state.label_records(index, clustering.names(), zip(raw, labels.tolist(), strict=True))
    return far


def _advice(clustered: int, since: int, far: int) -> str | None:
    if since >= GROWN * max(clustered, 1):
        return f"{since:,} images came since {clustered:,} were clustered: it is time to cluster again."
    if far >= FAR_LEAST and far > FAR_SHARE * since:
        return f"{far:,} of {since:,} new images fit no cluster well: it is time to cluster again."
    return None

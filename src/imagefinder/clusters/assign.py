"""Assigns images of an index to the nearest cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.clusters.labels import label_records
from imagefinder.clusters.model import ClusterModel

if TYPE_CHECKING:
    from imagefinder.clusters.clustering import Clustering
    from imagefinder.index.folder import Index

BATCH = 2000


def fits(index: Index, clustering: Clustering) -> bool:
    """Whether the index still holds vectors of the model that the clustering was made with."""
    space = index.manifest.spaces.get(clustering.parameters["space"])
    return space is not None and space.model_fingerprint == clustering.parameters["model_fingerprint"]


def assign_rest(index: Index, clustering: Clustering, ids: Sequence[str]) -> tuple[int, int, int]:
    """Label images by the nearest centre, -1 those that are like none of the clustered ones. How many joined a cluster,
    how many are in none, and how many of all lie outside the radius of the nearest."""
    joined = left = far = 0
    if not fits(index, clustering):
        return joined, left, far
    space, model = clustering.parameters["space"], ClusterModel.of(clustering)
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        raw = {id: found[space] for id, found in index.raw_of(part, [space]).items() if space in found}
        if not raw:
            continue
        labels, _, outside = model.assign(np.stack(list(raw.values())).astype(np.float32))
        far += int(outside.sum())
        left += int((labels < 0).sum())
        joined += int((labels >= 0).sum())
        label_records(index, clustering.names(), zip(raw, labels.tolist(), strict=True))
    return joined, left, far

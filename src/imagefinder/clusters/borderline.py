"""Which members of a cluster are most in doubt, and where else they might belong."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.clusters import state
from imagefinder.clusters.algorithms.scores import to_centres
from imagefinder.clusters.assign import BATCH, fits
from imagefinder.errors import NotFoundError
from imagefinder.store.filters.parse import Compare

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

OTHERS = 3


@dataclass(frozen=True, slots=True)
class Doubt:
    """An image and the labels of the ``others`` that it might be in, the nearest first; ``margin`` is how much farther
    the first of them is than its own cluster, below 0 where it is nearer."""

    id: str
    margin: float
    others: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "margin": round(self.margin, 4), "others": list(self.others)}


def borderline(index: Index, cluster: int | str, k: int, *, new: bool = False) -> list[Doubt]:
    """The ``k`` members that are nearest to another cluster, the most doubtful first, without those that a person has
    put or kept there; ``new``: of those alone that came since the images were grouped."""
    now = state.current(index)
    own = now.find(cluster)
    if not fits(index, now):
        raise NotFoundError("The clusters were made with another model.", remedy="Run: imagefinder cluster")
    columns = index.store.columns(("id", "cluster_pinned", "content_hash"), filter=Compare("cluster", "=", own.label))
    ids = [id for id, pinned in zip(columns["id"], columns["cluster_pinned"], strict=True) if not pinned]
    if new:
        first = state.grouped_from(index, now)
        known, contents = set(first.ids), dict(zip(columns["id"], columns["content_hash"], strict=True))
        hashes = set(first.contents)
        ids = [id for id in ids if (contents[id] not in hashes if hashes else id not in known)]
    if len(now.clusters) < 2:
        return []
    place, space = now.place(own.label), now.parameters["space"]
    labels = [c.label for c in now.clusters]
    found: list[Doubt] = []
    for start in range(0, len(ids), BATCH):
        raw = {id: row[space] for id, row in index.raw_of(ids[start : start + BATCH], [space]).items() if space in row}
        if not raw:
            continue
        away = to_centres(now.features.apply(np.stack(list(raw.values())).astype(np.float32)), now.centres)
        mine = away[:, place].copy()
        away[:, place] = np.inf
        nearest = np.argsort(away, axis=1, kind="stable")[:, : min(OTHERS, len(labels) - 1)]
        for row, id in enumerate(raw):
            others = tuple(labels[i] for i in nearest[row])
            found.append(Doubt(id, float(away[row, nearest[row, 0]] - mine[row]), others))
        found = sorted(found, key=lambda doubt: (doubt.margin, doubt.id))[:k]
    return found

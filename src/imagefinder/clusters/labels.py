"""The labels on the records: which cluster each image is in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from imagefinder.clusters.clustering import Clustering
    from imagefinder.index.folder import Index
    from imagefinder.store.filters.parse import Filter

FIELDS = ("cluster", "cluster_name", "cluster_pinned")
HASH = ("content_hash",)
UNKNOWN = -2  # the label of an image that was never assigned


def labels_now(index: Index) -> tuple[list[str], np.ndarray, np.ndarray]:
    """What the records say: ids, labels int32 (n,), -1 for noise and -2 for none, and which are pinned, bool (n,)."""
    ids: list[str] = []
    labels: list[int] = []
    pinned: list[bool] = []
    for points in index.store.scroll(fields=FIELDS, batch=5000):
        for point in points:
            ids.append(point.id)
            label = point.payload.get("cluster")
            labels.append(label if isinstance(label, int) else UNKNOWN)
            pinned.append(bool(point.payload.get("cluster_pinned")))
    return ids, np.array(labels, np.int32), np.array(pinned, bool)


def label_records(index: Index, names: Mapping[int, str], wanted: Iterable[tuple[str, int]]) -> None:
    """Write labels and names on the records of these ids."""
    by_label: defaultdict[int, list[str]] = defaultdict(list)
    for id, label in wanted:
        by_label[label].append(id)
    for label, ids in by_label.items():
        index.store.merge_payload(ids, {"cluster": label, "cluster_name": names.get(label)})


def put_back(index: Index, clustering: Clustering, filter: Filter | None = None) -> tuple[int, list[str]]:
    """Make the records that a filter lets through say what the clustering says: label, name, pin. How many it knows,
    and the ids of the others: new images, and those whose content has changed since."""
    rows = {id: row for row, id in enumerate(clustering.ids)}
    names = clustering.names()
    changed: list[tuple[str, int]] = []
    unknown: list[str] = []
    pins: dict[bool, list[str]] = {True: [], False: []}
    total = 0
    for points in index.store.scroll(filter=filter, fields=FIELDS + HASH, batch=5000):
        total += len(points)
        for point in points:
            row = rows.get(point.id)
            if row is None or (clustering.contents and clustering.contents[row] != point.payload["content_hash"]):
                unknown.append(point.id)
                pinned = False
            else:
                label, pinned = int(clustering.labels[row]), bool(clustering.pinned[row])
                if point.payload.get("cluster") != label or point.payload.get("cluster_name") != names.get(label):
                    changed.append((point.id, label))
            if bool(point.payload.get("cluster_pinned")) != pinned:
                pins[pinned].append(point.id)
    label_records(index, names, changed)
    index.store.merge_payload(pins[True], {"cluster_pinned": True})
    index.store.merge_payload(pins[False], {"cluster_pinned": None})
    return total - len(unknown), unknown

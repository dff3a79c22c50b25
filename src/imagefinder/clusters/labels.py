"""The labels on the records: which cluster each image is in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.clusters.algorithms.methods import NOISE
from imagefinder.index.there import each_there
from imagefinder.store.filters.parse import Compare

if TYPE_CHECKING:
    from imagefinder.clusters.clustering import Clustering
    from imagefinder.index.folder import Index
    from imagefinder.store.filters.parse import Filter

FIELDS = ("cluster", "cluster_name", "cluster_pinned")
HASH = ("content_hash",)
UNKNOWN = -2  # the label of an image that was never assigned


@dataclass(frozen=True, slots=True)
class Labels:
    """What the records say: ``ids``, ``labels`` int32 (n,), -1 for noise and -2 for none, which are ``pinned``, bool
    (n,), and the content hash of each image."""

    ids: list[str]
    labels: np.ndarray
    pinned: np.ndarray
    contents: list[str]


def labels_now(index: Index) -> Labels:
    """Read them from all records, by ascending id."""
    columns = index.store.columns(("id", "cluster", "cluster_pinned", "content_hash"))
    labels = [label if isinstance(label, int) else UNKNOWN for label in columns["cluster"]]
    pinned = [bool(is_pinned) for is_pinned in columns["cluster_pinned"]]
    contents = [content or "" for content in columns["content_hash"]]
    return Labels(columns["id"], np.array(labels, np.int32), np.array(pinned, bool), contents)


def count_members(index: Index, labels: Iterable[int]) -> dict[int, int]:
    """How many images have each of these labels now; -1 counts all others, if there are any."""
    sizes = {label: index.store.count(Compare("cluster", "=", label)) for label in labels}
    rest = index.store.count() - sum(sizes.values())
    return {**sizes, NOISE: rest} if rest > 0 else sizes


def members_of(index: Index, label: int) -> list[str]:
    """The ids of the images that have this label now."""
    return index.store.columns(("id",), filter=Compare("cluster", "=", label))["id"]


def label_records(index: Index, names: Mapping[int, str], wanted: Iterable[tuple[str, int]]) -> None:
    """Write labels and names on the records of these ids."""
    by_label: defaultdict[int, list[str]] = defaultdict(list)
    for id, label in wanted:
        by_label[label].append(id)
    for label, ids in by_label.items():
        index.store.merge_payload(ids, {"cluster": label, "cluster_name": names.get(label)})


def rename_members(index: Index, former: Clustering, now: Clustering) -> None:
    """Write the names on the records of the clusters that are called otherwise ``now``. Both have the same images in
    the same clusters."""
    before = former.names()
    for label, name in now.names().items():
        if name != before.get(label):
            index.store.merge_payload(members_of(index, label), {"cluster_name": name})


def relabel(index: Index, former: Clustering, now: Clustering) -> None:
    """Write what is otherwise ``now`` on the records, which say what ``former`` says, of the same images."""
    renamed = [label for label, name in now.names().items() if name != former.names().get(label)]
    otherwise = (former.labels != now.labels) | (former.pinned != now.pinned) | np.isin(now.labels, renamed)
    rows = {now.ids[row]: row for row in np.flatnonzero(otherwise).tolist()}
    same = [p.id for p in each_there(index.store, rows) if p.payload["content_hash"] == now.contents[rows[p.id]]]
    label_records(index, now.names(), [(id, int(now.labels[rows[id]])) for id in same])
    pins = {id: bool(now.pinned[row]) for id in same if now.pinned[row := rows[id]] != former.pinned[row]}
    _pin(index, pins)


def _pin(index: Index, pins: Mapping[str, bool]) -> None:
    index.store.merge_payload([id for id, pinned in pins.items() if pinned], {"cluster_pinned": True})
    index.store.merge_payload([id for id, pinned in pins.items() if not pinned], {"cluster_pinned": None})


def put_back(index: Index, clustering: Clustering, filter: Filter | None = None) -> tuple[int, list[str]]:
    """Make the records that a filter lets through say what the clustering says: label, name, pin. How many it knows,
    and the ids of the others: new images, and those whose content has changed since."""
    rows = {id: row for row, id in enumerate(clustering.ids)}
    names = clustering.names()
    changed: list[tuple[str, int]] = []
    unknown: list[str] = []
    pins: dict[str, bool] = {}
    total = 0
    moved = _moved_rows(index, clustering, rows)
    for points in index.store.scroll(filter=filter, fields=FIELDS + HASH):
        total += len(points)
        for point in points:
            row = rows.get(point.id, moved.get(point.payload["content_hash"]))
            if row is None or (clustering.contents and clustering.contents[row] != point.payload["content_hash"]):
                unknown.append(point.id)
                pinned = False
            else:
                label, pinned = int(clustering.labels[row]), bool(clustering.pinned[row])
                if point.payload.get("cluster") != label or point.payload.get("cluster_name") != names.get(label):
                    changed.append((point.id, label))
            if bool(point.payload.get("cluster_pinned")) != pinned:
                pins[point.id] = pinned
    label_records(index, names, changed)
    _pin(index, pins)
    return total - len(unknown), unknown


def _moved_rows(index: Index, clustering: Clustering, rows: Mapping[str, int]) -> dict[str, int]:
    """By content, the rows of images that are not in the index any more: their files may be in other places now."""
    if not clustering.contents:
        return {}
    there = set(index.store.columns(("id",))["id"])
    return {clustering.contents[row]: row for id, row in rows.items() if id not in there and clustering.contents[row]}

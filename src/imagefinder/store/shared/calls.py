"""The reading calls of a store as messages: how each is answered, and how points are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from imagefinder.store.base import Point
from imagefinder.store.filters.parse import as_filter

if TYPE_CHECKING:
    from imagefinder.store.base import Store

Answer: TypeAlias = tuple[Any, Sequence[np.ndarray]]


def _query(store: Store, asked: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> Answer:
    options = {name: asked[name] for name in ("offset", "min_score", "exact", "exclude", "payload")}
    found = store.query(asked["name"], arrays[0], asked["k"], filter=as_filter(asked["filter"]), **options)
    return [[p.id, p.score, p.payload] for p in found], ()


def _scroll(store: Store, asked: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> Answer:
    options = {name: asked[name] for name in ("fields", "vectors", "batch", "after")}
    return packed(next(iter(store.scroll(filter=as_filter(asked["filter"]), **options)), []))


def _match(store: Store, asked: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> Answer:
    found = store.match(asked["text"], asked["k"], filter=as_filter(asked["filter"]), ids=asked["ids"])
    return [dict(found.scores), found.rest, found.full], ()


READS: dict[str, Callable[[Store, Mapping[str, Any], Sequence[np.ndarray]], Answer]] = {
    "writes": lambda store, asked, arrays: (store.writes, ()),
    "vectors": lambda store, asked, arrays: ({n: asdict(p) for n, p in store.vectors().items()}, ()),
    "query": _query,
    "approximate": lambda store, asked, arrays: (store.approximate(asked["name"]), ()),
    "score": lambda store, asked, arrays: (store.score(asked["name"], arrays[0], asked["ids"]), ()),
    "retrieve": lambda store, asked, arrays: packed(store.retrieve(asked["ids"], vectors=asked["vectors"])),
    "scroll": _scroll,
    "columns": lambda store, asked, arrays: (
        store.columns(asked["fields"], filter=as_filter(asked["filter"])),
        (),
    ),
    "match": _match,
    "without_vector": lambda store, asked, arrays: (store.without_vector(asked["name"]), ()),
    "count": lambda store, asked, arrays: (store.count(as_filter(asked["filter"])), ()),
}


def packed(points: Sequence[Point]) -> Answer:
    """Points as JSON, and for each named vector one array of those that have it."""
    names = list(dict.fromkeys(name for point in points for name in point.vectors))
    rows = {name: [i for i, point in enumerate(points) if name in point.vectors] for name in names}
    arrays = [np.stack([points[i].vectors[name] for i in rows[name]]) for name in names]
    return {"points": [[p.id, p.payload] for p in points], "rows": rows}, arrays


def unpacked(said: Mapping[str, Any], arrays: Sequence[np.ndarray]) -> list[Point]:
    """The points of ``packed``."""
    vectors: list[dict[str, np.ndarray]] = [{} for _ in said["points"]]
    for (name, rows), array in zip(said["rows"].items(), arrays, strict=True):
        for row, vector in zip(rows, array, strict=True):
            vectors[row][name] = vector
    return [Point(id, payload, held) for (id, payload), held in zip(said["points"], vectors, strict=True)]

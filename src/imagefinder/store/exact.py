"""A store in memory that compares with all vectors: small and simple, the reference for the others."""

from __future__ import annotations

import copy
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imagefinder.errors import IndexDamagedError, InvalidInputError, NotFoundError
from imagefinder.store.base import Matches, Point, ScoredPoint, VectorParams
from imagefinder.store.checks import (
    canonical_ids,
    checked_batch,
    checked_id,
    checked_new_vector,
    checked_payload,
    checked_points,
    checked_rows,
    checked_vector,
    checked_window,
    known,
)
from imagefinder.store.filters.parse import Filter
from imagefinder.store.filters.predicate import matches
from imagefinder.store.words import K1, B, numbers_of, said_in


class ExactStore:
    """Points in a dict; each score is a dot product. Fulfils ``base.Store``. Nothing is stored longer than the process
    lives."""

    def __init__(self) -> None:
        self._writes = 0
        self._begin({})

    @classmethod
    def create(cls, path: Path | None = None) -> ExactStore:
        """A new, empty store; a folder is not needed."""
        return cls()

    @classmethod
    def open(cls, path: Path) -> ExactStore:
        """Raises IndexDamagedError: what was in memory is lost."""
        raise IndexDamagedError(f"The points of {path.parent} were in the memory of a process that has ended.")

    def start_over(self, vectors: Mapping[str, VectorParams]) -> None:
        for name, params in vectors.items():
            checked_new_vector(name, params)
        self._writes += 1
        self._begin(vectors)

    def _begin(self, vectors: Mapping[str, VectorParams]) -> None:
        self._params: dict[str, VectorParams] = dict(vectors)
        self._payloads: dict[str, dict[str, Any]] = {}
        self._vectors: dict[str, dict[str, np.ndarray]] = {}

    @property
    def writes(self) -> int:
        return self._writes

    def vectors(self) -> Mapping[str, VectorParams]:
        return dict(self._params)

    def create_vector(self, name: str, params: VectorParams) -> None:
        checked_new_vector(name, params)
        if self._params.get(name, params) != params:
            raise InvalidInputError(f"There is a vector {name!r} already, with {self._params[name]}.")
        self._params[name] = params

    def drop_vector(self, name: str) -> None:
        known(self._params, name)
        self._writes += 1
        del self._params[name]
        for vectors in self._vectors.values():
            vectors.pop(name, None)

    def upsert(self, points: Sequence[Point]) -> None:
        self._writes += 1
        for point in checked_points(points, self._params):
            self._payloads[point.id] = copy.deepcopy(dict(point.payload))
            self._vectors[point.id] = {n: _stored(v, self._params[n]) for n, v in point.vectors.items()}

    def set_vectors(self, name: str, ids: Sequence[str], array: np.ndarray) -> None:
        params = known(self._params, name)
        rows = checked_rows(name, array, params, len(ids))
        self._writes += 1
        keys = [self._existing(id) for id in ids]
        for key, row in zip(keys, rows, strict=True):
            self._vectors[key][name] = _stored(row, params)

    def set_payload(self, id: str, payload: Mapping[str, Any]) -> None:
        checked_payload(payload)
        self._writes += 1
        self._payloads[self._existing(id)] = copy.deepcopy(dict(payload))

    def merge_payload(self, ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        checked_payload(payload)
        self._writes += 1
        for key in canonical_ids(ids):
            if key in self._payloads:
                merged = {**self._payloads[key], **copy.deepcopy(dict(payload))}
                self._payloads[key] = {k: v for k, v in merged.items() if k not in payload or v is not None}

    def delete(self, ids: Sequence[str]) -> None:
        self._writes += 1
        for key in canonical_ids(ids):
            self._payloads.pop(key, None)
            self._vectors.pop(key, None)

    def want_room(self, n_bytes: int = 0) -> None:
        pass

    def query(
        self,
        name: str,
        vector: np.ndarray,
        k: int,
        *,
        filter: Filter | None = None,
        offset: int = 0,
        min_score: float | None = None,
        exact: bool = False,
        exclude: Collection[str] = (),
        payload: bool = True,
    ) -> list[ScoredPoint]:
        params = known(self._params, name)
        checked_window(k, offset, min_score)
        query = checked_vector(name, vector, params)
        if params.metric == "cosine":
            query = _unit(query)
        left_out = set(canonical_ids(exclude))
        scored = [
            (float(self._vectors[id][name].astype(np.float32) @ query), id)
            for id in self._ids(filter)
            if name in self._vectors[id] and id not in left_out
        ]
        scored = sorted((s for s in scored if min_score is None or s[0] >= min_score), key=lambda s: (-s[0], s[1]))
        return [ScoredPoint(id, score, copy.deepcopy(self._payloads[id])) for score, id in scored[offset : offset + k]]

    def approximate(self, name: str) -> bool:
        known(self._params, name)
        return False

    def score(self, name: str, vector: np.ndarray, ids: Sequence[str]) -> dict[str, float]:
        wanted = set(canonical_ids(ids))
        return {p.id: p.score for p in self.query(name, vector, max(1, len(self._payloads))) if p.id in wanted}

    def match(self, text: str, k: int, *, filter: Filter | None = None, ids: Sequence[str] | None = None) -> Matches:
        checked_window(k, 0, None)
        wanted = set(self._ids(filter)) if ids is None else set(canonical_ids(ids)).intersection(self._ids(filter))
        found = [(score, id) for id, score in self._said(set(numbers_of(text))).items() if id in wanted]
        best = sorted(found, reverse=True)[:k]
        rest = best[-1][0] if len(best) >= k and ids is None else 0.0
        return Matches({id: score for score, id in best if score > rest}, rest, self._full(text) if best else 0.0)

    def _full(self, text: str) -> float:
        """The sum of the inverse document frequencies of the words; those that no text says count half."""
        said = [{n for t in said_in(p) for n in numbers_of(t)} for p in self._payloads.values()]
        counts = [sum(word in one for one in said) for word in set(numbers_of(text))]
        rarities = [math.log(1 + (sum(map(bool, said)) - n + 0.5) / (n + 0.5)) for n in counts]
        return sum(r if n else r / 2 for r, n in zip(rarities, counts, strict=True))

    def _said(self, words: Collection[int]) -> dict[str, float]:
        """BM25 as its formula says it."""
        said = {id: [n for text in said_in(p) for n in numbers_of(text)] for id, p in self._payloads.items()}
        said = {id: numbers for id, numbers in said.items() if numbers}
        mean = sum(map(len, said.values())) / max(1, len(said))
        totals: dict[str, float] = {}
        for word in words:
            there = [id for id, numbers in said.items() if word in numbers]
            rarity = math.log(1 + (len(said) - len(there) + 0.5) / (len(there) + 0.5))
            for id in there:
                n, length = said[id].count(word), 1 - B + B * len(said[id]) / mean
                totals[id] = totals.get(id, 0.0) + rarity * n * (K1 + 1) / (n + K1 * length)
        return totals

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> list[Point]:
        for name in vectors:
            known(self._params, name)
        return [self._point(key, None, vectors) for key in canonical_ids(ids) if key in self._payloads]

    def scroll(
        self,
        *,
        filter: Filter | None = None,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        batch: int = 1000,
        after: str | None = None,
    ) -> Iterator[list[Point]]:
        checked_batch(batch)
        for name in vectors:
            known(self._params, name)
        ids = [id for id in self._ids(filter) if after is None or id > after]
        return ([self._point(id, fields, vectors) for id in ids[i : i + batch]] for i in range(0, len(ids), batch))

    def columns(self, fields: Sequence[str], *, filter: Filter | None = None) -> dict[str, list[Any]]:
        ids = self._ids(filter)
        rows = [{**copy.deepcopy(self._payloads[id]), "id": id} for id in ids]
        return {field: [row.get(field) for row in rows] for field in fields}

    def without_vector(self, name: str) -> list[str]:
        known(self._params, name)
        return sorted(id for id, held in self._vectors.items() if name not in held)

    def count(self, filter: Filter | None = None) -> int:
        return len(self._ids(filter))

    def optimize(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _ids(self, filter: Filter | None) -> list[str]:
        return sorted(id for id, payload in self._payloads.items() if filter is None or matches(filter, payload))

    def _existing(self, id: str) -> str:
        key = checked_id(id)
        if key not in self._payloads:
            raise NotFoundError(f"There is no point with the id {key}.")
        return key

    def _point(self, id: str, fields: Sequence[str] | None, vectors: Sequence[str]) -> Point:
        payload = {k: v for k, v in self._payloads[id].items() if fields is None or k in fields}
        held = self._vectors[id]
        return Point(id, copy.deepcopy(payload), {n: held[n].astype(np.float32) for n in vectors if n in held})


def _unit(vector: np.ndarray) -> np.ndarray:
    """``vector`` scaled to unit length. A vector of zeros stays as it is; its score with any other is 0."""
    length = np.linalg.norm(vector.astype(np.float64))
    unit: np.ndarray = (vector / length).astype(np.float32) if length > 0 else vector
    return unit


def _stored(vector: np.ndarray, params: VectorParams) -> np.ndarray:
    return (_unit(vector) if params.metric == "cosine" else vector).astype(params.dtype)

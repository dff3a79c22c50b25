"""Ranks images by the Euclidean distance of raw vectors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imagefinder.errors import InvalidQueryError
from imagefinder.search.embed import EmbeddedTerm
from imagefinder.store.base import ScoredPoint

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.store.filters.parse import Filter
    from imagefinder.types import Float32

KEPT_BYTES = 1 << 30  # of raw vectors that stay in memory from one search to the next
ROWS = 4096  # read at once
SLACK = 16  # further ones whose exact distance is looked at


@dataclass(frozen=True)
class DistanceRanking:
    """The images that pass ``filter`` and are not in ``exclude``, ranked by the distance of their raw vectors in
    ``space`` to ``point``, float32 (dim,), the nearest first. The score is the negative distance.

    The length of a raw vector shows how strongly the model responds; the cosine ignores it. ``point`` is compared with
    every vector, without an approximate index.
    """

    index: Index
    space: str
    point: Float32
    filter: Filter | None = None
    exclude: Collection[str] = ()

    def best(self, depth: int, *, payload: bool = True) -> list[ScoredPoint]:
        """The ``depth`` nearest; without ``payload``, that of all is missing."""
        away = self._away
        if self.filter:
            allowed = self._table.rows_of(self.index.store.columns(["id"], filter=self.filter)["id"])
            away = np.full(len(away), np.inf, np.float32)
            away[allowed] = self._away[allowed]
        wanted = min(len(away), depth + len(self.exclude) + SLACK)
        near = np.argpartition(away, wanted - 1)[:wanted] if wanted else np.zeros(0, np.intp)
        exact = self._exact(near[np.isfinite(away[near])])
        found = sorted((-score, id) for id, score in exact.items() if id not in self.exclude)[:depth]
        if not payload:
            return [ScoredPoint(id, -distance, {}) for distance, id in found]
        held = {p.id: p.payload for p in self.index.store.retrieve([id for _, id in found])}
        return [ScoredPoint(id, -distance, held[id]) for distance, id in found if id in held]

    def scores(self, ids: Sequence[str]) -> dict[str, float]:
        """The scores of these images; one without a vector is left out."""
        return self._exact(self._table.rows_of(ids))

    def sampled(self) -> tuple[Sequence[str], Float32]:
        """The ids of random images, and their scores, float32 (n,)."""
        ids = [id for id in self.index.sampled(self.space).ids if id in self._table.places and id not in self.exclude]
        return ids, -self._away[self._table.rows_of(ids)]

    def background(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores of all images."""
        return -float(self._away.mean()), max(float(self._away.std()), 1e-6)

    def _exact(self, rows: np.ndarray) -> dict[str, float]:
        away = np.linalg.norm(self._table.vectors[rows] - self.point, axis=1)
        return {self._table.ids[row]: -float(distance) for row, distance in zip(rows, away, strict=True)}

    @cached_property
    def _table(self) -> RawTable:
        return raw_table(self.index, self.space)

    @cached_property
    def _away(self) -> Float32:
        return self._table.distances(self.point)


class RawTable(NamedTuple):
    """The raw ``vectors`` of a space, float32 (n, dim), with their ids, the row of each id, and the squared lengths of
    the vectors, ``squares`` (n,)."""

    ids: list[str]
    places: dict[str, int]
    vectors: Float32
    squares: Float32

    def rows_of(self, ids: Sequence[str]) -> np.ndarray:
        """The rows of those ids that are in the table."""
        return np.array([self.places[id] for id in ids if id in self.places], np.intp)

    def distances(self, point: Float32) -> Float32:
        """The distance from every vector to ``point``, float32 (n,). It is computed by a product, which is inexact for
        small distances."""
        squares = self.squares - 2 * (self.vectors @ point) + point @ point
        return np.asarray(np.sqrt(np.maximum(squares, 0)), np.float32)


def raw_table(index: Index, space: str) -> RawTable:
    """The raw vectors of a space. If there are not too many, they are cached until the next write."""
    key = f"raw:{space}"
    writes = index.store.writes
    if key in index.remembered and index.remembered[key][0] == writes:
        kept: RawTable = index.remembered[key][1]
        return kept
    blocks = list(index.raw_batches(space, ROWS))
    vectors = np.concatenate([rows for _, rows in blocks] or [np.zeros((0, index.space(space).dim), np.float32)])
    ids = [id for some, _ in blocks for id in some]
    places = {id: row for row, id in enumerate(ids)}
    table = RawTable(ids, places, vectors, np.einsum("ij,ij->i", vectors, vectors))
    if vectors.nbytes <= KEPT_BYTES:
        index.remembered[key] = (writes, table)
    return table


def raw_point(index: Index, embedded: Sequence[EmbeddedTerm]) -> Float32:
    """The weighted mean of the raw vectors of the terms, float32 (dim,). Raises InvalidQueryError where this has no
    meaning: for text, and if the weights add up to zero."""
    weight = sum(m.weight for m in embedded)
    if weight <= 0 or any(m.words for m in embedded):
        raise InvalidQueryError(
            "The Euclidean distance compares pictures with pictures, and needs one that is wanted.",
            remedy="Leave out the words, or the measure.",
        )
    total = np.zeros(index.space(embedded[0].space).dim, np.float32)
    for term in embedded:
        if term.raw is None:
            held = index.raw_of([term.id], [term.space]).get(term.id, {})
            if term.space not in held:
                from imagefinder.search.embed import no_image

                raise no_image(term.id)
            raw = held[term.space]
        else:
            raw = term.raw.astype(np.float16)  # to the precision that is stored
        total = total + term.weight * np.asarray(raw, np.float32)
    return np.asarray(total / weight, np.float32)

"""Ranks images by the Euclidean distance of the vectors as the model gave them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.embedding import Meaning
from imagefinder.errors import InvalidQueryError
from imagefinder.store.base import ScoredPoint

if TYPE_CHECKING:
    from imagefinder.index import Index
    from imagefinder.store.filters import Filter
    from imagefinder.types import Float32

KEPT_BYTES = 1 << 30  # of raw vectors that stay in memory from one search to the next
ROWS = 4096  # compared at once


@dataclass(frozen=True, slots=True)
class DistanceRanking:
    """The images that pass ``filter``, without ``exclude``, by how near their raw vectors in ``space`` are to
    ``point``, float32 (dim,), the nearest first. A score is the distance with a minus sign.

    Raw vectors have lengths, which tell how strongly a model responds; the cosine leaves that out. Every vector is
    compared: there is no index for it.
    """

    index: Index
    space: str
    point: Float32
    filter: Filter | None = None
    exclude: Collection[str] = ()

    def best(self, depth: int) -> list[ScoredPoint]:
        """The ``depth`` nearest."""
        ids, away = self._distances()
        allowed = set(self.index.store.columns(["id"], filter=self.filter)["id"]) if self.filter else None
        order = np.lexsort((ids, away))
        found: list[tuple[str, float]] = []
        for row in order:
            id = str(ids[row])
            if id not in self.exclude and (allowed is None or id in allowed):
                found.append((id, -float(away[row])))
                if len(found) == depth:
                    break
        held = {p.id: p.payload for p in self.index.store.retrieve([id for id, _ in found])}
        return [ScoredPoint(id, score, held[id]) for id, score in found if id in held]

    def scores(self, ids: Sequence[str]) -> dict[str, float]:
        """The scores of these images; one without a vector is left out."""
        all_ids, away = self._distances()
        wanted = set(ids)
        return {id: -float(d) for id, d in zip(map(str, all_ids), away, strict=True) if id in wanted}

    def background(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores of all images."""
        _, away = self._distances()
        return -float(away.mean()), max(float(away.std()), 1e-6)

    def _distances(self) -> tuple[np.ndarray, Float32]:
        ids, parts = [], []
        for some, rows in raw_blocks(self.index, self.space):
            ids.append(some)
            parts.append(np.linalg.norm(rows.astype(np.float32) - self.point, axis=1))
        if not ids:
            return np.zeros(0, "U36"), np.zeros(0, np.float32)
        return np.concatenate(ids), np.concatenate(parts)


def raw_blocks(index: Index, space: str) -> Sequence[tuple[np.ndarray, np.ndarray]]:
    """Ids (n,) and raw vectors float16 (n, dim), in blocks; kept until the next write, if they are not too many."""
    key = f"raw:{space}"
    writes = index.store.writes
    if key in index.remembered and index.remembered[key][0] == writes:
        kept: Sequence[tuple[np.ndarray, np.ndarray]] = index.remembered[key][1]
        return kept
    blocks = [(np.array(ids), rows.astype(np.float16)) for ids, rows in index.raw_batches(space, ROWS)]
    if sum(rows.nbytes for _, rows in blocks) <= KEPT_BYTES:
        index.remembered[key] = (writes, blocks)
    return blocks


def raw_point(index: Index, meanings: Sequence[Meaning]) -> Float32:
    """The weighted mean of the raw vectors that the terms of a query stand for, float32 (dim,). Raises
    InvalidQueryError where that has no meaning: for words, and where the weights come to nothing."""
    weight = sum(m.weight for m in meanings)
    if weight <= 0 or any(m.words for m in meanings):
        raise InvalidQueryError(
            "The Euclidean distance compares pictures with pictures, and needs one that is wanted.",
            remedy="Leave out the words, or the measure.",
        )
    total = np.zeros(index.space(meanings[0].space).dim, np.float32)
    for meaning in meanings:
        if meaning.raw is None:
            held = index.raw_of([meaning.id], [meaning.space]).get(meaning.id, {})
            if meaning.space not in held:
                from imagefinder.embedding import no_image

                raise no_image(meaning.id)
            raw = held[meaning.space]
        else:
            raw = meaning.raw.astype(np.float16)  # to the precision that is stored
        total = total + meaning.weight * np.asarray(raw, np.float32)
    return np.asarray(total / weight, np.float32)

"""The part of a run that makes records and stores them, in the process of the run or, of an index at an address, in
workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.ingest.reading import Read
from imagefinder.ingest.records import copied_facts, make_record
from imagefinder.store.base import Point
from imagefinder.types import SkipCode, Skipped

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.ingest.former import Former


class Storing:
    """Stores images in ``index``, with what their ``former`` records say. ``stored`` is called for each that is."""

    def __init__(self, index: Index, former: Former, stored: Callable[[Read], None]) -> None:
        self._index, self._former, self._stored = index, former, stored

    def store(self, reads: Sequence[Read]) -> list[Skipped]:
        """Store those of these that have vectors or are copies of a point; of which the point is gone, is returned."""
        with self._index.writing:  # neither a refit nor an edit between what is read here and what is written
            self._fresh([read for read in reads if read.vectors is not None])
            return self._copies([read for read in reads if read.copy_of is not None])

    def _fresh(self, reads: Sequence[Read]) -> None:
        import numpy as np

        if not reads:
            return
        spaces = reads[0].vectors or {}
        raw = {name: np.stack([(r.vectors or {})[name] for r in reads]) for name in spaces}
        named = self._index.search_vectors(raw)
        payloads = self._payloads(reads, [r.facts for r in reads])
        self._upsert(reads, payloads, [{name: array[i] for name, array in named.items()} for i in range(len(reads))])

    def _copies(self, reads: Sequence[Read]) -> list[Skipped]:
        if not reads:
            return []
        names = sorted(self._index.manifest.vectors())
        found = {p.id: p for p in self._index.store.retrieve(list({r.copy_of or "" for r in reads}), vectors=names)}
        lost = [_lost(r) for r in reads if r.copy_of not in found]
        reads = [r for r in reads if r.copy_of in found]
        if reads:
            origins = [found[r.copy_of or ""] for r in reads]
            payloads = self._payloads(reads, [copied_facts(p.payload) for p in origins])
            self._upsert(reads, payloads, [p.vectors for p in origins])
        return lost

    def _upsert(self, reads: Sequence[Read], payloads: Sequence[dict[str, Any]], vectors: Sequence[Any]) -> None:
        points = [Point(r.ref.id, p, v) for r, p, v in zip(reads, payloads, vectors, strict=True)]
        self._former.noted(payloads)
        self._index.store.upsert(points)
        for read in reads:
            self._stored(read)

    def _payloads(self, reads: Sequence[Read], facts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The payloads of these images. What people have said about an image (tags, caption) moves with its file."""
        payloads = []
        for read, known in zip(reads, facts, strict=True):
            before = len(self._former.moved)
            former = self._former.find(read.ref.uri, read.content_hash)
            read.moved = len(self._former.moved) > before
            payloads.append(make_record(read.ref, read.content_hash, read.size, known, former).to_payload())
        return payloads


def _lost(read: Read) -> Skipped:
    return Skipped(read.ref.uri, SkipCode.NOT_FOUND, "It is a copy of an image removed just now.", "Index again.")

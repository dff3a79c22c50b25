"""Finds the duplicates of an index: candidates by vector and hash, each pair verified, groups around the best image."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from imagefinder._util.threads import ordered_map
from imagefinder.duplicates.candidates import BY_VECTOR, LEAST_COSINE, candidates, near_in_order
from imagefinder.duplicates.decisions import load_decisions
from imagefinder.duplicates.grouping import GROUPED, Edge, Grouping, by_content
from imagefinder.duplicates.last_run import keep_run, kept_hashes
from imagefinder.duplicates.links import without_names
from imagefinder.duplicates.matching.best_copy import Copy, best_first, check_rules
from imagefinder.duplicates.matching.closer import look_closer
from imagefinder.duplicates.matching.shown import Shown
from imagefinder.duplicates.matching.stars import Pair, two_steps
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.matching.verify import verify
from imagefinder.duplicates.paths import is_below, real_folder
from imagefinder.duplicates.pictures import Pictures
from imagefinder.duplicates.report import DuplicateReport
from imagefinder.errors import InvalidInputError
from imagefinder.index.neighbors import index_graph
from imagefinder.types import Limits, OnProgress, Progress, Record, ignore

if TYPE_CHECKING:
    from imagefinder.duplicates.last_run import Hashes
    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.types import Float32

T = TypeVar("T")
R = TypeVar("R")
BURST_S, BURST_COSINE = 5.0, 0.6  # shots so near in time and by vector are of one scene
SAME_FIDELITY = 0.9995  # below it, pixels can't be the same


@dataclass(frozen=True, slots=True)
class Options:
    """``tier`` is the loosest tier looked for; ``references`` are folders whose images are always kept and never
    touched, ``prefer`` folders whose images are rather kept, in order. ``rules`` are names of ``best_copy.RULES``,
    ``similar`` the least cosine of that tier, ``workers`` threads (all cores by default)."""

    tier: Tier = Tier.SAME_PICTURE
    references: Sequence[str] = ()
    prefer: Sequence[str] = ()
    rules: Sequence[str] = ()
    similar: float = 0.8
    workers: int | None = None


def find_duplicates(
    collection: Collection,
    *,
    options: Options | None = None,
    progress: OnProgress | None = None,
) -> DuplicateReport:
    """Find the images that are duplicates of each other, or nearly.

    The result is also kept as a run in the index folder, with the perceptual hashes, which the next run reuses.
    ``progress`` is told of each stage. Raises NotFoundError for a rule
    there isn't, StorageError, IndexDamagedError.
    """
    collection.ready()
    index, space = collection.index, collection.view().image
    search = _Search(index, space, collection.limits, options or Options(), progress or ignore)
    try:
        return search.run()
    finally:
        search.pictures.close()


class _Search:
    """One search. ``contents``, ``records`` and ``vectors`` have one row for each content, of the best image that has
    it; ``edges`` relates these rows."""

    def __init__(self, index: Index, space: str, limits: Limits, options: Options, progress: OnProgress) -> None:
        self.index, self.options, self.progress = index, options, progress
        if not LEAST_COSINE <= options.similar <= 1:
            raise InvalidInputError(
                f"The least cosine of similar images must lie between {LEAST_COSINE} and 1, got {options.similar}."
            )
        self.started = time.perf_counter()
        self.rules = check_rules(options.rules)
        self.references = tuple(real_folder(f) for f in options.references)
        self.decisions = load_decisions(index.path)
        progress(Progress("reading vectors"))
        found, vectors = _read(index, space)
        self.images = len(found)
        prefer = [real_folder(f) for f in options.prefer]
        self.contents = by_content([self._copy(r, prefer) for r in found], self.rules)
        self.records = [c.best.record for c in self.contents]
        self.vectors: Float32 = vectors[[c.number for c in self.contents]]
        self.pictures = Pictures(self.records, limits)
        self.hashes: Hashes | None = None
        self.edges: dict[Pair, Edge] = {}
        self.compared = 0

    def _copy(self, record: Record, prefer: Sequence[str]) -> Copy:
        place = next((i for i, folder in enumerate(prefer) if is_below(record.uri, folder)), None)
        return Copy(record, any(is_below(record.uri, folder) for folder in self.references), place)

    def run(self) -> DuplicateReport:
        if self.options.tier is not Tier.IDENTICAL_BYTES:
            self._compare_pictures()
        self.progress(Progress("making groups"))
        wanted = {pair: edge for pair, edge in self.edges.items() if edge.tier.rank <= self.options.tier.rank}
        grouping = Grouping(self.contents, wanted, self.decisions, self.rules)
        found = (without_names(g) for tier in GROUPED for g in grouping.groups(tier))
        groups = [g for g in found if g is not None]
        report = DuplicateReport(
            groups=tuple(sorted(groups, key=lambda g: (g.tier.rank, g.keep.uri))),
            images=self.images,
            compared=self.compared,
            decided=grouping.decided,
            skipped=tuple(self.pictures.skipped.values()),
            seconds=time.perf_counter() - self.started,
            references=self.references,
        )
        if not self.index.read_only:
            keep_run(self.index.path, report, self.records, self.hashes)
        return report

    # --- comparing ------------------------------------------------------------------------------------------------

    def _compare_pictures(self) -> None:
        self.hashes = self._hashes()
        self.progress(Progress("choosing pairs to compare"))
        graph = index_graph(self.index, self.vectors, BY_VECTOR) if len(self.vectors) > 1 else None
        pairs, cosines = candidates(self.vectors, self.hashes, graph)
        order = near_in_order(pairs, len(self.records))
        self._verify([(int(a), int(b)) for a, b in pairs[order]], cosines[order].tolist())
        copies = [pair for pair, edge in self.edges.items() if edge.tier.rank <= Tier.SAME_PICTURE.rank]
        further = list(two_steps(best_first([c.best for c in self.contents], self.rules), copies))
        self._verify(
            further, [float(self.vectors[a] @ self.vectors[b]) for a, b in further], "comparing copies of copies"
        )

    def _verify(self, pairs: Sequence[Pair], cosines: Sequence[float], doing: str = "comparing") -> None:
        from threadpoolctl import threadpool_limits

        # One pair a thread: many threads inside each would only get in each other's way.
        with threadpool_limits(1):
            every = self._spread(self._edge, list(zip(pairs, cosines, strict=True)), doing)
            for pair, edge in zip(pairs, every, strict=True):
                if edge is not None:
                    self.edges[pair] = edge
        self.compared += len(pairs)

    def _edge(self, item: tuple[Pair, float]) -> Edge | None:
        (a, b), cosine = item
        first, second = self.pictures.features(a), self.pictures.features(b)
        if first is None or second is None:
            return None
        verdict = verify(first, second)
        if verdict.tier is Tier.SAME_PICTURE:
            one, other = self.pictures.fine(a), self.pictures.fine(b)
            if one is None or other is None:
                return None
            verdict = look_closer(verdict, first, one, other)
        if verdict.tier is Tier.SAME_PICTURE and verdict.comparison:
            if unlike := self.pictures.unlike_files(a, b):
                return Edge(Tier.SAME_SCENE, unlike, cosine)
            framed, shares = verdict.comparison.framed, verdict.comparison.overlaps
            content = (shares[0] if framed[0] else 1.0, shares[1] if framed[1] else 1.0)
            shown = Shown.of(shares, framed, verdict.scale)
            edge = Edge(Tier.SAME_PICTURE, verdict.evidence, verdict.score, verdict.edits, content, shown)
            return self._pixels(a, b, edge) if verdict.comparison.fidelity > SAME_FIDELITY else edge
        return self._looser(a, b, verdict.tier, verdict.evidence, cosine)

    def _pixels(self, a: int, b: int, edge: Edge) -> Edge:
        one, other = self.records[a], self.records[b]
        if edge.edits != ("re-encoded",) or (one.width, one.height) != (other.width, other.height):
            return edge
        return Edge(Tier.IDENTICAL_PIXELS, "identical pixels", 1.0) if self.pictures.same_pixels(a, b) else edge

    def _looser(self, a: int, b: int, tier: Tier | None, evidence: str, cosine: float) -> Edge | None:
        apart = _seconds_between(self.records[a].taken_at, self.records[b].taken_at)
        if tier is None and apart is not None and apart <= BURST_S and cosine >= BURST_COSINE:
            tier, evidence = Tier.SAME_SCENE, f"taken {apart:.0f} s apart, vectors {cosine:.2f} alike"
        if tier is Tier.SAME_SCENE:
            return Edge(tier, evidence, cosine)
        if cosine >= self.options.similar:
            return Edge(Tier.SIMILAR, f"vectors {cosine:.2f} alike; not the same picture", cosine)
        return None

    def _hashes(self) -> Hashes:
        """int8 (n, 63); a row of zeros for a picture that can't be read."""
        import numpy as np

        from imagefinder.duplicates.matching.hashes import BITS

        known = kept_hashes(self.index.path)
        hashes = np.zeros((len(self.records), BITS), np.int8)
        missing = []
        for i, record in enumerate(self.records):
            if record.content_hash in known:
                hashes[i] = known[record.content_hash]
            else:
                missing.append(i)
        for i, found in zip(missing, self._spread(self.pictures.hash, missing, "hashing"), strict=True):
            if found is not None:
                hashes[i] = found
        return hashes

    def _spread(self, do: Callable[[T], R], items: Sequence[T], doing: str) -> Iterator[R]:
        workers = self.options.workers or (os.cpu_count() or 1)
        for i, result in enumerate(ordered_map(do, items, workers=workers, window=8 * workers), 1):
            if i % 16 == 0 or i == len(items):
                self.progress(Progress(doing, i, len(items)))
            yield result


def _read(index: Index, space: str) -> tuple[list[Record], Float32]:
    """Every record that has a vector, and the vectors, float32 (n, dim), rows of unit length."""
    import numpy as np

    vector = index.space(space).search_vector
    records: list[Record] = []
    rows: list[Float32] = []
    for points in index.store.scroll(vectors=(vector,) if vector else ()):
        held = [p for p in points if vector in p.vectors]
        records += [Record.from_payload(p.id, p.payload) for p in held]
        rows += [np.asarray(p.vectors[vector or ""], np.float32) for p in held]
    return records, np.stack(rows) if rows else np.zeros((0, 1), np.float32)


def _seconds_between(a: str | None, b: str | None) -> float | None:
    if a is None or b is None:
        return None
    try:
        return abs((datetime.fromisoformat(a) - datetime.fromisoformat(b)).total_seconds())
    except (TypeError, ValueError):  # one with a zone and one without can't be told apart
        return None

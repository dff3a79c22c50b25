"""Finds the duplicates of an index: candidates by vector and hash, each pair verified, groups around the best image."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from imagefinder._util.ray_runner import runner_at
from imagefinder._util.threads import cores, ordered_map
from imagefinder.duplicates.candidates import BY_VECTOR, LEAST_COSINE, candidates, near_in_order
from imagefinder.duplicates.companions import Companions
from imagefinder.duplicates.decisions import load_decisions
from imagefinder.duplicates.grouping import GROUPED, Edge, Grouping, by_content, left_of
from imagefinder.duplicates.judging import Judge, one_thread_each
from imagefinder.duplicates.known import Contents, keep_known, load_known
from imagefinder.duplicates.last_run import keep_run
from imagefinder.duplicates.matching.best_copy import Copy, best_first, check_rules
from imagefinder.duplicates.matching.stars import Pair, two_steps
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.paths import is_below, real_folder
from imagefinder.duplicates.pictures import Pictures
from imagefinder.duplicates.report import DuplicateReport
from imagefinder.duplicates.shots import Shots
from imagefinder.errors import InvalidInputError, StorageError
from imagefinder.images.inside import part_of
from imagefinder.index.neighbors import index_graph
from imagefinder.index.there import contents_now, of_those_there
from imagefinder.types import Limits, OnProgress, Progress, Record, ignore
from imagefinder.vectors.shards import Shards

if TYPE_CHECKING:
    from imagefinder._util.runner import Runner
    from imagefinder.duplicates.known import Hashes
    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.types import Float32

T = TypeVar("T")
R = TypeVar("R")
BURST_S, BURST_COSINE = 5.0, 0.6  # shots so near in time and by vector are of one scene
SAVED_EVERY, SHARE = 8192, 10  # pairs, or a tenth of those known: at most so many are compared again after a kill


@dataclass(frozen=True, slots=True)
class Options:
    """``tier`` is the loosest tier looked for; ``references`` are folders whose images are always kept and never
    touched, ``prefer`` folders whose images are rather kept, in order. ``rules`` are names of ``best_copy.RULES``,
    ``similar`` the least cosine of that tier, ``workers`` threads (all cores by default). ``ray`` is the address of a
    cluster of machines that compares vectors and hashes (see ``_util.ray_cluster``); pictures are compared here."""

    tier: Tier = Tier.SAME_PICTURE
    references: Sequence[str] = ()
    prefer: Sequence[str] = ()
    rules: Sequence[str] = ()
    similar: float = 0.8
    workers: int | None = None
    ray: str | None = None


def find_duplicates(
    collection: Collection,
    *,
    options: Options | None = None,
    progress: OnProgress | None = None,
) -> DuplicateReport:
    """Find the images that are duplicates of each other, or nearly.

    The result is kept as a run in the index folder, and the verdicts on pairs beside it, so that the next search only
    compares pairs that are new; also if ``progress``, which is told of each stage, ends this one by an exception. What
    can't be kept, as on a full disk, is said in the report. Raises NotFoundError for a rule there isn't,
    IndexDamagedError.
    """
    collection.ready()
    index, space, options = collection.index, collection.view().image, options or Options()
    with runner_at(options.ray, options.workers) as runner:
        search = _Search(index, space, collection.limits, options, progress or ignore)
        try:
            return search.run(runner)
        except BaseException:
            search.keep_known()
            raise
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
        self.decisions = load_decisions(index.documents)
        self.companions = Companions()
        progress(Progress("reading vectors"))
        found, vectors = index.steadily(lambda: _read(index, space))
        self.read = {record.id for record in found}
        self.images = len(found)
        prefer = [real_folder(f) for f in options.prefer]
        self.contents = by_content([self._copy(r, prefer) for r in found], self.rules)
        self.records = [c.best.record for c in self.contents]
        self.vectors: Float32 = vectors[[c.number for c in self.contents]]
        self.closely = self.options.tier.rank > Tier.SAME_PICTURE.rank  # a first look tells only what is no copy
        self.pictures = Pictures(self.records, limits, closely=self.closely)
        self.judge = Judge(self.pictures)
        self.known = load_known(index.documents)
        self.edges: dict[Pair, Edge] = {}
        self.pairs: list[Pair] = []
        self.compared = self.kept = self.indexed = 0
        self.saved = SAVED_EVERY  # pairs compared at which what is known is kept next
        self.unkept = ""

    def _copy(self, record: Record, prefer: Sequence[str]) -> Copy:
        place = next((i for i, folder in enumerate(prefer) if is_below(record.uri, folder)), None)
        reference = any(is_below(record.uri, folder) for folder in self.references)
        return Copy(record, reference, place, along=self.companions.of(record.uri))

    def run(self, runner: Runner) -> DuplicateReport:
        if self.options.tier is not Tier.IDENTICAL_BYTES:
            self._compare_pictures(runner)
        self.progress(Progress("making groups"))
        self._leave_out_gone()
        wanted = {pair: edge for pair, edge in self.edges.items() if edge.tier.rank <= self.options.tier.rank}
        grouping = Grouping(self.contents, wanted, self.decisions, self.rules)
        shots = Shots(self.companions)
        found = (shots.seen(g) for tier in GROUPED for g in grouping.groups(tier))
        groups = [g for g in found if g is not None]
        if self.options.tier is not Tier.IDENTICAL_BYTES:
            self.keep_known(self.pairs)
        report = DuplicateReport(
            groups=tuple(sorted(groups, key=lambda g: (g.tier.rank, g.keep.uri))),
            images=self.images,
            compared=self.compared,
            decided=grouping.decided,
            skipped=of_those_there(self.index, [*self.pictures.skipped.values()]),
            seconds=time.perf_counter() - self.started,
            references=self.references,
            one_file=shots.one_file,
            one_picture=shots.one_picture,
            kept=self.kept,
            unkept=self.unkept,
            indexed=self.indexed,
        )
        return self._keep_run(report)

    def _leave_out_gone(self) -> None:
        """Images that have gone since this began, or have another content, are in no group."""
        there = contents_now(self.index)
        self.contents = [left_of(content, there, self.rules) for content in self.contents]
        gone = {i for i, content in enumerate(self.contents) if content.is_gone(there)}
        self.edges = {pair: edge for pair, edge in self.edges.items() if gone.isdisjoint(pair)}
        self.images, self.indexed = len(there.keys() & self.read), len(there)

    # --- keeping --------------------------------------------------------------------------------------------------

    def keep_known(self, pairs: Sequence[Pair] | None = None) -> None:
        """Keep what is known of the pictures of the index: all of it, or of pairs only these."""
        if self.index.read_only or self.unkept:
            return
        chosen = None if pairs is None else [self._contents(pair) for pair in pairs]
        try:
            keep_known(self.index.documents, self.known.only([r.content_hash for r in self.records], chosen))
        except StorageError as error:
            self.unkept = str(error)

    def _keep_run(self, report: DuplicateReport) -> DuplicateReport:
        if self.index.read_only:
            return report
        try:
            keep_run(self.index.documents, report)
        except StorageError as error:
            return replace(report, unkept=report.unkept or str(error))
        return report

    def _contents(self, pair: Pair) -> Contents:
        return self.records[pair[0]].content_hash, self.records[pair[1]].content_hash

    # --- comparing ------------------------------------------------------------------------------------------------

    def _compare_pictures(self, runner: Runner) -> None:
        with one_thread_each():
            hashes = self._hashes()
        shards = Shards.of(self.vectors, runner)
        graph = index_graph(self.index, shards, BY_VECTOR, progress=self.progress) if len(self.vectors) > 1 else None
        pairs, cosines = candidates(self.vectors, hashes, graph, self.progress, runner)
        order = near_in_order(pairs, len(self.records))
        self._compare([(int(a), int(b)) for a, b in pairs[order]], cosines[order].tolist(), "comparing")
        copies = [pair for pair, edge in self.edges.items() if edge.tier.rank <= Tier.SAME_PICTURE.rank]
        further = list(two_steps(best_first([c.best for c in self.contents], self.rules), copies))
        further_cosines = [float(self.vectors[a] @ self.vectors[b]) for a, b in further]
        self._compare(further, further_cosines, "comparing copies of copies")

    def _compare(self, pairs: Sequence[Pair], cosines: Sequence[float], doing: str) -> None:
        before = {pair for pair in pairs if self._is_known(pair)}
        self._judge([pair for pair in pairs if pair not in before], doing)
        self.kept += len(before)
        self.pairs += pairs
        for (a, b), cosine in zip(pairs, cosines, strict=True):
            if not {self.records[a].uri, self.records[b].uri} & self.pictures.skipped.keys():
                edge = self._edge(a, b, cosine)
                if edge is not None:
                    self.edges[a, b] = edge

    def _is_known(self, pair: Pair) -> bool:
        known = self.known.has(self._contents(pair), closely=self.closely)
        return known and all(self.pictures.is_there(number) for number in pair)

    def _judge(self, pairs: Sequence[Pair], doing: str) -> None:
        """Compare pairs that were not compared before."""
        with one_thread_each():
            for pair, (closely, found) in zip(pairs, self._spread(self._verdict, pairs, doing), strict=True):
                if not {self.records[number].uri for number in pair} & self.pictures.skipped.keys():
                    self.known.add(self._contents(pair), found, closely=closely)
                self.compared += 1
                if self.compared >= self.saved:
                    self.keep_known()
                    self.saved = self.compared + max(SAVED_EVERY, self.known.pairs // SHARE)

    def _verdict(self, pair: Pair) -> tuple[bool, Edge | None]:
        """Whether a close look was needed, and what it found."""
        if not self.closely and self.judge.are_strangers(*pair):
            return False, None
        return True, self.judge.verdict(*pair)

    def _edge(self, a: int, b: int, cosine: float) -> Edge | None:
        found = self.known.verdict(self._contents((a, b)))
        if found is not None and found.tier.is_copy:
            return found
        return self._looser(a, b, found.tier if found else None, found.evidence if found else "", cosine)

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

        known = self.known.hashes
        missing = [i for i, record in enumerate(self.records) if record.content_hash not in known]
        for i, found in zip(missing, self._spread(self.pictures.hash, missing, "reading pictures"), strict=True):
            if found is not None:
                known[self.records[i].content_hash] = found
        unknown = np.zeros(BITS, np.int8)
        return np.array([known.get(record.content_hash, unknown) for record in self.records], np.int8)

    def _spread(self, do: Callable[[T], R], items: Sequence[T], doing: str) -> Iterator[R]:
        workers = self.options.workers or cores()
        for i, result in enumerate(ordered_map(do, items, workers=workers, window=8 * workers), 1):
            if i % 16 == 0 or i == len(items):
                self.progress(Progress(doing, i, len(items)))
            yield result


def _read(index: Index, space: str) -> tuple[list[Record], Float32]:
    """Every record that has a vector, and the vectors, float32 (n, dim), rows of unit length. Pages and frames are left
    out: those of one file look alike, and none can be moved."""
    import numpy as np

    records: list[Record] = []
    blocks: list[Float32] = []
    with index.steady.shared():  # the vectors are not replaced by those of another fit meanwhile
        vector = index.space(space).search_vector
        for points in index.store.scroll(vectors=(vector,) if vector else ()):
            held = [p for p in points if vector in p.vectors and not part_of(str(p.payload["uri"]))]
            records += [Record.from_payload(p.id, p.payload) for p in held]
            blocks += [np.array([p.vectors[vector or ""] for p in held], np.float32)] if held else []
    return records, np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)


def _seconds_between(a: str | None, b: str | None) -> float | None:
    if a is None or b is None:
        return None
    try:
        return abs((datetime.fromisoformat(a) - datetime.fromisoformat(b)).total_seconds())
    except (TypeError, ValueError):  # one with a zone and one without can't be told apart
        return None

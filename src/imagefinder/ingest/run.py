"""Brings an index up to date with its sources: reads, embeds and stores only what changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from imagefinder._util.threads import chunked, one_blas_thread, ordered_map
from imagefinder.errors import ImageError
from imagefinder.images.inside import inside, is_file, is_remote
from imagefinder.images.loader import Loader
from imagefinder.index.spaces import add_spaces, spaces_of
from imagefinder.ingest.archives import Archives, Gone, load_gone_through
from imagefinder.ingest.ending import Ending
from imagefinder.ingest.former import Earlier, Former
from imagefinder.ingest.looking import parts_to_read
from imagefinder.ingest.plan import Plan, make_plan
from imagefinder.ingest.records import copied_facts, facts_of, make_record, with_metadata
from imagefinder.ingest.removal import settle
from imagefinder.results import Assigned, BackfillReport, IngestReport
from imagefinder.store.base import Point
from imagefinder.types import EncodedImage, ImageRef, Limits, OnProgress, Progress, Record, SkipCode, Skipped, ignore

if TYPE_CHECKING:
    import numpy as np

    from imagefinder.images.source import Source
    from imagefinder.index.folder import Index
    from imagefinder.index.manifest import SourceEntry
    from imagefinder.index.shards import Turn
    from imagefinder.models.base import Embedder

BATCH = 16  # images a worker embeds at once; larger ones are no faster on a CPU and cost memory
FETCHERS = 32  # URLs and objects fetched at once, over all hosts


@dataclass(slots=True)
class _Read:
    """The result of a worker for one image. It is stored with its own ``vectors``, or with those of the point
    ``copy_of``. With ``waits``, it is stored with those of another image of this run that has the same content."""

    ref: ImageRef
    content_hash: str
    size: int
    facts: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, np.ndarray] | None = None
    copy_of: str | None = None
    waits: bool = False
    moved: bool = False


def ingest(  # noqa: PLR0913 - each can be given without the others, and by name only
    index: Index,
    embedder: Embedder,
    sources: Sequence[Source],
    *,
    limits: Limits | None = None,
    force: bool = False,
    allow_removal: bool = False,
    progress: OnProgress | None = None,
    workers: int = 2,
    others: Sequence[Embedder] = (),
    replaced: Sequence[SourceEntry] = (),
    earlier: Earlier | None = None,
    turn: Turn | None = None,
) -> IngestReport:
    """Bring ``index`` up to date with ``sources``. The run can be stopped at any moment: what is stored stays, and the
    next run continues from there. An exception from ``progress`` stops it.

    A source that can't be gone over is listed in ``missing``, and its images stay. So do images that seem to be away
    rather than removed, see ``guard.held_back``, unless ``allow_removal`` is set. ``force`` embeds everything again.
    ``others`` are further models with vectors here, each base before the models made on top of it; new images get their
    vectors too. ``replaced`` are known sources whose images are in ``sources`` now. ``earlier`` is what
    another index knows of these images, from which this one is made anew. ``turn`` is that of the shard whose images
    alone are looked at; what concerns the whole index is then left to the last of them.
    """
    started = time.perf_counter()
    with index.writing:
        add_spaces(index, embedder.spec)
    (progress or ignore)(Progress("looking for images"))
    limits = limits or Limits()
    for source in sources:
        source.limits = limits
    known, seen = index.manifest.sources, load_gone_through(index)
    shard = turn.shard if turn else None
    plan = make_plan(
        index.store, sources, entries=known, replaced=replaced, gone_through=seen, force=force, shard=shard
    )
    run = _Run(index, embedder, plan, limits, force)
    run.former = Former(index, plan, earlier)
    run.on_progress = progress
    try:
        with one_blas_thread():
            run.embed_all(workers)
    finally:
        run.loader.close()
    run.say("going over what has not changed")
    run.update_listed()
    settle(run.index, plan, run.former, allow_removal, run.counts, run.skipped)
    ending = Ending(index, (embedder, *others), limits, workers, run.say)
    filled, clusters = ending.of_shard(turn, plan, force) if turn else ending.whole(force)
    return run.report(time.perf_counter() - started, clusters, filled)


class _Run:
    """The state of one indexing run. Workers read and embed; only the calling thread stores."""

    def __init__(self, index: Index, embedder: Embedder, plan: Plan, limits: Limits, force: bool) -> None:
        self.index = index
        self.embedder = embedder
        self.plan = plan
        self.loader = Loader(limits, embedder.short_side)
        self.on_progress: OnProgress | None = None
        rest = ("added", "updated", "moved", "removed", "kept", "said")
        self.counts = {"unchanged": plan.unchanged, **dict.fromkeys(rest, 0)}
        self.skipped = list(plan.skipped)
        self.archives = Archives(index, plan, self.loader, self.counts)
        self._names = spaces_of(embedder.spec)
        self._stored_hashes = {} if force else plan.reusable
        self._claimed: set[str] = set()
        self._lock = threading.Lock()
        self._waiting: list[_Read] = []
        self._failed: dict[str, Skipped] = {}
        self._force = force
        self._live = {s.uri for s in index.manifest.sources}
        self.former: Former
        self._done = 0

    # --- reading and embedding (in the workers) -------------------------------------------------------------------

    def embed_all(self, workers: int) -> None:
        batches = chunked(self._inputs(), BATCH)
        for results in ordered_map(self._embed_batch, batches, workers=workers, window=2 * workers):
            self._store(results)
        self._store_waiting()

    def _inputs(self) -> Iterator[ImageRef | EncodedImage | Skipped]:
        """Files are read by the worker that embeds them. Tables and archives are read here, because their pictures come
        in order. What is on other machines is fetched well ahead, because fetching is mostly waiting."""
        far = [ref for ref in self.plan.todo if is_remote(ref.uri)]
        yield from (ref for ref in self.plan.todo if is_file(ref.uri))
        yield from (self._read(ref) for ref in self.plan.todo if inside(ref.uri))
        yield from parts_to_read(self.index, self.plan, self.loader.limits, self._force, self.skipped, self.counts)
        yield from ordered_map(self._read, far, workers=FETCHERS, window=2 * FETCHERS)
        yield from self.archives.read()

    def _read(self, item: ImageRef | EncodedImage | Skipped) -> EncodedImage | Skipped:
        if not isinstance(item, ImageRef):
            return item
        try:
            return self.loader.read(item)
        except ImageError as error:
            return _skip(item, error)

    def _embed_batch(self, items: Sequence[ImageRef | EncodedImage | Skipped]) -> list[_Read | Skipped]:
        import numpy as np

        results: list[_Read | Skipped] = []
        fresh: list[_Read] = []
        rows: list[np.ndarray] = []
        for item in items:
            encoded = self._read(item)
            result = encoded if isinstance(encoded, Skipped) else self._claim(encoded)
            if isinstance(result, _Read) and isinstance(encoded, EncodedImage) and _needs_vectors(result):
                try:
                    rows.append(self._decode(encoded, result))
                    fresh.append(result)
                except ImageError as error:
                    result = _skip(encoded.ref, error)
                    self._failed[encoded.content_hash] = result
            results.append(result)
        if rows:
            outputs = self.embedder.embed_images(np.stack(rows))
            for i, read in enumerate(fresh):
                read.vectors = {self._names[space]: array[i] for space, array in outputs.items()}
        return results

    def _claim(self, encoded: EncodedImage) -> _Read:
        """Decide where the vectors of this content come from, so that each content is embedded only once. An image
        with a sidecar shares nothing with its copies: it may say something else."""
        size = encoded.ref.size if encoded.facts else None  # of a page or frame, that of its file
        read = _Read(encoded.ref, encoded.content_hash, len(encoded.data) if size is None else size)
        known = self.plan.known.get(encoded.ref.uri)
        if encoded.ref.sidecar or (known and known.sidecar_ns is not None):
            return read
        with self._lock:
            if known and known.content_hash == read.content_hash and not self._force:
                read.copy_of = known.id
            elif read.content_hash in self._stored_hashes:
                read.copy_of = self._stored_hashes[read.content_hash]
            elif read.content_hash in self._claimed:
                read.waits = True
            else:
                self._claimed.add(read.content_hash)
        return read

    def _decode(self, encoded: EncodedImage, read: _Read) -> np.ndarray:
        loaded = self.loader.decode(encoded)
        read.facts = facts_of(loaded)
        return self.embedder.preprocess(loaded.image)

    # --- storing (in the calling thread) --------------------------------------------------------------------------

    def _store(self, results: Sequence[_Read | Skipped]) -> None:
        fresh = [r for r in results if isinstance(r, _Read) and r.vectors is not None]
        copies = [r for r in results if isinstance(r, _Read) and r.copy_of is not None]
        self._waiting += [r for r in results if isinstance(r, _Read) and r.waits]
        self.skipped += [r for r in results if isinstance(r, Skipped) and not isinstance(r, Gone)]
        with self.index.writing:  # neither a refit nor an edit between what is read here and what is written
            self._upsert_fresh(fresh)
            self._upsert_copies(copies)
        self.archives.settle(results)
        self._done += len(results)
        self._report_progress()

    def _store_waiting(self) -> None:
        """Store the images that waited for another one with the same content, which by now is stored or has failed."""
        for read in self._waiting:
            read.copy_of = self._stored_hashes.get(read.content_hash)
            if read.copy_of is None:
                failed = self._failed[read.content_hash]
                self.skipped.append(replace(failed, uri=read.ref.uri))
        ready = [r for r in self._waiting if r.copy_of is not None]
        for part in chunked(iter(ready), 1000):
            with self.index.writing:
                self._upsert_copies(part)
        self._waiting = []
        self._report_progress()

    def _upsert_fresh(self, reads: Sequence[_Read]) -> None:
        import numpy as np

        if not reads:
            return
        spaces = reads[0].vectors or {}
        raw = {name: np.stack([(r.vectors or {})[name] for r in reads]) for name in spaces}
        named = self.index.search_vectors(raw)
        payloads = self._payloads(reads, [r.facts for r in reads])
        self._upsert(reads, payloads, [{name: array[i] for name, array in named.items()} for i in range(len(reads))])

    def _upsert_copies(self, reads: Sequence[_Read]) -> None:
        names = sorted(self.index.manifest.vectors())
        found = {p.id: p for p in self.index.store.retrieve(list({r.copy_of or "" for r in reads}), vectors=names)}
        self.skipped += [_lost(r) for r in reads if r.copy_of not in found]
        reads = [r for r in reads if r.copy_of in found]
        if not reads:
            return
        origins = [found[r.copy_of or ""] for r in reads]
        payloads = self._payloads(reads, [copied_facts(p.payload) for p in origins])
        self._upsert(reads, payloads, [p.vectors for p in origins])

    def _upsert(self, reads: Sequence[_Read], payloads: Sequence[dict[str, Any]], vectors: Sequence[Any]) -> None:
        points = [Point(r.ref.id, p, v) for r, p, v in zip(reads, payloads, vectors, strict=True)]
        self.former.noted(payloads)
        self.index.store.upsert(points)
        for read in reads:
            self._count(read)
            if not read.ref.sidecar:
                self._stored_hashes.setdefault(read.content_hash, read.ref.id)

    def _count(self, read: _Read) -> None:
        known = self.plan.known.get(read.ref.uri)
        if known:
            self.counts["unchanged" if read.copy_of == known.id else "updated"] += 1
        else:
            self.counts["moved" if read.moved else "added"] += 1

    def _payloads(self, reads: Sequence[_Read], facts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The payloads of these images. What people have said about an image (tags, caption) moves with its file."""
        payloads = []
        for read, known in zip(reads, facts, strict=True):
            before = len(self.former.moved)
            former = self.former.find(read.ref.uri, read.content_hash)
            read.moved = len(self.former.moved) > before
            payloads.append(make_record(read.ref, read.content_hash, read.size, known, former).to_payload())
        return payloads

    # --- after the images -----------------------------------------------------------------------------------------

    def update_listed(self) -> None:
        """Update files that have not changed, but whose row in the table may have."""
        for refs in chunked(iter(self.plan.listed), 100):
            with self.index.writing:
                held = {p.id: p for p in self.index.store.retrieve([r.id for r in refs])}
                for ref in refs:
                    if ref.id in held:  # not removed since the run began
                        self._update(ref, held[ref.id])

    def _update(self, ref: ImageRef, point: Point) -> None:
        record = with_metadata(Record.from_payload(ref.id, point.payload), ref)
        if record.source not in self._live:  # its source was forgotten, or has another name now
            record = replace(record, source=ref.source)
        payload = record.to_payload()
        changed = payload != dict(point.payload)
        self.counts["updated" if changed else "unchanged"] += 1
        if changed:
            self.former.noted([payload])
            self.index.store.set_payload(ref.id, payload)

    def report(self, seconds: float, clusters: Assigned | None, filled: tuple[BackfillReport, ...]) -> IngestReport:
        counts: dict[str, Any] = dict(self.counts)
        embedded = counts["added"] + counts["updated"] + counts["moved"]
        return IngestReport(
            **counts,
            seen=embedded + counts["unchanged"] + len(self.skipped),
            skipped=tuple(self.skipped),
            missing=tuple(self.plan.missing),
            errors=tuple(self.plan.errors),
            clusters=clusters,
            filled=filled,
            seconds=round(seconds, 3),
            images_per_second=round(embedded / seconds, 1) if seconds else 0.0,
            total=self.index.store.count(),
        )

    def _report_progress(self) -> None:
        self.say("indexing", self._done, len(self.plan.todo))

    def say(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Tell whoever asked what is being done now."""
        if self.on_progress:
            stored = sum(self.counts[name] for name in ("added", "updated", "moved"))
            self.on_progress(Progress(stage, done, total, stored, len(self.skipped)))


def _needs_vectors(read: _Read) -> bool:
    return read.copy_of is None and not read.waits


def _lost(read: _Read) -> Skipped:
    return Skipped(read.ref.uri, SkipCode.NOT_FOUND, "It is a copy of an image removed just now.", "Index again.")


def _skip(ref: ImageRef, error: ImageError) -> Skipped:
    return Skipped(ref.uri, error.code, error.message, error.remedy)

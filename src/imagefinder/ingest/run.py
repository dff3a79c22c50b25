"""Brings an index up to date with its sources: reads, embeds and stores only what changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from imagefinder._util.threads import chunked, one_blas_thread, ordered_map, ready_lists
from imagefinder.images.blocks import kept_blocks
from imagefinder.images.inside import inside, is_file, is_remote
from imagefinder.images.loader import Loader
from imagefinder.index.spaces import add_spaces
from imagefinder.ingest.archives import Archives, Gone, load_gone_through
from imagefinder.ingest.claims import Claims
from imagefinder.ingest.ending import Ending
from imagefinder.ingest.former import Earlier, Former
from imagefinder.ingest.looking import parts_to_read
from imagefinder.ingest.plan import Plan, make_plan
from imagefinder.ingest.reading import BATCH, Item, Read, Reader, Undecoded
from imagefinder.ingest.records import with_metadata
from imagefinder.ingest.removal import settle
from imagefinder.ingest.storing import Storing
from imagefinder.results import Assigned, BackfillReport, IngestReport
from imagefinder.types import ImageRef, Limits, OnProgress, Progress, Record, Skipped, ignore

if TYPE_CHECKING:
    from imagefinder.images.source import Source
    from imagefinder.index.folder import Index
    from imagefinder.index.manifest import SourceEntry
    from imagefinder.index.shards import Turn
    from imagefinder.models.base import Embedder
    from imagefinder.store.base import Point

FETCHERS = 32  # URLs and objects fetched at once, over all hosts
TOGETHER_S = 0.5  # for which those that have come wait for more, to be embedded at once


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
    ray: str | None = None,
) -> IngestReport:
    """Bring ``index`` up to date with ``sources``. The run can be stopped at any moment: what is stored stays, and the
    next run continues from there. An exception from ``progress`` stops it.

    A source that can't be gone over is listed in ``missing``, and its images stay. So do images that seem to be away
    rather than removed, see ``guard.held_back``, unless ``allow_removal`` is set. ``force`` embeds everything again.
    ``others`` are further models with vectors here, each base before the models made on top of it; new images get their
    vectors too. ``replaced`` are known sources whose images are in ``sources`` now. ``earlier`` is what
    another index knows of these images, from which this one is made anew. ``turn`` is that of the shard whose images
    alone are looked at; what concerns the whole index is then left to the last of them. ``ray`` is the address of a
    cluster that does the work, see ``_util.ray_cluster``; None: this process does.
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
    if turn is None:
        _note_sizes(index, plan.sizes)
    run = _Run(index, embedder, plan, limits, force, Former(index, plan, earlier))
    run.on_progress = progress
    try:
        run.embed_all(workers, ray)
    finally:
        run.loader.close()
    run.say("going over what has not changed")
    run.update_listed()
    settle(run.index, plan, run.former, allow_removal, run.counts, run.skipped)
    ending = Ending(index, (embedder, *others), limits, workers, run.say)
    filled, clusters = ending.of_shard(turn, plan, force) if turn else ending.whole(force)
    return run.report(time.perf_counter() - started, clusters, filled)


def _note_sizes(index: Index, sizes: Mapping[str, int]) -> None:
    """How many files each source has, so that a run which is stopped tells how far it had come."""
    with index.writing:
        manifest = index.manifest
        for entry in manifest.sources:
            if entry.started and entry.uri in sizes:
                manifest = manifest.with_source(replace(entry, found=sizes[entry.uri]))
        index.save_manifest(manifest)


class _Run:
    """The state of one indexing run. Workers read and embed; only the calling thread stores, except on a cluster, whose
    workers store most of the images themselves."""

    def __init__(
        self, index: Index, embedder: Embedder, plan: Plan, limits: Limits, force: bool, former: Former
    ) -> None:
        self.index = index
        self.embedder = embedder
        self.plan = plan
        self.former = former
        self.loader = Loader(limits, embedder.short_side)
        self.on_progress: OnProgress | None = None
        rest = ("added", "updated", "moved", "removed", "kept", "said")
        self.counts = {"unchanged": plan.unchanged, **dict.fromkeys(rest, 0)}
        self.skipped = list(plan.skipped)
        self.archives = Archives(index, plan, self.loader, self.counts)
        self.claims = Claims({}) if force else Claims({}, find=plan.point_of)
        self.reader = Reader(self.loader, embedder, self.claims.take, plan.known.get, force)
        self._storing = Storing(index, former, self._count)
        self._waiting: list[Read] = []
        self._failed: dict[str, Undecoded] = {}
        self._force = force
        self._live = {s.uri for s in index.manifest.sources}
        self._done = 0

    # --- reading and embedding (in the workers) -------------------------------------------------------------------

    def embed_all(self, workers: int, ray: str | None) -> None:
        todo = self.plan.todo
        if ray is not None:
            from imagefinder.ingest.distributed.spread import is_spread

            self._spread(ray)
            todo = [ref for ref in todo if not is_spread(ref)]
        with one_blas_thread(), kept_blocks():
            batches = self._batches(todo)
            for results in ordered_map(self.reader.embed, batches, workers=workers, window=2 * workers):
                self._store(results)
        self._store_waiting()

    def _spread(self, address: str) -> None:
        """Have a cluster read and embed all that its machines can read by themselves, and store what it can."""
        from imagefinder.ingest.distributed.spread import Work, spread

        work = Work(self.index, self.embedder, self.plan, self.loader.limits, self._force, self.former)
        for results in spread(work, address, lambda stage: self.say(stage, self._done, len(self.plan.todo))):
            self._store([one for part in map(self._here, results) for one in part])
        self._store_waiting()

    def _here(self, result: Read | Skipped | ImageRef) -> list[Read | Skipped]:
        """The result of an image; of one that the cluster has left to this machine too."""
        return self.reader.embed([result]) if isinstance(result, ImageRef) else [result]

    def _batches(self, todo: Sequence[ImageRef]) -> Iterator[Sequence[Item]]:
        """What is to be embedded at once. What is on other machines is fetched well ahead, because fetching is mostly
        waiting; what is there is not held up by what is long in coming."""
        far = [ref for ref in todo if is_remote(ref.uri)]
        yield from chunked(self._near(todo), BATCH)
        yield from ready_lists(
            self.reader.read, far, workers=FETCHERS, window=2 * FETCHERS, size=BATCH, wait_s=TOGETHER_S
        )
        yield from chunked(self.archives.read(), BATCH)

    def _near(self, todo: Sequence[ImageRef]) -> Iterator[Item]:
        """Files are read by the worker that embeds them. Tables and archives are read here, because their pictures come
        in order."""
        yield from (ref for ref in todo if is_file(ref.uri))
        yield from (self.reader.read(ref) for ref in todo if inside(ref.uri))
        yield from parts_to_read(self.index, self.plan, self.loader.limits, self._force, self.skipped, self.counts)

    # --- storing (in the calling thread) --------------------------------------------------------------------------

    def _store(self, results: Sequence[Read | Skipped]) -> None:
        if not results:  # nothing has come: who asked is told, and may stop the run
            self._report_progress()
            return
        reads = [r for r in results if isinstance(r, Read)]
        self._waiting += [r for r in reads if r.waits]
        for one in results:
            if isinstance(one, Undecoded):
                self._failed[one.content_hash] = one
            if isinstance(one, Skipped) and not isinstance(one, Gone):
                self.skipped.append(one.plain() if isinstance(one, Undecoded) else one)
        for read in reads:
            if read.stored:
                self._count(read)
        self.skipped += self._storing.store([r for r in reads if not r.stored])
        self.archives.settle(results)
        self._done += len(results)
        self._report_progress()

    def _store_waiting(self) -> None:
        """Store the images that waited for another one with the same content, which by now is stored or has failed. One
        whose other was changed meanwhile is read again."""
        waiting, self._waiting = self._waiting, []
        for read in waiting:
            read.copy_of = self.claims.stored.get(read.content_hash)
            if read.copy_of is None and (failed := self._failed.get(read.content_hash)):
                self.skipped.append(failed.plain(read.ref.uri))
        ready = [r for r in waiting if r.copy_of is not None]
        for part in chunked(iter(ready), 1000):
            self.skipped += self._storing.store(part)
        left = [r.ref for r in waiting if r.copy_of is None and r.content_hash not in self._failed]
        self._done -= len(left)
        for refs in chunked(iter(left), BATCH):
            self._store(self.reader.embed(refs))
        self._report_progress()

    def _count(self, read: Read) -> None:
        known = self.plan.known.get(read.ref.uri)
        if known:
            self.counts["unchanged" if read.copy_of == known.id else "updated"] += 1
        else:
            self.counts["moved" if read.moved else "added"] += 1
        if not read.ref.sidecar:
            self.claims.stored.setdefault(read.content_hash, read.ref.id)

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

"""Indexes sources that are named by text: folders, image files, tables and URLs, or all sources already known."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from imagefinder._util.threads import cores
from imagefinder.errors import InvalidInputError
from imagefinder.index.manifest import SourceEntry
from imagefinder.index.shards import Shard, Turn
from imagefinder.ingest.opening import Absent, open_known, source_uri
from imagefinder.search.concepts import mark_new
from imagefinder.types import ignore

if TYPE_CHECKING:
    from imagefinder.images.source import Source
    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.results import IngestReport
    from imagefinder.types import OnProgress


def add_sources(
    collection: Collection,
    sources: Sequence[str | os.PathLike[str]],
    options: Mapping[str, Any],
    *,
    force: bool = False,
    allow_removal: bool = False,
    workers: int | None = None,
    progress: OnProgress | None = None,
    shard: str | Shard | None = None,
    ray: str | None = None,
) -> IngestReport:
    """Index these sources with these ``options`` (see ``images.sources.open_source``). Without sources, index those
    already known and not paused, each with the options it was last given. A source that is not there, or can't be
    read, stops none of the others. With a ``shard``, such as "3/16", only the images of that part are looked at, see
    ``index.shards``. For the rest see ``ingest``.

    Raises InvalidInputError, ModelError or StorageError, and what is wrong with the first source (NotFoundError or
    InvalidTableError) if sources are named and none of them can be used.
    """
    if shard and ray:
        raise InvalidInputError("A shard is the work of one process: without Ray.", remedy="Leave out one of the two.")
    index = collection.index
    known = [s for s in index.manifest.sources if not s.paused]
    wanted = [(os.fspath(s), options) for s in sources] or [(s.uri, dict(s.options)) for s in known]
    if not wanted and not index.manifest.sources:
        raise InvalidInputError("No source was given.", remedy="Give a folder, an image, a table or a URL.")
    opened = [open_known(index.path, index.manifest.sources, text, how) for text, how in wanted]
    if sources and all(isinstance(source, Absent) for source in opened):
        raise next(source.error for source in opened if isinstance(source, Absent))
    turn = Turn(index, Shard.read(shard), [source.uri for source in opened] if sources else []) if shard else None
    with index.sharing(turn) if turn else index.indexing:
        return run_over(
            collection,
            opened,
            force=force,
            allow_removal=allow_removal,
            workers=workers,
            progress=progress,
            named=bool(sources),
            turn=turn,
            ray=ray,
        )


def run_over(
    collection: Collection,
    opened: Sequence[Source],
    *,
    replaced: Sequence[SourceEntry] = (),
    named: bool = True,
    workers: int | None = None,
    turn: Turn | None = None,
    **options: Any,
) -> IngestReport:
    """Index sources that are open, and note in the manifest that the run has begun and ended; then mark which of the
    new images belong to concepts. ``replaced`` are known sources whose images are in these now. Hold ``indexing``, or
    have the ``turn`` of a shard."""
    from imagefinder.ingest.run import ingest

    index = collection.index
    main, *others = (collection.indexers.named(name) for name in collection.model_order())
    before = {s.uri for s in index.manifest.sources}
    here = [source for source in opened if not isinstance(source, Absent)]
    note_start(index, here)
    index.indexed_now = frozenset(source.uri for source in here)
    try:
        report = ingest(
            index,
            main,
            opened,
            limits=collection.limits,
            others=others,
            workers=workers or cores(),
            replaced=replaced,
            turn=turn,
            **options,
        )
    finally:
        index.indexed_now = frozenset()
    failed = {one.uri: one for one in report.missing}
    report = replace(report, shard=turn.told() if turn else None)
    if turn is None:
        note_end(index, here, failed, before)
    elif turn.last:  # what can't be read here, other shards may have read
        note_end(index, [source for source in here if source.uri not in failed], {}, before)
    if turn.last if turn else report.added + report.updated + report.moved:
        report = replace(report, concepts=mark_new(collection, options.get("progress") or ignore))
    if named and opened and len(failed) == len({source.uri for source in opened}):
        _raise_first(opened, report)
    return report


def _raise_first(opened: Sequence[Source], report: IngestReport) -> None:
    """What is wrong with the first source, as the exception that it is."""
    for source in opened:
        if isinstance(source, Absent):
            raise source.error
    if report.errors:
        raise report.errors[0]


def note_start(index: Index, sources: Sequence[Source]) -> None:
    """So that a run that is killed can be taken up again by ``add`` without sources."""
    with index.writing:
        manifest, now = index.manifest, _now()
        for source in sources:
            entry = next((s for s in manifest.sources if s.uri == source.uri), None)
            entry = entry or SourceEntry(source.uri, source.kind)
            manifest = manifest.with_source(replace(entry, kind=source.kind, options=source.options, started=now))
        index.save_manifest(manifest)


def note_end(index: Index, sources: Sequence[Source], failed: Mapping[str, Any], before: set[str]) -> None:
    """That a run has gone over these sources; those among them that ``failed`` stay as they were ``before``, if they
    were known then."""
    with index.writing:
        manifest, now = index.manifest, _now()
        for source in sources:
            entry = next((s for s in manifest.sources if s.uri == source.uri), None)
            if entry is None:  # forgotten meanwhile
                continue
            if source.uri not in failed:
                mounts = tuple(source.mounts)
                manifest = manifest.with_source(replace(entry, last_indexed=now, started=None, mounts=mounts, found=0))
            elif source.uri in before:
                manifest = manifest.with_source(replace(entry, started=None, found=0))
            else:
                manifest = manifest.without_source(source.uri)
        index.save_manifest(manifest)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


__all__ = ["add_sources", "run_over", "source_uri"]

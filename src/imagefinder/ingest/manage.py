"""The sources that an index knows: how they are, and to forget, move, pause and resume one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imagefinder.catalog.edits import NAME_LENGTH
from imagefinder.catalog.feedback import purge_feedback
from imagefinder.duplicates.decisions import purge_decisions
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.images.inside import is_remote
from imagefinder.images.sources import open_source
from imagefinder.index.audit import Audit
from imagefinder.index.concepts import purge_concepts
from imagefinder.index.said import load_said, retire, save_said
from imagefinder.ingest.opening import source_uri
from imagefinder.ingest.removal import MISSING
from imagefinder.ingest.sources import run_over
from imagefinder.results import SourceInfo
from imagefinder.store.filters.parse import Compare

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.index.manifest import Manifest, SourceEntry
    from imagefinder.results import IngestReport
    from imagefinder.types import OnProgress


def list_sources(index: Index) -> list[SourceInfo]:
    """The sources that the index knows, in the order in which they came."""
    found = index.store.columns(("source", MISSING))
    images = Counter(found["source"])
    missing = Counter(source for source, mark in zip(found["source"], found[MISSING], strict=True) if mark)
    return [
        SourceInfo(
            uri=entry.uri,
            kind=entry.kind,
            images=images[entry.uri],
            last_indexed=entry.last_indexed,
            state=entry.state(index.indexed_now),
            missing=missing[entry.uri],
            label=entry.label,
            found=entry.found,
        )
        for entry in index.manifest.sources
    ]


def find_source(index: Index, source: str | os.PathLike[str]) -> SourceEntry:
    """The known source of this path or URL. Raises NotFoundError."""
    names = (os.fspath(source), source_uri(source))
    for entry in index.manifest.sources:
        if entry.uri in names:
            return entry
    raise NotFoundError(
        f"The index knows no source {names[1]}.", remedy="See those that it knows: imagefinder sources list"
    )


def pause_source(index: Index, source: str | os.PathLike[str], paused: bool) -> None:
    """Leave a source out of runs that name none, and keep its images as they are; or take it in again. Raises
    NotFoundError."""
    with index.writing:
        entry = find_source(index, source)
        index.save_manifest(index.manifest.with_source(replace(entry, paused=paused)))


def rename_source(index: Index, source: str | os.PathLike[str], label: str) -> None:
    """Call a source by a ``label``; an empty one takes its name away. Raises NotFoundError and InvalidInputError."""
    wanted = " ".join(label.split())
    if len(wanted) > NAME_LENGTH or not wanted.isprintable():
        raise InvalidInputError(f"The name of a source has at most {NAME_LENGTH} characters that can be printed.")
    with index.writing:
        entry = find_source(index, source)
        index.save_manifest(index.manifest.with_source(replace(entry, label=wanted)))


def forget_source(index: Index, source: str | os.PathLike[str], remove_images: bool) -> int:
    """Forget a source, and with ``remove_images`` take its images out of the index, but for those that lie in another
    source too; what was said of them is kept. Else they stay, and no run changes them any more. Returns how many images
    that were. Raises NotFoundError."""
    with index.indexing, index.writing:
        entry = find_source(index, source)
        rest = index.manifest.without_source(entry.uri)
        found = index.store.columns(("id", "uri", "source"))
        rows = zip(found["id"], found["uri"], found["source"], strict=True)
        mine = [(id, uri) for id, uri, of in rows if entry.covers(uri, entry.uri if of == entry.uri else of)]
        others = {id: other.uri for id, uri in mine for other in rest.sources if other.covers(uri, "")}
        own = [id for id, _ in mine if id not in others]
        if remove_images:
            retire(index, own, "forgotten")
        for uri in set(others.values()):
            ids = [id for id, other in others.items() if other == uri]
            index.store.merge_payload(ids, {"source": uri})
        index.save_manifest(rest)
    return len(own)


def move_source(
    collection: Collection,
    old: str | os.PathLike[str],
    new: str | os.PathLike[str],
    *,
    within: Sequence[str] | None = None,
    progress: OnProgress | None = None,
) -> IngestReport:
    """Look for the images of a source that was renamed or moved in its new place, and know it by that. Images are
    recognised by their content: what was said of them, decided, and their clusters go along, and none is embedded
    again. ``old`` may also be a folder above several sources. ``within`` binds the new places to folders, see
    ``images.sources.Source``.

    What is not in the new place is treated like an image that is gone from its source; while some of it stays, so does
    the old source. Raises NotFoundError (no such source, or nothing in the new place) and InvalidInputError (the old
    place is still there, or the new one is of another kind). Whether a bucket or page is still there is not asked.
    """
    index = collection.index
    with index.indexing:
        entries = _at_or_below(index, source_uri(old))
        targets = [_target(entry, source_uri(old), source_uri(new)) for entry in entries]
        sources = []
        for entry, target in zip(entries, targets, strict=True):
            source = open_source(target, **{**entry.options, **({} if within is None else {"within": within})})
            if source.kind != entry.kind:
                raise InvalidInputError(f"{entry.uri} was a {entry.kind}, and {target} is a {source.kind}.")
            sources.append(source)
        report = run_over(collection, sources, replaced=entries, progress=progress)
        with index.writing:
            manifest = _with_labels(index.manifest, entries, targets)
            for entry in entries:
                if not index.store.count(Compare("source", "=", entry.uri)):
                    manifest = manifest.without_source(entry.uri)
            index.save_manifest(manifest)
    return report


def _with_labels(manifest: Manifest, old: Sequence[SourceEntry], new: Sequence[str]) -> Manifest:
    """The new places have the names that the old ones had, where nobody gave them others."""
    labels = {uri: entry.label for entry, uri in zip(old, new, strict=True)}
    for entry in manifest.sources:
        if not entry.label and labels.get(entry.uri):
            manifest = manifest.with_source(replace(entry, label=labels[entry.uri]))
    return manifest


def _at_or_below(index: Index, old: str) -> Sequence[SourceEntry]:
    inside = old.rstrip(os.sep) + os.sep
    found = [entry for entry in index.manifest.sources if entry.uri == old or entry.uri.startswith(inside)]
    if not found:
        raise NotFoundError(
            f"The index knows no source {old}.", remedy="See those that it knows: imagefinder sources list"
        )
    here = (entry.uri for entry in found if not entry.is_away() and not is_remote(entry.uri))
    if there := next(here, None):
        raise InvalidInputError(
            f"{there} is still there, so it was not moved.",
            remedy="Index the new folder beside it, then: imagefinder sources forget OLD",
        )
    return found


def _target(entry: SourceEntry, old: str, new: str) -> str:
    return new if entry.uri == old else os.path.join(new, entry.uri[len(old.rstrip(os.sep)) + 1 :])


def purge(index: Index) -> int:
    """Forget for good what people said of images that are not in the index any more: tags, captions and names,
    decisions on duplicates, feedback and concepts. Returns of how many images. Raises IndexDamagedError or
    StorageError."""
    with index.writing:
        found = index.store.columns(("uri", "content_hash"))
        content = dict(zip(found["uri"], found["content_hash"], strict=True))
        there = set(content.values())
        gone = purge_decisions(index, there) | purge_feedback(index, there) | purge_concepts(index, there)
        kept = load_said(index.documents)
        left = [key for key in kept.images if content.get(key[1]) != key[0]]
        for key in left:
            del kept.images[key]
        save_said(index.documents, kept)
        gone |= {key[0] for key in left}
        if gone:
            Audit(index.documents).add("purged", (), len(gone))
    return len(gone)

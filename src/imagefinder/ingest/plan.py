"""Compares the sources with the index, to decide what an indexing run has to do. No image is read for this."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import ImageFinderError
from imagefinder.images.inside import has_parts, holder_of, is_archive, member_of, part_of
from imagefinder.images.parts import as_part
from imagefinder.ingest.gone import Belongs, Missed, belongs, not_found, total
from imagefinder.ingest.known import Known, KnownImages, each_known, known_images
from imagefinder.ingest.listing import Found, Listing
from imagefinder.ingest.split import Split
from imagefinder.types import ImageRef, SkipCode, Skipped

if TYPE_CHECKING:
    from imagefinder.images.source import Source
    from imagefinder.index.manifest import SourceEntry
    from imagefinder.index.shards import Shard
    from imagefinder.store.base import Store


@dataclass(slots=True)
class Plan:
    """The work of one run. ``todo``: images that are new or may have changed. ``listed``: unchanged files whose record
    may say something else, from a table or of its source. ``gone``: images of the index that their source no longer
    has, by URI, and ``missed_by`` which source that is, of how many images (``totals``). ``files``: files of several
    pictures that are to be looked into, and ``archives`` those to open; ``parts`` are the pages, frames and members
    that the index knows, by their file. ``gone_through`` says which version of an archive runs have gone through to
    the end, and how many members of it the index then had.

    ``scanned`` are the sources that were gone over, each with as many files as ``sizes`` says, ``missing`` those that
    could not be, and why (``errors``).
    ``away`` are known sources whose images stay as they are. In the run of a shard, all of this is of its images alone;
    only ``gone``, ``missed_by`` and ``totals`` are of all images, see ``split``.
    """

    known: KnownImages
    todo: list[ImageRef] = field(default_factory=list)
    files: list[ImageRef] = field(default_factory=list)
    archives: list[ImageRef] = field(default_factory=list)
    gone_through: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    parts: dict[str, list[str]] = field(default_factory=dict)
    listed: list[ImageRef] = field(default_factory=list)
    gone: dict[str, Known] = field(default_factory=dict)
    missed_by: dict[str, str] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    scanned: list[Source] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)
    missing: list[Skipped] = field(default_factory=list)
    errors: list[ImageFinderError] = field(default_factory=list)
    away: list[SourceEntry] = field(default_factory=list)
    unchanged: int = 0
    split: Split | None = None
    found: Found = field(init=False)
    _changing: frozenset[str] | None = None

    def __post_init__(self) -> None:
        self.found = Found(self.known, np.zeros(len(self.known), bool))

    def reusable(self) -> dict[str, str]:
        """From content hash to the id of a point whose vectors do not change during the run, and whose record says
        nothing but what its file says."""
        known = self.known.each()
        return {k.content_hash: k.id for uri, k in known if k.sidecar_ns is None and not self._is_changing(uri)}

    def point_of(self, content_hash: str) -> str | None:
        """One of these points."""
        for row in reversed(self.known.with_content(content_hash)):
            one = self.known.facts(row)
            for _, uri in self.known.uris(np.array([row])):
                if one.sidecar_ns is None and not self._is_changing(uri):
                    return one.id
        return None

    def _is_changing(self, uri: str) -> bool:
        if self._changing is None:
            self._changing = frozenset(ref.uri for ref in (*self.todo, *self.files, *self.archives))
        return uri in self._changing or holder_of(uri) in self._changing

    @property
    def ids(self) -> set[str]:
        """The ids of the images that are looked at, whether they are in the index yet or not."""
        return {*self.known.ids(), *(ref.id for ref in self.todo)}

    def is_gone_through(self, archive: str, version: str) -> bool:
        """Whether the index has all of this version of an archive."""
        seen, members = self.gone_through.get(archive, ("", 0))
        return bool(version) and seen == version and len(self.parts.get(archive, ())) >= members

    def take_in(self, file: ImageRef, parts: Sequence[ImageRef], force: bool) -> list[ImageRef]:
        """Note the parts that a file has now, and give those that are to be read. Others that the index knows of it are
        gone, however many they are: the file is there, and has them no more."""
        for uri in set(self.parts.get(file.uri, ())) - {part.uri for part in parts}:
            self.gone[uri] = self.known[uri]
            self.found.note([uri], False)
        uris = [part.uri for part in parts]
        self.found.note(uris)
        rows = zip(parts, self.known.rows(uris).tolist(), strict=True)
        return [p for p, row in rows if force or row < 0 or not self.known.facts(row).is_current(p)]

    @property
    def strangers(self) -> Mapping[str, Known]:
        """Those among ``gone`` that are in other shards."""
        return self.split.strangers if self.split else {}

    def is_away(self, uri: str, source: str) -> bool:
        """Whether an image of the index, of this source, belongs to one that is not there, or paused."""
        return any(entry.covers(uri, source) for entry in self.away)


def make_plan(
    store: Store,
    sources: Sequence[Source],
    *,
    entries: Sequence[SourceEntry] = (),
    replaced: Sequence[SourceEntry] = (),
    gone_through: Mapping[str, tuple[str, int]] | None = None,
    force: bool = False,
    shard: Shard | None = None,
) -> Plan:
    """Compare what the sources hold now with what the index holds. ``entries`` are the sources that it knows;
    ``replaced`` those among them whose images are to be found in ``sources`` now. With a ``shard``, for its images."""
    known = KnownImages.of(store, ()) if shard else known_images(store)
    plan = Plan(known, gone_through={} if force or not gone_through else gone_through)
    plan.split = Split(shard) if shard else None
    former = {entry.uri for entry in replaced}
    listing = Listing(known, {entry.uri for entry in entries} - former, plan.split, force)
    for source in sources:
        _scan(plan, source, listing)
    if plan.split:
        plan.known = KnownImages.of(store, _share_out(plan, plan.split, store))
    named = {source.uri for source in plan.scanned} | former
    plan.away = [entry for entry in entries if entry.uri not in named and (entry.paused or entry.is_away())]
    failed = {skipped.uri for skipped in plan.missing}
    plan.away += [entry for entry in entries if entry.uri in failed and entry not in plan.away]
    scanned = [(source.uri, partial(belongs, source)) for source in plan.scanned]
    _compare(plan, listing, [*scanned, *((entry.uri, entry.covers) for entry in replaced)])
    live = {entry.uri for entry in entries} | named
    for ref, row in zip(listing.refs.values(), plan.known.rows(list(listing.refs)).tolist(), strict=True):
        _sort_in(plan, ref, plan.known.facts(row) if row >= 0 else None, force, live - former)
    if plan.todo or plan.files or plan.archives:
        plan.known.read_contents()
    return plan


def _compare(plan: Plan, listing: Listing, sources: Sequence[tuple[str, Belongs]]) -> None:
    """Note what was found, and what of the sources is gone."""
    plan.unchanged = int(listing.same.sum())
    plan.found = Found(plan.known, np.zeros(len(plan.known), bool) if plan.split else listing.same)
    plan.found.note(list(listing.refs))
    missed, left = not_found(plan.known, plan.found, sources)
    plan.parts = _parts([*left, *(uri for uri in listing.refs if uri in plan.known)])
    for file, uris in plan.parts.items():
        if file in plan.found:
            plan.found.note(uris)
    _note_gone(plan, sources, missed)


def _note_gone(plan: Plan, sources: Sequence[tuple[str, Belongs]], missed: Sequence[Missed]) -> None:
    """Note which of these are gone, and of how many images of their source."""
    skipped = {one.uri for one in plan.skipped}
    for name, row, uri in missed:
        if not (plan.found.flags[row] or uri in skipped or plan.is_away(uri, plan.known.source_of(row))):
            plan.gone[uri], plan.missed_by[uri] = plan.known.at(row), name
    for source in plan.scanned if plan.split else ():
        for uri, known in plan.strangers.items():
            is_new = uri not in plan.gone and not plan.is_away(uri, known.source)
            if is_new and belongs(source, uri, known.source):
                plan.gone[uri], plan.missed_by[uri] = known, source.uri
    for name in set(plan.missed_by.values()):
        plan.totals[name] = total(plan.known, dict(sources)[name]) + (plan.split.belonging[name] if plan.split else 0)


def _share_out(plan: Plan, split: Split, store: Store) -> Iterator[Known]:
    """What the index knows of the images of a shard. What matters of the others is noted, after all sources were gone
    over."""
    for uri, known in each_known(store):
        if split.shard.has(uri):
            yield known
        else:
            split.note(uri, known, [source.uri for source in plan.scanned if belongs(source, uri, known.source)])


def _parts(known: Iterable[str]) -> dict[str, list[str]]:
    """The pages, frames and members of archives among these URIs, by their file."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for uri in known:
        if "#" in uri and (part_of(uri) or member_of(uri)):
            found[holder_of(uri)].append(uri)
    return dict(found)


def _scan(plan: Plan, source: Source, listing: Listing) -> None:
    """Take in what a source holds. One that is not there, or is malformed, leaves everything as it was."""
    try:
        plan.sizes[source.uri], skipped = listing.go_over(source)
    except ImageFinderError as error:
        plan.errors.append(error)
        code = getattr(error, "code", SkipCode.NOT_FOUND if isinstance(error, LookupError) else SkipCode.CORRUPT)
        plan.missing.append(Skipped(source.uri, code, error.message, error.remedy))
        return
    plan.scanned.append(source)
    plan.skipped += skipped


def _sort_in(plan: Plan, ref: ImageRef, known: Known | None, force: bool, live: set[str]) -> None:
    if is_archive(ref.uri):
        if plan.is_gone_through(ref.uri, ref.version):
            plan.unchanged += len(plan.parts.get(ref.uri, ()))
        else:
            plan.archives.append(ref)
        return
    if has_parts(ref.uri):
        _sort_in_parts(plan, ref, force, live)
        return
    if known is None or force or not known.is_current(ref):
        plan.todo.append(ref)
    elif ref.metadata or known.source not in live:
        plan.listed.append(ref)
    else:
        plan.unchanged += 1


def _sort_in_parts(plan: Plan, file: ImageRef, force: bool, live: set[str]) -> None:
    """A file of several pictures is looked into unless the index has all of them, and it has not changed since."""
    uris = plan.parts.get(file.uri, ())
    known = [plan.known.facts(row) for row in plan.known.rows(uris).tolist()]
    whole = bool(known) and len(known) >= max(one.parts if isinstance(one.parts, int) else 0 for one in known)
    if force or not whole or not all(one.is_current(file) for one in known):
        plan.files.append(file)
    elif file.metadata or any(one.source not in live for one in known):
        parts = zip(map(part_of, uris), known, strict=True)
        plan.listed += [as_part(file, part, one.parts) for part, one in parts if part]
    else:
        plan.unchanged += len(known)

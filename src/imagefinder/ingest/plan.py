"""Compares the sources with the index, to decide what an indexing run has to do. No image is read for this."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from imagefinder.errors import ImageFinderError
from imagefinder.images.inside import has_parts, holder_of, is_archive, member_of, part_of, whole_of
from imagefinder.images.parts import as_part
from imagefinder.index.manifest import LISTS
from imagefinder.ingest.known import Known, each_known, known_images
from imagefinder.ingest.opening import Absent
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

    known: dict[str, Known]
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
    found: set[str] = field(default_factory=set)
    unchanged: int = 0
    split: Split | None = None

    @property
    def reusable(self) -> dict[str, str]:
        """From content hash to the id of a point whose vectors do not change during the run, and whose record says
        nothing but what its file says."""
        changing = {ref.uri for ref in (*self.todo, *self.files, *self.archives)}
        return {
            k.content_hash: k.id
            for uri, k in self.known.items()
            if k.sidecar_ns is None and uri not in changing and holder_of(uri) not in changing
        }

    @property
    def ids(self) -> set[str]:
        """The ids of the images that are looked at, whether they are in the index yet or not."""
        return {known.id for known in self.known.values()} | {ref.id for ref in self.todo}

    def is_gone_through(self, archive: str, version: str) -> bool:
        """Whether the index has all of this version of an archive."""
        seen, members = self.gone_through.get(archive, ("", 0))
        return bool(version) and seen == version and len(self.parts.get(archive, ())) >= members

    def take_in(self, file: ImageRef, parts: Sequence[ImageRef], force: bool) -> list[ImageRef]:
        """Note the parts that a file has now, and give those that are to be read. Others that the index knows of it are
        gone, however many they are: the file is there, and has them no more."""
        for uri in set(self.parts.get(file.uri, ())) - {part.uri for part in parts}:
            self.gone[uri] = self.known[uri]
            self.found.discard(uri)
        self.found |= {part.uri for part in parts}
        return [p for p in parts if force or p.uri not in self.known or not self.known[p.uri].is_current(p)]

    @property
    def strangers(self) -> Mapping[str, Known]:
        """Those among ``gone`` that are in other shards."""
        return self.split.strangers if self.split else {}

    def is_away(self, uri: str, known: Known) -> bool:
        """Whether an image of the index belongs to a source that is not there, or paused."""
        return any(entry.covers(uri, known.source) for entry in self.away)


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
    plan = Plan({} if shard else known_images(store), gone_through={} if force or not gone_through else gone_through)
    plan.split = Split(shard) if shard else None
    found: dict[str, ImageRef] = {}
    for source in sources:
        _scan(plan, source, found)
    if plan.split:
        _share_out(plan, plan.split, store)
    named = {source.uri for source in plan.scanned} | {entry.uri for entry in replaced}
    plan.away = [entry for entry in entries if entry.uri not in named and (entry.paused or entry.is_away())]
    failed = {skipped.uri for skipped in plan.missing}
    plan.away += [entry for entry in entries if entry.uri in failed and entry not in plan.away]
    live = {entry.uri for entry in entries} | named
    plan.parts = _parts(plan.known)
    plan.found = set(found) | {uri for file in found for uri in plan.parts.get(file, ())}
    kept = {s.uri for s in plan.skipped} | plan.found
    for source in plan.scanned:
        _find_gone(plan, source, kept)
    for entry in replaced:
        _note_gone(plan, entry.uri, {u: k for u, k in plan.known.items() if entry.covers(u, k.source)}, kept)
    for ref in found.values():
        _sort_in(plan, ref, force, live - {entry.uri for entry in replaced})
    return plan


def _share_out(plan: Plan, split: Split, store: Store) -> None:
    """Take in what the index knows of the images of a shard, and what matters of the others, after all sources were
    gone over."""
    for uri, known in each_known(store):
        if split.shard.has(uri):
            plan.known[uri] = known
        else:
            split.note(uri, known, [source.uri for source in plan.scanned if _belongs(source, uri, known)])


def _parts(known: Iterable[str]) -> dict[str, list[str]]:
    """The pages, frames and members of archives among these URIs, by their file."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for uri in known:
        if "#" in uri and (part_of(uri) or member_of(uri)):
            found[holder_of(uri)].append(uri)
    return dict(found)


def _scan(plan: Plan, source: Source, found: dict[str, ImageRef]) -> None:
    """Take in what a source holds. One that is not there, or is malformed, leaves everything as it was."""
    try:
        items = [item for item in source.scan() if plan.split is None or plan.split.takes(item.uri)]
        if source.is_hidden(f"{source.uri}/"):  # the folder itself, not one in it
            raise Absent.unreadable(source.uri)
    except ImageFinderError as error:
        plan.errors.append(error)
        code = getattr(error, "code", SkipCode.NOT_FOUND if isinstance(error, LookupError) else SkipCode.CORRUPT)
        plan.missing.append(Skipped(source.uri, code, error.message, error.remedy))
        return
    plan.scanned.append(source)
    plan.sizes[source.uri] = len(items)
    for item in items:
        if isinstance(item, Skipped):
            plan.skipped.append(item)
        else:
            _take_in(found, item)


def _take_in(found: dict[str, ImageRef], ref: ImageRef) -> None:
    """An image that is in two sources is one image. What a table says about it is used, whichever source came first."""
    earlier = found.get(ref.uri)
    found[ref.uri] = replace(earlier, metadata={**ref.metadata, **earlier.metadata}) if earlier else ref


def _sort_in(plan: Plan, ref: ImageRef, force: bool, live: set[str]) -> None:
    if is_archive(ref.uri):
        if plan.is_gone_through(ref.uri, ref.version):
            plan.unchanged += len(plan.parts.get(ref.uri, ()))
        else:
            plan.archives.append(ref)
        return
    if has_parts(ref.uri):
        _sort_in_parts(plan, ref, force, live)
        return
    known = plan.known.get(ref.uri)
    if known is None or force or not known.is_current(ref):
        plan.todo.append(ref)
    elif ref.metadata or known.source not in live:
        plan.listed.append(ref)
    else:
        plan.unchanged += 1


def _sort_in_parts(plan: Plan, file: ImageRef, force: bool, live: set[str]) -> None:
    """A file of several pictures is looked into unless the index has all of them, and it has not changed since."""
    uris = plan.parts.get(file.uri, ())
    known = [plan.known[uri] for uri in uris]
    whole = bool(known) and len(known) >= max(one.parts if isinstance(one.parts, int) else 0 for one in known)
    if force or not whole or not all(one.is_current(file) for one in known):
        plan.files.append(file)
    elif file.metadata or any(one.source not in live for one in known):
        plan.listed += [as_part(file, part, plan.known[part.uri].parts) for uri in uris if (part := part_of(uri))]
    else:
        plan.unchanged += len(known)


def _belongs(source: Source, uri: str, known: Known) -> bool:
    """Whether the image would be found in this source if it existed."""
    covered = known.source == source.uri if source.kind in LISTS else source.covers(uri)
    return (
        covered
        and not source.is_hidden(uri)
        and not (uri.startswith(tuple(source.ours)) and known.source != source.uri)
    )


def _find_gone(plan: Plan, source: Source, kept: set[str]) -> None:
    _note_gone(plan, source.uri, {u: k for u, k in plan.known.items() if _belongs(source, u, k)}, kept)
    if plan.split:
        plan.totals[source.uri] += plan.split.belonging[source.uri]
        _miss(plan, source.uri, {u: k for u, k in plan.strangers.items() if _belongs(source, u, k)})


def _note_gone(plan: Plan, source: str, belongs: Mapping[str, Known], kept: set[str]) -> None:
    plan.totals[source] = len({whole_of(uri) for uri in belongs})
    _miss(plan, source, {uri: known for uri, known in belongs.items() if uri not in kept})


def _miss(plan: Plan, source: str, missed: Mapping[str, Known]) -> None:
    for uri, known in missed.items():
        if uri not in plan.gone and not plan.is_away(uri, known):
            plan.gone[uri] = known
            plan.missed_by[uri] = source

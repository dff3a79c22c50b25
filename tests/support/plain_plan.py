"""What ``ingest.plan.make_plan`` has to decide, in the plainest way: dicts and sets of URIs, a record for each image.
The plan in columns is compared with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from imagefinder.errors import ImageFinderError
from imagefinder.images.inside import has_parts, holder_of, is_archive, member_of, part_of, whole_of
from imagefinder.images.source import Source
from imagefinder.index.manifest import LISTS, SourceEntry
from imagefinder.ingest.known import Known, each_known
from imagefinder.store.base import Store
from imagefinder.types import ImageRef, Skipped


@dataclass
class PlainPlan:
    known: dict[str, Known]
    todo: list[ImageRef] = field(default_factory=list)
    files: list[ImageRef] = field(default_factory=list)
    archives: list[ImageRef] = field(default_factory=list)
    listed: set[str] = field(default_factory=set)
    gone: dict[str, Known] = field(default_factory=dict)
    missed_by: dict[str, str] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    parts: dict[str, list[str]] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)
    unchanged: int = 0

    def reusable(self) -> dict[str, set[str]]:
        """The ids of the points by content that others may be copied from."""
        changing = {ref.uri for ref in (*self.todo, *self.files, *self.archives)}
        found: dict[str, set[str]] = {}
        for uri, k in self.known.items():
            if k.sidecar_ns is None and uri not in changing and holder_of(uri) not in changing:
                found.setdefault(k.content_hash, set()).add(k.id)
        return found


def plain_plan(
    store: Store,
    sources: Sequence[Source],
    entries: Sequence[SourceEntry],
    replaced: Sequence[SourceEntry],
    gone_through: Mapping[str, tuple[str, int]],
    force: bool,
) -> PlainPlan:
    plan = PlainPlan(dict(each_known(store)))
    refs, skipped, scanned, missing = _scanned(sources)
    named = {source.uri for source in scanned} | {entry.uri for entry in replaced}
    away = [e for e in entries if e.uri not in named and (e.paused or e.is_away())]
    away += [e for e in entries if e.uri in missing and e not in away]
    for uri in plan.known:
        if "#" in uri and (part_of(uri) or member_of(uri)):
            plan.parts.setdefault(holder_of(uri), []).append(uri)
    plan.found = set(refs) | {uri for file in refs for uri in plan.parts.get(file, ())}
    tests: list[tuple[str, Callable[[str, Known], bool]]] = [(s.uri, _of_source(s)) for s in scanned]
    tests += [(e.uri, lambda uri, known, entry=e: entry.covers(uri, known.source)) for e in replaced]
    for name, is_of in tests:
        mine = {uri: known for uri, known in plan.known.items() if is_of(uri, known)}
        plan.totals[name] = len({whole_of(uri) for uri in mine})
        for uri, known in mine.items():
            kept = uri in plan.found or uri in skipped or any(e.covers(uri, known.source) for e in away)
            if not kept and uri not in plan.gone:
                plan.gone[uri], plan.missed_by[uri] = known, name
    live = ({entry.uri for entry in entries} | named) - {entry.uri for entry in replaced}
    for ref in refs.values():
        _sort(plan, ref, live, {} if force else gone_through, force)
    return plan


def _scanned(sources: Sequence[Source]) -> tuple[dict[str, ImageRef], set[str], list[Source], set[str]]:
    refs: dict[str, ImageRef] = {}
    skipped, scanned, missing = set[str](), list[Source](), set[str]()
    for source in sources:
        try:
            items = list(source.scan())
        except ImageFinderError:
            missing.add(source.uri)
            continue
        if source.is_hidden(f"{source.uri}/"):
            missing.add(source.uri)
            continue
        scanned.append(source)
        skipped |= {item.uri for item in items if isinstance(item, Skipped)}
        for item in items:
            if isinstance(item, ImageRef):
                former = refs.get(item.uri)
                refs[item.uri] = replace(former, metadata={**item.metadata, **former.metadata}) if former else item
    return refs, skipped, scanned, missing


def _of_source(source: Source) -> Callable[[str, Known], bool]:
    def test(uri: str, known: Known) -> bool:
        covered = known.source == source.uri if source.kind in LISTS else source.covers(uri)
        ours = uri.startswith(tuple(source.ours)) and known.source != source.uri
        return covered and not source.is_hidden(uri) and not ours

    return test


def _sort(
    plan: PlainPlan, ref: ImageRef, live: set[str], gone_through: Mapping[str, tuple[str, int]], force: bool
) -> None:
    parts = plan.parts.get(ref.uri, [])
    if is_archive(ref.uri):
        seen, members = gone_through.get(ref.uri, ("", 0))
        if ref.version and seen == ref.version and len(parts) >= members:
            plan.unchanged += len(parts)
        else:
            plan.archives.append(ref)
        return
    uris = parts if has_parts(ref.uri) else [ref.uri]
    known = [plan.known[uri] for uri in uris if uri in plan.known]
    whole = bool(known)
    if has_parts(ref.uri):
        whole = whole and len(known) >= max(one.parts if isinstance(one.parts, int) else 0 for one in known)
    if force or not whole or not all(one.is_current(ref) for one in known):
        (plan.files if has_parts(ref.uri) else plan.todo).append(ref)
    elif ref.metadata or any(one.source not in live for one in known):
        plan.listed |= set(uris)
    else:
        plan.unchanged += len(known)

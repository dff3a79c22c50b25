"""Which images of the index their source no longer has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from imagefinder.images.inside import whole_of
from imagefinder.index.manifest import LISTS

if TYPE_CHECKING:
    from imagefinder.images.source import Source
    from imagefinder.ingest.plan import Plan

Belongs: TypeAlias = Callable[[str, str], bool]  # whether an image, by its URI and what its record says, is a source's


def belongs(source: Source, uri: str, taken_from: str) -> bool:
    """Whether the image, which was taken in from a source, would be found in this one if it existed."""
    covered = taken_from == source.uri if source.kind in LISTS else source.covers(uri)
    return (
        covered and not source.is_hidden(uri) and not (uri.startswith(tuple(source.ours)) and taken_from != source.uri)
    )


def find_gone(plan: Plan, sources: Mapping[str, Belongs], left: Mapping[str, int]) -> None:
    """Note which of the images that were not found, by URI and row, are gone from one of these sources, and of how many
    images of that."""
    scanned = {source.uri: source for source in plan.scanned}
    for name, is_of in sources.items():
        for uri, row in left.items():
            source = plan.known.source_of(row)
            if is_of(uri, source) and uri not in plan.gone and not plan.is_away(uri, source):
                plan.gone[uri] = plan.known.at(row)
                plan.missed_by[uri] = name
        for uri, known in plan.strangers.items() if name in scanned else ():
            if is_of(uri, known.source) and uri not in plan.gone and not plan.is_away(uri, known.source):
                plan.gone[uri] = known
                plan.missed_by[uri] = name
    for name in set(plan.missed_by.values()):
        others = plan.split.belonging[name] if plan.split and name in scanned else 0
        plan.totals[name] = _total(plan, sources[name]) + others


def _total(plan: Plan, is_of: Belongs) -> int:
    """How many images of a source the index knows, pages and frames of one file as one."""
    n, files = 0, set[str]()
    for _, uri, source in plan.known.sourced():
        if is_of(uri, source):
            whole = whole_of(uri) if "#" in uri else uri
            if whole == uri:
                n += 1
            else:
                files.add(whole)
    return n + sum(file not in plan.known for file in files)

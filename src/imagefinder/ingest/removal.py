"""The end of a run: which images leave the index, which stay although they are not there, and what is said of both."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from imagefinder.index.said import retire
from imagefinder.index.there import each_there
from imagefinder.ingest.guard import Held, held_back, losses
from imagefinder.store.filters.parse import Has
from imagefinder.types import SkipCode, Skipped

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.ingest.former import Former
    from imagefinder.ingest.plan import Plan

MISSING = "missing"  # the field of images whose file was not there when last looked for


def settle(
    index: Index, plan: Plan, former: Former, allow_removal: bool, counts: dict[str, int], skipped: list[Skipped]
) -> None:
    """Remove what is gone, unless it seems to be away only; say in ``counts`` and ``skipped`` what became of it."""
    away = former.moved | _taken(index, plan)
    kept = [] if allow_removal else held(index, plan, away)
    kept = [one for one in kept if any(uri not in plan.strangers for uri in one.uris)]
    stays = {uri for one in kept for uri in one.uris if uri not in plan.strangers}
    mine = {uri: known for uri, known in plan.gone.items() if uri not in plan.strangers and uri not in away}
    leaves = [known.id for uri, known in mine.items() if uri not in stays]
    counts["said"] += retire(index, leaves, "gone")
    with index.writing:
        index.store.delete([plan.gone[uri].id for uri in former.moved])
    former.settle()
    counts["removed"], counts["kept"] = len(leaves), len(stays)
    skipped += [_told(one) for one in kept]
    mark_missing(index, plan, stays)


def _taken(index: Index, plan: Plan) -> set[str]:
    """Of the images that are gone, those that other shards have taken out of the index since the run began: they were
    moved to where those look."""
    if plan.split is None or not plan.gone:
        return set()
    uris = {known.id: uri for uri, known in plan.gone.items()}
    there = {point.id for point in each_there(index.store, uris)}
    return {uri for id, uri in uris.items() if id not in there}


def held(index: Index, plan: Plan, moved: Collection[str] = ()) -> list[Held]:
    """The images that are gone, and were not ``moved``, but seem to be away only."""
    gone = {uri: source for uri, source in plan.missed_by.items() if uri not in moved}
    before = {entry.uri: entry for entry in index.manifest.sources}
    facts = {}
    for source in plan.scanned:
        mounts = before[source.uri].mounts if source.uri in before else ()
        unmounted = [*(folder for folder in mounts if folder not in source.mounts), *source.broken]
        facts[source.uri] = (source.is_bare(), unmounted)
    ours = tuple(folder for source in plan.scanned for folder in source.ours)
    gone = {uri: source for uri, source in gone.items() if not uri.startswith(ours)}
    return [one for loss in losses(gone, plan.totals, facts) for one in held_back(loss)]


def _told(held: Held) -> Skipped:
    n = len(held.uris)
    which = "1 image of it is" if n == 1 else f"{n:,} images of it are"
    return Skipped(
        held.place,
        SkipCode.NOT_FOUND,
        f"{which} not there any more, and stay in the index: {held.why}. A drive may not be mounted, or a table cut "
        "short.",
        "If they are really gone, run the command again with --allow-removal.",
    )


def mark_missing(index: Index, plan: Plan, stays: set[str]) -> None:
    """Have the field ``missing`` say of which images the file is not there: those that stay (``stays``) and those of a
    source that is away. It is taken off from those that were found."""
    gone = [entry for entry in plan.away if not entry.paused]
    wanted = {plan.gone[uri].id for uri in stays}
    if gone:
        away = [row for row, uri, source in plan.known.sourced() if any(entry.covers(uri, source) for entry in gone)]
        wanted |= set(plan.known.ids(away))
    with index.writing:
        marked = set(index.store.columns(("id",), filter=Has(MISSING))["id"])
        back = plan.found.ids(marked | wanted)
        index.store.merge_payload(sorted(wanted - marked - back), {MISSING: True})
        index.store.merge_payload(sorted(marked & back), {MISSING: None})

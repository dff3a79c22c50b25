"""Compares the sources with the index, to decide what an indexing run has to do. No image is read for this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from imagefinder.types import ImageRef, Skipped

if TYPE_CHECKING:
    from imagefinder.images.sources import Source
    from imagefinder.store.base import Store


KNOWN_FIELDS = ("bytes", "mtime_ns", "content_hash", "source")


class Known(NamedTuple):
    """What the index knows about an image, to decide whether it has changed."""

    id: str
    size: int | None
    mtime_ns: int | None
    content_hash: str
    source: str

    def is_current(self, ref: ImageRef) -> bool:
        """Whether the image is unchanged. A URL has neither size nor time here, so it counts as unchanged once it is
        indexed."""
        return ref.mtime_ns is None or (self.size == ref.size and self.mtime_ns == ref.mtime_ns)


@dataclass(slots=True)
class Plan:
    """The work of one run. ``todo``: images that are new or may have changed. ``listed``: unchanged files that a table
    describes. ``gone``: images of the index that the source no longer has, by URI."""

    known: dict[str, Known]
    todo: list[ImageRef] = field(default_factory=list)
    listed: list[ImageRef] = field(default_factory=list)
    gone: dict[str, Known] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    unchanged: int = 0

    @property
    def reusable(self) -> dict[str, str]:
        """From content hash to the id of a point whose vectors do not change during the run."""
        changing = {ref.uri for ref in self.todo}
        return {k.content_hash: k.id for uri, k in self.known.items() if uri not in changing}


def known_images(store: Store) -> dict[str, Known]:
    """Every image of the index, by URI."""
    return {
        p.payload["uri"]: Known._make((p.id, *(p.payload.get(name) for name in KNOWN_FIELDS)))
        for points in store.scroll(fields=("uri", *KNOWN_FIELDS), batch=5000)
        for p in points
    }


def make_plan(store: Store, sources: Sequence[Source], *, force: bool = False, allow_empty: bool = False) -> Plan:
    """Compare what the sources hold now with what the index holds."""
    plan = Plan(known_images(store))
    found: dict[str, ImageRef] = {}
    for source in sources:
        before = len(found) + len(plan.skipped)
        for item in source.scan():
            if isinstance(item, Skipped):
                plan.skipped.append(item)
            else:
                _take_in(found, item)
        if len(found) + len(plan.skipped) > before or allow_empty or not source.is_bare():
            _find_gone(plan, source)
        elif kept := sum(_belongs(source, uri, k) for uri, k in plan.known.items()):
            plan.skipped.append(_bare(source, kept))
    for ref in found.values():
        _sort_in(plan, ref, force)
    plan.gone = {uri: known for uri, known in plan.gone.items() if uri not in found}
    return plan


def _take_in(found: dict[str, ImageRef], ref: ImageRef) -> None:
    """An image that is in two sources is one image. What a table says about it is used, whichever source came first."""
    earlier = found.get(ref.uri)
    found[ref.uri] = replace(earlier, metadata={**ref.metadata, **earlier.metadata}) if earlier else ref


def _sort_in(plan: Plan, ref: ImageRef, force: bool) -> None:
    known = plan.known.get(ref.uri)
    if known is None or force or not known.is_current(ref):
        plan.todo.append(ref)
    elif ref.metadata:
        plan.listed.append(ref)
    else:
        plan.unchanged += 1


def _find_gone(plan: Plan, source: Source) -> None:
    kept = {s.uri for s in plan.skipped}
    for uri, known in plan.known.items():
        if _belongs(source, uri, known) and uri not in kept and not source.is_hidden(uri):
            plan.gone[uri] = known


def _belongs(source: Source, uri: str, known: Known) -> bool:
    return known.source == source.uri if source.kind == "table" else source.covers(uri)


def _bare(source: Source, kept: int) -> Skipped:
    return Skipped(
        source.uri,
        "not-found",
        f"The folder is empty, yet {kept} images of it are in the index; they were kept, in case a drive is not "
        "mounted.",
        "If they are really gone, run the command again with --allow-empty.",
    )

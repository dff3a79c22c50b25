"""Goes over sources and compares what they hold with what the index knows while it is listed: of an image that has not
changed, only its row is noted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from imagefinder._util.threads import chunked
from imagefinder.images.formats import FORMATS
from imagefinder.images.inside import ARCHIVES, member_of, part_of
from imagefinder.ingest.opening import Absent
from imagefinder.types import ImageRef, Skipped

if TYPE_CHECKING:
    from imagefinder.images.source import Source
    from imagefinder.ingest.known import Known, KnownImages
    from imagefinder.ingest.split import Split

BATCH = 1000  # images that are compared at once
_HOLDERS = (*ARCHIVES, *(ending for format in FORMATS if format.parts for ending in format.endings))


class Found:
    """The URIs that were found: a flag for each that the index knows, and the others themselves."""

    def __init__(self, known: KnownImages, flags: np.ndarray, others: Iterable[str] = ()) -> None:
        self.flags = flags
        self._known, self._others = known, set(others)

    def __contains__(self, uri: object) -> bool:
        row = self._known.row(str(uri))
        return bool(self.flags[row]) if row >= 0 else uri in self._others

    def note(self, uris: Collection[str], there: bool = True) -> None:
        """Note that these are there, or that they are not."""
        for uri, row in zip(uris, self._known.rows(list(uris)).tolist(), strict=True):
            if row >= 0:
                self.flags[row] = there
            else:
                (self._others.add if there else self._others.discard)(uri)

    def ids(self, among: Collection[str]) -> set[str]:
        """The ids of those that were found, ``among`` these."""
        ids = list(among)
        rows = zip(ids, self._known.rows_of_ids(ids).tolist(), strict=True)
        return {id for id, row in rows if row >= 0 and self.flags[row]}


class Listing:
    """What sources hold: ``same`` says of each known image whether it is there and unchanged, bool (n); all others are
    in ``refs``, by URI: those that are new or may have changed, those of which a table says something, those whose own
    source is not among the ``live`` ones, files of several pictures, and with ``force`` all."""

    def __init__(self, known: KnownImages, live: Collection[str], split: Split | None, force: bool) -> None:
        self.refs: dict[str, ImageRef] = {}
        self.same = np.zeros(len(known), bool)
        self._known, self._split, self._force = known, split, force
        live = frozenset(live)
        self._live = np.array([*(source in live for source in known.sources.values), False], bool)

    def go_over(self, source: Source) -> tuple[int, list[Skipped]]:
        """Take in what a source holds; how many files that is, and which of them are left out. Raises ImageFinderError
        for one that is not there, or is malformed, and takes in nothing of it."""
        n, skipped, now = 0, list[Skipped](), _Now(np.zeros(len(self.same), bool))
        takes = self._split.takes if self._split else None
        for items in chunked((item for item in source.scan() if takes is None or takes(item.uri)), BATCH):
            n += len(items)
            skipped += [item for item in items if isinstance(item, Skipped)]
            self._compare([item for item in items if isinstance(item, ImageRef)], now)
        if source.is_hidden(f"{source.uri}/"):  # the folder itself, not one in it
            raise Absent.unreadable(source.uri)
        self._take_in(now)
        return n, skipped

    def _compare(self, refs: Sequence[ImageRef], now: _Now) -> None:
        rows = self._known.rows([ref.uri for ref in refs])
        same = np.array([not self._force and not ref.metadata and not _is_special(ref.uri) for ref in refs], bool)
        same &= rows >= 0
        same[same] = self._live[self._known.sources.codes[rows[same]]]
        asked = [ref for ref, is_asked in zip(refs, same.tolist(), strict=True) if is_asked]
        if asked:
            same[same] = self._known.are_current(rows[same], asked)
        for ref, row, is_same in zip(refs, rows.tolist(), same.tolist(), strict=True):
            if not is_same:
                self._keep(ref, row, now.refs, now.same)
            elif ref.uri not in now.refs:
                now.same[row] = True

    def _keep(self, ref: ImageRef, row: int, refs: dict[str, ImageRef], same: np.ndarray) -> None:
        """An image that is found twice is one image, as it was found first. What a table says about it is used,
        whichever came first."""
        if row < 0 or not same[row]:
            refs[ref.uri] = _merged(refs.get(ref.uri), ref)
        elif ref.metadata:
            refs[ref.uri] = _as_known(ref, self._known.facts(row))
            same[row] = False

    def _take_in(self, now: _Now) -> None:
        for ref, row in zip(now.refs.values(), self._known.rows(list(now.refs)).tolist(), strict=True):
            self._keep(ref, row, self.refs, self.same)
        rows = self._known.rows(list(self.refs))
        now.same[rows[rows >= 0]] = False
        self.same |= now.same


@dataclass
class _Now:
    """What one source holds."""

    same: np.ndarray
    refs: dict[str, ImageRef] = field(default_factory=dict)


def _merged(earlier: ImageRef | None, ref: ImageRef) -> ImageRef:
    return replace(earlier, metadata={**ref.metadata, **earlier.metadata}) if earlier else ref


def _as_known(ref: ImageRef, known: Known) -> ImageRef:
    """The image as it was found before, unchanged, with what this source says about it."""
    version = (known.version or "") if ref.version else ""
    return replace(ref, size=known.size, mtime_ns=known.mtime_ns, sidecar_ns=known.sidecar_ns, version=version)


def _is_special(uri: str) -> bool:
    """Whether it is a file of several pictures, by its name, or a part of one."""
    return uri.lower().endswith(_HOLDERS) or ("#" in uri and bool(part_of(uri) or member_of(uri)))

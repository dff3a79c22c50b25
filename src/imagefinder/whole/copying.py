"""Copies an index from one place to another: a folder, a database, in any direction.

The points of both ends are gone over side by side, in the order of their ids: what the copy lacks or has otherwise is
written, what the source has no more is removed. This is done until a pass finds no difference and nothing was written
to the source meanwhile. So one way serves for the first copy, for going on after a kill, for what others changed
meanwhile, and for the check at the end.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import write_whole
from imagefinder._util.places import stamp
from imagefinder.errors import IndexDamagedError, InvalidInputError, NotFoundError, StorageError
from imagefinder.index.half import Half
from imagefinder.index.shared import place_of
from imagefinder.store.base import Point
from imagefinder.types import Progress, ignore
from imagefinder.whole.contents import (
    SHOWN,
    Total,
    alike,
    batch_of,
    difference,
    differing,
    documents_of,
    each_point,
    manifest_text,
    plain_manifest,
    point_sum,
    read_document,
    text_sum,
)
from imagefinder.whole.ends import Source, Target, open_source, open_target
from imagefinder.whole.settling import settle
from imagefinder.whole.unit import to_store

if TYPE_CHECKING:
    import os

    from imagefinder.index.manifest import Manifest
    from imagefinder.store.base import VectorParams
    from imagefinder.types import OnProgress

PASSES = 6  # over an index that others change


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What was copied, from and to where. ``checksum`` is that of all images and documents, in both places.
    ``there_before`` is how many images an earlier, interrupted run had copied. ``exact``: nothing was written to the
    source while it was compared for the last time. ``left`` counts files that stay where they are: ``uploads`` and
    ``trash`` of an index in a folder."""

    source: str
    target: str
    images: int
    documents: int
    there_before: int
    passes: int
    checksum: str
    exact: bool
    seconds: float
    left: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def copy_index(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    allow_changes: bool = False,
    wait_s: float = 10.0,
    progress: OnProgress | None = None,
) -> CopyReport:
    """Copy the index in a folder or at an address to another folder or address: all images with all vectors, and all
    else that belongs to it. The source may be read and written meanwhile; what is written goes along. ``target`` is
    empty, or not there, or a copy of the same index that was interrupted, which is gone on with. Until it is whole,
    nothing opens it.

    At the end, number and checksum of both are equal, at a moment when nothing was written to the source. Where others
    never stop writing to it, StorageError is raised after some passes, and the copy can be gone on with later; with
    ``allow_changes`` it is made an index all the same, with all that was written before the last pass began.

    An exception from ``progress`` stops it. Raises InvalidInputError or IndexFolderError where ``target`` holds
    something else; NotFoundError without a source; IndexDamagedError where the target does not hold what was written;
    StorageError where it has no room."""
    begun = time.monotonic()
    _check_apart(place_of(source), place_of(target))
    with open_source(place_of(source), wait_s) as old:
        half = Half(old.shown, old.manifest().created, datetime.now(UTC).isoformat(timespec="seconds"))
        with open_target(place_of(target), half) as new:
            copying = _Copying(old, new, progress or ignore)
            there_before = new.store.count() if new.resumed else 0
            exact = copying.run(allow_changes)
            new.finish(copying.manifest)
            report = CopyReport(
                old.shown,
                new.shown,
                copying.points.n,
                len(copying.sums),
                there_before,
                copying.passes,
                copying.checksum(),
                exact,
                round(time.monotonic() - begun, 3),
                old.pictures(),
            )
    if not exact:
        settle(place_of(target))
    return report


def _check_apart(source: Path | str, target: Path | str) -> None:
    if isinstance(source, Path) and isinstance(target, Path):
        inner, outer = target.resolve(), source.resolve()
        if inner != outer and (inner.is_relative_to(outer) or outer.is_relative_to(inner)):
            raise InvalidInputError(f"{target} and {source} lie in each other.", remedy="Choose another place.")


class _Copying:
    def __init__(self, source: Source, target: Target, progress: OnProgress) -> None:
        self.source, self.target, self._progress = source, target, progress
        self.passes = 0
        self.points = Total()
        self.sums: dict[str, bytes] = {}  # of documents, by name
        self._stamps: dict[str, object] = {}  # of those of the source, when they were compared
        self._differ: list[str] = []  # what the last pass has found

    def run(self, allow_changes: bool) -> bool:
        """Copy until both are equal; whether nothing was written to the source during the last pass."""
        former: object = None
        while True:
            before = self._state()
            try:
                self._pass()
            except (NotFoundError, InvalidInputError):  # a model was dropped, or fitted anew, under our hands
                if self._state() == before:
                    raise
                self._differ = ["the models of the source"]
            after = self._state()
            if not self._differ and before == after:
                return True
            if self.passes > 1 and self._differ and former == before == after:
                raise self._unlike()
            former = after if before == after else None
            if self.passes >= PASSES:
                break
        if not allow_changes:
            raise StorageError(
                f"{self.source.shown} was changed during each of {PASSES} passes, so the copy is not finished.",
                remedy="Run it again when less is written there, or with --allow-changes.",
            )
        return False

    def _state(self) -> object:
        """What changes whenever something is written to the source."""
        manifest = self.source.manifest()
        writes = self.source.store.writes
        return writes, manifest, {name: stamp(p) for name, p in self._documents_there(manifest).items()}

    def _documents_there(self, manifest: Manifest) -> dict[str, Any]:
        return documents_of(self.source.documents, manifest.made)

    def _pass(self) -> None:
        self._differ = []
        self.passes += 1
        manifest = self.source.manifest()
        vectors = self._vectors(manifest)
        self._compare(vectors)
        self._copy_documents(manifest)
        self.manifest = plain_manifest(manifest)
        if self.passes == 1:
            self._progress(Progress("preparing to search"))
            self.target.store.optimize()

    # --- points -------------------------------------------------------------------------------------------------------

    def _vectors(self, manifest: Manifest) -> dict[str, VectorParams]:
        """The named vectors of the spaces of the source; the copy has the same."""
        store = self.target.store
        wanted = {n: p for n, p in sorted(self.source.store.vectors().items()) if n in manifest.vectors()}
        there = dict(store.vectors())
        if there == wanted:
            return wanted
        self._differ.append("the models")
        if not store.count():
            store.start_over(wanted)
            return wanted
        for name in [name for name in there if wanted.get(name) != there[name]]:
            store.drop_vector(name)
        for name in [name for name in wanted if wanted[name] != there.get(name)]:
            store.create_vector(name, wanted[name])
        return wanted

    def _compare(self, vectors: Mapping[str, VectorParams]) -> None:
        total, stage = self.source.store.count(), "copying images" if self.passes == 1 else "comparing images"
        self.points, batch = Total(), batch_of(vectors)
        new: list[Point] = []
        gone: list[str] = []
        ends = (each_point(store, vectors) for store in (self.source.store, self.target.store))
        for done, (here, there) in enumerate(_side_by_side(*ends)):
            if here is None:
                assert there is not None
                gone.append(there.id)
                self._note(f"{there.id} is gone")
            else:
                self.points.add(point_sum(here, vectors))
                if there is None or not alike(here, there, vectors):
                    new.append(here)
                    self._note(difference(here, there))
            if len(new) + len(gone) >= batch:
                self._put(new, gone, vectors)
            if done % batch == 0:
                self._progress(Progress(stage, min(done, total), total))
        self._put(new, gone, vectors)
        self._progress(Progress(stage, total, total))

    def _note(self, difference: str) -> None:
        if len(self._differ) < SHOWN:
            self._differ.append(difference)

    def _put(self, new: list[Point], gone: list[str], vectors: Mapping[str, VectorParams]) -> None:
        if new:
            self.target.store.upsert(to_store(new, vectors))
            if self.passes > 1:
                found = differing(self.target.store, new, vectors)
                if found:
                    self._differ = found[:SHOWN]
                    raise self._unlike()
        if gone:
            self.target.store.delete(gone)
        new.clear()
        gone.clear()

    def _unlike(self) -> IndexDamagedError:
        return IndexDamagedError(
            f"{self.target.shown} does not hold what was written there: {'; '.join(self._differ)}.",
            remedy="Look whether its disk or database is whole, then run it again.",
        )

    # --- documents ----------------------------------------------------------------------------------------------------

    def _copy_documents(self, manifest: Manifest) -> None:
        wanted = self._documents_there(manifest)
        for done, (name, place) in enumerate(wanted.items()):
            self._progress(Progress("copying documents", done, len(wanted)))
            found = stamp(place)
            if found is None or self._stamps.get(name) != found:
                content = read_document(place)
                if content is not None:
                    self._copy_document(name, content)
                    self._stamps[name] = found
        for name, place in documents_of(self.target.documents).items():
            if name not in wanted:
                self._note(f"{name} is gone")
                place.unlink(missing_ok=True)
        for name in [name for name in self.sums if name not in wanted]:
            del self.sums[name], self._stamps[name]

    def _copy_document(self, name: str, content: bytes) -> None:
        place = self.target.documents
        for part in name.split("/"):
            place = place / part
        if read_document(place) != content:
            self._note(name)
            write_whole(place, content)
            if read_document(place) != content:
                self._differ = [name]
                raise self._unlike()
        self.sums[name] = text_sum(name, content)

    def checksum(self) -> str:
        """That of all points and documents together, with the manifest."""
        total = Total(0, self.points.total)
        for digest in self.sums.values():
            total.add(digest)
        total.add(text_sum("index.json", manifest_text(self.manifest)))
        return total.hex


def _side_by_side(these: Iterator[Point], those: Iterator[Point]) -> Iterator[tuple[Point | None, Point | None]]:
    """The points of two stores by id, both in ascending order: each with the other of the same id, if there is one."""
    this, that = next(these, None), next(those, None)
    while this is not None or that is not None:
        if that is None or (this is not None and this.id < that.id):
            yield this, None
            this = next(these, None)
        elif this is None or that.id < this.id:
            yield None, that
            that = next(those, None)
        else:
            yield this, that
            this, that = next(these, None), next(those, None)

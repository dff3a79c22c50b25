"""The two ends of a copy: an index that is read while others use it, and the place that the copy is made in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder._util.places import Place, together
from imagefinder._util.systems import sync_folder
from imagefinder.errors import IndexDamagedError, IndexFolderError, IndexLockedError, InvalidInputError, NotFoundError
from imagefinder.index import manifest as manifests
from imagefinder.index.folder import Index
from imagefinder.index.half import MARKER, Half, half_at, mark_half, refuse_half
from imagefinder.index.lock import IndexLock
from imagefinder.index.manifest import NAME, POINTS, Manifest
from imagefinder.index.own_files import refuse_links
from imagefinder.index.shared import site_at
from imagefinder.store.stores import DEFAULT_STORE, find_store
from imagefinder.whole.contents import FILES, files_in, manifest_text

if TYPE_CHECKING:
    from imagefinder.store.base import Store


@dataclass(frozen=True)
class Source:
    """An index that is read: where it is, for people; its documents; and its points."""

    shown: str
    documents: Place
    store: Store

    def manifest(self) -> Manifest:
        """The manifest of now. Raises like ``manifest.load``."""
        return manifests.load(self.documents)

    def pictures(self) -> dict[str, int]:
        """How many files lie in the folder of the index that are no part of a copy: what clients sent, the trash."""
        if not isinstance(self.documents, Path):
            return {}
        counts = {name: len(list(files_in(self.documents, name))) for name in FILES}
        return {name: n for name, n in counts.items() if n}


@contextmanager
def open_source(place: Path | str, wait_s: float) -> Iterator[Source]:
    """The index in a folder or at an address, for reading, also while another process writes it. For the errors see
    ``Index`` and ``sites.SiteType``."""
    if isinstance(place, Path):
        with Index(place, create=False, read_only=True, wait_s=wait_s) as index:
            yield Source(str(place), place, index.store)
        return
    with closing(site_at(place)) as site:
        if not site.exists() or not (manifests.exists(site.documents) or half_at(site.documents)):
            raise NotFoundError(f"There is no index at {site.shown}.")
        refuse_half(site.documents)
        yield Source(site.shown, site.documents, site.store())


class Target:
    """A copy that is being made: its documents and points. ``resumed`` tells what was begun before."""

    def __init__(self, shown: str, documents: Place, store: Store, resumed: Half | None) -> None:
        self.shown, self.documents, self.store, self.resumed = shown, documents, store, resumed

    def finish(self, manifest: Manifest) -> None:
        """Make an index of it: from now on it is one. Raises StorageError."""
        if isinstance(self.documents, Path):
            self.store.close()
            manifests.save(self.documents, manifest)
            (self.documents / MARKER).unlink()
            sync_folder(self.documents)
            return
        with together(self.documents):
            (self.documents / NAME).write(manifest_text(manifest))
            (self.documents / MARKER).unlink()


@contextmanager
def open_target(place: Path | str, half: Half) -> Iterator[Target]:
    """The place for a copy: empty, not there, or with one of the same index that is not whole. Raises
    InvalidInputError or IndexFolderError for any other, and IndexLockedError where another process is at work there."""
    with _folder(place, half) if isinstance(place, Path) else _address(place, half) as target:
        yield target


@contextmanager
def _folder(folder: Path, half: Half) -> Iterator[Target]:
    refuse_links(folder)
    _begun(folder, str(folder), half)
    with ExitStack() as held:
        lock = IndexLock(folder)
        lock.acquire()
        held.callback(lock.release)
        begun = _begun(folder, str(folder), half)
        if begun is None:
            mark_half(folder, half)
        kind, points = find_store(DEFAULT_STORE), folder / POINTS
        try:
            store = kind.open(points)
        except IndexDamagedError:  # there are none yet, or their making was cut short
            shutil.rmtree(points, ignore_errors=True)
            store = kind.create(points)
        held.callback(store.close)
        yield Target(str(folder), folder, store, begun)


@contextmanager
def _address(address: str, half: Half) -> Iterator[Target]:
    with closing(site_at(address)) as site:
        if site.exists():
            _begun(site.documents, site.shown, half)
        site.make()
        with site.locked("copying", wait=False) as free:
            if not free:
                raise IndexLockedError(
                    f"Another process copies to {site.shown}.",
                    remedy="Wait for it, or stop it. A Qdrant server takes half a minute to see that it was killed.",
                )
            begun = _begun(site.documents, site.shown, half)
            store = site.store()
            if begun is None:
                if store.count():
                    raise _taken(site.shown)
                mark_half(site.documents, half)
            yield Target(site.shown, site.documents, store, begun)


def _begun(documents: Place, shown: str, half: Half) -> Half | None:
    """The copy of the same index that was begun here; None where there is nothing. Raises InvalidInputError or
    IndexFolderError."""
    begun = half_at(documents)
    if begun is not None:
        if begun.is_of(half):
            return begun
        raise IndexFolderError(
            f"{shown} is a copy of {begun.source} that is not whole yet, and none of {half.source}.",
            remedy="Go on with that one, remove it, or choose another place.",
        )
    if isinstance(documents, Path) and documents.exists() and not documents.is_dir():
        raise InvalidInputError(f"{documents} is no folder.", remedy="Choose a new or empty folder.")
    there = sorted(p.name for p in documents.iterdir() if not p.name.startswith(".lock")) if documents.is_dir() else []
    if there:
        raise _taken(shown, "is an index already" if NAME in there else f"is not empty (it holds '{there[0]}')")
    return None


def _taken(shown: str, what: str = "holds images already") -> InvalidInputError:
    return InvalidInputError(
        f"{shown} {what}. A copy never changes what is there.", remedy="Choose a place where nothing is."
    )

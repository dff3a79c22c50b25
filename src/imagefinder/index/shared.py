"""An index at an address: many processes read and write it at once, and nobody holds it."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

from imagefinder._util.files import expanded
from imagefinder._util.places import Place, stamp
from imagefinder._version import __version__
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.index import manifest as manifests
from imagefinder.index.board import Board
from imagefinder.index.folder import Index
from imagefinder.index.half import refuse_half
from imagefinder.index.manifest import Manifest
from imagefinder.index.said_again import begin
from imagefinder.index.travelling import fetch_models, publish_models
from imagefinder.settings import SETTINGS
from imagefinder.store.shared.refusing import Reading, read_only_error
from imagefinder.store.stores import kind_at

if TYPE_CHECKING:
    from imagefinder.store.base import Store
    from imagefinder.store.sites import Site

SHARED = "shared"  # the folder, in that of the user's data, for what stays on this machine


class SharedIndex(Index):
    """Opens or creates the index at an address, such as ``postgresql://.../NAME``.

    ``index.json`` is read again whenever another process has written it, so that spaces, models and sources are those
    of now. ``path`` is a folder of this machine: for thumbnails, uploads, the trash, and copies of the trained models.
    """

    def __init__(self, address: str, *, create: bool = True, read_only: bool = False) -> None:
        self._address = address
        self._site = site_at(address)
        self._calm = threading.local()
        with ExitStack() as undo:
            undo.callback(self._site.close)
            self._open(create, read_only)
            undo.pop_all()

    def _open(self, create: bool, read_only: bool) -> None:
        site = self._site
        if not site.exists() and (not create or read_only):
            raise _none_at(site.shown)
        if not read_only:
            site.make()
        refuse_half(site.documents)
        self._set_out(_folder_of(site), read_only)
        self.documents, self.alone, self.address = site.documents, False, self._address
        self.board = Board(site.name, site.documents, site.checking)
        self._seen: object = None
        self._rereading = threading.RLock()  # an older manifest never takes the place of a newer one
        if not read_only:
            self.writing = SiteLock(site, "writing", self._entered)
            self.grouping, self.indexing = SiteLock(site, "grouping"), SiteLock(site, "indexing")
        self.store = cast("Store", Reading(site.store())) if read_only else site.store()
        if not read_only:
            self._begin_to_write()
        self._reread()

    def _begin_to_write(self) -> None:
        with self.writing:
            if not manifests.exists(self.documents):
                manifests.save(self.documents, Manifest(__version__))
            self._reread()
            begin(self)
        with self._site.locked("indexing", wait=False) as free:
            if free:  # nobody is making vectors, so those that no space names are of a run that was cut short
                for name in set(self.store.vectors()) - self.manifest.vectors():
                    self.store.drop_vector(name)

    # --- what others change ---------------------------------------------------------------------------------------

    @property
    def manifest(self) -> Manifest:
        if not getattr(self._calm, "depth", 0):
            self._reread()
        return self._manifest

    @manifest.setter
    def manifest(self, manifest: Manifest) -> None:
        self._manifest = manifest

    def _reread(self) -> object:
        """Read ``index.json`` again if it has changed; what tells one state of the spaces from another."""
        if stamp(self.documents / manifests.NAME) == self._seen:
            return self._state
        with self._rereading:
            return self._load(stamp(self.documents / manifests.NAME))

    def _load(self, found: object) -> object:
        if found == self._seen:
            return self._state
        manifest = manifests.load(self.documents)
        named = [entry.transform for entry in manifest.spaces.values() if entry.transform]
        state = (manifest.spaces, [stamp(self.documents / file) for file in named])
        if state != getattr(self, "_state", None):
            self._transforms.clear()
            self._samples.clear()
        self._manifest, self._state, self._seen = manifest, state, found
        for name in fetch_models(self.documents, self.path):
            if self.forget_model is not None:
                self.forget_model(name)
        return state

    @contextmanager
    def calm(self) -> Iterator[None]:
        self._calm.depth = getattr(self._calm, "depth", 0) + 1
        try:
            yield
        finally:
            self._calm.depth -= 1

    @contextmanager
    def _entered(self) -> Iterator[None]:
        """Inside ``writing``, where nobody else changes anything."""
        with self._site.checking(), self.calm():
            if self._seen is not None:
                self._reread()
            yield

    def save_manifest(self, manifest: Manifest) -> None:
        if self.read_only:
            raise read_only_error()
        publish_models(self.documents, self.path, {entry.model for entry in manifest.spaces.values()})
        manifests.save(self.documents, manifest)
        self._manifest = manifest
        self._reread()

    def finish(self, finish: Callable[[Index], object]) -> None:
        """For an index that is read: have done what an interrupted run left undone."""
        with SharedIndex(self._address, create=False) as writer:
            finish(writer)
        self._reread()

    # --- life -----------------------------------------------------------------------------------------------------

    @property
    def left_open(self) -> bool:
        return False

    @property
    def bytes(self) -> int:
        return self._site.bytes()

    def serve_at(self, url: str) -> None:
        """Nothing: whoever wants the index opens it as well."""

    def close(self) -> None:
        self._site.close()


class SiteLock:
    """A lock of an index, for the threads of all its processes. A thread may take it again while it has it;
    ``entered`` is what it does first."""

    def __init__(
        self, site: Site, name: str, entered: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self._site, self._name, self._entered = site, name, entered
        self._threads = threading.RLock()
        self._depth = 0
        self._inside = ExitStack()

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            if not self._depth:
                with ExitStack() as stack:
                    stack.enter_context(self._site.locked(self._name))
                    stack.enter_context(self._entered())
                    self._inside = stack.pop_all()
            self._depth += 1
        except BaseException:
            self._threads.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._depth -= 1
            if not self._depth:
                self._inside.close()
        finally:
            self._threads.release()


def site_at(address: str) -> Site:
    """What an address leads to. Raises as ``sites.SiteType`` says."""
    kind = kind_at(address)
    assert kind is not None
    key = next((setting.value for setting in SETTINGS if setting.name == kind.key), None)
    return kind.at(address, key)


def _folder_of(site: Site) -> Path:
    """The folder of this machine for an index at an address."""
    from platformdirs import user_data_path

    digest = hashlib.sha256(site.shown.encode()).hexdigest()[:8]
    folder = user_data_path("imagefinder", appauthor=False) / SHARED / f"{site.name}-{digest}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def place_of(path: str | os.PathLike[str]) -> Path | str:
    """The folder of an index, or its address, which is a text."""
    text = os.fspath(path)
    return text if kind_at(text) else expanded(text).absolute()


def folder_of(path: str | os.PathLike[str]) -> Path:
    """The folder of an index. Raises InvalidInputError for an address."""
    place = place_of(path)
    if isinstance(place, Path):
        return place
    raise InvalidInputError(
        "Only an index in a folder is made again in its place.",
        remedy="Index the sources at an address with another NAME.",
    )


def open_index(place: Path | str, *, create: bool = True, wait_s: float = 2.0, read_only: bool = False) -> Index:
    """The index in a folder, or at an address, which is a text. For the errors see ``Index`` and ``sites.SiteType``."""
    if isinstance(place, Path):
        return Index(place, create=create, wait_s=wait_s, read_only=read_only)
    return SharedIndex(place, create=create, read_only=read_only)


def is_there(place: Path | str) -> bool:
    """Whether there is an index in a folder or at an address."""
    if isinstance(place, Path):
        return manifests.exists(place)
    with closing(site_at(place)) as site:
        return site.exists()


@contextmanager
def documents_at(path: str | os.PathLike[str]) -> Iterator[Place]:
    """The documents of the index in a folder or at an address, whoever holds it. Raises NotFoundError, and for an
    address what ``sites.SiteType`` does."""
    place = place_of(path)
    if isinstance(place, Path):
        if not manifests.exists(place):
            raise _none_at(place)
        yield place
        return
    with closing(site_at(place)) as site:
        if not site.exists():
            raise _none_at(site.shown)
        yield site.documents


def _none_at(place: object) -> NotFoundError:
    return NotFoundError(f"There is no index at {place}.", remedy="Make one with: imagefinder index FOLDER")


def has_spaces(place: Path | str) -> bool:
    """Whether an index in a folder or at an address has images, or had some. Raises like ``manifest.load``."""
    if isinstance(place, Path):
        return manifests.exists(place) and bool(manifests.load(place).spaces)
    with closing(site_at(place)) as site:
        return site.exists() and bool(manifests.load(site.documents).spaces)

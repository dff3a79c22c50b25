"""An open index folder: its lock, its ``index.json``, its points, and the transform of each space."""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from imagefinder._util.files import disk_use
from imagefinder._util.places import Place, stamp
from imagefinder._util.shared_lock import SharedLock
from imagefinder._version import __version__
from imagefinder.errors import IndexDamagedError, IndexLockedError, InvalidInputError, NotFoundError, StorageError
from imagefinder.index import manifest as manifests
from imagefinder.index.lock import IndexLock
from imagefinder.index.manifest import POINTS, Manifest, SpaceEntry
from imagefinder.index.own_files import refuse_foreign, refuse_links
from imagefinder.index.said_again import begin
from imagefinder.index.sample import STANDARD, Sample, read_sample
from imagefinder.store.shared.answer import Answering
from imagefinder.store.shared.refusing import Refusing, read_only_error
from imagefinder.store.stores import DEFAULT_STORE, find_store

if TYPE_CHECKING:
    import numpy as np

    from imagefinder.index.board import Board
    from imagefinder.store.base import Store
    from imagefinder.types import Float32
    from imagefinder.vectors.transform import LinearTransform

T = TypeVar("T")


class Index:
    """Opens or creates the index at ``path``, and locks it until ``close``. Meanwhile it answers the reading calls of
    other processes. With ``read_only`` it is one that asks, if another holds the index, see ``reading.ReadingStore``;
    what writes then raises IndexFolderError.

    Each space has two named vectors: the *raw* one, as the model gave it, from which everything can be computed again,
    and the *search* one, which is the raw one after the transform of the space. When a transform is fitted again, a new
    search vector is filled beside the old one, and then ``index.json`` names the new one. After a crash at any moment,
    one of the two is complete.
    """

    def __init__(
        self,
        path: Path,
        *,
        create: bool = True,
        wait_s: float = 2.0,
        store: str = DEFAULT_STORE,
        read_only: bool = False,
    ) -> None:
        self._stores = find_store(store)
        refuse_links(path)
        refuse_foreign(path)
        if (not create or read_only) and not manifests.exists(path):
            raise NotFoundError(f"There is no index at {path}.", remedy="Make one with: imagefinder index FOLDER")
        self._set_out(path, read_only)
        if read_only:
            self._open_to_read(wait_s)
        else:
            self._open_to_write(wait_s)

    def _set_out(self, path: Path, read_only: bool) -> None:
        self.path, self.read_only = path, read_only
        self.documents: Place = path
        self.home = path  # where the models lie that were trained on it: while it is rebuilt, another folder
        self.alone = not read_only  # nobody else changes it meanwhile
        self.address: str | None = None  # where other machines find it too
        self.board: Board | None = None  # where servers of an index at an address meet
        self.steady = SharedLock()  # shared: no space changes meanwhile
        made: Callable[[], AbstractContextManager[Any]] = Refusing if read_only else threading.RLock
        self.writing = made()  # for what reads something here, then writes what follows from it
        self.grouping = made()  # the same for clusters
        self.indexing = made()  # one run at a time; a short one may come between the steps of a long one
        self.indexed_now: frozenset[str] = frozenset()  # the sources of the run in progress
        self.notices: list[str] = []  # what was found damaged, and what became of it
        self.results: dict[str, Any] = {}  # of each kind of run, the facts last read
        self.remembered: dict[str, tuple[int, Any]] = {}  # answers, with the store's ``writes`` they are true for
        self._transforms: dict[str, LinearTransform] = {}
        self._samples: dict[str, Sample] = {}
        self.fit: Callable[[], None] | None = None  # what a process that reads may ask for: that spaces can be searched
        self.forget_model: Callable[[str], None] | None = None  # it was trained or dropped by another process
        self.store: Store

    def _open_to_read(self, wait_s: float) -> None:
        from imagefinder.index.reading import ReadingStore

        self._seen: object = None
        self._reread()
        self.store = ReadingStore(self.path, self._stores, self._stored, wait_s)
        self._reread()

    def _stored(self) -> Path | None:
        manifest = manifests.load(self.path)
        return self.path / manifest.made / POINTS if manifest.spaces else None

    def _open_to_write(self, wait_s: float) -> None:
        self._lock = IndexLock(self.path)
        self._lock.acquire(timeout=wait_s)
        with contextlib.ExitStack() as undo:
            undo.callback(self._lock.release)
            self._answering = Answering()
            undo.callback(self._answering.close)
            self._lock.show_door(self._answering.door)
            if not manifests.exists(self.path):
                manifests.save(self.path, Manifest(__version__))
            self.manifest = manifests.load(self.path, mend=True)
            self.store = self._open_store()
            undo.callback(self.store.close)
            self._drop_leftovers()
            begin(self)
            undo.pop_all()
        self._answering.begin(lambda: self.store, {"hand_over": lambda: False, "ready": self._ready})

    @property
    def bytes(self) -> int:
        """What it takes on the disk, or in the database."""
        return disk_use(self.path)

    @property
    def left_open(self) -> bool:
        """Whether the last process that wrote here was killed, or the power cut: what it wrote last may be lost."""
        return not self.read_only and bool(getattr(self.store, "left_open", False))

    def notice(self, text: str) -> None:
        """Tell people about damage: by a line of the log, and to whoever asks for ``notices``."""
        if text not in self.notices:
            self.notices.append(text)
            logging.getLogger("imagefinder").warning("%s", text)

    def _ready(self) -> None:
        if self.fit:
            self.fit()

    def _open_store(self) -> Store:
        points = self.points
        if self.manifest.spaces:
            return self._stores.open(points)
        # Without a space nothing was ever stored: what lies there is from a creation that was cut short.
        shutil.rmtree(points, ignore_errors=True)
        return self._stores.create(points)

    def _drop_leftovers(self) -> None:
        """Remove the vectors of a fit or of a new space that was interrupted, and what a rebuild that was left behind:
        its own folder, or once ``index.json`` names that, what was there before."""
        for name in set(self.store.vectors()) - self.manifest.vectors():
            self.store.drop_vector(name)
        manifests.drop_unnamed(self.path, self.manifest)

    @property
    def points(self) -> Path:
        """The folder of the points."""
        return self.path / self.manifest.made / POINTS

    def switch_to(self, manifest: Manifest) -> None:
        """Have ``index.json`` name the points that a rebuild has made. Those that were open are closed before, so that
        nobody compares vectors of both. Nothing but ``close`` works afterwards."""
        self._answering.close()
        self.store.close()
        self.save_manifest(manifest)

    # --- reading -----------------------------------------------------------------------------------------------------

    def space(self, name: str) -> SpaceEntry:
        return self.manifest.space(name)

    def transform(self, name: str) -> LinearTransform | None:
        """The transform from raw vectors of this space to those searched; None before the first fit. To use it for more
        than one call, or together with the points, hold ``steady`` or ``writing``."""
        entry = self.space(name)
        if entry.transform is None:
            return None
        if entry.transform not in self._transforms:
            from imagefinder.vectors.transform import LinearTransform

            self._transforms[entry.transform] = LinearTransform.load(self.documents / entry.transform)
        return self._transforms[entry.transform]

    def to_search(self, name: str, raw: Float32) -> Float32:
        """Raw vectors, float32 (n, dim_in), to those searched in this space, float32 (n, dim_out), rows of unit
        length."""
        transform = self.transform(name)
        if transform is None:
            raise no_images()
        return transform.apply(raw)

    def texts_to_search(self, name: str, texts: Float32) -> Float32:
        """Text vectors, float32 (n, dim_in), to those searched in this space. They are not centred here: the model has
        done it."""
        transform = self.transform(name)
        if transform is None:
            raise no_images()
        return transform.apply(texts, centre=False)

    def sample(self, name: str) -> Float32:
        """Up to 256 search vectors of a space, float32 (n, dim), with which scores are standardised."""
        return self.sampled(name).vectors[:STANDARD]

    def sampled(self, name: str) -> Sample:
        """Random images of a space. Raises NotFoundError."""
        vector = self.space(name).search_vector or ""
        found = self._samples.get(vector) or (read_sample(self.store, vector) if vector else None)
        if found is None:
            raise no_images()
        self._samples[vector] = found
        return found

    def search_vectors(self, raw: dict[str, Float32]) -> dict[str, np.ndarray]:
        """The named vectors to store for raw vectors (n, dim) by space: the raw ones, and the search ones once there is
        a transform."""
        import numpy as np

        named: dict[str, np.ndarray] = {}
        for name, array in raw.items():
            entry = self.space(name)
            stored = array.astype(np.float16)
            named[entry.vector] = stored
            if entry.search_vector:
                # From the stored precision, so that a vector is the same whether made now or at a later refit.
                named[entry.search_vector] = self.to_search(name, stored.astype(np.float32))
        return named

    def raw_batches(self, name: str, batch: int = 1000) -> Iterator[tuple[list[str], Float32]]:
        """The ids and raw vectors, float32 (n, dim), of a space, in ascending order of id."""
        import numpy as np

        vector = self.space(name).vector
        for points in self.store.scroll(fields=(), vectors=(vector,), batch=batch):
            held = [p for p in points if vector in p.vectors]
            if held:
                yield [p.id for p in held], np.stack([p.vectors[vector] for p in held]).astype(np.float32)

    def searched_batches(self, name: str) -> Iterator[tuple[list[str], Float32]]:
        """Like ``raw_batches``, but the vectors that are searched, all from one transform. Raises NotFoundError."""
        from imagefinder.vectors.shards import in_parts

        with self.steady.shared():
            transform = self.transform(name)
        if transform is None:
            raise no_images()
        yield from in_parts(self.raw_batches(name), transform.apply)

    def raw_of(self, ids: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
        """Raw vectors by id, then by space."""
        wanted = {name: self.space(name).vector for name in names}
        points = self.store.retrieve(ids, vectors=tuple(wanted.values()))
        return {p.id: {n: p.vectors[v] for n, v in wanted.items() if v in p.vectors} for p in points}

    def forget_fit(self, entry: SpaceEntry) -> None:
        """Remove what a fit of a space has made: its search vectors, its transform, and what is cached of both."""
        if entry.search_vector and entry.search_vector in self.store.vectors():
            self.store.drop_vector(entry.search_vector)
        self._samples.pop(entry.search_vector or "", None)
        if entry.transform:
            self._transforms.pop(entry.transform, None)
            (self.documents / entry.transform).unlink(missing_ok=True)

    # --- reading beside a writer --------------------------------------------------------------------------------------

    def steadily(self, read: Callable[[], T]) -> T:
        """The result of ``read``. Beside a process that writes, it is done again if the spaces changed meanwhile, so
        that no query is made for one transform and compared with vectors of another."""
        if self.alone:
            return read()
        for _ in range(3):
            before = self._reread()
            try:
                with self.calm():
                    result = read()
            except (NotFoundError, InvalidInputError, IndexDamagedError):
                if self._reread() == before:
                    raise
                continue
            if self._reread() == before:
                return result
        return read()

    def calm(self) -> AbstractContextManager[None]:
        """Meanwhile this thread sees the same manifest."""
        return contextlib.nullcontext()

    def _reread(self) -> object:
        """Read ``index.json`` again if it has changed; what tells one state of the spaces from another."""
        found = stamp(self.path / manifests.NAME)
        if found != self._seen:
            self._seen, self.manifest = found, manifests.load(self.path)
        spaces = self.manifest.spaces
        state = (spaces, [stamp(self.path / entry.transform) for entry in spaces.values() if entry.transform])
        if state != getattr(self, "_state", None):
            self._state = state
            self._transforms.clear()
            self._samples.clear()
        return state

    def finish(self, finish: Callable[[Index], object]) -> None:
        """For an index that is read: have done what an interrupted run left undone. The process that holds the index
        does it; if none does, ``finish`` gets the index opened for writing. Where it can't be written, nothing is
        done."""
        from imagefinder.index.reading import ReadingStore

        assert isinstance(self.store, ReadingStore)
        if self.store.asks:
            self.store.have_fitted()
        else:
            self.store.let_go()
            with contextlib.suppress(StorageError, IndexLockedError), Index(self.path, create=False) as writer:
                finish(writer)
        self._reread()

    # --- life -----------------------------------------------------------------------------------------------------

    def save_manifest(self, manifest: Manifest) -> None:
        """Write the manifest. Hold ``writing`` from reading the former manifest until here."""
        if self.read_only:
            raise read_only_error()
        manifests.save(self.path, manifest)
        self.manifest = manifest

    def serve_at(self, url: str) -> None:
        """Tell other processes, which can't open the locked index, the URL at which it is served."""
        if not self.read_only:
            self._lock.serve_at(url)

    def close(self) -> None:
        if not self.read_only:
            self._answering.close()
        self.store.close()
        if not self.read_only:
            self._lock.release()

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def no_images() -> NotFoundError:
    return NotFoundError("The index holds no images yet.", remedy="Add some with: imagefinder index FOLDER")

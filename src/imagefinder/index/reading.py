"""The store of an index that is opened for reading: whoever holds the index answers, or this process holds it until a
writer asks, or a private copy is read where the folder can't be written."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from imagefinder._util.private_copy import private_copy
from imagefinder._util.processes import is_stopped
from imagefinder._util.shared_lock import SharedLock
from imagefinder.errors import IndexFolderError, IndexLockedError, StorageError
from imagefinder.index.lock import BUSY_S, LOCK_NAME, IndexLock, read_door
from imagefinder.store.checks import checked_batch
from imagefinder.store.coded import coded_columns, keep_columns
from imagefinder.store.shared.answer import Answering
from imagefinder.store.shared.ask import AskingStore
from imagefinder.store.shared.line import HolderGoneError
from imagefinder.store.shared.refusing import RefusesWrites
from imagefinder.store.stores import STORES

if TYPE_CHECKING:
    import numpy as np

    from imagefinder.store.base import Matches, Point, ScoredPoint, Store, VectorParams
    from imagefinder.store.coded import Coded
    from imagefinder.store.filters.parse import Filter
    from imagefinder.store.stores import StoreKind

T = TypeVar("T")
SPARE = 300 * 1024**2  # bytes beside a private copy, for the holes that the engine fills when it opens it
ATTEMPTS = 100  # holders that end one after the other while they are asked
_POLL_S = 0.02


class ReadingStore(RefusesWrites):
    """The reading half of ``base.Store`` for the index in ``folder``; ``points`` tells where they are, None if nothing
    was stored yet.

    Each call goes to the process that holds the index. If none does, this one takes the lock and answers the others,
    until a writer asks for it. Where no lock can be made, or the disk is full, it reads a private copy of the points.
    Every method raises IndexLockedError when a holder can't be asked for ``wait_s`` seconds, or for a minute where it
    answers others and is not stopped.
    """

    def __init__(self, folder: Path, kind: StoreKind, points: Callable[[], Path | None], wait_s: float) -> None:
        self._folder, self._kind, self._points, self._wait_s = folder, kind, points, wait_s
        self._steady = SharedLock()  # shared: what is read from stays open
        self._source: Store | None = None
        self._open = ExitStack()
        self._closed = False
        self._copy_of: Path | None = None  # a private copy is one of these points: a rebuild makes others
        self._seen: tuple[object, int] = (None, 0)
        self._changes = 0
        self._read(lambda store: None)

    @property
    def asks(self) -> bool:
        """Whether another process is asked."""
        return isinstance(self._source, AskingStore)

    def have_fitted(self) -> None:
        """Ask the process that holds the index to fit what can't be searched yet. Raises what that raises there."""
        self._read(lambda store: store.ask("ready") if isinstance(store, AskingStore) else None)

    def let_go(self) -> None:
        """Close what is open and release the lock; the next call finds the holder of then."""
        with self._steady.exclusive():
            self._drop()

    def close(self) -> None:
        with self._steady.exclusive():
            self._closed = True
            self._drop()

    # --- what is read from ------------------------------------------------------------------------------------------

    def _read(self, read: Callable[[Store], T]) -> T:
        for _ in range(ATTEMPTS):
            with self._steady.shared():
                source = self._source
                if source is not None and self._copy_of in (None, self._points()):
                    with suppress(HolderGoneError):
                        return self._told(source, read)
            with self._steady.exclusive():
                if self._source is source:
                    self._drop()
                    self._source = self._find()
        raise IndexLock(self._folder).locked()

    def _told(self, source: Store, read: Callable[[Store], T]) -> T:
        """What ``source`` answers. Of a holder that doesn't it is said who it is."""
        try:
            return read(source)
        except IndexLockedError:
            raise IndexLock(self._folder).locked() from None

    def _drop(self) -> None:
        self._source = self._copy_of = None
        self._open.close()

    def _find(self) -> Store:
        if self._closed:
            raise IndexFolderError(f"The index {self._folder} is closed.", remedy="Open it again.")
        since, of = time.monotonic(), read_door(self._folder)  # each holder, and each time between two, counts anew
        while True:
            lock = IndexLock(self._folder)
            try:
                if lock.acquire_to_read():
                    return self._hold(lock)
                lockable = True
            except StorageError:
                lockable = False
            if (door := read_door(self._folder)) is not None:
                with suppress(HolderGoneError):
                    asking = AskingStore(door)
                    self._open.callback(asking.close)
                    return asking
            if not lockable:
                with _no_writer(self._folder, lock):
                    return self._copied()
            if door != of:
                since, of = time.monotonic(), door
            at_work = door is not None and not is_stopped(door.get("pid"))
            if time.monotonic() >= since + (max(self._wait_s, BUSY_S) if at_work else self._wait_s):
                raise lock.locked()
            time.sleep(_POLL_S)

    def _hold(self, lock: IndexLock) -> Store:
        """The points themselves, read by others through this process; a copy of them if the disk is too full."""
        with ExitStack() as undo:
            undo.callback(lock.release)
            answering = Answering()
            undo.callback(answering.close)
            shown = lock.show_door(answering.door)
            try:
                points = self._points()
                store = self._kind.open(points) if points else STORES["exact"].create(Path())
                undo.callback(store.close)
            except StorageError:
                store = self._copied()
                if not shown:  # nobody could ask, so nobody is kept waiting: each makes its own copy
                    return store
            undo.pop_all()
        self._open.callback(lock.release)
        self._open.callback(store.close)
        self._open.callback(answering.close)
        answering.begin(lambda: store, {"hand_over": self._hand_over, "ready": lambda: None})
        return store

    def _copied(self) -> Store:
        found = self._points()
        if found is None:
            return STORES["exact"].create(Path())
        with ExitStack() as undo:
            points = undo.enter_context(private_copy(found, SPARE))
            store = self._kind.open(points)
            undo.callback(store.close)
            self._open.push(undo.pop_all().__exit__)
        self._copy_of = found
        return store

    def _hand_over(self) -> bool:
        self.let_go()
        return True

    # --- reading ----------------------------------------------------------------------------------------------------

    @property
    def writes(self) -> int:
        now = self._read(lambda store: (store, store.writes))
        if now[0] is not self._seen[0] or now[1] != self._seen[1]:
            self._seen = now
            self._changes += 1
        return self._changes

    def vectors(self) -> Mapping[str, VectorParams]:
        return self._read(lambda store: store.vectors())

    def query(
        self,
        name: str,
        vector: np.ndarray,
        k: int,
        *,
        filter: Filter | None = None,
        offset: int = 0,
        min_score: float | None = None,
        exact: bool = False,
        exclude: Collection[str] = (),
        payload: bool = True,
    ) -> list[ScoredPoint]:
        return self._read(
            lambda store: store.query(
                name,
                vector,
                k,
                filter=filter,
                offset=offset,
                min_score=min_score,
                exact=exact,
                exclude=exclude,
                payload=payload,
            )
        )

    def approximate(self, name: str) -> bool:
        return self._read(lambda store: store.approximate(name))

    def score(self, name: str, vector: np.ndarray, ids: Sequence[str]) -> dict[str, float]:
        return self._read(lambda store: store.score(name, vector, ids))

    def match(self, text: str, k: int, *, filter: Filter | None = None, ids: Sequence[str] | None = None) -> Matches:
        return self._read(lambda store: store.match(text, k, filter=filter, ids=ids))

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> list[Point]:
        return self._read(lambda store: store.retrieve(ids, vectors=vectors))

    def scroll(
        self,
        *,
        filter: Filter | None = None,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        batch: int = 1000,
        after: str | None = None,
    ) -> Iterator[list[Point]]:
        checked_batch(batch)

        def page(after: str | None) -> list[Point]:
            return self._read(
                lambda store: next(
                    iter(store.scroll(filter=filter, fields=fields, vectors=vectors, batch=batch, after=after)), []
                )
            )

        def pages(found: list[Point]) -> Iterator[list[Point]]:
            while found:
                yield found
                found = page(found[-1].id)

        return pages(page(after))

    def columns(self, fields: Sequence[str], *, filter: Filter | None = None) -> dict[str, list[Any]]:
        return self._read(lambda store: store.columns(fields, filter=filter))

    def coded(self, fields: Sequence[str]) -> tuple[np.ndarray, Mapping[str, Coded]]:
        return self._read(lambda store: coded_columns(store, fields))

    def keep_columns(self) -> None:
        self._read(keep_columns)

    def without_vector(self, name: str) -> list[str]:
        return self._read(lambda store: store.without_vector(name))

    def count(self, filter: Filter | None = None) -> int:
        return self._read(lambda store: store.count(filter))


@contextmanager
def _no_writer(folder: Path, lock: IndexLock) -> Iterator[None]:
    """Keep writers out while the points are copied, as far as a process can that may not write there. Raises
    IndexLockedError if one is at work."""
    with ExitStack() as held:
        with suppress(ImportError, FileNotFoundError, PermissionError):  # never locked by anyone, or not on this system
            import fcntl

            file = held.enter_context((folder / LOCK_NAME).open("rb"))
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                raise lock.locked() from None
        yield

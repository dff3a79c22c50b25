"""A store in memory whose images come, go and get tags between two reads of somebody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from imagefinder import ImageFinder
from imagefinder.index.folder import Index
from imagefinder.store.exact import ExactStore
from imagefinder.store.stores import STORES, StoreKind

READS = ("retrieve", "columns", "count", "without_vector", "query", "score")
KEPT: list[tuple[dict[str, Any], list[Any]]] = []  # the vectors and the points that ``open`` finds


class ChangingStore(ExactStore):
    """``change`` is called after the reads whose numbers are ``at``, each time once, unless it is at work."""

    @classmethod
    def open(cls, path: Path) -> ChangingStore:
        store = cls()
        params, points = KEPT[-1]
        store.start_over(params)
        store.upsert(points)
        return store

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.at: frozenset[int] = frozenset()
        self.change: Callable[[], None] | None = None
        self._changing = False

    def read(self) -> None:
        if self.change is None or self._changing:
            return
        self.reads += 1
        if self.reads in self.at:
            self._changing = True
            try:
                self.change()
            finally:
                self._changing = False

    def scroll(self, *, batch: int = 1000, **options: Any) -> Iterator[list[Any]]:
        """A few at a time, and what has gone meanwhile is not among the next."""
        after = options.pop("after", None)
        while page := next(iter(super().scroll(batch=min(batch, 16), after=after, **options)), []):
            yield page
            after = page[-1].id
            self.read()


def _read(name: str) -> Callable[..., Any]:
    def read(self: ChangingStore, *args: Any, **options: Any) -> Any:
        found = getattr(ExactStore, name)(self, *args, **options)
        self.read()
        return found

    return read


for _name in READS:
    setattr(ChangingStore, _name, _read(_name))
STORES["changing"] = StoreKind("in memory, changed by others between two reads", f"{__name__}:ChangingStore")


def keep_points(finder: ImageFinder) -> None:
    """What the stores that are opened from now on hold: the points of this index."""
    store = finder._collection.index.store
    params = store.vectors()
    KEPT.append((dict(params), [p for page in store.scroll(vectors=tuple(params)) for p in page]))


class Others:
    """Other people at the same index: what they do is done in a thread of its own, as far as no lock is in its way."""

    def __init__(self, finder: ImageFinder, gone: Sequence[str], come: Sequence[Path], tagged: Sequence[str]) -> None:
        self.finder, self.index = finder, finder._collection.index
        self.gone, self.come, self.tagged = gone, come, tagged
        self.removed = self.added = False
        self.late = True  # whether they come when the work has nearly ended
        self._threads: list[threading.Thread] = []

    def __call__(self) -> None:
        self._meanwhile(self._edit, (self.index.writing,))
        self._meanwhile(self._add, (self.index.indexing, self.index.writing))

    def _edit(self, _: threading.Event) -> None:
        if not self.removed:
            self.finder.remove(*self.gone)
            self.removed = True
        self.finder.tag([id for id in self.tagged if id in self.finder], add=["seen"])

    def _add(self, stored: threading.Event) -> None:
        def told(progress: Any) -> None:
            if progress.stage == "tidying up the store":  # what comes next may have to wait for us
                stored.set()

        if not self.added and self.come:
            self.index.writing.release()
            try:
                self.finder.add(*self.come, progress=told)
                self.added = True
            finally:
                self.index.writing.acquire()

    def _meanwhile(self, do: Callable[[threading.Event], None], locks: Sequence[Any]) -> None:
        done = threading.Event()

        def work() -> None:
            held = []
            try:
                for lock in locks:
                    if not lock.acquire(blocking=False):
                        return
                    held.append(lock)
                do(done)
            finally:
                done.set()
                for lock in reversed(held):
                    lock.release()

        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()
        assert done.wait(60), "those who change the index wait for the job, and it for them"

    def finish(self) -> None:
        """What could not be done before."""
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        self()
        for thread in self._threads:
            thread.join(60)


def opened(folder: Path) -> tuple[ImageFinder, ChangingStore]:
    """An index on such a store."""
    index = Index(folder, store="changing")
    assert isinstance(index.store, ChangingStore)
    return ImageFinder(index), index.store

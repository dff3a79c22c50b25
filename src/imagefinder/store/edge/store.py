"""The store on disk: Qdrant Edge, the Qdrant engine inside the process."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder._util.files import disk_use
from imagefinder.errors import ImageFinderError, IndexDamagedError, StorageError
from imagefinder.store.base import VectorParams
from imagefinder.store.edge import merging
from imagefinder.store.edge.column_files import state_of
from imagefinder.store.edge.column_log import ColumnLog
from imagefinder.store.edge.engine import (
    DAMAGED_REMEDY,
    OPENING_BYTES,
    create_shard,
    engine_errors,
    filled_by_opening,
    index_fields,
    is_current,
    is_large,
    load_shard,
    make_config,
    read_params,
    want_space,
)
from imagefinder.store.edge.live import clear, live_folder, make_live
from imagefinder.store.edge.seal import Seal, check_count, check_files, closed, read_seal, write_seal
from imagefinder.store.edge.words import FILLED_AT_OPENING, PATH, words_path
from imagefinder.store.edge.writer import EdgeWriter, gated

if TYPE_CHECKING:
    pass


class EdgeStore(EdgeWriter):
    """Points in a folder of their own. Fulfils ``base.Store``; one process at a time, any number of threads.

    When a write returns it is in the engine's log: it survives a kill of the process, and half a batch is never
    seen. A power cut may lose the last ``FLUSH_EVERY`` points. Vectors and payloads stay on disk (memory-mapped).
    Files that were cut short or changed are found when it is opened, see ``seal``.
    Search is exact up to ``edge_engine.HNSW_FROM`` points; beyond, ``optimize`` builds an HNSW graph.
    """

    @classmethod
    def create(cls, path: str | Path, vectors: Mapping[str, VectorParams] | None = None) -> EdgeStore:
        """A new, empty store in the folder ``path``, which must be empty or not exist.

        Name the ``vectors`` here where they are known: only then do those that are not searchable stay out of memory
        from the start. One added later is read into memory on opening until ``optimize`` has rewritten it.

        Raises:
            InvalidInputError: there is something in the folder, or a vector is impossible.
            StorageError: it can't be written.
        """
        path, params = Path(path), dict(vectors or {})
        store = cls(path, create_shard(path, params), params)
        store._words, store._tidied = PATH, True
        return store

    @classmethod
    def open(cls, path: str | Path) -> EdgeStore:
        """The store in the folder ``path``.

        Raises:
            IndexDamagedError: files are missing, unreadable or not as they were when the store was closed.
            IndexLockedError: another process has it open.
            StorageError: the disk is full or can't be written.
        """
        home = Path(path)
        path = live_folder(home)
        if not path.is_dir() or not any((path / "segments").glob("*")):
            raise IndexDamagedError(f"The points in {path} are missing.", remedy=DAMAGED_REMEDY)
        seal = read_seal(path)
        if seal is not None:
            check_files(path, seal)
        params, config = read_params(path)
        want_space(path, filled_by_opening(path, params), OPENING_BYTES)
        large = is_large(config)
        shard = load_shard(path, None if is_current(config, params) else make_config(params, large))
        with engine_errors(path, "write"):
            index_fields(shard)  # a store of an earlier version lacks those that came later
        store = cls(home, shard, params, path)
        store._large = large
        store._take(seal)
        store._kept.begin(seal)
        clear(home)
        store._words = words_path(shard)
        with suppress(StorageError):
            store._make_sure()
        if store._words is None and shard.info().points_count <= FILLED_AT_OPENING:
            with suppress(StorageError):  # then words are looked for in what pictures show only
                store._fill_words()
        return store

    def _take(self, seal: Seal | None) -> None:
        """Compare what was opened with the seal. Raises IndexDamagedError."""
        self._before = self._sealed = seal
        self.left_open = seal is not None and not seal.closed
        self._payloads_only = self._tidied = seal is not None and seal.closed
        if seal is not None:
            try:
                check_count(self._path, seal, lambda: self._shard.info().points_count, self.count)
            except IndexDamagedError:
                self._shut()
                raise

    def optimize(self) -> None:
        """Merge and index what has been written; of many points in another process, see ``merging``. Needs disk space
        for a copy. Of several who call it at once, the first does it.

        Raises:
            StorageError: the disk has no room for the copy.
        """
        if not self._merging.acquire(blocking=False):
            return
        try:
            if self._words != PATH:
                self._fill_words()
            count = self.count()
            if count < merging.APART_FROM:
                self._merge_here()
            elif merging.needs_merge(self, count):
                merging.merge_apart(self, self._go_on_in)
        finally:
            self._merging.release()

    @gated
    def _merge_here(self) -> None:
        with self._lock, engine_errors(self._path, "write"):
            want_space(self._path, disk_use(self._path))
            with self._reshaped():
                self._shard.flush()
                self._shard.optimize()
                self._shard.flush()
                self._unflushed = 0

    def _go_on_in(self, folder: Path) -> None:
        """Switch to what a merge has made. Nothing is written meanwhile."""
        if self._live is None:
            raise StorageError("The store was closed while it was merged. Nothing is lost.")
        shard = load_shard(folder, None)
        try:
            make_live(self._home, folder)
        except BaseException:
            shard.close()
            raise
        with self._lock:
            former, self._live = self._live, shard
            self._path, self._large = folder, is_large(read_params(folder)[1])
            self._before = self._sealed = read_seal(folder)
            self._payloads_only = self._tidied = True
            self._unflushed, self._sure = 0, False
            with engine_errors(self._home, "write"):
                former.close()
        clear(self._home)

    def keep_columns(self) -> None:
        """Write what is known of all points beside the store, for whoever opens it next, even if this process is
        killed. What can't be written is read from the points then."""
        with self._gate:
            _ = self._shard
            sealed = self._sealed is not None and self._sealed.closed
            work = self._kept.prepare() if sealed or ColumnLog.is_sure() else None
            if work is None:
                return
            try:
                self._kept.take(work)
            except OSError:
                return
        files = self._kept.write(work)
        with self._gate, self._lock:
            seal = self._sealed
            if self._live is not None and seal is not None:
                state = state_of(seal, self._home) if seal.closed else None
                if self._kept.finish(work, files, state) and not seal.closed:
                    self._seal_open()

    def close(self) -> None:
        self._stop_merging()
        with self._gate:
            if self._live is None:
                return
            work = None
            with suppress(ImageFinderError):
                work = None if self._damaged else self._kept.prepare()
            self._close()
            seal = self._sealed
            if not self._damaged and seal is not None and seal.closed:
                self._kept.close(work, state_of(seal, self._home))

    def _close(self) -> None:
        with self._lock, engine_errors(self._path, "write"):
            count = self.count()
            self._shut()
            if not self._damaged and (self._sealed is None or not self._sealed.closed):
                if not self._tidied:  # the engine tidies up behind removed points when it opens what it has
                    load_shard(self._path, None).close()
                with suppress(StorageError):  # a disk too full for it: the next opening compares less
                    seal = closed(self._path, count, self._before, self._payloads_only)
                    write_seal(self._path, seal)
                    self._sealed = seal

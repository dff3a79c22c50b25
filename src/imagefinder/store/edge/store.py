"""The store on disk: Qdrant Edge, the Qdrant engine inside the process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.files import disk_use
from imagefinder.errors import IndexDamagedError, InvalidInputError, NotFoundError, StorageError
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.checks import (
    canonical_ids,
    checked_id,
    checked_new_vector,
    checked_payload,
    checked_points,
    checked_rows,
    known,
)
from imagefinder.store.edge.engine import (
    DAMAGED_REMEDY,
    OPENING_BYTES,
    create_shard,
    engine_errors,
    engine_point,
    filled_by_opening,
    index_fields,
    is_current,
    last_operation,
    load_shard,
    make_config,
    read_params,
    want_space,
)
from imagefinder.store.edge.reader import EdgeReader
from imagefinder.store.edge.seal import LOG, Seal, check_count, check_files, closed, opened, read_seal, write_seal
from imagefinder.store.edge.words import FILLED_AT_OPENING, SAID, by_words, has_words, index_words, with_words
from imagefinder.store.words import may_say

if TYPE_CHECKING:
    import qdrant_edge

FLUSH_EVERY = (
    2048  # points; bounds what a power cut can lose (a killed process loses nothing) and what reopening replays
)
WRITE_BYTES = 8 * 1024**2  # of vectors in one operation: the log keeps an operation in one file of 32 MiB
MERGED_AT_ONCE = 50_000  # ids in one operation, for the same reason


class EdgeStore(EdgeReader):
    """Points in a folder of their own. Fulfils ``base.Store``; one process at a time, any number of threads.

    When a write returns it is in the engine's log: it survives a kill of the process, and half a batch is never
    seen. A power cut may lose the last ``FLUSH_EVERY`` points. Vectors and payloads stay on disk (memory-mapped).
    Files that were cut short or changed are found when it is opened, see ``seal``.
    Search is exact up to ``edge_engine.HNSW_FROM`` points; beyond, ``optimize`` builds an HNSW graph.
    """

    def __init__(self, path: Path, shard: qdrant_edge.EdgeShard, params: dict[str, VectorParams]) -> None:
        super().__init__(path, shard, params)
        self._unflushed = 0
        self._before: Seal | None = None  # the seal that the store was opened with
        self._sealed: Seal | None = None  # the one on the disk
        self._payloads_only = True  # whether nothing else was written since
        self._sure = False  # whether something written was seen to take effect
        self._damaged = False  # it was seen not to
        self._tidied = False  # whether opening it again would change nothing
        self.left_open = False  # by a process that was killed

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
        store._words = store._tidied = True
        return store

    @classmethod
    def open(cls, path: str | Path) -> EdgeStore:
        """The store in the folder ``path``.

        Raises:
            IndexDamagedError: files are missing, unreadable or not as they were when the store was closed.
            IndexLockedError: another process has it open.
            StorageError: the disk is full or can't be written.
        """
        path = Path(path)
        if not path.is_dir() or not any((path / "segments").glob("*")):
            raise IndexDamagedError(f"The points in {path} are missing.", remedy=DAMAGED_REMEDY)
        seal = read_seal(path)
        if seal is not None:
            check_files(path, seal)
        params, config = read_params(path)
        want_space(path, filled_by_opening(path, params), OPENING_BYTES)
        shard = load_shard(path, None if is_current(config, params) else make_config(params))
        with engine_errors(path, "write"):
            index_fields(shard)  # a store of an earlier version lacks those that came later
        store = cls(path, shard, params)
        store._take(seal)
        store._words = has_words(shard)
        if not store._words and shard.info().points_count <= FILLED_AT_OPENING:
            with suppress(StorageError):  # then words are looked for in what pictures show only
                store._fill_words()
        return store

    def _fill_words(self) -> None:
        """Make the index of words of a store of an earlier version. Raises StorageError."""
        with self._lock:
            for points in self.scroll(batch=1000):
                self._set_said(points, {})
            with engine_errors(self._path, "write"), self._reshaped():
                index_words(self._shard)
                self._shard.flush()
            self._words = True

    def _set_said(self, points: Sequence[Point], changes: Mapping[str, Any]) -> None:
        """Store these changes of the payloads of points, and all that their texts say then."""
        from qdrant_edge import UpdateOperation

        set_ = {field: value for field, value in changes.items() if value is not None}
        for said, keys in by_words(points, changes).items():
            operation = UpdateOperation.set_payload(keys, {**set_, SAID: list(said)})
            self._write(operation, len(keys), payloads_only=True)

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

    def start_over(self, vectors: Mapping[str, VectorParams]) -> None:
        """Delete all points, and start again with these vectors; see ``create``."""
        with self._lock:
            self._shut()
            shutil.rmtree(self._path)
            self._params = dict(vectors)
            self._before, self._sealed, self._payloads_only, self._sure = None, None, False, False
            self._live = create_shard(self._path, self._params)
            self._words = self._tidied = True
            self._forget()
            self._writes += 1

    def create_vector(self, name: str, params: VectorParams) -> None:
        import qdrant_edge as engine

        checked_new_vector(name, params)
        if name in self._params and self._params[name] != params:
            raise InvalidInputError(f"There is a vector {name!r} already, with {self._params[name]}.")
        if name in self._params:
            return
        metric = engine.Distance.Cosine if params.metric == "cosine" else engine.Distance.Dot
        dtype = getattr(engine.VectorStorageDatatype, params.dtype.capitalize())
        with self._reshaped():
            self._write(engine.UpdateOperation.create_dense_vector(name, params.dim, metric, None, dtype))
            self._reload({**self._params, name: params})

    def drop_vector(self, name: str) -> None:
        from qdrant_edge import UpdateOperation

        known(self._params, name)
        with self._reshaped():
            self._write(UpdateOperation.delete_vector_name(name))
            self._reload({n: p for n, p in self._params.items() if n != name})

    def upsert(self, points: Sequence[Point]) -> None:
        from qdrant_edge import UpdateOperation

        checked = iter(checked_points(points, self._params))
        per_write = self._points_per_write(self._params)
        while chunk := list(islice(checked, per_write)):
            self._write(UpdateOperation.upsert_points([engine_point(p) for p in chunk]), len(chunk))

    def set_vectors(self, name: str, ids: Sequence[str], array: np.ndarray) -> None:
        from qdrant_edge import PointVectors, UpdateOperation

        params = known(self._params, name)
        rows = checked_rows(name, array, params, len(ids))
        keys = [checked_id(id) for id in ids]
        self._want_existing(keys)
        last = dict(zip(keys, rows, strict=True))
        pairs = iter(last.items())
        while chunk := list(islice(pairs, self._points_per_write({name: params}))):
            vectors = [PointVectors(key, {name: memoryview(row)}) for key, row in chunk]  # type: ignore[dict-item]
            self._write(UpdateOperation.update_vectors(vectors), len(chunk))

    def set_payload(self, id: str, payload: Mapping[str, Any]) -> None:
        from qdrant_edge import UpdateOperation

        checked_payload(payload)
        key = checked_id(id)
        self._want_existing([key])
        self._write(UpdateOperation.overwrite_payload([key], with_words(payload)), 1, payloads_only=True)

    def merge_payload(self, ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        from qdrant_edge import UpdateOperation

        checked_payload(payload)
        keys = iter(self._existing(canonical_ids(ids)))
        set_ = {k: v for k, v in payload.items() if v is not None}
        unset: list[str] = [k for k in payload if k not in set_]
        while chunk := list(islice(keys, MERGED_AT_ONCE)):
            if may_say(payload):
                self._set_said(self.retrieve(chunk), payload)
            elif set_:
                self._write(UpdateOperation.set_payload(chunk, set_), len(chunk), payloads_only=True)
            if unset:
                self._write(UpdateOperation.delete_payload(chunk, unset), len(chunk), payloads_only=True)

    def delete(self, ids: Sequence[str]) -> None:
        from qdrant_edge import UpdateOperation

        if keys := canonical_ids(ids):
            with self._lock:
                self._tidied = False
                self._seal_open(less=len(keys))
                there = len(self._existing(keys))
                self._write(UpdateOperation.delete_points(list(keys)), there)

    def want_room(self, n_bytes: int = 0) -> None:
        want_space(self._path, n_bytes + 4 * WRITE_BYTES)  # log, vectors, payload, indexes

    def optimize(self) -> None:
        """Merge and index what has been written. This holds the interpreter lock, and needs disk space for a copy.

        Raises:
            StorageError: the disk has no room for the copy.
        """
        with self._lock, engine_errors(self._path, "write"):
            want_space(self._path, disk_use(self._path))
            if not self._words:
                self._fill_words()
            with self._reshaped():
                self._shard.flush()
                self._shard.optimize()
                self._shard.flush()
                self._unflushed = 0

    def close(self) -> None:
        with self._lock, engine_errors(self._path, "write"):
            count = self.count() if self._live is not None else None
            self._shut()
            if count is not None and not self._damaged and (self._sealed is None or not self._sealed.closed):
                if not self._tidied:  # the engine tidies up behind removed points when it opens what it has
                    load_shard(self._path, None).close()
                with suppress(StorageError):  # a disk too full for it: the next opening compares less
                    write_seal(self._path, closed(self._path, count, self._before, self._payloads_only))

    def _shut(self) -> None:
        shard, self._live = self._live, None
        if shard is not None:
            shard.flush()
            shard.close()

    def _seal_open(self, *, less: int = 0, reshaping: bool = False) -> None:
        """Note on the disk that the store is being written, and what it has at least: all that is flushed, but for so
        many points that are about to go; of its files nothing while they are being ``reshaped``."""
        seal = opened(self._path, self.count()) if self._sealed is None or self._sealed.closed else self._sealed
        seal = replace(seal, points=max(0, seal.points - less), files={} if reshaping else seal.files)
        write_seal(self._path, seal)
        self._sealed = seal

    @contextmanager
    def _reshaped(self) -> Iterator[None]:
        """Meanwhile the engine makes other files of those it has."""
        with self._lock:
            self._payloads_only = False
            self._seal_open(reshaping=True)
            yield
            self._sealed = None
            self._seal_open()

    def _write(self, operation: qdrant_edge.UpdateOperation, n_points: int = 0, *, payloads_only: bool = False) -> None:
        with self._lock, engine_errors(self._path, "write"):
            shard = self._shard
            self.want_room()
            self._payloads_only &= payloads_only
            if self._sealed is None or self._sealed.closed:
                shard.flush()
                self._seal_open()
            before = self._written_before(n_points)
            self._forget()
            self._writes += 1
            shard.update(operation)
            self._check_written(before)
            self._unflushed += n_points
            if self._unflushed >= FLUSH_EVERY:
                shard.flush()
                self._unflushed, self._sealed = 0, None
                self._seal_open()

    def _written_before(self, n_points: int) -> int | None:
        """The engine's number of the last operation, before the first that is sure to change something; else None."""
        if self._sure or not n_points:
            return None
        self._shard.flush()
        return last_operation(self._path)

    def _check_written(self, before: int | None) -> None:
        """Raise IndexDamagedError where the number did not grow: the log lost its end, and the engine passes over what
        has a lower number than what it did before."""
        if before is None:
            return
        self._shard.flush()
        if last_operation(self._path) <= before:
            self._damaged = True
            raise IndexDamagedError(
                f"{self._path / LOG} is damaged: the log has lost its end, so that nothing more can be written.",
                remedy=DAMAGED_REMEDY,
            )
        self._sure = True

    def _reload(self, params: dict[str, VectorParams]) -> None:
        """Apply new settings, which the engine reads only when it loads a shard."""
        with self._lock:
            self._shut()
            self._live = load_shard(self._path, make_config(params))
            self._params = params

    def _points_per_write(self, params: Mapping[str, VectorParams]) -> int:
        return max(1, WRITE_BYTES // (4 * sum(p.dim for p in params.values()) + 4096))

    def _want_existing(self, keys: Sequence[str]) -> None:
        there = set(self._existing(keys))
        for key in keys:
            if key not in there:
                raise NotFoundError(f"There is no point with the id {key}.")

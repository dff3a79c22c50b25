"""The writing methods of the store on disk."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from imagefinder.errors import IndexDamagedError, InvalidInputError, NotFoundError
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
    create_shard,
    engine_errors,
    last_operation,
    load_shard,
    make_config,
    want_space,
)
from imagefinder.store.edge.operations import Journal, Operation, made, touched
from imagefinder.store.edge.pace import MOST, Pace
from imagefinder.store.edge.reader import EdgeReader
from imagefinder.store.edge.seal import LOG, Seal, opened, write_seal
from imagefinder.store.edge.unsure import Unsure
from imagefinder.store.edge.words import (
    FORMER,
    PATH,
    by_words,
    drop_former,
    index_words,
    shared_words,
    with_words,
)

if TYPE_CHECKING:
    import qdrant_edge

FLUSH_EVERY = (
    2048  # points; bounds what a power cut can lose (a killed process loses nothing) and what reopening replays
)
ROOM_BYTES = 32 * 1024**2  # free for an operation: log, vectors, payload, indexes; the log keeps it in one such file
WRITE_BYTES = 2 * 1024**2  # of vectors in one operation, which stops all other threads: 40 ms
FEW_SHARING = 32  # points: up to so many, an operation each costs less than noting them on the disk

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="EdgeWriter")


def gated(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """A method that writes: one at a time, and none while the files are copied."""

    @wraps(method)
    def call(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._gate:
            return method(self, *args, **kwargs)

    return call  # type: ignore[return-value]


class EdgeWriter(EdgeReader):
    """The writing methods of a shard."""

    def __init__(
        self, home: Path, shard: qdrant_edge.EdgeShard, params: dict[str, VectorParams], path: Path | None = None
    ) -> None:
        """``path``: the folder in ``home`` that the engine works in, if it is not ``home``."""
        super().__init__(path or home, shard, params, home)
        self._unsure = Unsure(home)
        self._gate = threading.RLock()  # for who writes; taken before ``_lock``
        self._merging = threading.Lock()
        self._journal: Journal | None = None  # of what is written while all is merged
        self._stop_merging: Callable[[], None] = lambda: None
        self._large = False  # the settings of the shard
        self._unflushed = 0
        self._pace = Pace()
        self._before: Seal | None = None  # the seal that the store was opened with
        self._sealed: Seal | None = None  # the one on the disk
        self._payloads_only = True  # whether nothing else was written since
        self._sure = False  # whether something written was seen to take effect
        self._damaged = False  # it was seen not to
        self._tidied = False  # whether opening it again would change nothing
        self.left_open = False  # by a process that was killed

    @gated
    def _fill_words(self) -> None:
        """Make the index of words of a store of an earlier version; what it has for them counts meanwhile. Raises
        StorageError."""
        for points in self.scroll(batch=1000):
            self._set_said(points, {}, PATH)
        with engine_errors(self._path, "write"), self._reshaped():
            index_words(self._shard)
            drop_former(self._shard)
            self._shard.flush()
            former, self._words = self._words, PATH
        for ids in self.scroll(fields=(), batch=MOST) if former else ():
            self._do(("unset", ([point.id for point in ids], [FORMER])), len(ids), payloads_only=True)

    def _make_sure(self) -> None:
        """Store the words again that may not be those of their fields, see ``unsure``. Raises StorageError."""
        if ids := self._unsure.read():
            with engine_errors(self._home, "write"), self._unsure.of(()):  # they stay noted until all are done
                for start in range(0, len(ids), MOST):
                    self._set_said(self.retrieve(ids[start : start + MOST]), {}, self._words)
            self._flush()

    def _flush(self) -> None:
        with self._lock, engine_errors(self._path, "write"):
            self._shard.flush()
            self._unsure.flushed()

    def _set_said(self, points: Sequence[Point], changes: Mapping[str, Any], path: str | None) -> None:
        """Store these changes of the payloads of points, and all that their texts say then."""
        set_ = {field: value for field, value in changes.items() if value is not None}
        for keys, said in by_words(points, changes, path):
            self._do(("set", (keys, {**set_, **said})), len(keys), payloads_only=True)

    @gated
    def start_over(self, vectors: Mapping[str, VectorParams]) -> None:
        """Delete all points, and start again with these vectors; see ``create``."""
        with self._lock:
            if self._journal is not None:
                self._journal.spoiled = True
            self._shut()
            self._kept.clear()
            shutil.rmtree(self._path)
            self._params = dict(vectors)
            self._before, self._sealed, self._payloads_only, self._sure = None, None, False, False
            self._live = create_shard(self._path, self._params)
            self._words, self._tidied = PATH, True
            self._forget()
            self._writes += 1

    @gated
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

    @gated
    def drop_vector(self, name: str) -> None:
        from qdrant_edge import UpdateOperation

        known(self._params, name)
        with self._reshaped():
            self._write(UpdateOperation.delete_vector_name(name))
            self._reload({n: p for n, p in self._params.items() if n != name})

    @gated
    def upsert(self, points: Sequence[Point]) -> None:
        checked = iter(checked_points(points, self._params))
        per_write = self._points_per_write(self._params)
        while chunk := list(islice(checked, per_write)):
            said = [replace(point, payload=with_words(point.payload, self._words)) for point in chunk]
            self._do(("upsert", (said,)), len(said))

    @gated
    def set_vectors(self, name: str, ids: Sequence[str], array: np.ndarray) -> None:
        params = known(self._params, name)
        rows = checked_rows(name, array, params, len(ids))
        keys = [checked_id(id) for id in ids]
        self._want_existing(keys)
        last = dict(zip(keys, rows, strict=True))
        pairs = iter(last.items())
        while chunk := list(islice(pairs, self._points_per_write({name: params}))):
            self._do(("vectors", (name, [key for key, _ in chunk], [row for _, row in chunk])), len(chunk))

    @gated
    def set_payload(self, id: str, payload: Mapping[str, Any]) -> None:
        checked_payload(payload)
        key = checked_id(id)
        self._want_existing([key])
        self._do(("overwrite", ([key], with_words(payload, self._words))), 1, payloads_only=True)

    @gated
    def merge_payload(self, ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        checked_payload(payload)
        keys = iter(self._existing(canonical_ids(ids)))
        shared = shared_words(payload, self._words)
        while chunk := list(islice(keys, self._pace.n)):
            with self._pace.of(len(chunk)):
                self._merge(chunk, payload, shared)

    def _merge(
        self, keys: Sequence[str], payload: Mapping[str, Any], shared: Sequence[tuple[dict[str, Any], str]] | None
    ) -> None:
        """``shared`` is what the payload makes of the words, see ``shared_words``."""
        if shared and len(keys) > FEW_SHARING:
            with engine_errors(self._home, "write"), self._unsure.of(keys):
                for said, place in shared:
                    self._do(("set", (keys, said, place)), len(keys), payloads_only=True)
                self._set_fields(keys, payload)
            if self._unsure.n >= FLUSH_EVERY:  # else all that were ever noted would be done again after a kill
                self._flush()
            return
        if shared != []:
            self._set_said(self.retrieve(keys), payload, self._words)
        self._set_fields(keys, payload, only_unset=shared != [])

    def _set_fields(self, keys: Sequence[str], changes: Mapping[str, Any], *, only_unset: bool = False) -> None:
        set_ = {field: value for field, value in changes.items() if value is not None}
        unset = [field for field in changes if field not in set_]
        if set_ and not only_unset:
            self._do(("set", (keys, set_)), len(keys), payloads_only=True)
        if unset:
            self._do(("unset", (keys, unset)), len(keys), payloads_only=True)

    @gated
    def delete(self, ids: Sequence[str]) -> None:
        if keys := canonical_ids(ids):
            with self._lock:
                self._tidied = False
                self._seal_open(less=len(keys))
                there = len(self._existing(keys))
                self._do(("delete", (list(keys),)), there)

    def want_room(self, n_bytes: int = 0) -> None:
        want_space(self._path, n_bytes + ROOM_BYTES)

    def _shut(self) -> None:
        shard, self._live = self._live, None
        if shard is not None:
            if self._sealed is None or not self._sealed.closed:  # else nothing was written, and closing looks as well
                shard.flush()
            shard.close()
            self._unsure.flushed()

    def _seal_open(self, *, less: int = 0, reshaping: bool = False) -> None:
        """Note on the disk that the store is being written, and what it has at least: all that is flushed, but for so
        many points that are about to go; of its files nothing while they are being ``reshaped``."""
        seal = opened(self._path, self.count()) if self._sealed is None or self._sealed.closed else self._sealed
        seal = replace(seal, points=max(0, seal.points - less), files={} if reshaping else seal.files)
        seal = replace(seal, columns=self._kept.go_on())
        write_seal(self._path, seal)
        self._sealed = seal

    @contextmanager
    def _reshaped(self) -> Iterator[None]:
        """Meanwhile the engine makes other files of those it has."""
        with self._lock:
            self._payloads_only = False
            if self._journal is not None:
                self._journal.spoiled = True
            self._seal_open(reshaping=True)
            yield
            self._sealed = None
            self._seal_open()

    def _do(self, operation: Operation, n_points: int, *, payloads_only: bool = False) -> None:
        self._write(made(operation), n_points, payloads_only=payloads_only, ids=touched(operation))
        if self._journal is not None:
            self._journal.add(operation)

    def _write(
        self,
        operation: qdrant_edge.UpdateOperation,
        n_points: int = 0,
        *,
        payloads_only: bool = False,
        ids: Sequence[str] = (),
    ) -> None:
        with self._lock, engine_errors(self._path, "write"):
            shard = self._shard
            self.want_room()
            self._payloads_only &= payloads_only
            if self._sealed is None or self._sealed.closed:
                shard.flush()
                self._seal_open()
            before = self._written_before(n_points)
            self._forget()
            self._kept.touch(ids)
            self._writes += 1
            shard.update(operation)
            self._check_written(before)
            self._unflushed += n_points
            if self._unflushed >= FLUSH_EVERY:
                shard.flush()
                self._unsure.flushed()
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
            self._live = load_shard(self._path, make_config(params, self._large))
            self._params = params

    def _points_per_write(self, params: Mapping[str, VectorParams]) -> int:
        return max(1, WRITE_BYTES // (4 * sum(p.dim for p in params.values()) + 4096))

    def _want_existing(self, keys: Sequence[str]) -> None:
        there = set(self._existing(keys))
        for key in keys:
            if key not in there:
                raise NotFoundError(f"There is no point with the id {key}.")

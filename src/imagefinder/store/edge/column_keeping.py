"""Kept columns that are written beside the store: when it is closed, and while it is open, so that a process that is
killed leaves them too. Until they are written again, a log tells what changes."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from imagefinder.errors import StorageError
from imagefinder.store.edge.column_files import (
    HEAD,
    IDS,
    KEPT_FROM,
    Files,
    Written,
    forget,
    is_much,
    read_written,
    write_files,
    write_head,
)
from imagefinder.store.edge.column_log import ColumnLog
from imagefinder.store.edge.columns import AllRows, Columns, KeptColumns, SomeRows
from imagefinder.store.edge.seal import Seal


@dataclass
class Work:
    """Columns to be written: of these ``ids``, or None, then beside those that are there. ``since`` and the ``log`` are
    the points that changed after they were taken."""

    ids: np.ndarray | None
    columns: Columns
    log: ColumnLog | None = None
    since: set[str] = field(default_factory=set)
    named: dict[str, set[str]] = field(default_factory=dict)  # of each column, what was made of its values

    def __post_init__(self) -> None:
        self.named = {name: set(column.made) for name, column in self.columns.items()}


class WrittenColumns(KeptColumns):
    """Those of the store in ``home``."""

    def __init__(self, home: Path, read_all: AllRows, read_some: SomeRows) -> None:
        super().__init__(read_all, read_some)
        self._home = home
        self._log: ColumnLog | None = None  # of what is on the disk, while the store is open
        self._work: Work | None = None

    def begin(self, seal: Seal | None) -> None:
        """Use what was written of the store, as it is now."""
        written = read_written(self._home, seal)
        with self._touching:
            if written and seal and not seal.closed:
                try:
                    self._log = ColumnLog.open(self._home / Path(seal.columns).name)
                except OSError:
                    written = None
            self._written, self._active = written, written is not None
            self._since = set(written.since if written else ())

    def go_on(self) -> str:
        """The name of the log of what changes, for the seal of a store that is about to be changed; empty where nothing
        is on the disk that it could tell of."""
        with self._touching:
            if self._log is None and self._written is not None and ColumnLog.is_sure():
                try:
                    log = ColumnLog.create(self._home)
                    since = tuple(self._since | self._touched)
                    written = replace(self._written, state=log.state, since=since)
                    write_head(written, log.name)
                    self._log, self._written = log, written
                except (OSError, StorageError):
                    self._drop()
            return self._log.name if self._log else ""

    def prepare(self) -> Work | None:
        """What is to be written; None if nothing is. Nothing may be written to the store meanwhile."""
        with self._lock:
            self._catch_up()
            if self._n < KEPT_FROM or not self._columns:
                return None
            written = self._written
            stale = {field: one for field, one in self._columns.items() if self._named.get(field) != set(one.made)}
            if written and not stale and not is_much(self._since, self._n):
                return None
            if written and not self._since:
                return Work(None, stale)
            if written:
                self.get([*(name for name in written.files if name != IDS), *self._columns])
            return Work(self._ids, dict(self._columns))

    def take(self, work: Work) -> None:
        """From now on, what changes is told for this work. Nothing may be written to the store meanwhile. Raises
        OSError."""
        with self._touching:
            work.log = ColumnLog.create(self._home)
            self._work = work

    def write(self, work: Work) -> Files | None:
        """None where they can't be written."""
        try:
            return write_files(self._home, work.ids, work.columns)
        except StorageError:
            self.drop()
            return None

    def finish(self, work: Work, files: Files | None, state: str | None) -> bool:
        """Use what was written, of the store in this ``state``, or of one that is open; False if that came to nothing.
        Nothing may be written to the store meanwhile."""
        with self._touching:
            if work.log and self._work is not work:
                return False
            self._work, log = None, work.log if state is None else None
            before = self._written if work.ids is None else Written(self._home, "", len(work.ids), (), {})
            if before is None or files is None:
                return False
            now = state if state is not None else work.log.state if work.log else ""
            written = replace(before, state=now, since=tuple(work.since), files={**before.files, **files})
            for former in (self._log, None if log else work.log):
                if former:
                    former.close()
            try:
                write_head(written, log.name if log else "")
            except StorageError:
                self._drop()
                return False
            self._log, self._written, self._since = log, written, set(work.since)
            self._named |= work.named
            if work.ids is not None:
                self._ids_read = (files[IDS], work.ids)
            return True

    def close(self, work: Work | None, state: str) -> None:
        """Write what is to be written of a store that was closed in this ``state``."""
        if work:
            self.finish(work, self.write(work), state)
        with self._touching:
            since = self._since | self._touched
            if self._written is None or self._lost or self._n < KEPT_FROM:
                self._drop()
            elif (self._written.state, set(self._written.since)) != (state, since):
                with suppress(StorageError):
                    write_head(replace(self._written, state=state, since=tuple(since)))
            if self._log:
                self._log.close()
                self._log = None

    def drop(self) -> None:
        with self._touching:
            self._drop()

    def _tell(self, ids: Collection[str]) -> None:
        work = self._work
        if self._lost and (self._log or work):
            self._drop()
        try:
            if self._log:
                self._log.add(ids)
            if work and work.log:
                work.log.add(ids)
                work.since.update(ids)
        except OSError:
            self._drop()

    def _drop(self) -> None:
        """Forget what is on the disk. Raises StorageError where it would tell of another state of the store."""
        for log in (self._log, self._work.log if self._work else None):
            if log:
                log.close()
        told, self._log, self._work, self._written = self._log, None, None, None
        self._named = {}
        forget(self._home)
        if told and (self._home / HEAD).exists():
            raise StorageError(f"{self._home / HEAD} can't be removed.", remedy="Allow writing there, then run again.")

"""Merging and indexing what a store holds, in another process, on a copy that is then switched to.

The engine keeps the interpreter busy for all of it, which is minutes for a million points. Here other threads go on
reading and writing. What they write meanwhile goes into the store as ever, and into a journal, from which the other
process does it again before the switch. If anything fails, or either process is killed, the store is as it was.

While the files are copied, writes wait. The copy and what is made of it need twice the room of the store.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import disk_use
from imagefinder._util.systems import sync_file, sync_folder
from imagefinder.errors import StorageError
from imagefinder.store.edge import engine
from imagefinder.store.edge.engine import (
    CONFIG,
    engine_errors,
    index_for_many,
    is_large,
    load_shard,
    make_config,
    merged_points,
    read_params,
    want_space,
)
from imagefinder.store.edge.live import new_folder
from imagefinder.store.edge.operations import Journal, made, read_journal
from imagefinder.store.edge.seal import closed, write_seal

if TYPE_CHECKING:
    from imagefinder.store.edge.writer import EdgeWriter

APART_FROM = 20_000  # points; fewer are merged in less time than a process takes to start
DEAD = 1000  # points that were removed, at least, before their room is made free; a fifth of all, as the engine has it
ROUNDS, LITTLE = 20, 1 << 20  # of what is written meanwhile: done again until so few bytes are left, for which all wait
WAIT_S = 10.0  # for a process that answers no more to end
JOURNAL = "journal"
CODE = "import sys; sys.path[:] = sys.argv[3:]; from imagefinder.store.edge.merging import main; main(*sys.argv[1:3])"


def needs_merge(store: EdgeWriter, count: int) -> bool:
    """Whether merging would change enough to be worth it."""
    with store._lock:
        info = store._shard.info()
    if not info.indexed_vectors_count:
        return info.segments_count > 1 or count >= engine.HNSW_FROM or _misplaced(store)
    merged, dead = merged_points(store._path)
    return count - (merged - dead) > engine.HNSW_FROM // engine.LOOSE or dead > max(DEAD, merged // 5)


def _misplaced(store: EdgeWriter) -> bool:
    """Whether vectors are read into memory that are only retrieved, as those that were added later are."""
    kept = {name for name, params in store._params.items() if not params.searchable}
    segments = [json.loads(file.read_text("utf-8")) for file in (store._path / "segments").glob("*/segment.json")]
    placed = [(name, about) for one in segments for name, about in one["config"]["vector_data"].items()]
    return any(name in kept and about["storage_type"].startswith("InRam") for name, about in placed)


def merge_apart(store: EdgeWriter, switch: Callable[[Path], None]) -> None:
    """Merge what ``store`` holds, and ``switch`` to the folder with that. Raises StorageError."""
    with store._gate:
        want_space(store._home, 2 * disk_use(store._path))
        made_of = new_folder(store._home)
        merger = Merger(store._path, made_of)
        store._stop_merging = merger.stop
    try:
        with store._gate:
            with store._lock, engine_errors(store._path, "write"):
                store._shard.flush()
            merger.do("copy")
            store._journal = Journal(made_of / JOURNAL)
        merger.do("merge", graph_from=engine.HNSW_FROM)
        if _caught_up(store, merger, switch):
            return
        shutil.rmtree(made_of, ignore_errors=True)
    except BaseException:
        merger.end()
        shutil.rmtree(made_of, ignore_errors=True)
        raise
    finally:
        store._stop_merging = lambda: None
        _forget_journal(store)
        merger.end()


def _caught_up(store: EdgeWriter, merger: Merger, switch: Callable[[Path], None]) -> bool:
    """Have done again what was written meanwhile, and switch; False if something was done that can't be."""
    journal = store._journal
    assert journal is not None
    for _ in range(ROUNDS):
        size = journal.size
        if size - merger.applied < LITTLE:
            break
        merger.apply(size)
    with store._gate:
        if journal.spoiled:
            return False
        merger.apply(journal.size)
        _forget_journal(store)
        merger.do("finish")
        switch(merger.folder)
    return True


def _forget_journal(store: EdgeWriter) -> None:
    with store._gate:
        journal, store._journal = store._journal, None
        if journal is not None:
            journal.close()
            with suppress(OSError):
                journal.path.unlink()


class Merger:
    """The other process, which works in ``folder``; it ends when this one does."""

    def __init__(self, source: Path, folder: Path) -> None:
        self.folder, self.applied, self._stopped = folder, 0, False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        paths = [os.path.abspath(path) for path in sys.path if path]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", CODE, str(source), str(folder), *paths],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),  # of Windows
            )
        except (OSError, ValueError) as error:
            raise StorageError(f"The process that merges can't be started: {error}.") from error

    def apply(self, end: int) -> None:
        """Do again what the journal has up to this position."""
        self.do("apply", start=self.applied, end=end)
        self.applied = end

    def do(self, what: str, **asked: Any) -> None:
        """Wait until it has done that. Raises StorageError."""
        assert self._process.stdin and self._process.stdout
        try:
            self._process.stdin.write(json.dumps({"do": what, **asked}).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except (OSError, ValueError):
            line = b""
        said = json.loads(line) if line else self._how_it_ended()
        if said.get("error"):
            raise StorageError(
                f"What is stored was not merged: {said['error']} Nothing is lost; searches are slower.",
                remedy=said.get("remedy") or "Run again.",
            )

    def _how_it_ended(self) -> dict[str, str]:
        """What it would have said, had it not ended without a word."""
        if self._stopped:
            return {"error": "the index was closed."}
        try:
            code = self._process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            return {"error": "the process that merges does not answer."}
        if code == -9:  # SIGKILL, which Windows lacks
            error = "the process that merges was killed, by someone or by the system because memory ran out."
            return {"error": error, "remedy": "Close other programs, and run again."}
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 300))
        said = " ".join(self._errors.read().decode("utf-8", "replace").split())
        how = f"by signal {-code}" if code < 0 else f"with code {code}"
        return {"error": f"the process that merges ended {how}{f': {said}' if said else ''}."}

    def stop(self) -> None:
        """End it, from another thread than the one that waits for it; that one raises StorageError."""
        self._stopped = True
        self._process.kill()

    def end(self) -> None:
        """End it, if it has not."""
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            with suppress(OSError):
                if pipe:
                    pipe.close()
        self._process.kill()
        self._process.wait()


# --- the other process ------------------------------------------------------------------------------------------------


def main(source: str, folder: str) -> None:
    """Do what is asked, a line of JSON each, until there is nothing more."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that asks decides what Ctrl-C ends
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    if hasattr(os, "nice"):
        os.nice(10)
    work = _Work(Path(source), Path(folder))
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        try:
            getattr(work, asked.pop("do"))(**asked)
            said: dict[str, Any] = {}
        except Exception as error:
            message = getattr(error, "message", "") or f"{error or type(error).__name__}."
            said = {"error": " ".join(message.split())[:500], "remedy": getattr(error, "remedy", "")}
        out.write(json.dumps(said).encode() + b"\n")
        out.flush()


class _Work:
    def __init__(self, source: Path, folder: Path) -> None:
        self._source, self._folder = source, folder

    def copy(self) -> None:
        from imagefinder._util.private_copy import copy_file, copy_folder

        self._folder.mkdir()
        for entry in ("segments", "wal"):
            copy_folder(self._source / entry, self._folder / entry)
        copy_file(self._source / CONFIG, self._folder / CONFIG)

    def merge(self, graph_from: int) -> None:
        engine.HNSW_FROM = graph_from
        params, config = read_params(self._folder)
        shard = load_shard(self._folder, None)
        many = shard.info().points_count >= graph_from
        with engine_errors(self._folder, "write"):
            if many:
                index_for_many(shard)
            if many and not is_large(config):
                shard.close()
                shard = load_shard(self._folder, make_config(params, large=True))
            shard.optimize()
            shard.flush()
        self._shard = shard

    def apply(self, start: int, end: int) -> None:
        with engine_errors(self._folder, "write"):
            for operation in read_journal(self._folder / JOURNAL, start, end):
                want_space(self._folder, 1 << 25)
                self._shard.update(made(operation))
            self._shard.flush()

    def finish(self) -> None:
        from qdrant_edge import CountRequest

        with engine_errors(self._folder, "write"):
            self._shard.flush()
            self._shard.close()
            shard = load_shard(self._folder, None)  # which tidies up behind removed points
            count = shard.count(CountRequest(exact=True))
            shard.close()
        (self._folder / JOURNAL).unlink(missing_ok=True)
        for place, _, names in os.walk(self._folder):
            for name in names:
                with open(os.path.join(place, name), "rb+") as file:
                    sync_file(file.fileno())
            sync_folder(place)
        write_seal(self._folder, closed(self._folder, count, None, False))

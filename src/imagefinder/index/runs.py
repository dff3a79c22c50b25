"""The results that are stored beside the points. Each clustering, map or report is a folder, written completely or not
at all.

runs/clusters/0001/run.json what was done and the result, for people and programs runs/clusters/0001/arrays.npz the
numbers of each image, by array name
"""

from __future__ import annotations

import io
import json
import os
import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID, uuid4

from imagefinder._util.files import write_whole
from imagefinder.errors import IndexDamagedError, NotFoundError, StorageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.lib.npyio import NpzFile

T = TypeVar("T")
RUNS = "runs"
FACTS, ARRAYS = "run.json", "arrays.npz"
PARTIAL = ".part"  # ends the hidden names of runs that are being written or removed
_naming = threading.Lock()
SESSION = uuid4().hex[:8]  # begins those of this process, the only one to work on the index


@dataclass(frozen=True, slots=True)
class Run:
    """One stored result: its ``name`` within its kind ("0001"), its folder, and its facts as JSON values."""

    name: str
    folder: Path
    facts: Mapping[str, Any]

    def arrays(self) -> dict[str, np.ndarray]:
        """Its arrays, by name. Raises IndexDamagedError, or NotFoundError if the run was dropped in the meantime."""
        with self.opened() as found:
            return {name: found[name] for name in found.files}

    @contextmanager
    def opened(self) -> Iterator[NpzFile]:
        """Its arrays in an open file, to read only some of them. Raises like ``arrays``."""
        import numpy as np

        path = self.folder / ARRAYS
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
                yield found
        except Exception as error:  # zipfile, zlib and NumPy each raise their own on damaged files
            if not self.folder.exists():
                raise _gone(self.folder) from error
            raise IndexDamagedError(
                f"{path} is missing or damaged: {error}.", remedy=f"Delete {self.folder} and run it again."
            ) from error


class LateArrays(Mapping[str, "np.ndarray"]):
    """The arrays of a run. Each is read when it is first used, which may raise IndexDamagedError."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._read: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._read:
            with self._run.opened() as found:
                there = name in found.files
                if there:
                    self._read[name] = found[name]
            if not there:
                raise KeyError(name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        with self._run.opened() as found:
            return iter(found.files)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def save_run(index: Path, kind: str, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Run:
    """Store a new result of a ``kind`` ("clusters", "maps", ...). Text arrays must have the dtype U. Several threads
    may do this at once: each result gets its own name, higher than all existing ones.

    Raises:
        StorageError: the disk is full or can't be written; nothing has changed then.
    """
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return _save(index, kind, facts, lambda target: write_whole(target, buffer.getvalue()))


def save_version(index: Path, former: Run, facts: Mapping[str, Any]) -> Run:
    """Store a new result that has other facts and the same arrays as a ``former`` result of its kind. Both share one
    file (a hard link, or a copy if the file system has none), which exists until neither needs it.

    Raises:
        StorageError: the disk is full or can't be written; nothing has changed then.
        IndexDamagedError: the arrays of the former result are missing.
    """
    return _save(index, former.folder.parent.name, facts, lambda target: _share(former.folder / ARRAYS, target))


def _share(source: Path, target: Path) -> None:
    if not source.is_file():
        raise IndexDamagedError(f"{source} is missing.", remedy=f"Delete {source.parent} and run it again.")
    target.parent.mkdir(parents=True)
    try:
        os.link(source, target)
    except OSError:
        write_whole(target, source.read_bytes())


def _save(index: Path, kind: str, facts: Mapping[str, Any], put_arrays: Callable[[Path], None]) -> Run:
    home = index / RUNS / kind
    facts = {"kind": kind, "created": datetime.now(UTC).isoformat(timespec="seconds"), **facts}
    _drop_leftovers(home)
    partial = _hidden(home)
    try:
        put_arrays(partial / ARRAYS)
        write_whole(partial / FACTS, _text(facts))
        folder = _named(partial, home)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise StorageError(
            f"A run in {home} can't be written: {error}.", remedy="Make room, then run again."
        ) from error
    return Run(folder.name, folder, facts)


def _hidden(home: Path) -> Path:
    """A new name that no run can have."""
    return home / f".{SESSION}-{uuid4().hex[:8]}{PARTIAL}"


def _drop_leftovers(home: Path) -> None:
    """Remove what is left of a process that was killed while it wrote."""
    for path in home.glob(f".*{PARTIAL}"):
        if not path.name.startswith(f".{SESSION}-"):
            shutil.rmtree(path, ignore_errors=True)


def _named(partial: Path, home: Path) -> Path:
    """Give a finished folder the next name. One thread at a time: between a look at the names and the new one, others
    may come and go, and a name below the newest would be that of an older run."""
    with _naming:
        number = max((int(n) for n in _names(home)), default=0) + 1
        return partial.rename(home / f"{number:04d}")


def change_facts(run: Run, facts: Mapping[str, Any]) -> Run:
    """The run with other facts, which are on disk when this returns. Raises StorageError."""
    write_whole(run.folder / FACTS, _text(facts))
    return Run(run.name, run.folder, facts)


def list_runs(index: Path, kind: str) -> list[Run]:
    """The results of a kind, oldest first."""
    home = index / RUNS / kind
    while True:
        with suppress(NotFoundError):  # one was dropped since it was listed; what took its place is there by now
            return [_load(home / name) for name in _names(home)]


def load_run(index: Path, kind: str, name: str | None = None) -> Run:
    """The result of that name, or the latest of its kind. Raises NotFoundError or IndexDamagedError."""
    home = index / RUNS / kind
    while True:
        names = _names(home)
        if not names or (name is not None and name not in names):
            there = f"there are {', '.join(names)}" if names else "there is none yet"
            raise NotFoundError(f"There is no run {name!r} of {kind}; {there}." if name else f"No {kind} yet.")
        with suppress(NotFoundError):  # dropped since it was listed
            return _load(home / (name or names[-1]))


def read_run(choose: Callable[[], Run], read: Callable[[Run], T]) -> T:
    """The result of ``read`` for the run that ``choose`` returns. If that run is dropped before it is read, because
    another one has replaced it, ``choose`` is asked again. Raises what ``choose`` raises."""
    while True:
        run = choose()
        try:
            return read(run)
        except NotFoundError:
            if run.folder.exists():
                raise


def drop_run(run: Run) -> None:
    """Delete a result. Other threads and processes see it either complete or not at all."""
    hidden = _hidden(run.folder.parent)
    with suppress(OSError):
        run.folder.rename(hidden)
        shutil.rmtree(hidden, ignore_errors=True)


def drop_former(index: Path, run: Run, alike: Callable[[Run], bool] = lambda run: True) -> None:
    """Delete the results that ``run`` replaces: the older ones of its kind that are ``alike``."""
    for other in list_runs(index, run.folder.parent.name):
        if int(other.name) < int(run.name) and alike(other):
            drop_run(other)


def drop_older(index: Path, kind: str, kept: int, *, but: Collection[str | None] = ()) -> None:
    """Delete all results of a kind except some (``but``) and the latest ``kept``."""
    home = index / RUNS / kind
    for name in _names(home)[:-kept]:
        if name not in but:
            drop_run(Run(name, home / name, {}))


def _names(home: Path) -> list[str]:
    return sorted(p.name for p in home.iterdir() if p.name.isdecimal() and p.name.isascii()) if home.is_dir() else []


def _load(folder: Path) -> Run:
    try:
        facts = json.loads((folder / FACTS).read_text("utf-8"))
        if not isinstance(facts, dict):
            raise ValueError("it is not an object")
    except (OSError, ValueError) as error:
        if not folder.exists():
            raise _gone(folder) from error
        raise IndexDamagedError(
            f"{folder / FACTS} is missing or damaged: {error}.", remedy=f"Delete {folder} and run it again."
        ) from error
    return Run(folder.name, folder, facts)


def _gone(folder: Path) -> NotFoundError:
    return NotFoundError(f"The run {folder.name} of {folder.parent.name} is not there any more.")


def _text(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()


def pack_ids(ids: Sequence[str]) -> np.ndarray:
    """UUIDs as uint8 (n, 16), which takes a quarter of the space of their text."""
    import numpy as np

    return np.frombuffer(b"".join(UUID(id).bytes for id in ids), np.uint8).reshape(-1, 16)


def unpack_ids(packed: np.ndarray) -> list[str]:
    return [str(UUID(bytes=row.tobytes())) for row in packed]

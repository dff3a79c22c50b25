"""The results kept beside the points: each clustering, map or report is a folder, written whole or not at all.

runs/clusters/0001/run.json      what was done and what came out, for people and programs
runs/clusters/0001/arrays.npz    the numbers of each image, by array name
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from imagefinder._util.files import write_whole
from imagefinder.errors import IndexDamagedError, NotFoundError, StorageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.lib.npyio import NpzFile

RUNS = "runs"
FACTS, ARRAYS = "run.json", "arrays.npz"


@dataclass(frozen=True, slots=True)
class Run:
    """One kept result: its ``name`` within its kind ("0001"), its folder, and its facts as JSON values."""

    name: str
    folder: Path
    facts: Mapping[str, Any]

    def arrays(self) -> dict[str, np.ndarray]:
        """Its arrays, by name. Raises IndexDamagedError."""
        with self.opened() as found:
            return {name: found[name] for name in found.files}

    @contextmanager
    def opened(self) -> Iterator[NpzFile]:
        """Its arrays, to read some of them. Raises IndexDamagedError."""
        import numpy as np

        path = self.folder / ARRAYS
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
                yield found
        except Exception as error:  # zipfile, zlib and NumPy each raise their own on damaged files
            raise IndexDamagedError(
                f"{path} is missing or damaged: {error}.", remedy=f"Delete {self.folder} and run it again."
            ) from error


class LateArrays(Mapping[str, "np.ndarray"]):
    """The arrays of a run, each read when it is first asked for. Raises IndexDamagedError then."""

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
    """Keep a new result of a ``kind`` ("clusters", "maps", ...). Text arrays must be of dtype U.

    Raises:
        StorageError: the disk is full or can't be written; what was there is untouched.
    """
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return _save(index, kind, facts, lambda target: write_whole(target, buffer.getvalue()))


def save_version(index: Path, former: Run, facts: Mapping[str, Any]) -> Run:
    """Keep a new result with other facts and the arrays of a ``former`` one of its kind. Both share the file (a hard
    link; a copy where the file system has none), which lasts until neither needs it.

    Raises:
        StorageError: the disk is full or can't be written; what was there is untouched.
        IndexDamagedError: the former one's arrays are missing.
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
    name = f"{max((int(n) for n in _names(home)), default=0) + 1:04d}"
    facts = {"kind": kind, "created": datetime.now(UTC).isoformat(timespec="seconds"), **facts}
    partial = home / f".{name}.part"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        put_arrays(partial / ARRAYS)
        write_whole(partial / FACTS, _text(facts))
        partial.replace(home / name)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise StorageError(f"{home / name} can't be written: {error}.", remedy="Make room, then run again.") from error
    return Run(name, home / name, facts)


def change_facts(run: Run, facts: Mapping[str, Any]) -> Run:
    """The run with other facts, which are on disk when this returns. Raises StorageError."""
    write_whole(run.folder / FACTS, _text(facts))
    return Run(run.name, run.folder, facts)


def list_runs(index: Path, kind: str) -> list[Run]:
    """The results of a kind, oldest first."""
    home = index / RUNS / kind
    return [_load(home / name) for name in _names(home)]


def load_run(index: Path, kind: str, name: str | None = None) -> Run:
    """The result of that name, or the latest of its kind. Raises NotFoundError or IndexDamagedError."""
    home = index / RUNS / kind
    names = _names(home)
    if not names or (name is not None and name not in names):
        there = f"there are {', '.join(names)}" if names else "there is none yet"
        raise NotFoundError(f"There is no run {name!r} of {kind}; {there}." if name else f"No {kind} yet.")
    return _load(home / (name or names[-1]))


def drop_run(run: Run) -> None:
    """Remove a result for good."""
    shutil.rmtree(run.folder, ignore_errors=True)


def drop_older(index: Path, kind: str, kept: int, *, but: Collection[str | None] = ()) -> None:
    """Remove all results of a kind ``but`` some and the latest ``kept``, for good."""
    home = index / RUNS / kind
    for name in _names(home)[:-kept]:
        if name not in but:
            shutil.rmtree(home / name, ignore_errors=True)


def _names(home: Path) -> list[str]:
    return sorted(p.name for p in home.iterdir() if p.name.isdecimal() and p.name.isascii()) if home.is_dir() else []


def _load(folder: Path) -> Run:
    try:
        facts = json.loads((folder / FACTS).read_text("utf-8"))
        if not isinstance(facts, dict):
            raise ValueError("it is not an object")
    except (OSError, ValueError) as error:
        raise IndexDamagedError(
            f"{folder / FACTS} is missing or damaged: {error}.", remedy=f"Delete {folder} and run it again."
        ) from error
    return Run(folder.name, folder, facts)


def _text(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode()


def pack_ids(ids: Sequence[str]) -> np.ndarray:
    """UUIDs as uint8 (n, 16), a quarter of their text."""
    import numpy as np

    return np.frombuffer(b"".join(UUID(id).bytes for id in ids), np.uint8).reshape(-1, 16)


def unpack_ids(packed: np.ndarray) -> list[str]:
    return [str(UUID(bytes=row.tobytes())) for row in packed]

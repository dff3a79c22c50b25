"""The results that are stored beside the points. Each clustering, map or report is a folder, written completely or not
at all.

runs/clusters/0001/run.json what was done and the result, for people and programs runs/clusters/0001/arrays.npz the
numbers of each image, by array name
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from uuid import uuid4

from imagefinder._util.files import write_whole
from imagefinder._util.places import Place, copy_document, opened, remove_folder, rename_folder, together
from imagefinder._util.shapes import check_shape
from imagefinder.errors import IndexDamagedError, NotFoundError, StorageError
from imagefinder.index.jsonfile import json_text, read_json, write_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.lib.npyio import NpzFile

T = TypeVar("T")
Axes: TypeAlias = tuple[Any, ...]  # NumPy's letter of a kind of dtype, then the size of each axis: a number or a name
OPTIONAL = frozenset({"contents"})  # arrays that older versions did not keep
RUNS = "runs"
FACTS, ARRAYS = "run.json", "arrays.npz"
PARTIAL = ".part"  # ends the hidden names of runs that are being written or removed
_naming = threading.Lock()
SESSION = uuid4().hex[:8]  # begins those of this process, the only one to work on the index
MOST_BYTES = 2**30  # of the arrays of a run, unpacked
AGAIN = {  # by kind, what makes a result again that is damaged
    "clusters": "Cluster again: imagefinder cluster",
    "maps": "Make the map again: imagefinder map",
    "duplicates": "Search again: imagefinder duplicates",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One stored result: its ``name`` within its kind ("0001"), its folder, and its facts as JSON values."""

    name: str
    folder: Place
    facts: Mapping[str, Any]

    @property
    def again(self) -> str:
        """What to do when it is damaged."""
        return _again(self.folder)

    def check(self, shape: Any) -> None:
        """Compare the facts with the shape that they may have, see ``shapes``. Raises IndexDamagedError."""
        try:
            check_shape(self.facts, shape)
        except ValueError as error:
            raise IndexDamagedError(f"{self.folder / FACTS} is damaged: {error}.", remedy=self.again) from error

    def arrays(self, kinds: Mapping[str, Axes] | None = None) -> dict[str, np.ndarray]:
        """Its arrays, by name; those named in ``kinds`` are there, and as it says. Raises IndexDamagedError, or
        NotFoundError if the run was dropped in the meantime."""
        with self.opened() as found:
            arrays = {name: found[name] for name in found.files}
        sizes: dict[str, int] = {}
        for name, axes in (kinds or {}).items():
            self.check_array(name, arrays.get(name), axes, sizes)
        return arrays

    def check_array(self, name: str, array: np.ndarray | None, axes: Axes, sizes: dict[str, int]) -> None:
        """Compare the kind and the axes of an array with what they may be; ``sizes`` are those of named axes, to which
        are added those that are seen here first. Raises IndexDamagedError."""
        kind, *wanted = axes
        right = array is not None and array.dtype.kind == kind and array.ndim == len(wanted)
        if array is not None and right:
            right = all(
                size == (sizes.setdefault(a, size) if isinstance(a, str) else a)
                for size, a in zip(array.shape, wanted, strict=True)
            )
            right = right and (kind != "f" or bool((abs(array) < float("inf")).all()))
        if not right:
            found = "missing" if array is None else f"{array.dtype} {array.shape}"
            raise IndexDamagedError(f"{self.folder / ARRAYS} is damaged: {name} is {found}.", remedy=self.again)

    @contextmanager
    def opened(self) -> Iterator[NpzFile]:
        """Its arrays in an open file, to read only some of them. Raises like ``arrays``."""
        import numpy as np

        path = self.folder / ARRAYS
        try:
            with opened(path) as file, np.load(file, allow_pickle=False) as found:
                if sum(part.file_size for part in found.zip.infolist()) > MOST_BYTES:
                    raise ValueError(f"it unpacks to more than {MOST_BYTES:,} bytes")
                yield found
        except Exception as error:  # zipfile, zlib and NumPy each raise their own on damaged files
            if not self.folder.exists():
                raise _gone(self.folder) from error
            raise IndexDamagedError(f"{path} is missing or damaged: {error}.", remedy=self.again) from error


class LateArrays(Mapping[str, "np.ndarray"]):
    """The arrays of a run. Each is read when it is first used, and compared with what ``kinds`` says of it; ``sizes``
    are those of named axes. May raise IndexDamagedError."""

    def __init__(
        self,
        run: Run,
        kinds: Mapping[str, Axes] = MappingProxyType({}),
        sizes: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._run, self._kinds, self._sizes = run, kinds, dict(sizes)
        self._read: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._read:
            with self._run.opened() as found:
                there = name in found.files
                if there:
                    self._read[name] = found[name]
            if name in self._kinds and (there or name not in OPTIONAL):
                self._run.check_array(name, self._read.get(name), self._kinds[name], self._sizes)
            if not there:
                raise KeyError(name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        with self._run.opened() as found:
            return iter(found.files)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def save_run(index: Place, kind: str, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Run:
    """Store a new result of a ``kind`` ("clusters", "maps", ...). Text arrays must have the dtype U. Several threads
    may do this at once: each result gets its own name, higher than all existing ones.

    Raises:
        StorageError: the disk is full or can't be written; nothing has changed then.
    """
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return _save(index, kind, facts, lambda target: write_whole(target, buffer.getvalue()))


def save_version(index: Place, former: Run, facts: Mapping[str, Any]) -> Run:
    """Store a new result that has other facts and the same arrays as a ``former`` result of its kind. Both share one
    file (a hard link, or a copy if the file system has none), which exists until neither needs it.

    Raises:
        StorageError: the disk is full or can't be written; nothing has changed then.
        IndexDamagedError: the arrays of the former result are missing.
    """
    return _save(index, former.folder.parent.name, facts, lambda target: _share(former.folder / ARRAYS, target))


def _share(source: Place, target: Place) -> None:
    if not source.is_file():
        raise IndexDamagedError(f"{source} is missing.", remedy=_again(source.parent))
    copy_document(source, target)


def _save(index: Place, kind: str, facts: Mapping[str, Any], put_arrays: Callable[[Place], None]) -> Run:
    home = index / RUNS / kind
    facts = {"kind": kind, "created": datetime.now(UTC).isoformat(timespec="seconds"), **facts}
    _drop_leftovers(home)
    partial = _hidden(home)
    try:
        with together(home):
            put_arrays(partial / ARRAYS)
            write_whole(partial / FACTS, json_text(facts))
            folder = _named(partial, home)
    except OSError as error:
        remove_folder(partial)
        raise StorageError(
            f"A run in {home} can't be written: {error}.", remedy="Make room, then run again."
        ) from error
    return Run(folder.name, folder, facts)


def _hidden(home: Place) -> Place:
    """A new name that no run can have."""
    return home / f".{SESSION}-{uuid4().hex[:8]}{PARTIAL}"


def _drop_leftovers(home: Place) -> None:
    """Remove what is left of a process that was killed while it wrote."""
    for path in home.iterdir() if home.is_dir() else ():
        if path.name.startswith(".") and path.name.endswith(PARTIAL) and not path.name.startswith(f".{SESSION}-"):
            remove_folder(path)


def _named(partial: Place, home: Place) -> Place:
    """Give a finished folder the next name. One thread at a time: between a look at the names and the new one, others
    may come and go, and a name below the newest would be that of an older run."""
    with _naming:
        number = max((int(n) for n in _names(home)), default=0) + 1
        return rename_folder(partial, home / f"{number:04d}")


def change_facts(run: Run, facts: Mapping[str, Any]) -> Run:
    """The run with other facts, which are on disk when this returns. Raises StorageError."""
    write_json(run.folder / FACTS, facts)
    return Run(run.name, run.folder, facts)


def list_runs(index: Place, kind: str) -> list[Run]:
    """The results of a kind, oldest first."""
    home = index / RUNS / kind
    while True:
        with suppress(NotFoundError):  # one was dropped since it was listed; what took its place is there by now
            return [_load(home / name) for name in _names(home)]


def readable_runs(index: Place, kind: str) -> Iterator[Run]:
    """The results of a kind that can be read, oldest first."""
    home = index / RUNS / kind
    for name in _names(home):
        with suppress(NotFoundError, IndexDamagedError):
            yield _load(home / name)


def load_run(index: Place, kind: str, name: str | None = None) -> Run:
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
        rename_folder(run.folder, hidden)
        remove_folder(hidden)


def drop_former(index: Place, run: Run, alike: Callable[[Run], bool] = lambda run: True) -> None:
    """Delete the results that ``run`` replaces: the older ones of its kind that are ``alike``, or damaged."""
    home = run.folder.parent
    for name in _names(home):
        if int(name) < int(run.name):
            try:
                gone = alike(_load(home / name))
            except (NotFoundError, IndexDamagedError):
                gone = True
            if gone:
                drop_run(Run(name, home / name, {}))


def drop_older(index: Place, kind: str, kept: int, *, but: Collection[str | None] = ()) -> None:
    """Delete all results of a kind except some (``but``) and the latest ``kept``."""
    home = index / RUNS / kind
    for name in _names(home)[:-kept]:
        if name not in but:
            drop_run(Run(name, home / name, {}))


def _names(home: Place) -> list[str]:
    return sorted(p.name for p in home.iterdir() if p.name.isdecimal() and p.name.isascii()) if home.is_dir() else []


def _load(folder: Place) -> Run:
    try:
        facts = read_json(folder / FACTS, {}, _again(folder))
    except (FileNotFoundError, IndexDamagedError) as error:
        if not folder.exists():
            raise _gone(folder) from error
        if isinstance(error, IndexDamagedError):
            raise
        raise IndexDamagedError(f"{folder / FACTS} is missing.", remedy=_again(folder)) from error
    return Run(folder.name, folder, facts)


def _gone(folder: Place) -> NotFoundError:
    return NotFoundError(f"The run {folder.name} of {folder.parent.name} is not there any more.")


def _again(folder: Place) -> str:
    return AGAIN.get(folder.parent.name, f"Delete {folder} and run it again.")

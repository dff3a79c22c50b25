"""``index.json``: the spaces, transforms and sources of an index. It is small and readable, and is written completely
or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imagefinder._util.files import write_whole
from imagefinder.errors import IndexDamagedError, IndexFolderError, IndexVersionError, NotFoundError
from imagefinder.index.migrations import CURRENT, FIRST, migrate

NAME = "index.json"
MADE = ("made-1", "made-2")  # the folders of rebuilds: the one that is in use, and the next
_REMEDY = "Restore it from a backup, or delete the folder and index the images again."


@dataclass(frozen=True, slots=True)
class SpaceEntry:
    """One space: the model that its vectors come from, and its transform.

    ``vector`` is the name of the stored raw vector, ``search_vector`` the name of the one that is searched (None: no
    transform yet). ``transform`` is the file, beside ``index.json``, with the transform between them, and
    ``fitted_count`` the number of images it was fitted on. ``model_fingerprint`` distinguishes versions of a model.
    """

    model: str
    model_fingerprint: str
    model_space: str
    dim: int
    vector: str
    search_vector: str | None = None
    transform: str | None = None
    fitted_count: int = 0


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """Where images came from: ``kind`` such as "folder" or "table". ``last_indexed`` is ISO 8601 in UTC.

    ``started`` is the time of a run that has not come to its end. A ``paused`` source is not gone over. ``mounts`` are
    the folders of the source where another drive was mounted when it was last indexed.
    """

    uri: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    last_indexed: str | None = None
    started: str | None = None
    paused: bool = False
    mounts: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON values. What version 0.1 does not know is left out where it says nothing, so that it can read it."""
        row = asdict(self)
        return {name: row[name] for name in row if row[name] or name in ("uri", "kind", "options", "last_indexed")}

    def is_away(self) -> bool:
        """Whether it is not where it was. A URL is only known to be gone when it is fetched."""
        if self.kind == "url":
            return False
        return not (os.path.isdir(self.uri) if self.kind == "folder" else os.path.isfile(self.uri))

    def state(self, indexed_now: Collection[str] = ()) -> str:
        """How it is, as ``results.SourceInfo`` tells; ``indexed_now`` are the sources of a run in progress."""
        if self.uri in indexed_now:
            return "indexing"
        if self.paused:
            return "paused"
        if self.is_away():
            return "missing"
        return "interrupted" if self.started else "there"

    def covers(self, uri: str, source: str) -> bool:
        """Whether the image at ``uri``, taken in from ``source``, is one of this source's."""
        if self.kind == "table":
            return source == self.uri
        return uri == self.uri or (self.kind == "folder" and uri.startswith(self.uri.rstrip(os.sep) + os.sep))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``index.json`` says. Frozen: ``with_space`` and ``with_source`` return a changed copy. ``current`` names the
    space that is searched by images ("image") and by text ("words"). ``made`` is the folder in the index folder that a
    rebuild has put the points and transforms in; empty: they lie in the index folder itself."""

    app_version: str
    spaces: Mapping[str, SpaceEntry] = field(default_factory=dict)
    sources: tuple[SourceEntry, ...] = ()
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    version: int = CURRENT
    current: Mapping[str, str] = field(default_factory=dict)
    made: str = ""

    def vectors(self) -> set[str]:
        """The stored vectors that belong to a space."""
        return {name for entry in self.spaces.values() for name in (entry.vector, entry.search_vector) if name}

    def space(self, name: str) -> SpaceEntry:
        if name not in self.spaces:
            there = ", ".join(self.spaces) or "none"
            raise NotFoundError(f"The index has no space {name!r}; it has: {there}.")
        return self.spaces[name]

    def with_space(self, name: str, entry: SpaceEntry | None) -> Manifest:
        """A copy with this space added or replaced, or removed if ``entry`` is None."""
        spaces = {n: e for n, e in self.spaces.items() if n != name or entry is not None}
        return replace(self, spaces=spaces if entry is None else {**spaces, name: entry})

    def with_source(self, entry: SourceEntry) -> Manifest:
        """A copy with this source added at the end, or replaced in its place."""
        if all(s.uri != entry.uri for s in self.sources):
            return replace(self, sources=(*self.sources, entry))
        return replace(self, sources=tuple(entry if s.uri == entry.uri else s for s in self.sources))

    def without_source(self, uri: str) -> Manifest:
        """A copy without this source."""
        return replace(self, sources=tuple(s for s in self.sources if s.uri != uri))

    def to_dict(self) -> dict[str, Any]:
        return {
            "version": CURRENT if self.made else FIRST,
            "created": self.created,
            "app_version": self.app_version,
            "current": dict(self.current),
            **({"made": self.made} if self.made else {}),
            "spaces": {name: asdict(entry) for name, entry in self.spaces.items()},
            "sources": [entry.to_dict() for entry in self.sources],
        }


def exists(folder: str | Path) -> bool:
    """Whether ``folder`` holds an index."""
    return (Path(folder) / NAME).is_file()


def load(folder: str | Path) -> Manifest:
    """What ``index.json`` in ``folder`` says, brought up to the current schema (in memory; ``save`` keeps it).

    Raises:
        NotFoundError: there is no such folder, or it is empty.
        IndexFolderError: the folder holds something else.
        IndexVersionError: made by a newer ImageFinder.
        IndexDamagedError: the file is missing from an index, or unreadable.
    """
    folder = Path(folder)
    path = folder / NAME
    try:
        data = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise _no_index(folder) from None
    except PermissionError as error:
        raise IndexFolderError(f"{path} may not be read: {error}", remedy="Allow reading it.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise IndexDamagedError(f"{path} is unreadable: {error}", remedy=_REMEDY) from error
    if not isinstance(data, dict) or not isinstance(data.get("version"), int) or isinstance(data["version"], bool):
        raise IndexDamagedError(f"{path} is not the description of an index.", remedy=_REMEDY)
    if data["version"] > CURRENT:
        raise IndexVersionError(
            f"{folder} was made by ImageFinder {data.get('app_version', 'of a newer version')} (schema "
            f"{data['version']}); this version reads schemas up to {CURRENT}.",
            remedy="Upgrade with: pip install --upgrade imagefinder",
        )
    try:
        return _read(migrate(data))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IndexDamagedError(f"{path} lacks or garbles an entry: {error!r}", remedy=_REMEDY) from error


def save(folder: str | Path, manifest: Manifest) -> None:
    """Write ``index.json`` so that a crash leaves the old one or the new one.

    Raises:
        StorageError: the disk is full or can't be written.
    """
    text = json.dumps(manifest.to_dict(), indent=2, ensure_ascii=False) + "\n"
    write_whole(Path(folder) / NAME, text.encode())


def _no_index(folder: Path) -> Exception:
    if not folder.exists():
        return NotFoundError(f"There is no index at {folder}.", remedy="Make one with: imagefinder index SOURCE")
    if not folder.is_dir():
        return IndexFolderError(f"{folder} is a file, not the folder of an index.", remedy="Name a folder.")
    if any((folder / name).is_dir() for name in ("points", *MADE)):
        return IndexDamagedError(f"{folder / NAME} is missing.", remedy=_REMEDY)
    if not any(folder.iterdir()):
        return NotFoundError(f"The folder {folder} is empty.", remedy="Make an index with: imagefinder index SOURCE")
    return IndexFolderError(f"{folder} is not an index: it has no {NAME}.", remedy="Name another folder.")


def _read(data: Mapping[str, Any]) -> Manifest:
    spaces = {name: SpaceEntry(**entry) for name, entry in data["spaces"].items()}
    sources = tuple(SourceEntry(**entry) for entry in data["sources"])
    _check_types(*spaces.values(), *sources)
    current = data.get("current") or _first_spaces(spaces)
    if not set(current) <= {"image", "words"} or not set(current.values()) <= set(spaces):
        raise ValueError(f"current is {current!r}")
    made = str(data["made"])
    if made not in ("", *MADE):
        raise ValueError(f"made is {made!r}")
    return Manifest(
        str(data["app_version"]), spaces, sources, str(data["created"]), int(data["version"]), current, made
    )


def _first_spaces(spaces: Mapping[str, SpaceEntry]) -> dict[str, str]:
    """The current spaces of an index that was made before an index could have several models."""
    return {entry.model_space: name for name, entry in reversed(list(spaces.items()))}


def _check_types(*entries: SpaceEntry | SourceEntry) -> None:
    for entry in entries:
        for name, value in asdict(entry).items():
            wanted = _TYPES.get(name, str)
            if not isinstance(value, wanted) and not (value is None and name in _OPTIONAL):
                raise TypeError(f"{name} is {value!r}")


_OPTIONAL = ("search_vector", "transform", "last_indexed", "started")
_TYPES: dict[str, Any] = {"dim": int, "fitted_count": int, "options": dict, "paused": bool, "mounts": (list, tuple)}

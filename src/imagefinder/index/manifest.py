"""``index.json``: the spaces, transforms and sources of an index. It is small and readable, and is written completely
or not at all; ``index.bak.json`` is the same a second time."""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from imagefinder._util.places import Place
from imagefinder._util.shapes import check_shape
from imagefinder._version import __version__
from imagefinder.errors import IndexDamagedError, IndexFolderError, IndexVersionError, NotFoundError
from imagefinder.images.inside import holder_of
from imagefinder.index.jsonfile import read_json, write_json
from imagefinder.index.migrations import CURRENT, FIRST, MERGED, REBUILT, migrate
from imagefinder.store.edge.live import were_merged

NAME, SECOND = "index.json", "index.bak.json"
POINTS, TRANSFORMS = "points", "transforms"  # folders
MADE = ("made-1", "made-2")  # the folders of rebuilds: the one that is in use, and the next
LISTS = ("table", "page")  # kinds of sources whose images may lie anywhere: a record says which source it is of
_REMEDY = (
    "Restore it from a backup, or make the index again from its sources, with all that was said of its images: "
    "imagefinder index --rebuild SOURCE..."
)
MOST_DIM = 65_536
_MODEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_SPACE = re.compile(r"[\w-][\w.-]{0,199}")  # the name of a space is part of those of vectors and files
_TRANSFORM = re.compile(rf"(?:(?:{'|'.join(MADE)})/)?transforms/[\w-][\w.-]{{0,250}}\.npz")
_VERSION = re.compile(r"[\w-][\w.-]{0,199}\.[0-9]{1,9}")
_TIME = (re.compile(r"[0-9T:.+Z -]{10,40}"), None)
_SPACES = {
    "model": _MODEL,
    "model_fingerprint": str,
    "model_space": str,
    "dim": int,
    "vector": _SPACE,
    "search_vector?": (_VERSION, None),
    "transform?": (_TRANSFORM, None),
    "fitted_count?": int,
}
_OPTIONS = {"include?": [str], "exclude?": [str], "column?": (str, None), "within?": ([str], None)}
_SOURCE = {
    "uri": str,
    "kind": frozenset({"folder", "file", "table", "url", "bucket", "page"}),
    "options?": _OPTIONS,
    "last_indexed?": _TIME,
    "started?": _TIME,
    "paused?": bool,
    "mounts?": [str],
    "label?": str,
    "found?": int,
}
_SHAPE = {
    "version": int,
    "created": str,
    "app_version": str,
    "current?": {str: str},
    "made?": frozenset({"", *MADE}),
    "said?": bool,
    "parts?": bool,
    "spaces": {str: _SPACES},
    "sources": [_SOURCE],
}


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
    the folders of the source where another drive was mounted when it was last indexed. ``label`` is what people call
    it; ``found`` is how many files the run that has not come to its end has found in it, 0 before that is known.
    """

    uri: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    last_indexed: str | None = None
    started: str | None = None
    paused: bool = False
    mounts: Sequence[str] = ()
    label: str = ""
    found: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON values. What version 0.1 does not know is left out where it says nothing, so that it can read it."""
        row = asdict(self)
        return {name: row[name] for name in row if row[name] or name in ("uri", "kind", "options", "last_indexed")}

    def is_away(self) -> bool:
        """Whether it is not where it was. What is on another machine is only known to be gone when it is asked for."""
        if self.kind in ("url", "bucket", "page"):
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
        if self.kind in LISTS:
            return source == self.uri
        holder, between = holder_of(uri), "/" if self.kind == "bucket" else os.sep
        if self.kind in ("folder", "bucket") and holder.startswith(self.uri.rstrip(between) + between):
            return True
        return holder == self.uri


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``index.json`` says. Frozen: ``with_space`` and ``with_source`` return a changed copy. ``current`` names the
    space that is searched by images ("image") and by text ("words"). ``made`` is the folder in the index folder that a
    rebuild has put the points and transforms in; empty: they lie in the index folder itself. ``said``: what people said
    is kept a second time, see ``said``. ``parts``: there are, or were, pages of PDFs or frames of videos."""

    app_version: str
    spaces: Mapping[str, SpaceEntry] = field(default_factory=dict)
    sources: tuple[SourceEntry, ...] = ()
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    version: int = CURRENT
    current: Mapping[str, str] = field(default_factory=dict)
    made: str = ""
    said: bool = False
    parts: bool = False

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
            "version": REBUILT if self.made else FIRST,
            "created": self.created,
            "app_version": self.app_version,
            "current": dict(self.current),
            **({"made": self.made} if self.made else {}),
            **({"said": True} if self.said else {}),
            **({"parts": True} if self.parts else {}),
            "spaces": {name: asdict(entry) for name, entry in self.spaces.items()},
            "sources": [entry.to_dict() for entry in self.sources],
        }


def exists(folder: Place) -> bool:
    """Whether ``folder`` holds an index."""
    return any((folder / name).is_file() for name in _names(folder))


def _names(folder: Place) -> tuple[str, ...]:
    """A file may be damaged, so there is a second one."""
    return (NAME, SECOND) if isinstance(folder, Path) else (NAME,)


def load(folder: Place, *, mend: bool = False) -> Manifest:
    """What ``index.json`` in ``folder`` says, brought up to the current schema (in memory; ``save`` keeps it). Where it
    is damaged or gone, what its second copy says: a warning is logged, and with ``mend`` the file is written again.

    Raises:
        NotFoundError: there is no such folder, or it is empty.
        IndexFolderError: the folder holds something else.
        IndexVersionError: made by a newer ImageFinder.
        IndexDamagedError: the file is missing from an index, or unreadable.
    """
    try:
        return _load(folder, NAME)
    except (FileNotFoundError, NotADirectoryError):
        error: IndexFolderError | NotFoundError = _no_index(folder)
    except IndexDamagedError as found:
        error = found
    try:
        second = _load(folder, SECOND)
    except (FileNotFoundError, NotADirectoryError, IndexDamagedError):
        raise error from None
    logging.getLogger("imagefinder").warning("%s Its second copy, %s, is used.", error.message, folder / SECOND)
    if mend:
        save(folder, second)
    return second


def _load(folder: Place, name: str) -> Manifest:
    path = folder / name
    if isinstance(path, Path) and os.path.lexists(path) and not os.access(path, os.R_OK):
        raise IndexFolderError(f"{path} may not be read.", remedy="Allow reading it.")
    data = read_json(path, {"version": int}, _REMEDY)
    if data["version"] > CURRENT:
        raise IndexVersionError(
            f"{folder} was made by ImageFinder {data.get('app_version', 'of a newer version')!s:.40} (schema "
            f"{data['version']}); this version reads schemas up to {CURRENT}.",
            remedy="Upgrade with: pip install --upgrade imagefinder",
        )
    try:
        data = migrate(data)
        check_shape(data, _SHAPE)
        return _read(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IndexDamagedError(f"{path} lacks or garbles an entry: {error}", remedy=_REMEDY) from error


def save(folder: Place, manifest: Manifest) -> None:
    """Write ``index.json`` so that a crash leaves the old one or the new one, and the same a second time. Its version
    is the earliest that finds the points where they are now.

    Raises:
        StorageError: the disk is full or can't be written.
    """
    data = manifest.to_dict()
    if isinstance(folder, Path) and were_merged(folder / manifest.made / POINTS):
        data |= {"version": MERGED, "app_version": __version__, "made": manifest.made}
    for name in _names(folder):
        write_json(folder / name, data, indent=2)


def drop_unnamed(path: Path, manifest: Manifest) -> None:
    """Remove the points and transforms in an index folder that ``index.json`` does not name."""
    former = (POINTS, TRANSFORMS) if manifest.made else ()
    for name in (*former, *MADE):
        if name != manifest.made:
            shutil.rmtree(path / name, ignore_errors=True)


def _no_index(folder: Place) -> IndexFolderError | NotFoundError:
    if not folder.exists():
        return NotFoundError(f"There is no index at {folder}.", remedy="Make one with: imagefinder index SOURCE")
    if not isinstance(folder, Path):
        return IndexDamagedError(f"{folder / NAME} is missing.", remedy="Restore it from a backup of the database.")
    if not folder.is_dir():
        return IndexFolderError(f"{folder} is a file, not the folder of an index.", remedy="Name a folder.")
    if any((folder / name).is_dir() for name in ("points", *MADE)):
        return IndexDamagedError(f"{folder / NAME} is missing.", remedy=_REMEDY)
    if not any(folder.iterdir()):
        return NotFoundError(f"The folder {folder} is empty.", remedy="Make an index with: imagefinder index SOURCE")
    return IndexFolderError(f"{folder} is not an index: it has no {NAME}.", remedy="Name another folder.")


def _read(data: Mapping[str, Any]) -> Manifest:
    """Raises ValueError or TypeError for what has the right shape and still can't be."""
    spaces = {name: SpaceEntry(**entry) for name, entry in data["spaces"].items()}
    for name, entry in spaces.items():
        _check_space(name, entry)
    sources = tuple(SourceEntry(**entry) for entry in data["sources"])
    vectors = [name for entry in spaces.values() for name in (entry.vector, entry.search_vector) if name]
    if len(vectors) > len(set(vectors)):
        raise ValueError("two spaces have the same vectors")
    for source in sources:
        if unknown := {f"{name}?" for name in source.options} - set(_OPTIONS):
            raise ValueError(f"a source has the options {unknown!r:.80}")
    current = data.get("current") or _first_spaces(spaces)
    if not set(current) <= {"image", "words"} or not set(current.values()) <= set(spaces):
        raise ValueError(f"current is {current!r}")
    app, created, version = data["app_version"], data["created"], data["version"]
    said, parts = data.get("said", False), data.get("parts", False)
    return Manifest(app, spaces, sources, created, version, current, data["made"], said, parts)


def _check_space(name: str, entry: SpaceEntry) -> None:
    """The name of a space is part of names of files."""
    if not _SPACE.fullmatch(name):
        raise ValueError(f"a space is called {name!r:.80}")
    if not 1 <= entry.dim <= MOST_DIM or entry.fitted_count < 0:
        raise ValueError(f"the space {name} has {entry.dim} dimensions, fitted on {entry.fitted_count} images")
    if (entry.search_vector is None) != (entry.transform is None):
        raise ValueError(f"the space {name} has a search vector without a transform, or the other way round")


def _first_spaces(spaces: Mapping[str, SpaceEntry]) -> dict[str, str]:
    """The current spaces of an index that was made before an index could have several models."""
    return {entry.model_space: name for name, entry in reversed(list(spaces.items()))}

"""Tests of the library on an index at an address: what opens a folder opens an address instead, to which the index in
that folder, if there is one, is copied first. Thumbnails, uploads and the trash lie in the folder then, and a note that
says at which address the index is, so that a copy of the folder is a copy of the index as ever."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imagefinder._util.places import Place, opened
from imagefinder.index import shared
from imagefinder.index.folder import Index
from imagefinder.index.manifest import POINTS, SECOND
from imagefinder.store.stores import STORES

NOT_SHARED = {POINTS, SECOND, "thumbs", "uploads", "trash", "training", "jobs"}
NOTE = "is-at"
_staying: list[bool] = []


def place_for(name: str, request: pytest.FixtureRequest, folder: Path) -> Path | str:
    """Where a store of this kind can be made: in a folder, or at an address."""
    return str(request.getfixturevalue(name).address()) if STORES[name].schemes else folder / "points"


@contextmanager
def in_folders() -> Iterator[None]:
    """Meanwhile folders are folders: for what several processes copy, each of which has a database of its own."""
    _staying.append(True)
    try:
        yield
    finally:
        _staying.pop()


def open_at_addresses(monkeypatch: pytest.MonkeyPatch, address: Callable[[str], str]) -> None:
    """Have ``ImageFinder.open`` do so; ``address`` makes one of a name."""
    place_of, folder_of = shared.place_of, shared._folder_of
    folders: dict[str, Path] = {}

    def elsewhere(path: str | Path) -> Path | str:
        place = place_of(path)
        if isinstance(place, str) or _staying:
            return place
        name = hashlib.sha256(str(place.resolve()).encode()).hexdigest()[:20]
        folders[name], at = place, address(name)
        if not shared.is_there(at):
            if (place / NOTE).is_file():
                copy_index(shared.SharedIndex((place / NOTE).read_text("utf-8"), create=False), at)
            elif (place / "index.json").is_file():
                copy_index(Index(place, create=False), at)
        return at

    def beside(site: shared.Site) -> Path:
        if site.name not in folders:
            return folder_of(site)
        folder = _made(folders[site.name])
        (folder / NOTE).write_text(address(site.name), "utf-8")
        return folder

    monkeypatch.setattr("imagefinder.finder.place_of", elsewhere)
    monkeypatch.setattr(shared, "_folder_of", beside)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def copy_index(index: Index, address: str) -> None:
    """Copy all that an index holds: its points and its documents. It is closed then."""
    with index as old, shared.SharedIndex(address) as new, new.writing:
        vectors = old.store.vectors()
        for name, params in vectors.items():
            new.store.create_vector(name, params)
        for points in old.store.scroll(vectors=tuple(vectors)):
            new.store.upsert(points)
        _copy_documents(old.documents, new.documents)


def _copy_documents(source: Place, target: Place) -> None:
    for one in sorted(source.iterdir(), key=lambda one: one.name):
        if one.name in (*NOT_SHARED, NOTE) or one.name.startswith("."):
            continue
        if one.is_dir():
            _copy_documents(one, target / one.name)
        else:
            assert not isinstance(target, Path)
            with opened(one) as document:
                (target / one.name).write(document.read())

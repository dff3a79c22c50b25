"""Tests of the library on an index at an address: what opens a folder opens an address instead, to which the index in
that folder, if there is one, is copied first. Thumbnails, uploads and the trash lie in the folder then."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from imagefinder.index import shared
from imagefinder.index.folder import Index
from imagefinder.index.manifest import POINTS, SECOND
from imagefinder.store.stores import STORES

NOT_SHARED = {POINTS, SECOND, "thumbs", "uploads", "trash", "training", "jobs"}


def place_for(name: str, request: pytest.FixtureRequest, folder: Path) -> Path | str:
    """Where a store of this kind can be made: in a folder, or at an address."""
    return str(request.getfixturevalue(name).address()) if STORES[name].schemes else folder / "points"


def open_at_addresses(monkeypatch: pytest.MonkeyPatch, address: Callable[[str], str]) -> None:
    """Have ``ImageFinder.open`` do so; ``address`` makes one of a name."""
    place_of = shared.place_of
    folders: dict[str, Path] = {}

    def elsewhere(path: str | Path) -> Path | str:
        place = place_of(path)
        if isinstance(place, str):
            return place
        name = hashlib.sha256(str(place.resolve()).encode()).hexdigest()[:20]
        folders[name] = place
        at = address(name)
        if (place / "index.json").is_file() and not shared.is_there(at):
            copy_index_to(at, place)
        return at

    monkeypatch.setattr("imagefinder.finder.place_of", elsewhere)
    folder_of = shared._folder_of
    monkeypatch.setattr(
        shared, "_folder_of", lambda site: _made(folders[site.name]) if site.name in folders else folder_of(site)
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def copy_index_to(address: str, folder: Path) -> None:
    """Copy all that an index in a folder holds: its points, and its files as documents."""
    with Index(folder, create=False) as old, shared.SharedIndex(address) as new, new.writing:
        vectors = old.store.vectors()
        for name, params in vectors.items():
            new.store.create_vector(name, params)
        for points in old.store.scroll(vectors=tuple(vectors)):
            new.store.upsert(points)
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            if path.is_file() and parts[0] not in NOT_SHARED and not parts[0].startswith("."):
                (new.documents / "/".join(parts)).write(path.read_bytes())

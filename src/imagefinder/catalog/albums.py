"""Albums: named sets of images in an order of their own. An image may be in several. Each record says which albums it
is in (``albums``), and at which place of each (``album_at``): albums go wherever what is said of images goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from imagefinder._util.arguments import checked
from imagefinder._util.suggest import unknown_name
from imagefinder.catalog.changes import Change, apply_changes, as_list, facts_of
from imagefinder.catalog.edits import checked_tags
from imagefinder.catalog.marks import chosen
from imagefinder.errors import InvalidInputError
from imagefinder.store.filters.nodes import Compare
from imagefinder.store.filters.parse import FilterLike

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection

MOST = 100  # albums of an image


@dataclass(frozen=True, slots=True)
class Album:
    """An album with how many ``images`` it has, and its first, the ``cover``."""

    name: str
    images: int
    cover: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@checked
class Albums:
    """The albums of an index. One comes into being with its first image, and ends with its last.

    >>> finder.albums.add("Summer", ["beach.jpg", "lake.jpg"])
    >>> finder.albums.images("Summer")
    """

    def __init__(self, collection: Collection) -> None:
        self._collection, self._index = collection, collection.index

    def list(self) -> Sequence[Album]:
        """All albums, by their names."""
        columns = self._index.store.columns(("id", "albums", "album_at"))
        found: dict[str, list[tuple[int, str]]] = {}
        for id, names, places in zip(columns["id"], columns["albums"], columns["album_at"], strict=True):
            for name, at in places_in(names, places).items():
                found.setdefault(name, []).append((at, id))
        ordered = sorted(found.items(), key=lambda item: item[0].casefold())
        return [Album(name, len(members), min(members)[1]) for name, members in ordered]

    def images(self, name: str) -> Sequence[str]:
        """The ids of an album's images, in its order. Raises NotFoundError."""
        return [id for _, id in sorted((at, id) for id, at in self._members(self._known(name)).items())]

    def add(self, name: str, images: Sequence[str | os.PathLike[str]] = (), *, filter: FilterLike = None) -> int:
        """Put images, named by id or URI, and all that match a filter, at the end of an album; how many were not in it.
        Raises NotFoundError or InvalidInputError; nothing is changed then."""
        (name,) = checked_tags([name])
        with self._index.writing:
            there = self._members(name)
            new = [id for id in chosen(self._collection, images, filter) if id not in there]
            last = max(there.values(), default=0)
            at = {id: last + i for i, id in enumerate(new, 1)}
            return self._change(new, lambda id, albums: {**albums, name: at[id]}, f"+{name}").changed

    def remove(self, name: str, images: Sequence[str | os.PathLike[str]] = (), *, filter: FilterLike = None) -> int:
        """Take images out of an album; they stay in the index. Raises NotFoundError."""
        name = self._known(name)
        with self._index.writing:
            there = self._members(name)
            gone = [id for id in chosen(self._collection, images, filter) if id in there]
            return self._change(gone, lambda id, albums: _without(albums, name), f"-{name}").changed

    def arrange(self, name: str, images: Sequence[str | os.PathLike[str]]) -> int:
        """Give an album an order: these of its images first, then the others as before. Returns how many images have
        another place. Raises NotFoundError."""
        name = self._known(name)
        with self._index.writing:
            there = self.images(name)
            first = [id for id in chosen(self._collection, images, None) if id in set(there)]
            order = [*first, *(id for id in there if id not in set(first))]
            at = {id: i for i, id in enumerate(order, 1)}
            return self._change(order, lambda id, albums: {**albums, name: at[id]}, f"{name}").changed

    def rename(self, name: str, new: str) -> int:
        """Call an album something else; one that is called so already takes the images in. How many images it had.
        Raises NotFoundError or InvalidInputError."""
        name, (new,) = self._known(name), checked_tags([new])
        if name == new:
            return 0
        with self._index.writing:
            there = self._members(name)
            last = max(self._members(new).values(), default=0)

            def renamed(id: str, albums: Mapping[str, int]) -> dict[str, int]:
                at = albums.get(new, last + albums[name])
                return {**_without(albums, name), new: at}

            return self._change(list(there), renamed, f"{name} → {new}").changed

    def delete(self, name: str) -> int:
        """End an album; its images stay in the index. How many it had. Raises NotFoundError."""
        name = self._known(name)
        with self._index.writing:
            return self._change(
                list(self._members(name)), lambda id, albums: _without(albums, name), f"-{name}"
            ).changed

    def _change(
        self, ids: Sequence[str], change: Callable[[str, dict[str, int]], Mapping[str, int]], what: str
    ) -> Change:
        found = facts_of(self._index, ids)
        wanted = {}
        for id, facts in found.items():
            albums = change(id, places_in(facts.get("albums"), facts.get("album_at")))
            if len(albums) > MOST:
                raise InvalidInputError(f"An image is in {MOST} albums at most; {id} would be in {len(albums)}.")
            wanted[id] = {"albums": [*albums] or None, "album_at": [*albums.values()] or None}
        return apply_changes(self._index, found, wanted, "album", what)

    def _members(self, name: str) -> dict[str, int]:
        columns = self._index.store.columns(("id", "albums", "album_at"), filter=Compare("albums", "=", name))
        rows = zip(columns["id"], columns["albums"], columns["album_at"], strict=True)
        return {id: places[name] for id, names, at in rows if name in (places := places_in(names, at))}

    def _known(self, name: str) -> str:
        if self._members(name):
            return name
        raise unknown_name("album", name, [album.name for album in self.list()])


def places_in(names: Any, places: Any) -> dict[str, int]:
    """The albums of a record, with its place in each."""
    known = [at for at in as_list(places) if isinstance(at, int)]
    return {str(name): known[i] if i < len(known) else 0 for i, name in enumerate(as_list(names))}


def _without(albums: Mapping[str, int], name: str) -> dict[str, int]:
    return {other: at for other, at in albums.items() if other != name}

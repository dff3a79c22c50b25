"""Favourites, ratings, albums, files of images, and the history of it: on the server's machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.threads import chunked
from imagefinder.client.catalog import MANY, Catalog
from imagefinder.store.filters.parse import FilterLike
from imagefinder.types import UNSET, Skipped, Unset

if TYPE_CHECKING:
    from imagefinder.catalog.albums import Album
    from imagefinder.client.jobs import JobProgress, Jobs
    from imagefinder.client.transport import Transport
    from imagefinder.organising.files import Placed
    from imagefinder.organising.history import Event, Undone

Images = Sequence[str | os.PathLike[str]]


class Organising(Catalog):
    """As the methods of ``ImageFinder`` of the same names. Folders are those of the server's machine, on which the
    client has to be too."""

    @property
    def albums(self) -> Albums:
        """Named sets of images in an order of their own."""
        return Albums(self)

    @property
    def history(self) -> History:
        """Who did what to images when, and the way back."""
        return History(self._transport, self._jobs)

    def mark(
        self,
        images: Images = (),
        *,
        favorite: bool | Unset = UNSET,
        rating: int | Unset = UNSET,
        filter: FilterLike = None,
    ) -> int:
        """Make images favourites or not, or give them a rating from 1 to 5, 0 for none; how many have changed."""
        given = {"favorite": favorite, "rating": rating}
        fields = {name: value for name, value in given.items() if value is not UNSET}
        return self._changed("POST", "/v1/images/marks", self._chosen(images, filter), fields)

    def zip(self, to: str | os.PathLike[str], images: Images = (), *, filter: FilterLike = None) -> list[Skipped]:
        """Write the original files of images to a new ZIP on this machine; what could not be read is named in a text in
        it. Raises StorageError."""
        from imagefinder.organising.saving import save_parts

        with self._transport.stream("/v1/images/zip", {"ids": self._chosen(images, filter)}) as parts:
            save_parts(Path(to), parts)
        return []

    def copy_files(
        self, folder: str, images: Images = (), *, filter: FilterLike = None, progress: JobProgress | None = None
    ) -> Placed:
        """Copy the files of images into a folder. A name that is taken gets a number. ``files`` of the result are not
        told over HTTP."""
        return self._placed("copy", folder, self._chosen(images, filter), progress)

    def move_files(
        self, folder: str, images: Images = (), *, filter: FilterLike = None, progress: JobProgress | None = None
    ) -> Placed:
        """Move the files of images into a folder; all that is known of them goes along, under their new paths."""
        return self._placed("move", folder, self._chosen(images, filter), progress)

    def trash(self, images: Images = (), *, filter: FilterLike = None, progress: JobProgress | None = None) -> Placed:
        """Move the files of images to the trash of the index; ``history`` brings them back."""
        from imagefinder.organising.files import Placed

        row = self._transport.json("POST", "/v1/images/trash", json={"ids": [*self._chosen(images, filter)]})
        files = tuple((one["from"], one["to"]) for one in row["files"])
        return Placed(files, tuple(Skipped(**one) for one in row["left"]), row["history"] or "")

    def _placed(self, what: str, folder: str, ids: Sequence[str], progress: JobProgress | None) -> Placed:
        from imagefinder.organising.files import Placed

        row = self._transport.json("POST", f"/v1/images/{what}", json={"ids": [*ids], "folder": folder})
        made = self._jobs.wait(row["job"]["id"], progress)
        return Placed((), self._jobs.skipped(made), made.result["history"] or "")

    def _changed(self, method: str, path: str, ids: Sequence[str], fields: dict[str, Any]) -> int:
        rows = ({**fields, "ids": [*some]} for some in chunked(ids, MANY))
        return sum(int(self._transport.json(method, path, json=row)["changed"]) for row in rows)


class Albums:
    """As ``finder.albums``."""

    def __init__(self, client: Organising) -> None:
        self._client, self._transport = client, client._transport

    def list(self) -> Sequence[Album]:
        """All albums, by their names."""
        from imagefinder.catalog.albums import Album

        return [Album(**row) for row in self._transport.json("GET", "/v1/albums")["albums"]]

    def images(self, name: str) -> Sequence[str]:
        """The ids of an album's images, in its order. Raises NotFoundError."""
        ids = self._client.columns(["id"], _in(name), f"album:{name}")["id"]
        if not ids:
            from imagefinder._util.suggest import unknown_name

            raise unknown_name("album", name, [album.name for album in self.list()])
        return ids

    def add(self, name: str, images: Images = (), *, filter: FilterLike = None) -> int:
        """Put images at the end of an album; how many were not in it."""
        return self._client._changed("POST", "/v1/albums", self._client._chosen(images, filter), {"name": name})

    def remove(self, name: str, images: Images = (), *, filter: FilterLike = None) -> int:
        """Take images out of an album; they stay in the index. Raises NotFoundError."""
        return self._client._changed("POST", "/v1/albums/remove", self._client._chosen(images, filter), {"name": name})

    def arrange(self, name: str, images: Images) -> int:
        """Give an album an order: these of its images first, then the others as before."""
        row = {"name": name, "ids": [*self._client._ids(images)]}
        return int(self._transport.json("PUT", "/v1/albums/order", json=row)["changed"])

    def rename(self, name: str, new: str) -> int:
        """Call an album something else; one that is called so already takes the images in. Raises NotFoundError."""
        return int(self._transport.json("PATCH", "/v1/albums", json={"name": name, "new": new})["changed"])

    def delete(self, name: str) -> int:
        """End an album; its images stay in the index. Raises NotFoundError."""
        return int(self._transport.json("POST", "/v1/albums/delete", json={"name": name})["changed"])


class History:
    """As ``finder.history``."""

    def __init__(self, transport: Transport, jobs: Jobs) -> None:
        self._transport, self._jobs = transport, jobs

    def list(self, k: int = 100, offset: int = 0) -> Sequence[Event]:
        """``k`` events from ``offset`` on, the newest first."""
        from imagefinder.organising.history import Event

        found = self._transport.json("GET", "/v1/history", params={"k": k, "offset": offset})
        return [Event.from_dict(row) for row in found["events"]]

    def undo(self, id: str) -> Undone:
        """Take back a change, and wait until images that come back are in the index again. Raises NotFoundError."""
        from imagefinder.organising.history import Undone

        row = self._transport.json("POST", f"/v1/history/{id}/undo")
        if row["job"]:
            self._jobs.wait(row["job"]["id"])
        return Undone(row["changed"], tuple(Skipped(**one) for one in row["left"]))


def _in(name: str) -> FilterLike:
    from imagefinder.store.filters.nodes import Compare

    return Compare("albums", "=", name)

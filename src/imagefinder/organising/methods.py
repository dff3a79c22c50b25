"""What ``ImageFinder`` has for images that were chosen: favourites, ratings, albums, files, and the history of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder._util.arguments import checked
from imagefinder.catalog.albums import Albums
from imagefinder.catalog.changes import facts_of
from imagefinder.catalog.marks import chosen, mark_images
from imagefinder.store.filters.parse import FilterLike
from imagefinder.types import UNSET, OnProgress, Record, Unset, ignore

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.organising.files import Placed
    from imagefinder.organising.history import History
    from imagefinder.types import Skipped

Images = Sequence[str | os.PathLike[str]]  # ids, paths or URLs


@checked
class Organising:
    """Images are named by id or URI, or by a filter that they match; those that are named keep their order. Raises
    NotFoundError, InvalidFilterError or InvalidInputError before anything is changed."""

    _collection: Collection

    @property
    def albums(self) -> Albums:
        """Named sets of images in an order of their own."""
        return Albums(self._collection)

    @property
    def history(self) -> History:
        """Who did what to images when, and the way back."""
        from imagefinder.organising.history import History

        return History(self._collection)

    def mark(
        self,
        images: Images = (),
        *,
        favorite: bool | Unset = UNSET,
        rating: int | Unset = UNSET,
        filter: FilterLike = None,
    ) -> int:
        """Make images favourites or not, or give them a rating from 1 to 5, 0 for none; how many have changed."""
        return mark_images(self._collection, images, filter, favorite, rating).changed

    def zip(self, to: str | os.PathLike[str], images: Images = (), *, filter: FilterLike = None) -> list[Skipped]:
        """Write the original files of images to a new ZIP, whole or not at all; what could not be read. Raises
        StorageError, also where the file is there already."""
        from imagefinder.organising.saving import save_zip

        return save_zip(Path(to), self._chosen(images, filter))

    def copy_files(
        self, folder: str, images: Images = (), *, filter: FilterLike = None, progress: OnProgress | None = None
    ) -> Placed:
        """Copy the files of images into a folder. A name that is taken gets a number. Raises StorageError."""
        from imagefinder.organising.files import copy_files

        return copy_files(self._collection.index, self._chosen(images, filter), folder, progress or ignore)

    def move_files(
        self, folder: str, images: Images = (), *, filter: FilterLike = None, progress: OnProgress | None = None
    ) -> Placed:
        """Move the files of images into a folder; all that is known of them goes along, under their new paths. A name
        that is taken gets a number; ``history`` takes it back. Raises StorageError."""
        from imagefinder.organising.files import move_files

        return move_files(self._collection.index, self._chosen(images, filter), folder, progress or ignore)

    def trash(self, images: Images = (), *, filter: FilterLike = None, progress: OnProgress | None = None) -> Placed:
        """Move the files of images to the trash of the index, and take them out of it; ``history`` brings them back.
        Raises StorageError."""
        from imagefinder.organising.trash import trash_files

        return trash_files(self._collection.index, self._chosen(images, filter), progress or ignore)

    def _chosen(self, images: Images, filter: FilterLike) -> list[Record]:
        ids = chosen(self._collection, images, filter)
        facts_of(self._collection.index, ids)  # all are there
        return [Record.from_payload(p.id, p.payload) for i in ids for p in self._collection.index.store.retrieve([i])]

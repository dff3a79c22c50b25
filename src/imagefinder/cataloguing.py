"""What ``ImageFinder`` does with the rows of the index: look through them, and change what people say of images."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.catalog.edits import UNSET, Unset, tag_images, update_image
from imagefinder.catalog.facets import columns, facets, listed
from imagefinder.catalog.feedback import Feedback
from imagefinder.errors import InvalidInputError
from imagefinder.results import Records
from imagefinder.store.checks import canonical_id
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.types import Record

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.store.base import Point


class Cataloguing(ABC):
    """The methods of ``ImageFinder`` about records."""

    _index: Index

    @abstractmethod
    def _resolve(self, image: str) -> str: ...
    @abstractmethod
    def _find(self, image: str) -> Point: ...

    def get(self, image: str | os.PathLike[str]) -> Record:
        """The record of one image, by id or URI. Raises NotFoundError."""
        point = self._find(os.fspath(image))
        return Record.from_payload(point.id, point.payload)

    def records(self, filter: FilterLike = None) -> Records:
        """The records that match, all without a filter, by ascending id."""
        scroll = self._index.store.scroll(filter=as_filter(filter))
        return Records([Record.from_payload(p.id, p.payload) for points in scroll for p in points])

    def list(
        self, filter: FilterLike = None, sort: str | None = None, k: int = 100, offset: int = 0
    ) -> tuple[Records, int]:
        """``k`` records from ``offset`` on, and how many match in all. ``sort`` is one of ``catalog.facets.SORTS`` (by
        default ``id``), with ``-`` before it from large to small; images without a value come last. Raises
        InvalidInputError or InvalidFilterError."""
        records, total = listed(self._index, as_filter(filter), sort or "id", k, offset)
        return Records(records), total

    def facets(self, filter: FilterLike = None) -> dict[str, Any]:
        """How many of the images that match have which folder, cluster, tag, format, colour, issue and year, and what
        sizes and dates they span; see ``catalog.facets.facets``."""
        return facets(self._index, as_filter(filter))

    def columns(self, fields: Sequence[str], filter: FilterLike = None, sort: str | None = None) -> dict[str, Any]:
        """The values of some fields of all images that match, a list for each field, as a data frame wants them;
        ``id`` is a field too, and None stands where there is no value."""
        return columns(self._index, fields, as_filter(filter), sort or "id")

    def update(
        self,
        image: str | os.PathLike[str],
        *,
        tags: Sequence[str] | Unset = UNSET,
        caption: str | Unset | None = UNSET,
        name: str | Unset | None = UNSET,
    ) -> Record:
        """Replace the tags, the caption or the name of an image, itself named by id or URI; None takes one away, and
        what is not given stays. Raises NotFoundError or InvalidInputError."""
        id = self._resolve(os.fspath(image))
        update_image(self._index, id, tags=tags, caption=caption, name=name)
        return self.get(id)

    def tag(
        self,
        images: Sequence[str | os.PathLike[str]] = (),
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        *,
        filter: FilterLike = None,
    ) -> int:
        """Add and remove tags of images, named by id or URI, or all that match a filter; how many have changed.
        Raises NotFoundError or InvalidInputError; nothing is changed then."""
        condition = as_filter(filter)
        if isinstance(images, str):
            raise InvalidInputError(f"Images are a list of ids or paths, not the text {images!r}.")
        ids = [canonical_id(os.fspath(image)) or self._resolve(os.fspath(image)) for image in images]
        if condition is not None:
            ids += self._index.store.columns(["id"], filter=condition)["id"]
        return tag_images(self._index, [*dict.fromkeys(ids)], add, remove)

    @property
    def feedback(self) -> Feedback:
        """What people said of answers, kept with the index."""
        return Feedback(self._index)

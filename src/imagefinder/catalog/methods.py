"""What ``ImageFinder`` has to look at a collection as a whole: in its order, in numbers, by month, folder and tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imagefinder._util.arguments import checked
from imagefinder.catalog.browse import Browse
from imagefinder.catalog.facets import columns, columns_of, facets
from imagefinder.catalog.order import Order, ordered
from imagefinder.catalog.snapshot import Column, column
from imagefinder.catalog.suggest import suggest
from imagefinder.store.filters.parse import FilterLike

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection


@checked
class Browsing:
    """A filter and a sort are as for ``list``; both raise InvalidInputError or InvalidFilterError."""

    _collection: Collection

    @property
    def browse(self) -> Browse:
        """The collection by months, folders and tags, and how its values are spread."""
        return Browse(self._collection)

    def order(self, filter: FilterLike = None, sort: str | None = None) -> Order:
        """The ids of all images that match, sorted as ``list`` sorts, with the shape and the colours of each."""
        return ordered(self._collection.index, filter, sort)

    def facets(self, filter: FilterLike = None) -> dict[str, Any]:
        """How many of the images that match have which folder, cluster, tag, format, colour, issue and year, and what
        sizes and dates they span; see ``catalog.facets.facets``."""
        return facets(self._collection.index, filter)

    def columns(self, fields: Sequence[str], filter: FilterLike = None, sort: str | None = None) -> dict[str, Any]:
        """The values of some fields of all images that match, a list for each field, as a data frame wants them; ``id``
        is a field too, and None stands where there is no value."""
        return columns(self._collection.index, fields, filter, sort)

    def columns_of(self, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Any]:
        """As ``columns``, of the images ``ids`` in their order; one that isn't there is left out."""
        return columns_of(self._collection.index, ids, fields)

    def column(self, field: str) -> Column:
        """The values of one field of all images, each once, with a number for each image: a hundredth of what
        ``columns`` takes, where many images have the same."""
        return column(self._collection.index, field)

    def suggest(self, text: str, k: int = 5) -> dict[str, Any]:
        """The tags, groups, folders, files and kept searches that a text may become; see ``catalog.suggest``."""
        return suggest(self._collection.index, text, k)

"""Favourites and ratings: what a person thinks of an image, kept apart from the likes and dislikes of a search."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.catalog.changes import Change, apply_changes, facts_of
from imagefinder.errors import InvalidInputError
from imagefinder.store.checks import canonical_id
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.types import Unset

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection

BEST = 5  # stars


def mark_images(
    collection: Collection,
    images: Sequence[str | os.PathLike[str]],
    filter: FilterLike,
    favorite: bool | Unset,
    rating: int | Unset,
) -> Change:
    """Make these images, and all that match a filter, favourites or not, or give them a rating from 1 to 5, 0 for none.
    Raises InvalidInputError, InvalidFilterError or NotFoundError; nothing is changed then."""
    fields: dict[str, Any] = {}
    if not isinstance(favorite, Unset):
        fields["favorite"] = True if favorite else None
    if not isinstance(rating, Unset):
        if isinstance(rating, bool) or not isinstance(rating, int) or not 0 <= rating <= BEST:
            raise InvalidInputError(f"A rating is a whole number from 0 (none) to {BEST}, not {rating!r}.")
        fields["rating"] = rating or None
    if len(fields) != 1:
        raise InvalidInputError("Give either favorite or rating.")
    index = collection.index
    with index.writing:
        found = facts_of(index, chosen(collection, images, filter))
        wanted = dict.fromkeys(found, fields)
        if "favorite" in fields:
            return apply_changes(index, found, wanted, "favorite", "+" if fields["favorite"] else "-")
        return apply_changes(index, found, wanted, "rated", str(fields["rating"] or 0))


def chosen(collection: Collection, images: Sequence[str | os.PathLike[str]], filter: FilterLike) -> list[str]:
    """The ids of images that are named, in this order, and of all that match a filter."""
    if isinstance(images, str):
        raise InvalidInputError(f"Images are a list of ids or paths, not the text {images!r}.")
    condition = as_filter(filter)
    ids = [canonical_id(os.fspath(image)) or collection.resolve(image) for image in images]
    if condition is not None:
        ids += collection.index.store.columns(["id"], filter=condition)["id"]
    return [*dict.fromkeys(ids)]

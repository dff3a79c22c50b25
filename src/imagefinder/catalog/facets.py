"""All images of an index in numbers: counts of values, and columns of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.catalog.albums import places_in
from imagefinder.catalog.snapshot import NO_DATE, snapshot
from imagefinder.errors import InvalidInputError
from imagefinder.store.filters.dates import instant, period
from imagefinder.store.filters.parse import FilterLike, as_filter

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

COUNTED = ("folder", "tags", "format", "colours", "issues", "class", "camera", "lens", "albums", "favorite", "rating")
RANGES = ("width", "height", "bytes", "blur", "taken_at")
VALUES = 100  # of a facet, the most frequent
SORTS = (
    "id",
    "uri",
    "date",
    "taken_at",
    "mtime",
    "bytes",
    "width",
    "height",
    "outlier",
    "blur",
    "cluster",
    "rating",
    "favorite",
)
IN_ALBUM = "album:"  # before the name of an album, by whose own order to sort
DATES = ("taken_at", "mtime")
DATE = ("taken_at", "taken_guess")  # when an image was taken, else the date of its file: the field ``date`` of SORTS
FIELDS = 50  # of one call


def facets(index: Index, filter: FilterLike = None) -> dict[str, Any]:
    """How many of the images that match have which value.

    For each field of ``COUNTED``, for ``cluster`` and for ``year``, there is a list of ``{"value", "count"}``, the most
    frequent first (clusters with their ``name``). ``ranges`` has the smallest and the largest value of each field of
    ``RANGES`` that any image has, and the first and the last day of ``date``: ``taken_at``, else the date of the
    file. ``total`` is the number of images, ``places`` that of the folders they are in. The first call after a write
    reads all records, see ``catalog.snapshot``.
    """
    all_images = snapshot(index)
    rows = all_images.rows(as_filter(filter))
    found = {field: all_images.coded[field].counted(rows) for field in (*COUNTED, "cluster")}
    taken = all_images.coded["taken_at"].counts(rows)
    for row in found["cluster"]:
        if name := all_images.cluster_names[row["value"]]:
            row["name"] = name
    found["year"] = _years(taken)
    ranges: dict[str, list[Any]] = {
        field: _range(all_images.numbers[field], rows) for field in RANGES if field not in DATES
    }
    ranges["taken_at"] = _span(taken)
    ranges["date"] = _days(all_images.date, rows)
    return {
        "total": len(all_images) if rows is None else len(rows),
        **{name: values[:VALUES] for name, values in found.items()},
        "places": len(all_images.places.counts(rows)),
        "ranges": {field: ends for field, ends in ranges.items() if ends},
        "more": {name: len(values) - VALUES for name, values in found.items() if len(values) > VALUES},
    }


def _years(taken: dict[Any, int]) -> list[dict[str, Any]]:
    counts: dict[int, int] = {}
    for text, n in taken.items():
        if isinstance(text, str) and text[:4].isdigit():
            counts[int(text[:4])] = counts.get(int(text[:4]), 0) + n
    return [{"value": y, "count": n} for y, n in sorted(counts.items(), key=lambda row: (-row[1], str(row[0])))]


def _range(values: np.ndarray, rows: np.ndarray | None) -> list[float]:
    found = values if rows is None else values[rows]
    found = found[~np.isnan(found)]
    ends = (float(found.min()), float(found.max())) if len(found) else ()
    return [int(end) if end.is_integer() else end for end in ends]


def _days(dates: np.ndarray, rows: np.ndarray | None) -> list[str]:
    found = dates if rows is None else dates[rows]
    found = found[found != NO_DATE]
    return (
        [str(np.datetime64(int(end), "us").astype("datetime64[D]")) for end in (found.min(), found.max())]
        if len(found)
        else []
    )


def _span(taken: dict[Any, int]) -> list[str]:
    dated = [(found[0], text) for text in taken if isinstance(text, str) and (found := period(text))]
    return [min(dated)[1], max(dated)[1]] if dated else []


def columns(
    index: Index, fields: Sequence[str], filter: FilterLike = None, sort: str | None = None
) -> dict[str, list[Any]]:
    """The values of these fields (also ``id``) of all images that match, one list per field, with None for missing
    values. Raises InvalidInputError or InvalidFilterError."""
    _check_fields(fields)
    field, falling = checked_sort(sort or "id")
    found = index.store.columns(list(dict.fromkeys([*fields, *fields_of(field)])), filter=as_filter(filter))
    places = places_in_order(found, field, falling)
    return {name: found[name] if places is None else [found[name][i] for i in places] for name in fields}


def columns_of(index: Index, ids: Sequence[str], fields: Sequence[str]) -> dict[str, list[Any]]:
    """The values of these fields (also ``id``) of these images, in their order, one list per field, with None for
    missing values; an image that isn't there is left out. Raises InvalidInputError."""
    _check_fields(fields)
    rows = [{**point.payload, "id": point.id} for point in index.store.retrieve(ids)]
    return {field: [row.get(field) for row in rows] for field in fields}


def _check_fields(fields: Sequence[str]) -> None:
    if isinstance(fields, str) or not 1 <= len(fields) <= FIELDS or not all(isinstance(f, str) and f for f in fields):
        raise InvalidInputError(f"Columns are a list of 1 to {FIELDS} names of fields, not {fields!r:.200}.")


def checked_sort(sort: str) -> tuple[str, bool]:
    """The field to sort by, and whether the largest comes first. Raises InvalidInputError."""
    field = sort.removeprefix("-") if isinstance(sort, str) else ""
    if field not in SORTS and not field.startswith(IN_ALBUM):
        choice = f"Choose of: {', '.join(SORTS)}, {IN_ALBUM}NAME."
        raise InvalidInputError(f"Images can't be sorted by {sort!r}.", remedy=choice)
    return field, sort.startswith("-")


def fields_of(field: str) -> tuple[str, ...]:
    """The fields of records that a field to sort by is made of."""
    if field.startswith(IN_ALBUM):
        return "albums", "album_at"
    return DATE if field == "date" else (field,)


def _values(found: Mapping[str, Sequence[Any]], field: str) -> Sequence[Any]:
    """What to sort by, of the columns ``fields_of``. In an album it is the place of each image; None where it isn't in
    it."""
    if field == "date":
        return [taken or guess for taken, guess in zip(*(found[name] for name in DATE), strict=True)]
    if field.startswith(IN_ALBUM):
        album = field.removeprefix(IN_ALBUM)
        return [places_in(names, at).get(album) for names, at in zip(found["albums"], found["album_at"], strict=True)]
    return found[field]


def places_in_order(found: Mapping[str, Sequence[Any]], field: str, falling: bool) -> list[int] | None:
    """The sorted positions of rows, of which the ``fields_of`` are given as columns: those without a value last, equal
    values by id. None if the order need not change."""
    values = _values(found, field)
    if field == "id":
        return list(range(len(values) - 1, -1, -1)) if falling else None
    if field in DATES:
        known = {v: at[0] for v in set(values) if isinstance(v, str) and (at := period(v))}
        values = [known.get(v) for v in values]
    if field == "date":  # as ``snapshot`` reads it, so that months come in the same order
        instants = {v: instant(v) for v in set(values) if isinstance(v, str)}
        values = [instants.get(v) for v in values]
    there = [i for i, value in enumerate(values) if value is not None]
    there.sort(key=lambda i: values[i], reverse=falling)  # stable, also in reverse
    return there + [i for i, value in enumerate(values) if value is None]

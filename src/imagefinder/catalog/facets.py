"""All images of an index in numbers: counts of values, and columns of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.catalog.albums import places_in
from imagefinder.catalog.snapshot import snapshot
from imagefinder.errors import InvalidInputError
from imagefinder.index.there import each_there
from imagefinder.store.coded import Coded
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.store.ranks import NO_DATE, begins, instants, of_points, sort_keys, sorted_rows

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
    found = {field: all_images.coded(field).counted(rows) for field in (*COUNTED, "cluster")}
    for row in found["cluster"]:
        if name := all_images.cluster_names[row["value"]]:
            row["name"] = name
    found["year"] = all_images.years.counted(rows)
    ranges: dict[str, list[Any]] = {
        field: _range(all_images.numbers(field), rows) for field in RANGES if field not in DATES
    }
    ranges["taken_at"] = _span(all_images.kept("taken_at"), rows)
    ranges["date"] = _days(all_images.date, rows)
    return {
        "total": len(all_images) if rows is None else len(rows),
        **{name: values[:VALUES] for name, values in found.items()},
        "places": len(all_images.places.counts(rows)),
        "ranges": {field: ends for field, ends in ranges.items() if ends},
        "more": {name: len(values) - VALUES for name, values in found.items() if len(values) > VALUES},
    }


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


def _span(taken: Coded, rows: np.ndarray | None) -> list[str]:
    """The texts of the first and the last date."""
    codes = taken.codes if rows is None else taken.codes[rows]
    at = np.append(begins(taken), NO_DATE)[codes]
    dated = at != NO_DATE
    if not dated.any():
        return []
    first, last = (taken.values.taken(np.unique(codes[at == end])) for end in (at[dated].min(), at.max()))
    return [min(first), max(last)]


def columns(
    index: Index, fields: Sequence[str], filter: FilterLike = None, sort: str | None = None
) -> dict[str, list[Any]]:
    """The values of these fields (also ``id``) of all images that match, one list per field, with None for missing
    values. Raises InvalidInputError or InvalidFilterError."""
    _check_fields(fields)
    field, falling = checked_sort(sort or "id")
    found = index.store.columns(list(dict.fromkeys([*fields, *fields_of(field)])), filter=as_filter(filter))
    if field == "id" and not falling:
        return {name: found[name] for name in fields}
    coded = {name: Coded.of(found[name]) for name in fields_of(field)}
    places = places_in_order(coded, field, falling, len(found[fields[0]])).tolist()
    return {name: [found[name][i] for i in places] for name in fields}


def columns_of(index: Index, ids: Sequence[str], fields: Sequence[str]) -> dict[str, list[Any]]:
    """The values of these fields (also ``id``) of these images, in their order, one list per field, with None for
    missing values; an image that isn't there is left out. Raises InvalidInputError."""
    _check_fields(fields)
    rows = [{**point.payload, "id": point.id} for point in each_there(index.store, ids)]
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
    if field == "id":
        return ()
    return DATE if field == "date" else (field,)


def places_in_order(columns: Mapping[str, Coded], field: str, falling: bool, n: int) -> np.ndarray:
    """The sorted positions of ``n`` images, of which the columns ``fields_of`` are given, int64 (n): those without a
    value last, equal values by id."""
    if field == "id":
        return np.arange(n)[:: -1 if falling else 1]
    if field.startswith(IN_ALBUM):
        keys = _places_in_album(columns, field.removeprefix(IN_ALBUM), n)
        return sorted_rows(keys, keys >= 0, falling)
    if field == "date":  # as ``snapshot`` reads it, so that months come in the same order
        taken, guess = (of_points(columns[name], instants(columns[name]), NO_DATE) for name in DATE)
        keys = np.where(taken == NO_DATE, guess, taken)
    elif field in DATES:
        keys = of_points(columns[field], begins(columns[field]), NO_DATE)
    else:
        return sorted_rows(*sort_keys(columns[field]), falling)
    return sorted_rows(keys, keys != NO_DATE, falling)


def _places_in_album(columns: Mapping[str, Coded], album: str, n: int) -> np.ndarray:
    """The place of each image in an album, int64 (n); -1 where it isn't in it."""
    found = np.full(n, -1)
    rows = np.flatnonzero(columns["albums"].codes >= 0)
    names, places = (columns[name].objects(rows).tolist() for name in ("albums", "album_at"))
    for row, albums, at in zip(rows.tolist(), names, places, strict=True):
        found[row] = places_in(albums, at).get(album, -1)
    return found

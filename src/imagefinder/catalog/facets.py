"""All images of an index in numbers: counts of values, columns of values, and sorted lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from imagefinder.catalog.albums import places_in
from imagefinder.errors import InvalidInputError
from imagefinder.results import Records
from imagefinder.store.filters.dates import period
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.types import Record

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.store.filters.parse import Filter

COUNTED = ("folder", "tags", "format", "colours", "issues", "class", "camera", "lens", "albums", "favorite", "rating")
RANGES = ("width", "height", "bytes", "taken_at")
VALUES = 100  # of a facet, the most frequent
SORTS = (
    "id",
    "uri",
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
FIELDS = 50  # of one call
REMEMBERED = 16


def facets(index: Index, filter: FilterLike = None) -> dict[str, Any]:
    """How many of the images that match have which value.

    For each field of ``COUNTED``, for ``cluster`` and for ``year``, there is a list of ``{"value", "count"}``, the most
    frequent first (clusters with their ``name``). ``ranges`` has the smallest and the largest value of each field of
    ``RANGES`` that any image has. ``total`` is the number of images. Reading 22,914 records takes 0.2 s, so the latest
    results are cached until the next write.
    """
    condition = as_filter(filter)
    key, writes = f"facets {condition}", index.store.writes
    kept = index.remembered.get(key)
    if kept is None or kept[0] != writes:
        if len(index.remembered) >= REMEMBERED:
            index.remembered.clear()
        kept = index.remembered[key] = (writes, _facets(index, condition))
    return deepcopy(kept[1])


def _facets(index: Index, filter: Filter | None) -> dict[str, Any]:
    found = _all_facets(index, filter)
    lists = {name: values for name, values in found.items() if isinstance(values, list)}
    more = {name: len(values) - VALUES for name, values in lists.items() if len(values) > VALUES}
    return {**found, **{name: values[:VALUES] for name, values in lists.items()}, "more": more}


def _all_facets(index: Index, filter: Filter | None) -> dict[str, Any]:
    fields = (*COUNTED, *RANGES, "cluster", "cluster_name")
    columns = index.store.columns(fields, filter=filter)
    names = dict(zip(columns["cluster"], columns["cluster_name"], strict=True))
    clusters = _counted(columns["cluster"])
    return {
        "total": len(columns["folder"]),
        **{field: _counted(columns[field]) for field in COUNTED},
        "cluster": [{**row, "name": names[row["value"]]} if names[row["value"]] else row for row in clusters],
        "year": _counted(int(t[:4]) for t in columns["taken_at"] if isinstance(t, str) and t[:4].isdigit()),
        "ranges": {field: found for field in RANGES if (found := _range(columns[field], field))},
    }


def _counted(values: Iterable[Any]) -> list[dict[str, Any]]:
    """Each value of a list counts once. Of values that are equally frequent, the smaller comes first."""
    counts: Counter[Any] = Counter()
    for value, n in _tallied(values).items():
        for one in value if isinstance(value, tuple) else (value,):
            counts[one] += n
    rows = sorted(counts.items(), key=lambda row: (-row[1], str(row[0])))
    return [{"value": value, "count": n} for value, n in rows]


def _tallied(values: Iterable[Any]) -> Counter[Any]:
    return Counter(tuple(v) if isinstance(v, list) else v for v in values if v is not None and v != "")


def _range(values: Sequence[Any], field: str) -> list[Any]:
    there = [v for v in values if v is not None]
    if field not in DATES:
        return [min(there), max(there)] if there else []
    dated = [(found[0], v) for v in set(there) if (found := period(v))]
    return [min(dated)[1], max(dated)[1]] if dated else []


def columns(
    index: Index, fields: Sequence[str], filter: FilterLike = None, sort: str | None = None
) -> dict[str, list[Any]]:
    """The values of these fields (also ``id``) of all images that match, one list per field, with None for missing
    values. Raises InvalidInputError or InvalidFilterError."""
    if isinstance(fields, str) or not 1 <= len(fields) <= FIELDS or not all(isinstance(f, str) and f for f in fields):
        raise InvalidInputError(f"Columns are a list of 1 to {FIELDS} names of fields, not {fields!r:.200}.")
    field, falling = checked_sort(sort or "id")
    by = ("albums", "album_at") if field.startswith(IN_ALBUM) else (field,)
    found = index.store.columns(list(dict.fromkeys([*fields, *by])), filter=as_filter(filter))
    values = found[field] if field in found else _places(found, field.removeprefix(IN_ALBUM))
    order = _order(values, field, falling)
    return {name: found[name] if order is None else [found[name][i] for i in order] for name in fields}


def listed(
    index: Index, filter: FilterLike = None, sort: str | None = None, k: int = 100, offset: int = 0
) -> tuple[Records, int]:
    """``k`` records from ``offset`` on, sorted by ``sort``, and the number of all that match. Raises InvalidInputError
    or InvalidFilterError."""
    if k < 1 or offset < 0:
        raise InvalidInputError(f"k must be 1 or more and offset 0 or more; got k={k}, offset={offset}.")
    field, falling = checked_sort(sort or "id")
    condition = as_filter(filter)
    if field == "id" and not falling and not offset:
        points = next(index.store.scroll(filter=condition, batch=k), [])
        total = index.store.count(condition)
    else:
        ids = columns(index, ["id"], condition, sort)["id"]
        points, total = index.store.retrieve(ids[offset : offset + k]), len(ids)
    return Records([Record.from_payload(p.id, p.payload) for p in points]), total


def checked_sort(sort: str) -> tuple[str, bool]:
    """The field to sort by, and whether the largest comes first. Raises InvalidInputError."""
    field = sort.removeprefix("-") if isinstance(sort, str) else ""
    if field not in SORTS and not field.startswith(IN_ALBUM):
        choice = f"Choose of: {', '.join(SORTS)}, {IN_ALBUM}NAME."
        raise InvalidInputError(f"Images can't be sorted by {sort!r}.", remedy=choice)
    return field, sort.startswith("-")


def _places(found: dict[str, list[Any]], album: str) -> list[int | None]:
    """The place of each image in an album; None where it isn't in it."""
    rows = zip(found["albums"], found["album_at"], strict=True)
    return [places_in(names, at).get(album) for names, at in rows]


def _order(values: Sequence[Any], field: str, falling: bool) -> list[int] | None:
    """The sorted positions: those without a value last, equal values by id. None if the order need not change."""
    if field == "id":
        return list(range(len(values) - 1, -1, -1)) if falling else None
    if field in DATES:
        known = {v: found[0] for v in set(values) if isinstance(v, str) and (found := period(v))}
        values = [known.get(v) for v in values]
    there = [i for i, value in enumerate(values) if value is not None]
    there.sort(key=lambda i: values[i], reverse=falling)  # stable, also in reverse
    return there + [i for i, value in enumerate(values) if value is None]

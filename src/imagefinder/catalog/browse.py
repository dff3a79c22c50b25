"""``finder.browse``: the whole collection by months, folders, tags and how values are spread."""

from __future__ import annotations

import builtins
import math
import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.arguments import checked
from imagefinder.catalog.edits import checked_tags, tag_images
from imagefinder.catalog.facets import facets
from imagefinder.catalog.order import ordered
from imagefinder.catalog.snapshot import NUMBERS, levels, snapshot
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.index.there import each_there
from imagefinder.store.coded import keep_columns, keeps_columns
from imagefinder.store.filters.nodes import In
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.store.ranks import NO_DATE

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection

SPREAD = ("date", *NUMBERS)
BINS = 200  # at most
ASKED = 100  # searches
FOLDERS = 1000  # of one folder, the fullest
DECADE = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)  # where bins may begin, times a power of ten
STEPS = (1, 2, 2.5, 5)
UNITS = (("D", 1), ("M", 1), ("M", 3), ("Y", 1), ("Y", 2), ("Y", 5), ("Y", 10), ("Y", 50), ("Y", 500))


@checked
class Browse:
    """Counts over the images that match a filter, from ``catalog.snapshot``; and tags, over the whole index."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def prepare(self) -> None:
        """Look at all images, and keep what that takes beside the index, where it takes long: then what is asked later,
        and in the next process that opens the index, comes at once. Without this it is kept when the index is closed,
        but not by a process that is killed."""
        index = self._collection.index
        if keeps_columns(index.store):
            ordered(index, sort="-date")
            facets(index)
            keep_columns(index.store)
            self._ask_graph()

    def _ask_graph(self) -> None:
        """Search by random images where that asks a graph, each part of whose files takes its time when it is looked at
        first: of 1,000,000 images the first search takes 300 ms, the hundredth 6."""
        index = self._collection.index
        with suppress(NotFoundError):  # no images, or no vectors just now
            space = self._collection.view().image
            vector = index.space(space).search_vector or ""
            if index.store.approximate(vector):
                for row in index.sampled(space).vectors[:ASKED]:
                    index.store.query(vector, row, 10, payload=False)

    def timeline(self, filter: FilterLike = None) -> dict[str, Any]:
        """How many images there are of each month, the latest first, in the order of ``list(sort="-date")``:
        ``{"total", "undated", "months": [{"month", "count", "guessed"}]}``. ``guessed`` are those of which only the
        date of the file is known. Months are those of UTC, as filters read dates."""
        images = snapshot(self._collection.index)
        rows = images.rows(as_filter(filter))
        dates, guessed = (a if rows is None else a[rows] for a in (images.date, images.guessed))
        dated = dates != NO_DATE
        at = _units(dates[dated], "M").astype(np.int64)
        first = int(at.min()) if len(at) else 0
        counts = np.bincount(at - first)
        unsure = np.bincount(at[guessed[dated]] - first, minlength=len(counts))
        found = [
            {"month": str(np.datetime64(first + int(i), "M")), "count": int(counts[i]), "guessed": int(unsure[i])}
            for i in np.flatnonzero(counts)
        ]
        return {"total": len(dates), "undated": int(np.sum(~dated)), "months": found[::-1]}

    def histogram(self, field: str, filter: FilterLike = None, bins: int = 40) -> dict[str, Any]:
        """How a field of ``SPREAD`` is spread over the images that match: ``{"field", "edges", "counts", "missing"}``.
        The edges, one more than counts, are those of the whole collection, so that they stay when the filter changes;
        each bin begins with its edge. Those of dates are whole days, months or years. ``missing`` is how many images
        that match have no value. Raises InvalidInputError or InvalidFilterError."""
        if field not in SPREAD:
            raise InvalidInputError(f"There is no histogram of {field!r}.", remedy=f"Choose of: {', '.join(SPREAD)}.")
        if not 2 <= bins <= BINS:
            raise InvalidInputError(f"A histogram has 2 to {BINS} bins, not {bins}.")
        images = snapshot(self._collection.index)
        values = images.date if field == "date" else images.numbers(field)
        known = values != NO_DATE if field == "date" else ~np.isnan(values)
        rows = images.rows(as_filter(filter))
        some, there = (values, known) if rows is None else (values[rows], known[rows])
        edges, counts = (_by_date if field == "date" else _by_size)(values[known], some[there], bins)
        return {"field": field, "edges": edges, "counts": counts, "missing": int(np.sum(~there))}

    def folders(self, filter: FilterLike = None, under: str = "") -> dict[str, Any]:
        """The folders in the folder ``under``, the highest ones without it: ``{"folders": [{"path", "name", "count",
        "folders"}], "more"}``, by name; ``count`` is of all images below, ``folders`` the number of folders in each. A
        path ends with its separator. A folder that holds nothing but one other folder is not listed apart from that.
        ``more`` is how many are left out, of the least full, where there are too many."""
        images = snapshot(self._collection.index)
        places = images.places.counts(images.rows(as_filter(filter)))
        below: dict[str, dict[str, int]] = {}
        for place, n in places.items():
            if place.startswith(under) and (inner := [one for one in levels(place) if len(one) > len(under)]):
                below.setdefault(inner[0], {})[place] = n
        found = [_folder(inside, under) for inside in below.values()]
        fullest = sorted(found, key=lambda row: (-row["count"], row["path"]))[:FOLDERS]
        return {"folders": sorted(fullest, key=_as_read), "more": len(found) - len(fullest)}

    def tags(
        self, images: Sequence[str | os.PathLike[str]] | None = None, filter: FilterLike = None
    ) -> builtins.list[dict[str, Any]]:
        """All tags with how many images have each, the most frequent first: of these images, of those that match, or
        of all. Raises NotFoundError or InvalidFilterError."""
        if images is None:
            whole = snapshot(self._collection.index)
            return whole.coded("tags").counted(whole.rows(as_filter(filter)))
        ids = list(dict.fromkeys(self._collection.resolve(image) for image in images))
        condition = as_filter(filter)
        if condition is not None:
            matching = set(self._collection.index.store.columns(["id"], filter=condition)["id"])
            ids = [id for id in ids if id in matching]
        found: Counter[str] = Counter()
        for point in each_there(self._collection.index.store, ids):
            found.update(dict.fromkeys(point.payload.get("tags") or (), 1))
        return [{"value": v, "count": n} for v, n in sorted(found.items(), key=lambda row: (-row[1], row[0]))]

    def rename_tag(self, tag: str, to: str | None) -> int:
        """Call a tag otherwise on all images that have it; where there is a tag of that name, the two become one. None
        takes the tag away from all. How many images have changed. A call that was cut off is made good by the same one
        again. Raises InvalidInputError."""
        (old,) = checked_tags([tag])
        new = checked_tags([] if to is None else [to])
        if new == (old,):
            return 0
        return tag_images(self._collection, [], new, [old], In("tags", (old,)))


def _folder(places: dict[str, int], under: str) -> dict[str, Any]:
    """The row of a folder, from the number of images of each place in it."""
    shared = [one for one in levels(next(iter(places))) if all(place.startswith(one) for place in places)]
    path = shared[-1]
    inner = ((one for one in levels(place) if len(one) > len(path)) for place in places)
    direct = {next(deeper, "") for deeper in inner} - {""}
    name = path[len(under) :]
    return {"path": path, "name": name.rstrip("/\\#") or name, "count": sum(places.values()), "folders": len(direct)}


def _as_read(row: dict[str, Any]) -> tuple[str, str]:
    return row["name"].casefold(), row["path"]


def _units(dates: np.ndarray, unit: str) -> np.ndarray:
    return dates.astype("datetime64[us]").astype(f"datetime64[{unit}]")


def _by_date(all_dates: np.ndarray, dates: np.ndarray, bins: int) -> tuple[list[str], list[int]]:
    if not len(all_dates):
        return [], []
    for unit, step in UNITS:
        first, last = _units(np.array([all_dates.min(), all_dates.max()]), unit).astype(np.int64)
        start = math.floor(first / step) * step
        n = (last - start) // step + 1
        if n <= bins:
            break
    at = (_units(dates, unit).astype(np.int64) - start) // step
    edges = np.arange(start, start + (n + 1) * step, step).astype(f"datetime64[{unit}]")
    return [str(edge) for edge in edges], np.bincount(at, minlength=n).tolist()


def _by_size(all_values: np.ndarray, values: np.ndarray, bins: int) -> tuple[list[float], list[int]]:
    if not len(all_values):
        return [], []
    low, high = float(all_values.min()), float(all_values.max())
    edges = _edges(low, high, bins, whole=bool(np.all(all_values == np.round(all_values))))
    counts, _ = np.histogram(values, edges)
    return [int(edge) if float(edge).is_integer() else float(edge) for edge in edges], counts.tolist()


def _edges(low: float, high: float, bins: int, whole: bool) -> list[float]:
    """Round numbers, the last above ``high``: with equal steps, or where values differ by more than 20 times, with
    steps that grow with them. Those of whole numbers are whole where the steps are equal."""
    if low > 0 and high / low > 20:
        exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 2)
        for parts in (DECADE, (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1,)):
            marks = [round(part * 10.0**e, 12) for e in exponents for part in parts]
            first = max(i for i, mark in enumerate(marks) if mark <= low)
            last = min(i for i, mark in enumerate(marks) if mark > high)
            if last - first <= bins:
                break
        return marks[first : last + 1]
    exponent = math.floor(math.log10(max(high - low, 1e-6) / bins))
    steps = (round(part * 10.0**e, 12) for e in range(exponent, exponent + 10) for part in STEPS)
    for step in (one for one in steps if not whole or one.is_integer()):
        first, last = math.floor(low / step), math.floor(high / step) + 1
        if last - first <= bins:
            break
    return [round(i * step, 12) for i in range(first, last + 1)]

"""All images that match, in their order: what a page needs to lay them out before it knows any of them."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from imagefinder._util.uuids import Ids, packed
from imagefinder.catalog.facets import checked_sort, fields_of, places_in_order
from imagefinder.catalog.snapshot import snapshot
from imagefinder.errors import InvalidInputError
from imagefinder.images.palette import COLOURS
from imagefinder.results import Records
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.store.ranks import NO_DATE, of_points, sorted_rows
from imagefinder.types import Record

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.store.filters.parse import Filter

MIDDLE = 127  # the code of a square; WIDEST times as wide has the code 254, WIDEST times as high 0
WIDEST = 3.0
UNKNOWN = 255
ORDERS = 4  # remembered
_locks: WeakKeyDictionary[Index, threading.Lock] = WeakKeyDictionary()


@dataclass(frozen=True)
class Order:
    """The ``ids`` of the images, and a byte of each in ``shapes``, how wide it is for its height as ``shapes_of`` says,
    and in ``colours``, its two main ones, 4 bits each: 0 for none, else 1 + the place in ``images.palette.COLOURS``."""

    ids: Ids
    shapes: bytes
    colours: bytes

    def place(self, id: str) -> int | None:
        """Where an image is; None if it isn't there."""
        found = np.flatnonzero((self.ids.packed == packed([id])[0]).all(axis=1))
        return int(found[0]) if len(found) else None


def ordered(index: Index, filter: FilterLike = None, sort: str | None = None) -> Order:
    """The images that match, sorted as ``finder.list`` sorts. The latest orders are remembered until the next write.
    Raises InvalidInputError or InvalidFilterError."""
    field, falling = checked_sort(sort or "id")
    condition = as_filter(filter)
    key = f"order {field} {falling} {condition}"
    with _locks.setdefault(index, threading.Lock()):  # whoever asks for the same at once waits for it
        writes = index.store.writes
        kept = index.remembered.get(key)
        if kept is None or kept[0] != writes:
            for former in [one for one in index.remembered if one.startswith("order ")][: 1 - ORDERS]:
                del index.remembered[former]
            kept = index.remembered[key] = (writes, _made(index, condition, field, falling))
        made: Order = kept[1]
    return made


def _made(index: Index, condition: Filter | None, field: str, falling: bool) -> Order:
    images = snapshot(index)
    rows = images.rows(condition)
    if field == "date":
        places = sorted_rows(images.date, images.date != NO_DATE, falling)
    else:
        places = places_in_order({name: images.kept(name) for name in fields_of(field)}, field, falling, len(images))
    if rows is not None:
        matches = np.zeros(len(images), bool)
        matches[rows] = True
        places = places[matches[places]]
    shapes = shapes_of(images.numbers("width")[places], images.numbers("height")[places])
    coded = images.kept("colours")
    colours = of_points(coded, np.fromiter(map(_colour_code, coded.values), np.uint8, len(coded.values)), 0)[places]
    return Order(Ids(images.ids[places]), shapes.tobytes(), colours.tobytes())


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
        ids = ordered(index, condition, sort).ids
        points, total = index.store.retrieve(list(ids[offset : offset + k])), len(ids)
    return Records([Record.from_payload(p.id, p.payload) for p in points]), total


def shapes_of(widths: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Codes from 0 to 254 on a logarithmic scale, 127 for a square, or 255 where the size is not known, uint8 (n)."""
    known = (widths > 0) & (heights > 0)
    ratios = np.divide(widths, heights, out=np.ones(len(known)), where=known)
    codes = MIDDLE + np.rint(MIDDLE * np.clip(np.log(ratios) / math.log(WIDEST), -1, 1))
    return np.where(known, codes, UNKNOWN).astype(np.uint8)


_CODES = {name: place + 1 for place, name in enumerate(COLOURS)}


def _colour_code(names: Sequence[str] | None) -> int:
    first, second = (*(_CODES.get(name, 0) for name in (names or ())[:2]), 0, 0)[:2]
    return first << 4 | second

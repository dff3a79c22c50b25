"""What the points of a map are coloured by: a byte for each, and what the bytes mean. Texts and few numbers become
kinds, many numbers and dates a scale."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.uuids import packed
from imagefinder.store.filters.dates import instant

if TYPE_CHECKING:
    from imagefinder.catalog.snapshot import Column
    from imagefinder.maps.maps import Map

NONE, REST, FIRST, LAST, GONE = 0, 1, 2, 254, 255  # no value; a rare one; those between have a value; no image any more
MOST_KINDS = LAST - FIRST
FEW_NUMBERS = 24
EXTREME = 0.01  # of the values: a few extremes must not take the colours from all others
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2}|$)", re.ASCII)


def values_of(map: Map, column: Column, field: str) -> dict[str, Any]:
    """``codes``, a byte for each image of the map, as base64; ``kinds``, the commonest first, and how many more there
    are (``rest``), or a ``scale`` from low to high, dates in milliseconds since 1970; how many images have no value."""
    at = _rows(map, column)
    codes = np.where(at < 0, -1, column.codes[at]) if len(column.codes) else np.full(len(at), -1)
    values = [None if v is None or (field == "cluster" and v < 0) else v for v in column.values]
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    numbers = None if field == "cluster" else _numbers(values, counts)
    found = _kinds(values, counts, column.names) if numbers is None else _scale(numbers[0], numbers[1], counts)
    code_of = np.append(found.pop("code_of"), NONE).astype(np.uint8)  # the last is for -1
    coded = np.where(at < 0, GONE, code_of[codes]).astype(np.uint8)
    told = {"codes": b64encode(coded.tobytes()).decode(), "missing": int(np.sum(coded == NONE))}
    return {"total": len(at), "kinds": None, "rest": 0, "scale": None, **found, **told}


def _rows(map: Map, column: Column) -> np.ndarray:
    """Where the images of a map are in a column, int (n); -1 for one that has gone."""
    known, wanted = (np.ascontiguousarray(ids).view("S16").reshape(-1) for ids in (column.ids, packed_ids(map)))
    if not len(known):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)


def packed_ids(map: Map) -> np.ndarray:
    """The ids of its images, uint8 (n, 16)."""
    held = getattr(map.ids, "packed", None)
    return packed(map.ids) if held is None else held


def _numbers(values: list[Any], counts: np.ndarray) -> tuple[np.ndarray, bool] | None:
    """The values as numbers, and whether they are dates; None unless all are, and many."""
    there = [v for v, n in zip(values, counts.tolist(), strict=True) if n and v is not None]
    dated = bool(there) and all(isinstance(v, str) and _DATE.match(v) for v in there)
    if not dated and not all(isinstance(v, int | float) and not isinstance(v, bool) for v in there):
        return None
    read = {v: (at / 1000 if (at := instant(v)) is not None else np.nan) if dated else float(v) for v in there}
    found = np.array([read.get(v, np.nan) for v in values], float)
    return (found, dated) if len(set(found[np.isfinite(found)].tolist())) > FEW_NUMBERS else None


def _scale(numbers: np.ndarray, dated: bool, counts: np.ndarray) -> dict[str, Any]:
    finite = np.isfinite(numbers) & (counts > 0)
    order = np.flatnonzero(finite)[np.argsort(numbers[finite], kind="stable")]
    below = np.cumsum(counts[order])
    low, high = (
        float(numbers[order[np.searchsorted(below, share * (below[-1] - 1), side="right")]])
        for share in (EXTREME, 1 - EXTREME)
    )
    high = high if high > low else low + 1
    place = np.clip((np.where(finite, numbers, low) - low) / (high - low), 0, 1)
    codes = np.where(finite, FIRST + np.round(place * (LAST - FIRST)), NONE)
    return {"code_of": codes, "scale": {"low": low, "high": high, "is_date": dated}}


def _kinds(values: list[Any], counts: np.ndarray, names: Any) -> dict[str, Any]:
    """The commonest get a code each, in order of their number; of equally common ones the first. A value that comes
    from several lists counts once."""
    totals: dict[Any, int] = {}
    for value, n in zip(values, counts.tolist(), strict=True):
        if value is not None and n:
            totals[value] = totals.get(value, 0) + n
    common = sorted(totals, key=lambda value: -totals[value])[:MOST_KINDS]
    code = {value: FIRST + i for i, value in enumerate(common)}
    kinds = [
        {"code": code[v], "value": v, "name": (names.get(v) or "") if names else str(v), "count": totals[v]}
        for v in common
    ]
    codes = np.array([NONE if v is None else code.get(v, REST) for v in values], float)
    return {"code_of": codes, "kinds": kinds, "rest": len(totals) - len(kinds)}

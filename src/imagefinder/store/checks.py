"""The checks of arguments that all stores make before they write, so that all refuse the same."""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from imagefinder._util.values import why_not
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.fields import FIELD_KINDS, Kind

MAX_DIM = 65_536  # the engine's own limit
CANONICAL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def checked_points(points: Sequence[Point], params: Mapping[str, VectorParams]) -> list[Point]:
    """The points with canonical ids and with vectors as contiguous float32. Of several points with one id, the last is
    taken.

    Raises:
        InvalidInputError: an id is no UUID, a vector has the wrong shape or is not finite, a payload is not JSON.
        NotFoundError: there is no vector of that name.
    """
    found = {checked_id(point.id): point for point in points}
    for point in points:
        checked_payload(point.payload)
    rows: dict[str, dict[str, np.ndarray]] = {key: {} for key in found}
    for name in dict.fromkeys(name for point in found.values() for name in point.vectors):
        wanted = known(params, name)
        held = {key: point.vectors[name] for key, point in found.items() if name in point.vectors}
        for key, row in zip(held, _checked_stack(name, list(held.values()), wanted), strict=True):
            rows[key][name] = row
    return [Point(key, point.payload, rows[key]) for key, point in found.items()]


def checked_id(text: str) -> str:
    key = canonical_id(text)
    if key is None:
        raise InvalidInputError(f"An id is a UUID, not {text!r}.", remedy="types.image_id(uri) makes one.")
    return key


def canonical_id(text: str) -> str | None:
    """The id in canonical spelling, or None if it is no UUID."""
    if isinstance(text, str) and CANONICAL.fullmatch(text):
        return text  # in a quarter of the time
    try:
        return str(uuid.UUID(text))
    except (ValueError, AttributeError, TypeError):
        return None


def canonical_ids(ids: Iterable[str]) -> list[str]:
    """The ids in canonical spelling. What is no UUID is left out, because no point can have it."""
    return [key for key in map(canonical_id, ids) if key is not None]


def known(params: Mapping[str, VectorParams], name: str) -> VectorParams:
    if name not in params:
        there = ", ".join(sorted(params)) or "none"
        raise NotFoundError(f"There is no vector named {name!r}; there are: {there}.")
    return params[name]


def checked_new_vector(name: str, params: VectorParams) -> None:
    if not isinstance(name, str) or not name or not all(c.isalnum() or c in "-_." for c in name) or name[0] == ".":
        raise InvalidInputError(f"A vector's name is letters, digits, '-', '_' and '.', not {name!r}.")
    if not 1 <= params.dim <= MAX_DIM:
        raise InvalidInputError(f"A vector has 1 to {MAX_DIM} dimensions, not {params.dim}.")
    if params.dtype not in ("float32", "float16") or params.metric not in ("cosine", "dot"):
        raise InvalidInputError(f"A vector is float32 or float16, compared by cosine or dot, not {params}.")


def checked_vector(name: str, vector: Any, params: VectorParams) -> np.ndarray:
    """``vector`` as contiguous float32 (dim,)."""
    row: np.ndarray = checked_rows(name, np.asarray(vector)[None], params)[0]
    return row


def _checked_stack(name: str, vectors: list[Any], params: VectorParams) -> np.ndarray:
    """Many vectors at once as float32 (n, dim), which takes a fifth of the time of checking each."""
    try:
        array = np.stack(vectors)
    except ValueError:  # of unequal shapes: find the one that is wrong
        return np.stack([checked_vector(name, vector, params) for vector in vectors])
    return checked_rows(name, array, params, len(vectors))


def checked_rows(name: str, array: Any, params: VectorParams, n: int = 1) -> np.ndarray:
    """``array`` as contiguous float32 (n, dim), finite and within the range of ``params.dtype``."""
    array = np.asarray(array)
    if array.shape != (n, params.dim):
        given, wanted = (array.shape[1:], (params.dim,)) if n == 1 else (array.shape, (n, params.dim))
        raise InvalidInputError(f"The vector {name!r} has the shape {wanted}, not {given}.")
    if array.dtype.kind not in "fiu":
        raise InvalidInputError(f"The vector {name!r} holds real numbers, not {array.dtype}.")
    with np.errstate(over="ignore"):
        rows: np.ndarray = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(rows).all():
        raise InvalidInputError(f"The vector {name!r} holds NaN or infinity.")
    if params.dtype == "float16" and params.metric == "dot" and rows.size and np.abs(rows).max() > 65_504:
        raise InvalidInputError(
            f"The vector {name!r} goes beyond float16, which ends at 65,504.", remedy="Use float32."
        )
    return rows


def checked_payload(payload: Mapping[str, Any]) -> None:
    """Raise InvalidInputError for what JSON can't hold, and for a field of a record with a value of the wrong kind."""
    for field, value in payload.items():
        if not isinstance(field, str) or not _is_json(field) or not _is_json(value):
            raise InvalidInputError(f"A payload holds JSON values, not {field!r:.200}: {value!r:.200}.")
        if field in FIELD_KINDS and value is not None and not _fits(FIELD_KINDS[field], value):
            raise InvalidInputError(f"The field {field!r} holds {_WANTED[FIELD_KINDS[field]]}, not {value!r}.")


def storable(field: str, value: Any) -> bool:
    """Whether a payload can hold this value in this field, which has a name."""
    if not field.strip():
        return False
    try:
        checked_payload({field: value})
    except InvalidInputError:
        return False
    return True


def checked_window(k: int, offset: int, min_score: float | None) -> None:
    if k < 1 or offset < 0:
        raise InvalidInputError(f"k is 1 or more and offset 0 or more, not k={k} and offset={offset}.")
    if min_score is not None and math.isnan(min_score):
        raise InvalidInputError("min_score is a number, not NaN.")


def checked_batch(batch: int) -> None:
    if batch < 1:
        raise InvalidInputError(f"batch is 1 or more, not {batch}.")


_WANTED = {Kind.TEXT: "text or a list of texts", Kind.NUMBER: "a whole number", Kind.DATE: "an ISO 8601 date"}


def _fits(kind: Kind, value: Any) -> bool:
    if kind is Kind.NUMBER:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is Kind.DATE:
        return isinstance(value, str)
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value))


def _is_json(value: Any, depth: int = 0) -> bool:
    if isinstance(value, tuple) or why_not(value, depth):
        return False
    if isinstance(value, list):
        return all(_is_json(item, depth + 1) for item in value)
    if isinstance(value, Mapping):
        return isinstance(value, dict) and all(
            isinstance(k, str) and _is_json(k) and _is_json(v, depth + 1) for k, v in value.items()
        )
    return True

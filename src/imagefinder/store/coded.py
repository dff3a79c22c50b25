"""One field of many payloads: each value once, and a number per point."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from imagefinder.store.base import Store

ROOM = 1000  # values that nothing has any more, beside as many as there are points, before they are removed


class Coded:
    """``values``, and of each point the position of its value, int32 (n), -1 where it has none. Of few values each is
    there once. Neither is changed later, but values may be added at the end."""

    def __init__(self, codes: np.ndarray, values: list[Any]) -> None:
        self.codes, self.values = codes, values
        self._known: dict[Any, int] | None = None
        self._mapped: dict[str, Coded] = {}

    @classmethod
    def of(cls, column: Sequence[Any]) -> Coded:
        found = cls(np.empty(0, np.int32), [])
        found._known = {}
        found.codes = found._coded(column)
        if len(found.values) * 2 > len(column):
            found._known = None  # it would take more memory than the values
        return found

    def changed(
        self, gone: np.ndarray, places: np.ndarray, came: Sequence[Any], rows: np.ndarray, kept: Sequence[Any]
    ) -> Coded:
        """Without the points ``gone``, then with others that ``came`` in at these ``places``, then with the values
        ``kept`` in these ``rows``."""
        if self._known is None and len(self.values) * 2 <= len(self.codes):
            self._known = {key_of(value): code for code, value in enumerate(self.values)}
        codes = np.insert(np.delete(self.codes, gone), places, self._coded(came))
        codes[rows] = self._coded(kept)
        values, known = self.values, self._known
        if len(values) > 2 * len(codes) + ROOM:
            used = np.unique(codes[codes >= 0])
            codes = np.where(codes < 0, -1, np.searchsorted(used, codes)).astype(np.int32)
            return Coded(codes, [values[i] for i in used.tolist()])
        found = Coded(codes, values)
        found._known, found._mapped = known, self._mapped
        return found

    def mapped(self, name: str, made: Callable[[Any], Any]) -> Coded:
        """What is ``made`` of each value, under this name: of each value once, however often points change."""
        done = self._mapped.setdefault(name, Coded.of([]))
        new = done._coded([made(value) for value in self.values[len(done.codes) :]])
        done.codes = np.concatenate([done.codes, new])
        return Coded(np.append(done.codes, np.int32(-1))[self.codes], done.values)

    def objects(self, rows: np.ndarray | None = None) -> np.ndarray:
        """The values of these rows, all by default, objects (n), None where there is none."""
        found: np.ndarray = self._by_value([*self.values, None], object)[
            self.codes if rows is None else self.codes[rows]
        ]
        return found

    def where(self, fits: Callable[[Any], bool]) -> np.ndarray:
        """Which points have a value, or None, that fits, bool (n)."""
        found: np.ndarray = self._by_value((fits(value) for value in [*self.values, None]), bool)[self.codes]
        return found

    def _by_value(self, each: Iterable[Any], dtype: Any) -> np.ndarray:
        table = np.empty(len(self.values) + 1, dtype)  # -1 is the last
        for i, one in enumerate(each):
            table[i] = one
        return table

    def _coded(self, column: Sequence[Any]) -> np.ndarray:
        known, values = self._known, self.values
        codes = np.empty(len(column), np.int32)
        for i, value in enumerate(column):
            if value is None:
                codes[i] = -1
                continue
            code = len(values) if known is None else known.setdefault(key_of(value), len(values))
            if code == len(values):
                values.append(value)
            codes[i] = code
        return codes


def key_of(value: Any) -> Any:
    """The same for values that are the same, of the same type."""
    if type(value) is str:
        return value
    if type(value) in (bool, int):
        return type(value), value
    if type(value) is list and all(type(one) is str for one in value):
        return tuple(value)
    return type(value), json.dumps(value)


def coded_columns(store: Store, fields: Sequence[str]) -> tuple[np.ndarray, Mapping[str, Coded]]:
    """The ids of all points, S36 (n) in ascending order, and these columns; as the store keeps them, if it does."""
    kept: Callable[..., tuple[np.ndarray, Mapping[str, Coded]]] | None = getattr(store, "coded", None)
    if kept is not None:
        return kept(fields)
    read = store.columns(["id", *fields])
    return np.array(read["id"], "S36"), {field: Coded.of(read[field]) for field in fields}

"""Coded columns say of every filter, sort and value what plain Python says of it."""

from __future__ import annotations

import contextlib
import math
import random
from typing import Any

import numpy as np
import pytest

from imagefinder.errors import InvalidFilterError
from imagefinder.store import coded, ranks
from imagefinder.store.coded import Coded, Coding
from imagefinder.store.edge.column_files import packed, unpacked
from imagefinder.store.filters.dates import instant, period
from imagefinder.store.filters.nodes import Compare, Contains, Has, In, Not
from imagefinder.store.filters.parse import Filter
from imagefinder.store.filters.predicate import matches
from imagefinder.store.ranks import NO_DATE
from imagefinder.store.selecting import matching
from imagefinder.store.values import Mixed, Numbers, Texts

TEXTS = ["", "a", "A b", "ß", "SS", "Straße", "x\0y", "y", "\0", "10", "9", "2024", "2024-05-01", "2024-05-01T10:00:00",
         "2023-02-30", "true", "日本", "/a/b.jpg", "/a/B.JPG", "/a/ſ.jpg", "é", "\U0001f600"]  # fmt: skip
COLUMNS: dict[str, list[Any]] = {
    "texts": TEXTS,
    "dates": ["2024-05-01", "2024-05-01T10:00:00", "2024-05-01T10:00:00+02:00", "2024", "1999-12-31", "no", ""],
    "whole": [0, 1, -1, 5, 2**53, 2**53 + 1, -(2**63), 2**63 - 1],
    "small": [0, 1, -1, 5, 10, 7000],
    "floats": [0.0, -0.0, 0.5, 1.0, -1.5, 1e300, 2.0**53],
    "mixed": [1, 1.0, True, False, "1", "", None, [1, True], ["a", "b"], [], {"a": [1]}, "é"],
    "nothing": [None],
}
WANTED = ["a", "A B", "ss", "ß", "x\0y", "y", "\0", "10", "2024", "2024-05", "2024-05-01", "true", "日", "é", "jpg", ""]
NUMBERS: list[Any] = [0, 1, 5, -1, 0.5, 2**53, 2**53 + 1, 2.0**53, 10**30, 1e300, True, False]


def filters(field: str) -> list[Filter]:
    found: list[Filter] = [Has(field)]
    for value in [*WANTED, *NUMBERS]:
        for op in ("=", "!=", "<", "<=", ">", ">="):
            try:
                found.append(Compare(field, op, value))
            except InvalidFilterError:
                continue
        if isinstance(value, str):
            try:
                found += [Contains(field, value), Not(Contains(field, value))]
            except InvalidFilterError:
                continue
    with contextlib.suppress(InvalidFilterError):
        found += [In(field, ("a", "10", "2024-05-01")), In(field, (1, "1", True))]
    return found


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("field", ["price", "taken_at", "width", "name of mine"])
def test_filters_mean_the_same(kind: str, field: str) -> None:
    column = [*COLUMNS[kind], None, *COLUMNS[kind]]
    found = Coded.of(column)
    asked = filters(field)
    assert len(asked) > 10
    for filter in asked:
        wanted = [matches(filter, {} if value is None else {field: value}) for value in column]
        assert matching(filter, {field: found}, len(column)).tolist() == wanted, filter


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_come_back_from_their_bytes(kind: str) -> None:
    column = [*COLUMNS[kind], None, *COLUMNS[kind]]
    found = Coded.of(column)
    found.mapped("length", lambda value: len(str(value)))
    again = unpacked(packed(found))
    for one in (found, again):
        assert repr(one.objects().tolist()) == repr(column)
        assert repr(one.objects(np.array([2, 0], np.int64)).tolist()) == repr([column[2], column[0]])
    assert again.made.keys() == {"length"} and type(again.values) is type(found.values)
    assert again.mapped("length", lambda value: pytest.fail("made again")).objects().tolist() == [
        None if value is None else len(str(value)) for value in column
    ]


def test_values_take_the_smallest_form() -> None:
    kinds = {kind: type(Coded.of(column).values) for kind, column in COLUMNS.items()}
    assert kinds == {
        "texts": Texts,
        "dates": Texts,
        "whole": Numbers,
        "small": Numbers,
        "floats": Numbers,
        "mixed": Mixed,
        "nothing": Mixed,
    }
    assert type(Coded.of(["\ud800 half", "a"]).objects()[0]) is str
    assert Coded.of(["\ud800 half", "a"]).objects().tolist() == ["\ud800 half", "a"]
    assert isinstance(Coded.of([2**63, 1]).values, Mixed)


@pytest.mark.parametrize("few", [3, 50_000])  # values that are there once; of more, only those read together
@pytest.mark.parametrize("kinds", [["texts"], ["small"], ["texts", "mixed", "small"]])
def test_changes_are_those_of_a_list(monkeypatch: pytest.MonkeyPatch, few: int, kinds: list[str]) -> None:
    monkeypatch.setattr(coded, "FEW", few)
    monkeypatch.setattr(coded, "ROOM", 5)
    rng = random.Random(4)
    values = [value for kind in kinds for value in COLUMNS[kind]]
    column = [rng.choice([*values, f"new {i}" if kinds != ["small"] else i]) for i in range(60)]
    found = Coded.of(column)
    for step in range(40):
        found.mapped("length", lambda value: len(str(value)))
        gone = sorted(rng.sample(range(len(column)), 5))
        for at in reversed(gone):
            del column[at]
        places = sorted(rng.choices(range(len(column) + 1), k=6))
        came = [rng.choice([*values, None, f"{step} {i}"]) for i in range(6)]
        for n, (at, value) in enumerate(zip(places, came, strict=True)):
            column.insert(at + n, value)
        rows = sorted(rng.sample(range(len(column)), 4))
        kept = [rng.choice([*values, column[row]]) for row in rows]
        for row, value in zip(rows, kept, strict=True):
            column[row] = value
        before = repr(found.objects().tolist())
        former = found
        found = found.changed(np.array(gone), np.array(places), came, np.array(rows), kept)
        assert repr(found.objects().tolist()) == repr(column)
        assert repr(former.objects().tolist()) == before
        assert found.mapped("length", lambda value: len(str(value))).objects().tolist() == [
            None if value is None else len(str(value)) for value in column
        ]
        assert len(found.values) <= 2 * len(column) + 5 + 20


def test_what_does_not_change_stays_the_same_object() -> None:
    found = Coded.of(["a", "b", None, "a"])
    none = np.empty(0, np.int64)
    assert found.changed(none, none, [], np.array([1, 2]), ["b", None]) is found


def test_values_may_be_added_a_part_at_a_time() -> None:
    coding = Coding()
    column = [*TEXTS, None, 5, *TEXTS, ["a"], 5]
    for start in range(0, len(column), 7):
        coding.add(column[start : start + 7])
    found = coding.done()
    assert found.objects().tolist() == column and len(found.values) == len(TEXTS) + 2


@pytest.mark.parametrize("part", [3, 50_000])  # values sorted in one call
def test_ranks_are_the_order_also_of_what_is_added(monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    monkeypatch.setattr(ranks, "_PART", part)
    rng = random.Random(2)
    column: list[Any] = [f"{rng.randrange(300)}é{'x' * rng.randrange(3)}" for _ in range(200)]
    found = Coded.of(column)
    for step in range(6):
        order = np.argsort(ranks.of_points(found, ranks.ranks(found), 0), kind="stable").tolist()
        assert order == sorted(range(len(column)), key=column.__getitem__)
        came = [f"{rng.randrange(300)}y" for _ in range(5 + 40 * (step == 3))]
        found = found.changed(np.empty(0, np.int64), np.full(len(came), len(column)), came, np.empty(0, np.int64), [])
        column += came


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("kind", ["texts", "whole", "floats"])
def test_rows_are_sorted_as_lists_are(kind: str, falling: bool) -> None:
    column = [*COLUMNS[kind], None, *COLUMNS[kind][::-1]]
    there = [i for i, value in enumerate(column) if value is not None]
    wanted = sorted(there, key=lambda i: column[i], reverse=falling) + [len(COLUMNS[kind])]
    assert ranks.sorted_rows(*ranks.sort_keys(Coded.of(column)), falling).tolist() == wanted


def test_dates_are_read_once_for_all() -> None:
    column = [*COLUMNS["dates"], *TEXTS]
    found = Coded.of(column)
    first = [at[0] if (at := period(text)) else NO_DATE for text in column]
    days = [at if (at := instant(text)) is not None else NO_DATE for text in column]
    assert ranks.of_points(found, ranks.begins(found), NO_DATE).tolist() == first
    assert ranks.of_points(found, ranks.instants(found), NO_DATE).tolist() == days
    assert math.isnan(Coded.of([None]).numbers(math.nan)[0])

"""The language of ``--filter``: what it reads, what it refuses, what it means."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagefinder.errors import InvalidFilterError
from imagefinder.store.filters.parse import And, Compare, Contains, Filter, Has, In, Near, Not, Or, as_filter, parse
from imagefinder.store.filters.predicate import matches

READ = {
    "folder=shoes": Compare("folder", "=", "shoes"),
    "  width >= 800  ": Compare("width", ">=", 800),
    "price<2.50": Compare("price", "<", 2.5),
    "x = -3": Compare("x", "=", -3),
    "x = 007": Compare("x", "=", "007"),
    "x = 1e5": Compare("x", "=", "1e5"),
    "x = '5'": Compare("x", "=", "5"),
    "x = TRUE": Compare("x", "=", True),
    "x = 'true'": Compare("x", "=", "true"),
    "folder = 2020": Compare("folder", "=", "2020"),
    "folder = 2.50": Compare("folder", "=", "2.50"),
    "taken_at >= 2020": Compare("taken_at", ">=", "2020"),
    "uri = a/b.jpg": Compare("uri", "=", "a/b.jpg"),
    "day=2024-05-01": Compare("day", "=", "2024-05-01"),
    r"name = 'it\'s'": Compare("name", "=", "it's"),
    r'name = "a\\b\"c"': Compare("name", "=", 'a\\b"c'),
    '"my column" != x': Compare("my column", "!=", "x"),
    '"in" = "and"': Compare("in", "=", "and"),
    "caption ~ 'red bike'": Contains("caption", "red bike"),
    "caption ~ 5": Contains("caption", "5"),
    "format IN (PNG, 'GIF' ,7)": In("format", ("PNG", "GIF", "7")),
    "has caption": Has("caption"),
    "NOT HAS caption": Not(Has("caption")),
    "not not has a": Not(Not(Has("a"))),
    "a=1 and b=2 and c=3": And((Compare("a", "=", 1), Compare("b", "=", 2), Compare("c", "=", 3))),
    "a=1 or b=2 and not c=3": Or((Compare("a", "=", 1), And((Compare("b", "=", 2), Not(Compare("c", "=", 3)))))),
    "(a=1 or b=2) and c=3": And((Or((Compare("a", "=", 1), Compare("b", "=", 2))), Compare("c", "=", 3))),
    "near(52.52, 13.4)": Near(52.52, 13.4, 10),
    "NEAR ( -33.9 ,151.2, 5 )": Near(-33.9, 151.2, 5),
    "not near(0,0,0.5) and a=1": And((Not(Near(0, 0, 0.5)), Compare("a", "=", 1))),
    "near = 5": Compare("near", "=", 5),
    "has near": Has("near"),
    "größe=größer": Compare("größe", "=", "größer"),
}


@pytest.mark.parametrize(("text", "expected"), READ.items(), ids=READ.keys())
def test_reading(text: str, expected: Filter) -> None:
    found = parse(text)
    assert (found, repr(found)) == (expected, repr(expected)), "repr tells 1, 1.0 and True apart"


REFUSED = {
    "": "expected the name of a field at position 1, found the end",
    "folder": "expected =, !=, <, <=, >, >=, ~, 'in' or 'says' at position 7, found the end",
    "folder=": "expected a value at position 8",
    "folder=a b=c": "expected 'and', 'or' or the end at position 10, found 'b'",
    "folder='shoes": "expected a closing quote at position 8",
    "(a=1": r"expected '\)' at position 5",
    "a=1)": r"at position 4, found '\)'",
    "a in b": r"expected '\(' at position 6",
    "a in ()": "expected a value",
    "a ! b": "at position 3, found '! b'",
    "a=1 and": "expected the name of a field at position 8",
    "and a=1": "expected the name of a field at position 1, found 'and'",
    "''=1": "expected the name of a field",
    "a == 1": "expected a value at position 4, found '='",
    "width = wide": "'width' is a number",
    "width = true": "'width' is a number",
    "taken_at = yesterday": "'taken_at' is a date",
    "taken_at = 2020-13": "'taken_at' is a date",
    "a < true": "no order",
    "near(52.5)": "expected ',' at position 10",
    "near(here, 5)": "expected a latitude at position 6, found 'here'",
    "near('52.5', 5)": "expected a latitude",
    "near(52, true)": "expected a longitude",
    "near(52, 13, far)": "expected a distance in kilometres",
    "near(52, 13, 5, 7)": r"expected '\)'",
    "near()": "expected a latitude",
    "near(91, 0)": "latitude from -90 to 90",
    "near(0, 181)": "longitude from -180 to 180",
    "near(0, 0, 0)": "distance in kilometres over 0",
    "near(0, 0, -1)": "distance in kilometres over 0",
    "near(0, 0, 99999)": "up to 20,038",
    "not " * 5000 + "a=1": "at most 100 levels",
    "(" * 5000: "at most 100 levels",
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=[k[:20] for k in REFUSED])
def test_what_can_not_be_read_is_explained(text: str, message: str) -> None:
    with pytest.raises(InvalidFilterError, match=message):
        parse(text)


@pytest.mark.parametrize("text", ["near:52.5,13.4", "near 52.5, 13.4", "near(52.5; 13.4)", "a=1 and near=52.5,13.4"])
def test_how_a_place_is_written_is_said(text: str) -> None:
    with pytest.raises(InvalidFilterError) as error:
        parse(text)
    assert error.value.remedy == "Write near(LAT, LON) or near(LAT, LON, KM), such as near(52.52, 13.40, 5)."


@pytest.mark.parametrize("value", [None, math.nan, math.inf, [1], object()])
def test_values_no_filter_can_hold(value: Any) -> None:
    with pytest.raises(InvalidFilterError):
        Compare("x", "=", value)


def test_from_python() -> None:
    assert as_filter(None) is as_filter("") is as_filter({}) is None
    assert as_filter({"folder": "shoes"}) == Compare("folder", "=", "shoes")
    both = as_filter({"folder": ["a", "b"], "year": 2020})
    assert both == And((In("folder", ("a", "b")), Compare("year", "=", 2020)))
    assert as_filter(both) is both
    assert as_filter("a=1") == parse("a=1")
    assert str(~Has("a") & Has("b") | Has("c")) == "not has a and has b or has c"
    with pytest.raises(InvalidFilterError, match="mapping"):
        as_filter(5)  # type: ignore[arg-type]


MEANING: list[tuple[str, dict[str, Any], bool]] = [
    ("folder = shoes", {"folder": "shoes"}, True),
    ("folder = shoes", {"folder": "Shoes"}, False),
    ("folder != shoes", {}, True),
    ("not folder = shoes", {}, True),
    ("folder < z", {}, False),
    ("tags = red", {"tags": ["blue", "red"]}, True),
    ("tags != red", {"tags": ["blue", "red"]}, False),
    ("has tags", {"tags": []}, False),
    ("has x", {"x": None}, False),
    ("has x", {"x": 0}, True),
    ("has x", {"x": ""}, True),
    ("year = 2020", {"year": 2020}, True),
    ("year = 2020", {"year": "2020"}, True),
    ("year = 2020", {"year": 2020.0}, True),
    ("year = '2020'", {"year": 2020}, False),
    ("year >= 2020", {"year": "2021"}, True),
    ("price = 19.9", {"price": "19.90"}, True),
    ("x = 1", {"x": True}, False),
    ("x = true", {"x": 1}, False),
    ("x = true", {"x": "True"}, True),
    ("x = false", {"x": False}, True),
    ("caption ~ BIKE", {"caption": "two bikes"}, True),
    ("caption ~ STRASSE", {"caption": "Straße"}, True),
    ("x ~ 5", {"x": 555}, False),
    ("x in (1, two)", {"x": "two"}, True),
    ("x in (1, two)", {"x": [3, 1]}, True),
    ("name >= m", {"name": "n"}, True),
    ("name < m", {"name": 5}, False),
    ("near(52.52, 13.405, 878)", {"lat": 48.8566, "lon": 2.3522}, True),  # Berlin to Paris: 877.5 km
    ("near(52.52, 13.405, 877)", {"lat": 48.8566, "lon": 2.3522}, False),
    ("near(52.52, 13.405)", {"lat": "52.6", "lon": "13.4"}, True),  # of a CSV table
    ("near(0, 179.99, 3)", {"lat": 0, "lon": -179.99}, True),
    ("near(90, 0, 1)", {"lat": 90, "lon": 137}, True),
    ("near(0, 0, 20038)", {"lat": 0, "lon": 180}, True),
    ("near(0, 0)", {"lat": 0}, False),
    ("near(0, 0)", {"lat": "nowhere", "lon": 0}, False),
    ("near(0, 0, 20038)", {"lat": 91, "lon": 0}, False),
    ("not near(0, 0)", {}, True),
    ("taken_at >= 2020", {"taken_at": "2020-01-01T00:00:00"}, True),
    ("taken_at > 2020", {"taken_at": "2020-05-01T00:00:00"}, False),
    ("taken_at <= 2020", {"taken_at": "2020-12-31T23:59:59"}, True),
    ("taken_at < 2020-05", {"taken_at": "2020-04-30T23:59:59"}, True),
    ("taken_at = 2020-02", {"taken_at": "2020-02-29T12:00:00"}, True),
    ("taken_at = 2021-02", {"taken_at": "2021-03-01T00:00:00"}, False),
    ("taken_at = 2020-02-29T12:00", {"taken_at": "2020-02-29T12:00:59"}, True),
    ("mtime = 2020-01-01T11:00:00Z", {"mtime": "2020-01-01T12:00:00+01:00"}, True),
    ("taken_at = 9999", {"taken_at": "9999-12-31T23:59:59"}, True),
    ("taken_at >= 2020", {"taken_at": "unknown"}, False),
    ("day >= 2024-05", {"day": "2024-05-03"}, True),
    ("day < 2024-05", {"day": "banana"}, False),
]


@pytest.mark.parametrize(("text", "payload", "expected"), MEANING)
def test_meaning(text: str, payload: dict[str, Any], expected: bool) -> None:
    assert matches(parse(text), payload) is expected


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAMES = st.sampled_from(["a", "in", "my column", 'q"', "back\\", "größe"]) | TEXT.filter(bool)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.one_of(
    st.builds(Compare, NAMES, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), TEXT | NUMBERS),
    st.builds(Compare, NAMES, st.sampled_from(["=", "!="]), st.booleans()),
    st.builds(Compare, st.just("width"), st.just("<"), NUMBERS),
    st.builds(Compare, st.just("taken_at"), st.just("<"), st.dates().map(str)),
    st.builds(In, NAMES, st.lists(TEXT | NUMBERS | st.booleans(), min_size=1, max_size=3).map(tuple)),
    st.builds(Contains, NAMES, TEXT),
    st.builds(Has, NAMES),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda p: And(tuple(p))),
        st.lists(inner, min_size=2, max_size=3).map(lambda p: Or(tuple(p))),
        inner.map(Not),
    ),
    max_leaves=6,
)


@given(FILTERS)
@example(Compare("x", "=", 1e300))
@example(Compare("x", "=", 5e-324))
@example(Compare("x", "=", -0.1))
@example(Compare("x", "=", 1.0))
@example(Compare("x", "=", ""))
@example(Not(Not(And((Has("a"), Or((Has("b"), Has("c"))))))))
def test_text_of_a_filter_reads_back_as_the_same(filter: Filter) -> None:
    again = parse(str(filter))
    assert repr(again) == repr(filter)
    assert str(again) == str(filter)


@given(st.text(max_size=40) | st.text("()=<>~!,'\" ainot1.\\", max_size=40))
def test_any_text_is_read_or_refused_by_our_error(text: str) -> None:
    try:
        parse(text)
    except InvalidFilterError as error:
        assert error.message and error.remedy

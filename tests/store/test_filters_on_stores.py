"""Every store and the plain predicate agree on every filter and payload."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagefinder.store.base import Point, Store, VectorParams
from imagefinder.store.exact import ExactStore
from imagefinder.store.filters.parse import And, Compare, Contains, Filter, Has, In, Near, Not, Or, Says, parse
from imagefinder.store.filters.predicate import matches
from imagefinder.store.stores import STORES, find_store

WORDS = ["red", "Red", "", "5", "5.0", "2020", "true", "straße", "STRASSE", "a b", "2024-05", "2024-05-01"]
TEXT = st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
WHOLE = st.sampled_from([0, 1, 5, -5, 2020, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)]) | st.integers(-9, 9)
NUMBERS = WHOLE | st.sampled_from([5.0, 0.5, -0.0, 2.0**53, 2020.5]) | st.floats(-10, 10)
DATES = st.datetimes().map(lambda d: d.isoformat()) | st.sampled_from(
    [
        "2024-05-01",
        "2024-05-01T10:00:00Z",
        "2024-05-01 10:00:00.25",
        "2024-05-01T12:00:00+02:00",
        "2024",
        "2024-05",
        "2024-05-01T10:00",
        "2024-05-01 10:00",
        "never",
        "",
    ]
)
LITERAL_DATES = st.sampled_from(
    ["2024", "2024-05", "2024-05-01", "2024-05-01T10:00", "2024-05-01T10:00:00", "9999", "0001"]
)
SCALARS = TEXT | NUMBERS | st.booleans()
PHRASES = st.lists(st.sampled_from(["red", "Red bikes", "bike", "the", "5", "b", "stra\u00dfe"]), max_size=3).map(
    " ".join
)
ANY = ["year", "my column", 'q"', "a.b", "a[0]"]
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **{field: SCALARS | st.none() | st.lists(SCALARS, max_size=3) for field in ANY},
    "folder": TEXT,
    "uri": st.sampled_from(["/p/redBike 5.jpg", "https://x.org/a%20b.png?red=1"]),
    "name": PHRASES,
    "tags": st.lists(TEXT, max_size=3),
    "caption": TEXT,
    "width": WHOLE,
    "taken_at": DATES,
    "lat": st.floats(-90, 90) | SCALARS | st.none(),
    "lon": st.floats(-180, 180) | SCALARS | st.lists(SCALARS, max_size=2),
}
PAYLOADS = st.fixed_dictionaries({}, optional=FIELDS)
OPS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
TEXT_FIELDS = st.sampled_from(["folder", "tags", "caption", *ANY])
LEAVES: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Compare, TEXT_FIELDS, OPS, TEXT | NUMBERS | LITERAL_DATES),
    st.builds(Compare, TEXT_FIELDS, st.sampled_from(["=", "!="]), st.booleans()),
    st.builds(Compare, st.just("width"), OPS, NUMBERS),
    st.builds(Compare, st.just("taken_at"), OPS, LITERAL_DATES),
    st.builds(In, TEXT_FIELDS, st.lists(SCALARS, min_size=1, max_size=3).map(tuple)),
    st.builds(Contains, st.sampled_from([*FIELDS]), TEXT),
    st.builds(Has, st.sampled_from([*FIELDS])),
    st.builds(Says, st.sampled_from(["*", "name", "uri", *FIELDS]), PHRASES, st.sampled_from(["all", "any", "phrase"])),
    st.builds(Near, st.floats(-90, 90), st.floats(-180, 180), st.floats(0.1, 20_038)),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda p: And(tuple(p))),
        st.lists(inner, min_size=2, max_size=3).map(lambda p: Or(tuple(p))),
        inner.map(Not),
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module", params=[name for name in STORES if name != "exact"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    kind = find_store(request.param)
    at = (
        request.getfixturevalue(request.param).address()
        if kind.schemes
        else tmp_path_factory.mktemp("store") / "points"
    )
    store = kind.create(at)
    store.create_vector("v", VectorParams(2))
    yield store
    store.close()


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=st.lists(PAYLOADS, min_size=1, max_size=8), filters=st.lists(FILTERS, min_size=1, max_size=6))
def test_the_store_agrees_with_the_predicate(
    stored: Store, payloads: list[dict[str, Any]], filters: list[Filter]
) -> None:
    stored.delete([point.id for page in stored.scroll() for point in page])
    exact = ExactStore()
    exact.create_vector("v", VectorParams(2))
    points = [Point(str(uuid.UUID(int=n)), p, {"v": np.array([1, n])}) for n, p in enumerate(payloads)]
    for store in (stored, exact):
        store.upsert(points)
    for filter in filters:
        expected = [p.id for page in exact.scroll(filter=filter) for p in page]
        assert [p.id for page in stored.scroll(filter=filter) for p in page] == expected, filter
        assert stored.count(filter) == len(expected)
        assert sorted(h.id for h in stored.query("v", np.ones(2), 99, filter=filter)) == expected


def test_answers_follow_writes(stored: Store) -> None:
    stored.delete([point.id for page in stored.scroll() for point in page])
    filter = parse("caption ~ BIKE or year > 2000")
    one, two = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))
    assert stored.count(filter) == 0
    stored.upsert([Point(one, {"caption": "a bike"}, {}), Point(two, {"year": "2001"}, {})])
    assert stored.count(filter) == 2
    stored.set_payload(one, {})
    assert stored.count(filter) == 1
    stored.delete([two])
    assert stored.count(filter) == 0


def test_numbers_true_and_text_are_kept_apart(stored: Store) -> None:
    stored.delete([point.id for page in stored.scroll() for point in page])
    values: list[Any] = [1, 1.0, True, "1", "true"]
    stored.upsert([Point(str(uuid.UUID(int=n)), {"x": v}, {}) for n, v in enumerate(values)])
    found = {
        text: [int(p.id[-1]) for page in stored.scroll(filter=parse(text)) for p in page]
        for text in ("x=1", "x='1'", "x=true", "x=1.0")
    }
    assert found == {"x=1": [0, 1, 3], "x='1'": [3], "x=true": [2, 4], "x=1.0": [0, 1, 3]}


def test_places_as_near_as_numbers_can_tell(stored: Store) -> None:
    stored.delete([point.id for page in stored.scroll() for point in page])
    tiny: list[Any] = [0, 5e-324, -5e-324, 1e-200, 1e-160, "0.0", "0.00000001", -0.0, 90, -90]
    places = [{"lat": lat, "lon": lon} for lat in tiny for lon in (*tiny[:-2], 180)]
    points = [Point(str(uuid.UUID(int=n)), place, {}) for n, place in enumerate(places)]
    stored.upsert(points)
    for lat, lon in ((0.0, 0.0), (5e-324, -5e-324), (1e-160, -1e-200), (90.0, 5e-324)):
        expected = [p.id for p in points if matches(Near(lat, lon, 0.1), p.payload)]
        assert [p.id for page in stored.scroll(filter=Near(lat, lon, 0.1)) for p in page] == expected
        assert 9 <= len(expected) <= 64

"""Values that nobody expects, for the tests of what people and programs may send."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

NAMES = ("__proto__", "constructor", "toString", "hasOwnProperty", "id", "uri", "", " ", "a\x00b", "x" * 300)
NUMBERS = (0, -1, 1, 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30, -0.0, 1e-320, 1e308)
WRONG_NUMBERS = (float("nan"), float("inf"), -float("inf"))
TEXTS = (
    "\ud800",
    "a\udfffb",
    "\x00",
    "\x1b[31m",
    "\r\n",
    "\u202e",
    "\U0001f468\u200d\U0001f469",
    "e\u0301" * 40,
    "' or 1=1 --",
    "../../etc/passwd",
    "~nosuchuser/x",
    "file:///etc/passwd",
    "http://[::1",
    "http://" + "a" * 300 + "/",
    "data:image/png;base64,AAAA",
    "data:image/png;base64,=====",
    "id:" + "0" * 36,
    "latest",
    "-1",
    "1e999",
    "NaN",
    "null",
    "%00",
    "x" * 20_001,
)


def nested(depth: int, inside: Any = 1) -> Any:
    """A value this deep, of lists and objects in turn."""
    for level in range(depth):
        inside = [inside] if level % 2 else {"a": inside}
    return inside


def values(*known: Any) -> st.SearchStrategy[Any]:
    """Any JSON, and what Python's JSON writes although it is none; ``known`` are values that mean something here."""
    leaves = st.one_of(
        st.none(),
        st.booleans(),
        st.sampled_from(NUMBERS),
        st.sampled_from(WRONG_NUMBERS),
        st.sampled_from(TEXTS),
        st.sampled_from(NAMES),
        st.integers(),
        st.floats(),
        st.text(max_size=40),
        *([st.sampled_from(known)] if known else []),
    )
    deep = st.sampled_from((33, 120, 300)).map(nested)
    names = st.one_of(st.sampled_from(NAMES), st.text(max_size=10))
    return st.one_of(
        leaves,
        st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4)),
        deep,
    )


def places(value: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside a value, and to itself."""
    found = [where]
    if isinstance(value, dict):
        for name, inner in value.items():
            found += places(inner, (*where, name))
    if isinstance(value, list):
        for i, inner in enumerate(value):
            found += places(inner, (*where, i))
    return found


GRAVE = (nested(300), 10**30, float("nan"), "\ud800", "\x00", "x" * 20_001, [], {}, None, -1)


def each_place(value: Any) -> Iterator[Any]:
    """A value with each of the gravest in each place of it, one at a time."""
    for *way, last in filter(None, places(value)):
        for grave in GRAVE:
            again = copy.deepcopy(value)
            home = again
            for step in way:
                home = home[step]
            home[last] = grave
            yield again


@st.composite
def changed(draw: Any, value: Any, odd: st.SearchStrategy[Any]) -> Any:
    """A value with something odd in one place of it: in the place of what was there, beside it, or nothing at all."""
    value = copy.deepcopy(value)
    *way, last = draw(st.sampled_from([w for w in places(value) if w] or [(None,)]))
    if last is None:
        return draw(odd)
    home = value
    for step in way:
        home = home[step]
    how = draw(st.sampled_from(("replace", "replace", "replace", "remove", "beside", "whole")))
    if how == "whole":
        return draw(odd)
    if how == "remove":
        del home[last]
    elif how == "replace":
        home[last] = draw(odd)
    elif isinstance(home, dict):
        home[draw(st.sampled_from((*NAMES, "kk", "filtre", "tag")))] = draw(odd)
    else:
        home.insert(last, draw(odd))
    return value

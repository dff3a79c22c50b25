"""Patterns of ignore files: what they match, and that no pattern takes long."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder.errors import InvalidFilterError, InvalidInputError
from imagefinder.images.dates import named
from imagefinder.images.globs import LONGEST, Globs
from imagefinder.images.ignore import PATTERNS, Rules
from imagefinder.store.filters.parse import parse


@pytest.mark.parametrize(
    ("pattern", "path", "said"),
    [
        ("*.png", "a/b.png", True),
        ("*.png", "a/b.png.jpg", None),
        ("/a.png", "b/a.png", None),
        ("a/*.png", "a/b/c.png", None),
        ("a/**/c.png", "a/c.png", True),
        ("a/**/c.png", "a/x/y/c.png", True),
        ("**/x/**", "a/x/b.png", True),
        ("**/x/**", "a/x", None),
        ("drafts/", "drafts", None),
        ("drafts/", "a/drafts/b.png", True),
        ("[a-c]?.png", "bx.png", True),
        ("[!a-c]?.png", "bx.png", None),
        ("[[:digit:]]*.png", "7a.png", True),
        ("[]-]x.png", "]x.png", True),
        ("[z-a].png", "m.png", None),
        ("[a.png", "[a.png", None),
        (r"\#x", "#x", True),
        (r"\!x", "!x", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", None),
        ("x\\ ", "x ", True),
        ("# note", "# note", None),
        ("!a", "a", False),
    ],
)
def test_what_a_pattern_matches(pattern: str, path: str, said: bool | None) -> None:
    assert Globs([pattern]).check(path) is said


def test_the_last_pattern_decides_and_a_file_named_itself_weighs_more() -> None:
    assert Globs(["*.png", "!keep.png"]).check("a/keep.png") is False
    assert Globs(["!keep.png", "*.png"]).check("a/keep.png") is True
    assert Globs(["!a/b.png", "a/"]).check("a/b.png") is False


PARTS = st.sampled_from(["a", "b", "*", "**", "?", "[ab]", "/", "//", ".", "\\*", "a*", "*b", "!"])


@settings(max_examples=600, deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=7), st.lists(st.sampled_from("abc/"), min_size=1, max_size=9))
def test_the_same_as_pathspec(pattern: list[str], path: list[str]) -> None:
    """As ``pathspec`` reads it, which asks a regular expression, but for [!a], which there may be a slash."""
    pathspec = pytest.importorskip("pathspec")
    text, name = "".join(pattern), "/".join(part for part in "".join(path).split("/") if part)
    if not name:
        return
    try:
        theirs = pathspec.GitIgnoreSpec.from_lines([text])
    except ValueError:
        with pytest.raises(ValueError):
            Globs([text])
        return
    for asked in (name, f"{name}/"):
        assert Globs([text]).check(asked) is theirs.check_file(asked).include


def steps(work: Callable[[], object]) -> int:
    """The lines of Python that run. What ``re`` does in between is bounded by its having nothing to try again."""
    count = 0

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 200 + "b", "a" * 250),
        ("*" * 400 + "b", "a" * 250),
        ("*?" * 200 + "b", "a" * 250),
        ("**/" * 150 + "b", "a/" * 1000 + "a"),
        ("**/a/" * 120 + "b", "a/" * 1000 + "a"),
        ("**/*a*/" * 100 + "b", "a/" * 1000 + "a"),
        ("[ab]*" * 190 + "c", "ab" * 120),
        ("a/" * 400 + "b", "a/" * 1000 + "a"),
    ],
)
def test_no_pattern_takes_long(pattern: str, path: str) -> None:
    """Steps grow with the product of both lengths at most: half of each, and there are no fewer than a quarter."""
    whole, half = Globs([pattern]), Globs([pattern[: len(pattern) // 2]])
    assert whole.check(path) in (None, True)
    assert steps(lambda: whole.check(path)) <= 8 * steps(lambda: half.check(path[: len(path) // 2])) + 20_000


def test_too_many_or_too_long_patterns_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="10,000 are allowed"):
        Rules(exclude=["a"] * (PATTERNS + 1))
    with pytest.raises(InvalidInputError, match="1,000 are allowed"):
        Rules(include=["a" * (LONGEST + 1)])


@pytest.mark.timeout(20)
def test_a_name_that_a_search_for_dates_could_read_for_ever() -> None:
    assert named("2020-01-01" + "   at" * 2000 + "x.jpg") == "2020-01-01"
    assert named("2020-01-01  at  10.00.00.jpg") == "2020-01-01T10:00:00"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit", ["a=1 or ", "(", "not ", '"', "'\\", "a in (1,", "~", 'a ~ "x" and ', "\\", " ", "a = ", "1.", "!"]
)
def test_a_filter_is_read_in_steps_that_grow_with_its_length(unit: str) -> None:
    def read(length: int) -> int:
        def work() -> None:
            with suppress(InvalidFilterError):
                parse((unit * length)[:length])

        return steps(work)

    assert read(16_000) <= 5 * read(4000) + 1000


def test_a_filter_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidFilterError, match="200,000 are allowed"):
        parse("a = 1 or " * 30_000)

"""Which copy to keep, what was decided, and groups without chains."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.duplicates.decisions import Decided, Decision, Decisions
from imagefinder.duplicates.matching.best_copy import Copy, best_first, check_rules, reason
from imagefinder.duplicates.matching.stars import stars, two_steps
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.types import Record


def copy(uri: str = "/a/x.jpg", **facts: object) -> Copy:
    own = {name: facts.pop(name) for name in ("reference", "place", "content") if name in facts}
    base = {"width": 100, "height": 100, "format": "JPEG", "bytes": 10, "mtime_ns": 5}
    return Copy(Record(id=uri, uri=uri, **{**base, **facts}), **own)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("better", "worse", "why"),
    [
        (copy(reference=True), copy("/b", width=900), "reference folder"),
        (copy(place=0), copy("/b", width=900), "folder is preferred"),
        (copy(place=0), copy("/b", place=1), "folder is preferred"),
        (copy(width=200), copy("/b", format="PNG"), "more pixels: 200x100 against 100x100"),
        (copy(), copy("/b", width=120, height=110, content=0.76), "border or bar"),
        (copy(format="PNG"), copy("/b", bytes=999), "better format: PNG against JPEG"),
        (copy(taken_at="2020-01-01T00:00:00"), copy("/b", bytes=999), "when it was taken"),
        (copy(bytes=11), copy("/b", mtime_ns=1), "more bytes: 11 against 10"),
        (copy(mtime_ns=4), copy("/b"), "older"),
        (copy("/a/long/name.jpg"), copy("/a/name (1).jpg"), "named like a copy"),
        (copy("/a/long/name.jpg"), copy("/a/Copy of name.jpg"), "named like a copy"),
        (copy("/a/x.jpg"), copy("/a/b/x.jpg"), "shorter path"),
        (copy("/a/x.jpg"), copy("/a/y.jpg"), "first by path"),
    ],
)
def test_the_first_rule_that_differs_decides_and_is_named(better: Copy, worse: Copy, why: str) -> None:
    assert best_first([worse, better]) == [1, 0]
    assert why in reason(better, [worse])


def test_rules_may_be_put_in_another_order() -> None:
    rules = check_rules(["oldest"])
    assert rules[:3] == ("reference", "whole", "oldest")
    assert check_rules(["oldest", "whole"])[:3] == ("reference", "oldest", "whole")
    old, large = copy(mtime_ns=1), copy("/b", width=900, mtime_ns=2)
    assert best_first([large, old], rules) == [1, 0]
    assert best_first([large, old]) == [0, 1]
    with pytest.raises(NotFoundError, match="Did you mean 'oldest'"):
        check_rules(["odest"])


def test_a_decision_holds_in_either_order_and_can_be_forgotten() -> None:
    decided = Decided(Decision.NOT_DUPLICATE, "2026-01-01", ("first", "second"))
    known = Decisions().with_pair("b", "a", decided)
    assert (
        known.get("a", "b") == known.get("b", "a") == Decided(Decision.NOT_DUPLICATE, "2026-01-01", ("second", "first"))
    )
    assert known.get("a", "a") is None
    assert known.without("a", "b").get("a", "b") is None


def test_of_two_decisions_about_a_pair_the_later_counts() -> None:
    early = Decisions().with_pair("a", "b", Decided(Decision.KEEP_BOTH, "2026-01-01"))
    late = Decisions().with_pair("a", "b", Decided(Decision.NOT_DUPLICATE, "2026-01-02"))
    for merged in (early.merged(late), late.merged(early)):
        assert merged.get("a", "b") == Decided(Decision.NOT_DUPLICATE, "2026-01-02")


names = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=5)


@given(st.lists(st.tuples(names, names, st.sampled_from(Decision), names)))
def test_decisions_survive_being_written(rows: list[tuple[str, str, Decision, str]]) -> None:
    known = Decisions()
    for a, b, decision, when in rows:
        known = known.with_pair(a, b, Decided(decision, when, (a, b)))
    assert Decisions.from_dict(json.loads(json.dumps(known.to_dict()))) == known


@pytest.mark.parametrize(
    "value",
    [None, [], {}, {"version": 1}, {"version": "1", "pairs": []}, {"version": 99, "pairs": []}]
    + [{"version": 1, "pairs": [row]} for row in ({}, 3, {"a": 1, "b": 2, "decision": "maybe", "when": ""})],
)
def test_what_are_no_decisions_is_refused(value: object) -> None:
    with pytest.raises(InvalidInputError):
        Decisions.from_dict(value)


def test_a_chain_is_not_one_group() -> None:
    """A~B, B~C, C~D, of which A is the best: only B was compared with A."""
    assert stars([0, 1, 2, 3], [(0, 1), (1, 2), (2, 3)], lambda a, b: False) == {0: [1], 2: [3]}
    assert list(two_steps([0, 1, 2, 3], [(0, 1), (1, 2), (2, 3)])) == [(0, 2), (1, 3)]


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda p: p[0] < p[1])),
    st.permutations(range(13)),
)
def test_groups_are_stars_around_their_best(edges: list[tuple[int, int]], order: list[int]) -> None:
    apart = {(a, b) for a, b in edges if (a + b) % 7 == 0}
    allowed = [e for e in edges if e not in apart]
    groups = stars(order, allowed, lambda a, b: (min(a, b), max(a, b)) in apart)
    seen = [image for centre, members in groups.items() for image in (centre, *members)]
    assert len(seen) == len(set(seen))
    for centre, members in groups.items():
        assert members
        assert all((min(centre, m), max(centre, m)) in allowed for m in members)
        assert all(order.index(centre) < order.index(m) for m in members)
        together = sorted((centre, *members))
        assert not any((a, b) in apart for i, a in enumerate(together) for b in together[i + 1 :])

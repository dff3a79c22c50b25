"""How other programs are judged beside ours: by the same rules, and it is said where they are better."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Modules of benchmarks/peers by their names."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks" / "peers")
    monkeypatch.syspath_prepend(ROOT / "tools")
    return pytest.importorskip


def test_copies_count_by_what_is_connected(peers: Any) -> None:
    copies: ModuleType = peers("copies")
    groups = copies.components([["a--0.jpg", "a--1.jpg"], ["a--1.jpg", "a--2.jpg"], ["b--0.jpg", "c--3.jpg"]])
    assert sorted(map(len, groups)) == [2, 3]
    found = copies.judge_copies(groups)
    assert [found["edits"][edit] for edit in list(copies.EDITS)[:3]] == [pytest.approx(1 / 150, abs=1e-3)] * 2 + [0]
    assert found["precision"] == 0.75, "three pairs of one photo, and one of two"


def test_poor_pictures_count_when_they_are_named_for_what_they_are(peers: Any) -> None:
    said = {"a--dark.jpg": ["dark"], "b--dark.jpg": ["blurry"], "a--tiny.jpg": ["odd_size"], "a--good.jpg": ["bright"]}
    rest = {f"a--{kind}.jpg": list[str]() for kind in ("blurred", "washed_out")}
    found = peers("copies").judge_issues(said | rest)
    assert found == {"named": {"blurred": 0, "dark": 0.5, "washed out": 0, "tiny": 1}, "good ones named": 1}


def test_the_nearest_are_those_of_all_pairs(peers: Any) -> None:
    vectors: ModuleType = peers("vectors")
    rows, queries = vectors.clustered(500)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    found = vectors.nearest(rows, queries[:3])
    for query, ten in zip(queries, found, strict=False):
        scores = rows @ query
        assert scores[ten].min() >= np.delete(scores, ten).max()


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (10.0, 20.0, "First in time: ImageFinder."),
        (20.8, 20.0, "First in time: x; ImageFinder within 5 %."),
        (40.0, 20.0, "First in time: **x**; ImageFinder behind by a factor of 2.00."),
        (20.0, 20.0, "First in time: ImageFinder, with others."),
    ],
)
def test_it_is_said_who_is_first(peers: Any, ours: float, theirs: float, said: str) -> None:
    rows = {"imagefinder, default": {"s": ours}, "x": {"s": theirs}}
    assert said in peers("peer_tables")._placed(rows, {"time": (lambda row: row["s"], False)})

"""What people say is checked before it is kept; what was kept before there was a check is shown as far as it can be,
and can be taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import odd
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder import ImageFinder
from imagefinder._util.values import is_plain, plain, showable
from imagefinder.errors import InvalidInputError
from imagefinder.server.app import create_app
from imagefinder.server.as_json import to_json

UNKEPT = {
    "a.a.a": odd.nested(300),
    "64 bits": {"n": 10**30},
    "no number": {"n": float("nan")},
    "half of a character": {"words": "\ud800"},
    "no text": {1: 2},
    "type object": {"x": object()},
    "too large": {"x": "a" * 300_000},
    "half of a": {"\udfff": 1},
}


@pytest.fixture
def finder(sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Any:
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        yield finder


def test_a_query_that_cannot_be_kept_is_refused_with_the_place(finder: ImageFinder) -> None:
    ids = finder.columns(["id"])["id"][:1]
    for said, query in UNKEPT.items():
        with pytest.raises(InvalidInputError) as refused:
            finder.feedback.add(query if isinstance(query, dict) else {"a": query}, ids)
        assert said in str(refused.value).replace("[0]", ".a"), refused.value
    assert len(finder.feedback) == 0
    kept = {"words": "x", "box": (0.1, 0.2), "n": 2**63 - 1, "deep": odd.nested(28), "\u202e": "\x01\x1b"}
    finder.feedback.add(kept, ids)
    assert finder.feedback.list()[0].query == {**kept, "box": [0.1, 0.2]}


@pytest.mark.files
def test_what_was_kept_before_there_was_a_check_is_shown_and_can_be_removed(finder: ImageFinder) -> None:
    id = finder.columns(["id"])["id"][0]
    judged = [{"id": id, "content_hash": "c" * 32}]
    rows = [
        {"id": f"{i:032x}", "created": "2026-01-01", "query": query, "liked": judged, "disliked": []}
        for i, query in enumerate(({"a": odd.nested(300)}, {"n": 10**30}, {"w": "\ud800"}, {"w": "right"}))
    ]
    path = finder._collection.index.path / "feedback.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"id": "\\ud800"' + "\n", "ascii")
    assert [dict(j.query) for j in finder.feedback.list()] == [{"w": "right"}, {}, {}, {}]
    with TestClient(create_app(finder), base_url="http://localhost", raise_server_exceptions=False) as client:
        shown = client.get("/v1/feedback")
        assert shown.status_code == 200 and shown.json()["total"] == 4
        for row in shown.json()["feedback"]:
            assert client.delete(f"/v1/feedback/{row['id']}").status_code == 204
        assert client.get("/v1/feedback").json() == {"total": 0, "feedback": []}


def test_fields_that_the_server_cannot_write_do_not_hide_the_others() -> None:
    """As an older version, or another program, may have stored them."""
    rows = {"images": [{"a": "right"}, {"a": 10**30, "b": "\ud800", "c": odd.nested(400), "\udfff": 1, "d": object}]}
    shown = json.loads(to_json(rows))["images"]
    assert shown[0] == {"a": "right"} and int(shown[1]["a"], 16) == 10**30
    assert shown[1]["b"] == "?" and shown[1]["?"] == 1


VALUES = odd.values("a")


def test_what_is_plain_comes_back_and_all_else_can_be_shown(tried: Callable[[int], settings]) -> None:
    @tried(150)
    @given(VALUES | st.dictionaries(st.integers(), st.binary()))
    def holds(value: Any) -> None:
        if is_plain(value):
            kept = plain(value, "it", most=1 << 30)
            assert json.loads(json.dumps(kept, allow_nan=False).encode()) == kept == value or value != value
        shown = showable(value)
        json.dumps(shown, allow_nan=False, ensure_ascii=False, default=str).encode()

    holds()

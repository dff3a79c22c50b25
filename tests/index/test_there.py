"""Images that may have gone meanwhile, read a part at a time."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from imagefinder.index import there
from imagefinder.store.base import Point
from imagefinder.store.exact import ExactStore


def test_many_points_are_read_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [str(uuid.UUID(int=n)) for n in range(25)]
    store = ExactStore()
    store.upsert([Point(id, {"n": n}, {}) for n, id in enumerate(ids) if n % 5])
    asked: list[int] = []
    retrieve = store.retrieve

    def noted(some: list[str], **kwargs: Any) -> list[Point]:
        asked.append(len(some))
        return retrieve(some, **kwargs)

    monkeypatch.setattr(store, "retrieve", noted)
    monkeypatch.setattr(there, "BATCH", 10)
    found = [point.payload["n"] for point in there.each_there(store, reversed(ids))]
    assert found == [n for n in reversed(range(25)) if n % 5] and asked == [10, 10, 5]

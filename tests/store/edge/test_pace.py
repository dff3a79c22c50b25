"""So many points in one operation that others are not held up for long."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from imagefinder.store.base import Point
from imagefinder.store.edge import pace
from imagefinder.store.edge.store import EdgeStore

IDS = [str(uuid.UUID(int=n + 1)) for n in range(3000)]


@pytest.mark.parametrize("field", ["cluster", "cluster_name"])
def test_long_operations_become_shorter_and_longer_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    """By a clock that operations move, by so much a point as is set here."""
    now, each, done = [0.0], [0.0], []
    store = EdgeStore.create(tmp_path / "points", {})
    store.upsert([Point(id, {"uri": f"/{n}.jpg"}, {}) for n, id in enumerate(IDS)])
    do = EdgeStore._do

    def timed(self: EdgeStore, operation: Any, n_points: int, **kwargs: Any) -> None:
        do(self, operation, n_points, **kwargs)
        now[0] += each[0] * n_points
        done.append(n_points)

    monkeypatch.setattr(EdgeStore, "_do", timed)
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])

    def longest(value: int, takes: float) -> int:
        each[0] = takes
        done.clear()
        store.merge_payload(IDS, {field: value if field == "cluster" else f"word {value}"})
        return max(done)

    assert longest(1, 1e-6) == pace.MOST
    longest(2, 1e-3)
    assert pace.LEAST <= longest(3, 1e-3) <= 100
    longest(4, 1e-6)
    assert longest(5, 1e-6) == pace.MOST
    wanted = 5 if field == "cluster" else "word 5"
    assert store.columns([field])[field] == [wanted] * len(IDS)
    store.close()

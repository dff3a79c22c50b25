"""Columns are read once and brought up to date: what filters, counts and columns say is what the records say."""

from __future__ import annotations

import random
import threading
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagefinder.store.base import Point, VectorParams
from imagefinder.store.edge import columns as kept_columns
from imagefinder.store.edge import reader
from imagefinder.store.edge.store import EdgeStore
from imagefinder.store.exact import ExactStore
from imagefinder.store.filters.parse import parse

VECTORS = {"space": VectorParams(4)}
FILTERS = (
    "price < 10",
    "price = 3 or brand = b1",
    "not brand ~ B",
    "has note",
    "year in (2001, 2003) and price > 5",
    "taken_at >= 2004",
    "odd = true",
    "tags = x and price < 90",
    "brand != b2",
    "folder = f1",
)
FIELDS = ("id", "price", "tags", "brand", "nothing")


def payload(rng: random.Random) -> dict[str, Any]:
    row = {
        "uri": f"/a/{rng.random()}.jpg",
        "folder": f"f{rng.randrange(3)}",
        "price": rng.choice([1, 3, 3.0, "3", 7.5, 88, True, None, [2, 99]]),
        "brand": rng.choice(["b1", "B2", "", ["b1", "x"]]),
        "year": rng.choice([2001, 2003, "2003"]),
        "tags": rng.choice([["x"], ["x", "y"], []]),
        "taken_at": f"200{rng.randrange(9)}-05-01T10:00:00",
        "odd": rng.choice([True, "true", 1, False]),
    }
    return {**row, "note": "n"} if rng.random() < 0.2 else {k: v for k, v in row.items() if v is not None}


def point(i: int, rng: random.Random) -> Point:
    return Point(str(uuid.UUID(int=i * 7919 + 1)), payload(rng), {"space": np.ones(4, np.float32)})


def both(tmp_path: Path) -> tuple[EdgeStore, ExactStore, random.Random]:
    rng = random.Random(5)
    edge, exact = EdgeStore.create(tmp_path / "points", VECTORS), ExactStore.create()
    exact.start_over(VECTORS)
    first = [point(i, rng) for i in range(150)]
    for store in (edge, exact):
        store.upsert(first)
    return edge, exact, rng


def compare(edge: EdgeStore, exact: ExactStore) -> None:
    for text in FILTERS:
        filter = parse(text)
        assert edge.columns(FIELDS, filter=filter) == exact.columns(FIELDS, filter=filter), text
        assert edge.count(filter) == exact.count(filter), text
    assert edge.columns(FIELDS) == exact.columns(FIELDS)


@pytest.mark.parametrize("few", [20, 0])  # from the engine where few match, or always
def test_columns_follow_every_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(reader, "FEW", few)
    edge, exact, rng = both(tmp_path)
    compare(edge, exact)
    for step in range(12):
        ids = [id for id in exact.columns(["id"])["id"] if rng.random() < 0.1]
        if step % 4 == 0:
            new = [point(rng.randrange(400), rng) for _ in range(7)]
            new = list({p.id: p for p in new}.values())
            for store in (edge, exact):
                store.upsert(new)
        elif step % 4 == 1:
            changes = {"price": rng.randrange(100), "note": rng.choice([None, "m"]), "tags": ["z"]}
            for store in (edge, exact):
                store.merge_payload(ids, changes)
        elif step % 4 == 2:
            row = payload(rng)
            for store in (edge, exact):
                store.set_payload(ids[0], row)
        else:
            for store in (edge, exact):
                store.delete(ids)
        compare(edge, exact)
    edge.close()


def test_only_what_was_written_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edge, _, rng = both(tmp_path)
    edge.columns(FIELDS)
    monkeypatch.setattr(edge._kept, "_read_all", lambda fields: pytest.fail("all was read again"))
    edge.upsert([point(500, rng)])
    assert len(edge.columns(FIELDS)["id"]) == 151 and edge.count(parse("brand = b1")) > 0
    edge.close()


def test_who_gets_a_column_may_change_it(tmp_path: Path) -> None:
    edge, exact, _ = both(tmp_path)
    for found in edge.columns(("tags",))["tags"]:
        if found:
            found.clear()
    assert edge.columns(("tags",)) == exact.columns(("tags",))
    edge.close()


def test_after_many_changes_all_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edge, exact, rng = both(tmp_path)
    edge.columns(FIELDS)
    for start in range(1000, 2300, 50):
        new = [point(i, rng) for i in range(start, start + 50)]
        for store in (edge, exact):
            store.upsert(new)
    assert edge._kept._lost
    compare(edge, exact)
    edge.close()


def test_more_fields_than_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_columns, "MOST_FIELDS", 2)
    edge, exact, _ = both(tmp_path)
    compare(edge, exact)
    assert len(edge._kept._columns) <= 4
    edge.close()


def test_reading_while_another_thread_writes(tmp_path: Path) -> None:
    edge, exact, rng = both(tmp_path)
    changes = [[point(rng.randrange(600), rng)] for _ in range(120)]
    stop = threading.Event()
    failed: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                rows = edge.columns(("id", "price"))
                assert rows["id"] == sorted(set(rows["id"])) and len(rows["price"]) == len(rows["id"])
                edge.count(parse("price < 10"))
                assert (
                    len(edge.query("space", np.ones(4, np.float32), 5, filter=parse("odd = true and price > 2"))) <= 5
                )
                edge._kept.clear()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for new in changes:
        edge.upsert(new)
        exact.upsert(new)
    stop.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert not failed
    compare(edge, exact)
    edge.close()


@pytest.mark.parametrize("deepest", [0, 5000])
def test_searches_among_many_that_fulfil_a_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deepest: int
) -> None:
    """Also where they all lie far from the query."""
    monkeypatch.setattr(reader, "DEEPEST", deepest)
    edge, exact = EdgeStore.create(tmp_path / "points", VECTORS), ExactStore.create()
    exact.start_over(VECTORS)
    rng = np.random.default_rng(0)
    rows = [
        Point(str(uuid.UUID(int=i + 1)), {"far": i >= 900, "third": i % 3, "n": i}, {"space": v})
        for i, v in enumerate([*rng.normal(1, 0.1, (900, 4)), *rng.normal(-1, 0.1, (100, 4))])
    ]
    for store in (edge, exact):
        store.upsert(rows)
    query = np.ones(4, np.float32)
    for text in ("far = true", "third = 1", "n < 980", "n >= 0", "n > 5000", "third = 1 and far = true"):
        for more in ({}, {"offset": 7}, {"min_score": 0.999}, {"exact": True}, {"exclude": [rows[1].id]}):
            one = edge.query("space", query, 5, filter=parse(text), **more)
            other = exact.query("space", query, 5, filter=parse(text), **more)
            assert [(p.id, p.payload) for p in one] == [(p.id, p.payload) for p in other], (text, more)
    edge.close()

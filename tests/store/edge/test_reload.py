"""A store whose engine is closed and loaded again, as for a new vector, is not closed for who reads it meanwhile."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagefinder.errors import IndexFolderError
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.edge import merging, writer
from imagefinder.store.edge.store import EdgeStore
from imagefinder.store.filters.parse import parse

IDS = [str(uuid.UUID(int=i + 1)) for i in range(30)]
READINGS: dict[str, Callable[[EdgeStore], Any]] = {
    "count": lambda store: store.count(),
    "count by a filter": lambda store: store.count(parse("width > 7")),
    "retrieve": lambda store: [p.payload["width"] for p in store.retrieve(IDS[:3])],
    "query": lambda store: [p.id for p in store.query("space", np.ones(4), 5)],
    "query by a filter": lambda store: [p.id for p in store.query("space", np.ones(4), 5, filter=parse("width > 7"))],
    "score": lambda store: store.score("space", np.ones(4), IDS[:3]),
    "scroll": lambda store: [p.id for points in store.scroll() for p in points],
    "columns": lambda store: store.columns(["id", "width"]),
    "columns by a filter": lambda store: store.columns(["width"], filter=parse("width > 7")),
    "coded": lambda store: store.coded(["width"])[1]["width"].objects(None).tolist(),
    "without_vector": lambda store: store.without_vector("space"),
    "approximate": lambda store: store.approximate("space"),
    "needs_merge": lambda store: merging.needs_merge(store, len(IDS)),
}


@pytest.fixture
def store(tmp_path: Path) -> EdgeStore:
    store = EdgeStore.create(tmp_path / "points", {"space": VectorParams(4, "float32")})
    vectors = np.random.default_rng(0).standard_normal((len(IDS), 4), dtype=np.float32)
    store.upsert([Point(id, {"width": i}, {"space": vectors[i]}) for i, id in enumerate(IDS)])
    return store


@pytest.mark.parametrize("name", READINGS)
def test_who_reads_waits_for_it(store: EdgeStore, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    read, loaded = READINGS[name], writer.load_shard
    wanted = read(store)
    closed, asked = threading.Event(), threading.Event()

    def load(*args: Any) -> Any:
        closed.set()
        assert asked.wait(60)
        return loaded(*args)

    monkeypatch.setattr(writer, "load_shard", load)

    def reading() -> Any:
        assert closed.wait(60)
        threading.Timer(0.05, asked.set).start()  # while this one waits
        return read(store)

    with ThreadPoolExecutor(2) as pool:
        writing, found = pool.submit(store.create_vector, "more", VectorParams(2, "float32")), pool.submit(reading)
        assert found.result(60) == wanted
        writing.result(60)
    store.close()
    with pytest.raises(IndexFolderError, match="is closed"):
        read(store)

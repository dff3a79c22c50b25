"""Fields that many images share are written for all of them at once, and what is looked up in words follows, whatever
happens between. Stores of earlier versions have all texts of a record in one list, and work until they are merged."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagefinder.errors import StorageError
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.edge import engine, merging, pace, unsure, writer
from imagefinder.store.edge.store import EdgeStore
from imagefinder.store.edge.words import FORMER, FORMER_SAID, PATH
from imagefinder.store.edge.writer import FEW_SHARING
from imagefinder.store.exact import ExactStore
from imagefinder.store.filters.parse import parse
from imagefinder.store.words import settings

VECTORS = {"space": VectorParams(64, "float16")}
IDS = [str(uuid.UUID(int=7919 * n)) for n in range(60)]
ALL = ("boats", "harbour", "ships", "wet", "dry", "yellow", "picture")


def points() -> list[Point]:
    def one(n: int) -> Point:
        said = {"caption": f"yellow thing {n}", "tags": ["wet"] if n % 2 else [], "cluster_name": "boats"}
        return Point(IDS[n], {"uri": f"/a/picture {n}.jpg", **said}, {"space": np.eye(64, dtype=np.float32)[n]})

    return [one(n) for n in range(len(IDS))]


def earlier(path: Path) -> EdgeStore:
    """An empty store as an earlier version made it."""
    import qdrant_edge

    store = EdgeStore.create(path, VECTORS)
    params = qdrant_edge.TextIndexParams(**settings(), phrase_matching=True, scoring=True)
    store._shard.update(qdrant_edge.UpdateOperation.delete_field_index(PATH))
    store._shard.update(qdrant_edge.UpdateOperation.create_field_index(FORMER, params))
    store._words = FORMER
    return store


def said(store: EdgeStore | ExactStore) -> dict[str, dict[str, float]]:
    return {word: {id: round(score, 4) for id, score in store.match(word, 100).scores.items()} for word in ALL}


def change(store: EdgeStore | ExactStore) -> None:
    store.merge_payload(IDS[:40], {"cluster": 3, "cluster_name": "harbour ships"})
    store.merge_payload(IDS[10:20], {"tags": ["dry", "wet dog"], "rating": 4})
    store.merge_payload(IDS[20:25], {"tags": None, "cluster_name": None})
    store.merge_payload(IDS[:5], {"caption": "blue", "cluster_name": "boats"})
    store.merge_payload(IDS[50:55], {"cluster_name": ""})


def same(store: EdgeStore, *, scores: bool = True) -> None:
    """As an exact store in which the same was done."""
    oracle = ExactStore()
    oracle.create_vector("space", VECTORS["space"])
    oracle.upsert(points())
    change(oracle)
    told, wanted = said(store), said(oracle)
    assert told == wanted if scores else {w: {*s} for w, s in told.items()} == {w: {*s} for w, s in wanted.items()}
    for text in ("cluster_name = 'harbour ships'", "* says wet", 'tags says "wet dog"', "not * says boats"):
        assert store.columns(["id"], filter=parse(text)) == oracle.columns(["id"], filter=parse(text)), text
    records = [dict(p.payload) for p in store.retrieve(IDS)]
    assert records == [dict(p.payload) for p in oracle.retrieve(IDS)]


def operations(store: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    done: list[Any] = []
    do = store._do
    monkeypatch.setattr(
        store, "_do", lambda operation, *args, **how: (done.append(operation), do(operation, *args, **how))
    )
    return done


def test_another_name_of_many_is_few_operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EdgeStore.create(tmp_path / "points", VECTORS)
    store.upsert(points())
    done = operations(store, monkeypatch)
    store.merge_payload(IDS, {"cluster_name": "harbour"})
    assert [(kind, len(args[0])) for kind, args in done] == [("set", 60), ("set", 60)]
    assert said(store)["harbour"].keys() == {*IDS} and not said(store)["boats"]
    done.clear()
    store.merge_payload(IDS, {"rating": 5})
    assert len(done) == 1
    done.clear()
    store.merge_payload(IDS[:FEW_SHARING], {"tags": ["dry"]})
    assert len(done) == FEW_SHARING, "with its words each in one operation, so that nothing comes between"
    store.close()


def test_all_agrees_with_the_oracle(tmp_path: Path) -> None:
    store = EdgeStore.create(tmp_path / "points", VECTORS)
    store.upsert(points())
    change(store)
    same(store)
    store.close()
    assert not (tmp_path / "points" / unsure.NAME).exists()
    again = EdgeStore.open(tmp_path / "points")
    same(again)
    again.close()


def _full(*_: object, **how: object) -> None:
    raise StorageError("The disk is full.")


def test_an_end_between_words_and_fields_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EdgeStore.create(tmp_path / "points", VECTORS)
    store.upsert(points())

    with monkeypatch.context() as broken, pytest.raises(StorageError):
        broken.setattr(store, "_set_fields", _full)
        store.merge_payload(IDS[: FEW_SHARING + 1], {"cluster_name": "harbour"})
    assert said(store)["harbour"].keys() == {*IDS[: FEW_SHARING + 1]}, "so there is something to be mended"
    store.merge_payload(IDS[40:50], {"tags": ["dry"]})  # and what comes later does not hide it
    store.close()
    assert (tmp_path / "points" / unsure.NAME).exists()
    again = EdgeStore.open(tmp_path / "points")
    assert not said(again)["harbour"] and said(again)["boats"].keys() == {*IDS}
    assert said(again)["dry"].keys() == {*IDS[40:50]}
    assert not (tmp_path / "points" / unsure.NAME).exists()
    again.close()


def test_an_end_while_it_is_mended_is_mended_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EdgeStore.create(tmp_path / "points", VECTORS)
    store.upsert(points())
    with monkeypatch.context() as broken, pytest.raises(StorageError):
        broken.setattr(store, "_set_fields", _full)
        store.merge_payload(IDS, {"cluster_name": "harbour"})
    store.close()
    do, done = EdgeStore._do, [0]

    def few(self: EdgeStore, *values: Any, **named: Any) -> None:
        done[0] += 1
        _full() if done[0] > 20 else do(self, *values, **named)

    with monkeypatch.context() as broken:
        broken.setattr(writer, "FLUSH_EVERY", 4)
        broken.setattr(EdgeStore, "_do", few)
        EdgeStore.open(tmp_path / "points").close()
    assert done[0] == 21
    again = EdgeStore.open(tmp_path / "points")
    assert not said(again)["harbour"] and said(again)["boats"].keys() == {*IDS}
    again.close()


def test_what_is_noted_before_words_are_written_does_not_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all that were ever written are mended after a kill: of a million, for minutes."""
    monkeypatch.setattr(pace, "MOST", 40)
    monkeypatch.setattr(writer, "FLUSH_EVERY", 30)
    store = EdgeStore.create(tmp_path / "points", VECTORS)
    store.upsert(points())
    store.merge_payload(IDS[:40], {"cluster_name": "harbour"})
    assert not (tmp_path / "points" / unsure.NAME).exists()
    store.close()


def test_a_store_of_an_earlier_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = earlier(tmp_path / "points")
    store.upsert(points())
    store.close()
    store = EdgeStore.open(tmp_path / "points")
    assert store._words == FORMER
    change(store)
    same(store)
    store.optimize()
    assert store._words == PATH
    same(store)
    store.close()
    again = EdgeStore.open(tmp_path / "points")
    assert again._words == PATH
    same(again)
    raw: list[Mapping[str, Any]] = [r.payload or {} for r in again._shard.retrieve(IDS, True, False)]  # type: ignore[arg-type]
    assert not any(FORMER_SAID in payload for payload in raw)
    again.close()


def test_records_changed_behind_a_graph_are_sealed_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A point whose record is changed leaves the graph: the engine writes its vectors elsewhere."""
    monkeypatch.setattr(merging, "APART_FROM", 5)
    monkeypatch.setattr(engine, "HNSW_FROM", 10)
    store = EdgeStore.create(tmp_path / "points", VECTORS)
    store.upsert(points())
    store.optimize()
    assert store.approximate("space")
    store.close()
    for _ in range(2):
        store = EdgeStore.open(tmp_path / "points")
        change(store)
        store.close()
    again = EdgeStore.open(tmp_path / "points")
    same(again, scores=False)  # what is rare is counted in each part of the store
    assert all(
        again.vectors() == VECTORS and np.argmax(p.vectors["space"]) == n
        for n, p in enumerate(again.retrieve(IDS, vectors=["space"]))
    )
    again.close()

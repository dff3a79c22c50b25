"""A large store is merged in another process: reads and writes go on, and nothing is lost whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import uuid
from pathlib import Path

import numpy as np
import pytest

from imagefinder.errors import IndexDamagedError, StorageError
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.edge import engine, live, merging, operations, writer
from imagefinder.store.edge.store import EdgeStore
from imagefinder.store.exact import ExactStore
from imagefinder.store.filters.parse import parse

VECTORS = {"raw": VectorParams(24, "float16", "dot", searchable=False), "space": VectorParams(16, "float16")}
N = 600


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "APART_FROM", 50)
    monkeypatch.setattr(engine, "HNSW_FROM", 400)
    monkeypatch.setattr(merging, "LITTLE", 2000)


def points(start: int, end: int) -> list[Point]:
    def one(i: int) -> Point:
        rng = np.random.default_rng(i)
        payload = {"uri": f"/a/blue {i}.jpg", "folder": f"f{i % 7}", "cluster": i % 3, "n": i / 2, "tags": ["x"]}
        vectors = {name: rng.standard_normal(p.dim, dtype=np.float32) for name, p in VECTORS.items()}
        return Point(str(uuid.UUID(int=i * 7919)), payload, vectors)

    return [one(i) for i in range(start, end)]


@pytest.fixture
def store(tmp_path: Path) -> EdgeStore:
    store = EdgeStore.create(tmp_path / "points", VECTORS)
    store.upsert(points(0, N))
    return store


def everything(store: EdgeStore | ExactStore) -> list[tuple[str, dict, dict]]:
    rows = [p for batch in store.scroll(vectors=tuple(VECTORS)) for p in batch]
    return [(p.id, dict(p.payload), {n: v.tolist() for n, v in sorted(p.vectors.items())}) for p in rows]


def change(store: EdgeStore | ExactStore) -> None:
    """Each kind of write."""
    some = [p.id for p in points(0, N)]
    store.upsert(points(N, N + 40))
    store.upsert([Point(some[0], {"uri": "/b/red.jpg"}, points(5, 6)[0].vectors)])
    store.set_vectors("space", some[1:3], np.ones((2, 16), np.float32))
    store.set_payload(some[3], {"uri": "/c/green apple.jpg", "folder": "f9"})
    store.merge_payload(some[4:30], {"cluster": 8, "n": None})
    store.merge_payload(some[30:40], {"caption": "a yellow boat"})
    store.merge_payload(some[60:140], {"cluster_name": "harbours", "tags": None})
    store.delete(some[40:60])


def test_points_that_are_changed_leave_the_graph_until_the_next_merge(
    store: EdgeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the engine has it: what looks like a graph of all may be one of none. It says so when it flushes."""
    monkeypatch.setattr(writer, "FLUSH_EVERY", 10)
    ids = [p.id for p in points(0, N)]

    def asked_and_to_be_made() -> tuple[bool, bool]:
        return store.approximate("space"), merging.needs_merge(store, store.count())

    assert asked_and_to_be_made() == (False, True)
    store.optimize()
    assert asked_and_to_be_made() == (True, False)
    store.merge_payload(ids[:50], {"cluster": 8})
    assert asked_and_to_be_made() == (True, False)
    store.merge_payload(ids, {"cluster": 9})
    assert asked_and_to_be_made() == (False, True)
    store.optimize()
    assert asked_and_to_be_made() == (True, False)
    store.delete(ids[200:])
    assert asked_and_to_be_made()[0]


def test_what_is_written_during_a_merge_is_there_after_it(store: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = EdgeStore.create(store._home.parent / "other", VECTORS)
    oracle.upsert(points(0, N))
    change(oracle)
    do = merging.Merger.do

    def meanwhile(self: merging.Merger, what: str, **asked: object) -> None:
        do(self, what, **asked)
        if what == "merge":
            change(store)
            assert store.count(parse("cluster = 8")) == 26

    monkeypatch.setattr(merging.Merger, "do", meanwhile)
    store.optimize()
    assert store._path.parent == store._home and store._path.name.startswith(live.PREFIX)
    assert everything(store) == everything(oracle)
    for text in ("cluster = 8", "folder = f9", "n < 20", "caption ~ yellow"):
        assert store.columns(["id"], filter=parse(text)) == oracle.columns(["id"], filter=parse(text))
    for text in ("yellow boat", "harbour"):
        assert store.match(text, 200).scores.keys() == oracle.match(text, 200).scores.keys() != set()
    query = np.ones(16, np.float32)
    assert [p.id for p in store.query("space", query, 20, exact=True)] == [
        p.id for p in oracle.query("space", query, 20)
    ]
    store.close()
    assert sorted(p.name for p in store._home.iterdir()) == sorted([live.POINTER, store._path.name])
    again = EdgeStore.open(store._home)
    assert everything(again) == everything(oracle) and not again.left_open
    again.upsert(points(N + 40, N + 41))
    again.close()


def test_reads_and_writes_go_on_in_other_threads(store: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    merged, go_on = threading.Event(), threading.Event()
    do = merging.Merger.do

    def held(self: merging.Merger, what: str, **asked: object) -> None:
        if what == "merge":
            merged.set()
            assert go_on.wait(60)
        do(self, what, **asked)

    monkeypatch.setattr(merging.Merger, "do", held)
    thread = threading.Thread(target=store.optimize)
    thread.start()
    assert merged.wait(60)
    store.upsert(points(N, N + 5))
    assert store.count() == N + 5 and len(store.query("space", np.ones(16, np.float32), 3)) == 3
    store.optimize()  # the first does it
    go_on.set()
    thread.join(60)
    assert store.count() == N + 5 and store._path != store._home
    store.close()


def test_a_second_merge_waits_for_enough_to_do(store: EdgeStore) -> None:
    assert not store.approximate("space")
    store.optimize()
    assert store.approximate("space")
    first = store._path
    store.upsert(points(N, N + 20))
    store.optimize()
    assert store._path == first  # 20 are compared exactly
    store.upsert(points(N + 20, N + 120))
    store.optimize()
    assert store._path != first and not first.exists()
    assert store._shard.info().indexed_vectors_count == 2 * (N + 120)
    store.close()


def test_a_new_vector_meanwhile_leaves_all_as_it_was(store: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    do = merging.Merger.do

    def meanwhile(self: merging.Merger, what: str, **asked: object) -> None:
        do(self, what, **asked)
        if what == "merge":
            store.create_vector("more", VectorParams(4))

    monkeypatch.setattr(merging.Merger, "do", meanwhile)
    store.optimize()
    assert store._path == store._home and "more" in store.vectors()
    assert not list(store._home.glob(f"{live.PREFIX}*"))
    store.close()


def test_what_the_other_process_says_is_told(store: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error with its own remedy; and, of one that ends, with what code and last words."""
    monkeypatch.setattr(merging, "CODE", "import sys; sys.stderr.write('thread panicked'); sys.exit(3)")
    with pytest.raises(StorageError, match=r"not merged: the process that merges ended with code 3: thread panicked\."):
        store.optimize()
    said = "{'error': 'The disk is nearly full.', 'remedy': 'Make room and run again.'}"
    monkeypatch.setattr(merging, "CODE", f"import json; input(); print(json.dumps({said}))")
    with pytest.raises(StorageError, match=r"The disk is nearly full\. Nothing is lost") as error:
        store.optimize()
    assert error.value.remedy == "Make room and run again."


@pytest.mark.parametrize("step", ["copy", "merge", "apply", "finish"])
def test_the_other_process_is_killed(store: EdgeStore, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    before = everything(store)
    do = merging.Merger.do

    def killed(self: merging.Merger, what: str, **asked: object) -> None:
        if what == step:
            self._process.kill()
        do(self, what, **asked)

    monkeypatch.setattr(merging.Merger, "do", killed)
    with pytest.raises(StorageError, match=r"not merged: the process that merges (was killed|ended)") as error:
        store.optimize()
    assert "disk" not in str(error.value) and error.value.remedy
    assert everything(store) == before and store._path == store._home
    assert not list(store._home.glob(f"{live.PREFIX}*"))
    store.upsert(points(N, N + 1))
    store.close()
    again = EdgeStore.open(store._home)
    assert again.count() == N + 1
    again.close()


def test_closing_ends_a_merge(store: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    do = merging.Merger.do
    pids: list[int] = []

    def closing(self: merging.Merger, what: str, **asked: object) -> None:
        pids.append(self._process.pid)
        if what == "merge":
            threading.Thread(target=store.close).start()
        do(self, what, **asked)

    monkeypatch.setattr(merging.Merger, "do", closing)
    monkeypatch.setattr(merging.Merger, "apply", lambda self, end: do(self, "apply", start=0, end=end))
    with pytest.raises(StorageError, match="not merged: the index was closed"):
        store.optimize()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], signal.SIGTERM)
    again = EdgeStore.open(store._home)
    assert again.count() == N
    again.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_around_the_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Whichever of both folders counts then, it has all."""
    pid = os.fork()
    if pid == 0:
        try:
            store = EdgeStore.create(tmp_path / "points", VECTORS)
            store.upsert(points(0, N))
            switch = live.make_live

            def killed(home: Path, folder: Path) -> None:
                if moment == "after":
                    switch(home, folder)
                os.kill(os.getpid(), signal.SIGKILL)

            monkeypatch.setattr("imagefinder.store.edge.store.make_live", killed)
            store.optimize()
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    store = EdgeStore.open(tmp_path / "points")
    assert store.count() == N and (store._path == store._home) == (moment == "before")
    assert len(list(store._home.glob(f"{live.PREFIX}*"))) == (moment == "after")
    assert (store._home / "segments").exists() == (moment == "before")
    store.upsert(points(N, N + 1))
    store.close()


def test_a_full_disk_stops_it_before_it_begins(store: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(store._home)
    monkeypatch.setattr(engine.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(StorageError, match="nearly full"):
        store.optimize()
    monkeypatch.undo()
    assert store.count() == N
    store.close()


@pytest.mark.parametrize("text", ["", "{}", '{"folder": "../else"}', '{"folder": "merged-gone"}', "[1]"])
def test_a_damaged_pointer(store: EdgeStore, text: str) -> None:
    store.optimize()
    store.close()
    (store._home / live.POINTER).write_text(text)
    with pytest.raises(IndexDamagedError):
        EdgeStore.open(store._home)
    assert store._path.exists()


def test_a_journal_gives_back_what_was_put_in(tmp_path: Path) -> None:
    journal = operations.Journal(tmp_path / "j")
    rows = points(0, 3)
    given: list[operations.Operation] = [
        ("upsert", (rows,)),
        ("vectors", ("space", ["a", "b"], [np.ones(16, np.float32), np.zeros(16, np.float32)])),
        ("set", (["a"], {"n": 0.1, "t": "ä"})),
    ]
    journal.add(given[0])
    middle = journal.size
    for one in given[1:]:
        journal.add(one)
    journal.close()
    ((kind, (found,)),) = operations.read_journal(tmp_path / "j", 0, middle)
    assert kind == "upsert" and [(p.id, p.payload) for p in found] == [(p.id, p.payload) for p in rows]
    assert all((a.vectors["raw"] == b.vectors["raw"]).all() for a, b in zip(found, rows, strict=True))
    second, third = operations.read_journal(tmp_path / "j", middle, journal.size)
    assert second[1][:2] == ("space", ["a", "b"]) and (second[1][2][0] == 1).all() and third == given[2]

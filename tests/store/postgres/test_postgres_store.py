"""What only a store in a database must do: many writers, a server that goes away, addresses with passwords."""

from __future__ import annotations

import signal
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import database
import numpy as np
import pytest

from imagefinder._util.addresses import shown_address
from imagefinder.errors import (
    ImageFinderError,
    IndexDamagedError,
    IndexFolderError,
    IndexVersionError,
    InvalidInputError,
    NotFoundError,
    UnauthorizedError,
    UnreachableError,
)
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.exact import ExactStore
from imagefinder.store.filters.parse import parse
from imagefinder.store.postgres import database as connections
from imagefinder.store.postgres import store as stores
from imagefinder.store.postgres.address import Address
from imagefinder.store.postgres.store import PostgresStore
from imagefinder.store.stores import STORES, kind_at

SPACE = VectorParams(4, "float16")


def point(n: int, **payload: Any) -> Point:
    return Point(str(uuid.UUID(int=n)), payload, {"v": np.random.default_rng(n).standard_normal(4)})


@pytest.fixture
def two(postgres: database.Server) -> Iterator[tuple[PostgresStore, PostgresStore]]:
    """Two that have nothing in common but the address."""
    at = postgres.address()
    first = PostgresStore.create(at)
    first.create_vector("v", SPACE)
    second = PostgresStore.open(at)
    yield first, second
    first.close()
    second.close()


def test_many_that_come_first_at_once_make_one_store(postgres: database.Server) -> None:
    """In a database that has not even pgvector, as when all shards of a first run begin."""
    for _ in range(3):
        at, together, found = postgres.address_in_new_database(), threading.Barrier(6), []

        def come(at: str = at, together: threading.Barrier = together, found: list[object] = found) -> None:
            together.wait(60)
            try:
                PostgresStore.create(at).close()
                found.append(None)
            except Exception as error:  # what is found is shown below
                found.append(error)

        threads = [threading.Thread(target=come) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert found == [None] * 6


def test_each_sees_what_the_other_writes(two: tuple[PostgresStore, PostgresStore]) -> None:
    first, second = two
    seen = second.writes
    first.upsert([point(1, caption="a red bike"), point(2)])
    assert second.writes > seen and second.count() == 2 and set(second.match("bikes", 9).scores) == {point(1).id}
    first.create_vector("late", VectorParams(2))
    first.set_vectors("late", [point(2).id], np.ones((1, 2)))
    assert [hit.id for hit in second.query("late", np.ones(2), 9)] == [point(2).id]
    first.drop_vector("late")
    first.create_vector("late", VectorParams(3))
    assert second.query("late", np.ones(3), 9) == []
    first.drop_vector("late")
    with pytest.raises(NotFoundError, match="late"):
        second.query("late", np.ones(3), 9)
    assert second.vectors() == {"v": SPACE}


def test_eight_writers_of_the_same_points_lose_nothing(two: tuple[PostgresStore, PostgresStore]) -> None:
    """Each adds its own field to every point, and points of its own, in an order of its own."""
    first, second = two
    first.upsert([point(n, word="red bike") for n in range(40)])
    failed: list[BaseException] = []

    def work(writer: int) -> None:
        store = two[writer % 2]
        order = np.random.default_rng(writer).permutation(40)
        try:
            for part in np.split(order, 4):
                store.merge_payload([point(int(n)).id for n in part], {f"by_{writer}": "red snow"})
                store.upsert([point(1000 * (writer + 1) + int(n), said="red") for n in part])
                store.set_vectors("v", [point(int(n)).id for n in part], np.ones((len(part), 4)))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    exact = ExactStore()
    exact.create_vector("v", SPACE)
    for points in second.scroll(vectors=("v",)):
        exact.upsert(points)
    assert second.count() == 40 + 8 * 40
    assert all(
        f"by_{writer}" in p.payload for p in second.retrieve([point(n).id for n in range(40)]) for writer in range(8)
    )
    found, plain = second.match("snow bike", 900), exact.match("snow bike", 900)
    assert dict(found.scores) == pytest.approx(dict(plain.scores), rel=1e-6), "the counters of words agree"


@pytest.mark.parametrize(("set_to", "taken"), [("64MB", "512MB"), ("512MB", "512MB"), ("3GB", "3GB")])
def test_a_graph_gets_the_memory_that_the_server_allows(postgres: database.Server, set_to: str, taken: str) -> None:
    store = PostgresStore.create(postgres.address())

    def work(connection: Any) -> str:
        connection.execute(f"set maintenance_work_mem to '{set_to}'")
        connection.execute(stores._GRAPH_MEMORY)
        found = connection.execute("show maintenance_work_mem").fetchone()[0]
        connection.execute("reset maintenance_work_mem")
        return str(found)

    assert store._database.read(work) == taken
    store.close()


def test_an_hnsw_index_answers_with_filters(postgres: database.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "HNSW_FROM", 500)
    store, exact = PostgresStore.create(postgres.address()), ExactStore()
    rows = np.random.default_rng(0).standard_normal((2000, 16))
    for each in (store, exact):
        each.create_vector("v", VectorParams(16, "float16"))
        each.upsert(
            [
                Point(point(n).id, {"n": n, "kind": "rare" if n % 97 == 0 else "usual"}, {"v": row})
                for n, row in enumerate(rows)
            ]
        )
    assert not store.approximate("v")
    store.optimize()
    store.optimize()  # nothing is left to do
    assert store.approximate("v")
    [plan] = store._database.rows("select string_agg(indexname, ' ') from pg_indexes where indexname like '%%hnsw'")
    assert plan[0] == "vector_1_hnsw"
    for text in ("", "kind = rare", "n < 1000"):
        filter = parse(text) if text else None
        ours = [hit.id for hit in store.query("v", rows[5] + rows[6], 20, filter=filter)]
        plain = [hit.id for hit in exact.query("v", rows[5] + rows[6], 20, filter=filter)]
        assert len(ours) == 20 and len(set(ours) & set(plain)) >= 18, text
        right = [hit.id for hit in store.query("v", rows[5] + rows[6], 20, filter=filter, exact=True)]
        assert len(set(right) & set(plain)) >= 19, "but for scores that float16 makes equal"
    few = {hit.id for hit in store.query("v", rows[5] + rows[6], 20, filter=parse("n < 15"))}
    assert few == {point(n).id for n in range(15)}, "an index that gives up is not the last word"
    store.close()


def test_counts_are_kept_until_anybody_writes(postgres: database.Server) -> None:
    address = postgres.address()
    first = PostgresStore.create(address)
    first.create_vector("v", SPACE)
    second = PostgresStore.open(address)
    first.upsert([point(n) for n in range(5)])
    red = parse("colour = red")
    assert [second.count(), second.count(red), second.count(red)] == [5, 0, 0]
    first.set_payload(point(1).id, {"colour": "red"})
    assert [second.count(), second.count(red)] == [5, 1]
    first.delete([point(1).id])
    assert [second.count(), second.count(red), first.count()] == [4, 0, 4]
    for store in (first, second):
        store.close()


def test_a_restart_in_the_middle_is_waited_for() -> None:
    """All that was acknowledged is there, once; what was under way is done when the server is back."""
    with database.running() as server:
        store = PostgresStore.create(server.address())
        store.create_vector("v", SPACE)
        done: list[int] = []

        def write() -> None:
            for n in range(400):
                store.upsert([point(n, number=n)])
                done.append(n)

        writer = threading.Thread(target=write)
        writer.start()
        while len(done) < 50 and writer.is_alive():
            writer.join(0.01)
        server.stop(signal.SIGQUIT)  # as a crash does
        server.start()
        writer.join()
        assert len(done) == 400
        assert store.columns(["number"])["number"] == list(range(400))
        store.close()


def test_what_is_written_under_a_lost_lock_fails(two: tuple[PostgresStore, PostgresStore]) -> None:
    first, second = two
    with pytest.raises(UnreachableError), first._database.locked("writing"):
        second._database.rows("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
        first.upsert([point(1)])
    assert second.count() == 0
    with first._database.locked("writing"), second._database.locked("writing", wait=False) as free:
        assert not free
    with second._database.locked("writing", wait=False) as free:
        assert free


def test_the_server_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BACK_S", 0.5)
    with database.running() as server:
        store = PostgresStore.create(server.address())
        server.stop()
        with pytest.raises(UnreachableError, match="does not answer"):
            store.count()
        with pytest.raises(UnreachableError, match="does not answer"):
            PostgresStore.open(server.address())
        store.close()
        with pytest.raises(IndexFolderError, match="closed"):
            store.count()


def test_who_may_not_is_told_so_and_no_password_is_shown() -> None:
    secret = "s3cret/@w#rd"
    with database.running() as server:
        owner = PostgresStore.create(server.address("theirs"))
        for sql in (
            f"create role guest login password '{secret}'",
            "revoke all on schema public from public",
            "create database empty",
        ):
            owner._database.do(sql)
        hba = server.data / "pg_hba.conf"
        hba.write_text("local all guest scram-sha-256\nlocal all all trust\n")
        owner._database.do("select pg_reload_conf()")
        quoted = "s3cret%2F%40w%23rd"
        at = f"postgresql://guest:PASSWORD@/DATABASE/theirs?host={server.folder}"
        for password, place, error, says in (
            ("s3cret-wrong", "postgres", UnauthorizedError, "password"),
            (quoted, "nowhere", NotFoundError, "createdb nowhere"),
            (quoted, "postgres", ImageFinderError, "permission denied"),
            (quoted, "empty", IndexFolderError, "CREATE EXTENSION"),
        ):
            with pytest.raises(error) as caught:
                PostgresStore.open(at.replace("PASSWORD", password).replace("DATABASE", place))
            told = f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
            assert says in told and "s3cret" not in told, told
        owner.close()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me@db.example/shop/art", "postgresql://me@db.example/shop/art"),
        ("postgres://me:s3cret@db:5433/shop/art-2", "postgres://me:***@db:5433/shop/art-2"),
        ("postgresql:///shop/art?host=/run&password=s3cret", "postgresql:///shop/art?host=/run&password=***"),
    ],
)
def test_addresses(text: str, shown: str) -> None:
    address = Address.read(text)
    assert address.shown == shown == shown_address(text) and "s3cret" not in repr(address)
    assert kind_at(text) is STORES["postgres"] and address.settings["dbname"] == "shop"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://h:s3cret@db/shop",
        "postgresql://h:s3cret@db/shop/Art",
        "postgresql://h:s3cret@db:port/shop/art",
        "postgresql://h:s3cret@/a/b/c",
    ],
)
def test_what_is_no_address_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Address.read(text)
    assert "s3cret" not in str(caught.value) and "postgresql://USER@HOST/DATABASE/NAME" in caught.value.remedy


def test_no_index_and_a_newer_one(postgres: database.Server) -> None:
    at = postgres.address()
    with pytest.raises(IndexDamagedError, match="missing"):
        PostgresStore.open(at)
    store = PostgresStore.create(at)
    store.upsert([Point(point(1).id, {}, {})])
    with pytest.raises(InvalidInputError, match="not empty"):
        PostgresStore.create(at)
    store._database.do("insert into migrations (n) values (99)")
    with pytest.raises(IndexVersionError, match="newer"):
        PostgresStore.open(at)
    store.close()
    assert kind_at("/a/folder") is None and kind_at("folder") is None

"""What only a store on a Qdrant server must do: conditional updates, locks that run out, settings of the address, keys,
and a server that goes away. The server here is the in-process mode of qdrant-client, see ``qdrants``."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qdrant_rest
import qdrants

from imagefinder._util.addresses import shown_address
from imagefinder.errors import (
    ImageFinderError,
    IndexDamagedError,
    IndexFolderError,
    IndexVersionError,
    InvalidInputError,
    NotFoundError,
    StorageError,
    UnauthorizedError,
    UnreachableError,
)
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.exact import ExactStore
from imagefinder.store.filters.parse import parse
from imagefinder.store.qdrant import catalogue, locks, reader, store
from imagefinder.store.qdrant import server as connections
from imagefinder.store.qdrant.address import Address
from imagefinder.store.qdrant.options import ON, OPTIONS
from imagefinder.store.qdrant.site import QdrantSite
from imagefinder.store.qdrant.store import QdrantStore
from imagefinder.store.stores import STORES, kind_at

SPACE = VectorParams(4, "float16")


def point(n: int, **payload: Any) -> Point:
    return Point(str(uuid.UUID(int=n)), payload, {"v": np.random.default_rng(n).standard_normal(4)})


@pytest.fixture
def two(qdrant: qdrants.Server) -> Iterator[tuple[QdrantStore, QdrantStore]]:
    """Two that have nothing in common but the address."""
    at = qdrant.address()
    first = QdrantStore.create(at)
    first.create_vector("v", SPACE)
    second = QdrantStore.open(at)
    yield first, second
    first.close()
    second.close()


@pytest.fixture
def sites(qdrant: qdrants.Server) -> Iterator[tuple[QdrantSite, QdrantSite]]:
    at = qdrant.address()
    first, second = QdrantSite.at(at), QdrantSite.at(at)
    first.make()
    second.make()
    yield first, second
    first.close()
    second.close()


@pytest.fixture
def rest() -> Iterator[qdrant_rest.RestServer]:
    with qdrant_rest.speaking() as server:
        yield server


def test_each_sees_what_the_other_writes(two: tuple[QdrantStore, QdrantStore]) -> None:
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


def test_eight_writers_of_the_same_points_lose_nothing(two: tuple[QdrantStore, QdrantStore]) -> None:
    """Each adds its own field to every point, and points of its own, in an order of its own."""
    first, second = two
    first.upsert([point(n, word="red bike") for n in range(12)])
    failed: list[BaseException] = []

    def work(writer: int) -> None:
        order = np.random.default_rng(writer).permutation(12)
        try:
            for part in np.split(order, 3):
                two[writer % 2].merge_payload([point(int(n)).id for n in part], {f"by_{writer}": f"snow {writer}x"})
                two[writer % 2].upsert([point(100 * (writer + 1) + int(n), said="red") for n in part])
        except BaseException as error:
            failed.append(error)

    _all_at_once([threading.Thread(target=work, args=(writer,)) for writer in range(8)])
    assert not failed
    exact = ExactStore()
    exact.create_vector("v", SPACE)
    for points in second.scroll(vectors=("v",)):
        exact.upsert(points)
    assert second.count() == 12 + 8 * 12
    for n in range(12):
        assert {f"by_{writer}" for writer in range(8)} <= second.retrieve([point(n).id])[0].payload.keys()
    for text in ("snow bike", "5x", "red 7x absent"):
        found, plain = second.match(text, 900), exact.match(text, 900)
        assert dict(found.scores) == pytest.approx(dict(plain.scores), rel=1e-5), "all words of all writers are there"
        assert found.full == pytest.approx(plain.full, rel=1e-5)


def _all_at_once(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_words_that_somebody_else_changed_meanwhile_are_read_again(
    two: tuple[QdrantStore, QdrantStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two
    first.upsert([point(1, caption="bike"), point(2, caption="bike")])
    read = QdrantStore._read

    def late(self: QdrantStore, keys: Any, fields: Any) -> Any:
        found = read(self, keys, fields)
        if self is first:
            monkeypatch.setattr(QdrantStore, "_read", read)
            second.merge_payload([point(1).id], {"tags": ["snow"]})
        return found

    monkeypatch.setattr(QdrantStore, "_read", late)
    first.merge_payload([point(1).id, point(2).id], {"note": "red", "caption": None})
    assert second.retrieve([point(1).id])[0].payload == {"tags": ["snow"], "note": "red"}
    assert [len(second.match(word, 9).scores) for word in ("snow", "red", "bike")] == [1, 2, 0]


def test_many_ids_go_in_several_requests(two: tuple[QdrantStore, QdrantStore], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "IDS_AT_ONCE", 7)
    monkeypatch.setattr(reader, "READ_AT_ONCE", 5)
    monkeypatch.setattr(store, "MERGED_AT_ONCE", 6)
    first, exact = two[0], ExactStore()
    exact.create_vector("v", SPACE)
    for each in (first, exact):
        each.upsert([point(n, number=str(n), caption="red bike" if n % 3 else "red") for n in range(60)])
    for text in ("number > 4", "number > 4 and caption ~ red", "not number = 3", "number < 4", "caption ~ BIKE"):
        filter = parse(text)
        expected = [p.id for page in exact.scroll(filter=filter) for p in page]
        assert [p.id for page in first.scroll(filter=filter, batch=4) for p in page] == expected
        assert first.count(filter) == len(expected) and first.columns(["id"], filter=filter)["id"] == expected
        for offset in (0, 5):
            ours = [hit.id for hit in first.query("v", np.ones(4), 9, filter=filter, offset=offset)]
            assert ours == [hit.id for hit in exact.query("v", np.ones(4), 9, filter=filter, offset=offset)]
        found, plain = first.match("bike", 60, filter=filter), exact.match("bike", 60, filter=filter)
        assert dict(found.scores) == pytest.approx(dict(plain.scores), rel=1e-5)
    ids = [point(n).id for n in range(60)]
    assert len(first.score("v", np.ones(4), ids)) == len(first.retrieve(ids)) == 60
    first.merge_payload(ids, {"width": 5})
    first.delete(ids[:20])
    assert first.count(parse("width = 5")) == 40


def test_one_of_many_equal_scores_is_no_less_than_the_others(two: tuple[QdrantStore, QdrantStore]) -> None:
    first = two[0]
    first.upsert([Point(point(n).id, {}, {"v": np.ones(4)}) for n in range(40)])
    pages = [hit.id for offset in range(0, 40, 8) for hit in first.query("v", np.ones(4), 8, offset=offset)]
    assert pages == [point(n).id for n in range(40)]


# --- documents and locks ----------------------------------------------------------------------------------------------


def test_a_folder_is_renamed_and_written_in_one_step(sites: tuple[QdrantSite, QdrantSite]) -> None:
    mine, theirs = (site.documents for site in sites)
    with mine.together():
        (mine / "new" / "a").write(b"a")
        (mine / "new" / "b").write(b"b")
        assert (mine / "new" / "a").read() == b"a" and not (theirs / "new").is_dir()
    assert sorted(place.name for place in (theirs / "new").iterdir()) == ["a", "b"]
    (theirs / "0001" / "x").write(b"x")
    with mine.together():
        (mine / ".part" / "y").write(b"y")
        with pytest.raises(FileExistsError):
            (mine / ".part").rename(mine / "0001")
        (mine / ".part").rename(mine / "0002")
    assert (theirs / "0002" / "y").read() == b"y" and (theirs / "0001" / "x").read() == b"x"
    with pytest.raises(RuntimeError), mine.together():
        (mine / "never").write(b"")
        raise RuntimeError
    assert not (theirs / "never").exists()


def test_a_large_document_is_read_whole_while_it_is_replaced(
    sites: tuple[QdrantSite, QdrantSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "PART_BYTES", 1000)
    monkeypatch.setattr(catalogue, "READ_BYTES", 3000)
    old, new = bytes(range(250)) * 40, b"new" * 4000
    mine, theirs = (site.documents / "large" for site in sites)
    mine.write(old)
    held = catalogue.Catalogue.held

    def late(self: Any, ids: Any, size: int) -> bytes | None:
        monkeypatch.setattr(catalogue.Catalogue, "held", held)
        mine.write(new)
        return held(self, ids, size)

    assert theirs.read() == old
    monkeypatch.setattr(catalogue.Catalogue, "held", late)
    assert theirs.read() == new
    assert len(_parts(sites[0])) == 12, "those of the old one are gone"


def test_parts_of_a_killed_process_are_removed_after_a_day(
    sites: tuple[QdrantSite, QdrantSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sites
    (first.documents / "kept").write(b"kept")
    first._catalogue.keep(b"never named")
    second.make()
    assert len(_parts(first)) == 2
    monkeypatch.setattr(catalogue, "LEFT_OVER_S", -1.0)
    second.make()
    assert len(_parts(first)) == 1 and (second.documents / "kept").read() == b"kept"


def _parts(site: QdrantSite) -> list[Any]:
    server = site._server
    records, _ = server.call("scroll", server.address.documents, limit=1000)
    return [record for record in records if str(record.id) != connections.CATALOGUE]


def test_a_change_that_comes_between_is_seen_and_done_upon(
    sites: tuple[QdrantSite, QdrantSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the catalogue, and writes it after another has, writes nothing and tries again."""
    mine, theirs = (site.documents for site in sites)
    put, tried = catalogue.Catalogue._put, []

    def late(self: Any, version: str, documents: Any) -> bool:
        monkeypatch.setattr(catalogue.Catalogue, "_put", put)
        (theirs / "theirs").write(b"1")
        tried.append(put(self, version, documents))
        return bool(tried[0])

    monkeypatch.setattr(catalogue.Catalogue, "_put", late)
    (mine / "mine").write(b"2")
    assert tried == [False]
    assert (theirs / "mine").read() == b"2" and (mine / "theirs").read() == b"1"


def test_a_change_is_known_to_be_made_though_others_followed(
    sites: tuple[QdrantSite, QdrantSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, theirs = (site.documents for site in sites)
    call, done = connections.Server.call, []

    def late(self: Any, name: str, *values: Any, **named: Any) -> Any:
        found = call(self, name, *values, **named)
        if self is sites[0]._server and name == "set_payload" and not done:
            done.append(1)
            (theirs / "lines").add(b"theirs\n")
        return found

    monkeypatch.setattr(connections.Server, "call", late)
    (mine / "lines").add(b"mine\n")
    assert (theirs / "lines").read() == b"mine\ntheirs\n", "each once"


def test_a_lock_is_held_by_one_and_ends_with_its_holder(
    sites: tuple[QdrantSite, QdrantSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sites
    with first.locked("indexing") as taken, first.locked("writing"):
        assert taken
        with second.locked("indexing", wait=False) as free:
            assert not free
        with second.locked("grouping", wait=False) as free:
            assert free
    with second.locked("indexing", wait=False) as free:
        assert free
    stored = QdrantStore(first._server, shared=True)
    with first.locked("indexing"):
        stored.upsert([Point(point(1).id, {}, {})])
        first._locks._ended.set()  # it beats no more, as after a kill
        monkeypatch.setattr(locks, "LOCK_S", 0.3)
        with second.locked("indexing") as taken:
            assert taken, "after that long without a beat"
            with pytest.raises(StorageError, match=r"lock 'indexing' .* was lost"):
                stored.upsert([Point(point(2).id, {}, {})])
    assert stored.count() == 1


def test_what_is_written_under_a_lost_lock_fails(sites: tuple[QdrantSite, QdrantSite]) -> None:
    """Though its holder does not know yet: the server refuses."""
    first, second = sites
    with first.locked("writing"), first.checking():
        (first.documents / "a").write(b"1")
        stolen = locks.Held("writing")
        second._locks._set(stolen, {"holder": stolen.holder, "beat": "1"}, [])
        with pytest.raises(StorageError, match="was lost"):
            (first.documents / "a").write(b"2")
    assert (second.documents / "a").read() == b"1"
    with second.locked("writing", wait=False) as free:
        assert not free, "the other still has it"


def test_a_beat_keeps_a_lock(sites: tuple[QdrantSite, QdrantSite]) -> None:
    first, _ = sites
    with first.locked("indexing"):
        [held] = first._locks._all
        held.sure -= 2 * locks.LOCK_S
        with pytest.raises(StorageError, match="was lost"):
            first._locks.check()
        before = first._locks._look("indexing")
        first._locks.renew(held)
        first._locks.check()
        after = first._locks._look("indexing")
        assert after[0] == before[0] and after[1] != before[1]


# --- addresses --------------------------------------------------------------------------------------------------------


def test_addresses_are_read() -> None:
    plain = Address.read("qdrant://box/shop")
    assert (plain.host, plain.port, plain.tls, plain.key) == ("box", 6333, False, None)
    assert (plain.points, plain.documents) == ("imagefinder_shop", "imagefinder_shop.documents")
    full = Address.read("qdrants://:s3%2Fcret@[::1]:7000/a/b/shop?grpc=1&grpc_port=7001&shards=3&oversampling=2.5")
    assert (full.host, full.port, full.tls, full.key, full.prefix) == ("::1", 7000, True, "s3/cret", "a/b")
    assert full.options == {"grpc": True, "grpc_port": 7001, "shards": 3, "oversampling": 2.5}
    assert full.shown == "qdrants://[::1]:7000/a/b/shop"
    assert Address.read("qdrant://box/shop?tls=1&api_key=s3cret").key == "s3cret"
    assert Address.read("qdrant://box/shop?tls=1", "s3cret").key == "s3cret"
    assert Address.read("qdrant://box/shop?api_key=other", "s3cret").key == "other"
    assert kind_at("qdrant://box/shop") is kind_at("qdrants://box/shop") is STORES["qdrant"]
    for text in ("qdrants://s3cret@box/shop", "qdrants://:s3cret@box/shop", "qdrant://box/shop?api_key=s3cret"):
        assert "s3cret" not in shown_address(text) + repr(Address.read(text)) + Address.read(text).shown


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("qdrant://box", "no address of an index"),
        ("qdrant:///shop", "no address of an index"),
        ("qdrant://box/Shop", "small letters"),
        ("qdrant://box:port/shop", "can't be read"),
        ("qdrant://box/shop?shard=3", "shards"),
        ("qdrant://box/shop?shards=0", "a number from 1 to 1000"),
        ("qdrant://box/shop?shards=many", "a number"),
        ("qdrant://box/shop?oversampling=nan", "a number"),
        ("qdrant://box/shop?quantization=int4", "none, int8 or binary"),
        ("qdrant://box/shop?grpc=maybe", "1, true"),
        ("qdrants://box/shop?tls=0", "without"),
        ("qdrant://other/shop?api_key=a%0as3cret", "ASCII"),
    ],
)
def test_wrong_addresses_say_what_is_wrong(text: str, match: str) -> None:
    with pytest.raises(ImageFinderError, match=match) as caught:
        Address.read(text.replace("box", ":s3cret@box"))
    assert "s3cret" not in f"{caught.value} {caught.value.remedy}"


def test_every_setting_is_documented() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "addresses.md").read_text("utf-8")
    for name, option in OPTIONS.items():
        assert f"| `{name}` |" in text and option.help in text
        assert option.choices in (None, ON) or all(f"`{choice}`" in text for choice in option.choices)


def test_settings_of_the_address_reach_the_server(rest: qdrant_rest.RestServer) -> None:
    settings = "shards=3&replicas=2&m=24&ef_construct=200&quantization=int8&vectors=disk&ef=77&oversampling=2.5"
    first = QdrantStore.create(rest.address(settings=settings))
    first.create_vector("v", SPACE)
    first.create_vector("raw", VectorParams(8, "float16", "dot", searchable=False))
    [made] = rest.sent("PUT", "/collections/imagefinder_shop")
    assert made["shard_number"] == 3 and made["replication_factor"] == made["write_consistency_factor"] == 2
    assert made["hnsw_config"]["m"] == 24 and made["hnsw_config"]["ef_construct"] == 200
    [documents] = rest.sent("PUT", "/collections/imagefinder_shop.documents")
    assert documents["shard_number"] == 1 and documents["replication_factor"] == 2
    [named] = rest.sent("PUT", "/collections/imagefinder_shop/vectors/v")
    assert named["dense"]["datatype"] == "float16" and named["dense"]["distance"] == "Cosine"
    v, raw = (body["vectors"] for body in rest.sent("PATCH", "/collections/imagefinder_shop"))
    assert v["v"]["on_disk"] is True and v["v"]["hnsw_config"]["m"] == 24
    assert v["v"]["quantization_config"]["scalar"] == {"type": "int8", "always_ram": True}
    assert raw["raw"]["on_disk"] is True and raw["raw"]["hnsw_config"]["m"] == 0
    assert "quantization_config" not in raw["raw"]
    indexes = {body["field_name"]: body["field_schema"] for body in rest.sent("PUT", ".*/index")}
    assert indexes["tags"] == "keyword" and indexes["cluster"] == "integer"
    assert indexes['":words"']["scoring"] == {"type": "bm25"}
    first.query("v", np.ones(4), 3)
    params = rest.sent("POST", ".*/points/query")[-1]["params"]
    assert params["hnsw_ef"] == 77 and params["quantization"] == {"rescore": True, "oversampling": 2.5}
    with pytest.raises(InvalidInputError, match="was made with shards=3, not 4"):
        QdrantStore.open(rest.address(settings="shards=4"))
    plain = QdrantStore.open(rest.address())
    plain.create_vector("late", SPACE)
    late = rest.sent("PATCH", "/collections/imagefinder_shop")[-1]["vectors"]["late"]
    assert late == v["v"], "what the index was made with holds for all who open it"
    binary = QdrantStore.create(rest.address("other", "quantization=binary"))
    binary.create_vector("v", SPACE)
    other = rest.sent("PATCH", "/collections/imagefinder_other")[-1]["vectors"]["v"]
    assert other["quantization_config"] == {"binary": {"always_ram": True}} and other["on_disk"] is False
    for each in (first, plain, binary):
        each.close()


# --- trouble ----------------------------------------------------------------------------------------------------------


def test_a_key_is_wanted_and_never_shown() -> None:
    with qdrant_rest.speaking(key="s3cret") as server:
        QdrantStore.create(server.address(settings="api_key=s3cret")).close()
        QdrantSite.at(server.address(), "s3cret").close()
        server.answer = lambda method, path: (401, "the key wr0ng is wrong") if path != "/" else None
        for at in (server.address(settings="api_key=wr0ng"), server.address().replace("//", "//:wr0ng@")):
            with pytest.raises(UnauthorizedError, match="wants a key, or another") as caught:
                QdrantStore.open(at)
            assert "wr0ng" not in f"{caught.value} {caught.value.remedy}" and "QDRANT_API_KEY" in caught.value.remedy
        server.answer = lambda method, path: (403, "Forbidden: read-only") if method == "PUT" else None
        with pytest.raises(UnauthorizedError, match="does not allow this"):
            QdrantStore.create(server.address("other", "api_key=s3cret"))


def test_servers_that_are_not_there_or_no_qdrant(rest: qdrant_rest.RestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreachableError, match="does not answer"):
        QdrantStore.open("qdrant://nowhere.invalid/shop")
    with pytest.raises(UnreachableError, match="does not answer") as caught:
        QdrantStore.open(rest.address().replace("qdrant://", "qdrants://"))
    assert "TLS" in caught.value.remedy
    rest.answer = lambda method, path: (200, "<html>hello</html>")
    with pytest.raises(UnreachableError, match="no Qdrant server"):
        QdrantStore.open(rest.address())
    rest.answer = lambda method, path: (200, '{"title": "qdrant", "version": "1.16.3"}') if path == "/" else None
    with pytest.raises(IndexFolderError, match=r"Qdrant 1\.16\.3.*") as old:
        QdrantStore.open(rest.address())
    assert "1.20" in old.value.remedy
    rest.answer = lambda method, path: None
    with pytest.raises(IndexDamagedError, match="missing"):
        QdrantStore.open(rest.address())
    store = QdrantStore.create(rest.address())
    rest.answer = lambda method, path: (500, '{"status": {"error": "No space left on device"}}')
    with pytest.raises(StorageError, match="No space left"):
        store.upsert([Point(point(1).id, {}, {})])
    rest.answer = lambda method, path: None
    monkeypatch.setattr(connections, "BACK_S", 0.2)
    rest.stop()
    with pytest.raises(UnreachableError, match="does not answer"):
        store.count()
    rest.start()
    assert store.count() == 0
    store.close()


def test_a_server_that_comes_back_is_waited_for(rest: qdrant_rest.RestServer) -> None:
    """What was under way is done once when it is there again."""
    store = QdrantStore.create(rest.address())
    store.create_vector("v", SPACE)
    done: list[int] = []

    def write() -> None:
        for n in range(60):
            store.upsert([point(n, number=n)])
            done.append(n)

    writer = threading.Thread(target=write)
    writer.start()
    while len(done) < 10 and writer.is_alive():
        writer.join(0.01)
    rest.stop()
    rest.start()
    writer.join()
    assert len(done) == 60 and store.columns(["number"])["number"] == list(range(60))
    store.close()


def test_a_collection_of_somebody_else_is_left_alone(rest: qdrant_rest.RestServer) -> None:
    from qdrant_client import models

    theirs = rest.inside
    theirs.create_collection("imagefinder_shop", vectors_config={})
    theirs.upsert("imagefinder_shop", [models.PointStruct(id=1, vector={}, payload={"a": 1})])
    for open_ in (QdrantStore.create, QdrantStore.open):
        with pytest.raises(IndexFolderError, match="was not made by ImageFinder"):
            open_(rest.address())
    assert theirs.count("imagefinder_shop").count == 1
    QdrantStore.create(rest.address("new")).close()
    at = models.PointIdsList(points=[connections.CATALOGUE])
    theirs.set_payload("imagefinder_new.documents", {"format": 99}, points=at)
    with pytest.raises(IndexVersionError, match="newer"):
        QdrantStore.open(rest.address("new"))
    theirs.set_payload(
        "imagefinder_new.documents", {"format": 99, "needs": 1}, points=at
    )  # says what it can be used by
    QdrantStore.open(rest.address("new")).close()
    gone = QdrantStore.create(rest.address("gone"))
    theirs.delete_collection("imagefinder_gone")
    with pytest.raises(NotFoundError, match="not there any more"):
        gone.count()
    with pytest.raises(InvalidInputError, match="not empty"):
        full = QdrantStore.create(rest.address("full"))
        full.create_vector("v", SPACE)
        full.close()
        QdrantStore.create(rest.address("full"))


def test_another_may_make_the_index_between_any_two_steps(
    qdrant: qdrants.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is at any step of making it while a second begins, and before any call of that one the first is done and has
    stored a point."""
    call = connections.Server.call

    def fill(at: str) -> None:
        QdrantSite.at(at).make()
        with closing(QdrantStore.open(at)) as other:
            other.create_vector("v", SPACE)
            other.upsert([point(1)])

    def make(at: str, before: int, act: Callable[[str], None]) -> bool:
        """Whether there was such a call, before which this is done."""
        calls = 0

        def counted(server: connections.Server, name: str, *values: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == before:
                with monkeypatch.context() as patch:
                    patch.setattr(connections.Server, "call", call)
                    act(at)
            return call(server, name, *values, **named)

        with monkeypatch.context() as patch:
            patch.setattr(connections.Server, "call", counted)
            QdrantSite.at(at).make()
        return calls >= before

    def stop(at: str) -> None:
        raise KeyboardInterrupt

    looked = 0
    for begun in count(1):
        for before in count(1):
            at = qdrant.address()
            try:
                make(at, begun, stop)
                assert looked > 100
                return
            except KeyboardInterrupt:
                more = make(at, before, fill)
            if not more:
                break
            looked += 1
            with closing(QdrantStore.open(at)) as opened:
                assert opened.vectors() == {"v": SPACE} and opened.count() == 1


def test_what_is_stored_travels_whole(rest: qdrant_rest.RestServer) -> None:
    payload = {
        "caption": "réd \x00 “bike”",
        "big": 2**53 + 1,
        "neg": -(2**63),
        "f": 2.0**60,
        "n": None,
        "a.b": [1, 2.5],
    }
    store = QdrantStore.create(rest.address())
    store.create_vector("raw", VectorParams(8, "float16", "dot", searchable=False))
    row = np.random.default_rng(0).standard_normal(8)
    store.upsert([Point(point(1).id, payload, {"raw": row})])
    [found] = store.retrieve([point(1).id], vectors=["raw"])
    assert found.payload == payload and type(found.payload["f"]) is float
    assert found.vectors["raw"].tolist() == row.astype(np.float16).astype(np.float32).tolist()
    [page] = store.scroll(vectors=["raw"], fields=["a.b"])
    assert page[0].payload == {"a.b": [1, 2.5]} and page[0].vectors["raw"].dtype == np.float32
    store.close()


def test_what_calls_cost_is_counted(rest: qdrant_rest.RestServer) -> None:
    server = connections.Server(Address.read(rest.address(), None))
    before = server.calls.figures()
    server.call("collection_exists", "nothing")
    with pytest.raises(NotFoundError):
        server.call("get_collection", "nothing")
    after = server.calls.figures()
    assert sum(after.counts) - sum(before.counts) == 2 and after.failed - before.failed == 1
    assert after.seconds > before.seconds and after.connections == {}
    server.close()

"""Two servers on one index at an address: what is done by one is seen by the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import addressed
import database
import pytest

from imagefinder import ImageFinder
from imagefinder.client import Client
from imagefinder.errors import ServerError, UnauthorizedError
from imagefinder.index import shared
from imagefinder.store.postgres import database as connections

PICTURES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture
def clients(
    postgres: database.Server,
    serving: Callable[..., AbstractContextManager[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[list[Client]]:
    homes = iter(f"home-{n}" for n in range(9))
    monkeypatch.setattr(shared, "_folder_of", lambda site: addressed._made(tmp_path / next(homes)))
    at = postgres.address()
    with ImageFinder.open(at, model="fast") as finder:
        finder.add(PICTURES / "food")
    with ExitStack() as stack:
        finders = [stack.enter_context(ImageFinder.open(at)) for _ in range(2)]
        urls = [stack.enter_context(serving(finder)) for finder in finders]
        yield [stack.enter_context(Client(url)) for url in urls]


def test_each_serves_what_the_other_was_told(clients: list[Client]) -> None:
    first, second = clients
    assert len(second) == len(first) == 9
    ids = second.columns(["id"])["id"]
    second.tag(ids[:2], add=["chosen"])
    assert [r.id for r in first.records("tags = chosen")] == ids[:2]
    second.cluster(2)
    assert [c.name for c in first.clusters] == [c.name for c in second.clusters]
    first.concepts.save("fruit", "fruit")
    assert [c.name for c in second.concepts.list()] == ["fruit"]
    hits = [hit.id for hit in first.search("an orange", k=4)]
    assert [hit.id for hit in second.search("an orange", k=4)] == hits
    assert first.thumbnail(hits[0], 128) == second.thumbnail(hits[0], 128)
    first.remove(ids[0])
    assert len(second) == 8 and first.info().path.startswith("postgresql://")


def test_a_database_that_is_away_is_no_fault_of_the_request(
    monkeypatch: pytest.MonkeyPatch, serving: Callable[..., AbstractContextManager[str]], tmp_path: Path
) -> None:
    monkeypatch.setattr(shared, "_folder_of", lambda site: addressed._made(tmp_path / "home"))
    monkeypatch.setattr(connections, "BACK_S", 0.5)
    with database.running() as server:
        at = server.address().replace("tester@", "tester:s3cret@")
        with ImageFinder.open(at, model="fast") as finder, serving(finder) as url, Client(url) as client:
            assert len(client) == 0
            server.stop()
            with pytest.raises(ServerError, match="does not answer") as caught:
                client.records()
            assert caught.value.code == "unreachable" and "s3cret" not in str(caught.value)
            server.start()
            assert len(client.records()) == 0


def test_a_key_that_one_makes_opens_both_until_it_is_removed(clients: list[Client]) -> None:
    first, second = clients
    key = first.keys.add("anna", "admin").secret
    with pytest.raises(UnauthorizedError):
        second.info()  # the index has a key now, so all of its servers ask for one
    with Client(second._transport.url, key=key) as anna:
        assert anna.about()["caller"] == "anna" and len(anna) == 9
        anna.remove(anna.columns(["id"])["id"][0])
        assert [(entry.action, entry.by) for entry in anna.audit.list(1)] == [("removed", "anna")]
        with Client(first._transport.url, key=key) as same:
            assert same.audit.list() == anna.audit.list()
            same.keys.remove("anna")
        assert anna.about()["caller"] == "anyone"  # there is none any more

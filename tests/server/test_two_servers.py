"""Two servers on one index at an address: what is done by one is seen by the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from io import BytesIO
from pathlib import Path

import addressed
import database
import httpx
import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.client import Client
from imagefinder.errors import ServerError, UnauthorizedError
from imagefinder.index import shared
from imagefinder.server import uploads
from imagefinder.server.jobs import shared as jobs
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


def test_a_log_in_and_a_link_are_good_at_each(
    postgres: database.Server, serving: Callable[..., AbstractContextManager[str]]
) -> None:
    key, at = "a key that is long enough", postgres.address()
    with ExitStack() as stack:
        finders = [stack.enter_context(ImageFinder.open(at, model="fast")) for _ in range(2)]
        first, second = (stack.enter_context(serving(finder, key=key)) for finder in finders)
        browser = stack.enter_context(httpx.Client(timeout=200))
        assert browser.get(f"{second}v1/index").status_code == 401
        assert browser.post(f"{first}v1/session", json={"key": key}).status_code == 204
        assert browser.get(f"{second}v1/index").status_code == 200  # of another port, and so another server
        link = browser.post(f"{first}v1/session/links").json()["link"]
        other = stack.enter_context(httpx.Client(timeout=200))
        assert other.post(f"{second}v1/session", json={"link": link}).status_code == 204
        assert other.get(f"{first}v1/index").status_code == 200
        assert [other.post(f"{url}v1/session", json={"link": link}).status_code for url in (first, second)] == [
            401,
            401,
        ]


def test_a_picture_sent_to_one_is_searched_by_at_the_other(clients: list[Client]) -> None:
    picture = next((PICTURES / "food").glob("*.jpg")).read_bytes()
    urls = [client._transport.url for client in clients]
    with httpx.Client(timeout=200) as web:
        upload = web.post(f"{urls[0]}/v1/uploads", files={"file": picture}).json()["upload"]
        body = {"parts": [{"upload": upload}], "k": 3}
        hits = [web.post(f"{url}/v1/search", json=body).json()["hits"] for url in urls]
    assert [hit["id"] for hit in hits[1]] == [hit["id"] for hit in hits[0]] and len(hits[0]) == 3


def test_what_is_uploaded_to_one_is_not_missed_by_the_other(
    postgres: database.Server,
    serving: Callable[..., AbstractContextManager[str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Each machine has files of its own, though their folders may have the same path."""
    machines = iter(("one", "other"))
    monkeypatch.setattr(shared, "_folder_of", lambda site: addressed._made(tmp_path / "home"))
    monkeypatch.setattr(uploads, "_machine", lambda: next(machines))
    at = postgres.address()
    with ExitStack() as stack:
        finders = [stack.enter_context(ImageFinder.open(at, model="fast")) for _ in range(2)]
        urls = [stack.enter_context(serving(finder)) for finder in finders]
        clients = [stack.enter_context(Client(url)) for url in urls]
        for client, name in zip(clients, ("fruit-4", "fruit-5"), strict=True):
            buffer = BytesIO()
            Image.effect_noise((64, 48), 40 if name == "fruit-4" else 90).save(buffer, "PNG")
            (tmp_path / f"{name}.png").write_bytes(buffer.getvalue())
            client.add(tmp_path / f"{name}.png")
        assert len(clients[0]) == len(clients[1]) == 2


def test_a_database_that_is_away_is_no_fault_of_the_request(
    monkeypatch: pytest.MonkeyPatch, serving: Callable[..., AbstractContextManager[str]], tmp_path: Path
) -> None:
    monkeypatch.setattr(shared, "_folder_of", lambda site: addressed._made(tmp_path / "home"))
    monkeypatch.setattr(connections, "BACK_S", 0.5)
    monkeypatch.setattr(jobs, "AWAY_S", 1.5)
    with database.running() as server:
        at = server.address().replace("tester@", "tester:s3cret@")
        with ImageFinder.open(at, model="fast") as finder, serving(finder) as url, Client(url) as client:
            assert len(client) == 0
            wait_for(lambda: ready(url) == 200, "the server to be ready")
            server.stop()
            wait_for(lambda: ready(url) == 503, "the server to say that its store is away")
            assert httpx.get(f"{url}healthz", timeout=200).status_code == 200
            with pytest.raises(ServerError, match="does not answer") as caught:
                client.records()
            assert caught.value.code == "unreachable" and "s3cret" not in str(caught.value)
            server.start()
            assert len(client.records()) == 0
            wait_for(lambda: ready(url) == 200, "the server to be ready again")


def ready(url: str) -> int:
    return httpx.get(f"{url}readyz", timeout=200).status_code


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.05)


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


def test_a_job_is_done_by_whoever_asked_for_it_at_any_server(
    clients: list[Client], tmp_path: Path, make_image: Callable[..., Image.Image]
) -> None:
    first, second = clients
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(2):
        make_image(n).save(folder / f"{n}.png")
    first.add_folder(folder)
    with Client(second._transport.url, key=first.keys.add("anna", "admin").secret) as anna:
        (folder / "0.png").unlink()
        anna.add_folder(folder)
        (entry,) = anna.audit.list(action="gone")
        assert (entry.by, entry.names) == ("anna", (str(folder / "0.png"),))

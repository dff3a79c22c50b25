"""Requests that name URLs: all of one are fetched side by side and within one time, and keep nobody else waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from imagefinder import ImageFinder
from imagefinder._util.ending import Ending, ending, within
from imagefinder.errors import FetchError
from imagefinder.images.loader import Loader
from imagefinder.search.embed import FETCHED
from imagefinder.server.routes.images import FEW_URLS
from imagefinder.server.state import FETCHING
from imagefinder.types import ImageRef, Limits

Serve = Callable[..., TestClient]
LIMITS = Limits(allow_private_addresses=True)
PATIENCE_S = 60.0


class Host(ThreadingHTTPServer):
    """A host of pictures: ``/N.png`` is a picture, ``/meet/N.png`` one that is sent once as many are asked for as are
    to meet, ``/slow`` one that never comes."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.meeting = threading.Barrier(FETCHED)
        self.asked = 0
        self.given_up = False
        self.end = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        self.server.asked += 1
        if "/meet/" in self.path:
            self.server.meeting.wait(PATIENCE_S)
        if "/slow" in self.path:
            self.server.given_up |= not self.server.end.wait(PATIENCE_S)
            return
        buffer = BytesIO()
        number = int(self.path.rpartition("/")[2].partition(".")[0])
        Image.new("RGB", (40, 30), (number % 256, number // 256 % 256, 77)).save(buffer, "PNG")
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(buffer.getvalue())))
        self.end_headers()
        self.wfile.write(buffer.getvalue())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[Host]:
    server = Host()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.end.set()
    server.shutdown()
    server.server_close()


def test_the_urls_of_one_search_are_fetched_side_by_side(serve: Serve, host: Host) -> None:
    client = serve(limits=LIMITS)
    parts = [{"url": host.url(f"meet/{n}.png")} for n in range(2 * FETCHED)]
    assert client.post("/v1/search", json={"parts": parts, "k": 3}).status_code == 200
    assert host.asked == len(parts)
    inputs = [{"image": part["url"]} for part in parts[:FETCHED]]
    assert len(client.post("/v1/embeddings", json={"input": inputs}).json()["data"]) == FETCHED


def test_which_url_failed_is_said(serve: Serve, host: Host) -> None:
    client = serve(limits=LIMITS)
    parts = [{"url": host.url("1.png")}, {"url": "http://127.0.0.1:9/none.png"}]
    error = client.post("/v1/search", json={"parts": parts}).json()["error"]
    assert error["code"] == "fetch-failed" and error["message"].startswith("http://127.0.0.1:9/none.png: ")


def test_all_urls_of_a_search_together_have_the_limit_of_one(host: Host) -> None:
    one = Loader(LIMITS).read(ImageRef(host.url("1.png")))
    together = Loader(Limits(allow_private_addresses=True, max_bytes=2 * len(one.data)), together=True)
    for number in (1, 2):
        together.read(ImageRef(host.url(f"{number}.png")))
    with pytest.raises(FetchError, match="together"):
        together.read(ImageRef(host.url("3.png")))


def in_threads(client: TestClient, bodies: list[tuple[str, dict[str, Any]]]) -> list[threading.Thread]:
    threads = [threading.Thread(target=client.post, args=(path,), kwargs={"json": body}) for path, body in bodies]
    for thread in threads:
        thread.start()
    return threads


def test_who_needs_no_url_does_not_wait_for_those_who_do(serve: Serve, host: Host, ids: list[str]) -> None:
    patient = Limits(allow_private_addresses=True, read_timeout_s=600, total_timeout_s=600)
    client = serve(limits=patient, max_seconds=600)
    slow = host.url("slow")
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("/v1/search", {"parts": [{"url": slow}, {"url": slow + "2"}]}),
        ("/v1/search", {"words": f"dog + {slow}"}),
        ("/v1/uploads", {"url": slow}),
        ("/v1/embeddings", {"input": [{"image": slow}]}),
    ]
    threads = in_threads(client, bodies[:2] * FETCHING + bodies[2:] * FETCHING)  # four times as many as are served
    end = time.monotonic() + PATIENCE_S
    while host.asked < FETCHING:
        assert time.monotonic() < end
        time.sleep(0.01)
    for body in ({"words": "cat"}, {"parts": [{"id": ids[0]}]}, {"parts": [{"id": ids[0], "box": [0, 0, 1, 0.5]}]}):
        assert client.post("/v1/search", json=body).status_code == 200
    assert client.get(f"/v1/images/{ids[0]}/thumbnail").status_code == 200
    assert client.get(f"/v1/images/{ids[0]}/original").status_code == 200
    assert not host.given_up
    host.end.set()
    for thread in threads:
        thread.join(PATIENCE_S)


def test_the_end_of_a_request_ends_its_fetches(serve: Serve, host: Host) -> None:
    client = serve(limits=LIMITS, max_seconds=0.5)
    parts = [{"url": host.url(f"slow{n}")} for n in range(20)]
    answer = client.post("/v1/search", json={"parts": parts})
    assert (answer.status_code, answer.json()["error"]["code"]) in ((503, "timeout"), (422, "timeout"))
    lane = client.app.state.serving.fetching  # type: ignore[attr-defined]
    end = time.monotonic() + PATIENCE_S
    while lane._room._value < 256 + FETCHING:  # the thread is free again, though the host has not answered
        assert time.monotonic() < end and not host.end.is_set()
        time.sleep(0.01)
    assert host.asked <= FETCHED


def test_a_fetch_has_no_more_time_than_the_work_it_is_part_of(host: Host) -> None:
    with within(Ending(-1)), pytest.raises(FetchError, match="together"):
        Loader(LIMITS).read(ImageRef(host.url("1.png")))
    assert host.asked == 0 and ending().seconds_left() > 1e9


def test_few_urls_are_added_at_once(serve: Serve, host: Host) -> None:
    client = serve(limits=LIMITS, empty=True)
    urls = [host.url(f"{n}.png") for n in range(5)]
    answer = client.post("/v1/images/urls", json={"urls": urls})
    assert answer.status_code == 201
    assert {image["uri"] for image in answer.json()["images"]} == set(urls) and not answer.json()["skipped"]


def test_urls_that_never_come_are_left_out_in_time(serve: Serve, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagefinder.server.routes.images.FETCH_S", 3.0)
    client = serve(limits=LIMITS, empty=True)
    urls = [host.url("1.png"), *(host.url(f"slow{n}") for n in range(40))]
    answer = client.post("/v1/images/urls", json={"urls": urls})
    added = {image["uri"] for image in answer.json()["images"]}
    assert added <= {urls[0]}  # on a machine so slow that it did not come in time either, none
    assert {(s["uri"], s["code"]) for s in answer.json()["skipped"]} == {(url, "timeout") for url in {*urls} - added}


def test_many_urls_are_a_job_that_shows_and_stops(serve: Serve, host: Host) -> None:
    client = serve(limits=LIMITS, empty=True)
    urls = [host.url(f"{n}.png") for n in range(FEW_URLS + 1)]
    answer = client.post("/v1/images/urls", json={"urls": urls})
    job = answer.json()["job"]
    assert (answer.status_code, job["kind"], job["options"]) == (202, "urls", {})
    done = wait_for(client, job["id"])
    assert (done["state"], done["result"]["added"]) == ("done", len(urls))
    assert client.get("/v1/images").json()["total"] == len(urls)

    slow = [host.url(f"slow{n}") for n in range(10_000)]
    job = client.post("/v1/images/urls", json={"urls": slow}).json()["job"]
    assert client.get("/v1/jobs").json()["jobs"][0]["id"] == job["id"]
    end = time.monotonic() + PATIENCE_S
    while host.asked == len(urls):
        assert time.monotonic() < end
        time.sleep(0.01)
    client.delete(f"/v1/jobs/{job['id']}")
    host.end.set()  # what is being fetched ends, and the rest is not begun
    assert wait_for(client, job["id"])["state"] == "cancelled"
    assert host.asked < len(urls) + 1000


def wait_for(client: TestClient, job: str) -> dict[str, Any]:
    end = time.monotonic() + 2 * PATIENCE_S
    while (found := client.get(f"/v1/jobs/{job}").json())["state"] in ("queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.02)
    return dict(found)


def test_the_library_fetches_side_by_side_too(host: Host, sample_index: Any, copy_index: Any, tmp_path: Any) -> None:
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index"), limits=LIMITS) as finder:
        urls = [host.url(f"meet/{n}.png") for n in range(FETCHED)]
        assert len(finder.search([(url, 1.0) for url in urls], k=3)) == 3

"""What Prometheus is told: by one server, by several processes of one, and while the store is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import database
import pytest
from balancer import ask
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from under_load import PATIENCE_S, Process, text_of

from imagefinder import ImageFinder, __version__
from imagefinder.server import state
from imagefinder.server.app import create_app
from imagefinder.server.metrics import Measured, Metrics
from imagefinder.server.settings import ServerSettings

KEY = "a key that is long enough"
FOOD = Path(__file__).resolve().parents[2] / "examples" / "images" / "food"


class Told(dict[tuple[str, frozenset[tuple[str, str]]], float]):
    """Samples by name and labels; ``told("name", label="value")`` is the sum of all that have those labels."""

    def __init__(self, text: str) -> None:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                assert key not in self, f"{key} is told twice"
                self[key] = sample.value

    def __call__(self, name: str, **labels: str) -> float:
        found = [value for (one, has), value in self.items() if one == name and labels.items() <= dict(has).items()]
        assert found, f"there is no {name} {labels}"
        return sum(found)

    def has(self, name: str) -> bool:
        return any(one == name for one, _ in self)


def told(client: TestClient) -> Told:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return Told(answer.text)


def ended(client: TestClient, kind: str, **options: Any) -> dict[str, Any]:
    job = client.post("/v1/jobs", json={"kind": kind, "options": options}).json()
    end = time.monotonic() + PATIENCE_S
    while not job["finished"]:
        assert time.monotonic() < end, job
        time.sleep(0.05)
        job = client.get(f"/v1/jobs/{job['id']}").json()
    return dict(job)


def test_a_server_tells_what_an_operator_needs(client: TestClient, tmp_path: Path) -> None:
    assert client.post("/v1/search", json={"words": "animal"}).status_code == 200
    assert client.get("/v1/images/5d0f7a55-5f39-5d0e-8f3e-7b8f5a0f6f01").status_code == 404
    new = tmp_path / "new"
    new.mkdir()
    (new / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (new / "bread.jpg").write_bytes(sorted(FOOD.glob("*.jpg"))[0].read_bytes() + b"1")
    job = ended(client, "index", sources=[str(new)])
    assert job["state"] == "done", job
    found = told(client)
    assert found("imagefinder_build_info", version=__version__) == 1
    assert found("imagefinder_ready") == 1 and found("imagefinder_draining") == 0
    assert found("imagefinder_requests_total", method="POST", route="/v1/search", status="200") == 1
    assert found("imagefinder_requests_total", status="404") == 1
    assert found("imagefinder_request_seconds_count", route="/v1/search") == 1
    assert found("imagefinder_requests_in_progress") == 1, "this one"
    assert found("imagefinder_images") == len(client.app.state.serving.finder)  # type: ignore[attr-defined]
    assert found("imagefinder_job_seconds_count", kind="index", state="done") == 1
    assert found("imagefinder_images_skipped_total") == job["skipped"] == 1
    assert found("imagefinder_jobs", state="running") == found("imagefinder_job_age_seconds", state="running") == 0
    assert 0 < found("imagefinder_disk_free_bytes") < found("imagefinder_disk_bytes")
    assert found("imagefinder_lane_requests", lane="searching") == 0
    assert not found.has("imagefinder_store_up"), "an index in a folder has no store to lose"
    client.app.state.serving.drain()  # type: ignore[attr-defined]
    found = told(client)
    assert found("imagefinder_ready") == 0 and found("imagefinder_draining") == 1


def test_work_that_waits_is_told(client: TestClient) -> None:
    lane = client.app.state.serving.searching  # type: ignore[attr-defined]
    lane._count(lane._threads + 3)
    assert lane.counts() == {"running": lane._threads, "waiting": 3}
    assert told(client)("imagefinder_lane_requests", lane="searching", state="waiting") == 3
    lane._count(-lane._threads - 3)


def test_how_long_jobs_wait_and_run(client: TestClient) -> None:
    jobs = client.app.state.serving.jobs  # type: ignore[attr-defined]
    job = ended(client, "quality")
    noted = jobs._all[job["id"]]
    noted.state, noted.started = "running", "2026-01-01T00:00:00.000+00:00"
    assert told(client)("imagefinder_job_age_seconds", state="running") > 3600
    noted.state, noted.created = "queued", "2999-01-01T00:00:00.000+00:00"  # by a clock that is fast
    assert told(client)("imagefinder_job_age_seconds", state="queued") == 0


def test_metrics_are_there_while_the_store_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from imagefinder.server.jobs import mirror, shared
    from imagefinder.store.postgres import database as connections

    for module, name, value in (
        (state, "ANSWER_S", 0.2), (connections, "BACK_S", 0.5), (mirror, "AWAY_S", 2.0), (shared, "AWAY_S", 2.0)
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    with database.running() as server, ImageFinder.open(server.address(), model="fast") as finder:
        finder.add(FOOD)
        app = create_app(finder, ServerSettings(key=KEY))
        with TestClient(app, base_url="http://localhost:8642", raise_server_exceptions=False) as client:
            client.headers["authorization"] = f"Bearer {KEY}"  # keys of the index lie in the store
            found = told(client)
            assert found("imagefinder_store_up") == 1 and found("imagefinder_images") == len(finder)
            assert found("imagefinder_store_seconds_count") > 0 and found("imagefinder_store_failures_total") == 0
            assert found("imagefinder_store_connections") >= 1
            server.stop()
            assert client.get("/v1/images").status_code == 503
            end = time.monotonic() + PATIENCE_S
            while (found := told(client))("imagefinder_store_up"):
                assert time.monotonic() < end
                time.sleep(0.05)
            assert not found.has("imagefinder_images") and found("imagefinder_ready") == 0
            assert found("imagefinder_store_failures_total") > 0
            assert found("imagefinder_store_retries_total") > 0
            server.start()


def test_processes_of_one_server_tell_the_figures_of_all(postgres: database.Server, tmp_path: Path) -> None:
    at = postgres.address()
    with ImageFinder.open(at, model="fast") as finder:
        finder.add(FOOD)
        images = len(finder)
    process = Process(at, tmp_path, "--workers", "2")
    try:
        asyncio.run(_all_of(process, images))
    finally:
        process.kill()


async def _all_of(process: Process, images: int) -> None:

    port = await process.port()
    asked, workers, before = 0, set[str](), 0.0
    end = time.monotonic() + PATIENCE_S
    while len(workers) < 2 or asked < 10:
        assert time.monotonic() < end, f"only {workers} have told anything"
        assert (await ask(port, "POST", "/v1/search", {"words": "bread", "k": 1}))[0] == 200
        asked += 1
        found = Told(await text_of(port, "/metrics"))
        searched = found("imagefinder_requests_total", route="/v1/search")
        assert before <= searched <= asked, "figures never go back"
        before = searched
        workers = {dict(has)["worker"] for name, has in found if name == "imagefinder_request_seconds_count"}
    while (found := Told(await text_of(port, "/metrics")))("imagefinder_requests_total", route="/v1/search") < asked:
        assert time.monotonic() < end, "not all searches are told"
        await asyncio.sleep(0.1)
    assert workers == {"1", "2"} and found("imagefinder_images") == images
    assert found("imagefinder_request_seconds_count", route="/v1/search") == asked


def test_several_indexes_tell_theirs_each(
    sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]
) -> None:
    from imagefinder.server.several import create_several

    folder = tmp_path / "figures"
    folder.mkdir()
    with (
        ImageFinder.open(copy_index(sample_index, tmp_path / "a")) as one,
        ImageFinder.open(tmp_path / "b") as two,
        TestClient(
            create_several({"a": one, "b": two}, ServerSettings(figures=str(folder), worker=1)),
            base_url="http://localhost:8642",
        ) as client,
    ):
        client.post("/i/a/v1/search", json={"words": "animal"})
        found = {name: Told(client.get(f"/i/{name}/metrics").text) for name in "ab"}
        assert found["a"]("imagefinder_requests_total", route="/v1/search", worker="1") == 1
        assert (found["a"]("imagefinder_images"), found["b"]("imagefinder_images")) == (len(one), 0)
        assert "/v1/search" not in str(found["b"].keys())


def test_a_client_that_leaves_is_no_error_of_the_server() -> None:
    metrics = Metrics()

    async def ask(leaves: bool, answers: bool) -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            if answers:
                await send({"type": "http.response.start", "status": 200})
            if leaves:
                raise asyncio.CancelledError
            raise ValueError

        async def send(message: Any) -> None: ...

        with pytest.raises((asyncio.CancelledError, ValueError)):
            await Measured(app, metrics)({"type": "http", "method": "GET"}, send, send)

    for leaves, answers in ((True, False), (True, True), (False, False)):
        asyncio.run(ask(leaves, answers))
    found = Told(metrics.text().decode())
    assert [found("imagefinder_requests_total", status=status) for status in ("499", "200", "500")] == [1, 1, 1]
    assert found("imagefinder_requests_in_progress") == 0

"""Jobs: one at a time, stoppable, remembered, and never in the way of short work."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from imagefinder.errors import NotFoundError
from imagefinder.server.errors import RefusedError
from imagefinder.server.hub import WAITING, Hub
from imagefinder.server.jobs.queue import Job, Jobs

Serve = Callable[..., TestClient]


class Recorder(Hub):
    """A hub that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, Any]] = []

    def publish(self, event: str, data: Any) -> None:
        self.told.append((event, data))


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    made = Jobs(tmp_path, Recorder())
    yield made
    made.close()


def wait(job: Job, *states: str, seconds: float = 120.0) -> Job:
    end = time.monotonic() + seconds
    while job.state not in (states or ("done", "failed", "cancelled")):
        assert time.monotonic() < end, f"{job.kind} is still {job.state} at {job.stage}"
        time.sleep(0.01)
    return job


def steps(job: Job, jobs: Jobs, n: int = 2000, *, open: bool = False) -> str:
    for i in range(n):
        jobs.step(job, "counting", i, n, open=open)
        time.sleep(0.01)
    return "all counted"


def test_jobs_run_one_after_the_other_and_are_told(jobs: Jobs) -> None:
    order: list[str] = []
    made = [
        jobs.submit("index", {"n": n}, lambda job, _: order.append(job.id) or {"n": job.options["n"]}) for n in range(5)
    ]
    for job in made:
        assert wait(job).state == "done"
    assert order == [j.id for j in made] and [j.result["n"] for j in made] == list(range(5))
    hub: Any = jobs._hub
    assert {"queued", "running", "done"} <= {data["state"] for event, data in hub.told if event == "job"}


def test_each_stage_is_told_when_it_begins(jobs: Jobs) -> None:
    """However short the one before was: it may be the last that is heard for a long time."""
    stages = ["reading vectors", "comparing images", "laying out"]

    def draw(job: Job, queue: Jobs) -> list[str]:
        for stage in stages:
            queue.step(job, stage)
        hub: Any = queue._hub
        return [data["stage"] for event, data in hub.told if event == "job" and data["stage"]]

    assert wait(jobs.submit("map", {}, draw)).result == stages


def test_a_failure_is_told_in_our_words_and_the_next_job_runs(jobs: Jobs) -> None:
    def fail(job: Job, _: Jobs) -> None:
        raise NotFoundError("Nothing there.", remedy="Look elsewhere.")

    def crash(job: Job, _: Jobs) -> None:
        raise ZeroDivisionError("secret")

    failed, crashed, after = (jobs.submit("x", {}, w) for w in (fail, crash, lambda job, _: 1))
    assert wait(failed).error == {"code": "not-found", "message": "Nothing there.", "remedy": "Look elsewhere."}
    assert wait(crashed).error is not None and "secret" not in json.dumps(crashed.to_dict())
    assert wait(after).state == "done"


def test_a_running_and_a_waiting_job_can_be_cancelled(jobs: Jobs) -> None:
    running = jobs.submit("a", {}, steps)
    waiting = jobs.submit("b", {}, steps)
    wait(running, "running")
    assert jobs.cancel(waiting.id).state == "cancelled"
    jobs.cancel(running.id)
    assert wait(running).state == "cancelled" and running.result is None
    assert jobs.cancel(running.id).state == "cancelled"
    with pytest.raises(NotFoundError):
        jobs.cancel("nothing")
    assert jobs.counts() == {"queued": 0, "running": 0}


def test_a_job_that_is_cancelled_as_it_begins_ends_once(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = jobs._run

    def late(job: Job, work: Any) -> None:
        jobs.cancel(job.id)
        begin(job, work)

    monkeypatch.setattr(jobs, "_run", late)
    job = jobs.submit("a", {}, lambda job, _: jobs.step(job, "counting", 1, 2))
    jobs.submit("b", {}, lambda job, _: None)
    while jobs.counts() != {"queued": 0, "running": 0}:
        time.sleep(0.01)
    hub: Any = jobs._hub
    states = [data["state"] for event, data in hub.told if data["id"] == job.id]
    assert states == ["queued", "running", "cancelled"]


def test_progress_gives_the_time_left(jobs: Jobs) -> None:
    job = jobs.submit("a", {}, lambda job, all: steps(job, all, 100))
    wait(job, "running")
    while job.done < 20:
        time.sleep(0.01)
    assert job.eta_s is not None and 0.1 < job.eta_s < 20
    assert wait(job).eta_s is None


def test_short_work_is_done_between_the_steps_of_an_open_job_only(jobs: Jobs) -> None:
    job = jobs.submit("index", {}, lambda job, all: steps(job, all, open=True))
    wait(job, "running")
    assert jobs.quickly(lambda: threading.current_thread().name).result(60) == "imagefinder-jobs"
    assert job.state == "running"
    jobs.cancel(job.id)
    closed = jobs.submit("cluster", {}, lambda job, all: steps(job, all, 50))
    wait(closed, "running")
    future = jobs.quickly(lambda: closed.state)
    assert future.result(60) == "done"


def test_an_error_of_short_work_is_its_own(jobs: Jobs) -> None:
    with pytest.raises(ZeroDivisionError):
        jobs.quickly(lambda: 1 // 0).result(60)
    assert wait(jobs.submit("a", {}, lambda job, _: 1)).state == "done"


def test_too_much_waiting_is_refused(jobs: Jobs) -> None:
    first = wait(jobs.submit("a", {}, steps), "running")  # before it runs, short work goes ahead of it
    with pytest.raises(RefusedError):
        for _ in range(60):
            jobs.submit("b", {}, steps)
    with pytest.raises(RefusedError):
        for _ in range(60):
            jobs.quickly(lambda: None)
    jobs.cancel(first.id)


def test_the_history_outlives_the_server(tmp_path: Path) -> None:
    first = Jobs(tmp_path, Hub())
    done = first.submit("map", {"method": "pca"}, lambda job, _: {"name": "0001"})
    wait(done)
    stopped = first.submit("index", {}, steps)
    wait(stopped, "running")
    note = tmp_path / "jobs" / f"{stopped.id}.json"
    as_running = note.read_bytes()
    first.close()
    assert stopped.state == "cancelled"
    note.write_bytes(as_running)  # what a killed server leaves behind
    (tmp_path / "jobs" / "damaged.json").write_text("{")
    second = Jobs(tmp_path, Hub())
    found = {j.id: j for j in second.list()}
    assert found[done.id].result == {"name": "0001"} and found[done.id].seconds == done.seconds
    assert found[stopped.id].state == "failed" and found[stopped.id].error["code"] == "interrupted"  # type: ignore[index]
    second.close()


async def listen(publish: Callable[[Hub, list[Any]], Awaitable[None]]) -> list[int]:
    """What a listener hears of the numbers below 1000."""
    hub = Hub()
    heard: list[Any] = []

    async def collect() -> None:
        async for item in hub.listen():
            heard.append(item)

    task = asyncio.create_task(collect())
    while not hub._listeners:
        await asyncio.sleep(0)
    await publish(hub, heard)
    while heard[-1:] != [("n", 999)]:
        await asyncio.sleep(0.001)
    hub.close()
    await task
    return [n for _, n in heard]


def test_listeners_hear_everything() -> None:
    async def one_by_one(hub: Hub, heard: list[Any]) -> None:
        for i in range(1000):
            await asyncio.to_thread(hub.publish, "n", i)
            while len(heard) <= i:
                await asyncio.sleep(0)

    assert asyncio.run(asyncio.wait_for(listen(one_by_one), 120)) == list(range(1000))


def test_a_slow_listener_loses_the_oldest() -> None:
    async def all_at_once(hub: Hub, heard: list[Any]) -> None:
        for i in range(1000):
            hub.publish("n", i)

    assert asyncio.run(asyncio.wait_for(listen(all_at_once), 120)) == list(range(1000 - WAITING, 1000))


# --- through the API ----------------------------------------------------------------------------------------------


def finished(client: TestClient, job: dict[str, Any], seconds: float = 120.0) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = client.get(f"/v1/jobs/{job['id']}").json()
        if found["finished"]:
            return found
        assert time.monotonic() < end, found
        time.sleep(0.05)


def test_every_kind_of_job(client: TestClient) -> None:
    wanted = {
        "cluster": {"n_clusters": 4, "method": "kmeans"},
        "choose-k": {"max_k": 6},
        "map": {"method": "pca"},
        "duplicates": {"tier": "same-picture"},
        "outliers": {"k": 5},
        "quality": {},
        "pca": {},
        "index": {},
    }
    for kind, options in wanted.items():
        started = client.post("/v1/jobs", json={"kind": kind, "options": options})
        assert started.status_code == 202, started.text
        job = finished(client, started.json())
        assert job["state"] == "done" and job["result"] is not None, job
    kinds = [j["kind"] for j in client.get("/v1/jobs").json()["jobs"]]
    assert kinds == list(reversed(wanted))
    assert client.get("/v1/jobs", params={"kind": "map", "state": "done"}).json()["jobs"][0]["result"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "dance"},
        {"kind": "cluster", "options": {"n_clusters": 0}},
        {"kind": "cluster", "options": {"clusters": 3}},
        {"kind": "map", "options": {"method": 7}},
        {"kind": "index", "options": {"sources": "x"}},
        {"kind": "pca", "options": {"k": 1}},
        {},
    ],
)
def test_bad_jobs_are_refused(reader: TestClient, body: dict[str, Any]) -> None:
    answer = reader.post("/v1/jobs", json=body)
    assert answer.status_code == 400 and answer.json()["error"]["message"]


def test_what_only_the_run_can_know_fails_in_the_job(client: TestClient) -> None:
    job = finished(client, client.post("/v1/jobs", json={"kind": "map", "options": {"method": "mercator"}}).json())
    assert job["state"] == "failed" and "mercator" in job["error"]["message"]


def test_indexing_lists_what_it_skipped(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "bad.jpg").write_bytes(b"no picture")
    job = finished(
        client, client.post("/v1/jobs", json={"kind": "index", "options": {"sources": [str(tmp_path / "more")]}}).json()
    )
    assert job["state"] == "done" and job["skipped"] == 1
    rows = client.get(f"/v1/jobs/{job['id']}/skipped").json()
    assert rows["total"] == 1 and rows["skipped"][0]["code"] == "unsupported-format"
    assert client.get("/v1/jobs/none/skipped").status_code == 404


def test_folders_cannot_be_named_from_beyond_loopback(serve: Serve, tmp_path: Path) -> None:
    key = "a key that is long enough"
    (tmp_path / "mine" / "sub").mkdir(parents=True)
    sent = {"authorization": f"Bearer {key}"}
    closed = serve(host="0.0.0.0", key=key)
    open = serve(host="0.0.0.0", key=key, folders=(str(tmp_path / "mine"),))

    def try_it(client: TestClient, source: str) -> int:
        body = {"kind": "index", "options": {"sources": [source]}}
        return client.post("/v1/jobs", json=body, headers=sent).status_code

    assert try_it(closed, "/etc") == 403 and try_it(closed, str(tmp_path / "mine")) == 403
    assert closed.get("/v1/folders", headers=sent).status_code == 403
    assert try_it(open, str(tmp_path / "mine" / "sub")) == 202
    (tmp_path / "mine" / "out").symlink_to("/etc")
    for path in (
        "/etc",
        str(tmp_path),
        str(tmp_path / "mine" / ".." / "other"),
        str(tmp_path / "mine2"),
        str(tmp_path / "mine" / "out"),
    ):
        assert try_it(open, path) == 403, path
    seen = open.get("/v1/folders", headers=sent).json()
    assert [f["path"] for f in seen["folders"]] == [str(tmp_path / "mine")]
    inside = open.get("/v1/folders", params={"path": str(tmp_path / "mine")}, headers=sent).json()
    assert inside["parent"] is None and "sub" in [f["name"] for f in inside["folders"]]
    assert open.get("/v1/folders", params={"path": "/etc"}, headers=sent).status_code == 403


def test_folders_are_shown_to_choose_from(reader: TestClient, tmp_path: Path) -> None:
    for name in ("b", "A", ".hidden"):
        (tmp_path / "home" / name).mkdir(parents=True)
    (tmp_path / "home" / "x.JPG").write_bytes(b"")
    (tmp_path / "home" / "x.txt").write_bytes(b"")
    seen = reader.get("/v1/folders", params={"path": str(tmp_path / "home")}).json()
    assert [f["name"] for f in seen["folders"]] == ["A", "b"] and seen["images"] == 1
    assert seen["parent"] == str(tmp_path)
    for path in ("/no/such", str(tmp_path / "home" / "x.txt"), "a\0b"):
        assert reader.get("/v1/folders", params={"path": path}).status_code in (400, 404)
    assert reader.get("/v1/folders").json()["path"] == str(Path.home())

"""Jobs of several servers on one index: each runs once, at one of them, and is known to all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import database
import pytest

from imagefinder._util.ending import ending
from imagefinder.errors import NotFoundError, UnreachableError
from imagefinder.index.shared import SharedIndex
from imagefinder.server.errors import RefusedError
from imagefinder.server.hub import Hub
from imagefinder.server.jobs import shared
from imagefinder.server.jobs.heard import Heard
from imagefinder.server.jobs.job import Job
from imagefinder.server.jobs.queue import Jobs
from imagefinder.server.jobs.shared import SharedJobs

PATIENCE_S = 120.0


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.02)
    return found


class Recorder(Hub):
    """A hub that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[str, Any]] = []

    def publish(self, event: str, data: Any) -> None:
        self.told.append((event, data))


class Servers:
    """Servers of one index, whose jobs note where they run, and wait for ``go``."""

    def __init__(self, address: str, home: Path) -> None:
        self.address, self.home = address, home
        self.ran: list[tuple[str, int]] = []
        self.go = threading.Event()
        self.made: list[SharedJobs] = []
        self.indexes: list[SharedIndex] = []

    def start(self, **given: Any) -> SharedJobs:
        number = len(self.made)
        self.indexes.append(SharedIndex(self.address))
        board = self.indexes[-1].board
        assert board is not None

        def resume(kind: str, given: Mapping[str, Any]) -> Callable[[Job, Jobs], Any]:
            def work(job: Job, jobs: Jobs) -> Any:
                self.ran.append((job.id, number))
                jobs.step(job, "at work", 1, 2)
                while given.get("wait") and not self.go.is_set():
                    ending().sleep(0.01)
                return {"at": number, **given}

            return work

        rows = {"long": True, "once": False, "short": True}
        options = {"resume": resume, "goes_on": rows, "reads": False, **given}
        self.made.append(SharedJobs(self.home, Recorder(), lambda kind, options: kind.title(), board, **options))
        return self.made[-1]

    def die(self, jobs: SharedJobs) -> None:
        """As a killed one: it says nothing any more."""
        jobs._stopped = True
        jobs._mirror.update = jobs._board.update = self._dead  # type: ignore[method-assign,assignment]
        jobs._watcher.join(PATIENCE_S)

    def _dead(self, *_: Any, **given: Any) -> Any:
        raise NotFoundError("This server is dead.")

    def submit(self, jobs: SharedJobs, kind: str, **given: Any) -> str:
        return jobs.submit(kind, {}, lambda job, jobs: None, given).id

    def ended(self, jobs: SharedJobs, id: str) -> Job:
        job: Job = wait_for(lambda: jobs.get(id).finished and jobs.get(id), f"the end of {jobs.get(id)}")
        return job


@pytest.fixture
def servers(postgres: database.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Servers]:
    monkeypatch.setattr(shared, "TURN_S", 0.05)
    made = Servers(postgres.address(), tmp_path)
    yield made
    made.go.set()
    for jobs in made.made:
        jobs.close()
    for index in made.indexes:
        index.close()


def test_each_runs_once_and_all_know(servers: Servers) -> None:
    first, second = servers.start(), servers.start()
    ids = [servers.submit(jobs, "short", n=n) for n, jobs in enumerate([first, second, second, first, second])]
    for n, id in enumerate(ids):
        for jobs in (first, second):
            job = servers.ended(jobs, id)
            assert job.state == "done" and job.result["n"] == n and job.title == "Short"
    assert [id for id, _ in servers.ran] == ids  # one after the other, in the order in which they came
    assert {job.id for job in first.list()} == {job.id for job in second.list()} == {*ids}
    for jobs in (first, second):
        hub: Any = jobs._hub
        states = {(data["id"], data["state"]) for event, data in hub.told if event == "job"}
        assert {(id, "done") for id in ids} <= states
    first.forget(ids[0])
    with pytest.raises(NotFoundError):
        second.get(ids[0])


def test_a_job_is_stopped_from_any_server(servers: Servers) -> None:
    first, second = servers.start(), servers.start()
    running, waiting = servers.submit(first, "long", wait=True), servers.submit(first, "long", wait=True)
    wait_for(lambda: servers.ran, "the job to run")
    other = second if servers.ran[0][1] == 0 else first
    assert (
        wait_for(lambda: other.get(running).stage == "at work" and other.get(running), "its stage").state == "running"
    )
    assert other.counts() == {"queued": 1, "running": 1} and other.running.id == running  # type: ignore[union-attr]
    with pytest.raises(RefusedError):
        other.forget(running)
    assert other.cancel(waiting).state == "cancelled"
    other.cancel(running)
    for jobs in (first, second):
        assert servers.ended(jobs, running).state == "cancelled"
    assert [id for id, _ in servers.ran] == [running]


@pytest.mark.parametrize(("kind", "state"), [("long", "done"), ("once", "failed")])
def test_a_job_outlives_its_server(servers: Servers, monkeypatch: pytest.MonkeyPatch, kind: str, state: str) -> None:
    first = servers.start()
    id = servers.submit(first, kind, wait=True)
    wait_for(lambda: servers.ran, "the job to run")
    servers.die(first)
    monkeypatch.setattr(shared, "SILENT_S", 0.5)
    second = servers.start()
    if kind == "long":
        wait_for(lambda: len(servers.ran) == 2, "the other server to take it over")
    servers.go.set()  # also the dead one comes to its end, and is not heard
    job = servers.ended(second, id)
    assert job.state == state and [number for _, number in servers.ran] == ([0, 1] if kind == "long" else [0])
    assert job.result == {"at": 1, "wait": True} if kind == "long" else job.error["code"] == "interrupted"  # type: ignore[index]
    assert [job.id for job in second.list()] == [id]


def test_a_job_that_ends_its_servers_is_given_up(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "SILENT_S", 0.5)
    id = servers.submit(servers.start(), "long", wait=True)
    for n in range(shared.MOST_TRIES):
        wait_for(lambda n=n: len(servers.ran) == n + 1, "the job to run")  # type: ignore[misc]
        servers.die(servers.made[n])
        servers.start()
    job = servers.ended(servers.made[-1], id)
    assert job.state == "failed" and "3 times" in job.error["message"]  # type: ignore[index]
    assert len(servers.ran) == shared.MOST_TRIES


def test_a_server_that_was_only_slow_drops_what_is_no_longer_its_own(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = servers.start()
    id = servers.submit(first, "long", wait=True)
    wait_for(lambda: servers.ran, "the job to run")
    alive = first._turn
    monkeypatch.setattr(first, "_turn", lambda: None)
    monkeypatch.setattr(shared, "SILENT_S", 0.5)
    second = servers.start()
    wait_for(lambda: len(servers.ran) == 2, "the other server to take it over")
    monkeypatch.setattr(first, "_turn", alive)
    wait_for(lambda: first._running is None, "the slow one to stop")
    assert second.get(id).state == first.get(id).state == "running"
    servers.go.set()
    assert servers.ended(first, id).result["at"] == servers.ended(second, id).result["at"] == 1


def test_a_server_that_stops_hands_its_job_on(servers: Servers) -> None:
    first = servers.start()
    ids = [servers.submit(first, "long", wait=True) for _ in range(2)]
    wait_for(lambda: servers.ran, "the job to run")
    first.drain()
    wait_for(lambda: first._running is None, "it to stop")
    assert [first.get(id).state for id in ids] == ["queued", "queued"]
    first.close()
    second = servers.start()  # takes them without a wait: they were handed on
    wait_for(lambda: len(servers.ran) == 2, "the other server to take it")
    servers.go.set()
    assert [servers.ended(second, id).state for id in ids] == ["done", "done"]
    assert [number for _, number in servers.ran] == [0, 1, 1]


def test_what_cannot_go_on_elsewhere_has_time_for_its_end(servers: Servers) -> None:
    first, second = servers.start(), servers.start()
    id = servers.submit(first, "once", wait=True)
    wait_for(lambda: servers.ran, "the job to run")
    at = servers.made[servers.ran[0][1]]
    at.drain()
    servers.go.set()
    at.close(PATIENCE_S)
    assert servers.ended(second if at is first else first, id).state == "done" and len(servers.ran) == 1


def test_pages_of_all_servers_are_told_what_changed_once(servers: Servers) -> None:
    first, second = servers.start(), servers.start()
    hubs: Any = (first._hub, second._hub)
    wait_for(lambda: first._mirror._changed is not None and second._mirror._changed is not None, "the first look")
    hubs[0].changed("images", "clusters")
    wait_for(lambda: hubs[1].told, "the other server to tell it")
    hubs[1].changed("maps")
    wait_for(lambda: len(hubs[0].told) > 1, "the first server to tell that")
    assert hubs[0].told == [("changed", {"what": ["images", "clusters"]}), ("changed", {"what": ["maps"]})]
    assert [{*data["what"]} for _, data in hubs[1].told] == [{"images", "clusters"}, {"maps"}]


def test_one_that_only_reads_shows_jobs_and_runs_none(servers: Servers) -> None:
    reader, writer = servers.start(reads=True), servers.start()
    id = servers.submit(writer, "short")
    assert servers.ended(reader, id).state == "done" and servers.ran == [(id, 1)]


def test_too_many_waiting_are_refused_by_all(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "WAITING", 3)
    first = servers.start()
    servers.submit(first, "long", wait=True)
    wait_for(lambda: servers.ran, "the job to run")
    for _ in range(3):
        servers.submit(first, "long", wait=True)
    with pytest.raises(RefusedError, match="3 jobs are waiting"):
        servers.submit(servers.start(), "long")
    assert len(first.list()) == 4


def test_silence_is_told_from_not_hearing() -> None:
    heard = Heard()
    row = {"state": "running", "server": "a", "beat": 1}
    rows = {"j": row, "mine": dict(row), "waits": {**row, "state": "queued"}}
    assert heard.silent(rows, {"mine"}, 0, 5) == [] and heard.silent(rows, {"mine"}, 5.1, 5) == ["j"]
    row["beat"] = 2
    assert heard.silent(rows, {"mine"}, 6, 5) == [] and heard.silent(rows, {"mine"}, 11, 5) == []
    heard.forget()
    assert heard.silent(rows, {"mine"}, 20, 5) == [] and heard.silent(rows, {"mine"}, 25.1, 5) == ["j"]


def test_who_waits_for_a_store_that_is_away_is_told_soon(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagefinder.server.jobs.mirror.AWAY_S", 0.1)
    jobs = servers.start()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with jobs._mirror.known():
            held.set()
            done.wait(PATIENCE_S)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(PATIENCE_S)
    try:
        with pytest.raises(UnreachableError, match="does not answer"):
            jobs.list()
        assert jobs.counts() == {"queued": 0, "running": 0}
        wait_for(lambda: time.monotonic() - jobs._heard_at > 0.3, "nothing to be heard")
        monkeypatch.setattr(shared, "AWAY_S", 0.2)
        assert jobs.away
    finally:
        done.set()
        thread.join()
    wait_for(lambda: not jobs.away, "the store to be back")

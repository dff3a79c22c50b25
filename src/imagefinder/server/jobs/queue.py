"""Long work in the background: one job at a time, with progress, a way to stop it, and a history that lasts.

jobs/20261121-101500-ab12.json    in the index folder: what was asked, what came out, what was skipped
"""

from __future__ import annotations

import math
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from imagefinder._util.ending import EndedError, Ending, within
from imagefinder.errors import NotFoundError, StorageError
from imagefinder.server.errors import RefusedError, of_error
from imagefinder.server.jobs.job import Job, Title, keep, kept_jobs, now

if TYPE_CHECKING:
    from imagefinder.server.hub import Hub

T = TypeVar("T")
FOLDER = "jobs"
KEPT, WAITING = 200, 50  # jobs in the history; jobs that may wait
PUBLISH_S = 0.2  # between two reports of progress
NICE = 10  # how far a job steps back behind searches for the processor


Work = Callable[[Job, "Jobs"], Any]


class Jobs:
    """The queue and the history. Work runs in one thread of its own, which gives way to everything else. ``title``
    makes the title of a job of its kind and its options."""

    def __init__(self, home: Path, hub: Hub, title: Title = lambda kind, options: kind) -> None:
        self._folder = home / FOLDER
        self._hub = hub
        self._title = title
        self._lock = threading.Condition()
        self._waiting: deque[tuple[Job, Work]] = deque()
        self._quick: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._all = {job.id: job for job in self._history()}
        self._running: Job | None = None
        self._at_work = False
        self._closing = False
        self.watch: Callable[[Job, str], None] = lambda job, state: None  # is told of each that has ended here, and how
        self._thread = threading.Thread(target=self._loop, name="imagefinder-jobs", daemon=True)
        self._thread.start()

    def _history(self) -> list[Job]:
        return kept_jobs(self._folder, KEPT, self._title)

    # --- asked from anywhere --------------------------------------------------------------------------------------

    @property
    def away(self) -> str:
        """Why the other servers of the index can't be heard at the moment; empty where they can."""
        return ""

    def submit(self, kind: str, options: dict[str, Any], work: Work, given: Mapping[str, Any] | None = None) -> Job:
        """Queue a job. ``given`` are all options of its kind, from which another server can do the same work. Raises
        RefusedError when too many wait."""
        job = Job(new_id(), kind, options, self._title(kind, options))
        with self._lock:
            if self._closing or len(self._waiting) >= WAITING:
                raise too_many(len(self._waiting))
            self._all[job.id] = job
            self._waiting.append((job, work))
            self._lock.notify()
        self._publish(job, always=True)
        return job

    def quickly(self, do: Callable[[], T]) -> Future[T]:
        """Do something short in the jobs' thread: at once when nothing runs, between two steps of an indexing run,
        or after a job of another kind."""
        future: Future[T] = Future()
        with self._lock:
            if self._closing or len(self._quick) >= WAITING:
                raise RefusedError(503, "Too much is waiting already.", remedy="Try again later.")
            self._quick.append((do, future))
            self._lock.notify()
        return future

    def list(self, kind: str | None = None, state: str | None = None) -> list[Job]:
        """The jobs there are and were, the newest first."""
        found = sorted(self._all.values(), key=lambda j: (j.created, j.id), reverse=True)
        return [j for j in found if kind in (None, j.kind) and state in (None, j.state)]

    def get(self, id: str) -> Job:
        """Raises NotFoundError."""
        if id not in self._all:
            raise NotFoundError(f"There is no job {id!r}.")
        return self._all[id]

    def cancel(self, id: str) -> Job:
        """Stop a job, at its next step when it runs already. One that has ended stays as it is."""
        job = self.get(id)
        with self._lock:
            job.ending.stop()
            if job.state == "queued":
                self._waiting = deque(w for w in self._waiting if w[0] is not job)
                self._end(job, "cancelled")
        return job

    def forget(self, id: str) -> Job:
        """Take a job that has ended out of the history. Raises NotFoundError, and RefusedError for one that has not."""
        job = self.get(id)
        with self._lock:
            if job.state in ("queued", "running"):
                raise RefusedError(409, f"The job {id} has not ended.", remedy="Cancel it first.")
            if id in self._all:
                self._forget(job)
        return job

    def counts(self) -> dict[str, int]:
        return {"queued": len(self._waiting), "running": int(self._running is not None)}

    def ages(self) -> dict[str, float]:
        """For how many seconds a job has been running, and the first of those that are queued has been waiting; 0
        where there is none."""
        at = datetime.now(UTC)
        jobs = [*self._all.values()]

        def longest(times: Iterable[str | None]) -> float:
            return max(((at - datetime.fromisoformat(one)).total_seconds() for one in times if one), default=0.0)

        queued = longest(job.created for job in jobs if job.state == "queued")
        running = longest(job.started for job in jobs if job.state == "running")
        return {"queued": max(0.0, queued), "running": max(0.0, running)}

    @property
    def running(self) -> Job | None:
        return self._running

    def drain(self) -> None:
        """Begin no further job. Those of a server that shares its index go to the others."""

    def close(self, wait_s: float = 30.0) -> None:
        """Stop what runs at its next step and forget what waits; what is stored stays."""
        with self._lock:
            self._closing = True
            for job, _ in self._waiting:
                self._end(job, "cancelled")
            self._waiting.clear()
            if self._running:
                self._running.ending.stop()
            self._lock.notify()
        self._thread.join(wait_s)

    # --- called by the work ---------------------------------------------------------------------------------------

    def step(self, job: Job, stage: str, done: int = 0, total: int = 0, *, open: bool = False) -> None:
        """Say how far a job is, and stop it here if somebody wants that. ``open``: other short work may be done now."""
        job.ending.go_on()
        new = job._left.note(stage, done, total)
        job.stage, job.done, job.total = stage, done, total
        self._publish(job, always=new)  # a stage may say nothing more for a long time
        if open:
            self._do_quick()

    # --- in the thread --------------------------------------------------------------------------------------------

    def _loop(self) -> None:
        _step_back()
        while True:
            with self._lock:
                while not (self._waiting or self._quick or self._closing):
                    self._lock.wait()
                if self._closing and not self._waiting:
                    break
                job, work = self._waiting.popleft() if self._waiting and not self._quick else (None, None)
                self._running, self._at_work = job, True
                if job is not None:
                    job.state, job.started = "running", job.started or now()
            if job is None or work is None:
                self._do_quick()
            else:
                self._run(job, work)
            self._at_work = False
        for _, future in self._quick:
            future.set_exception(RefusedError(503, "The server is stopping."))

    def _run(self, job: Job, work: Work) -> None:
        begun = time.monotonic()
        self._keep(job)
        self._publish(job, always=True)
        try:
            with within(job.ending):
                job.result = work(job, self)
            state = "done"
            job.learn()
        except EndedError:
            state = "cancelled"
        except BaseException as error:  # whatever happened, the queue goes on
            job.error = of_error(error)[1]["error"]
            state = "failed"
        job.seconds = round(time.monotonic() - begun, 2)
        self.watch(job, state)
        self._finish(job, state)

    def _finish(self, job: Job, state: str) -> None:
        with self._lock:
            self._running = None
            self._end(job, state)

    def _end(self, job: Job, state: str) -> None:
        job.state, job.finished = state, now()
        self._keep(job)
        self._publish(job, always=True)
        ended = [j for j in self.list() if j.finished]
        for old in ended[KEPT:]:
            self._forget(old)

    def _forget(self, job: Job) -> None:
        del self._all[job.id]
        with suppress(OSError):
            (self._folder / f"{job.id}.json").unlink()

    def _do_quick(self) -> None:
        while self._quick:
            do, future = self._quick.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                with within(Ending(math.inf)):  # not with the job in whose step it is done
                    future.set_result(do())
            except BaseException as error:
                future.set_exception(error)

    def _publish(self, job: Job, *, always: bool = False) -> None:
        at = time.monotonic()
        if always or at - job._published >= PUBLISH_S:
            job._published = at
            self._hub.publish("job", job.to_dict(brief=True))

    def _keep(self, job: Job) -> None:
        """Note the job on disk; a full disk costs the note, not the job."""
        with suppress(StorageError):
            keep(self._folder, job)


def new_id() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


def too_many(waiting: int) -> RefusedError:
    return RefusedError(503, f"{waiting} jobs are waiting already.", remedy="Try again later.")


def _step_back() -> None:
    """Let searches go first. On Linux this holds for this thread and those it starts; elsewhere it can't be done."""
    if hasattr(os, "setpriority") and os.uname().sysname == "Linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)

"""The jobs of several servers on one index: each runs at one of them, one at a time in all, and is known to all.

A job waits on the board of the index until a server that has nothing to do takes it. That server says every second that
it is still there, and how far it is. Where nothing is heard for ``SILENT_S``, by each listener's own clock, the job
goes to another one, or ends as interrupted, as its kind says. A server that was only slow finds that the job is no
longer its own, and drops it: so a job ends once.

servers/jobs/20261121-101500-ab12.json          what came out, what was skipped
servers/jobs/20261121-101500-ab12.given.json    all that was asked, and by whom, until the job has ended
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.acting import Actor, acting, actor
from imagefinder.errors import ImageFinderError
from imagefinder.index.jsonfile import read_json, write_json
from imagefinder.server.errors import RefusedError, of_error
from imagefinder.server.jobs.fitting import Fitting
from imagefinder.server.jobs.heard import Heard
from imagefinder.server.jobs.job import Job, Title, interrupted, keep, now
from imagefinder.server.jobs.mirror import AWAY_S, Mirror, ended, row_of
from imagefinder.server.jobs.queue import FOLDER, KEPT, WAITING, Jobs, Work, new_id, too_many

if TYPE_CHECKING:
    from imagefinder._util.places import Place
    from imagefinder.index.board import Board
    from imagefinder.server.hub import Changed, Hub

log = logging.getLogger("imagefinder.server")
TURN_S = 1.0  # between two looks at the board, and two signs of life
SILENT_S = 15.0  # without one, the server of a job has ended
PATIENCE_S = 60.0  # for the store to come back, to note the end of a job
MOST_TRIES = 3  # of a job whose servers end

Row = Mapping[str, Any]
Resume = Callable[[str, Mapping[str, Any]], Work]


class SharedJobs(Jobs):
    """``resume`` makes the work of a kind of job from its options. ``goes_on`` says of each kind whether it may be done
    again, or gone on with, after its server has ended. With ``reads`` this server runs no job and changes nothing."""

    def __init__(
        self,
        home: Path,
        hub: Hub,
        title: Title,
        board: Board,
        *,
        resume: Resume,
        goes_on: Mapping[str, bool],
        reads: bool,
    ) -> None:
        self._board, self._resume, self._goes_on, self._reads = board, resume, goes_on, reads
        self._me = secrets.token_hex(8)
        self._documents = board.folder / FOLDER
        self._mirror = Mirror(board, self._documents, hub, title, self._here)
        self._news: list[Changed] = []
        self._heard, self._fitting = Heard(), Fitting(board.check)
        self._heard_at = time.monotonic()
        self._draining = self._stopped = False
        self._wake = threading.Event()
        super().__init__(home, hub, title)
        self._all = self._mirror.all
        if not reads:
            hub.tell = self._tell
        self._watcher = threading.Thread(target=self._watch, name="imagefinder-board", daemon=True)
        self._watcher.start()

    def _history(self) -> list[Job]:
        return []  # the board says which there are

    # --- asked from anywhere --------------------------------------------------------------------------------------

    @property
    def away(self) -> str:
        silent = time.monotonic() - self._heard_at > AWAY_S
        return self._fitting.why_not or ("The store of the index does not answer." if silent else "")

    def submit(self, kind: str, options: dict[str, Any], work: Work, given: Mapping[str, Any] | None = None) -> Job:
        job = Job(new_id(), kind, options, self._title(kind, options))
        write_json(self._given(job.id), {"given": dict(given or {}), "by": asdict(actor())}, indent=None)

        def add(board: dict[str, Any]) -> None:
            waiting = sum(row["state"] == "queued" for row in board["jobs"].values())
            if waiting >= WAITING:
                raise too_many(waiting)
            board["jobs"][job.id] = row_of(job)

        try:
            self._mirror.update(add)
        except RefusedError:
            self._given(job.id).unlink(missing_ok=True)
            raise
        self._wake.set()
        return self._all.get(job.id, job)

    def list(self, kind: str | None = None, state: str | None = None) -> list[Job]:
        self._mirror.refresh()
        return super().list(kind, state)

    def get(self, id: str) -> Job:
        self._mirror.refresh()
        return super().get(id)

    def cancel(self, id: str) -> Job:
        """Stop a job, wherever it runs. One that has ended stays as it is."""
        if self.get(id).finished:
            return self.get(id)

        def stop(board: dict[str, Any]) -> None:
            if id in board["jobs"]:
                board["jobs"][id]["cancel"] = True

        row = self._mirror.update(stop)["jobs"].get(id)
        if row is not None and row["state"] == "queued":
            self._end_for_good(self._mirror.job(id, row), "cancelled", lambda row: row["state"] == "queued")
        elif (running := self._running) is not None and running.id == id:
            running.ending.stop()
        return self.get(id)

    def forget(self, id: str) -> Job:
        job = self.get(id)
        if not job.finished:
            raise RefusedError(409, f"The job {id} has not ended.", remedy="Cancel it first.")

        def take_out(board: dict[str, Any]) -> None:
            board["ended"] = [one for one in board["ended"] if one != id]

        self._mirror.update(take_out)
        (self._documents / f"{id}.json").unlink(missing_ok=True)
        return job

    def counts(self) -> dict[str, int]:
        states = [job.state for job in [*self._all.values()]]
        return {"queued": states.count("queued"), "running": states.count("running")}

    @property
    def running(self) -> Job | None:
        """The job that runs, here or at another server."""
        return self._running or next((job for job in [*self._all.values()] if job.state == "running"), None)

    def drain(self) -> None:
        self._draining = True
        with self._lock:
            waiting = [job for job, _ in self._waiting]
            self._waiting.clear()
        for job in waiting:
            self._patiently(lambda job=job: self._give_back(job))  # type: ignore[misc]
        running = self._running
        if running is not None and self._goes_on.get(running.kind):
            running.ending.stop()

    def close(self, wait_s: float = 20.0) -> None:
        """What runs here goes to the other servers; what can't go on there has half of ``wait_s`` for its end. Whatever
        is left then, the others will find without a server."""
        self.drain()
        with self._lock:
            self._closing = True
            self._lock.notify()
        self._thread.join(wait_s / 2)
        if self._thread.is_alive() and (running := self._running) is not None:
            running.ending.stop()
            self._thread.join(wait_s / 2)
        self._stopped = True
        self._wake.set()
        self._watcher.join(TURN_S)

    # --- the end of a job that ran here ---------------------------------------------------------------------------

    def _finish(self, job: Job, state: str) -> None:
        """Note the end, or give the job back; nothing, if it is another server's by now."""
        try:
            if state == "cancelled" and self._draining and not self._is_cancelled(job.id):
                if self._goes_on.get(job.kind):
                    self._patiently(lambda: self._give_back(job))
                    return
                state, job.error = "failed", interrupted()
            self._patiently(lambda: self._end_for_good(job, state, lambda row: row["server"] == self._me))
        finally:
            with self._lock:
                self._running = None
            self._mirror.look_again()
            self._wake.set()

    def _is_cancelled(self, id: str) -> bool:
        with suppress(ImageFinderError):
            return bool(self._board.read()["jobs"].get(id, {}).get("cancel"))
        return False

    def _give_back(self, job: Job) -> None:
        def change(board: dict[str, Any]) -> None:
            row = board["jobs"].get(job.id)
            if row is not None and row["server"] == self._me:
                row.update(state="queued", server=None, started=None, eta_s=None)

        self._mirror.update(change)

    def _end_for_good(self, job: Job, state: str, is_so: Callable[[Row], bool]) -> None:
        """Note the end of a job, if ``is_so`` says yes to what the board says of it."""
        row = self._mirror.refresh(anew=True)["jobs"].get(job.id)
        if row is None or not is_so(row):
            return
        end = ended(job, state, now())
        keep(self._documents, end)  # first: whoever sees it among those that have ended, reads it
        gone: list[str] = []

        def change(board: dict[str, Any]) -> None:
            row = board["jobs"].get(job.id)
            if row is not None and is_so(row):
                del board["jobs"][job.id]
                gone[:] = board["ended"][: 1 - KEPT]
                board["ended"] = [*board["ended"][1 - KEPT :], job.id]

        with self._mirror.known():
            if job.id in self._mirror.update(change)["ended"]:
                self._all[job.id] = end
                self._publish(end, always=True)
        for place in (self._given(job.id), *(self._documents / f"{old}.json" for old in gone)):
            place.unlink(missing_ok=True)

    def _patiently(self, do: Callable[[], None]) -> None:
        """The store may be away for a moment. After that, the job is up to whoever finds it without a server."""
        begun = time.monotonic()
        while True:
            try:
                return do()
            except ImageFinderError as error:
                patience = AWAY_S if self._draining else PATIENCE_S
                if time.monotonic() > begun + patience or self._stopped:
                    log.error("The end of a job could not be noted: %s", error.message)
                    return None
                time.sleep(TURN_S)

    # --- the watcher ----------------------------------------------------------------------------------------------

    def _tell(self, what: tuple[Changed, ...]) -> None:
        self._news.extend(what)
        self._wake.set()

    def _watch(self) -> None:
        while not self._stopped:
            try:
                self._fitting.look()
                self._turn()
                self._heard_at = time.monotonic()
            except ImageFinderError:
                self._heard.forget()
            except Exception as error:
                log.error("unexpected error", exc_info=error)
            self._wake.wait(TURN_S)
            self._wake.clear()

    def _turn(self) -> None:
        rows = self._mirror.refresh()["jobs"]
        if self._reads:
            return
        held = {job.id for job in self._here()}
        for id in self._heard.silent(rows, held, time.monotonic(), SILENT_S):
            self._take_over(id, rows[id])
        free = not (self._draining or self._at_work or held or self._quick)
        news: tuple[Changed, ...] = tuple(self._news)
        taken: tuple[str, ...] = ()

        def change(board: dict[str, Any]) -> None:
            nonlocal taken
            for what in news:
                board["changed"][what] = board["changed"].get(what, 0) + 1
            self._say_alive(board["jobs"])
            taken = self._take(board["jobs"]) if free else ()

        if news or held or (free and any(row["state"] == "queued" for row in rows.values())):
            rows = self._mirror.update(change, own=news)["jobs"]
            del self._news[: len(news)]
        for id in taken:
            self._begin(id, rows[id])
        for job in self._here():
            if job.id in held and (job.id not in rows or rows[job.id]["server"] != self._me or rows[job.id]["cancel"]):
                job.ending.stop()

    def _here(self) -> tuple[Job, ...]:
        """The jobs that this server has."""
        with self._lock:
            return tuple(job for job in (self._running, *(job for job, _ in self._waiting)) if job is not None)

    def _say_alive(self, rows: dict[str, Any]) -> None:
        for job in self._here():
            row = rows.get(job.id)
            if row is not None and row["server"] == self._me:
                row["beat"] += 1
                row.update(stage=job.stage, done=job.done, total=job.total, eta_s=job.eta_s)

    def _take(self, rows: dict[str, Any]) -> tuple[str, ...]:
        """Take the job that has waited longest, if none runs anywhere."""
        waiting = [id for id, row in rows.items() if row["kind"] in self._goes_on]  # in the order in which they came
        if any(row["state"] == "running" for row in rows.values()) or not waiting:
            return ()
        rows[waiting[0]].update(state="running", server=self._me, started=now(), beat=0)
        return (waiting[0],)

    def _take_over(self, id: str, seen: Row) -> None:
        """A job whose server has ended waits for another one, or ends."""

        def is_so(row: Row) -> bool:
            return (row["server"], row["beat"]) == (seen["server"], seen["beat"])

        def wait(board: dict[str, Any]) -> None:
            row = board["jobs"].get(id)
            if row is not None and is_so(row):
                row.update(state="queued", server=None, started=None, eta_s=None, tries=row["tries"] + 1)

        job, tries = self._mirror.job(id, seen), seen["tries"] + 1
        if seen["cancel"]:
            self._end_for_good(job, "cancelled", is_so)
        elif tries < MOST_TRIES and self._goes_on.get(seen["kind"], True):
            self._mirror.update(wait)
        else:
            job.error = interrupted(tries)
            self._end_for_good(job, "failed", is_so)

    def _begin(self, id: str, row: Row) -> None:
        job = self._mirror.job(id, row)
        try:
            asked = read_json(self._given(id), {"given": {str: object}, "by": {str: str}}, "Start the job again.")
            with acting(Actor(**asked["by"])):
                work = self._resume(row["kind"], asked["given"])
        except (ImageFinderError, FileNotFoundError, RefusedError) as error:
            job.error = of_error(error)[1]["error"]
            self._end_for_good(job, "failed", lambda row: row["server"] == self._me)
            return
        with self._lock:
            if not self._draining:
                self._all[id] = job
                self._waiting.append((job, work))
                self._lock.notify()
                return
        self._give_back(job)

    def _given(self, id: str) -> Place:
        return self._documents / f"{id}.given.json"

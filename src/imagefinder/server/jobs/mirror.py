"""What one server knows of the board of its index, and tells its pages of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from imagefinder.errors import UnreachableError
from imagefinder.server.jobs.job import Job, Title, interrupted, kept_job, now

if TYPE_CHECKING:
    from imagefinder._util.places import Place
    from imagefinder.index.board import Board
    from imagefinder.server.hub import Changed, Hub

AWAY_S = 5.0  # without a look at the board, the store is away


class Mirror:
    """The jobs on the board and those that have ended, in ``all``, by id; those that are ``here`` are this server's own
    objects. What others change is published by ``hub``. ``documents`` has the notes of jobs that have ended."""

    def __init__(
        self, board: Board, documents: Place, hub: Hub, title: Title, here: Callable[[], Collection[Job]]
    ) -> None:  # fmt: skip
        self.all: dict[str, Job] = {}
        self._board, self._documents, self._hub, self._title, self._here = board, documents, hub, title, here
        self._lock = threading.RLock()  # what the board says is taken in by one thread after the other
        self._stamp: object = None
        self._last: dict[str, Any] = {}
        self._changed: dict[str, int] | None = None  # what pages were last told of; None before the first look

    @contextmanager
    def known(self) -> Iterator[None]:
        """Meanwhile, no other thread looks at the board. Raises UnreachableError where one waits for the store."""
        if not self._lock.acquire(timeout=AWAY_S):
            raise UnreachableError("The store of the index does not answer.", remedy="Try again in a moment.")
        try:
            yield
        finally:
            self._lock.release()

    def job(self, id: str, row: Mapping[str, Any]) -> Job:
        """The job of another server, as the board tells of it."""
        names = ("kind", "options", "state", "stage", "done", "total", "created", "started")
        told = {name: row[name] for name in names}
        return Job(id, **told, title=self._title(row["kind"], row["options"]), told_eta_s=row["eta_s"])

    def refresh(self, *, anew: bool = False) -> dict[str, Any]:
        """The board as it is now; read again if it has changed, or if ``anew``."""
        with self.known():
            stamp = self._board.stamp()
            if anew or stamp is None or stamp != self._stamp:
                self._take_in(self._board.read())
                self._stamp = stamp
            return self._last

    def look_again(self) -> None:
        """What was here is so no more."""
        self._stamp = None

    def update(self, change: Callable[[dict[str, Any]], None], own: tuple[Changed, ...] = ()) -> dict[str, Any]:
        """Change the board; pages of this server know of its ``own`` changes already."""
        with self.known():
            board = self._board.update(change)
            if self._changed is not None:
                self._changed.update({what: board["changed"][what] for what in own})
            self._take_in(board)
            return board

    def _take_in(self, board: dict[str, Any]) -> None:
        first, self._last = self._changed is None, board
        here = {job.id for job in self._here()}
        for id, row in board["jobs"].items():
            known, told = self.all.get(id), self.job(id, row)
            if id not in here and (known is None or known.to_dict(brief=True) != told.to_dict(brief=True)):
                self._learn(told, first)
        for id in board["ended"]:
            if id not in here and (id not in self.all or not self.all[id].finished):
                note = kept_job(self._documents, id, self._title)
                self._learn(note or Job(id, "", {}, state="failed", finished=now(), error=interrupted()), first)
        for id in self.all.keys() - board["jobs"].keys() - set(board["ended"]) - here:
            del self.all[id]
        changed = [what for what, n in board["changed"].items() if n != (self._changed or {}).get(what, 0)]
        self._changed = dict(board["changed"])
        if changed and not first:
            self._hub.publish("changed", {"what": changed})

    def _learn(self, job: Job, first: bool) -> None:
        self.all[job.id] = job
        if not first:
            self._hub.publish("job", job.to_dict(brief=True))


def row_of(job: Job) -> dict[str, Any]:
    """A job that waits, as the board has it."""
    names = ("kind", "options", "state", "stage", "done", "total", "eta_s", "created", "started")
    return {**{name: getattr(job, name) for name in names}, "server": None, "beat": 0, "tries": 0, "cancel": False}


def ended(job: Job, state: str, at: str) -> Job:
    """A job as it is once it has ended."""
    names = ("id", "kind", "options", "title", "stage", "done", "total", "created", "started", "seconds", "error")
    told = {name: getattr(job, name) for name in (*names, "result", "skipped", "run")}
    return Job(**told, state=state, finished=at)

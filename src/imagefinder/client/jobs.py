"""Jobs: long work that the server does in the background."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from imagefinder.client.transport import error_of
from imagefinder.errors import ServerError
from imagefinder.types import Skipped

if TYPE_CHECKING:
    from imagefinder.client.transport import Transport

FIRST_LOOK_S, LONGEST_LOOK_S = 0.05, 1.0  # between two looks at a job
ENDED = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was when it was looked at. ``state`` is queued, running, done, failed or cancelled; ``done`` of
    ``total`` counts what ``stage`` names, ``eta_s`` are seconds to its end, ``run_eta_s`` to
    that of all stages, where an earlier job like it tells; times are ISO 8601 in UTC. ``result``
    depends on the kind; ``skipped`` counts images left out; ``title`` says to people what it is."""

    id: str
    kind: str
    options: Mapping[str, Any]
    state: str
    stage: str
    done: int
    total: int
    eta_s: float | None
    created: str
    started: str | None
    finished: str | None
    seconds: float
    error: Mapping[str, str] | None
    result: Any
    skipped: int
    title: str = ""
    run_eta_s: float | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        known: dict[str, Any] = {name: row[name] for name in cls.__dataclass_fields__ if name in row}
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


JobProgress = Callable[[Job], None]


class Jobs:
    """The jobs of a server."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def run(self, kind: str, options: Mapping[str, Any], progress: JobProgress | None = None) -> Job:
        """Start a job and wait for its end. Raises what it failed of."""
        body = {"kind": kind, "options": {k: v for k, v in options.items() if v is not None}}
        return self.wait(self._transport.json("POST", "/v1/jobs", json=body)["id"], progress)

    def wait(self, id: str, progress: JobProgress | None = None) -> Job:
        """Wait for a job's end, telling ``progress`` whenever it has moved on. Raises what it failed of, or
        ServerError when somebody cancelled it. To stop waiting does not stop the job: ``cancel`` does."""
        seen: tuple[str, str, int] | None = None
        pause = FIRST_LOOK_S
        while True:
            job = self.get(id)
            if progress and (now := (job.state, job.stage, job.done)) != seen:
                seen = now
                progress(job)
            if job.ended:
                return _whole(job)
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_LOOK_S)

    def get(self, id: str) -> Job:
        return Job.from_dict(self._transport.json("GET", f"/v1/jobs/{id}"))

    def list(self, kind: str | None = None, state: str | None = None) -> list[Job]:
        rows = self._transport.json("GET", "/v1/jobs", params={"kind": kind, "state": state, "k": 200})["jobs"]
        return [Job.from_dict(row) for row in rows]

    def cancel(self, id: str) -> Job:
        return Job.from_dict(self._transport.json("DELETE", f"/v1/jobs/{id}"))

    def forget(self, id: str) -> Job:
        """Take a job that has ended out of the server's list. Raises ServerError for one that has not."""
        return Job.from_dict(self._transport.json("DELETE", f"/v1/jobs/{id}", params={"forget": True}))

    def skipped(self, job: Job) -> tuple[Skipped, ...]:
        """The images that a job left out."""
        return tuple(Skipped(**row) for row in self._skipped(job.id)) if job.skipped else ()

    def _skipped(self, id: str) -> Iterator[dict[str, str]]:
        offset, total = 0, 1
        while offset < total:
            page = self._transport.json("GET", f"/v1/jobs/{id}/skipped", params={"k": 1000, "offset": offset})
            yield from page["skipped"]
            offset, total = offset + 1000, page["total"]


def _whole(job: Job) -> Job:
    """The job, if it has come to a good end."""
    if job.state == "cancelled":
        raise ServerError(f"The job {job.kind} was cancelled.", code="cancelled")
    if job.error is not None:
        raise error_of(job.error["code"], job.error["message"], job.error.get("remedy", ""))
    return job

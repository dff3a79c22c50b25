"""One job: what is told of it, and how it is noted."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.ending import Ending
from imagefinder._util.files import write_whole
from imagefinder._util.lines import read_plain
from imagefinder._util.run_left import FormerRun, RunLeft
from imagefinder._util.sums import without_sum
from imagefinder.index.jsonfile import MOST_BYTES, json_text
from imagefinder.server.as_json import to_json
from imagefinder.server.errors import body

if TYPE_CHECKING:
    from imagefinder._util.places import Place

STATES = ("queued", "running", "done", "failed", "cancelled")
SKIPPED = ("uri", "code", "reason", "remedy")  # what is said of an image that a job left out
Title = Callable[[str, Mapping[str, Any]], str]


def now() -> str:
    """The time in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(slots=True)
class Job:
    """One piece of work. ``title`` says to people what it is. Times are ISO 8601 in UTC; ``done`` of ``total`` counts
    what ``stage`` names. ``told_eta_s`` is what another server said of one that runs there. ``run`` is how long the
    stages of one that is done took, where that tells how long the next like it will take."""

    id: str
    kind: str
    options: dict[str, Any]
    title: str = ""
    state: str = "queued"
    stage: str = ""
    done: int = 0
    total: int = 0
    created: str = field(default_factory=lambda: now())
    started: str | None = None
    finished: str | None = None
    seconds: float = 0.0
    error: dict[str, Any] | None = None
    result: Any = None
    skipped: list[dict[str, str]] = field(default_factory=list)
    told_eta_s: float | None = None
    run: FormerRun | None = None
    ending: Ending = field(default_factory=lambda: Ending(math.inf))
    _left: RunLeft = field(default_factory=RunLeft)
    _published: float = 0.0

    @property
    def eta_s(self) -> float | None:
        """Seconds to the end of this stage, from how fast it has gone so far."""
        left = self._left.of_stage() if self._is_told() and self.done < self.total else None
        return self.told_eta_s if left is None else round(left, 1)

    @property
    def run_eta_s(self) -> float | None:
        """Seconds to the end of all stages, where an earlier job like it tells how long they take."""
        left = self._left.of_run() if self._is_told() else None
        return None if left is None else round(left, 1)

    def _is_told(self) -> bool:
        return self.state == "running" and self._left.stage == self.stage

    def expect(self, images: int, former: Iterable[Job]) -> None:
        """It begins, with so many images: look for its like among ``former`` jobs of its kind, the latest first."""
        runs = [job.run for job in former if job.run and job.options == self.options]
        self._left = RunLeft(next((run for run in runs if run.is_like(images)), None), images)
        self.run = FormerRun({}, images)

    def learn(self) -> None:
        """It is done: keep how long it took."""
        if self.run is not None:
            self.run = FormerRun({stage: round(s, 2) for stage, s in self._left.took().items()}, self.run.images)

    def to_dict(self, *, brief: bool = False) -> dict[str, Any]:
        """As clients see it. ``brief`` leaves the result out, which may be large."""
        names = ("id", "kind", "title", "options", "state", "stage", "done", "total", "eta_s", "run_eta_s", "created")
        row = {name: getattr(self, name) for name in (*names, "started", "finished", "seconds", "error")}
        return {**row, "result": None if brief else self.result, "skipped": len(self.skipped)}


def keep(folder: Place, job: Job) -> None:
    """Note a job in a folder. Raises StorageError."""
    run = asdict(job.run) if job.run and job.state == "done" else None
    plain = json.loads(to_json({**job.to_dict(), "skipped": job.skipped, "run": run}))
    write_whole(folder / f"{job.id}.json", json_text(plain, indent=None))


def kept_jobs(folder: Path, most: int, title: Title) -> list[Job]:
    """The latest jobs of earlier servers. A note that can't be read tells nothing, and the index is whole without it; a
    part of one that is not what it should be is left out. A job is known by the name of its note."""
    paths = sorted(folder.glob("*.json"))[-most:] if folder.is_dir() else []
    return [job for path in paths if (job := kept_job(folder, path.stem, title)) is not None]


def kept_job(folder: Place, id: str, title: Title) -> Job | None:
    """The job of one note; None where it can't be read. Raises UnreachableError."""
    try:
        row = json.loads(read_plain(folder / f"{id}.json", MOST_BYTES))
        return job_of(id, without_sum(row), title) if isinstance(row, dict) else None
    except (OSError, ValueError, RecursionError):
        return None


def job_of(id: str, row: Mapping[str, Any], title: Title) -> Job:
    """The job that a note tells of, which has ended, be it with its server."""

    def of(kind: type, name: str, default: Any = None) -> Any:
        value = row.get(name, default)
        fits = isinstance(value, kind) and not (kind is not bool and isinstance(value, bool))
        return value if fits else default

    seconds = of(int, "seconds", of(float, "seconds", 0.0))
    found = Job(
        id=id,
        kind=of(str, "kind", ""),
        options=of(dict, "options", {}),
        state=of(str, "state", ""),
        stage=of(str, "stage", ""),
        done=of(int, "done", 0),
        total=of(int, "total", 0),
        created=of(str, "created", ""),
        started=of(str, "started"),
        finished=of(str, "finished"),
        seconds=float(seconds) if abs(seconds) < 1e12 else 0.0,
        error=_problem(row.get("error")),
        result=row.get("result"),
        run=_run(row.get("run")),
        skipped=[{name: one.get(name, "") for name in SKIPPED} for one in of(list, "skipped", []) if _are_texts(one)],
    )
    if found.state not in STATES or found.state in ("queued", "running"):  # it was when its server died
        found.state, found.error = "failed", interrupted()
    found.title = title(found.kind, found.options)
    return found


def interrupted(times: int = 1) -> dict[str, Any]:
    """The error of a job whose server ended, and the next one's, so many ``times``."""
    if times > 1:
        said = f"Its server ended {times} times while it ran, so it may be the cause."
        error: dict[str, Any] = body("interrupted", said, "Look at the servers' memory and logs, then run it again.")
    else:
        error = body("interrupted", "The server ended while it ran.", "Run it again: it goes on from there.")
    return dict(error["error"])


def _run(value: Any) -> FormerRun | None:
    """How long a job took, if it is told."""
    stages, images = (value.get("stages"), value.get("images")) if isinstance(value, dict) else (None, None)
    if not isinstance(stages, dict) or type(images) is not int:
        return None
    if not all(isinstance(s, int | float) and 0 <= s < 1e9 for s in stages.values()):
        return None
    return FormerRun({str(stage): float(s) for stage, s in stages.items()}, images)


def _problem(value: Any) -> dict[str, Any] | None:
    """The error of a job, if it is one."""
    return {"remedy": "", **value} if _are_texts(value) and {"code", "message"} <= value.keys() else None


def _are_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())

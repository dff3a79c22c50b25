"""What the run of a job has: the library, and ways to say how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefinder.server.jobs.job import Job
from imagefinder.server.jobs.queue import Jobs

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.server.hub import Changed, Hub
    from imagefinder.types import Progress, Skipped


@dataclass(frozen=True, slots=True)
class Task:
    """A job as its run sees it."""

    finder: ImageFinder
    job: Job
    jobs: Jobs
    hub: Hub

    def step(self, stage: str, done: int = 0, total: int = 0, *, open: bool = False) -> None:
        """Say how far the job is; it ends here if somebody has cancelled it. ``open``: other short work, such as adding
        an image, may be done now."""
        self.jobs.step(self.job, stage, done, total, open=open)

    def report(self, progress: Progress) -> None:
        """The same, as the library says it."""
        self.step(progress.stage, progress.done, progress.total)

    def leave_out(self, skipped: Sequence[Skipped]) -> None:
        """List images that the job could not use."""
        self.job.skipped = [s.to_dict() for s in skipped]

    def changed(self, *what: Changed) -> None:
        """Tell pages what has changed, before the job's end does."""
        self.hub.changed(*what)

"""Tells pages of the images that an indexing run has stored so far, so that they are shown while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefinder.server.jobs.task import Task

if TYPE_CHECKING:
    from imagefinder.types import OnProgress, Progress

FIRST = 12  # images that are in when pages are told; then whenever a quarter more are, so that it is seldom when many


def growing(task: Task) -> OnProgress:
    """What to call with how far the run is."""
    shown = 0

    def report(progress: Progress) -> None:
        nonlocal shown
        task.step(progress.stage, progress.done, progress.total, open=True)
        if progress.stored >= shown + max(FIRST, shown // 4):
            shown = progress.stored
            task.changed("images")

    return report

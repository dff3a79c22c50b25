"""The job that copies or moves files of images into a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.server.errors import RefusedError
from imagefinder.server.jobs.options import FileOptions

if TYPE_CHECKING:
    from imagefinder.server.hub import Changed
    from imagefinder.server.jobs.task import Task


def place_files(task: Task, *, what: str, ids: Sequence[str], folder: str) -> Any:
    place = task.finder.move_files if what == "move" else task.finder.copy_files
    made = place(folder, ids, progress=task.report)
    task.leave_out(made.left)
    return {"files": len(made.files), "skipped": len(made.left), "folder": folder, "history": made.change or None}


def title(given: Mapping[str, Any]) -> str:
    return "Moving files" if given.get("what") == "move" else "Copying files"


def check(host: object, given: Mapping[str, Any]) -> Mapping[str, Any]:
    raise RefusedError(403, "Files are copied and moved by POST /v1/images/copy and /v1/images/move.")


_CHANGES: tuple[Changed, ...] = ("images",)
FACTS = (title, FileOptions, place_files, _CHANGES, check, ("ids",), False)

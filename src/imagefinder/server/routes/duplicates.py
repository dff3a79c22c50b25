"""Duplicates: the groups found last, what is decided about them, and the trash."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response

from imagefinder.duplicates.decisions import Decisions
from imagefinder.duplicates.journal import journals
from imagefinder.errors import NotFoundError
from imagefinder.server import requests, responses
from imagefinder.server.access import changes, reads
from imagefinder.server.jobs.kinds import submit
from imagefinder.server.state import Json, Serving, ServingDep
from imagefinder.server.strict import Router

router = Router(prefix="/v1/duplicates", tags=["duplicates"])


@router.get("", response_model=responses.Duplicates)
@reads()
async def latest(serving: ServingDep) -> Response:
    """What the last search found, less what has been decided since. 404 before the first search, which is a job."""
    return Json(await serving.searching.run(lambda: serving.finder.copies.latest()))


@router.get("/decisions")
@reads()
def decisions(serving: ServingDep) -> Response:
    """What was decided about pairs, by their contents."""
    return Json(serving.finder.copies.decisions().to_dict())


@router.post("/decisions", status_code=201)
@changes()
def decide(serving: ServingDep, body: requests.Decide) -> Response:
    """Say that images are no duplicates, or that all are to be kept. They are not named together again."""
    pairs = serving.finder.copies.decide(body.decision, *body.ids)
    serving.hub.changed("duplicates")
    return Json({"decisions": pairs}, 201)


@router.put("/decisions")
@changes()
def add_decisions(serving: ServingDep, body: requests.DecidedPairs) -> Response:
    """Take in decisions of another index; of two about one pair the later counts."""
    pairs = serving.finder.copies.add_decisions(Decisions.from_dict(body.model_dump()))
    serving.hub.changed("duplicates")
    return Json({"decisions": pairs})


@router.delete("/decisions")
@changes()
def forget(serving: ServingDep, body: requests.Forget) -> Response:
    """Take back what was decided about two images."""
    pairs = serving.finder.copies.forget(*body.ids)
    serving.hub.changed("duplicates")
    return Json({"decisions": pairs})


@router.post("/trash")
@changes()
async def trash(serving: ServingDep, body: requests.Trash) -> Response:
    """Move files to the trash of the index, each because another is kept. A file that has changed stays."""
    groups = [(g.keep, g.remove) for g in body.groups]
    moved = await serving.searching.run(lambda: serving.finder.copies.trash(groups))
    serving.hub.changed("images", "duplicates")
    return Json(moved.to_dict())


@router.post("/undo")
@changes()
async def undo(serving: ServingDep, body: requests.Undo | None = None) -> Response:
    """Move the files of the last trash back, or of an earlier one; a job then takes them into the index again."""
    return Json(await serving.searching.run(_undo, serving, body.journal if body else None))


def _undo(serving: Serving, journal: str | None) -> dict[str, Any]:
    known = {str(found): found for found in journals(serving.home)} if journal else {}
    if journal and journal not in known:
        raise NotFoundError(f"There is no journal {journal} that can be undone.")
    moved = serving.finder.copies.undo(known[journal] if journal else None)
    job = submit(serving, "index", {})
    return {"restored": len(moved.files), **moved.to_dict(), "job": job.to_dict()}

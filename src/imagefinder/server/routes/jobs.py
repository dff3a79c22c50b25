"""Long work in the background, and what happens, as it happens."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Query
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from imagefinder.errors import ImageError, NotFoundError
from imagefinder.images.loader import is_remote
from imagefinder.server import responses
from imagefinder.server.access import changes, reads
from imagefinder.server.errors import RefusedError
from imagefinder.server.jobs.asked import JobRequest, Kind
from imagefinder.server.jobs.kinds import submit
from imagefinder.server.state import Json, Serving, ServingDep
from imagefinder.server.strict import Router

router = Router(prefix="/v1", tags=["jobs"])


@router.post("/jobs", status_code=202, response_model=responses.Job)
@changes(costly=True)
def start_job(serving: ServingDep, body: JobRequest) -> Response:
    """Start long work; GET /v1/events tells how far it is."""
    return Json(submit(serving, body.kind, body.options).to_dict(), 202)


@router.get("/jobs", response_model=responses.Jobs)
@reads()
def list_jobs(
    serving: ServingDep,
    kind: Annotated[Kind | None, Query()] = None,
    state: Annotated[str | None, Query(pattern="^(queued|running|done|failed|cancelled)$")] = None,
    k: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """The jobs there are and were, the newest first; their results are in each job."""
    found = serving.jobs.list(kind, state)
    return Json({"total": len(found), "jobs": [job.to_dict(brief=True) for job in found[:k]]})


@router.get("/jobs/{id}", response_model=responses.Job)
@reads()
def get_job(serving: ServingDep, id: str) -> Response:
    """One job with its result."""
    return Json(serving.jobs.get(id).to_dict())


@router.delete("/jobs/{id}", response_model=responses.Job)
@changes()
def cancel_job(
    serving: ServingDep,
    id: str,
    forget: Annotated[bool, Query(description="Take one that has ended out of the list instead.")] = False,
) -> Response:
    """Stop a job at its next step. What it has stored by then stays."""
    job = serving.jobs.forget(id) if forget else serving.jobs.cancel(id)
    return Json(job.to_dict(brief=True))


@router.get("/jobs/{id}/skipped", response_model=responses.SkippedList)
@reads()
def skipped(
    serving: ServingDep,
    id: str,
    k: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> Response:
    """The images that a job left out, each with the reason and what to do about it."""
    rows = serving.jobs.get(id).skipped
    return Json({"total": len(rows), "skipped": rows[offset : offset + k]})


@router.get("/jobs/{id}/report", response_class=Response, responses={200: {"content": {"text/html": {}}}, 404: {}})
@reads(costly=True)
async def report(serving: ServingDep, id: str) -> Response:
    """What a job of the kind `evaluate` has measured, as one HTML file with the worst queries as pictures."""
    job = serving.jobs.get(id)
    if job.kind != "evaluate" or not job.result:
        raise NotFoundError(f"The job {id} has measured nothing.", remedy="Start one of the kind evaluate.")
    page = await serving.drawing.run(_report, serving, job.result)
    headers = {"content-disposition": 'attachment; filename="imagefinder-report.html"'}
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


def _report(serving: Serving, result: dict[str, Any]) -> bytes:
    from imagefinder.evaluation.of_index import Assessment
    from imagefinder.evaluation.report import THUMB, page_of

    def picture(id: str, uri: str) -> str:
        """Of the image that has the id now, whatever the result says of it; none that would have to be fetched."""
        try:
            record = serving.finder.get(id)
            if is_remote(record.uri) and not serving.pictures.is_kept(record, THUMB):
                return ""
            return f"data:image/jpeg;base64,{b64encode(serving.pictures.thumbnail(record, THUMB)).decode()}"
        except (ImageError, NotFoundError):
            return ""

    return page_of(Assessment.from_dict(result), picture).encode("utf-8", "replace")


def _room(serving: ServingDep) -> None:
    """Raises RefusedError where nobody else may listen."""
    if serving.hub.is_full:
        raise RefusedError(503, "Too many listen to events.", remedy="Ask for the state of a job now and then instead.")


@router.get("/events", response_class=EventSourceResponse, dependencies=[Depends(_room)])
@reads(endless=True)
async def events(serving: ServingDep) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: ``job`` with a job whenever it moves on, ``changed`` with what is not as it was."""
    async for item in serving.hub.listen():
        yield ServerSentEvent(comment="alive") if item is None else ServerSentEvent(event=item[0], data=item[1])

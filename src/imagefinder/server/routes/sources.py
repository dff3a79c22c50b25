"""The sources that the index knows."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi.responses import Response
from pydantic import Field, StringConstraints

from imagefinder.catalog.edits import NAME_LENGTH
from imagefinder.server import requests, responses
from imagefinder.server.access import changes, reads, rules
from imagefinder.server.state import Json, Serving, ServingDep
from imagefinder.server.strict import Router

router = Router(prefix="/v1/sources", tags=["sources"])


class NamedSource(requests.KnownSource):
    label: Annotated[str, StringConstraints(max_length=NAME_LENGTH)] = Field(
        description="Empty: its path or URL again."
    )


@router.get("", response_model=responses.Sources)
@reads()
def list_sources(serving: ServingDep) -> Response:
    """The sources, how many images are of each, and whether it is there."""
    return Json(_sources(serving))


@router.post("/pause", response_model=responses.Sources)
@changes()
def pause(serving: ServingDep, body: requests.KnownSource) -> Response:
    """Leave a source out when all sources are gone over. Its images stay."""
    serving.finder.pause_source(body.source)
    return _changed(serving)


@router.post("/resume", response_model=responses.Sources)
@changes()
def resume(serving: ServingDep, body: requests.KnownSource) -> Response:
    """Take a paused source in again."""
    serving.finder.resume_source(body.source)
    return _changed(serving)


@router.post("/rename", response_model=responses.Sources)
@changes()
def rename(serving: ServingDep, body: NamedSource) -> Response:
    """Call a source by a name that people gave it. Nothing is moved."""
    serving.finder.rename_source(body.source, body.label)
    return _changed(serving)


@router.post("/forget")
@changes()
def forget(serving: ServingDep, body: requests.ForgottenSource) -> Response:
    """Forget a source. Its images stay, or leave the index with `remove_images`; files are never touched."""
    images = serving.finder.forget_source(body.source, remove_images=body.remove_images)
    serving.hub.changed("images")
    return Json({"images": images, "removed": body.remove_images})


@router.post("/purge")
@rules()
def purge(serving: ServingDep) -> Response:
    """Forget for good what was said of images that are not in the index any more."""
    return Json({"purged": serving.finder.purge()})


def _changed(serving: Serving) -> Response:
    serving.hub.changed("images")
    return Json(_sources(serving))


def _sources(serving: Serving) -> dict[str, Any]:
    return {"sources": [source.to_dict() for source in serving.finder.list_sources()]}

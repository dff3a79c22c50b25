"""The spaces of the index: the vectors of several models side by side."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import Response

from imagefinder.server import requests, responses
from imagefinder.server.access import changes, reads
from imagefinder.server.state import Json, Serving, ServingDep

router = APIRouter(prefix="/v1", tags=["spaces"])
SpaceName = Annotated[requests.Name, Path()]


@router.get("/spaces", response_model=responses.Spaces)
@reads()
async def spaces(serving: ServingDep) -> Response:
    """The spaces, how many images are in each, and which searches use where they name none."""
    return Json(await serving.searching.run(_spaces, serving))


@router.post("/spaces/{name}/use", response_model=responses.Spaces)
@changes()
async def use(serving: ServingDep, name: SpaceName) -> Response:
    """Search in this space, or all spaces of this model, from now on. Clusters and maps stay until made again."""

    def change() -> dict[str, Any]:
        serving.finder.use_space(name)
        serving.hub.changed("images")
        return _spaces(serving)

    return Json(await serving.searching.run(change))


@router.delete("/spaces/{name}", response_model=responses.Spaces)
@changes()
async def drop(serving: ServingDep, name: SpaceName) -> Response:
    """Remove the vectors of a model that is not in use. One that was trained on this index goes for good."""

    def change() -> dict[str, Any]:
        serving.finder.drop_space(name)
        serving.hub.changed("images")
        return _spaces(serving)

    return Json(await serving.searching.run(change))


def _spaces(serving: Serving) -> dict[str, Any]:
    return {"images": len(serving.finder), "spaces": [space.to_dict() for space in serving.finder.spaces()]}

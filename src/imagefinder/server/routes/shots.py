"""How an image was taken, and whether its file is still there."""

from __future__ import annotations

from fastapi.responses import Response
from pydantic import Field

from imagefinder.server import requests
from imagefinder.server.access import reads
from imagefinder.server.responses import ResponseBody
from imagefinder.server.state import Json, ServingDep
from imagefinder.server.strict import Router

router = Router(prefix="/v1", tags=["images"])


class Shot(ResponseBody):
    """How an image was taken, as far as its file says."""

    there: bool = Field(description="Whether the file is there, with the content that was indexed.")
    why: str | None = Field(default=None, description="Why it is not.")
    shutter: float | None = Field(default=None, description="Seconds.")
    aperture: float | None = Field(default=None, description="The f-number.")
    iso: float | None = None
    focal_length: float | None = Field(default=None, description="mm, as focal_length_35mm.")
    focal_length_35mm: float | None = None


@router.get("/images/{id}/shot", response_model=Shot)
@reads()
async def shot(serving: ServingDep, id: requests.Id) -> Response:
    """Whether the image's file is still there, and how a camera took it."""
    record = await serving.drawing.run(serving.finder.get, id)
    return Json(await serving.drawing.run(serving.pictures.shot, record))

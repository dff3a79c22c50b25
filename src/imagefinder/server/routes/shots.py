"""How an image was taken, and whether its file is still there."""

from __future__ import annotations

from fastapi.responses import Response

from imagefinder.server import requests, responses
from imagefinder.server.access import reads
from imagefinder.server.state import Json, ServingDep
from imagefinder.server.strict import Router

router = Router(prefix="/v1", tags=["images"])


@router.get("/images/{id}/shot", response_model=responses.Shot)
@reads()
async def shot(serving: ServingDep, id: requests.Id) -> Response:
    """Whether the image's file is still there, and how a camera took it."""
    record = await serving.drawing.run(serving.finder.get, id)
    return Json(await serving.drawing.run(serving.pictures.shot, record))

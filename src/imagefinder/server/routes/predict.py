"""The classes of pictures, by a classifier that was trained on this index."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response

from imagefinder.errors import ImageError
from imagefinder.server import requests, responses
from imagefinder.server.access import reads
from imagefinder.server.routes.search import decode_data_uri, lane_of
from imagefinder.server.state import Json, Serving, ServingDep
from imagefinder.server.strict import Router
from imagefinder.types import Record

router = Router(prefix="/v1", tags=["spaces"])


@router.post("/predict", response_model=responses.Prediction)
@reads(costly=True)
async def predict(serving: ServingDep, body: requests.Predict) -> Response:
    """What a picture shows, and how sure that is. A job of the kind train makes a classifier; one of the kind classify
    tells the class of every image."""
    lane = await lane_of(serving, body.url is not None, [body.id] if body.id else [])
    return Json(await lane.run(_predict, serving, body))


def _predict(serving: Serving, body: requests.Predict) -> dict[str, Any]:
    found, skipped = serving.finder.predict(_picture(serving, body), model=body.model)
    if skipped:
        raise ImageError(skipped[0].reason, code=skipped[0].code, remedy=skipped[0].remedy)
    row = found[0].to_dict()
    return {name: row[name] for name in ("class", "confidence", "classes")}


def _picture(serving: Serving, body: requests.Predict) -> bytes | Record:
    if body.id is not None:
        return serving.finder.get(body.id.lower())
    if body.image is not None:
        return decode_data_uri(body.image)
    return serving.uploads.query(body.upload or serving.uploads.keep_query(body.url or "").upload)

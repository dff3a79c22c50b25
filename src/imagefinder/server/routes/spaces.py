"""The spaces of the index: the vectors of several models side by side."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query
from fastapi.responses import Response

from imagefinder.server import requests, responses
from imagefinder.server.access import changes, reads, rules
from imagefinder.server.state import Json, Serving, ServingDep
from imagefinder.server.strict import Router

router = Router(prefix="/v1", tags=["spaces"])
SpaceName = Annotated[requests.Name, Path()]


@router.get("/spaces", response_model=responses.Spaces)
@reads()
async def spaces(serving: ServingDep) -> Response:
    """The spaces, how many images are in each, and which searches use where they name none."""
    return Json(await serving.searching.run(_spaces, serving))


@router.get("/better-words", response_model=responses.BetterWords)
@reads()
async def better_words(serving: ServingDep) -> Response:
    """The model with which searches by words would find more, and what it costs here. The job better-words fetches
    it and uses it; nothing is fetched before."""

    def look() -> dict[str, Any]:
        found = serving.finder.better_words()
        return {"better_words": found.to_dict() if found else None}

    return Json(await serving.searching.run(look))


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
@rules()
async def drop(serving: ServingDep, name: SpaceName) -> Response:
    """Remove the vectors of a model that is not in use. One that was trained on this index goes for good."""

    def change() -> dict[str, Any]:
        serving.finder.drop_space(name)
        serving.hub.changed("images")
        return _spaces(serving)

    return Json(await serving.searching.run(change))


@router.get("/vectors", response_class=Response, responses={200: {"content": {"application/octet-stream": {}}}})
@reads(costly=True)
async def vectors(
    serving: ServingDep,
    space: Annotated[requests.Name | None, Query()] = None,
    raw: Annotated[bool, Query(description="As the model gave them, not as searches compare them.")] = False,
) -> Response:
    """The vectors of all images in a space, by default the one of pictures in use. For each image, by ascending id: its
    id in 16 bytes, then float32, little-endian. The header ``x-dimensions`` says how many."""

    def read() -> tuple[bytes, int]:
        ids, rows = serving.finder.vectors(space, raw=raw)
        parts = (UUID(id).bytes + row.astype("<f4").tobytes() for id, row in zip(ids, rows, strict=True))
        return b"".join(parts), rows.shape[1]

    data, dim = await serving.searching.run(read)
    return Response(data, media_type="application/octet-stream", headers={"x-dimensions": str(dim)})


def _spaces(serving: Serving) -> dict[str, Any]:
    return {"images": len(serving.finder), "spaces": [space.to_dict() for space in serving.finder.spaces()]}

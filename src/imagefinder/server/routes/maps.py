"""Maps: their facts, and the places of the images as plain arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query
from fastapi.responses import Response

from imagefinder.server import map_bodies, requests, responses
from imagefinder.server.access import reads
from imagefinder.server.map_values import packed_ids, values_of
from imagefinder.server.routes.search import lane_for, terms_of
from imagefinder.server.state import Json, Serving, ServingDep
from imagefinder.server.strict import Router

if TYPE_CHECKING:
    import numpy as np

    from imagefinder.maps.maps import Map

router = Router(prefix="/v1/maps", tags=["maps"])
Offset = Annotated[int, Query(ge=0)]
Length = Annotated[int | None, Query(ge=1)]
_BYTES: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}


@router.get("", response_model=responses.Maps)
@reads()
def list_maps(serving: ServingDep) -> Response:
    """The maps that were made, the newest first. POST /v1/jobs makes one."""
    return Json({"maps": [m.to_dict() for m in reversed(serving.finder.maps())]})


@router.get("/{name}", response_model=responses.Map)
@reads()
def get_map(serving: ServingDep, name: str) -> Response:
    """One map's facts; ``latest`` is the newest."""
    return Json(_map(serving, name).to_dict())


@router.get("/{name}/coordinates", response_class=Response, responses=_BYTES)
@reads()
async def coordinates(serving: ServingDep, name: str, offset: Offset = 0, k: Length = None) -> Response:
    """The places of its images: float32, little-endian, two for each; of ``k`` of them from ``offset`` on, or all."""

    def read() -> bytes:
        return bytes(_part(_map(serving, name).coordinates, offset, k).astype("<f4").tobytes())

    return Response(await serving.searching.run(read), media_type="application/octet-stream")


@router.get("/{name}/ids", response_class=Response, responses=_BYTES)
@reads()
async def ids(serving: ServingDep, name: str, offset: Offset = 0, k: Length = None) -> Response:
    """The ids of its images in the same order, 16 bytes each; of ``k`` of them from ``offset`` on, or all."""

    def read() -> bytes:
        return _part(packed_ids(_map(serving, name)), offset, k).tobytes()

    return Response(await serving.searching.run(read), media_type="application/octet-stream")


@router.get("/{name}/columns", response_model=responses.Columns)
@reads()
async def columns(
    serving: ServingDep, name: str, fields: Annotated[str, Query(max_length=1000)] = "cluster,cluster_name"
) -> Response:
    """Fields of its images in the same order; null for an image that has gone, or lacks the field."""
    names = [f.strip() for f in fields.split(",") if f.strip()]

    def read() -> dict[str, Any]:
        wanted = _map(serving, name).ids
        found = serving.finder.columns(["id", *names])
        place = {id: i for i, id in enumerate(found["id"])}
        rows = [place.get(id) for id in wanted]
        picked = {f: [None if i is None else found[f][i] for i in rows] for f in names}
        return {"total": len(wanted), "columns": picked}

    return Json(await serving.searching.run(read))


@router.get("/{name}/values", response_model=map_bodies.MapValues)
@reads()
async def values(
    serving: ServingDep, name: str, field: Annotated[str, Query(min_length=1, max_length=200)] = "cluster"
) -> Response:
    """One field of its images as colours: a byte for each, and what the bytes mean. Of a list the first counts."""

    def read() -> dict[str, Any]:
        return values_of(_map(serving, name), serving.finder.column(field), field)

    return Json(await serving.searching.run(read))


@router.post("/{name}/scores", response_class=Response, responses=_BYTES)
@reads(costly=True)
async def scores(
    serving: ServingDep, name: str, query: requests.Query, offset: Offset = 0, k: Length = None
) -> Response:
    """How well each of its images fits a query by what it shows, in the same order: float32, little-endian; NaN for one
    that has gone; of ``k`` of them from ``offset`` on, or all. So two queries make the axes of a map."""

    def score() -> bytes:
        wanted = None if name == "latest" else name
        found = serving.finder.map_scores(terms_of(serving, query), wanted, offset=offset, k=k)
        return bytes(found.astype("<f4").tobytes())

    return Response(await (await lane_for(serving, query)).run(score), media_type="application/octet-stream")


def _part(rows: np.ndarray, offset: int, k: int | None) -> np.ndarray:
    return rows[offset:] if k is None else rows[offset : offset + k]


def _map(serving: Serving, name: str) -> Map:
    """Raises NotFoundError."""
    return serving.finder.kept_map(None if name == "latest" else name)

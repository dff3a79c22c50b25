"""Concepts: queries that are kept under a name."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from fastapi.responses import Response

from imagefinder.server import requests, responses
from imagefinder.server.access import changes, reads
from imagefinder.server.routes.search import terms_of
from imagefinder.server.state import Json, Serving, ServingDep
from imagefinder.server.strict import Router

router = Router(prefix="/v1/concepts", tags=["concepts"])
Name = Annotated[requests.ConceptName, Path()]


@router.get("", response_model=responses.Concepts)
@reads()
async def list_concepts(serving: ServingDep) -> Response:
    """The concepts, by their names, each with how many images are marked as belonging to it."""
    return Json(await serving.searching.run(_all, serving))


@router.post("", status_code=201, response_model=responses.Concept)
@changes(costly=True)
async def save_concept(serving: ServingDep, body: requests.Concept) -> Response:
    """Keep a query under a name, in the place of a concept of that name. `concept:NAME` in the words of a query asks
    it again; its images carry its name in the field `concept`, for filters."""

    def save() -> dict[str, Any]:
        query = terms_of(serving, body) or None
        made = serving.finder.concepts.save(
            body.name,
            query,
            liked=body.liked,
            disliked=body.disliked,
            min_score=body.min_score,
            filter=body.filter,
        )
        return _changed(serving, made.to_dict())

    return Json(await serving.searching.run(save), 201)


@router.post("/refresh", response_model=responses.Concepts)
@changes(costly=True)
async def refresh_concepts(serving: ServingDep) -> Response:
    """Mark again which images belong to each concept, as after images have come."""

    def refresh() -> dict[str, Any]:
        serving.finder.concepts.refresh()
        return _changed(serving, _all(serving))

    return Json(await serving.searching.run(refresh))


@router.get("/{name}", response_model=responses.Concept)
@reads()
async def get_concept(serving: ServingDep, name: Name) -> Response:
    """One concept."""
    return Json(await serving.searching.run(lambda: serving.finder.concepts.get(name).to_dict()))


@router.patch("/{name}", response_model=responses.Concept)
@changes()
async def rename_concept(serving: ServingDep, name: Name, body: requests.Renamed) -> Response:
    """Give a concept another name, also on its images."""

    def rename() -> dict[str, Any]:
        return _changed(serving, serving.finder.concepts.rename(name, body.name).to_dict())

    return Json(await serving.searching.run(rename))


@router.delete("/{name}", status_code=204)
@changes()
async def remove_concept(serving: ServingDep, name: Name) -> Response:
    """Forget a concept, also on its images."""

    def remove() -> dict[str, Any]:
        serving.finder.concepts.remove(name)
        return _changed(serving, {})

    await serving.searching.run(remove)
    return Response(status_code=204)


def _all(serving: Serving) -> dict[str, Any]:
    return {"concepts": [concept.to_dict() for concept in serving.finder.concepts.list()]}


def _changed(serving: Serving, row: dict[str, Any]) -> dict[str, Any]:
    serving.hub.changed("images")
    return row

"""Browsing: months, folders, tags, and how values are spread over the images that match."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query
from fastapi.responses import Response

from imagefinder.catalog.browse import BINS
from imagefinder.server import browsing
from imagefinder.server.access import changes, reads
from imagefinder.server.routes.images import FilterParam
from imagefinder.server.state import Json, ServingDep
from imagefinder.server.strict import Router

router = Router(prefix="/v1", tags=["browse"])
Spread = Literal["date", "width", "height", "bytes", "blur"]


@router.get("/timeline", response_model=browsing.Timeline)
@reads()
async def timeline(serving: ServingDep, filter: FilterParam = None) -> Response:
    """How many images there are of each month, the latest first: the order of ``sort=-date``.

    Where nothing says when an image was taken, the date of its file stands in; ``guessed`` counts those."""
    return Json(await serving.searching.run(serving.finder.browse.timeline, filter))


@router.get("/histogram", response_model=browsing.Histogram)
@reads()
async def histogram(
    serving: ServingDep,
    field: Annotated[Spread, Query()],
    filter: FilterParam = None,
    bins: Annotated[int, Query(ge=2, le=BINS, description="At most so many.")] = 40,
) -> Response:
    """How a field is spread over the images that match. The edges are those of the whole collection."""
    return Json(await serving.searching.run(serving.finder.browse.histogram, field, filter, bins))


@router.get("/facets/folders", response_model=browsing.PlacedFolders)
@reads()
async def folders(
    serving: ServingDep,
    filter: FilterParam = None,
    under: Annotated[str, Query(max_length=8000, description="The path of a folder, as a former answer has it.")] = "",
) -> Response:
    """The folders of the images that match, a level at a time, with how many images are in and below each.

    The images of one are those with ``uri >= PATH``, and below the same text with the next character at its end."""
    return Json(await serving.searching.run(serving.finder.browse.folders, filter, under))


@router.get("/tags", response_model=browsing.Tags)
@reads()
async def tags(serving: ServingDep, filter: FilterParam = None) -> Response:
    """All tags of the images that match, with how many images have each."""
    return Json({"tags": await serving.searching.run(serving.finder.browse.tags, None, filter)})


@router.post("/tags/count", response_model=browsing.Tags)
@reads()
async def count_tags(serving: ServingDep, body: browsing.TagCount) -> Response:
    """The tags of these images."""
    return Json({"tags": await serving.searching.run(serving.finder.browse.tags, body.ids, body.filter)})


@router.post("/tags/rename")
@changes()
def rename_tag(serving: ServingDep, body: browsing.TagRename) -> Response:
    """Call a tag otherwise on all images that have it; two tags of one name become one. With ``to`` null it is taken
    away."""
    changed = serving.finder.browse.rename_tag(body.tag, body.to)
    serving.hub.changed("images")
    return Json({"changed": changed})

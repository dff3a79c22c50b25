"""What a wall of all images is laid out by, before anything else of them is known."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import Header
from fastapi.responses import Response

from imagefinder._util.uuids import packed
from imagefinder.server.access import reads
from imagefinder.server.originals import is_known
from imagefinder.server.routes.images import FilterParam, Sort
from imagefinder.server.routes.maps import Length, Offset
from imagefinder.server.state import ServingDep
from imagefinder.server.strict import Router

router = Router(prefix="/v1", tags=["images"])
KIND = "application/octet-stream"
_BYTES: dict[int | str, dict[str, Any]] = {200: {"content": {KIND: {}}}, 304: {"description": "As you have it."}}


@router.get("/images/shapes", response_class=Response, responses=_BYTES)
@reads()
async def shapes(
    serving: ServingDep,
    filter: FilterParam = None,
    sort: Sort = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Two bytes for each image that matches, first all of one kind, then all of the other. The first of an image tells
    its shape: 127 for a square, 254 for one three times as wide as high, 0 for three times as high, on a logarithmic
    scale; 255 where it is not known. The second has its two main colours, 4 bits each, the larger share first: 0 for
    none, else 1 + the place in black, grey, white, brown, beige, red, orange, yellow, green, cyan, blue, purple, pink.
    """

    def find() -> tuple[bytes, str]:
        order = serving.finder.order(filter, sort)
        data = order.shapes + order.colours
        return data, f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'

    data, etag = await serving.searching.run(find)
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    if is_known(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=KIND, headers=headers)


@router.get("/images/ids", response_class=Response, responses={200: _BYTES[200]})
@reads()
async def ids(
    serving: ServingDep, filter: FilterParam = None, sort: Sort = None, offset: Offset = 0, k: Length = None
) -> Response:
    """The ids of the images that match, in their order, 16 bytes each; of ``k`` of them from ``offset`` on, or all."""

    def read() -> bytes:
        found = serving.finder.order(filter, sort).ids
        return packed(found[offset:] if k is None else found[offset : offset + k]).tobytes()

    return Response(await serving.searching.run(read), media_type=KIND)

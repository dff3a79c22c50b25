"""The images of the collection: listing, changing, adding, removing, and their pictures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Annotated, Any

from fastapi import File, Form, Header, Query, UploadFile
from fastapi.responses import Response
from pydantic import Field

from imagefinder._util.acting import acting, actor
from imagefinder._util.ending import Ending, within
from imagefinder.catalog.changes import for_good, noting
from imagefinder.catalog.edits import TAG_LENGTH, TAGS, checked_tags
from imagefinder.catalog.facets import FIELDS
from imagefinder.errors import InvalidInputError
from imagefinder.images.headers import format_of
from imagefinder.images.loader import is_remote
from imagefinder.server import requests, responses
from imagefinder.server.access import changes, reads
from imagefinder.server.errors import RefusedError
from imagefinder.server.jobs.kinds import submit
from imagefinder.server.originals import FileResponse, is_known, kind_of_file
from imagefinder.server.pictures import SIZES, TYPES, UNKNOWN
from imagefinder.server.routes.search import UPLOAD
from imagefinder.server.state import Json, Lane, Serving, ServingDep
from imagefinder.server.strict import Router
from imagefinder.server.uploads import display_name, not_kept
from imagefinder.types import Record, image_id

router = Router(prefix="/v1", tags=["images"])
PATIENCE_S = 10.0  # how long adding an image waits for a job in its way
FEW_URLS = 100  # in one request; more are a job
FETCH_S = 30.0  # for all URLs of one request, however many there are
FILES = 1000  # in one request
FilterParam = Annotated[requests.FilterText | None, Query()]
Sort = Annotated[str | None, Query(max_length=40, description="A field; with - in front, the largest first.")]


class ColumnsOf(requests.Body):
    ids: requests.Ids
    fields: list[requests.ShortText] = Field(min_length=1, max_length=FIELDS)


@router.get("/images", response_model=responses.Images)
@reads()
async def list_images(
    serving: ServingDep,
    filter: FilterParam = None,
    sort: Sort = None,
    k: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    around: Annotated[
        requests.Id | None, Query(description="Instead of `offset`: the page that holds this image.")
    ] = None,
    fields: Annotated[str, Query(max_length=1000, description="Names, separated by commas; all if none.")] = "",
) -> Response:
    """The images that match, a page at a time."""
    if around is not None:
        order = await serving.searching.run(serving.finder.order, filter, sort)
        place = order.place(around)
        offset = (offset if place is None else place) // k * k
    records, total = await serving.searching.run(serving.finder.list, filter, sort, k, offset)
    end = offset + len(records)
    names = {"id", *(name.strip() for name in fields.split(","))} if fields else None
    images = [{n: v for n, v in r.to_dict().items() if names is None or n in names} for r in records]
    more = end if records and end < total else None
    return Json({"total": total, "offset": offset, "next_offset": more, "images": images})


@router.get("/images/columns", response_model=responses.Columns)
@reads()
async def columns(
    serving: ServingDep,
    fields: Annotated[str, Query(max_length=1000, description="Names, separated by commas.")] = "id,width,height",
    filter: FilterParam = None,
    sort: Sort = None,
) -> Response:
    """Some fields of all images that match at once, a list for each: for grids and data frames."""
    names = [name.strip() for name in fields.split(",") if name.strip()]
    if not names:
        raise InvalidInputError("No field was named.", remedy="Give fields=id,width,height.")
    found = await serving.searching.run(serving.finder.columns, names, filter, sort)
    return Json({"total": len(found[names[0]]), "columns": found})


@router.post("/images/columns", response_model=responses.Columns)
@reads()
async def columns_of(serving: ServingDep, body: ColumnsOf) -> Response:
    """Some fields of these images at once, in their order, a list for each; one that isn't there is left out."""
    found = await serving.searching.run(serving.finder.columns_of, body.ids, body.fields)
    return Json({"total": len(found[body.fields[0]]), "columns": found})


@router.get("/facets", response_model=responses.Facets)
@reads()
async def facets(serving: ServingDep, filter: FilterParam = None) -> Response:
    """What there is to filter by among the images that match: values with their counts, and ranges."""
    return Json(await serving.searching.run(serving.finder.facets, filter))


@router.get("/images/{id}", response_model=responses.Image)
@reads()
def get_image(serving: ServingDep, id: requests.Id) -> Response:
    """All that is known of one image."""
    record = serving.finder.get(id)
    boxes = record.extra.get("text_boxes")
    return Json({**record.to_dict(), **({"text_boxes": boxes} if boxes else {})})


@router.patch("/images/{id}", response_model=responses.Image)
@changes()
def change_image(serving: ServingDep, id: requests.Id, body: requests.Change) -> Response:
    """Give an image other tags, another caption or another name (null takes it away)."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    if given.get("tags", ()) is None:
        given["tags"] = []
    record = serving.finder.update(id, **given)
    serving.hub.changed("images")
    return Json(record.to_dict())


@router.post("/images/tags")
@changes()
def tag_images(serving: ServingDep, body: requests.Tagging) -> Response:
    """Add and remove tags of many images."""
    with noting() as made:
        changed = serving.finder.tag(body.ids, add=body.add, remove=body.remove)
    serving.hub.changed("images")
    return Json({"changed": changed, "history": made[-1] if made else None})


@router.delete("/images/{id}", status_code=204)
@changes()
def delete_image(serving: ServingDep, id: requests.Id) -> Response:
    """Take an image out of the index. Its file stays where it is, unless it was uploaded here."""
    _remove(serving, [id])
    return Response(status_code=204)


@router.post("/images/delete")
@changes()
def delete_images(serving: ServingDep, body: requests.IdList) -> Response:
    """Take many images out of the index."""
    with noting() as made:
        removed = _remove(serving, body.ids)
    return Json({"removed": removed, "history": made[-1] if made else None})


def _remove(serving: Serving, ids: Sequence[str]) -> int:
    if not ids:
        return 0
    records = [serving.finder.get(id) for id in dict.fromkeys(ids)]
    uploaded = any(serving.uploads.images.owns(r.uri) for r in records)
    with for_good() if uploaded else nullcontext():  # their files go too
        removed = serving.finder.remove(*(r.id for r in records))
    serving.uploads.drop(records)
    serving.hub.changed("images")
    return removed


# --- their pictures -----------------------------------------------------------------------------------------------

_JPEG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/jpeg": {}}}, 304: {"description": "As you have it."}}


@router.get("/images/{id}/thumbnail", response_class=Response, responses=_JPEG)
@reads()
async def thumbnail(
    serving: ServingDep,
    id: requests.Id,
    size: Annotated[int, Query(description=f"Pixels of the longest side: one of {SIZES}.")] = 256,
    v: Annotated[
        str | None, Query(max_length=64, description="Its content_hash: then it may be cached for good.")
    ] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """The upright picture as a JPEG, at most this large."""
    if size not in SIZES:
        raise InvalidInputError(f"There is no size {size}; there are {', '.join(map(str, SIZES))}.")
    record = await serving.drawing.run(serving.finder.get, id)
    etag = f'"{record.content_hash}-{size}"'
    lasting = "private, max-age=31536000, immutable" if v == record.content_hash else "private, no-cache"
    headers = {"etag": etag, "cache-control": lasting}
    if is_known(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    data = await _lane(serving, record, size).run(serving.pictures.thumbnail, record, size)
    return Response(data, media_type="image/jpeg", headers=headers)


_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/*": {}}},
    206: {"description": "The range that was asked for."},
    304: {"description": "As you have it."},
}


@router.get("/images/{id}/original", response_class=Response, responses=_FILE)
@reads()
async def original(
    serving: ServingDep,
    id: requests.Id,
    if_none_match: Annotated[str | None, Header()] = None,
    if_range: Annotated[str | None, Header()] = None,
    range: Annotated[str | None, Header()] = None,
) -> Response:
    """The image's own file, or a range of it."""
    record = await serving.drawing.run(serving.finder.get, id)
    etag = f'"{record.content_hash}"'
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    if is_known(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    lane = _lane(serving, record)
    file, size = await lane.run_for(serving.pictures.original, lambda opened: opened[0].close(), record)
    headers["content-security-policy"] = "sandbox; default-src 'none'"  # a file of a stranger runs nothing here
    kind = TYPES.get(format_of(file.read(1024)), UNKNOWN)  # what it is; a URL's may have changed
    return FileResponse(file, size, kind, headers, range if if_range in (None, etag) else None)


@router.get("/images/{id}/file", response_class=Response, responses=_FILE)
@reads()
async def whole_file(
    serving: ServingDep,
    id: requests.Id,
    if_range: Annotated[str | None, Header()] = None,
    range: Annotated[str | None, Header()] = None,
) -> Response:
    """The PDF or video that a page or frame is of, or a range of it; of any other image its own file."""
    record = await serving.drawing.run(serving.finder.get, id)
    lane = _lane(serving, record)
    file, size = await lane.run_for(serving.pictures.whole, lambda opened: opened[0].close(), record)
    etag = f'"{record.content_hash}"'
    kind, policy = kind_of_file(file.read(4096), record.uri)
    headers = {"etag": etag, "cache-control": "private, no-cache", "content-security-policy": policy}
    return FileResponse(file, size, kind, headers, range if if_range in (None, etag) else None)


def _lane(serving: Serving, record: Record, size: int = 0) -> Lane:
    """Where a picture is read: one of a URL that is not kept keeps nobody waiting who wants another."""
    return serving.fetching if is_remote(record.uri) and not serving.pictures.is_kept(record, size) else serving.drawing


# --- adding -------------------------------------------------------------------------------------------------------

_ADDED: dict[int | str, dict[str, Any]] = {
    202: {"model": responses.Waiting, "description": "They are added after this job, or by it."}
}


@router.post(
    "/images",
    status_code=201,
    response_model=responses.Added,
    responses=_ADDED,
    max_body_size=4 * UPLOAD,
    form_limits={"max_files": FILES},
)
@changes(adds=True)
async def add_images(
    serving: ServingDep,
    files: Annotated[list[UploadFile], File(description="Image files.")],
    tags: Annotated[
        str, Form(max_length=TAGS * (TAG_LENGTH + 1), description="Tags for all of them, separated by commas.")
    ] = "",
) -> Response:
    """Add image files to the collection; the server keeps a copy of each."""
    wanted = checked_tags(tag for tag in tags.split(",") if tag.strip())
    given = [(display_name(file.filename), file.file) for file in files]
    finder = serving.finder
    kept = await serving.drawing.run_for(
        serving.uploads.keep_images, lambda kept: serving.uploads.let_go(kept, finder), given, finder
    )

    def add() -> dict[str, Any]:
        with serving.uploads.settled(kept, serving.finder):
            report = serving.finder.add(serving.uploads.images.source, allow_removal=True)
            skipped = [*kept.skipped, *_say(serving, kept.names, wanted)]
            mine = [s for s in report.to_dict()["skipped"] if image_id(s["uri"]) in kept.names]
            return _added(serving, list(kept.names), [*skipped, *mine])

    if not kept.names:
        return Json({"images": [], "skipped": kept.skipped}, 201)
    try:
        return await _soon(serving, add)
    except RefusedError:
        serving.uploads.let_go(kept, finder)
        raise


@router.post("/images/urls", status_code=201, response_model=responses.Added, responses=_ADDED)
@changes(costly=True)
async def add_urls(serving: ServingDep, body: requests.Urls) -> Response:
    """Add images by their URLs, which the server fetches: up to 100 at once, more as a job."""
    if len(body.urls) > FEW_URLS:
        return Json({"job": submit(serving, "urls", {"urls": body.urls}).to_dict(brief=True)}, 202)

    def add() -> dict[str, Any]:
        with within(Ending(FETCH_S)):
            report = serving.finder.add(*body.urls).to_dict()
        return _added(serving, [image_id(url) for url in body.urls], report["skipped"])

    return await _soon(serving, add)


def _say(serving: Serving, names: Mapping[str, str], tags: Sequence[str]) -> list[dict[str, str]]:
    """Note what the files were called, and their tags; what could not be noted."""
    there = [id for id in names if id in serving.finder]
    for id in there:
        serving.finder.update(id, name=names[id])
    refused = []
    for id in there if tags else ():
        try:
            serving.finder.tag([id], add=tags)
        except InvalidInputError as error:  # it has others from before
            refused.append(not_kept(names[id], error))
    return refused


def _added(serving: Serving, ids: Sequence[str], skipped: Sequence[dict[str, str]]) -> dict[str, Any]:
    images = [serving.finder.get(id).to_dict() for id in dict.fromkeys(ids) if id in serving.finder]
    serving.hub.changed("images")
    return {"images": images, "skipped": list(skipped)}


async def _soon(serving: Serving, add: Callable[[], dict[str, Any]]) -> Response:
    """Add between the steps of the jobs. When one keeps us waiting, say which; it is done after that."""
    who = actor()

    def add_as() -> dict[str, Any]:
        with acting(who):
            return add()

    future = asyncio.wrap_future(serving.jobs.quickly(add_as))
    try:
        return Json(await asyncio.wait_for(asyncio.shield(future), PATIENCE_S), 201)
    except TimeoutError:
        running = serving.jobs.running
        return Json({"job": running.to_dict(brief=True) if running else None}, 202)


@router.post("/tables", status_code=201, max_body_size=UPLOAD)
@changes(costly=True, adds=True)
async def add_table(serving: ServingDep, file: Annotated[UploadFile, File()]) -> Response:
    """Send a CSV or Parquet table of URLs. The response names it as a source, for a job of the kind ``index``."""
    data = await file.read()
    path = await serving.drawing.run(serving.uploads.keep_table, display_name(file.filename), data, serving.settings)
    return Json({"source": str(path)}, 201)

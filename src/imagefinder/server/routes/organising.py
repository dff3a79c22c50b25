"""What is done with images that were chosen: favourites, ratings, albums, their files, and the history of all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypeVar

import anyio.to_thread
from fastapi import Query, Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints, model_validator
from starlette.types import Receive, Scope, Send

from imagefinder.catalog.changes import noting
from imagefinder.catalog.edits import TAG_LENGTH
from imagefinder.catalog.marks import BEST
from imagefinder.clusters.state import HISTORY
from imagefinder.errors import InvalidInputError
from imagefinder.organising.zipping import zipped
from imagefinder.server import responses
from imagefinder.server.access import changes, reads
from imagefinder.server.bounds import STREAMED
from imagefinder.server.errors import RefusedError
from imagefinder.server.jobs.kinds import submit
from imagefinder.server.jobs.options import Place
from imagefinder.server.local import check_folder, check_local
from imagefinder.server.requests import Body, FilterText, Id, Ids, check_one
from imagefinder.server.responses import ResponseBody
from imagefinder.server.routes.clusters import edit
from imagefinder.server.state import Json, Serving, ServingDep
from imagefinder.server.strict import Router
from imagefinder.types import Record

router = Router(prefix="/v1", tags=["organising"])
T = TypeVar("T")
AlbumName = Annotated[str, StringConstraints(min_length=1, max_length=TAG_LENGTH)]


class Marks(Body):
    """Exactly one of both."""

    ids: Ids
    favorite: bool | None = None
    rating: int | None = Field(None, ge=0, le=BEST, description="Stars; 0 for none.")

    @model_validator(mode="after")
    def _one(self) -> Marks:
        check_one(self, "favorite", "rating")
        return self


class AlbumImages(Body):
    name: AlbumName
    ids: Ids


class AlbumRenamed(Body):
    name: AlbumName
    new: AlbumName


class AlbumNamed(Body):
    name: AlbumName


class Chosen(Body):
    ids: Ids


class Originals(Body):
    """Images by their ids, or all that match a filter."""

    ids: Ids | None = None
    filter: FilterText | None = None

    @model_validator(mode="after")
    def _one(self) -> Originals:
        check_one(self, "ids", "filter")
        return self


class ToFolder(Body):
    ids: Ids
    folder: Place = Field(description="A folder of the server's machine.")


class Changed(ResponseBody):
    changed: int
    history: str | None = Field(description="What POST /v1/history/{id}/undo takes; null where nothing has changed.")


class AlbumFacts(ResponseBody):
    name: str
    images: int
    cover: str = Field(description="The id of its first image.")


class AlbumList(ResponseBody):
    albums: list[AlbumFacts]


class Event(ResponseBody):
    time: str
    by: str = Field(description="Who did it: the name of a key, a user or an account.")
    by_kind: str
    action: str
    count: int
    names: list[str] = Field(description="The first 100 of them.")
    what: str = ""
    id: str = ""
    undoable: bool


class Events(ResponseBody):
    events: list[Event]


@router.post("/images/marks", response_model=Changed)
@changes()
def mark(serving: ServingDep, body: Marks) -> Response:
    """Make images favourites or not, or give them a rating, apart from the likes of a search."""
    if body.rating is not None:
        rating = body.rating
        return _changed(serving, lambda: serving.finder.mark(body.ids, rating=rating))
    return _changed(serving, lambda: serving.finder.mark(body.ids, favorite=bool(body.favorite)))


# --- albums -------------------------------------------------------------------------------------------------------


@router.get("/albums", response_model=AlbumList)
@reads()
async def albums(serving: ServingDep) -> Response:
    """All albums, by their names. Their images: GET /v1/images with the filter `albums = "NAME"`, sorted by
    `album:NAME`."""
    found = await serving.searching.run(lambda: serving.finder.albums.list())
    return Json({"albums": [album.to_dict() for album in found]})


@router.post("/albums", response_model=Changed)
@changes()
def add_to_album(serving: ServingDep, body: AlbumImages) -> Response:
    """Put images at the end of an album, which is made if there is none of this name."""
    return _changed(serving, lambda: serving.finder.albums.add(body.name, body.ids))


@router.patch("/albums", response_model=Changed)
@changes()
def rename_album(serving: ServingDep, body: AlbumRenamed) -> Response:
    """Call an album something else; one that is called so already takes the images in."""
    return _changed(serving, lambda: serving.finder.albums.rename(body.name, body.new))


@router.put("/albums/order", response_model=Changed)
@changes()
def arrange_album(serving: ServingDep, body: AlbumImages) -> Response:
    """Give an album an order: these of its images first, then the others as before."""
    return _changed(serving, lambda: serving.finder.albums.arrange(body.name, body.ids))


@router.post("/albums/remove", response_model=Changed)
@changes()
def remove_from_album(serving: ServingDep, body: AlbumImages) -> Response:
    """Take images out of an album. They stay in the collection."""
    return _changed(serving, lambda: serving.finder.albums.remove(body.name, body.ids))


@router.post("/albums/delete", response_model=Changed)
@changes()
def delete_album(serving: ServingDep, body: AlbumNamed) -> Response:
    """End an album. Its images stay in the collection."""
    return _changed(serving, lambda: serving.finder.albums.delete(body.name))


# --- files --------------------------------------------------------------------------------------------------------

_ZIP: dict[int | str, dict[str, Any]] = {200: {"content": {"application/zip": {}}}}


@router.post("/images/zip", response_class=Response, responses=_ZIP)
@reads(costly=True)
async def zip_originals(serving: ServingDep, body: Originals) -> Response:
    """The original files of images as one ZIP, made while it is sent. What can't be read is named in a text in it."""
    ids = body.ids
    if ids is None:
        ids = (await serving.searching.run(serving.finder.columns, ["id"], body.filter))["id"]
    if not ids:
        raise InvalidInputError("No image was named.", remedy="Give ids, or a filter that images match.")
    await serving.searching.run(serving.finder.get, ids[0])
    return ZipResponse(serving, list(dict.fromkeys(ids)))


@router.post("/images/trash")
@changes()
async def trash(serving: ServingDep, body: Chosen) -> Response:
    """Move the files of images to the trash of the index. POST /v1/history/{id}/undo brings them back."""
    moved = await serving.searching.run(lambda: serving.finder.trash(body.ids))
    serving.hub.changed("images", "duplicates")
    return Json(moved.to_dict())


@router.post("/images/copy", status_code=202, response_model=responses.Waiting)
@changes(costly=True)
def copy_files(serving: ServingDep, request: Request, body: ToFolder) -> Response:
    """Copy the files of images into a folder of the server's machine, as a job: for those who sit at that machine. No
    file is overwritten."""
    return _placed(serving, request, body, "copy")


@router.post("/images/move", status_code=202, response_model=responses.Waiting)
@changes(costly=True)
def move_files(serving: ServingDep, request: Request, body: ToFolder) -> Response:
    """Move the files of images into a folder of the server's machine, as a job. What is known of them goes along, under
    the ids of their new paths. No file is overwritten."""
    return _placed(serving, request, body, "move")


@router.post("/images/{id}/reveal", status_code=204)
@reads(costly=True)
def reveal(serving: ServingDep, request: Request, id: Id) -> Response:
    """Show the file of an image in the file manager, for those who sit at the server's machine."""
    from imagefinder.images.inside import is_file, whole_of
    from imagefinder.server.revealing import reveal as show

    check_local(serving.settings, request, desktop=True)
    path = whole_of(serving.finder.get(id).uri)
    if not is_file(path):
        raise RefusedError(409, "This image is no file on this machine.", code="no-file")
    show(path)
    return Response(status_code=204)


def _placed(serving: Serving, request: Request, body: ToFolder, what: str) -> Response:
    check_local(serving.settings, request)
    folder = check_folder(serving.settings, body.folder)
    options = {"what": what, "ids": body.ids, "folder": folder}
    return Json({"job": submit(serving, "files", options, trusted=True).to_dict(brief=True)}, 202)


class ZipResponse(Response):
    """A ZIP of originals that is made as fast as it is taken, of which one part is held."""

    def __init__(self, serving: Serving, ids: list[str]) -> None:
        self._serving, self._ids = serving, ids
        super().__init__(None, 200, {"content-disposition": 'attachment; filename="images.zip"'}, "application/zip")
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[STREAMED] = True
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        parts = zipped(self._records(), lambda record: self._serving.pictures.whole(record)[0], [])
        while (part := await anyio.to_thread.run_sync(next, parts, None)) is not None:
            if part:
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _records(self) -> Iterator[Record]:
        for id in self._ids:
            if id in self._serving.finder:
                yield self._serving.finder.get(id)


# --- history ------------------------------------------------------------------------------------------------------


@router.get("/history", response_model=Events)
@reads()
async def history(
    serving: ServingDep,
    k: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> Response:
    """Who did what to images when, the newest first, and what of it can be taken back."""
    found = await serving.searching.run(lambda: serving.finder.history.list(k, offset))
    return Json({"events": [event.to_dict() for event in found]})


@router.post("/history/{id}/undo")
@changes()
async def undo(serving: ServingDep, id: Annotated[str, StringConstraints(max_length=100)]) -> Response:
    """Take back a change. Where images come back into the index, the response names the job that does it."""
    if id.startswith(HISTORY):
        return Json({**(await edit(serving, lambda: serving.finder.history.undo(id))).to_dict(), "job": None})
    done = await serving.searching.run(lambda: serving.finder.history.take_back(id))
    serving.hub.changed("images", "duplicates")
    job = submit(serving, "index", {"sources": list(done.sources)}, trusted=True) if done.sources else None
    return Json({**done.to_dict(), "job": job.to_dict(brief=True) if job else None})


def _changed(serving: Serving, do: Callable[[], int]) -> Response:
    with noting() as made:
        changed = do()
    serving.hub.changed("images")
    return Json({"changed": changed, "history": made[-1] if made else None})

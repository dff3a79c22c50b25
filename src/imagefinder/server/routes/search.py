"""Searching: by words, pictures, ids and what was liked; and keeping what was liked."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import unquote

from fastapi import File, Form, Query, Request, UploadFile
from fastapi.responses import Response
from pydantic import ValidationError
from starlette.datastructures import UploadFile as StarletteUpload

from imagefinder.errors import InvalidInputError, InvalidQueryError, NotFoundError
from imagefinder.images.heat import map_to_png
from imagefinder.images.loader import is_remote
from imagefinder.search.query import Box, Kind, Part, QueryInput, Term, parse_query, split_text
from imagefinder.server import requests, responses
from imagefinder.server.access import changes, reads
from imagefinder.server.as_json import read_json
from imagefinder.server.errors import first_fault
from imagefinder.server.reasons import Explanation as Explained
from imagefinder.server.state import Json, Lane, Serving, ServingDep
from imagefinder.server.strict import Router, kind_of

if TYPE_CHECKING:
    from imagefinder.results import Explanation, Hits

router = Router(prefix="/v1", tags=["search"])
T = TypeVar("T", bound=requests.Body)
UPLOAD = 256 * 1024**2  # bytes of one picture; the body may be a little longer


class Suggested(responses.ResponseBody):
    """What a text may become, the best first: each tag and folder with its `value`, each group with its number and
    `name`, and with the `count` of its images; files by `id` and `name`; kept searches by `name`."""

    tags: list[dict[str, Any]]
    clusters: list[dict[str, Any]]
    folders: list[dict[str, Any]]
    files: list[dict[str, Any]]
    concepts: list[dict[str, Any]]


@router.post("/search", response_model=responses.Hits)
@reads(costly=True)
async def search(serving: ServingDep, query: requests.Search) -> Response:
    """The images that fit best: by words, by pictures (an id, a URL, data, an upload), or by what was liked."""
    lane = await lane_for(serving, query)
    return Json(await lane.run(_search, serving, query))


@router.post("/search/upload", response_model=responses.Hits, max_body_size=UPLOAD)
@reads(costly=True)
async def search_upload(
    serving: ServingDep,
    image: Annotated[UploadFile, File(description="The picture to search by.")],
    query: Annotated[str, Form(description="More of the query: the JSON of POST /v1/search.")] = "{}",
) -> Response:
    """Search by a picture in one request: ``curl -F image=@cat.jpg .../v1/search/upload``."""
    wanted = _of_json(requests.Search, query or "{}", "It is the JSON of POST /v1/search.")
    data = await image.read()
    lane = await lane_for(serving, wanted)
    return Json(await lane.run(_search, serving, wanted, data))


@router.post("/images/{id}/explain", response_model=Explained)
@reads(costly=True)
async def explain(serving: ServingDep, id: requests.Id, query: requests.Explain) -> Response:
    """Why an image fits a query, and which part of its picture does."""
    found = await _explained(serving, id, query)
    map = None if found.map is None else f"data:image/png;base64,{base64.b64encode(map_to_png(found.map)).decode()}"
    return Json({**found.to_dict(), "map": map})


@router.post("/images/{id}/explain.png", response_class=Response, responses={200: {"content": {"image/png": {}}}})
@reads(costly=True)
async def explain_map(serving: ServingDep, id: requests.Id, query: requests.Explain) -> Response:
    """The map alone, a grey PNG over the upright picture: white where it fits the query best."""
    found = await _explained(serving, id, query)
    if found.map is None:
        raise NotFoundError("There is no map: the picture can't be read, or nothing was asked for that is understood.")
    return Response(map_to_png(found.map), media_type="image/png")


@router.get("/suggest", response_model=Suggested)
@reads()
async def suggest(
    serving: ServingDep,
    text: Annotated[str, Query(max_length=200)] = "",
    k: Annotated[int, Query(ge=1, le=50)] = 5,
) -> Response:
    """What a text that is typed may become: tags, groups, folders, files and kept searches, the best k of each."""
    return Json(await serving.searching.run(serving.finder.suggest, text, k))


async def _explained(serving: Serving, id: str, query: requests.Explain) -> Explanation:
    def do() -> Explanation:
        return serving.finder.explain(id, terms_of(serving, query) or None, **query.options())

    return await (await lane_for(serving, query, [id])).run(do)


async def lane_for(
    serving: Serving, query: requests.Search | requests.Explain | requests.Query, shown: Sequence[str] = ()
) -> Lane:
    """Where a search is carried out, or what also needs the pictures of the images ``shown``."""
    said: list[Term] = []
    with suppress(InvalidQueryError):  # which the search says itself
        said = [term for term in parse_query(query.words or "", files=False) if term.shows_picture]
    urls = any(term.kind is Kind.URL for term in said) or any(part.url is not None for part in query.parts)
    ids = [str(term.value) for term in said if term.kind is Kind.ID]
    return await lane_of(serving, urls, [*shown, *ids, *(part.id for part in query.parts if part.id and part.box)])


async def lane_of(serving: Serving, urls: bool, ids: Sequence[str]) -> Lane:
    """Where a request is carried out that needs pictures of URLs, or of images by their ids: whoever needs a URL
    fetched keeps nobody waiting who does not."""

    def anywhere() -> bool:
        with suppress(NotFoundError):
            return any(is_remote(serving.finder.get(id.lower()).uri) for id in ids)
        return False

    return serving.fetching if urls or (ids and await serving.searching.run(anywhere)) else serving.searching


def _of_json(kind: type[T], text: str | bytes, remedy: str) -> T:
    """A body from its JSON. Raises InvalidInputError."""
    try:
        return kind.model_validate(read_json(text.encode("utf-8", "replace") if isinstance(text, str) else text))
    except ValidationError as error:
        raise InvalidInputError(first_fault(error.errors()), remedy=remedy) from None


def _search(serving: Serving, query: requests.Search, data: bytes | None = None) -> dict[str, Any]:
    given = [] if data is None else [Term(Kind.DATA, data)]
    options = query.options()
    hits = serving.finder.search(terms_of(serving, query, given) or None, **options)
    serving.metrics.search(hits.stages)
    serving.tracing.search(hits.stages)
    return {**hits.to_dict(), "total": hits.total, "next_offset": _next(hits, options["offset"], options["k"])}


def _next(hits: Hits, offset: int, k: int) -> int | None:
    end = offset + len(hits)
    return end if len(hits) == k and end < hits.total else None


def terms_of(
    serving: Serving,
    query: requests.Search | requests.Explain | requests.Concept | requests.Query,
    given: Sequence[Term] = (),
) -> QueryInput:
    """The terms of a query, beside those ``given``. Nothing in it is taken for a path. Raises InvalidQueryError."""
    terms: list[Part] = [*given, *(_term(serving, part) for part in query.parts)]
    if query.words and query.words.strip():
        terms += split_text(query.words, files=False)  # it may only subtract where something else is added
    return terms


def _term(serving: Serving, part: requests.Part) -> Term:
    box = Box(*part.box) if part.box else None
    if part.words is not None:
        return Term(
            Kind.WORDS,
            part.words,
            part.weight,
            quoted=part.quoted,
            phrases=tuple(part.phrases),
            field=part.field or "",
        )
    if part.id is not None:
        return Term(Kind.ID, part.id.lower(), part.weight, box)
    if part.url is not None:
        return Term(Kind.URL, part.url, part.weight, box)
    if part.concept is not None:
        return Term(Kind.CONCEPT, part.concept, part.weight)
    data = decode_data_uri(part.image) if part.image is not None else serving.uploads.query(part.upload or "")
    return Term(Kind.DATA, data, part.weight, box)


def decode_data_uri(text: str) -> bytes:
    """The bytes of ``data:image/...;base64,...``, with or without padding, broken into lines, or in the alphabet of
    URLs. Raises InvalidQueryError."""
    head, comma, body = text.partition(",")
    kind = head.strip().lower()
    if not comma or not kind.startswith("data:"):
        raise InvalidQueryError("The image is not a data URI.", remedy="Write: data:image/jpeg;base64,...")
    if not kind.endswith(";base64"):
        raise InvalidQueryError("The data URI is not in base64.", remedy="Write: data:image/jpeg;base64,...")
    packed = "".join(unquote(body).split()).translate(_URL_SAFE).rstrip("=")
    if not packed:
        raise InvalidQueryError("There is nothing in the data URI.", remedy="Write: data:image/jpeg;base64,...")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidQueryError(f"The image is not base64: {error}.", remedy="Encode it again.") from None


_URL_SAFE = str.maketrans("-_", "+/")


# --- pictures to search by ----------------------------------------------------------------------------------------


_UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            },
            "application/json": {"schema": requests.UploadUrl.model_json_schema()},
        },
    }
}


@router.post(
    "/uploads", status_code=201, response_model=responses.Upload, max_body_size=UPLOAD, openapi_extra=_UPLOAD_BODY
)
@reads(costly=True)
async def upload(serving: ServingDep, request: Request) -> Response:
    """Keep a picture for a while, to search by it (the part ``{"upload": ...}``) as often as wanted.

    It is a file in a form, or the JSON ``{"url": ...}`` for one that the server fetches."""
    sent = await _sent(request)
    lane = serving.fetching if isinstance(sent, str) else serving.drawing
    kept = await lane.run(serving.uploads.keep_query, sent)
    return Json(kept.to_dict(), 201)


async def _sent(request: Request) -> bytes | str:
    """The bytes of the file, or the URL. Raises InvalidInputError."""
    kind = kind_of(request)
    if kind == "application/json":
        return _of_json(requests.UploadUrl, await request.body(), 'Send {"url": "https://..."}.').url
    if kind == "multipart/form-data":
        async with request.form(max_files=1) as form:
            if isinstance(file := form.get("file"), StarletteUpload):
                return await file.read()
    raise InvalidInputError("There is no file.", remedy='Send a form with the field file, or the JSON {"url": ...}.')


@router.get("/uploads/{upload}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
@reads()
async def uploaded(serving: ServingDep, upload: str, size: Annotated[int, Query(ge=16, le=2048)] = 512) -> Response:
    """A picture that was sent to search by, as a JPEG whose longest side is ``size`` pixels at most."""
    from imagefinder.server.pictures import to_jpeg

    def draw() -> bytes:
        return to_jpeg(serving.uploads.query_picture(upload), size)

    headers = {"cache-control": "private, max-age=86400"}
    return Response(await serving.drawing.run(draw), media_type="image/jpeg", headers=headers)


# --- feedback -----------------------------------------------------------------------------------------------------


@router.post("/feedback", status_code=201)
@changes()
def add_feedback(serving: ServingDep, body: requests.Feedback) -> Response:
    """Keep which hits of a query were liked and disliked. To re-rank at once, send them with the search as well."""
    return Json(serving.finder.feedback.add(body.query, body.liked, body.disliked).to_dict(), 201)


@router.get("/feedback")
@reads()
def list_feedback(
    serving: ServingDep, k: Annotated[int, Query(ge=1, le=1000)] = 100, offset: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """What was kept, the latest first."""
    found = [f.to_dict() for f in serving.finder.feedback.list()]
    return Json({"total": len(found), "feedback": found[offset : offset + k]})


@router.delete("/feedback/{id}", status_code=204)
@changes()
def remove_feedback(serving: ServingDep, id: str) -> Response:
    """Forget one judgement."""
    serving.finder.feedback.remove(id)
    return Response(status_code=204)

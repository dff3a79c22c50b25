"""The server and its index: what there is, whether it is well, and how it fares."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from pydantic import Field

from imagefinder._util.extras import install_command, missing_modules
from imagefinder._version import __version__
from imagefinder.errors import ImageFinderError, NotFoundError
from imagefinder.index.keys import Scope
from imagefinder.server import requests, responses
from imagefinder.server.access import reads
from imagefinder.server.callers import CALLER, Caller, cookie_name
from imagefinder.server.errors import RefusedError
from imagefinder.server.jobs.mirror import AWAY_S
from imagefinder.server.links import LINK_S
from imagefinder.server.local import may_place, may_reveal
from imagefinder.server.state import Json, Serving, ServingDep
from imagefinder.server.strict import Router

router = Router(tags=["server"])
DAYS_30 = 30 * 24 * 3600


class Info(responses.ResponseBody):
    name: str
    images: int
    model: str | None
    understands_words: bool
    version: str
    read_only: bool
    scope: Scope = Field(description="What the key of this request may do.")
    caller: str = Field(description="The name of that key, or of the user whom a proxy let in.")
    may_add_folders: bool
    may_place_files: bool = Field(description="Whether files may be copied and moved into folders from here.")
    may_reveal: bool = Field(description="Whether files can be shown in the file manager of the machine.")
    clustered: bool
    duplicates_searched: bool
    classifier: str | None = Field(description="What POST /v1/predict asks where no model is named.")
    not_installed: dict[str, str] = Field(description="Map methods that an extra brings, and the command to get it.")


@router.get("/v1/index", response_model=Info)
@reads()
async def index(serving: ServingDep, request: Request) -> Response:
    """What the index holds, and what this server lets you do."""
    facts = await serving.searching.run(_index, serving, request.scope[CALLER])
    place = may_place(serving.settings, request) and not facts["read_only"]
    return Json({**facts, "may_place_files": place, "may_reveal": may_reveal(serving.settings, request)})


def _index(serving: Serving, caller: Caller) -> dict[str, Any]:
    from imagefinder.clusters.algorithms.methods import METHODS
    from imagefinder.maps.projections import METHODS as MAP_METHODS
    from imagefinder.maps.projections import NEEDS_EXTRA

    facts = serving.finder.info().to_dict()
    return {
        **facts,
        "name": serving.settings.name or serving.home.name,
        "version": __version__,
        "format_version": facts["version"],
        "understands_words": _understands_words(serving),
        "read_only": serving.settings.read_only or caller.scope == "read",
        "scope": caller.scope,
        "caller": caller.name,
        "may_add_folders": serving.settings.may_add_folders and caller.scope != "read",
        "clustered": _is_clustered(serving),
        "duplicates_searched": serving.finder.copies.searched,
        "classifier": serving.finder.classifier,
        "methods": {"cluster": list(METHODS), "map": list(MAP_METHODS)},
        "clusterers": {name: row.to_dict() for name, row in METHODS.items()},
        "not_installed": {
            method: install_command("maps") for method, name in NEEDS_EXTRA.items() if missing_modules("maps", name)
        },
    }


def _understands_words(serving: Serving) -> bool:
    try:
        return bool(serving.finder.text_space)
    except NotFoundError:
        return False


def _is_clustered(serving: Serving) -> bool:
    try:
        return len(serving.finder.clusters) >= 0
    except ImageFinderError:
        return False


@router.post("/v1/session", status_code=204)
@reads(costly=True, keyless=True)
async def session(serving: ServingDep, request: Request, body: requests.Key) -> Response:
    """Give the key once, or the token of a link, and a cookie carries it from then on: for pages, whose pictures can't
    send headers."""
    response = Response(status_code=204)
    if await serving.callers.open():
        return response
    client = request.client.host if request.client else ""
    if body.key is not None:
        serving.guesses.check(client)  # not of links, which nobody guesses
        caller = await serving.callers.known(body.key.strip())
        cookie = caller.cookie if caller else None
    else:
        cookie = await serving.asking.run(serving.links.use, body.link or "")
    if cookie is None:
        serving.guesses.take(client)
        raise RefusedError(401, "The key is wrong." if body.key is not None else _USED, remedy=_ANOTHER)
    secure = request.url.scheme == "https"
    response.set_cookie(
        cookie_name(serving.settings),
        cookie,
        max_age=DAYS_30,
        httponly=True,
        samesite="strict",
        secure=secure,
        path=serving.settings.cookie_path,
    )
    return response


_USED = "The link was used already, or is too old."
_ANOTHER = "On the machine and account of the server, `imagefinder key --link` prints another link."


@router.post("/v1/session/links", response_model=responses.Link)
@reads()
def make_link(serving: ServingDep, request: Request) -> Response:
    """A link to the page that works once, without the key that it is made with, and with its scope: its address is that
    of the page with #link= and the token."""
    caller: Caller = request.scope[CALLER]
    if caller.kind == "user":
        raise RefusedError(409, "People are let in by the proxy here, so no link is needed.")
    return Json({"link": serving.links.make(caller.cookie), "seconds": LINK_S})


@router.get("/healthz")
@reads(keyless=True)
async def healthz() -> Response:
    """The server answers."""
    return Json({"status": "ok"})


@router.get("/readyz")
@reads(keyless=True)
async def readyz(serving: ServingDep) -> Response:
    """The index is open, its store answers and its model is loaded: the next search is a quick one. 503 before that,
    while the store is away, and once the server is stopping."""
    if why := serving.not_ready():
        raise RefusedError(503, why, remedy="Ask again in a moment.")
    try:
        images = await asyncio.wait_for(serving.asking.run(len, serving.finder), AWAY_S)
    except TimeoutError:
        raise RefusedError(503, "The store of the index does not answer.", remedy="Ask again in a moment.") from None
    return Json({"status": "ready", "images": images})


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
@reads()
def metrics(serving: ServingDep) -> Response:
    """Figures for Prometheus: latency by route and by stage of a search, size of the index, jobs."""
    return Response(serving.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

"""Puts the parts together: routes, errors, guards, and the page."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI, Request
from fastapi.middleware import Middleware
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from imagefinder._version import __version__
from imagefinder.errors import ImageFinderError
from imagefinder.server import errors, responses
from imagefinder.server.access import AccessTable, reads
from imagefinder.server.arriving import Arriving
from imagefinder.server.logs import Logged
from imagefinder.server.metrics import Measured, Metrics
from imagefinder.server.originals import is_known
from imagefinder.server.page_files import PAGE, page_files
from imagefinder.server.routes import (
    about,
    browse,
    clusters,
    concepts,
    duplicates,
    embeddings,
    folders,
    images,
    jobs,
    keys,
    maps,
    organising,
    predict,
    search,
    shapes,
    shots,
    sources,
    spaces,
)
from imagefinder.server.safety import Doors, Guard
from imagefinder.server.settings import ServerSettings
from imagefinder.server.spoken import Methods, Spoken
from imagefinder.server.state import Serving, ServingDep
from imagefinder.server.tracing import Traced, Tracing
from imagefinder.types import Limits

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider
    from starlette.routing import BaseRoute
    from starlette.types import Scope

    from imagefinder.finder import ImageFinder

PACKED = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "image/*")  # not compressed once more
LASTING = "public, max-age=31536000, immutable"
PLACES = ("/", "/groups", "/groups/{label}", "/map", "/duplicates", "/library")  # what the page shows by its address
ROUTES = (
    search,
    concepts,
    shapes,
    browse,
    organising,
    images,
    shots,
    clusters,
    maps,
    duplicates,
    jobs,
    embeddings,
    sources,
    folders,
    spaces,
    predict,
    keys,
    about,
)
KEEP_S = 600.0  # between two times that what is known of all images is written, where it has changed
LEAVE_S = 5.0  # between two times that a process leaves its metrics for the others
TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}  # of FastAPI itself
ABOUT = """Search and organise a collection of images. Every error has one shape:
`{"error": {"code", "message", "remedy"}}`. Images are named by their ids.
Times are in UTC unless they say otherwise."""


def create_app(
    finder: ImageFinder,
    settings: ServerSettings | None = None,
    limits: Limits | None = None,
    *,
    tracer_provider: TracerProvider | None = None,
) -> FastAPI:
    """The API and the page for an open ``ImageFinder``, which stays its caller's to close.

    ``limits`` hold for what clients send and for the URLs they name. Give uvicorn ``proxy_headers=False``: by default
    it believes every X-Forwarded-For of this machine, whoever sends it; whom to believe is in the settings. Spans of
    requests go to the ``tracer_provider`` of OpenTelemetry, if there is one.
    """
    settings = settings or ServerSettings()
    if finder.board is not None and not settings.session:
        settings = replace(settings, session=finder.board.name)
    serving = Serving(finder, settings, limits or Limits(), Tracing(tracer_provider))
    app = FastAPI(
        title="ImageFinder",
        version=__version__,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        middleware=middleware(settings, AccessTable(_routes()), serving.doors, serving.metrics, serving.tracing),
        telemetry=TELEMETRY,
        responses={"4XX": {"model": responses.Error}, "5XX": {"model": responses.Error}},
        generate_unique_id_function=lambda route: f"{route.tags[0]}_{route.name}" if route.tags else route.name,
    )
    app.state.serving = serving
    errors.install(app)
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute):
                route.summary = re.split(r"\.\s", route.description)[0].replace("``", "").rstrip(".")
        app.include_router(router, max_body_size=settings.max_body)
    app.mount("/", _Files(directory=PAGE), name="page")
    return app


def _routes() -> Iterator[BaseRoute]:
    return (route for router in ROUTERS for route in router.routes)


def middleware(
    settings: ServerSettings, access: AccessTable, doors: Doors, metrics: Metrics, tracing: Tracing
) -> list[Middleware]:
    """What is around the routes, from the outside in."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(settings.origins),
        allow_methods=["*"],
        allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
        expose_headers=["X-Request-ID"],
    )
    proxies = Middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.trusted_proxies))
    return [
        *([Middleware(Arriving, settings=settings)] if settings.proxy_user else []),
        *([proxies] if settings.trusted_proxies else []),
        Middleware(Spoken, root_path=settings.root_path),
        Middleware(Logged, name=settings.name),
        *([Middleware(Traced, tracing=tracing)] if tracing.tracer is not None else []),
        Middleware(Measured, metrics=metrics),
        Middleware(Guard, settings=settings, access=access, doors=doors),
        *([cors] if settings.origins else []),
        Middleware(Methods, access=access, root_path=settings.root_path),
        Middleware(GZipMiddleware, minimum_size=1024, compresslevel=4, exclude_content_types=PACKED),
    ]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    serving: Serving = app.state.serving
    if serving.settings.figures:
        threading.Thread(target=_leave, args=(serving,), name="imagefinder-figures", daemon=True).start()
    threading.Thread(target=_warm, args=(serving,), name="imagefinder-warm", daemon=True).start()
    yield
    serving.close()


def _leave(serving: Serving) -> None:
    """Leave the figures of this process for the others, again and again."""
    while not serving.closed.wait(LEAVE_S):
        serving.metrics.leave()


def _warm(serving: Serving) -> None:
    """Load the model, put all images in order and count them, before somebody waits for it; then, now and then, keep
    what is known of all images for the next process."""
    with suppress(ImageFinderError):
        if len(serving.finder):
            serving.finder.order(sort="-date")  # what the page shows first
            serving.finder.browse.timeline()
            serving.finder.embed_words(["warm"])
        else:
            serving.finder.embedder  # noqa: B018
    serving.ready = True
    while True:
        with suppress(ImageFinderError):
            serving.finder.browse.prepare()
        if serving.closed.wait(KEEP_S):
            return


@reads(keyless=True)
async def _page(serving: ServingDep, request: Request) -> Response:
    view = request.scope["route"].path.split("/")[1] or "search"
    return _html("index.html", serving.settings.root_path, view)


@reads(keyless=True)
async def _docs(serving: ServingDep) -> Response:
    return _html("docs.html", serving.settings.root_path)


def _html(name: str, root_path: str, view: str = "", status: int = HTTPStatus.OK) -> Response:
    text = page_files(again=True).html(name, root_path, view)
    return HTMLResponse(text, status, {"cache-control": "no-cache"})


class _Files(StaticFiles):
    """The files of the page, each packed once. A browser that goes where nothing is gets the page too, which says so
    and shows the way; a program gets the error."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)
        sent = Headers(scope=scope)
        path = Path(path).as_posix()
        file, lasting = page_files().find(path)
        if file is None:
            if "text/html" not in sent.get("accept", "") or path.startswith("v1"):
                raise HTTPException(HTTPStatus.NOT_FOUND)
            return _html("index.html", scope["app"].state.serving.settings.root_path, status=HTTPStatus.NOT_FOUND)
        headers = {"etag": file.etag, "vary": "accept-encoding", "cache-control": LASTING if lasting else "no-cache"}
        if is_known(sent.get("if-none-match"), file.etag):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        packed = "gzip" in sent.get("accept-encoding", "") and file.packed
        if packed:
            headers["content-encoding"] = "gzip"
        return Response(packed or file.data, media_type=file.type, headers=headers)


def _page_router() -> APIRouter:
    router = APIRouter()
    for place in PLACES:
        router.add_api_route(place, _page, include_in_schema=False)
    router.add_api_route("/docs", _docs, include_in_schema=False)
    return router


ROUTERS = (*(module.router for module in ROUTES), _page_router())

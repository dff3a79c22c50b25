"""Several indexes in one server: each below ``/i/NAME``, with its page, its API and its keys; ``/`` lists those that
whoever asks may see."""

from __future__ import annotations

import html
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from imagefinder.errors import InvalidInputError
from imagefinder.server import errors
from imagefinder.server.access import AccessTable, reads
from imagefinder.server.app import TELEMETRY, create_app, middleware
from imagefinder.server.arriving import USER
from imagefinder.server.callers import cookie_name
from imagefinder.server.errors import RefusedError
from imagefinder.server.metrics import Metrics
from imagefinder.server.page_files import PAGE
from imagefinder.server.settings import BELOW, NAME, ServerSettings
from imagefinder.server.state import Json, Serving

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider
    from starlette.types import ASGIApp, Receive, Scope, Send

    from imagefinder.finder import ImageFinder
    from imagefinder.types import Limits

router = APIRouter()


def create_several(
    finders: Mapping[str, ImageFinder],
    settings: ServerSettings | None = None,
    limits: Limits | None = None,
    *,
    tracer_provider: TracerProvider | None = None,
) -> FastAPI:
    """The API and the page of several open indexes by their names, as ``create_app`` makes those of one. The settings
    hold for all of them, ``key`` too; each index has its own keys beside. Raises InvalidInputError for a name that
    can't be in an address."""
    settings = settings or ServerSettings()
    if not finders:
        raise InvalidInputError("There is no index to serve.", remedy="Name one.")
    for name in finders:
        if not NAME.fullmatch(name):
            raise InvalidInputError(
                f"{name[:100]!r} can't be the name of an index in an address.", remedy="For example: photos"
            )
    apps = {
        name: create_app(
            finder,
            replace(settings, name=name, root_path=f"{settings.root_path}{BELOW}{name}"),
            limits,
            tracer_provider=tracer_provider,
        )
        for name, finder in finders.items()
    }
    servings = [app.state.serving for app in apps.values()]
    front = FastAPI(
        title="ImageFinder",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        middleware=middleware(settings, AccessTable(router.routes), servings[0].doors, Metrics(), servings[0].tracing),
        telemetry=TELEMETRY,
    )
    front.state.apps, front.state.servings, front.state.root = apps, servings, settings.root_path
    front.state.serving = Together(servings)
    errors.install(front)
    front.include_router(router)
    front.mount("/css", StaticFiles(directory=PAGE / "css"))
    front.add_middleware(Parting, apps=apps, root_path=settings.root_path)  # the outermost
    return front


class Together:
    """What the process does with all of its servers at once, as with one ``Serving``."""

    def __init__(self, servings: Sequence[Serving]) -> None:
        self._servings = servings
        self.hub = self
        self.draining = False

    def drain(self) -> None:
        """Prepare all of them for the end of the process."""
        for serving in self._servings:
            serving.drain()

    def close(self) -> None:
        """End the connections of pages that listen."""
        for serving in self._servings:
            serving.hub.close()


class Parting:
    """ASGI middleware that hands what is below ``/i/NAME`` to the app of that name."""

    def __init__(self, app: ASGIApp, apps: Mapping[str, FastAPI], root_path: str) -> None:
        self._app, self._apps, self._root = app, apps, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http":
            path = scope["path"]
            for start in {f"{self._root}{BELOW}", BELOW}:  # whether a proxy has taken the server's own path off or not
                if path.startswith(start) and (found := self._apps.get(path[len(start) :].partition("/")[0])):
                    app = found
                    scope = {**scope, "path": f"{self._root}{BELOW}{path[len(start) :]}"}
        await app(scope, receive, send)


@asynccontextmanager
async def _lifespan(front: FastAPI) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for app in front.state.apps.values():
            await stack.enter_async_context(app.router.lifespan_context(app))
        yield


async def _seen(request: Request) -> list[Serving]:
    """The indexes that whoever asks may see. Raises RefusedError where wrong keys come too fast."""
    return [one for one in request.app.state.servings if await _may_see(one, request)]


async def _may_see(serving: Serving, request: Request) -> bool:
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    client = request.client.host if request.client else ""
    cookie = request.cookies.get(cookie_name(serving.settings), "")
    try:
        if kind.lower() == "bearer":
            serving.guesses.check(client)
            if await serving.callers.known(key.strip()):
                return True
            serving.guesses.take(client)
        elif request.scope.get(USER) or (cookie and await serving.callers.known(cookie, cookie=True)):
            return True
    except RefusedError as refused:
        if refused.status != 401:  # a key that has ended opens nothing here
            raise
    return await serving.callers.open()


Seen = Annotated[list[Serving], Depends(_seen)]


@router.get("/v1/indexes")
@reads(keyless=True)
async def indexes(request: Request, seen: Seen) -> Response:
    """The indexes that one may see, each with the path of its page and API."""
    return Json({"indexes": [_facts(one) for one in seen]})


def _facts(serving: Serving) -> dict[str, Any]:
    return {"name": serving.settings.name, "path": f"{serving.settings.root_path}/"}


@router.get("/")
@reads(keyless=True)
async def page(request: Request, seen: Seen) -> Response:
    """The same for people."""
    root = request.app.state.root
    rows = "".join(
        f'<li><a href="{html.escape(one.settings.root_path)}/">{html.escape(one.settings.name)}</a></li>'
        for one in seen
    )
    found = (
        f"<ul>{rows}</ul>" if rows else "<p>None of them is open to you yet. Open the address of one with its key.</p>"
    )
    sheets = "".join(f'<link rel="stylesheet" href="{root}/css/{name}.css">' for name in ("tokens", "base"))
    return HTMLResponse(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>ImageFinder</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{sheets}</head>'
        f'<body><main class="page"><h1>Indexes</h1>{found}</main></body></html>',
        headers={"cache-control": "no-cache"},
    )


@router.get("/healthz")
@reads(keyless=True)
async def healthz() -> Response:
    """The server answers."""
    return Json({"status": "ok"})


@router.get("/readyz")
@reads(keyless=True)
async def readyz(request: Request) -> Response:
    """All indexes are open and their models loaded."""
    for serving in request.app.state.servings:
        if reason := serving.not_ready():
            raise RefusedError(503, f"{serving.settings.name}: {reason}", remedy="Ask again in a moment.")
    return Json({"status": "ready"})

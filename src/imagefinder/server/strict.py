"""Routes that refuse what they do not know, rather than drop it: a misspelt name would change what is answered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.params import Form
from fastapi.routing import APIRoute

from imagefinder._util.suggest import unknown_argument
from imagefinder.errors import InvalidInputError
from imagefinder.server.as_json import read_json
from imagefinder.server.errors import RefusedError

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
WITHOUT_BODY = ("GET", "HEAD", "DELETE", "OPTIONS")


class StrictRoute(APIRoute):
    """A route whose requests are checked before they are read: their query string names only what the route knows, each
    once, and their body is of the kind that it wants. ``any_query``: what else the query string names is passed by."""

    any_query = False

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        known = {param.alias for param in self.dependant.query_params}

        async def checked(request: Request) -> Response:
            check_query(request, known, any_name=self.any_query)
            read = _Read(request.scope, request.receive)
            if self.body_field and isinstance(self.body_field.field_info, Form):
                _check_form(request)
            elif self.body_field or not self.dependant.request_param_name:
                await self._read(read)
            return await handle(read)

        return checked

    async def _read(self, request: _Read) -> None:
        if request.method in WITHOUT_BODY and not self.body_field:
            return
        data = await request.body()
        if not data:
            return
        kind = kind_of(request)
        if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
            raise RefusedError(
                415,
                f"The body is {kind or 'of no kind that is named'}.",
                remedy="Send JSON: content-type: application/json",
            )
        request.value = read_json(data)
        if self.body_field is None and request.value not in ({}, None):
            raise InvalidInputError("This takes no body.", remedy="Leave it out; the API is described at /docs.")


class TolerantRoute(StrictRoute):
    """A route for clients that were made for others' servers: what they add to the address means nothing here."""

    any_query = True


class Router(APIRouter):
    """An ``APIRouter`` whose routes are strict."""

    def __init__(self, *, route_class: type[APIRoute] = StrictRoute, **options: Any) -> None:
        super().__init__(route_class=route_class, **options)


class _Read(Request):
    """A request whose JSON has been read."""

    value: Any = None

    async def json(self) -> Any:
        return self.value


def check_query(request: Request, known: Collection[str], *, any_name: bool = False) -> None:
    """Raise InvalidInputError for a name in the query string that is not ``known``, or stands there twice."""
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            if any_name:
                continue
            raise InvalidInputError(unknown_argument(name, known), remedy="The API is described at /docs.")
        if name in seen:
            raise InvalidInputError(f"{name} stands twice in the address.", remedy="Leave one out.")
        seen.add(name)


def kind_of(request: Request) -> str:
    """The media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_form(request: Request) -> None:
    kind = kind_of(request)
    if kind not in FORMS:
        raise RefusedError(
            415,
            f"The body is {kind or 'of no kind that is named'}, and a form is wanted.",
            remedy="Send multipart/form-data, as curl -F does.",
        )

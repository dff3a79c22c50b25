"""Every error as the one shape that clients see: ``{"error": {"code", "message", "remedy"}}``."""

from __future__ import annotations

import errno
import json
import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from imagefinder import errors
from imagefinder._util.ending import EndedError
from imagefinder._util.hiding import hidden
from imagefinder.server.as_json import Json

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

log = logging.getLogger("imagefinder.server")

STATUS: tuple[tuple[type[errors.ImageFinderError], int], ...] = (
    (errors.ImageError, 422),
    (errors.InvalidInputError, 400),
    (errors.NotFoundError, 404),
    (errors.IndexLockedError, 503),
    (errors.IndexVersionError, 503),  # a server of a newer version uses it by now
    (errors.UnreachableError, 503),  # the database of an index at an address
    (errors.StorageError, 507),
    (errors.MissingExtraError, 501),
)
CODES = {400: "invalid-input", 401: "unauthorized", 403: "forbidden", 404: "not-found", 405: "not-allowed"}
CODES |= {408: "timeout", 409: "conflict", 413: "too-large", 415: "unsupported-type", 416: "invalid-input"}
CODES |= {422: "invalid-input", 429: "rate-limited", 503: "busy", 507: "disk-full"}


class RefusedError(HTTPException):
    """A request that is not carried out: its HTTP status, and what to tell the client."""

    def __init__(
        self, status: int, message: str, *, code: str = "", remedy: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, message, headers)  # as one, it comes unchanged through what reads a body
        self.status = status
        self.body = body(code or CODES[status], message, remedy)


def body(code: str, message: str, remedy: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": hidden(message), "remedy": hidden(remedy)}}


def body_bytes(code: str, message: str, remedy: str = "") -> bytes:
    """The same as it is sent."""
    return json.dumps(body(code, message, remedy)).encode()


def of_error(error: BaseException) -> tuple[int, dict[str, Any]]:
    """The status and the body for any exception; one that nobody expected is logged, and not shown."""
    if isinstance(error, RefusedError):
        return error.status, error.body
    if isinstance(error, errors.ImageFinderError):
        status = next((s for kind, s in STATUS if isinstance(error, kind)), 500)
        if status == 500:
            log.error("%s: %s", type(error).__name__, hidden(str(error)))
        return status, body(_code(error), error.message, error.remedy)
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return 503, body("busy", "The server has too many files open.", "Try again in a moment.")
    if isinstance(error, EndedError):
        return 503, body("timeout", "The work for this request was stopped.")
    log.error("unexpected error", exc_info=error)
    return 500, body("unexpected", "Something went wrong in the server.", "Its log says what; please report it.")


def _code(error: errors.ImageFinderError) -> str:
    if isinstance(error, errors.ImageError):
        return error.code
    if isinstance(error, errors.InvalidInputError):
        return "invalid-input"
    name = type(error).__name__.removesuffix("Error")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def install(app: FastAPI) -> None:
    """Make the app answer every error in this shape."""
    for kind in (errors.ImageFinderError, RefusedError):
        app.add_exception_handler(kind, _respond)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def _respond(request: Request, error: Exception) -> Response:
    status, content = of_error(error)
    return Json(content, status, headers=getattr(error, "headers", None))


def _invalid(request: Request, error: Exception) -> Response:
    """What FastAPI found wrong, as one sentence about the first fault."""
    assert isinstance(error, RequestValidationError)
    return Json(body("invalid-input", first_fault(error.errors()), "The API is described at /docs."), 400)


def first_fault(faults: Sequence[Any]) -> str:
    """The first of the faults that Pydantic found, as one sentence: where it is, and what is wrong."""
    first = faults[0] if faults else {"loc": (), "msg": "It can't be read", "type": ""}
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    if not where and first["type"] == "missing":
        return "The body is missing."
    if first["type"] == "string_pattern_mismatch":  # the pattern says nothing to people
        return f"{where[:200]}: {str(first['input'])[:80]!r} isn't written as it must be."
    wrong = str(first["msg"]).removeprefix("Value error, ").rstrip(".")
    stop = "" if wrong.endswith("?") else "."
    return f"{where[:200]}: {wrong}{stop}" if where else f"{wrong}{stop}"


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    content = body(CODES.get(error.status_code, "failed"), f"{error.detail}.".replace("..", "."))
    headers = dict(error.headers) if error.headers else None
    return Json(content, error.status_code, headers=headers)

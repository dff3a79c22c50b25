"""What the server writes of its requests: an id for each, and with ``--log-format json`` a line of JSON for each.

No line holds a secret: of the address only the pattern of the route is written, and every text goes through ``hiding``.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO
from uuid import uuid4

from imagefinder._util.hiding import hidden
from imagefinder.server.callers import CALLER

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ID = "imagefinder.request-id"  # in the scope of a request
HEADER = b"x-request-id"
_FORM = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_request_id: ContextVar[str] = ContextVar("imagefinder-request-id", default="")
log = logging.getLogger("imagefinder.requests")
FRAMES = 30  # of a traceback


class Logged:
    """ASGI middleware: gives each request its id, that of its ``X-Request-ID`` if it has one, sends it back, and logs
    the request when it is answered."""

    def __init__(self, app: ASGIApp, name: str = "") -> None:
        self._app = app
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id = scope[ID] = _id_of(scope)
        token = _request_id.set(id)
        begun, status = time.perf_counter(), 500

        async def with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER, id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, with_id)
        finally:
            if log.isEnabledFor(logging.INFO):
                facts = self._facts(scope, status, time.perf_counter() - begun)
                log.info("%s %s %d", facts["method"], facts["route"], status, extra={"facts": facts})
            _request_id.reset(token)

    def _facts(self, scope: Scope, status: int, seconds: float) -> dict[str, Any]:
        caller = scope.get(CALLER)
        return {
            "method": scope["method"],
            "route": getattr(scope.get("route"), "path", "") or "other",
            "status": status,
            "ms": round(seconds * 1000, 2),
            **({"by": caller.name, "by_kind": caller.kind} if caller is not None else {}),
            **({"index": self._name} if self._name else {}),
        }


def _id_of(scope: Scope) -> str:
    sent = next((value for name, value in scope["headers"] if name.lower() == HEADER), b"")
    return hidden(sent.decode()) if _FORM.fullmatch(sent) else uuid4().hex


class AsJson(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        row: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": hidden(record.getMessage()),
        }
        if id := _request_id.get():
            row["request_id"] = id
        for name, value in getattr(record, "facts", {}).items():
            row[name] = hidden(value) if isinstance(value, str) else value
        if record.exc_info and record.exc_info[1] is not None:
            row["error"] = _error(record.exc_info[1])
        return json.dumps(row, ensure_ascii=True, default=str)


def _error(error: BaseException) -> dict[str, Any]:
    """What was raised, and where; of the code no line, as it may hold a value."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return {
        "type": type(error).__name__,
        "message": hidden(str(error))[:1000],
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


def write_json(stream: TextIO | None = None) -> logging.Handler:
    """From now on, all that this process logs is JSON, a line each, on ``stream`` (by default stderr). The handler that
    does it."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(AsJson())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    root.setLevel(logging.WARNING)
    log.setLevel(logging.INFO)
    logging.getLogger("imagefinder.serve").setLevel(logging.INFO)
    logging.captureWarnings(True)
    return handler

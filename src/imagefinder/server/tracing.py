"""Traces for OpenTelemetry: a span for each request, and within a search one for each of its stages.

Nothing is recorded, and nothing leaves the machine, unless the server was asked for it: by ``--traces``, or by a
provider that a program gives to ``create_app``. Spans hold the pattern of the route, the status and the name of the
key; no query, no picture and no key.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagefinder._util.extras import require
from imagefinder._version import __version__
from imagefinder.server.callers import CALLER
from imagefinder.server.logs import ID

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import TracerProvider as AnyProvider
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAME = "imagefinder"
FAILED = 500


class Tracing:
    """The spans of one server. Without a ``provider`` it does nothing."""

    def __init__(self, provider: AnyProvider | None = None) -> None:
        self.tracer = provider.get_tracer(NAME, __version__) if provider is not None else None

    def search(self, stages_ms: Mapping[str, float]) -> None:
        """The stages of a search that has just ended, as parts of the request in progress: one after the other, as they
        were."""
        if self.tracer is None:
            return
        at = time.time_ns() - sum(int(ms * 1e6) for ms in stages_ms.values())
        for stage, ms in stages_ms.items():
            span = self.tracer.start_span(f"search {stage.removesuffix('_ms')}", start_time=at)
            at += int(ms * 1e6)
            span.end(at)


class Traced:
    """ASGI middleware: a span for each request, a part of the caller's trace if its ``traceparent`` names one."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app, self._tracing = app, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        tracer = self._tracing.tracer
        if scope["type"] != "http" or tracer is None:
            await self._app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        sent = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        begun = TraceContextTextMapPropagator().extract({k: v for k, v in sent.items() if k == "traceparent"})
        status = FAILED

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with tracer.start_as_current_span(
            scope["method"], begun, SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                await self._app(scope, receive, note)
            finally:
                route = getattr(scope.get("route"), "path", "") or "other"
                span.update_name(f"{scope['method']} {route}")
                span.set_attributes(_attributes(scope, route, status))
                if status >= FAILED:
                    span.set_status(Status(StatusCode.ERROR))


def _attributes(scope: Scope, route: str, status: int) -> dict[str, Any]:
    caller = scope.get(CALLER)
    return {
        "http.request.method": scope["method"],
        "http.route": route,
        "http.response.status_code": status,
        "imagefinder.request_id": scope.get(ID, ""),
        **({"imagefinder.by": caller.name} if caller is not None else {}),
    }


def to_collector() -> TracerProvider:
    """A provider that sends spans to where the usual variables say, ``OTEL_EXPORTER_OTLP_ENDPOINT`` and so on: by
    default the collector of this machine. Shut it down in the end. Raises MissingExtraError."""
    require("otel", what="Sending traces")
    os.environ.pop("OTEL_SDK_DISABLED", None)  # which keeps packages from sending anything unasked: this was asked for
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {SERVICE_VERSION: __version__}
    if "OTEL_SERVICE_NAME" not in os.environ:
        named[SERVICE_NAME] = NAME
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider

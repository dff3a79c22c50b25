"""What Prometheus asks for: how many requests, how long they and their stages took, how large the index is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The figures of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "imagefinder_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self.latency = Histogram(
            "imagefinder_request_seconds",
            "Time from a request to the end of its response.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._stages = Histogram(
            "imagefinder_search_stage_seconds",
            "Time of each stage of a search.",
            ("stage",),
            buckets=SECONDS,
            registry=self._registry,
        )

    def watch(self, images: Callable[[], int], jobs: Callable[[], Mapping[str, int]]) -> None:
        """Ask these for the size of the index, and of the queue, whenever somebody reads the figures."""
        gauge = Gauge("imagefinder_images", "Images in the index.", registry=self._registry)
        gauge.set_function(images)
        states = Gauge("imagefinder_jobs", "Jobs by state.", ("state",), registry=self._registry)
        for state in ("queued", "running"):
            states.labels(state).set_function(partial(_count, jobs, state))

    def search(self, stages_ms: Mapping[str, float]) -> None:
        for stage, ms in stages_ms.items():
            self._stages.labels(stage.removesuffix("_ms")).observe(ms / 1000)

    def text(self) -> bytes:
        return generate_latest(self._registry)


def _count(jobs: Callable[[], Mapping[str, int]], state: str) -> int:
    return jobs()[state]


class Measured:
    """ASGI middleware that counts requests by route (the pattern, not the address) and times them."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(scope["method"], route, str(status)).inc()
            self._metrics.latency.labels(route).observe(time.perf_counter() - begun)

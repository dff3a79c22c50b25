"""What Prometheus asks for: how many requests, how long they and their stages took, how large the index is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    Summary,
    generate_latest,
)
from prometheus_client.registry import Collector

from imagefinder.server.figures import Asked, Left
from imagefinder.types import SkipCode

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from imagefinder.server.jobs.job import Job

CLIENT_LEFT = 499  # before it had an answer; not HTTP's, but what proxies write
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The figures of one server, in a registry of their own. Of several processes that are one server, each tells those
    of all: ``folder`` is where they leave theirs, ``index`` the name of the index there, ``worker`` the number of this
    one."""

    def __init__(self, folder: str = "", index: str = "", worker: int = 0) -> None:
        self._registry = own = CollectorRegistry()
        self._left = Left(Path(folder), index, worker, own) if folder else None
        self._common = CollectorRegistry()  # what is the same at all processes
        self.requests = Counter(
            "imagefinder_requests", "Requests answered.", ("method", "route", "status"), registry=own
        )
        self.going_on = Gauge("imagefinder_requests_in_progress", "Requests that are being answered.", registry=own)
        self.latency = Histogram(
            "imagefinder_request_seconds",
            "Time from a request to the end of its response.",
            ("route",),
            buckets=SECONDS,
            registry=own,
        )
        self._stages = Histogram(
            "imagefinder_search_stage_seconds",
            "Time of each stage of a search.",
            ("stage",),
            buckets=SECONDS,
            registry=own,
        )
        self._jobs = Summary(
            "imagefinder_job_seconds", "Time of jobs that ended at this server.", ("kind", "state"), registry=own
        )
        self._skipped = Counter(
            "imagefinder_images_skipped", "Images that jobs of this server left out.", ("code",), registry=own
        )
        ProcessCollector(registry=own)

    def watch(self, asked: Asked) -> None:
        """Ask this for the size of the index, the queue and so on, whenever somebody reads the figures."""
        self._registry.register(_Process(asked))
        self._common.register(asked)

    def expect(self, kinds: Iterable[str]) -> None:
        """Jobs of these kinds may fail, and leave out images: a figure that begins with 0 is one whose first change is
        seen."""
        for kind in kinds:
            self._jobs.labels(kind, "failed")
        for code in SkipCode:
            self._skipped.labels(code.value)

    def search(self, stages_ms: Mapping[str, float]) -> None:
        for stage, ms in stages_ms.items():
            self._stages.labels(stage.removesuffix("_ms")).observe(ms / 1000)

    def job(self, job: Job, state: str) -> None:
        """A job has ended here; one that goes on at another server as ``cancelled``."""
        self._jobs.labels(job.kind, state).observe(job.seconds)
        for one in job.skipped:
            self._skipped.labels(str(one.get("code", ""))).inc()

    def leave(self) -> None:
        """Leave the figures for the other processes. They are read without those that can't be left."""
        if self._left is not None:
            with suppress(OSError):
                self._left.leave()

    def text(self) -> bytes:
        own = self._registry
        if self._left is not None:
            own = CollectorRegistry()
            own.register(self._left)
        return generate_latest(own) + generate_latest(self._common)


class _Process(Collector):
    """The part of what is asked for that is of this process alone."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def collect(self) -> Iterable[Metric]:
        return self._asked.process()


class Measured:
    """ASGI middleware that counts requests by route (the pattern, not the address) and times them."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, begun_to_answer = time.perf_counter(), 500, False
        self._metrics.going_on.inc()

        async def note(message: Message) -> None:
            nonlocal status, begun_to_answer
            if message["type"] == "http.response.start":
                status, begun_to_answer = message["status"], True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except asyncio.CancelledError:
            status = status if begun_to_answer else CLIENT_LEFT
            raise
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.going_on.dec()
            self._metrics.requests.labels(scope["method"], route, str(status)).inc()
            self._metrics.latency.labels(route).observe(time.perf_counter() - begun)

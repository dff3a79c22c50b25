"""What the routes share: the finder, the jobs, the pictures, the metrics."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

import anyio
from fastapi import Depends, Request

from imagefinder.server.as_json import Json as Json
from imagefinder.server.errors import RefusedError
from imagefinder.server.hub import Hub
from imagefinder.server.jobs.kinds import title_of
from imagefinder.server.jobs.queue import Jobs
from imagefinder.server.metrics import Metrics
from imagefinder.server.pictures import Pictures
from imagefinder.server.uploads import Uploads

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.server.settings import ServerSettings
    from imagefinder.types import Limits

P = ParamSpec("P")
T = TypeVar("T")
QUEUE = 256  # requests that may wait for the processor; more are told to come back


class LimitedThreads:
    """Threads for one kind of work, so that no kind can take all of them; refuses when too much waits."""

    def __init__(self, threads: int) -> None:
        self._limiter = anyio.CapacityLimiter(threads)

    async def run(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._limiter.statistics().tasks_waiting >= QUEUE:
            raise RefusedError(503, "Too many requests are waiting.", remedy="Try again in a moment.")
        return await anyio.to_thread.run_sync(functools.partial(do, *args, **kwargs), limiter=self._limiter)


class Serving:
    """One server's parts. ``searching`` is for what needs the model or the index, ``drawing`` for pictures."""

    def __init__(self, finder: ImageFinder, settings: ServerSettings, limits: Limits) -> None:
        home = Path(finder.info().path)
        threads = os.cpu_count() or 1
        self.finder = finder
        self.settings = settings
        self.home = home
        self.hub = Hub()
        self.metrics = Metrics()
        self.jobs = Jobs(home, self.hub, title_of)
        self.pictures = Pictures(home, limits, settings.cache_bytes)
        self.uploads = Uploads(home, limits)
        self.searching = LimitedThreads(max(4, 2 * threads))
        self.drawing = LimitedThreads(max(2, threads))
        self.editing = threading.Lock()  # of the clusters: one correction at a time
        self.ready = False
        self.metrics.watch(lambda: len(finder), self.jobs.counts)

    def close(self) -> None:
        """Stop the jobs and the listening pages. The finder stays open: it is its owner's."""
        self.hub.close()
        self.jobs.close()


def get_serving(request: Request) -> Serving:
    serving: Serving = request.app.state.serving
    return serving


ServingDep = Annotated[Serving, Depends(get_serving)]

"""What the routes share: the finder, the jobs, the pictures, the metrics."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

from fastapi import Depends, Request

from imagefinder._util.threads import cores
from imagefinder.errors import ImageFinderError
from imagefinder.server.as_json import Json as Json
from imagefinder.server.callers import Callers
from imagefinder.server.errors import RefusedError
from imagefinder.server.figures import Asked
from imagefinder.server.hub import Hub
from imagefinder.server.jobs.kinds import JOBS, resumed, title_of
from imagefinder.server.jobs.queue import Jobs
from imagefinder.server.jobs.shared import SharedJobs
from imagefinder.server.links import Links
from imagefinder.server.metrics import Metrics
from imagefinder.server.pictures import Pictures
from imagefinder.server.quotas import Quotas
from imagefinder.server.safety import WRONG_KEYS_PER_SECOND, Buckets, Doors
from imagefinder.server.tracing import Tracing
from imagefinder.server.uploads import Uploads

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.server.settings import ServerSettings
    from imagefinder.types import Limits

P = ParamSpec("P")
T = TypeVar("T")
QUEUE = 256  # requests that may wait for a lane; more are told to come back
ANSWER_S = 2.0  # for the store to say how many images there are, when metrics are read
FETCHING = 8  # requests whose URLs are fetched at once


class Lane:
    """Threads for one kind of work, so that no kind can take all of them; refuses when too much waits. Work that has
    not begun when its request ends is left out; other work ends at its next step, and has its thread until then."""

    def __init__(self, name: str, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, f"imagefinder-{name}")
        self._threads, self._inside, self._counting = threads, 0, threading.Lock()
        self._room = threading.Semaphore(threads + QUEUE)

    async def run(self, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``do`` gives, called in a thread of this lane with the context variables of its caller. Raises
        RefusedError."""
        return await asyncio.wrap_future(self._begin(functools.partial(do, *args, **kwargs)))

    async def run_for(self, do: Callable[P, T], drop: Callable[[T], None], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for what must be closed or taken back: if its request ends before it is there, ``drop`` gets it."""
        future = self._begin(functools.partial(do, *args, **kwargs))

        def drop_it(done: Future[T]) -> None:
            if not done.cancelled() and done.exception() is None:
                drop(done.result())

        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            future.add_done_callback(drop_it)
            raise

    def _begin(self, do: Callable[[], T]) -> Future[T]:
        if not self._room.acquire(blocking=False):
            raise RefusedError(503, "Too many requests are waiting.", remedy="Try again in a moment.")
        future = self._pool.submit(copy_context().run, do)
        self._count(1)
        future.add_done_callback(lambda _: self._leave())
        return future

    def _leave(self) -> None:
        self._count(-1)
        self._room.release()

    def _count(self, more: int) -> None:
        with self._counting:
            self._inside += more

    def get(self, do: Callable[[], T], seconds: float) -> T | None:
        """What ``do`` gives, called in a thread of this lane; None if that fails or is not there after so long."""
        try:
            return self._begin(do).result(seconds)
        except (ImageFinderError, RefusedError, TimeoutError):
            return None

    def counts(self) -> dict[str, int]:
        """How many requests have a thread, and how many wait for one."""
        running = min(self._inside, self._threads)
        return {"running": running, "waiting": self._inside - running}

    def close(self) -> None:
        """What has not begun never does."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class Serving:
    """One server's parts. Its lanes: ``searching`` for what needs the model or the index, ``drawing`` for pictures,
    ``fetching`` for whatever needs a URL first, which nothing else then waits for, ``asking`` for who looks whether the
    server is well."""

    def __init__(self, finder: ImageFinder, settings: ServerSettings, limits: Limits, tracing: Tracing) -> None:
        home = finder.home
        threads = cores()
        self.finder = finder
        self.settings = settings
        self.home = home
        self.hub = Hub()
        self.metrics = Metrics(settings.figures, settings.name, settings.worker)
        self.tracing = tracing
        self.jobs = self._make_jobs()
        self.pictures = Pictures(home, limits, settings.cache_bytes)
        self.uploads = Uploads(home, limits, settings.uploads, finder.board)
        self.searching = Lane("searching", max(4, 2 * threads))
        self.drawing = Lane("drawing", max(2, threads))
        self.fetching = Lane("fetching", FETCHING)
        self.asking = Lane("asking", 2)
        self.editing = threading.Lock()  # of the clusters: one correction at a time
        self.guesses = Buckets(settings.requests_per_second or WRONG_KEYS_PER_SECOND)  # of the key, wrong ones
        self.callers = Callers(settings, finder.keys)
        self.doors = Doors(self.callers, self.guesses, Quotas(settings))
        self.links = Links(finder.board)
        self.ready = self.draining = False
        self.closed = threading.Event()
        self.metrics.expect(JOBS)
        self.jobs.watch = self.metrics.job
        self.metrics.watch(self._asked())

    def _make_jobs(self) -> Jobs:
        if self.finder.board is None:
            return Jobs(self.home, self.hub, title_of)
        return SharedJobs(
            self.home,
            self.hub,
            title_of,
            self.finder.board,
            resume=lambda kind, given: resumed(self, kind, given),
            goes_on={kind: row.goes_on for kind, row in JOBS.items()},
            reads=self.settings.read_only,
        )

    def not_ready(self) -> str:
        """Why no more requests should be sent here; empty where they should."""
        if self.draining:
            return "The server is stopping."
        if not self.ready:
            return "The model is being loaded."
        return self.jobs.away

    def _asked(self) -> Asked:
        """What its metrics ask of it."""
        lanes = {"searching": self.searching, "drawing": self.drawing, "fetching": self.fetching}
        board = self.finder.board
        return Asked(
            not_ready=self.not_ready,
            draining=lambda: self.draining,
            lanes=lambda: {name: lane.counts() for name, lane in lanes.items()},
            images=lambda: self.asking.get(lambda: len(self.finder), ANSWER_S),
            store=board.figures if board is not None else lambda: None,
            jobs=self.jobs,
            home=self.home,
            shared=board is not None,
        )

    def drain(self) -> None:
        """Say that this server is not ready, lead its pages to others, and hand its jobs to them; requests are answered
        as before."""
        self.draining = True
        self.hub.close()
        self.jobs.drain()

    def close(self) -> None:
        """Stop the jobs and the listening pages. The finder stays open: it is its owner's."""
        self.closed.set()
        self.hub.close()
        for lane in (self.searching, self.drawing, self.fetching, self.asking):
            lane.close()
        self.jobs.close()


def get_serving(request: Request) -> Serving:
    serving: Serving = request.app.state.serving
    return serving


ServingDep = Annotated[Serving, Depends(get_serving)]

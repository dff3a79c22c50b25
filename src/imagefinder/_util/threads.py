"""Work spread over threads with the order kept and memory bounded."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from contextvars import copy_context
from itertools import islice
from typing import TypeVar

from imagefinder._util.quota import quota

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """The cores this process may use: those that it is bound to, and no more than the limit of its container."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(bound, quota() or bound)


def ordered_map(fn: Callable[[T], R], items: Iterable[T], *, workers: int, window: int) -> Generator[R, None, None]:
    """``map(fn, items)`` over threads, in order, with at most ``window`` items taken and not yet handed out.

    Items are pulled from the consumer's thread, as results are asked for; a result that is there is handed out before
    the next item is waited for. An exception of ``fn`` is raised where its
    result would have stood. When the consumer stops early (or is interrupted), what has not started never does.
    ``fn`` sees the context variables of the consumer.
    """
    pending: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(max_workers=max(1, workers))
    try:
        for item in items:
            pending.append(pool.submit(copy_context().run, fn, item))
            while pending and (len(pending) >= window or pending[0].done()):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def ready_lists(
    fn: Callable[[T], R], items: Iterable[T], *, workers: int, window: int, size: int, wait_s: float
) -> Generator[list[R], None, None]:
    """``ordered_map(fn, items)`` in lists of ``size``. A list that is not full after ``wait_s`` is handed out as it is,
    even empty, so that the consumer can go on with what there is."""
    source = iter(items)
    pending: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(max_workers=max(1, workers))
    try:
        pending.extend(pool.submit(copy_context().run, fn, item) for item in islice(source, window))
        while pending:
            ready: list[R] = []
            end = time.monotonic() + wait_s
            while pending and len(ready) < size and wait([pending[0]], max(0, end - time.monotonic())).done:
                ready.append(pending.popleft().result())
                pending.extend(pool.submit(copy_context().run, fn, item) for item in islice(source, 1))
            yield ready
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def chunked(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of ``size`` items, the last one perhaps shorter."""
    source = iter(items)
    while chunk := list(islice(source, max(1, size))):
        yield chunk


_narrow = threading.Lock()
_users = 0
_limits = ExitStack()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Meanwhile a matrix product of NumPy takes one thread, in the whole process; until the last who asked for it has
    ended. For small ones, and for work that has a thread a core already: the threads of OpenBLAS wait for each other
    in busy loops, up to 30 ms after each product, and take the cores from the rest."""
    global _users, _limits
    from threadpoolctl import threadpool_limits

    with _narrow:
        _users += 1
        if _users == 1:
            _limits = ExitStack()
            _limits.enter_context(threadpool_limits(1, user_api="blas"))
    try:
        yield
    finally:
        with _narrow:
            _users -= 1
            if not _users:
                _limits.close()

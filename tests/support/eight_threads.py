"""Eight threads that do something at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

THREADS = 8
T = TypeVar("T")
R = TypeVar("R")


def at_once(do: Callable[[T], R], items: Iterable[T]) -> list[R | Exception]:
    """What ``do`` gave for each item, in their order, or the exception that it raised. Eight threads share the items,
    and begin together."""
    start = threading.Barrier(THREADS)
    work = list(items)
    results: list[Any] = [None] * len(work)

    def run(first: int) -> None:
        start.wait()
        for i in range(first, len(work), THREADS):
            try:
                results[i] = do(work[i])
            except Exception as error:
                results[i] = error

    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(run, n) for n in range(THREADS)]:
            future.result()
    return results


def all_at_once(do: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """As ``at_once``, where none may fail."""
    results = at_once(do, items)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results  # type: ignore[return-value]

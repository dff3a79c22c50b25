"""Where the parts of a large computation run: in threads of this process, or on a cluster (``ray_runner``). What is
computed is written once, and gives the same to the bit wherever it runs."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, Protocol

from imagefinder._util.threads import cores, one_blas_thread, ordered_map


class Runner(Protocol):
    """Runs tasks: functions of a module, each with its arguments. A task must depend on nothing else and change
    nothing, since it is run again where a machine was lost."""

    @property
    def workers(self) -> int:
        """How many tasks run at once, now."""

    @property
    def far(self) -> bool:
        """Whether tasks run in other processes, so that what they are given is sent there."""

    def put(self, value: Any) -> Any:
        """What stands for ``value`` among the arguments of tasks."""

    def call(self, do: Callable[..., Any], *args: Any) -> Any:
        """What stands among the arguments of tasks for ``do(*args)``, which is made where the tasks run."""

    def map(self, do: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Generator[Any, None, None]:
        """``do(*task)`` for each task, in order. An exception of ``do`` is raised where its result would have stood;
        after a consumer that stops early, no more is begun."""


class Threads:
    """Threads of this process, by default one a core. A matrix product takes one thread, as on a cluster, so that its
    sums come out the same."""

    far = False

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or cores()

    def put(self, value: Any) -> Any:
        return value

    def call(self, do: Callable[..., Any], *args: Any) -> Any:
        return do(*args)

    def map(self, do: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Generator[Any, None, None]:
        with one_blas_thread():
            yield from ordered_map(lambda task: do(*task), tasks, workers=self.workers, window=2 * self.workers)

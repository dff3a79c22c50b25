"""Tasks on a cluster of Ray. A task whose worker or machine is lost runs again, and what lay in its memory is made
again: only what was in flight is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from imagefinder._util.ray_cluster import cause_of, connected
from imagefinder._util.runner import Runner, Threads
from imagefinder._util.threads import one_blas_thread

RETRIES = 20  # of a task, as machines come and go in a long run
AHEAD = 2  # tasks handed out for each that can run, so that none waits for this process


@contextmanager
def runner_at(address: str | None, workers: int | None = None) -> Iterator[Runner]:
    """Threads of this process, or with the ``address`` of a cluster (see ``ray_cluster``) its tasks. Raises what
    ``ray_cluster.connected`` raises, and ServerError where the cluster fails."""
    if address is None:
        yield Threads(workers)
        return
    with connected(address) as ray:
        try:
            yield RayTasks(ray)
        except ray.exceptions.RayError as error:
            raise cause_of(error) from error


class RayTasks:
    """Tasks of the cluster that ``ray``, the module, is connected to: one for each of its cores."""

    far = True

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._do = ray.remote(_do).options(num_cpus=1, max_retries=RETRIES)

    @property
    def workers(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def put(self, value: Any) -> Any:
        return self._ray.put(value)

    def call(self, do: Callable[..., Any], *args: Any) -> Any:
        return self._do.remote(do, *args)

    def map(self, do: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Generator[Any, None, None]:
        # Where the consumer stops, those that fly end by themselves: to cancel a task at the moment when it ends can
        # kill this process, still with Ray 2.60 (https://github.com/ray-project/ray/pull/54798 tells of the race).
        source = iter(tasks)
        flying: deque[Any] = deque()
        while True:
            room = AHEAD * self.workers - len(flying)
            flying.extend(self.call(do, *task) for task in islice(source, max(0, room)))
            if not flying:
                return
            yield self._ray.get(flying[0])
            flying.popleft()


def _do(do: Callable[..., Any], *args: Any) -> Any:
    with one_blas_thread():
        return do(*args)

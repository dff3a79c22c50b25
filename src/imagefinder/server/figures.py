"""Figures that are asked for when somebody reads the metrics, and those that several processes of one server leave for
each other."""

from __future__ import annotations

import itertools
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from imagefinder._util.systems import replace_path
from imagefinder._version import __version__
from imagefinder.store.calls import BOUNDS_S

if TYPE_CHECKING:
    from imagefinder.server.jobs.queue import Jobs
    from imagefinder.store.calls import CallFigures


@dataclass(frozen=True)
class Asked(Collector):
    """What a server is asked for at each reading: why it is not ready ("" where it is), whether it is draining, how
    many requests of each lane run and wait, how many images there are, what the calls to its store cost. ``images``
    gives None where the store does not say: what can't be had at the moment is left out, so that the rest can be read
    while the store is away. ``home`` is a folder of this machine. ``shared``: the index is at an address."""

    not_ready: Callable[[], str]
    draining: Callable[[], bool]
    lanes: Callable[[], Mapping[str, Mapping[str, int]]]
    images: Callable[[], int | None]
    store: Callable[[], CallFigures | None]
    jobs: Jobs
    home: Path
    shared: bool

    def process(self) -> Iterator[Metric]:
        """What is that of this process alone."""
        yield _one("ready", "Whether requests should be sent to this server: 1 or 0.", not self.not_ready())
        yield _one("draining", "Whether this server has been told to stop: 1 or 0.", self.draining())
        lanes = GaugeMetricFamily(
            "imagefinder_lane_requests", "Requests by what they wait for.", labels=("lane", "state")
        )
        for name, counts in self.lanes().items():
            for state, n in counts.items():
                lanes.add_metric((name, state), n)
        yield lanes
        if (figures := self.store()) is not None:
            yield from _store(figures)

    def collect(self) -> Iterator[Metric]:
        """What is the same at all processes of the server."""
        info = GaugeMetricFamily("imagefinder_build_info", "The version, as labels.", labels=("version", "python"))
        info.add_metric((__version__, platform.python_version()), 1)
        yield info
        if self.shared:
            yield _one("store_up", "Whether the store of the index answers: 1 or 0.", not self.jobs.away)
        images = None if self.jobs.away else self.images()
        if images is not None:
            yield _one("images", "Images in the index.", images)
        yield _by("jobs", "Jobs by state.", "state", self.jobs.counts())
        ages = "Seconds that a job has been running, and the first of those that wait has been waiting."
        yield _by("job_age_seconds", ages, "state", self.jobs.ages())
        with suppress(OSError):
            disk = shutil.disk_usage(self.home)
            yield _one("disk_free_bytes", "Room on the disk with the index, or with what is kept beside it.", disk.free)
            yield _one("disk_bytes", "Size of that disk.", disk.total)


def _one(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"imagefinder_{name}", what, float(value))


def _by(name: str, what: str, label: str, values: dict[str, Any]) -> Metric:
    family = GaugeMetricFamily(f"imagefinder_{name}", what, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _store(found: CallFigures) -> Iterator[Metric]:
    """What calls to a store at an address cost."""
    sums = itertools.accumulate(found.counts)
    buckets = [(str(bound), n) for bound, n in zip((*BOUNDS_S, "+Inf"), sums, strict=True)]
    yield HistogramMetricFamily(
        "imagefinder_store_seconds", "Time of each call to the store.", buckets=buckets, sum_value=found.seconds
    )
    yield CounterMetricFamily("imagefinder_store_failures", "Calls to the store that failed.", found.failed)
    yield CounterMetricFamily(
        "imagefinder_store_retries", "Times that a call to the store was tried again.", found.again
    )
    if found.connections:
        what = "Connections to the store that are busy and idle; awaited: calls that wait for one."
        yield _by("store_connections", what, "state", dict(found.connections))


class Left(Collector):
    """The figures of all processes of one server, each with the number of its process as the label ``worker``.

    Each leaves its own in a file, and reads those of all: also its own, so that no figure ever is smaller than the one
    that another process has told before.
    """

    def __init__(self, folder: Path, index: str, worker: int, own: CollectorRegistry) -> None:
        self._folder, self._worker, self._own = folder / f"index-{index}", worker, own

    def leave(self) -> None:
        """Leave those of this process. Raises OSError."""
        families = [
            (found.name, found.type, found.documentation, [(s.name, s.labels, s.value) for s in found.samples])
            for found in self._own.collect()
        ]
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"{self._worker}.json"
        temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
        temporary.write_text(json.dumps(families), "utf-8")
        replace_path(temporary, path)

    def collect(self) -> Iterable[Metric]:
        self.leave()
        all_of: dict[str, Metric] = {}
        for path in sorted(self._folder.glob("[0-9]*.json")):
            for name, kind, what, samples in json.loads(path.read_text("utf-8")):
                family = all_of.setdefault(name, Metric(name, what, kind))
                for sample, labels, value in samples:
                    family.add_sample(sample, {**labels, "worker": path.stem}, value)
        return all_of.values()

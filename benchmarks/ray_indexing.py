"""What a cluster costs: indexing by Ray on this machine's cores against one process on the same cores, in turn, into
PostgreSQL; and how much of the time each stage waits.

Seconds of a processor are those of all processes of either, without the database; "after the start" leaves out
connecting, starting workers and loading models. A stage waits when it neither reads, embeds nor stores.

    python benchmarks/ray_indexing.py [--images 5000] [--rounds 3] [--side 500] [--scratch DIR]
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

import database
from common import cores, dataset, photos, save

from imagefinder import ImageFinder
from imagefinder.types import Progress

TICKS = os.sysconf("SC_CLK_TCK")


class Processes(threading.Thread):
    """Adds up the seconds of a processor that this process and those below it take, but for the database."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.taken: dict[int, float] = {}
        self._end = threading.Event()

    def run(self) -> None:
        while not self._end.wait(0.5):
            self.look()

    def look(self) -> None:
        found: dict[int, tuple[int, float, str]] = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    name, _, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
                    fields = rest.split()
                except OSError:
                    continue
                found[int(folder.name)] = (int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS, name)
        below = {os.getpid()}
        while more := {id for id, (parent, _, name) in found.items() if parent in below and name != "postgres"} - below:
            below |= more
        for id in below & set(found):
            self.taken[id] = max(self.taken.get(id, 0.0), found[id][1])

    def end(self) -> None:
        self._end.set()
        self.look()

    def total(self) -> float:
        return sum(self.taken.values())


class Busy(logging.Handler):
    """Keeps what the run says of its stages."""

    stages: dict[str, list[float]]

    def emit(self, record: logging.LogRecord) -> None:
        self.stages = getattr(record, "busy", self.stages)


def run(server: database.Server, folder: Path, model: str, ray: str | None) -> dict[str, Any]:
    """One run into a new index."""
    watch, begun = Processes(), [0.0, 0.0]
    busy = Busy()
    busy.stages = {}
    logging.getLogger("imagefinder.ingest").addHandler(busy)
    watch.look()
    before = watch.total()
    watch.start()

    def show(progress: Progress) -> None:
        if progress.stage == "indexing" and progress.done and not begun[0]:
            watch.look()
            begun[:] = [time.perf_counter(), watch.total(), progress.done]
        if progress.stage == "indexing":
            last[:] = [time.perf_counter(), progress.done]

    last = [0.0, 0.0]
    with ImageFinder.open(server.address(), model=model) as finder:
        started = time.perf_counter()
        report = finder.add(folder, ray=ray, progress=show)
        seconds = time.perf_counter() - started
    watch.end()
    logging.getLogger("imagefinder.ingest").removeHandler(busy)
    after = last[1] - begun[2]
    result: dict[str, Any] = {
        "images": report.added,
        "seconds": round(seconds, 1),
        "seconds_before_the_first": round(begun[0] - started, 1),
        "images_per_second_after_the_start": round(after / max(1e-9, last[0] - begun[0]), 1),
        "cpu_seconds": round(watch.total() - before, 1),
        "cpu_seconds_an_image_after_the_start": round((watch.total() - begun[1]) / max(1, after), 5),
        "load": round(os.getloadavg()[0], 1),
    }
    pools = {"reading": cores(), "embedding": cores(), "storing": 1}
    for stage, (wall, cpu) in busy.stages.items():
        share = 1 - min(1.0, wall / (pools[stage] * (last[0] - begun[0])))
        result[stage] = {"seconds": round(wall, 1), "cpu_seconds": round(cpu, 1), "waits": round(share, 2)}
    return result


def middle(rows: list[dict[str, Any]], name: str) -> float:
    return statistics.median(float(row[name]) for row in rows)


def compare(one: list[dict[str, Any]], ray: list[dict[str, Any]]) -> dict[str, float]:
    """By how much a cluster takes more, from the medians: 0.15 is 15 %."""
    ratio: Callable[[str], float] = lambda name: middle(ray, name) / middle(one, name)  # noqa: E731
    return {
        "seconds": round(ratio("seconds") - 1, 3),
        "seconds_after_the_start": round(1 / ratio("images_per_second_after_the_start") - 1, 3),
        "cpu_seconds": round(ratio("cpu_seconds") - 1, 3),
        "cpu_seconds_an_image_after_the_start": round(ratio("cpu_seconds_an_image_after_the_start") - 1, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=500)
    parser.add_argument("--set", default="tinyimagenet")
    parser.add_argument("--model", default="default")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-ray")
    options = parser.parse_args()
    logging.getLogger("imagefinder.ingest").setLevel(logging.INFO)
    source = dataset(options.set, options.scratch)
    folder = photos(source, options.scratch / f"{options.images}-{options.side}", options.images, options.side)
    one: list[dict[str, Any]] = []
    ray: list[dict[str, Any]] = []
    with database.running() as server:
        for _ in range(options.rounds):
            one.append(run(server, folder, options.model, None))
            ray.append(run(server, folder, options.model, "local"))
    save("ray_indexing", {"side": options.side, "one_process": one, "ray": ray, "overhead": compare(one, ray)})


if __name__ == "__main__":
    main()

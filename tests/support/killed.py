"""A process that kills itself at a moment named in advance, so that tests of crashes depend on no machine's speed.

    python killed.py JOB HOME STEP MICROSECONDS

works on ``HOME/index``, and dies so many microseconds after the step of that number (0: never). A step is a change of
the file system by Python, or the beginning or end of a call that writes to the store, whose own steps are hidden: the
microseconds are for these. Each line on stdout is something that the program has acknowledged; the last tells the
number of steps of the whole job.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "shutil.rmtree"}
STORE = (
    "start_over",
    "create_vector",
    "drop_vector",
    "upsert",
    "set_vectors",
    "set_payload",
    "merge_payload",
    "delete",
)


class Clock:
    """Counts the steps below ``home``, and kills this process after one of them."""

    def __init__(self, home: str, step: int, later_s: float) -> None:
        self.steps, self._home, self._step, self._later_s = 0, home, step, later_s
        self._lock = threading.Lock()

    def tick(self) -> None:
        with self._lock:
            self.steps += 1
            if self.steps != self._step:
                return
        if self._later_s:
            threading.Thread(target=self._kill, daemon=True).start()
        else:
            os.kill(os.getpid(), signal.SIGKILL)

    def _kill(self) -> None:
        time.sleep(self._later_s)
        os.kill(os.getpid(), signal.SIGKILL)

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in NAMES) and str(args[0]).startswith(self._home):
            self.tick()

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self.tick()
            result = call(*args, **options)
            self.tick()
            return result

        return counted


def say(*what: object) -> None:
    os.write(1, (json.dumps(what) + "\n").encode())


def index(path: Path) -> None:
    from imagefinder import ImageFinder

    with ImageFinder.open(path) as finder:
        finder.add(path.parent / "more", progress=lambda p: say("stored", p.stored))
        say("indexed", len(finder))


def tag(path: Path) -> None:
    from imagefinder import ImageFinder

    with ImageFinder.open(path) as finder:
        for n, record in enumerate(finder.records()):
            finder.tag([record.id], add=[f"new {n}"])
            say("tag", record.uri, f"new {n}")
            finder.update(record.id, caption=f"caption {n}")
            say("caption", record.uri, f"caption {n}")


def cluster(path: Path) -> None:
    from imagefinder import ImageFinder

    with ImageFinder.open(path) as finder:
        for n in (3, 2):
            finder.cluster(n)
            say("clustered", n)
            finder.clusters.rename(0, f"mine {n}")
            say("renamed", f"mine {n}")
            finder.clusters.move(finder.records()[n].id, 1)
            say("pinned", finder.records()[n].uri)


def train(path: Path) -> None:
    from imagefinder import ImageFinder

    with ImageFinder.open(path) as finder:
        for name in ("one", "two"):
            finder.train_classifier(by="folder", hidden=4, held_out=0, name=name)
            say("trained", name)


def duplicates(path: Path) -> None:
    from imagefinder import ImageFinder
    from imagefinder.duplicates.plan import make_plan

    with ImageFinder.open(path) as finder:
        plan = make_plan(finder.duplicates())
        finder.copies.apply(plan, progress=lambda p: say("moved", p.done))
        say("applied", plan.files)


def rebuild(path: Path) -> None:
    from imagefinder import ImageFinder

    say("rebuilt", ImageFinder.rebuild(path).total)


def copy(path: Path) -> None:
    from imagefinder import copy_index

    say("copied", copy_index(path, path.parent / "copy").images)


def restore(path: Path) -> None:
    from imagefinder import restore_index

    say("restored", restore_index(path.parent / "backup.tar", path, replace=True).images)


JOBS: dict[str, Callable[[Path], None]] = {
    job.__name__: job for job in (index, tag, cluster, train, duplicates, rebuild, copy, restore)
}


def main(job: str, home: str, step: str, microseconds: str) -> None:
    from imagefinder.store.edge.store import EdgeStore

    clock = Clock(home, int(step), int(microseconds) / 1e6)
    for name in STORE:
        setattr(EdgeStore, name, clock.around(getattr(EdgeStore, name)))
    sys.addaudithook(clock.audit)
    JOBS[job](Path(home) / "index")
    say("steps", clock.steps)


if __name__ == "__main__":
    main(*sys.argv[1:])

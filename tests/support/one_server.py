"""A server of an index at an address, as ``imagefinder serve`` is one, with one more kind of job for tests:

    COUNT_LOG=... SILENT_S=... python one_server.py ARGUMENTS OF SERVE

``count`` adds a line to the file COUNT_LOG for each number that it counts, and goes on after the last one of an earlier
try; at its number ``stop_at`` it waits until somebody tags an image ``go``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from imagefinder._util.ending import ending
from imagefinder.cli import main
from imagefinder.server.jobs import shared
from imagefinder.server.jobs.kinds import JOBS, JobKind, Task
from imagefinder.server.requests import Body


class CountOptions(Body):
    to: int
    stop_at: int = -1
    go: str = "go"


def count(task: Task, *, to: int, stop_at: int = -1, go: str = "go") -> dict[str, int]:
    log = Path(os.environ["COUNT_LOG"])
    lines = log.read_text().split("\n")[:-1] if log.exists() else []
    begin = len([line for line in lines if line.startswith(f"{task.job.id} ")])
    for n in range(begin, to):
        task.step("counting", n, to)
        while n == stop_at and not task.finder.list(f"tags = {go}", k=1)[1]:
            ending().sleep(0.05)
            task.step("waiting", n, to)
        with log.open("a") as file:
            file.write(f"{task.job.id} {n} {os.getpid()}\n")
    return {"counted": to, "begun_at": begin}


JOBS["count"] = JobKind("Counting", CountOptions, count)  # also in the processes of --workers
shared.SILENT_S = float(os.environ["SILENT_S"])

if __name__ == "__main__":
    sys.argv[1:] = ["serve", *sys.argv[1:]]
    main()

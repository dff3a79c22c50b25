"""How much of the processors a container or a service may use, by the limits of its control groups (Linux)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

OWN, MOUNTED = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


@cache
def quota(own: Path = OWN, mounted: Path = MOUNTED) -> int | None:
    """The smallest limit of the groups that this process is in and of those above them, in whole cores, rounded up;
    None where there is none. A container that sees just its own group finds it at the root. Both versions of control
    groups are read (Linux, ``Documentation/admin-guide/cgroup-v2.rst`` and ``Documentation/scheduler/sched-bwc.rst``).
    """
    found = [share for folder in _groups(own, mounted) if (share := _share(folder)) is not None]
    return max(1, math.ceil(min(found))) if found else None


def _groups(own: Path, mounted: Path) -> Iterator[Path]:
    for line in _read(own).splitlines():
        _, kinds, group = (line.split(":", 2) + ["", ""])[:3]
        if kinds and "cpu" not in kinds.split(","):
            continue
        places = [mounted, mounted / "unified"] if not kinds else [mounted / kinds, mounted / "cpu"]
        parts = [part for part in group.split("/") if part and part != ".."]
        for place in places:
            yield from (place.joinpath(*parts[:n]) for n in range(len(parts) + 1))


def _share(folder: Path) -> float | None:
    """The processors that a group may use, such as 1.5; None without a limit."""
    limit, period = (_read(folder / "cpu.max").split() + ["", ""])[:2]
    if not limit:
        limit, period = _read(folder / "cpu.cfs_quota_us").strip(), _read(folder / "cpu.cfs_period_us").strip()
    if not (limit.isdecimal() and period.isdecimal() and int(period)):  # "max", or -1
        return None
    return int(limit) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""

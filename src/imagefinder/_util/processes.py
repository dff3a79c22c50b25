"""What the system says of other processes."""

from __future__ import annotations

import os
from pathlib import Path


def is_stopped(pid: object) -> bool:
    """Whether a process of this machine is stopped, as by Ctrl-Z or a debugger; False where the system doesn't say."""
    try:
        state = _state(int(str(pid)))
    except (OSError, ValueError, IndexError):
        return False
    return state[:1] in ("T", "t")


def is_alive(pid: int) -> bool:
    """Whether a process of this user runs on this machine; True where the system doesn't say."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return pid > 0


def _state(pid: int) -> str:
    if os.path.isdir("/proc/self"):  # Linux
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    if os.name == "posix":
        with os.popen(f"ps -o stat= -p {pid}") as told:
            return told.read().strip()
    return ""

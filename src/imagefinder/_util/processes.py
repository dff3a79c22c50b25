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


def _state(pid: int) -> str:
    if os.path.isdir("/proc/self"):  # Linux
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    if os.name == "posix":
        with os.popen(f"ps -o stat= -p {pid}") as told:
            return told.read().strip()
    return ""

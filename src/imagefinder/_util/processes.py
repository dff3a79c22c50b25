"""What the system says of other processes."""

from __future__ import annotations

from pathlib import Path


def is_stopped(pid: object) -> bool | None:
    """Whether a process of this machine is stopped, as by Ctrl-Z or a debugger; None where the system doesn't say."""
    try:
        state = Path(f"/proc/{int(str(pid))}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    except (OSError, ValueError, IndexError):
        return None
    return state in ("T", "t")

"""What the system says of other processes."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_QUERY, _STILL_ACTIVE = 0x1000, 259  # PROCESS_QUERY_LIMITED_INFORMATION, and the exit code of what has none yet


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
        return _is_alive_on_windows(pid)
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        return False
    return pid > 0


def _is_alive_on_windows(pid: int) -> bool:
    """A process that is there and may not be looked at is another user's. ``os.kill`` would end it."""
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined, unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(_QUERY, False, pid)
    if not handle:
        return False
    code = ctypes.c_ulong()
    known = kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(code))
    kernel.CloseHandle(ctypes.c_void_p(handle))
    return not known or code.value == _STILL_ACTIVE


def _state(pid: int) -> str:
    if os.path.isdir("/proc/self"):  # Linux
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    if os.name == "posix":
        with os.popen(f"ps -o stat= -p {pid}") as told:
            return told.read().strip()
    return ""

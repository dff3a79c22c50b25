"""Shows a file in the file manager of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from imagefinder.errors import NotFoundError, StorageError

WAIT_S = 5.0
_DBUS = (
    ["dbus-send", "--session", "--print-reply", "--dest=org.freedesktop.FileManager1", "/org/freedesktop/FileManager1"]
    + ["org.freedesktop.FileManager1.ShowItems"]
)  # fmt: skip


def has_desktop() -> bool:
    """Whether somebody at this machine would see it."""
    if sys.platform in ("darwin", "win32"):
        return True
    shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(shown) and shutil.which("xdg-open") is not None


def reveal(path: str) -> None:
    """Open the folder of a file, with the file selected where the file manager can do that. Raises NotFoundError and
    StorageError."""
    file = Path(path)
    if not file.is_file():
        raise NotFoundError(f"{path} is not there any more.", remedy="Rescan its folder.")
    if sys.platform == "win32":
        subprocess.Popen(["explorer", f"/select,{file}"])
    elif sys.platform == "darwin":
        _ran(["open", "-R", str(file)])
    elif not (shutil.which("dbus-send") and _ran([*_DBUS, f"array:string:{file.as_uri()}", "string:"], may_fail=True)):
        _ran(["xdg-open", str(file.parent)])


def _ran(command: list[str], *, may_fail: bool = False) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, timeout=WAIT_S, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        done = False
    if not done and not may_fail:
        raise StorageError(f"No file manager could be opened: {command[0]} failed.", remedy="Open the folder by hand.")
    return done

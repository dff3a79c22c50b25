"""Programs as a container runs them, without a container: as the first process of its own, as a user who is not root,
without any capability, with nothing that can be written but ``/tmp`` and a folder."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

USER = 10001
CAREFUL = f"setpriv --reuid={USER} --regid={USER} --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs"


def can_jail() -> bool:
    """Whether this machine lets us: root in a virtual machine may, in many containers not even root."""
    if sys.platform != "linux" or os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv"))):
        return False
    tried = "mount -t tmpfs tmpfs /mnt && mount -o remount,bind,ro / && " + CAREFUL + " true"
    command = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", tried]
    return Path("/dev/shm").is_dir() and subprocess.run(command, capture_output=True).returncode == 0


class Jail:
    """``program`` is a folder that can be read, ``data`` one that can be written; both lie in ``/dev/shm``."""

    def __init__(self, program: Path, data: Path, env: dict[str, str]) -> None:
        self.env = env
        shutil.chown(data, USER, USER)
        self._before = "\n".join(
            [
                "set -e",
                "mount --make-rprivate /",
                *_opened(Path(sys.base_prefix), program.parent / "python"),
                *(f"mount --bind {shlex.quote(str(place))} {shlex.quote(str(place))}" for place in (program, data)),
                f"mount -o remount,bind,ro {shlex.quote(str(program))}",
                "mount -t tmpfs -o mode=1777 tmpfs /tmp",
                "mount -o remount,bind,ro /",
                f"cd {shlex.quote(str(data))}",
                f'exec {CAREFUL} "$@"',
            ]
        )

    def start(self, *words: object, **env: str) -> subprocess.Popen[str]:
        jail = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", self._before, "sh"]
        return subprocess.Popen(
            [*jail, *map(str, words)],
            env=self.env | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: object, **env: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*words, **env)
        try:
            said, _ = process.communicate(timeout=200)
        finally:
            process.kill()
        return subprocess.CompletedProcess(list(words), process.returncode, said, "")


def first_of(process: subprocess.Popen[str]) -> int:
    """The number that the first process of a jail has outside."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    end = time.monotonic() + 60
    while not (found := children.read_text().split()):
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
    return int(found[0])


def _opened(python: Path, beside: Path) -> list[str]:
    """What opens a Python that lies below a folder of root's own, for the jail alone."""
    closed = [folder for folder in python.parents if not folder.stat().st_mode & 0o001]
    if not closed:
        return []
    beside.mkdir(exist_ok=True)
    first, last, aside = (shlex.quote(str(place)) for place in (closed[-1], python, beside))
    return [
        f"mount --bind {last} {aside}",
        f"mount -t tmpfs -o mode=0755 tmpfs {first}",
        f"mkdir -p {last}",
        f"mount --bind {aside} {last}",
    ]


def needs_jail() -> None:
    if not can_jail():
        pytest.skip("only root may make namespaces, and only where the machine lets it")

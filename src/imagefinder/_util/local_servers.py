"""The servers that run on this account, and their keys: each writes down where it listens, for the other programs of
its user. The files are for this user only (mode 0600, in a folder of mode 0700); on Windows the profile's folder is.

A server is known by its exact address: a key for 127.0.0.1:8642 is never given to what listens at 127.0.0.2:8642, which
may be somebody else's.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from imagefinder._util.hosts import is_loopback
from imagefinder._util.processes import is_alive
from imagefinder._util.systems import replace_path

OURS_ONLY = 0o077  # the bits of a mode that let others in


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A server of this user on this machine. ``key`` is the one it made for itself; None where it needs none, or where
    it was given one (``given``), which is not written down."""

    url: str
    key: str | None = field(default=None, repr=False)
    given: bool = False
    pid: int = 0

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 80


def servers_folder() -> Path:
    from platformdirs import user_state_path

    return user_state_path("imagefinder", appauthor=False) / "servers"


@contextmanager
def written_down(server: LocalServer) -> Iterator[Path]:
    """Tell the other programs of this user of a server, as long as the block lasts. The file beside the given one, with
    the ending .html, is the server's own to use, and removed in the end too. Raises OSError where this can't be kept
    from other users."""
    folder = servers_folder()
    _private(folder)
    running()  # removes what killed ones left
    path = folder / _name(server.url)
    write_privately(path, json.dumps(asdict(server)))
    try:
        yield path
    finally:
        with suppress(OSError):
            if (now := _read(path)) is None or now.pid == server.pid:  # else another one has followed us at once
                _remove(path)


def write_privately(path: Path, text: str) -> None:
    """A file that nobody else can open at any moment, whole or not at all. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        replace_path(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def running() -> list[LocalServer]:
    """The servers of this user that run on this machine, by their ports. Files of those that have ended are removed."""
    found = []
    with suppress(OSError):
        for path in sorted(servers_folder().glob(f"{_machine()}-*.json")):
            server = _read(path)
            if server is not None and is_alive(server.pid):
                found.append(server)
            elif server is not None:
                with suppress(OSError):
                    _remove(path)
    return sorted(found, key=lambda one: one.port)


def server_at(url: str) -> LocalServer | None:
    """The server of this user that listens at this very address. ``localhost`` is the address of ours, as another one
    may be somebody else's."""
    wanted = _address(url)
    if wanted is None or not is_loopback(wanted[1]):
        return next((one for one in running() if _address(one.url) == wanted), None) if wanted else None
    scheme, host, port = wanted
    for one in running():
        at = _address(one.url)
        if at is not None and (
            at == wanted or (host == "localhost" and at[::2] == (scheme, port) and is_loopback(at[1]))
        ):
            return one
    return None


def _private(folder: Path) -> None:
    """Make the folder, for this user only. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or not _is_mine(found):
        raise PermissionError(f"{folder} is no folder of this user")
    if os.name == "posix" and found.st_mode & OURS_ONLY:
        folder.chmod(0o700)


def _read(path: Path) -> LocalServer | None:
    """What a file says; None for one that others could have written or read, or that says nothing."""
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or not _is_mine(found) or (os.name == "posix" and found.st_mode & OURS_ONLY):
            return None
        facts = json.loads(path.read_text("utf-8"))
        server = LocalServer(**facts)
        right = isinstance(server.url, str) and isinstance(server.pid, int) and isinstance(server.key, str | None)
        return server if right and _address(server.url) else None
    except (OSError, ValueError, TypeError):
        return None


def _is_mine(found: os.stat_result) -> bool:
    return os.name != "posix" or found.st_uid == os.getuid()


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_suffix(".html").unlink(missing_ok=True)


def _name(url: str) -> str:
    """One for each address; a home folder may be that of several machines."""
    return f"{_machine()}-{hashlib.blake2b(repr(_address(url)).encode(), digest_size=8).hexdigest()}.json"


def _machine() -> str:
    return hashlib.blake2b(socket.gethostname().encode(), digest_size=4).hexdigest()


def _address(url: str) -> tuple[str, str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        return parts.scheme, (parts.hostname or "").rstrip("."), port
    except (ValueError, KeyError):
        return None

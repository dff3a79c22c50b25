"""What Windows does differently, played on Linux: for tests of code that no test can run there."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

OWN_LOCKS = (".lock", ".lock.next", "alive")  # filelock closes these before it removes them there
ONE_PATH = ("unlink", "remove", "rmdir")
TWO_PATHS = ("rename", "replace")


def open_paths() -> set[str]:
    """The files that this process has open or mapped now, by their real paths."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        found |= {line.rstrip("\n").split(maxsplit=5)[5] for line in maps if "/" in line}
    return {path for path in found if path.startswith("/")}


@contextmanager
def locked_while_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Removing or renaming a file that this process has open, or a folder that holds one, fails as on Windows; what was
    tried is in the list that this gives."""
    tried: list[str] = []

    def check(what: str, place: Any, folder: int | None) -> None:
        if folder is not None:  # the name is one in an open folder
            place = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), place)
        real = os.path.realpath(os.path.dirname(os.fspath(place)))
        path = os.path.join(real, os.path.basename(os.fspath(place)))
        held = [p for p in open_paths() if p == path or p.startswith(path + "/")]
        held = [p for p in held if os.path.basename(p) not in OWN_LOCKS and os.path.isfile(p)]
        if held:
            tried.append(f"{what} {path}, while {held[0]} is open")
            raise PermissionError(errno.EACCES, "The file is used by another process", str(place))

    def guarded(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def one(path: Any, *more: Any, **options: Any) -> Any:
            check(name, path, options.get("dir_fd"))
            return real(path, *more, **options)

        def two(source: Any, target: Any, *more: Any, **options: Any) -> Any:
            check(name, source, options.get("src_dir_fd"))
            check(name, target, options.get("dst_dir_fd"))
            return real(source, target, *more, **options)

        return two if name in TWO_PATHS else one

    with monkeypatch.context() as patch:
        for name in (*ONE_PATH, *TWO_PATHS):
            patch.setattr(os, name, guarded(name, getattr(os, name)))
        yield tried

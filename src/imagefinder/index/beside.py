"""Documents that are changed also while another process holds the index: its keys, and its log of removals.

Lines are only ever added. In a folder a lock of its own keeps two processes from adding at the same moment; at an
address the store does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from imagefinder._util.places import Place
from imagefinder.errors import StorageError

T = TypeVar("T")
LOCK = ".lock.beside"
WAIT_S = 10.0  # for another process to have added its line


def changing(home: Place, change: Callable[[], T]) -> T:
    """What ``change`` gives, called while no other process changes such a document in the folder ``home``. Raises
    StorageError."""
    if not isinstance(home, Path):
        return change()
    from filelock import FileLock, Timeout

    try:
        with FileLock(home / LOCK, is_singleton=False).acquire(timeout=WAIT_S):
            return change()
    except Timeout:
        raise StorageError(f"{home / LOCK} is held by another process.", remedy="Try again in a moment.") from None
    except (OSError, NotImplementedError) as error:
        raise StorageError(f"{home} can't be written: {error}.", remedy="Allow writing there, or make room.") from error

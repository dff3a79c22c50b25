"""Keeps a process that runs for days small, where the C library is glibc, and quick.

Each thread of glibc's malloc takes memory from one of up to eight arenas a core, and an arena gives little of it back.
Nor is a large block given back once one as large was freed before: unless told otherwise, glibc then makes the next of
an arena, where small blocks keep it.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import sys
from typing import Any

ARENAS = 2
LARGE = 4 * 1024**2  # bytes of a block that is the system's own, and goes back to it at once
_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3  # of malloc.h


def stay_small() -> None:
    """All threads share ``ARENAS`` arenas from now on, for blocks that are not ``LARGE``: to be called before there are
    many."""
    if libc := _glibc():
        libc.mallopt(_M_ARENA_MAX, ARENAS)
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE)


def give_back() -> None:
    """Give the system what is free within the arenas; takes some milliseconds."""
    if libc := _glibc():
        libc.malloc_trim(0)


def settle() -> None:
    """What is there now stays: it is not looked at again whenever garbage is collected, which stops all threads, of a
    large index for a tenth of a second. To be called once, when a process has loaded what it needs."""
    gc.collect()
    gc.freeze()


@functools.cache
def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None

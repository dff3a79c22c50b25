"""Keeps a process that runs for days small, where the C library is glibc; elsewhere these do nothing.

Each thread of glibc's malloc takes memory from one of up to eight arenas a core, and an arena gives little of it back.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from typing import Any

ARENAS = 2
_M_ARENA_MAX = -8  # of malloc.h


def use_few_arenas() -> None:
    """All threads share ``ARENAS`` arenas from now on: to be called before there are many."""
    if libc := _glibc():
        libc.mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Give the system what is free within the arenas; takes some milliseconds."""
    if libc := _glibc():
        libc.malloc_trim(0)


@functools.cache
def _glibc() -> Any:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None

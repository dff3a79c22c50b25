"""The memory that pictures are decoded into, kept for the next ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

KEPT = 8  # blocks of up to 16 MB: https://pillow.readthedocs.io/en/stable/reference/block_allocator.html

_lock = threading.Lock()
_users = 0
_usual = 0


@contextmanager
def kept_blocks() -> Iterator[None]:
    """Meanwhile Pillow keeps up to ``KEPT`` blocks of memory that pictures have given back, in the whole process, until
    the last who asked for it has ended. Memory that comes from the system each time has to be cleared by it page by
    page, which is a sixth of decoding a photo of 500 pixels."""
    global _users, _usual
    from PIL import Image

    core: Any = Image.core  # type: ignore[attr-defined]

    with _lock:
        _users += 1
        if _users == 1:
            _usual = core.get_blocks_max()
            core.set_blocks_max(max(KEPT, _usual))
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                core.set_blocks_max(_usual)

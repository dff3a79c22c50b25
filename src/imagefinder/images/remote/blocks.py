"""A file on another machine as one that can be read anywhere: in blocks, the next ones fetched ahead while a reader
goes through it, and never more than a few of them in memory."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

BLOCK = 4 * 1024**2  # bytes of a request
AHEAD = 4  # blocks fetched while one is read
KEPT = 8  # blocks in memory at most, those on their way included


class Blocks(io.RawIOBase):
    """``part`` gives the bytes from a place up to another. Only for one thread; ``close`` it."""

    def __init__(self, part: Callable[[int, int], bytes], size: int, block: int = BLOCK) -> None:
        super().__init__()
        self._part, self._size, self._block = part, size, block
        self._at = 0
        self._last = -2  # the block that was read last
        self._held: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._pool = ThreadPoolExecutor(AHEAD + 1)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        """As many bytes as the block has from here on."""
        view = memoryview(buffer).cast("B")
        if self._at >= self._size or not view:
            return 0
        number, start = divmod(self._at, self._block)
        piece = self._get(number)[start : start + len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _get(self, number: int) -> bytes:
        wanted = [number]
        if number == self._last + 1:  # whoever goes on reads further
            wanted += range(number + 1, min(number + 1 + AHEAD, -(-self._size // self._block)))
        for one in wanted:
            if one not in self._held:
                start = one * self._block
                end = min(start + self._block, self._size)
                self._held[one] = self._pool.submit(copy_context().run, self._part, start, end)
        for old in [one for one in self._held if one not in wanted][: max(0, len(self._held) - KEPT)]:
            self._held.pop(old).cancel()
        self._last = number
        try:
            return self._held[number].result()
        except BaseException:
            self._held.pop(number, None)
            raise

    def close(self) -> None:
        if not self.closed:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._held.clear()
        super().close()

"""Links that open the page once. The token stands behind the # of the address, which browsers send to no server; what
stays of it in a history, a log or the list of processes is worth nothing once it was used."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from imagefinder.errors import ImageFinderError

if TYPE_CHECKING:
    from imagefinder.index.board import Board

LINK_S = 600  # seconds for which an unused link is good
MOST = 100  # unused ones; of more the oldest are forgotten
Change = Callable[[dict[str, float], float], None]


class Links:
    """The tokens that were not used yet: of this server, or of all that meet at the ``board`` of an index, where it can
    be written. Safe to use from several threads."""

    def __init__(self, board: Board | None = None) -> None:
        self._own: dict[str, float] = {}  # when each ends, by its digest, so that looking it up tells nothing of it
        self._lock = threading.Lock()
        self._board = board

    def make(self) -> str:
        """A new token."""
        token = secrets.token_urlsafe(24)

        def add(ends: dict[str, float], now: float) -> None:
            ends[_digest(token)] = now + LINK_S
            for old in [one for one, end in ends.items() if end <= now] + [*ends][:-MOST]:
                ends.pop(old, None)

        try:
            self._change(add)
        except ImageFinderError:  # a database that this server may only read
            self._change_own(add)
        return token

    def use(self, token: str) -> bool:
        """Whether this token was good, which it is no more."""
        good: list[bool] = []

        def take(ends: dict[str, float], now: float) -> None:
            good[:] = [ends.pop(_digest(token), 0.0) > now]

        self._change_own(take)
        if not good[0]:
            with suppress(ImageFinderError):
                self._change(take)
        return good[0]

    def _change(self, change: Change) -> None:
        if self._board is None:
            self._change_own(change)
        else:
            self._board.update(lambda board: change(board["links"], time.time()))

    def _change_own(self, change: Change) -> None:
        with self._lock:
            change(self._own, time.monotonic())


def _digest(token: str) -> str:
    return hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=32).hexdigest()

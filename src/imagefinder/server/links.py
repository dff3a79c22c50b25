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
    be written. Safe to use from several threads. Of a token its digest is kept, so that looking it up tells nothing of
    it, and what it gives in a form that only the token makes readable."""

    def __init__(self, board: Board | None = None) -> None:
        self._own: dict[str, float] = {}  # when each ends, by the digest, a colon, and what it gives
        self._lock = threading.Lock()
        self._board = board

    def make(self, cookie: str) -> str:
        """A new token, which gives this value for a page's cookie: that of whoever makes the link."""
        token = secrets.token_urlsafe(24)

        def add(ends: dict[str, float], now: float) -> None:
            ends[f"{_digest(token)}:{_masked(token, cookie.encode()).hex()}"] = now + LINK_S
            for old in [one for one, end in ends.items() if end <= now] + [*ends][:-MOST]:
                ends.pop(old, None)

        try:
            self._change(add)
        except ImageFinderError:  # a database that this server may only read
            self._change_own(add)
        return token

    def use(self, token: str) -> str | None:
        """What this token gives, which is good no more; None where it was not."""
        found: list[str] = []

        def take(ends: dict[str, float], now: float) -> None:
            found[:] = [name for name in ends if name.startswith(f"{_digest(token)}:")]
            found[:] = [name for name in found if ends.pop(name) > now]

        self._change_own(take)
        if not found:
            with suppress(ImageFinderError):
                self._change(take)
        return _masked(token, bytes.fromhex(found[0].partition(":")[2])).decode() if found else None

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


def _masked(token: str, text: bytes) -> bytes:
    """Twice masked is the text itself."""
    mask = hashlib.shake_256(b"cookie of a link" + token.encode("utf-8", "replace")).digest(len(text))
    return bytes(a ^ b for a, b in zip(text, mask, strict=True))

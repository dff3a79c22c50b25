"""Links that open the page once. The token stands behind the # of the address, which browsers send to no server; what
stays of it in a history, a log or the list of processes is worth nothing once it was used."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time

LINK_S = 600  # seconds for which an unused link is good
MOST = 100  # unused ones; of more the oldest are forgotten


class Links:
    """The tokens of a server that were not used yet. Safe to use from several threads."""

    def __init__(self) -> None:
        self._ends: dict[bytes, float] = {}  # by the digest of the token, so that looking it up tells nothing of it
        self._lock = threading.Lock()

    def make(self) -> str:
        """A new token."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._ends[_digest(token)] = time.monotonic() + LINK_S
            while len(self._ends) > MOST:
                del self._ends[next(iter(self._ends))]
        return token

    def use(self, token: str) -> bool:
        """Whether this token was good, which it is no more."""
        with self._lock:
            return self._ends.pop(_digest(token), 0.0) > time.monotonic()


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode("utf-8", "replace")).digest()

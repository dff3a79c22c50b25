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
        # By the digest of the token, so that looking it up tells nothing of it.
        self._known: dict[bytes, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def make(self, cookie: str) -> str:
        """A new token, which gives this value for a page's cookie: that of whoever makes the link."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._known[_digest(token)] = time.monotonic() + LINK_S, cookie
            while len(self._known) > MOST:
                del self._known[next(iter(self._known))]
        return token

    def use(self, token: str) -> str | None:
        """What this token gives, which is good no more; None where it was not."""
        with self._lock:
            end, cookie = self._known.pop(_digest(token), (0.0, ""))
        return cookie if end > time.monotonic() else None


def _digest(token: str) -> bytes:
    return hashlib.blake2b(token.encode("utf-8", "replace")).digest()

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
    """The tokens of a server that were not used yet. Safe to use from several threads. Of a token its digest is kept,
    so that looking it up tells nothing of it, and what it gives in a form that only the token makes readable."""

    def __init__(self) -> None:
        self._ends: dict[str, float] = {}  # by the digest, a colon, and what it gives
        self._lock = threading.Lock()

    def make(self, cookie: str) -> str:
        """A new token, which gives this value for a page's cookie: that of whoever makes the link."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._ends[f"{_digest(token)}:{_masked(token, cookie.encode()).hex()}"] = time.monotonic() + LINK_S
            while len(self._ends) > MOST:
                del self._ends[next(iter(self._ends))]
        return token

    def use(self, token: str) -> str | None:
        """What this token gives, which is good no more; None where it was not."""
        with self._lock:
            found = next((name for name in self._ends if name.startswith(f"{_digest(token)}:")), "")
            good = self._ends.pop(found, 0.0) > time.monotonic()
        return _masked(token, bytes.fromhex(found.partition(":")[2])).decode() if good else None


def _digest(token: str) -> str:
    return hashlib.blake2b(token.encode("utf-8", "replace"), digest_size=32).hexdigest()


def _masked(token: str, text: bytes) -> bytes:
    """Twice masked is the text itself."""
    mask = hashlib.shake_256(b"cookie of a link" + token.encode("utf-8", "replace")).digest(len(text))
    return bytes(a ^ b for a, b in zip(text, mask, strict=True))

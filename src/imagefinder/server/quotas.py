"""What a key or a user may use up: requests a minute, and bytes that are added in a day. Each server counts for itself,
from its start."""

from __future__ import annotations

import math
from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING

from imagefinder.server.errors import RefusedError

if TYPE_CHECKING:
    from starlette.types import Message, Receive

    from imagefinder.server.callers import Caller
    from imagefinder.server.settings import ServerSettings

MINUTE, DAY = 60.0, 86_400.0
REMEMBERED = 10_000  # callers, of each count; of more the one that was away longest is forgotten


class Quotas:
    """Of each caller, a level that fills up evenly in a minute, and one that does in a day: so nobody waits for the
    turn of a day, and nobody has twice as much around it."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._requests = _Levels(MINUTE)
        self._bytes = _Levels(DAY)

    def request(self, caller: Caller) -> None:
        """Count one request. Raises RefusedError."""
        if most := caller.requests_per_minute or self._most(caller, self._settings.requests_per_minute):
            wait = self._requests.take(caller.id, most, 1)
            if wait:
                raise _refused(f"{caller.name} makes more than {most:,} requests a minute.", wait)

    def upload(self, caller: Caller, size: int, *, taken: bool = True) -> None:
        """Count bytes that are added, or with ``taken=False`` only look whether there is room for them. Raises
        RefusedError."""
        if most := caller.upload_bytes_per_day or self._most(caller, self._settings.upload_bytes_per_day):
            wait = self._bytes.take(caller.id, most, size, taken=taken)
            if wait:
                raise _refused(f"{caller.name} adds more than {most:,} bytes a day.", wait)

    def counting(self, receive: Receive, caller: Caller) -> Receive:
        """``receive`` of a request that adds what it holds."""

        async def counted() -> Message:
            message = await receive()
            self.upload(caller, len(message.get("body", b"")))
            return message

        return counted

    @staticmethod
    def _most(caller: Caller, most: int | None) -> int | None:
        """The server's own key is its owner's, whom nothing bounds."""
        return most if caller.kind in ("key", "user") else None


class _Levels:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str, most: int, size: int, *, taken: bool = True) -> float:
        """Seconds until there is room for so much; 0 where there is, and then it is taken. What is more than all of it
        fits never, and is told to come back when all of it is there."""
        now = monotonic()
        level, then = self._levels.pop(who, (float(most), now))
        level = min(float(most), level + (now - then) * most / self._seconds)
        fits = level >= size
        self._levels[who] = (level - size if fits and taken else level, now)
        if len(self._levels) > REMEMBERED:
            self._levels.popitem(last=False)
        return 0.0 if fits else (min(size, most) - level) * self._seconds / most


def _refused(message: str, wait: float) -> RefusedError:
    seconds = max(1, math.ceil(wait))
    return RefusedError(
        429,
        message,
        remedy=f"Come back in {seconds:,} seconds.",
        headers={"retry-after": str(seconds)},
    )

"""The end of a piece of work: a moment, or as soon as nobody waits for it any more.

Who asks for the work does it ``within`` an ``Ending``; what takes long, anywhere below, looks at the ending between two
of its steps. Where there is none, work goes on to its own end. Threads started by ``ordered_map`` have the ending of
the thread that started them.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class EndedError(Exception):
    """The work was stopped, because nobody waits for it any more."""


class Ending:
    """When a piece of work ends: ``seconds`` from now, or at ``stop``. Safe to use from several threads. That of a part
    is at the end of ``whole`` at the latest, and both are stopped together."""

    def __init__(self, seconds: float, whole: Ending | None = None) -> None:
        at = time.monotonic() + seconds
        self._at: float = min(at, whole._at) if whole else at
        self._stopped: threading.Event = whole._stopped if whole else threading.Event()

    def stop(self) -> None:
        """What is being done stops at its next step."""
        self._stopped.set()

    def set(self, seconds: float) -> None:
        """Put the end off, or forward, to ``seconds`` from now."""
        self._at = time.monotonic() + seconds

    def seconds_left(self) -> float:
        return self._at - time.monotonic()

    def go_on(self) -> None:
        """Raises EndedError once the work was stopped."""
        if self._stopped.is_set():
            raise EndedError("Nobody waits for it any more.")

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until the work is stopped: then it raises EndedError."""
        self._stopped.wait(seconds)
        self.go_on()


_NEVER = Ending(math.inf)
_current: ContextVar[Ending | None] = ContextVar("ending", default=None)


def ending() -> Ending:
    """That of the work this thread is doing; one that never comes where nobody has set one."""
    return _current.get() or _NEVER


@contextmanager
def within(end: Ending) -> Iterator[Ending]:
    """What is done in this block, here and in the threads it starts, ends with ``end``."""
    token = _current.set(end)
    try:
        yield end
    finally:
        _current.reset(token)

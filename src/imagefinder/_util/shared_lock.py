"""A lock that many may share, or one hold alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedLock:
    """Any number of threads inside ``shared``, or one inside ``exclusive``. Who wants it exclusively goes before
    those who come later, so that a stream of readers never keeps it out. A thread enters once: never one within the
    other, nor either twice.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._writers = 0  # waiting ones and the one inside
        self._inside = False

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._writers)
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._changed:
            self._writers += 1
            try:
                self._changed.wait_for(lambda: not self._readers and not self._inside)
            except BaseException:
                self._writers -= 1
                self._changed.notify_all()
                raise
            self._inside = True
        try:
            yield
        finally:
            with self._changed:
                self._writers -= 1
                self._inside = False
                self._changed.notify_all()

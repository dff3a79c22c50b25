"""Who holds an index answers the reading calls of other processes, in threads that never keep it from ending."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from imagefinder.errors import ImageFinderError

if TYPE_CHECKING:
    from imagefinder.store.base import Store
    from imagefinder.store.shared.line import Line

TAKE_S = 10.0  # for a reader to take its answer
FINISH_S = 5.0  # for the answers in work when the holder ends


class Answering:
    """Listens from the start, so that who asks early waits instead of failing, and answers from ``begin`` on.

    ``further`` are calls beside those that read the store: functions without arguments. They may close this object.
    """

    def __init__(self) -> None:
        from imagefinder.store.shared.line import address_of, listen

        self._listener = listen()
        self._secret = os.urandom(32)
        self.door: dict[str, Any] = {"address": address_of(self._listener), "secret": self._secret.hex()}
        self._changed = threading.Condition()
        self._in_work = 0
        self._closed = False
        self._lines: set[Line] = set()

    def begin(self, store: Callable[[], Store], further: Mapping[str, Callable[[], Any]]) -> None:
        self._store, self._further = store, further
        threading.Thread(target=self._accept, name="imagefinder-answers", daemon=True).start()

    def close(self) -> None:
        """Take no further call, finish those in work, and cut the lines. Safe to call twice."""
        with self._changed:
            self._closed = True
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes ``accept``
            self._listener.close()
            self._changed.wait_for(lambda: not self._in_work, FINISH_S)
            lines, self._lines = self._lines, set()
        for line in lines:
            line.close()

    def _accept(self) -> None:
        while True:
            try:
                visitor, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._welcome, args=(visitor,), name="imagefinder-answer", daemon=True).start()

    def _welcome(self, visitor: socket.socket) -> None:
        from imagefinder.store.shared.line import HolderGoneError, accept

        line = None
        try:
            line = accept(visitor, self._secret, TAKE_S)
            with self._changed:
                if self._closed:
                    return
                self._lines.add(line)
            while self._one(line):
                pass
        except (HolderGoneError, TimeoutError, OSError):
            pass  # it has left, or never was one of ours
        finally:
            with self._changed:
                self._lines.discard(line)
            (line or visitor).close()

    def _one(self, line: Line) -> bool:
        """Answer one call; False when there is to be no further one."""
        from imagefinder.store.shared.calls import READS

        asked, arrays = line.receive(wait=True)
        if asked["call"] in self._further:  # not counted as in work: it may be what ends this
            said = _outcome(lambda: (self._further[asked["call"]](), ()))
            line.send(*said)
            return True
        with self._changed:
            if self._closed:
                return False
            self._in_work += 1
        try:
            said = _outcome(lambda: READS[asked["call"]](self._store(), asked, arrays))
            if self._closed and "error" in said[0]:
                return False  # closed under its hands: the next holder answers
            line.send(*said)
        finally:
            with self._changed:
                self._in_work -= 1
                self._changed.notify_all()
        return not self._closed


def _outcome(call: Callable[[], tuple[Any, Any]]) -> tuple[dict[str, Any], Any]:
    """The answer, or the error, as a message."""
    try:
        result, arrays = call()
    except ImageFinderError as error:
        return {"error": [type(error).__name__, error.message, error.remedy]}, ()
    except Exception as error:
        return {"error": ["ImageFinderError", f"The process that holds the index failed: {error!r}", ""]}, ()
    return {"result": result}, arrays

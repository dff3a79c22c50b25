"""Locks that all processes of an index know, in its catalogue.

A lock names its holder, who says again and again that it is alive, by another *beat*. Whoever waits takes it once it is
free, or once its beat has not changed for ``LOCK_S`` seconds of the waiting process's own clock: no two clocks are
compared. A holder who could not beat for that long counts its lock as lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from imagefinder.errors import ImageFinderError, StorageError
from imagefinder.store.qdrant.server import CATALOGUE, Server

LOCK_S = 30.0
BEAT_S = 5.0
WAIT_S = 0.02, 0.5  # between two looks at a lock, at first and at last


@dataclass(slots=True)
class Held:
    """A lock that a thread has. ``sure`` is when it surely had it last."""

    name: str
    holder: str = field(default_factory=lambda: uuid4().hex)
    beat: str = ""
    sure: float = 0.0
    lost: bool = False

    @property
    def path(self) -> str:
        return f'locks."{self.name}"'


class Locks:
    """The locks that this process has."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._mine = threading.local()
        self._all: list[Held] = []
        self._changing = threading.Lock()
        self._ended = threading.Event()
        self._beating: threading.Thread | None = None

    @property
    def _held(self) -> list[Held]:
        """Those of this thread."""
        if not hasattr(self._mine, "held"):
            self._mine.held = []
        found: list[Held] = self._mine.held
        return found

    def check(self) -> None:
        """Raises StorageError where this thread has lost one of its locks."""
        for held in self._held:
            if held.lost or time.monotonic() - held.sure > LOCK_S:
                raise StorageError(
                    f"The lock {held.name!r} of {self._server.address.shown} was lost, because its server did not "
                    "answer for too long. What was stored before is safe.",
                    remedy="Do it again.",
                )

    def look(self) -> None:
        """See whether this thread still has its locks. Raises StorageError."""
        for held in self._held:
            held.lost |= self._look(held.name)[0] != held.holder
        self.check()

    def conditions(self) -> list[Any]:
        """What is true of the catalogue while this thread has its locks."""
        return [_is(f"{held.path}.holder", held.holder) for held in self._held]

    @contextmanager
    def locked(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """See ``sites.Site``."""
        held = Held(name)
        taken = self._take(held, wait)
        if not taken:
            yield False
            return
        self._held.append(held)
        with self._changing:
            self._all.append(held)
            if self._beating is None:
                self._beating = threading.Thread(target=self._beat, name="imagefinder-locks", daemon=True)
                self._beating.start()
        try:
            yield True
        finally:
            self._held.remove(held)
            with self._changing:
                self._all.remove(held)
            with suppress(ImageFinderError):  # then it ends by itself
                self._set(held, {"holder": "", "beat": ""}, [_is(f"{held.path}.holder", held.holder)])

    def _take(self, held: Held, wait: bool) -> bool:
        seen, since, pause = None, time.monotonic(), WAIT_S[0]
        while True:
            there = self._look(held.name)
            if there != seen:
                seen, since = there, time.monotonic()
            holder, beat = there
            if holder and time.monotonic() - since <= LOCK_S:
                if not wait:
                    return False
                self._ended.wait(pause)
                pause = min(2 * pause, WAIT_S[1])
                continue
            held.sure, held.beat = time.monotonic(), uuid4().hex
            new = {"holder": held.holder, "beat": held.beat}
            as_seen = [_is(f"{held.path}.holder", holder), _is(f"{held.path}.beat", beat)]
            self._set(held, new, as_seen if there != ("", "") else [_none(held.path, holder)])
            if self._look(held.name)[0] == held.holder:
                return True

    def _look(self, name: str) -> tuple[str, str]:
        found = self._server.point(self._server.address.documents, CATALOGUE, ["locks"]) or {}
        lock = found.get("locks", {}).get(name) or {}
        return lock.get("holder", ""), lock.get("beat", "")

    def _set(self, held: Held, payload: dict[str, str], conditions: list[Any]) -> None:
        from qdrant_client import models

        wanted = models.Filter(must=[models.HasIdCondition(has_id=[CATALOGUE]), *conditions])
        at, strong = self._server.address.documents, models.WriteOrdering.STRONG
        self._server.call("set_payload", at, payload, points=wanted, key=held.path, wait=True, ordering=strong)

    def _beat(self) -> None:
        """Say that this process is alive, for all its locks."""
        while not self._ended.wait(BEAT_S):
            with self._changing:
                all_held = [*self._all]
            for held in all_held:
                with suppress(ImageFinderError):  # the next may come through
                    self.renew(held)

    def renew(self, held: Held) -> None:
        """Beat once for a lock, if it is not lost."""
        before, beat = time.monotonic(), uuid4().hex
        self._set(held, {"holder": held.holder, "beat": beat}, [_is(f"{held.path}.holder", held.holder)])
        if self._look(held.name)[0] in (held.holder, ""):  # "" where it was given back meanwhile
            held.sure, held.beat = before, beat
        else:
            held.lost = True

    def close(self) -> None:
        """End the beats. Safe to call twice."""
        self._ended.set()
        if self._beating is not None:
            self._beating.join(BEAT_S)


def _is(path: str, value: str) -> Any:
    from qdrant_client import models

    return models.FieldCondition(key=path, match=models.MatchValue(value=value))


def _none(path: str, holder: str) -> Any:
    """The lock is free: it was given back, or nobody ever had it."""
    from qdrant_client import models

    never = models.IsEmptyCondition(is_empty=models.PayloadField(key=f"{path}.holder"))
    return models.Filter(should=[never, _is(f"{path}.holder", "")])

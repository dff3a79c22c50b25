"""Several processes that serve one port: started, started again when one dies, and ended together."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext
from multiprocessing.synchronize import Event
from typing import Any

LOOK_S = 0.5  # between two looks for a signal
AGAIN_S = 1.0  # before one that died is started again
Say = Callable[[str], None]
# SIGBREAK is that of Windows, for Ctrl-Break and for a console that is closed.
ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]


class Workers:
    """``work(up, first, number, *given)`` is called in each of ``n`` processes, and sets ``up`` when it serves.
    ``first`` is true in the first that is started, which the others wait for; one that is started in the place of
    another has its ``number``, from 1. All of what is given must be picklable."""

    def __init__(self, n: int, work: Callable[..., int], given: tuple[Any, ...], say: Say) -> None:
        self._n, self._work, self._given, self._say = n, work, given, say
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._running: dict[multiprocessing.process.BaseProcess, tuple[int, Event]] = {}  # which must outlive its start
        self._asked: list[int] = []

    def run(self, stop_s: float) -> int:
        """Serve until a signal comes, or the first can't be started: then its exit code. What has not ended ``stop_s``
        seconds after the signal is killed."""
        before = {sig: signal.signal(sig, self._ask) for sig in ENDING}
        try:
            if (code := self._start(first=True)) is None:
                for _ in range(self._n - 1):
                    self._start()
                self._keep()
            return code or 0
        finally:
            self._end(stop_s)
            for sig, handler in before.items():
                signal.signal(sig, handler)

    def _ask(self, sig: int, frame: object) -> None:
        self._asked.append(sig)
        if len(self._asked) > 1 and sig == signal.SIGINT:  # a second Ctrl-C waits for nobody
            for process in self._running:
                process.kill()

    def _start(self, *, first: bool = False) -> int | None:
        """Start one. The first is waited for; its exit code, if it ends before it serves."""
        up: Event = self._context.Event()
        number = min({*range(1, self._n + 1)} - {taken for taken, _ in self._running.values()})
        process = self._context.Process(target=_begin, args=(self._work, up, first, number, *self._given))
        process.start()
        self._running[process] = number, up
        while first and not up.wait(LOOK_S) and not self._asked:
            if not process.is_alive():
                del self._running[process]
                return process.exitcode or 0
        return None

    def _keep(self) -> None:
        while not self._asked:
            wait([process.sentinel for process in self._running], LOOK_S)
            for process in [one for one in self._running if not one.is_alive()]:
                if self._asked:
                    return
                del self._running[process]
                self._say(f"Worker {process.pid} has ended ({process.exitcode}); another one is started.")
                time.sleep(AGAIN_S)
                self._start()

    def _end(self, stop_s: float) -> None:
        end = time.monotonic() + stop_s
        for process in self._running:
            if process.pid is not None and process.is_alive():
                _send(process.pid, self._asked[0] if self._asked else signal.SIGTERM)
        for process in self._running:
            process.join(max(0.0, end - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()


def _send(pid: int, sig: int) -> None:
    if os.name == "posix":  # elsewhere Ctrl-C reaches all processes of a console by itself
        os.kill(pid, sig)


def _begin(work: Callable[..., int], *given: Any) -> None:
    """In the new process."""
    if os.name == "posix":
        os.setpgrp()  # Ctrl-C reaches it by its parent only, and once
    threading.Thread(target=_end_with_parent, name="imagefinder-parent", daemon=True).start()
    raise SystemExit(work(*given))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        signal.raise_signal(signal.SIGTERM) if os.name != "posix" else os.kill(os.getpid(), signal.SIGTERM)

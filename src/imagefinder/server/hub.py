"""Tells listening pages what happens: one publisher for all, from any thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

WAITING = 256  # events kept for a listener that does not come to read them; then the oldest go
LISTENERS = 200  # at once
Changed = Literal["images", "clusters", "maps", "duplicates"]  # what pages are told to load again
ALIVE_S = 15.0  # without an event, a comment keeps connections and proxies from giving up


class Hub:
    """Hands each event to every listener. ``publish`` may be called from any thread."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Queue[tuple[str, Any] | None], asyncio.AbstractEventLoop] = {}
        self._closed = False
        self.tell: Callable[[tuple[Changed, ...]], None] | None = None  # the other servers of the index

    @property
    def is_full(self) -> bool:
        """Whether as many listen as may."""
        return len(self._listeners) >= LISTENERS

    def publish(self, event: str, data: Any) -> None:
        for queue, loop in list(self._listeners.items()):
            self._hand(loop, queue, (event, data))

    def changed(self, *what: Changed) -> None:
        """Tell every page that something is not as it was, also those of other servers."""
        self.publish("changed", {"what": list(what)})
        if self.tell is not None:
            self.tell(what)

    def _hand(self, loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Any], item: Any) -> None:
        def put() -> None:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(item)

        if not loop.is_closed():
            loop.call_soon_threadsafe(put)

    async def listen(self) -> AsyncIterator[tuple[str, Any] | None]:
        """Events as (name, data) from now on; None when nothing happened for a while. Ends when the hub closes."""
        queue: asyncio.Queue[tuple[str, Any] | None] = asyncio.Queue(WAITING)
        self._listeners[queue] = asyncio.get_running_loop()
        try:
            while not self._closed:
                try:
                    item = await asyncio.wait_for(queue.get(), ALIVE_S)
                except TimeoutError:
                    yield None
                    continue
                if item is None:
                    return
                yield item
        finally:
            self._listeners.pop(queue, None)

    def close(self) -> None:
        """End every listening: a server that stops does not wait for its pages."""
        self._closed = True
        for queue, loop in list(self._listeners.items()):
            self._hand(loop, queue, None)

"""The network for a Fetcher: only checked addresses, and one deadline for everything that waits.

It is imported at the first fetch, because its package is large.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from imagefinder.images.addresses import resolve

PIECE = 4096  # bytes written at once; between two pieces the deadline is looked at


class Deadline:
    """A moment after which nothing waits any longer."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def seconds_left(self) -> float:
        return self._at - time.monotonic()

    def cut(self, timeout: float | None) -> float:
        """A timeout that ends with the deadline. Raises httpcore.ReadTimeout when that is past."""
        left = self.seconds_left()
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline is past")
        return left if timeout is None else min(timeout, left)


class Network(httpcore.NetworkBackend):
    """Connects to a host at its checked addresses, in their order, until one responds."""

    def __init__(self, deadline: Deadline, *, allow_private: bool) -> None:
        self._deadline = deadline
        self._allow_private = allow_private
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception | None = None
        for address in resolve(host, port, allow_private=self._allow_private):
            try:
                wait = self._deadline.cut(timeout)
                return _Stream(
                    self._plain.connect_tcp(address, port, wait, local_address, socket_options), self._deadline
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = failed or error
        raise failed or httpcore.ConnectError("no address")


class _Stream(httpcore.NetworkStream):
    """A connection that never waits beyond the deadline, even if the data comes in very small pieces."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.cut(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            self._inner.write(buffer[start : start + PIECE], self._deadline.cut(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        # Python applies the timeout to the handshake as a whole, not to each of its messages.
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, self._deadline.cut(timeout)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def close(self) -> None:
        self._inner.close()

"""The network for a Fetcher: only checked addresses, and one deadline for everything that waits.

It is imported at the first fetch, because its package is large.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore

from imagefinder._util.ending import Ending, ending
from imagefinder.images.addresses import resolve

PIECE = 4096  # bytes written at once; between two pieces the deadline is looked at
SLICE_S = 1.0  # of waiting for bytes; between two slices it is looked whether anybody still waits for them


class Deadline(Ending):
    """A moment after which nothing waits any longer: ``seconds`` from now, or the end of the work this is part of."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds, ending())

    def cut(self, timeout: float | None) -> float:
        """A timeout that ends with the deadline. Raises httpcore.ReadTimeout when that is past, and EndedError."""
        self.go_on()
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
        left = self._deadline.cut(timeout)
        while left > SLICE_S:
            try:
                return self._inner.read(max_bytes, SLICE_S)
            except httpcore.ReadTimeout:
                left = self._deadline.cut(left - SLICE_S)
        return self._inner.read(max_bytes, left)

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

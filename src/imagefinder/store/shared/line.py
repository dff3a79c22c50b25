"""A line between two processes of this machine: they prove that they know one secret, then send JSON and arrays."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import selectors
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import numpy as np

from imagefinder.errors import ImageFinderError
from imagefinder.store.shared.address import PREFIX

Message: TypeAlias = tuple[dict[str, Any], list[np.ndarray]]

HANDSHAKE_S = 5.0  # for who knows the secret to say so
SIZES = struct.Struct(">QQ")  # bytes of the JSON, bytes of the arrays
LARGEST = 2**36  # bytes of a message; more is no message
NONCE = 32


class HolderGoneError(ImageFinderError):
    """The line is cut, or was never one: whoever holds the index now has to be found again."""


def listen() -> socket.socket:
    """A socket that only this machine reaches: a name without a file where the system has such names (Linux), else a
    port of 127.0.0.1. ``multiprocessing.connection`` does the same, but has no time limits and starts slower."""
    if sys.platform == "linux":
        made = socket.socket(socket.AF_UNIX)
        made.bind(PREFIX + os.urandom(12).hex())
    else:
        made = socket.socket(socket.AF_INET)
        made.bind(("127.0.0.1", 0))
    made.listen(128)
    return made


def address_of(listener: socket.socket) -> str | int:
    """The name or the port, as JSON can hold it."""
    name = listener.getsockname()
    return name.decode() if isinstance(name, bytes) else int(name[1])


def dial(address: str | int, secret: bytes, timeout: float) -> Line:
    """A line to the process that listens there. Raises HolderGoneError."""
    made = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    try:
        made.settimeout(HANDSHAKE_S)
        made.connect(address if isinstance(address, str) else ("127.0.0.1", address))
        theirs, ours = _exactly(made, NONCE), os.urandom(NONCE)
        made.sendall(ours + _proof(secret, b"asks", theirs, ours))
        if not hmac.compare_digest(_exactly(made, NONCE), _proof(secret, b"answers", ours, theirs)):
            raise HolderGoneError("It does not know the secret.")
    except OSError as error:
        made.close()
        raise HolderGoneError(f"The process that held the index is gone: {error}.") from error
    except HolderGoneError:
        made.close()
        raise
    return Line(made, timeout)


def accept(visitor: socket.socket, secret: bytes, timeout: float) -> Line:
    """The line to a visitor who knows the secret. Raises HolderGoneError for all others."""
    try:
        visitor.settimeout(HANDSHAKE_S)
        ours = os.urandom(NONCE)
        visitor.sendall(ours)
        said = _exactly(visitor, 2 * NONCE)
        theirs = said[:NONCE]
        if not hmac.compare_digest(said[NONCE:], _proof(secret, b"asks", ours, theirs)):
            raise HolderGoneError("It does not know the secret.")
        visitor.sendall(_proof(secret, b"answers", theirs, ours))
    except OSError as error:
        raise HolderGoneError(f"The visitor left: {error}.") from error
    visitor.settimeout(None)
    return Line(visitor, timeout)


class Line:
    """An open line. Not for several threads at once."""

    def __init__(self, connected: socket.socket, timeout: float) -> None:
        self._socket, self._timeout = connected, timeout

    def send(self, said: Mapping[str, Any], arrays: Sequence[np.ndarray] = ()) -> None:
        """Raises HolderGoneError, also when the other doesn't take it within the time limit."""
        rows = [np.ascontiguousarray(array) for array in arrays]
        shapes = [[row.dtype.str, row.shape] for row in rows]
        head = json.dumps({**said, "arrays": shapes}).encode()
        try:
            self._socket.settimeout(self._timeout)
            self._socket.sendall(SIZES.pack(len(head), sum(row.nbytes for row in rows)) + head)
            for row in rows:
                self._socket.sendall(row.tobytes())
        except OSError as error:
            raise HolderGoneError(f"The line is cut: {error}.") from error

    def is_answered(self, seconds: float) -> bool:
        """Whether the other begins to speak within that time, or the line is cut."""
        with selectors.DefaultSelector() as ready:
            ready.register(self._socket, selectors.EVENT_READ)
            return bool(ready.select(seconds))

    def receive(self, *, wait: bool = False) -> Message:
        """What the other says, waiting without a limit for its beginning if ``wait``. Raises HolderGoneError when the
        line is cut, and TimeoutError."""
        try:
            self._socket.settimeout(None if wait else self._timeout)
            head_bytes, body_bytes = SIZES.unpack(_exactly(self._socket, SIZES.size))
            self._socket.settimeout(self._timeout)
            if head_bytes + body_bytes > LARGEST:
                raise HolderGoneError("That is no message.")
            said = json.loads(_exactly(self._socket, head_bytes))
            body = memoryview(_exactly(self._socket, body_bytes))
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            raise HolderGoneError(f"The line is cut: {error}.") from error
        arrays = []
        for kind, shape in said.pop("arrays"):
            dtype = np.dtype(kind)
            size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
            arrays.append(np.frombuffer(body[:size], dtype).reshape(shape))
            body = body[size:]
        return said, arrays

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in ``receive``
        self._socket.close()


def _exactly(source: socket.socket, size: int) -> bytes:
    held = bytearray()
    while len(held) < size:
        part = source.recv(min(size - len(held), 1 << 20))
        if not part:
            raise ConnectionResetError("the other end was closed")
        held += part
    return bytes(held)


def _proof(secret: bytes, role: bytes, *nonces: bytes) -> bytes:
    return hmac.new(secret, role + b"".join(nonces), hashlib.sha256).digest()

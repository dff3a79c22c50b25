"""What goes wrong with a Qdrant server, as ImageFinder's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefinder.errors import (
    ImageFinderError,
    IndexFolderError,
    NotFoundError,
    StorageError,
    UnauthorizedError,
    UnreachableError,
)

if TYPE_CHECKING:
    from imagefinder.store.qdrant.address import Address

_AWAY = (
    "Start it, or see whether host and port are right and whether it speaks TLS (qdrants://); then run again. What was "
    "stored before is safe."
)
_KEY = "Give the key in the environment variable QDRANT_API_KEY, or in the address: ?api_key=KEY"
_FULL = ("no space left", "disk is full", "disk usage", "quota", "read-only file system", "out of memory")
_NO_COLLECTION = ("doesn't exist", "does not exist", "not found")
_BUSY = (429, 502, 503, 504)
GRPC = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "RESOURCE_EXHAUSTED": 429}
GRPC |= {"UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504, "CANCELLED": 504, "INTERNAL": 500, "ALREADY_EXISTS": 409}


def status_of(error: BaseException) -> int | None:
    """The status with which a server answered; None where none did. 400 for what the client itself refuses."""
    code = getattr(error, "status_code", None)
    if isinstance(code, int):
        return code
    if isinstance(error, ValueError | KeyError) and not _garbled(error):
        return 404 if "not found" in str(error).lower() else 400
    name = (
        getattr(getattr(error, "code", lambda: None)(), "name", None) if callable(getattr(error, "code", 0)) else None
    )
    return GRPC.get(name, 400) if name else None


def _garbled(error: BaseException) -> bool:
    """Whether it is about an answer that is none of Qdrant's."""
    return type(getattr(error, "source", error)).__name__ in ("ValidationError", "JSONDecodeError")


def is_lost(error: BaseException) -> bool:
    """Whether the server did not answer, or only said that it can't now: what it was asked may be asked again."""
    status = status_of(error)
    return status in _BUSY if status is not None else not _garbled(error)


def said(error: BaseException, address: Address) -> str:
    """What an error says, without any key."""
    content = getattr(error, "content", None)
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
    details = getattr(error, "details", None)
    text = text or (str(details()) if callable(details) else str(getattr(error, "source", error)))
    return address.hide(" ".join(text.split()))[:300] or type(error).__name__


def ours(error: BaseException, address: Address) -> ImageFinderError:
    """An error of the server or of its client, without any key."""
    text, status = said(error, address), status_of(error)
    if status in (401, 403):
        wants = "wants a key, or another one" if status == 401 else "does not allow this with the key it was given"
        return UnauthorizedError(
            f"The Qdrant server of {address.shown} {wants}: {text}", code="unauthorized", remedy=_KEY
        )
    if any(sign in text.lower() for sign in _FULL):
        return StorageError(
            f"The Qdrant server of {address.shown} can't write: {text}", remedy="Make room there, then run again."
        )
    if status == 404 and any(sign in text.lower() for sign in _NO_COLLECTION):
        return NotFoundError(f"The index {address.shown} is not there any more: {text}")
    if status in _BUSY or (status is None and not _garbled(error)):
        return UnreachableError(f"The Qdrant server of {address.shown} does not answer: {text}", remedy=_AWAY)
    if status is None or status == 404:
        return UnreachableError(
            f"What answers at {address.host}:{address.port} is no Qdrant server: {text}", remedy=_AWAY
        )
    return IndexFolderError(f"The Qdrant server of {address.shown} refuses: {text}")

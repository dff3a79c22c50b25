"""``client.keys`` and ``client.audit``: who may use the server's index, and who removed what. For admins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from imagefinder.index.audit import Entry
from imagefinder.index.keys import Key, Scope

if TYPE_CHECKING:
    from imagefinder.client.transport import Transport


class Keys:
    """As ``finder.keys``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def add(
        self,
        name: str,
        scope: Scope = "read",
        *,
        expires: str | None = None,
        requests_per_minute: int | None = None,
        upload_bytes_per_day: int | None = None,
    ) -> Key:
        """Make a key. Its ``secret`` is what clients send; it is told here only. Raises as the library does."""
        body = {
            "name": name,
            "scope": scope,
            "expires": expires,
            "requests_per_minute": requests_per_minute,
            "upload_bytes_per_day": upload_bytes_per_day,
        }
        return Key.from_dict(self._transport.json("POST", "/v1/keys", json=body))

    def list(self) -> Sequence[Key]:
        """All keys, by their names, without the keys themselves."""
        return tuple(Key.from_dict(row) for row in self._transport.json("GET", "/v1/keys")["keys"])

    def __len__(self) -> int:
        return len(self.list())

    def remove(self, name: str) -> None:
        """Remove a key. Raises NotFoundError."""
        self._transport.send("DELETE", f"/v1/keys/{quote(name, safe='')}")


class Audit:
    """As ``finder.audit``."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, k: int = 100, offset: int = 0, *, action: str | None = None, by: str | None = None
    ) -> Sequence[Entry]:
        """``k`` entries, 1000 at most, from ``offset`` on, the newest first; only those of an ``action``, or by
        somebody of this name. Raises InvalidInputError."""
        params = {"k": k, "offset": offset, "action": action, "by": by}
        return tuple(Entry.from_dict(row) for row in self._transport.json("GET", "/v1/audit", params=params)["entries"])

"""``qdrant://HOST:PORT/NAME``: a server, and the name of an index on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from imagefinder._util.addresses import HIDDEN
from imagefinder.errors import InvalidInputError
from imagefinder.store.qdrant.options import read_options

PORT, GRPC_PORT = 6333, 6334
KEY = "api_key"  # behind the "?", in place of a password
REMEDY = "Write qdrant://HOST:6333/NAME; NAME is the name of the index on that server."
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Address:
    """The index ``name`` on a server. ``prefix`` is the path under which a proxy has the server. ``key`` is never
    shown; ``shown`` is what people see, without any setting."""

    name: str
    host: str
    port: int
    prefix: str
    tls: bool
    shown: str
    key: str | None = field(repr=False)
    options: Mapping[str, Any]

    @classmethod
    def read(cls, text: str, key: str | None = None) -> Address:
        """``key`` is the one where the address has none. Raises InvalidInputError and NotFoundError, which do not show
        a key."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise InvalidInputError("This address of a Qdrant server can't be read.", remedy=REMEDY) from None
        settings = dict(parse_qsl(parts.query, keep_blank_values=True))
        prefix, _, name = unquote(parts.path).strip("/").rpartition("/")
        host = parts.hostname or ""
        named = f"[{host}]" if ":" in host else host
        shown = f"{parts.scheme}://{named}:{port or PORT}/{f'{prefix}/' if prefix else ''}{name}"
        if parts.scheme not in ("qdrant", "qdrants") or not host or not _NAME.fullmatch(name):
            raise InvalidInputError(
                f"{shown} is no address of an index: it has a host, and its name is up to 40 small letters, digits, "
                "'-' and '_'.",
                remedy=REMEDY,
            )
        keys = [unquote(parts.password or ""), settings.pop(KEY, ""), unquote(parts.username or ""), key or ""]
        options = read_options(settings)
        if parts.scheme == "qdrants" and options.get("tls") is False:
            raise InvalidInputError("qdrants:// is with TLS, but tls=0 says without.", remedy="Leave one of them out.")
        tls = parts.scheme == "qdrants" or options.get("tls", False)
        found = next((one for one in keys if one), None)
        if found is not None and not (found.isascii() and found.isprintable()):
            raise InvalidInputError("A key for Qdrant is made of printable ASCII characters.")
        return cls(name, host, port or PORT, prefix, tls, shown, found, options)

    @property
    def points(self) -> str:
        """The collection of the points."""
        return f"imagefinder_{self.name}"

    @property
    def documents(self) -> str:
        """The collection of the documents and locks."""
        return f"{self.points}.documents"  # no name holds a "."

    def hide(self, text: str) -> str:
        """A text of the server, without a key that it repeats."""
        return text.replace(self.key, HIDDEN) if self.key else text

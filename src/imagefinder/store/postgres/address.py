"""``postgresql://USER:PASSWORD@HOST:PORT/DATABASE/NAME``: a database, and the name of an index in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from imagefinder._util.addresses import HIDDEN, SECRET, shown_address
from imagefinder.errors import InvalidInputError

SCHEMES = ("postgresql", "postgres")
REMEDY = "Write postgresql://USER@HOST/DATABASE/NAME; NAME is the name of the index in that database."
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Address:
    """The index ``name`` in a database. ``settings`` are those of libpq, with the password if one was given; they are
    never shown. ``shown`` is the address without any password."""

    name: str
    shown: str
    settings: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, text: str, password: str | None = None) -> Address:
        """``password`` is the one where the address has none. Raises InvalidInputError, which does not show it."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise InvalidInputError("This address of a database can't be read.", remedy=REMEDY) from None
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        database, slash, name = unquote(parts.path).strip("/").partition("/")
        shown = shown_address(text)
        if parts.scheme not in SCHEMES or not slash or not _NAME.fullmatch(name):
            raise InvalidInputError(
                f"{shown} is no address of an index: its name is up to 40 small letters, digits, '-' and '_'.",
                remedy=REMEDY,
            )
        given = {
            "user": unquote(parts.username or ""),
            "password": unquote(parts.password or "") or options.get("password") or password or "",
            "host": unquote(parts.hostname or ""),
            "port": str(port or ""),
            "dbname": database,
        }
        return cls(name, shown, {**options, **{key: value for key, value in given.items() if value}})

    @property
    def schema(self) -> str:
        """The schema that holds the tables of the index."""
        return f"imagefinder_{self.name}"

    def hide(self, text: str) -> str:
        """A text of the database, without a password that it repeats."""
        for key in SECRET & self.settings.keys():
            text = text.replace(self.settings[key], HIDDEN)
        return text

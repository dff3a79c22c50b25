"""The catalogue: models with a short name, where they are on the hub, and the facts that their files don't contain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from imagefinder.models.hub import Address

FILE = Path(__file__).parent / "catalogue.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the catalogue.

    ``source`` is its address on the hub, ``bytes`` the approximate size of the download, ``dim`` the dimension of its
    vectors, ``words`` whether it understands text. ``files`` are checksums by path; None means that the checksum is
    taken from the hub at the first pull. ``preprocess``, ``output``, ``pooling`` and ``text`` (such as the logit scale)
    are set if the files don't contain them. ``verified`` says whether names and checksums were compared with at least
    two public sources; ``note`` says what is uncertain.
    """

    name: str
    alias: str
    title: str
    licence: str
    source: str
    bytes: int | None
    dim: int
    words: bool
    verified: bool
    files: Mapping[str, str | None]
    preprocess: str | Mapping[str, Any] | None = None
    output: str | None = None
    pooling: str | None = None
    text: Mapping[str, Any] | None = None
    note: str = ""

    @property
    def address(self) -> Address:
        return Address.parse(self.source)

    @property
    def names(self) -> tuple[str, ...]:
        """All names of the model."""
        return (self.alias, self.name)

    @property
    def facts(self) -> dict[str, Any]:
        """The argument ``facts`` of ``layouts.describe``."""
        found = {"name": self.name, "alias": self.alias, "title": self.title, "licence": self.licence}
        told = {key: getattr(self, key) for key in ("preprocess", "output", "pooling", "text")}
        return found | {key: value for key, value in told.items() if value} | {"files": self.files}

    def row(self) -> dict[str, Any]:
        """A row for a list of models, like ``ModelSpec.summary``."""
        return {
            "name": self.name,
            "alias": self.alias,
            "title": self.title,
            "licence": self.licence,
            "bytes": self.bytes,
            "spaces": {"image": self.dim},
            "words": self.words,
        }


@lru_cache(maxsize=1)
def catalogue() -> tuple[Entry, ...]:
    """All entries."""
    entries = json.loads(FILE.read_text("utf-8"))["models"]
    return tuple(Entry(**entry) for entry in entries)


def in_catalogue(name: str) -> Entry | None:
    """The model of this short or long name."""
    return next((entry for entry in catalogue() if name in entry.names), None)

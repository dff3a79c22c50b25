"""Models known by a short name: where they are on the hub, and what can't be read from their files."""

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

    ``source`` is its address on the hub, ``bytes`` what is fetched, about, ``dim`` that of its vectors, ``words``
    whether it understands words. ``files`` are checksums by path; one that is None is taken from the hub at the first
    pull. ``preprocess``, ``output``, ``pooling`` and ``text`` (such as the logit scale) are set where the files don't
    say. ``verified`` tells whether the
    names and checksums were compared with at least two public places; ``note`` says what is left open.
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
        """Whatever it is called by."""
        return (self.alias, self.name)

    @property
    def facts(self) -> dict[str, Any]:
        """What ``layouts.describe`` takes."""
        found = {"name": self.name, "alias": self.alias, "title": self.title, "licence": self.licence}
        told = {key: getattr(self, key) for key in ("preprocess", "output", "pooling", "text")}
        return found | {key: value for key, value in told.items() if value} | {"files": self.files}

    def row(self) -> dict[str, Any]:
        """For a list of models, as ``ModelSpec.summary`` has it."""
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
    """All of them."""
    entries = json.loads(FILE.read_text("utf-8"))["models"]
    return tuple(Entry(**entry) for entry in entries)


def in_catalogue(name: str) -> Entry | None:
    """The model of this short or long name."""
    return next((entry for entry in catalogue() if name in entry.names), None)

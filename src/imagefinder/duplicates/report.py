"""What a search for duplicates found."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from imagefinder.duplicates.matching.onto import Onto
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.types import Record, Skipped


@dataclass(frozen=True, slots=True)
class Beside:
    """The files that belong to an image: ``along``, those that are one picture with it and their sizes in bytes, and
    ``names``, further names of its own file, such as links."""

    along: tuple[tuple[str, int], ...] = ()
    names: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """What the files along with the image take."""
        return sum(size for _, size in self.along)

    @property
    def words(self) -> tuple[str, ...]:
        """What they are, for people: a line each."""
        along = [f"one picture with {', '.join(os.path.basename(uri) for uri, _ in self.along)}"] if self.along else []
        return (*along, *(f"also named {name}" for name in self.names))

    def to_dict(self) -> dict[str, Any]:
        along = [{"uri": uri, "bytes": size} for uri, size in self.along]
        return {**({"along": along} if along else {}), **({"names": list(self.names)} if self.names else {})}


ALONE = Beside()


@dataclass(frozen=True, slots=True)
class Member:
    """An image of a group beside the one to keep: how it is related to that one, and what shows it.

    ``score`` is 1 for identical pixels, the share of the overlap that agrees for the same picture, the cosine for
    ``similar``. ``reference``: it lies in a reference folder and is never touched. ``hold`` says, of a copy,
    what it has that the image to keep has not: it is then in no plan, and for a person to decide about.
    ``beside`` are the files that stay or move with it. ``onto`` is how it lies on the image to keep (see ``Onto``).
    """

    record: Record
    tier: Tier
    evidence: str
    score: float
    edits: tuple[str, ...] = ()
    reference: bool = False
    hold: str = ""
    beside: Beside = ALONE
    onto: Onto = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            **_facts(self.record),
            "tier": self.tier.value,
            "evidence": self.evidence,
            "edits": list(self.edits),
            "score": round(self.score, 4),
            "reference": self.reference,
            **({"hold": self.hold} if self.hold else {}),
            **({"onto": list(self.onto)} if self.onto else {}),
            **self.beside.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Images that belong together. Every member was compared with ``keep``, the best of them by the rules; ``beside``
    are the files that belong to ``keep``."""

    keep: Record
    reason: str
    members: tuple[Member, ...]
    beside: Beside = ALONE

    @property
    def tier(self) -> Tier:
        """That of the loosest member."""
        return max((m.tier for m in self.members), key=lambda t: t.rank)

    @property
    def wasted(self) -> int:
        """Bytes that the members take which may be removed."""
        going = (m for m in self.members if m.tier.is_copy and not m.reference and not m.hold)
        return sum(m.record.bytes + m.beside.bytes for m in going)

    def to_dict(self) -> dict[str, Any]:
        return {
            "tier": self.tier.value,
            "keep": {**_facts(self.keep), **self.beside.to_dict()},
            "reason": self.reason,
            "members": [m.to_dict() for m in self.members],
        }


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """The groups, the surest first. ``compared`` counts pairs compared picture by picture, ``kept`` those whose verdict
    an earlier search had found, ``decided`` those left out because of a decision; ``skipped`` lists images that could
    not be read; ``indexed`` counts all images that were in the index. ``unkept`` says why this report, or the verdicts
    for the next search, could not be kept.

    ``one_file`` are images that look like copies and are names of one file, ``one_picture`` those that are one picture
    in several files, such as HEIC and JPEG: they are no duplicates, take no room that could be won, and are in no plan.
    """

    groups: tuple[Group, ...]
    images: int
    compared: int
    decided: int
    skipped: tuple[Skipped, ...]
    seconds: float
    references: tuple[str, ...] = ()
    one_file: tuple[tuple[str, ...], ...] = ()
    one_picture: tuple[tuple[str, ...], ...] = ()
    kept: int = 0
    unkept: str = ""
    indexed: int = 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "images": self.images,
            "indexed": self.indexed,
            "compared": self.compared,
            "kept": self.kept,
            "decided": self.decided,
            "seconds": round(self.seconds, 2),
            "groups": [g.to_dict() for g in self.groups],
            "one_file": [list(names) for names in self.one_file],
            "one_picture": [list(files) for files in self.one_picture],
            "skipped": [s.to_dict() for s in self.skipped],
            **({"unkept": self.unkept} if self.unkept else {}),
        }


def _facts(record: Record) -> dict[str, Any]:
    names = ("id", "uri", "content_hash", "bytes", "width", "height", "format", "taken_at")
    return {name: value for name in names if (value := getattr(record, name)) is not None}

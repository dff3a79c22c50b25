"""What a search for duplicates found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.types import Record, Skipped


@dataclass(frozen=True, slots=True)
class Member:
    """An image of a group beside the one to keep: how it is related to that one, and what shows it.

    ``score`` is 1 for identical pixels, the share of the overlap that agrees for the same picture, the cosine for
    ``similar``. ``reference``: it lies in a reference folder and is never touched. ``hold`` says, of a copy,
    what it has that the image to keep has not: it is then in no plan, and for a person to decide about.
    """

    record: Record
    tier: Tier
    evidence: str
    score: float
    edits: tuple[str, ...] = ()
    reference: bool = False
    hold: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            **_facts(self.record),
            "tier": self.tier.value,
            "evidence": self.evidence,
            "edits": list(self.edits),
            "score": round(self.score, 4),
            "reference": self.reference,
            **({"hold": self.hold} if self.hold else {}),
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Images that belong together. Every member was compared with ``keep``, the best of them by the rules."""

    keep: Record
    reason: str
    members: tuple[Member, ...]

    @property
    def tier(self) -> Tier:
        """That of the loosest member."""
        return max((m.tier for m in self.members), key=lambda t: t.rank)

    @property
    def wasted(self) -> int:
        """Bytes that the members take which may be removed."""
        return sum(m.record.bytes for m in self.members if m.tier.is_copy and not m.reference and not m.hold)

    def to_dict(self) -> dict[str, Any]:
        return {
            "tier": self.tier.value,
            "keep": _facts(self.keep),
            "reason": self.reason,
            "members": [m.to_dict() for m in self.members],
        }


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """The groups, the surest first. ``compared`` counts pairs compared picture by picture, ``kept`` those whose verdict
    an earlier search had found, ``decided`` those left out because of a decision; ``skipped`` lists images that could
    not be read. ``unkept`` says why this report, or the verdicts for the next search, could not be kept."""

    groups: tuple[Group, ...]
    images: int
    compared: int
    decided: int
    skipped: tuple[Skipped, ...]
    seconds: float
    references: tuple[str, ...] = ()
    kept: int = 0
    unkept: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "images": self.images,
            "compared": self.compared,
            "kept": self.kept,
            "decided": self.decided,
            "seconds": round(self.seconds, 2),
            "groups": [g.to_dict() for g in self.groups],
            "skipped": [s.to_dict() for s in self.skipped],
            **({"unkept": self.unkept} if self.unkept else {}),
        }


def _facts(record: Record) -> dict[str, Any]:
    names = ("id", "uri", "content_hash", "bytes", "width", "height", "format", "taken_at")
    return {name: value for name in names if (value := getattr(record, name)) is not None}

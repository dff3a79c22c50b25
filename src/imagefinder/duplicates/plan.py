"""The plan: which files are to be kept and which moved to the trash, in a file that a person can read and change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from imagefinder._util.files import write_whole
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.report import DuplicateReport, Group
from imagefinder.errors import InvalidInputError
from imagefinder.images.loader import is_url
from imagefinder.types import Record

VERSION = 1


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file as it was when the plan was made: its absolute path, hex BLAKE2b-128 of its content, and size in bytes."""

    path: str
    content_hash: str
    bytes: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """``remove`` may go because ``keep`` stays."""

    keep: PlannedFile
    remove: tuple[PlannedFile, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``apply`` would do. ``references`` are folders in which nothing is touched, whatever the groups say."""

    groups: tuple[PlannedGroup, ...]
    references: tuple[str, ...] = ()

    @property
    def files(self) -> int:
        """How many files would be moved."""
        return sum(len(g.remove) for g in self.groups)

    @property
    def bytes(self) -> int:
        """How many bytes they take."""
        return sum(f.bytes for g in self.groups for f in g.remove)

    def save(self, path: str | Path) -> None:
        """Write the plan to a JSON file that a person can read and change. Raises StorageError."""
        facts = {
            "imagefinder_plan": VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "references": list(self.references),
            "groups": [{"keep": _row(g.keep), "remove": [_row(f) for f in g.remove]} for g in self.groups],
        }
        write_whole(Path(path), (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read what ``save`` wrote. Raises InvalidInputError for a file that is no plan, or one that would remove what
        it keeps."""
        path = Path(path)
        try:
            facts = json.loads(path.read_text("utf-8"))
            if facts["imagefinder_plan"] > VERSION:
                raise InvalidInputError(f"{path} was written by a newer ImageFinder.", remedy="Update it.")
            groups = [PlannedGroup(_read(g["keep"]), tuple(_read(f) for f in g["remove"])) for g in facts["groups"]]
            plan = cls(tuple(groups), tuple(str(r) for r in facts["references"]))
        except InvalidInputError:
            raise
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInputError(f"{path} is not a plan that can be read: {error!r}.") from error
        kept = {g.keep.path for g in plan.groups}
        if both := next((f.path for g in plan.groups for f in g.remove if f.path in kept), None):
            raise InvalidInputError(f"The plan both keeps and removes {both}.", remedy="Take it out of one of the two.")
        return plan


def make_plan(report: DuplicateReport) -> Plan:
    """Keep the best of every group and move the others. Left out are: ``similar`` groups, which are no duplicates,
    images in a reference folder, and images at URLs."""
    groups = [_planned(g) for g in report.groups if g.tier is not Tier.SIMILAR and not is_url(g.keep.uri)]
    return Plan(tuple(g for g in groups if g.remove), report.references)


def plan_of(groups: Sequence[tuple[Record, Sequence[Record]]]) -> Plan:
    """A person's own choice as a plan: in each group the first is kept, the others are removed.

    Raises InvalidInputError for images at URLs, and for one that is both kept and removed.
    """
    kept = {keep.uri for keep, _ in groups}
    for keep, remove in groups:
        if url := next((r.uri for r in (keep, *remove) if is_url(r.uri)), None):
            raise InvalidInputError(f"{url} is not a file on this machine.", remedy="Leave it out.")
        if both := next((r.uri for r in remove if r.uri in kept), None):
            raise InvalidInputError(f"{both} would be both kept and removed.", remedy="Choose one of the two.")
    chosen = "chosen by a person"
    return Plan(
        tuple(PlannedGroup(_file(keep, chosen), tuple(_file(r, chosen) for r in remove)) for keep, remove in groups)
    )


def _planned(group: Group) -> PlannedGroup:
    keep = _file(group.keep, group.reason)
    movable = [m for m in group.members if not m.reference and not is_url(m.record.uri)]
    return PlannedGroup(keep, tuple(_file(m.record, f"{m.tier}: {m.evidence}") for m in movable))


def _file(record: Record, why: str) -> PlannedFile:
    return PlannedFile(record.uri, record.content_hash, record.bytes, why)


def _row(file: PlannedFile) -> dict[str, Any]:
    return {name: getattr(file, name) for name in PlannedFile.__dataclass_fields__}


def _read(row: Mapping[str, Any]) -> PlannedFile:
    path, content_hash, size = row["path"], row["content_hash"], row["bytes"]
    if not (isinstance(path, str) and Path(path).is_absolute()):
        raise ValueError(f"not an absolute path: {path!r}")
    if not (isinstance(content_hash, str) and len(content_hash) == 32):
        raise ValueError(f"not a content hash: {content_hash!r}")
    return PlannedFile(path, content_hash, int(size), str(row.get("why", "")))

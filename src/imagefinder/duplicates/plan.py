"""The plan: which files are to be kept and which moved to the trash, in a file that a person can read and change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from imagefinder._util.files import write_named
from imagefinder.duplicates.companions import Companions
from imagefinder.duplicates.moving import content_hash
from imagefinder.duplicates.report import DuplicateReport, Member
from imagefinder.errors import InvalidInputError
from imagefinder.images.inside import is_file, why_no_file
from imagefinder.types import Record

VERSION = 2  # 1 did not know of files that are one picture together


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file as it was when the plan was made: its absolute path, hex BLAKE2b-128 of its content, and size in bytes.

    ``along`` are the files that are one picture with it, such as the video of a "live" photo: they stay, or move,
    together.
    """

    path: str
    content_hash: str
    bytes: int
    why: str = ""
    along: tuple[PlannedFile, ...] = ()

    @property
    def all(self) -> tuple[PlannedFile, ...]:
        """The file and those along with it."""
        return (self, *self.along)


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
        return sum(len(f.all) for g in self.groups for f in g.remove)

    @property
    def bytes(self) -> int:
        """How many bytes they take."""
        return sum(one.bytes for g in self.groups for f in g.remove for one in f.all)

    def save(self, path: str | Path) -> None:
        """Write the plan to a JSON file that a person can read and change. Raises StorageError."""
        facts = {
            "imagefinder_plan": VERSION,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "references": list(self.references),
            "groups": [{"keep": _row(g.keep), "remove": [_row(f) for f in g.remove]} for g in self.groups],
        }
        write_named(Path(path), (json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode())

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
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise InvalidInputError(f"{path} is not a plan that can be read: {error!r:.300}.") from error
        kept = {f.path for g in plan.groups for f in g.keep.all}
        gone = (one.path for g in plan.groups for f in g.remove for one in f.all)
        if both := next((path for path in gone if path in kept), None):
            raise InvalidInputError(f"The plan both keeps and removes {both}.", remedy="Take it out of one of the two.")
        return plan


def make_plan(report: DuplicateReport) -> Plan:
    """Keep the best of every group and move its copies.

    Left out are: what is of the same scene or similar, which is no copy; members that are not wholly in what is kept
    (see ``Member.hold``); images in a reference folder, at URLs and inside tables; and files that are one picture with
    others, unless each of those has a copy beside the file that is kept.
    """
    planning, groups = _Planning(), []
    for group in report.groups:
        if not is_file(group.keep.uri):
            continue
        members = [m for m in group.members if _movable(m)]
        whys = [f"{m.tier}: {m.evidence}" for m in members]
        planned = planning.group(group.keep, group.reason, [m.record for m in members], whys)
        if planned.remove:
            groups.append(planned)
    return Plan(tuple(groups), report.references)


def _movable(member: Member) -> bool:
    return member.tier.is_copy and not member.hold and not member.reference and is_file(member.record.uri)


def plan_of(groups: Sequence[tuple[Record, Sequence[Record]]]) -> Plan:
    """A person's own choice as a plan: in each group the first is kept, the others are removed, with the files that are
    one picture with them.

    Raises InvalidInputError for images at URLs or inside tables, and for one that is both kept and removed.
    """
    kept = {keep.uri for keep, _ in groups}
    for keep, remove in groups:
        if url := next((r.uri for r in (keep, *remove) if not is_file(r.uri)), None):
            raise InvalidInputError(f"{url} can't be moved. {why_no_file(url)}", remedy="Leave it out.")
        if both := next((r.uri for r in remove if r.uri in kept), None):
            raise InvalidInputError(f"{both} would be both kept and removed.", remedy="Choose one of the two.")
    chosen, planning = "chosen by a person", _Planning(whole=False)
    return Plan(tuple(planning.group(keep, chosen, remove, [chosen] * len(remove)) for keep, remove in groups))


class _Planning:
    """Makes the groups of one plan, in which no file is moved that another group keeps. With ``whole`` nothing of a
    picture in several files is planned that can't move as a whole; else ``apply_plan`` says why it stays."""

    def __init__(self, whole: bool = True) -> None:
        self._companions, self._whole = Companions(), whole
        self._kept: set[str] = set()
        self._gone: set[str] = set()

    def group(self, keep: Record, reason: str, remove: Sequence[Record], whys: Sequence[str]) -> PlannedGroup:
        kept = self._file(keep, reason)
        paths = {f.path for f in kept.all}
        if self._whole and paths & self._gone:
            return PlannedGroup(kept, ())
        planned = []
        for record, why in zip(remove, whys, strict=True):
            if record.uri in self._gone:
                continue  # it goes along with another
            file = self._file(record, why)
            moving = {f.path for f in file.all}
            if self._whole and (moving & (self._kept | self._gone | paths) or not goes_with(file, kept)):
                continue
            self._gone |= moving
            planned.append(file)
        if planned:
            self._kept |= paths
        return PlannedGroup(kept, tuple(planned))

    def _file(self, record: Record, why: str) -> PlannedFile:
        along = [found for path in self._companions.of(record.uri) if (found := _on_disk(path)) is not None]
        return PlannedFile(record.uri, record.content_hash, record.bytes, why, tuple(along))


def goes_with(file: PlannedFile, keep: PlannedFile) -> bool:
    """Whether each file that is one picture with ``file`` has a copy among those of the file kept."""
    return {f.content_hash for f in file.along} <= {f.content_hash for f in keep.along}


def _on_disk(path: str) -> PlannedFile | None:
    try:
        return PlannedFile(path, content_hash(Path(path)), Path(path).stat().st_size)
    except OSError:
        return None  # the picture then does not move either: ``apply_plan`` finds a file that is not planned


def _row(file: PlannedFile) -> dict[str, Any]:
    row: dict[str, Any] = {"path": file.path, "content_hash": file.content_hash, "bytes": file.bytes, "why": file.why}
    return {**row, "along": [_row(f) for f in file.along]} if file.along else row


def _read(row: Mapping[str, Any]) -> PlannedFile:
    path, digest, size = row["path"], row["content_hash"], row["bytes"]
    if not (isinstance(path, str) and Path(path).is_absolute() and "\0" not in path):
        raise ValueError(f"not an absolute path: '{path}'")
    if not (isinstance(digest, str) and len(digest) == 32):
        raise ValueError(f"not a content hash: {digest!r}")
    along = tuple(_read(other) for other in row.get("along", ()))
    return PlannedFile(path, digest, int(size), str(row.get("why", "")), along)

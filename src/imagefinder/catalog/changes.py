"""Changes of what people say about images, all in one place: each is kept a second time before it is made, is told in
the audit log, and can be taken back.

undo/20261128-064501-123456-5f0c9a2e.json    what was said before and after, of the images by their ids
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from imagefinder._util.places import make_folder
from imagefinder.errors import NotFoundError
from imagefinder.index.audit import Action, Audit
from imagefinder.index.jsonfile import read_json, write_json
from imagefinder.index.said import FIELDS, changed, note

if TYPE_CHECKING:
    from imagefinder._util.places import Place
    from imagefinder.index.folder import Index

FOLDER = "undo"
KEPT = 500  # changes that can be taken back, the latest
BATCH = 1000
ID = re.compile(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{8}")
_ROW = {"ids": [str], "before": {str: object}, "after": {str: object}}
_SHAPE = {
    "kind": frozenset({"fields", "removed", "trashed", "moved"}),
    "rows?": [_ROW],
    "sources?": [str],
    "journal?": str,
}
LISTS = ("tags", "albums")  # of which only what was added and removed is taken back
_final: ContextVar[bool] = ContextVar("imagefinder-for-good", default=False)
_made: ContextVar[list[str] | None] = ContextVar("imagefinder-changes", default=None)


@dataclass(frozen=True, slots=True)
class Change:
    """How many images have ``changed``, and the ``id`` by which that can be taken back; "" where nothing has."""

    changed: int
    id: str = ""


@contextmanager
def noting() -> Iterator[list[str]]:
    """The ids of the changes that this thread makes meanwhile."""
    ids: list[str] = []
    token = _made.set(ids)
    try:
        yield ids
    finally:
        _made.reset(token)


@contextmanager
def for_good() -> Iterator[None]:
    """What this thread does meanwhile can't be taken back."""
    token = _final.set(True)
    try:
        yield
    finally:
        _final.reset(token)


def facts_of(index: Index, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What people said of each image, with what it is known by. Raises NotFoundError."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(ids), BATCH):
        part = ids[start : start + BATCH]
        points = {p.id: p for p in index.store.retrieve(part)}
        for id in part:
            if id not in points:
                raise NotFoundError(f"There is no image with the id {id}.")
            payload = points[id].payload
            found[id] = {name: payload[name] for name in ("uri", "content_hash", *FIELDS) if name in payload}
    return found


def apply_changes(
    index: Index,
    found: Mapping[str, Mapping[str, Any]],
    wanted: Mapping[str, Mapping[str, Any]],
    action: Action | None,
    what: str = "",
    *,
    undoes: str = "",
) -> Change:
    """Change fields of records, by id, of which ``found`` has the facts; None takes a field away. Hold ``writing``.
    Without an ``action`` it is neither told nor can it be taken back; one that ``undoes`` another can't be either.
    Raises StorageError."""
    wanted = {id: fields for id, fields in wanted.items() if _differs(found[id], fields)}
    if not wanted:
        return Change(0)
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for id, after in wanted.items():
        before = {name: found[id].get(name) for name in after}
        groups[json.dumps([before, dict(after)], sort_keys=True)].append(id)
    rows = [
        dict(zip(("before", "after"), json.loads(text), strict=True)) | {"ids": ids} for text, ids in groups.items()
    ]
    id = undoes or (keep(index, "fields", rows=rows) if action else "")
    note(index, (one.row() for key in wanted for one in changed(found[key], wanted[key])))
    for row in rows:
        index.store.merge_payload(row["ids"], row["after"])
    if action:
        Audit(index.documents).add(action, [str(found[key]["uri"]) for key in wanted], what=what, id=id)
    return Change(len(wanted), id)


def keep(index: Index, kind: str, **facts: Any) -> str:
    """Keep what it takes to take a change back; its id. The oldest are forgotten. Raises StorageError."""
    if _final.get():
        return ""
    home = index.documents / FOLDER
    make_folder(home)
    id = f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{os.urandom(4).hex()}"
    write_json(home / f"{id}.json", {"kind": kind, **facts}, indent=None)
    for old in sorted(_documents(home), key=lambda place: place.name)[:-KEPT]:
        old.unlink(missing_ok=True)
    if (made := _made.get()) is not None:
        made.append(id)
    return id


def kept(index: Index, id: str) -> dict[str, Any]:
    """What ``keep`` wrote. Raises NotFoundError for a change that can't be taken back, or has been."""
    if ID.fullmatch(id):
        try:
            found: dict[str, Any] = read_json(index.documents / FOLDER / f"{id}.json", _SHAPE, "It can't be undone.")
            return found
        except FileNotFoundError:
            pass
    raise NotFoundError(f"There is no change {id!r} that can be taken back.", remedy="It may have been undone already.")


def forget(index: Index, id: str) -> None:
    """What was taken back, or never came about, can't be taken back again."""
    (index.documents / FOLDER / f"{id}.json").unlink(missing_ok=True)


def undoable(index: Index) -> set[str]:
    """The ids of all changes that can be taken back."""
    return {place.name[:-5] for place in _documents(index.documents / FOLDER)}


def undo_fields(index: Index, rows: Sequence[Mapping[str, Any]], id: str) -> int:
    """Have the records say again what they said; of lists, only what the change added or removed. What was changed
    again since stays. Returns of how many images. Raises StorageError."""
    done, row_of = 0, {key: row for row in rows for key in row["ids"]}
    ids = [*row_of]
    with index.writing:
        for start in range(
            0, len(ids), BATCH
        ):  # not row by row: a change of tags has as many as there were sets of tags
            there = [p.id for p in index.store.retrieve(ids[start : start + BATCH])]
            found = facts_of(index, there)
            wanted = {key: _restored(facts, row_of[key]) for key, facts in found.items()}
            done += apply_changes(index, found, wanted, None).changed
        Audit(index.documents).add("undone", [], count=done, id=id)
    return done


def _restored(facts: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    before, after, wanted = row["before"], row["after"], {}
    for name in after:
        now = facts.get(name)
        if name in LISTS:
            lists = [as_list(one) for one in (now, before[name], after[name])]
            if name != "albums" or not _renamed_and_gone(*lists):
                wanted[name] = _list_restored(*lists)
        elif now == after[name] or (not now and not after[name]):
            wanted[name] = before[name]
    if "albums" in wanted:  # positions go with the names of albums
        places = dict(zip(as_list(before.get("albums")), as_list(before.get("album_at")), strict=False))
        places |= dict(zip(as_list(facts.get("albums")), as_list(facts.get("album_at")), strict=False))
        wanted["album_at"] = [places.get(name, 0) for name in wanted["albums"] or ()] or None
    return wanted


def _renamed_and_gone(now: Sequence[Any], before: Sequence[Any], after: Sequence[Any]) -> bool:
    """Whether an album was renamed, and is no more under its new name: then it isn't to come back under the old one."""
    new = [one for one in after if one not in before]
    return bool(new) and not set(before) <= set(after) and not set(new) & set(now)


def _list_restored(now: Sequence[Any], before: Sequence[Any], after: Sequence[Any]) -> list[Any] | None:
    if list(now) == list(after):
        return list(before) or None
    gone = [one for one in before if one not in after and one not in now]
    return [*(one for one in now if one in before or one not in after), *gone] or None


def as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value] if value else []


def _differs(facts: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    return any((facts.get(name) or None) != (value or None) for name, value in fields.items())


def _documents(home: Place) -> list[Any]:
    there = home.iterdir() if home.is_dir() else ()
    return [place for place in there if ID.fullmatch(place.name[:-5]) and place.name.endswith(".json")]

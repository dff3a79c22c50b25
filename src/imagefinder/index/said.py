"""What people said, kept a second time: tags, captions, names of images, decisions on pairs, names of clusters.

It is kept by content in ``said.jsonl``, a file to which lines are added before the index itself changes; the last line
about something counts. From it is put back what a power cut or damage took from the index, and what was said of images
that have left it comes back with their content, wherever their files are then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from imagefinder._util.files import write_whole
from imagefinder._util.lines import add_lines
from imagefinder._util.places import Place
from imagefinder.errors import StorageError
from imagefinder.index.audit import Action, Audit
from imagefinder.index.jsonfile import line, read_json, read_lines

if TYPE_CHECKING:
    from imagefinder.index.manifest import Manifest
    from imagefinder.store.base import Store

FILE = "said.jsonl"
FORMER = "said.json"  # what it was while it told only of images that had left
MARKS = ("favorite", "rating", "albums")
BY_PEOPLE = ("tags", "caption", "name", "cluster_pinned", *MARKS)  # as far as no file says the same
FIELDS = (
    *BY_PEOPLE, "cluster", "cluster_name", "file_tags", "own_tags", "file_caption", "own_caption", "album_at",
)  # fmt: skip
BATCH = 1000
GROWN, LEAST = 4, 1024**2  # it is written anew when it has so many times the size it had then, and so many bytes
HEAD = b'{"size": %12d, "anew": %12d}\n'  # the size of the file, and the one it had when it was written anew
_HEAD = re.compile(rb'\{"size": +([0-9]+), "anew": +([0-9]+)\}\n')

_FIELDS = {
    "tags?": [str],
    "caption?": str,
    "name?": str,
    "cluster_pinned?": bool,
    "cluster?": int,
    "cluster_name?": str,
    "file_tags?": [str],
    "own_tags?": [str],
    "file_caption?": str,
    "own_caption?": bool,
    "favorite?": bool,
    "rating?": int,
    "albums?": [str],
    "album_at?": [int],
}
_IMAGE = {"content_hash": str, "uri": str, "when": str, "fields": _FIELDS}
_PAIR = {"pair": [str], "decision": (str, None), "when": str, "names": [str]}
_CLUSTER = {"label": int, "name": str, "named": bool, "locked": bool, "joined": bool}
_GROUPS = {"groups": (str, None), "clusters": [_CLUSTER], "apart": [[int]]}
MADE = ("feedback", "concept")  # what people made, by ids: judgements, and queries that they gave a name
_MADE = [{kind: str, "row": ({"id": str}, None)} for kind in MADE]
SHAPE = (_IMAGE, _PAIR, _GROUPS, *_MADE, {"size": int, "anew": int})
FEW = (b'{"pair"', b'{"groups"', *(f'{{"{kind}"'.encode() for kind in MADE))  # begin the lines that are not of images


class Home(Protocol):
    """What is needed of an open index, see ``folder.Index``."""

    documents: Place
    manifest: Manifest
    store: Store
    writing: Any

    @property
    def left_open(self) -> bool: ...

    def notice(self, text: str) -> None: ...

    def save_manifest(self, manifest: Manifest) -> None: ...


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of one image: its content hash, the ``uri`` it had, and the ``fields`` of its payload; none where
    all was taken back."""

    content_hash: str
    uri: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    when: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def key(self) -> tuple[str, str]:
        return self.content_hash, self.uri

    def row(self) -> dict[str, Any]:
        return {"content_hash": self.content_hash, "uri": self.uri, "when": self.when, "fields": dict(self.fields)}


@dataclass(slots=True)
class Kept:
    """All that is kept: of ``images`` by content and URI, decisions on ``pairs`` of contents, the row about the
    clusters in force (``groups``), and what people ``made``, by its kind and its ids. Of the images ``taken_back``
    nothing is said any more. ``lost`` lines can't be read."""

    images: dict[tuple[str, str], Said] = field(default_factory=dict)
    pairs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, Any] | None = None
    made: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {kind: {} for kind in MADE})
    taken_back: set[tuple[str, str]] = field(default_factory=set)
    lost: int = 0

    def take(self, row: Mapping[str, Any]) -> None:
        """What a line says, in place of what was said before."""
        if "content_hash" in row:
            said = Said(row["content_hash"], row["uri"], row["fields"], row["when"])
            self.images.pop(said.key, None)  # what is said last comes last
            self.taken_back.discard(said.key)
            if said.fields:
                self.images[said.key] = said
            else:
                self.taken_back.add(said.key)
        elif "pair" in row and len(row["pair"]) == 2:
            first, second = row["pair"]
            self.pairs.pop((first, second), None)
            if row["decision"]:
                self.pairs[first, second] = dict(row)
        elif "groups" in row:
            self.groups = dict(row) if row["groups"] else None
        for kind in (kind for kind in MADE if kind in row):
            self.made[kind].pop(row[kind], None)
            if row["row"]:
                self.made[kind][row[kind]] = row["row"]

    def rows(self) -> Iterator[Mapping[str, Any]]:
        """The lines that say all of it."""
        yield from (said.row() for said in self.images.values())
        yield from self.pairs.values()
        if self.groups:
            yield self.groups
        yield from ({kind: id, "row": row} for kind, rows in self.made.items() for id, row in rows.items())

    def add(self, later: Iterable[Said]) -> None:
        for said in later:
            self.take(said.row())


def said_of(payload: Mapping[str, Any]) -> Said | None:
    """What people said of the image with this payload; None if it is nothing, or only what its file says too. What
    they took away of the file's is something."""
    if not payload.get("content_hash") or not _is_said(payload):
        return None
    fields = {name: payload[name] for name in FIELDS if payload.get(name) is not None and _is_ours(name, payload)}
    return Said(str(payload["content_hash"]), str(payload["uri"]), fields)


def _is_said(payload: Mapping[str, Any]) -> bool:
    by_people = ("name", "cluster_pinned", "own_tags", "own_caption", *MARKS)
    if any(payload.get(name) and _is_ours(name, payload) for name in by_people):
        return True
    by_file = by_file_alone(payload)
    return set(payload.get("tags") or ()) != set(by_file["tags"] or ()) or (
        (payload.get("caption") or None) != (by_file["caption"] or None)
    )


def _is_ours(name: str, payload: Mapping[str, Any]) -> bool:
    """Whether a field is as people give it, not a column of the same name in somebody's table."""
    value = payload[name]
    if name == "favorite":
        return isinstance(value, bool)
    if name == "rating":
        return isinstance(value, int) and not isinstance(value, bool)
    kind = {"albums": str, "album_at": int}.get(name)
    return kind is None or (isinstance(value, (list, tuple)) and all(isinstance(one, kind) for one in value))


def by_file_alone(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they are while people say nothing: what the file of the image says, None for nothing."""
    nothing = dict.fromkeys(("name", *MARKS, "album_at"))
    return {"tags": payload.get("file_tags"), "caption": payload.get("file_caption"), **nothing}


def changed(payload: Mapping[str, Any], changes: Mapping[str, Any]) -> Iterator[Said]:
    """What is said of the image with this payload once the changes are made, if it is not what was said before."""
    before, after = said_of(payload), said_of({**payload, **changes})
    if after and (before is None or before.fields != after.fields):
        yield after
    elif before and not after:
        yield Said(before.content_hash, before.uri)


def load_said(folder: Place) -> Kept:
    """What is kept in an index folder; nothing if there is no such file. Raises IndexDamagedError when a file can't be
    read at all."""
    kept = Kept()
    try:
        former = read_json(folder / FORMER, {"version": int, "images": [_IMAGE]}, _MEND)
        kept.add(Said(row["content_hash"], row["uri"], row["fields"], row["when"]) for row in former["images"])
    except FileNotFoundError:
        pass
    rows, kept.lost = read_lines(folder / FILE, SHAPE)
    for row in rows:
        kept.take(row)
    kept.lost += is_cut_short(folder)
    return kept


def load_few(folder: Place) -> Kept:
    """The same without what is said of images, which are many."""
    kept = Kept()
    for row in read_lines(folder / FILE, SHAPE, begin=FEW)[0]:
        kept.take(row)
    return kept


_MEND = "Mend it, or move it away to go on without what it holds."


def is_cut_short(folder: Place) -> bool:
    """Whether the file has less in it than its first line says, or no such line."""
    path = folder / FILE
    if not isinstance(path, Path):
        return False
    try:
        with path.open("rb") as file:
            told = file.read(len(HEAD % (0, 0)))
            return _size_told(told)[0] > os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True


def _size_told(head: bytes) -> tuple[int, int]:
    """The two sizes of the first line. Raises ValueError for what is no first line."""
    match = _HEAD.fullmatch(head)
    if match is None:
        raise ValueError("no first line")
    return int(match[1]), int(match[2])


def save_said(folder: Place, kept: Kept) -> None:
    """Write the file anew. Raises StorageError; the former file is then untouched."""
    text = b"".join(map(line, kept.rows()))
    size = len(HEAD % (0, 0)) + len(text)
    write_whole(folder / FILE, HEAD % (size, size) + text)
    (folder / FORMER).unlink(missing_ok=True)


def note(index: Home, rows: Iterable[Mapping[str, Any]], *, sync: bool = True) -> None:
    """Add lines. They are on the disk when this returns; without ``sync`` a power cut may take them, but no kill.

    Raises:
        StorageError: the disk is full or can't be written; nothing may be changed in the index then.
    """
    text = b"".join(map(line, rows))
    if not text:
        return
    path = index.documents / FILE
    with index.writing:
        if not path.exists():
            save_said(index.documents, load_said(index.documents))
        try:
            size, anew = _added(path, text, sync)
        except OSError as error:
            raise StorageError(
                f"{path} can't be written: {error.strerror or error}.", remedy="Make room or allow writing there."
            ) from error
        if size > LEAST and size > GROWN * anew:
            save_said(index.documents, load_said(index.documents))


def _added(path: Place, text: bytes, sync: bool) -> tuple[int, int]:
    """Add lines; the size of the file then, and the one it had when it was written anew."""
    return (add_lines(path, text, sync=sync), _tell_size(path)) if isinstance(path, Path) else path.add(text)


def _tell_size(path: Path) -> int:
    """Write the size of the file into its first line; the one it had when it was written anew. Lines come to the disk
    before, so that none is missed that never was there."""
    with path.open("r+b") as file:
        try:
            anew = _size_told(file.read(len(HEAD % (0, 0))))[1]
        except ValueError:  # a damaged one: who reads it next says so
            return 0
        file.seek(0)
        file.write(HEAD % (os.fstat(file.fileno()).st_size, anew))
    return anew


def retire(
    index: Home, ids: Sequence[str], why: Action = "removed", along: Sequence[str] = (), change: str = ""
) -> int:
    """Take images out of the index, by id; unknown ids are ignored. ``along`` are files that went with them; ``change``
    is the id under which it can be taken back. What was said of them, and the entry of the audit log, are on the disk
    before they go. Returns of how many something is kept.
    Raises IndexDamagedError or StorageError; nothing is removed then."""
    with index.writing:
        said: list[Said] = []
        gone: dict[str, None] = {}
        for start in range(0, len(ids), BATCH):
            points = index.store.retrieve(ids[start : start + BATCH])
            gone |= {str(point.payload.get("uri", point.id)): None for point in points}
            said += [one for point in points if (one := said_of(point.payload))]
        if gone or along:
            Audit(index.documents).add(why, [*(gone | dict.fromkeys(along))], id=change)
        note(index, (one.row() for one in said))
        index.store.delete(ids)
    return len(said)

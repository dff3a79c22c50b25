"""What people said of images that are not in the index any more: tags, caption, name, and the cluster they were put in.

It is kept by content in ``said.json``, written whole, and comes back with the content, wherever its file is then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import write_whole
from imagefinder.errors import IndexDamagedError

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

FILE = "said.json"
VERSION = 1
BY_PEOPLE = ("tags", "caption", "name", "cluster_pinned")  # with none of these, nothing was said
FIELDS = (*BY_PEOPLE, "cluster", "cluster_name")
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of one image: its content hash, the ``uri`` it had, and the ``fields`` of its payload."""

    content_hash: str
    uri: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    when: str = ""


def said_of(payload: Mapping[str, Any]) -> Said | None:
    """What people said of the image with this payload; None if it is nothing."""
    if not payload.get("content_hash") or not any(payload.get(name) for name in BY_PEOPLE):
        return None
    fields = {name: payload[name] for name in FIELDS if payload.get(name) is not None}
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Said(str(payload["content_hash"]), str(payload["uri"]), fields, when)


def load_said(folder: Path) -> list[Said]:
    """What is kept in an index folder, the oldest first; nothing if there is no such file. Raises IndexDamagedError."""
    path = folder / FILE
    try:
        found = json.loads(path.read_text("utf-8"))
        if found["version"] > VERSION:
            raise ValueError("it was written by a newer ImageFinder")
        if not isinstance(found["images"], list):
            raise TypeError("its images are no list")
        return [_read(row) for row in found["images"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise IndexDamagedError(
            f"{path} can't be read: {error}.", remedy="Mend it, or move it away to go on without what it holds."
        ) from error


def _read(row: Mapping[str, Any]) -> Said:
    said = Said(row["content_hash"], row["uri"], dict(row["fields"]), row["when"])
    texts = (said.content_hash, said.uri, said.when, *said.fields.get("tags", ()))
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"no text where there must be one, in {texts!r}")
    if wrong := [name for name, value in said.fields.items() if not isinstance(value, _KINDS.get(name, object))]:
        raise TypeError(f"{wrong[0]} is {said.fields[wrong[0]]!r}")
    return said


_KINDS = {"tags": list, "caption": str, "name": str, "cluster_pinned": bool, "cluster": int, "cluster_name": str}


def save_said(folder: Path, kept: Iterable[Said]) -> None:
    """Replace what is kept in an index folder. Raises StorageError; the former file is then untouched."""
    rows = [{"content_hash": s.content_hash, "uri": s.uri, "when": s.when, "fields": dict(s.fields)} for s in kept]
    path = folder / FILE
    if rows or path.exists():
        write_whole(path, (json.dumps({"version": VERSION, "images": rows}, ensure_ascii=False) + "\n").encode())


def joined(former: Iterable[Said], later: Iterable[Said]) -> list[Said]:
    """Both, with the later of two about the same content in the same place."""
    return list({(s.content_hash, s.uri): s for s in (*former, *later)}.values())


def retire(index: Index, ids: Sequence[str]) -> int:
    """Take images out of the index, by id; unknown ids are ignored. What was said of them is on the disk before they
    go. Returns of how many something is kept. Raises IndexDamagedError or StorageError; nothing is removed then."""
    with index.writing:
        said = []
        for start in range(0, len(ids), BATCH):
            found = (said_of(point.payload) for point in index.store.retrieve(ids[start : start + BATCH]))
            said += [one for one in found if one]
        if said:
            save_said(index.path, joined(load_said(index.path), said))
        index.store.delete(ids)
    return len(said)


class SaidBefore:
    """What is kept, to be found by content. ``give_back`` hands it out; ``settle`` forgets what has been."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._by_content: dict[str, list[Said]] = {}
        self._given: set[str] = set()
        for one in load_said(index.path):
            self._by_content.setdefault(one.content_hash, []).append(one)

    def find(self, content_hash: str, uri: str) -> Mapping[str, Any] | None:
        """What was said of this content: where it was in the same place, else what was kept last."""
        found = self._by_content.get(content_hash)
        if not found:
            return None
        self._given.add(content_hash)
        return next((s.fields for s in found if s.uri == uri), found[-1].fields)

    def settle(self, is_there: Mapping[str, str]) -> None:
        """Forget what was handed out, which by now is on records, and what is of images that are in the index with
        their content (``is_there``, by URI). A kill before leaves it to the next run."""
        with self._index.writing:
            kept = load_said(self._index.path)
            rest = [s for s in kept if s.content_hash not in self._given and is_there.get(s.uri) != s.content_hash]
            if len(rest) < len(kept):
                save_said(self._index.path, rest)

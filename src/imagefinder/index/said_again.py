"""What was kept of what people said, put to use: for images that come back, and after a power cut or damage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeAlias

from imagefinder.errors import IndexDamagedError
from imagefinder.index.jsonfile import read_json, read_lines
from imagefinder.index.said import (
    BATCH,
    BY_PEOPLE,
    FIELDS,
    FILE,
    MARKS,
    Home,
    Kept,
    Said,
    by_file_alone,
    is_cut_short,
    load_said,
    note,
    said_of,
    save_said,
)
from imagefinder.types import image_id

PUT_BACK = (
    "tags",
    "caption",
    "name",
    *MARKS,
    "album_at",
)  # a pin comes back with the clusters, which keep their members themselves
DECISIONS = "decisions.json"
LINES = {"feedback": "feedback.jsonl", "concept": "concepts.jsonl"}  # files of what people made
There: TypeAlias = Callable[[Collection[str]], dict[str, str]]
_LINE = ({"removed": str}, {"id": str})
_PAIRS = {"pairs": [{"a": str, "b": str, "decision": str, "when": str, "names?": [str]}]}


class SaidBefore:
    """What is kept, to be found by content, for a run that makes records. ``there`` gives the content hashes of those
    of some images that are in the index, by URI: what is said of those is on their records. ``find`` hands out the
    rest, ``noted`` keeps what new records say, and ``settle`` forgets what was handed out. ``kept`` is for whoever has
    read it already."""

    def __init__(self, index: Home, there: There, kept: Kept | None = None) -> None:
        self._index, self._ask = index, there
        kept = load_said(index.documents) if kept is None else kept
        self._images = (mend(index, kept) if kept.lost else kept).images
        self._given: set[str] = set()

    @cached_property
    def _there(self) -> dict[str, str]:
        return self._ask({one.uri for one in self._images.values()})

    @cached_property
    def _left(self) -> Mapping[str, list[Said]]:
        found: defaultdict[str, list[Said]] = defaultdict(list)
        for one in self._images.values():
            if self._there.get(one.uri) != one.content_hash:
                found[one.content_hash].append(one)
        return found

    def contents(self) -> set[str]:
        """The contents of which something is kept."""
        return {content_hash for content_hash, _ in self._images}

    def find(self, content_hash: str, uri: str) -> Mapping[str, Any] | None:
        """What was said of this content: where it was in the same place, else what was kept last."""
        found = self._left.get(content_hash)
        if not found:
            return None
        self._given.add(content_hash)
        return next((s.fields for s in found if s.uri == uri), found[-1].fields)

    def again(self) -> SaidBefore:
        """What is kept now that other processes have kept more."""
        now = SaidBefore(self._index, self._ask)
        now._given |= self._given
        return now

    def noted(self, payloads: Iterable[Mapping[str, Any]]) -> None:
        """Keep what these records say that is not kept yet, and forget what they say no more."""
        changed: list[Said] = []
        _ = self._left  # of the images as they were
        for payload in payloads:
            key = (str(payload.get("content_hash")), str(payload["uri"]))
            said, kept = said_of(payload), self._images.get(key)
            self._there[key[1]] = key[0]
            if said and (kept is None or _by_people(kept.fields) != _by_people(said.fields)):
                changed.append(said)
            elif kept and not said:
                changed.append(Said(*key))
        self._change(changed)

    def forget(self, keys: Iterable[tuple[str, str]]) -> None:
        """Forget what was said of these contents at these URIs."""
        self._change([Said(*key) for key in keys if key in self._images])

    def settle(self) -> None:
        """Forget what was handed out, which by now is on other records. A kill before leaves it to the next run."""
        given = [one.key for content in self._given for one in self._left.get(content, ())]
        self.forget(key for key in given if self._there.get(key[1]) != key[0])

    def _change(self, changed: list[Said]) -> None:
        note(self._index, (one.row() for one in changed), sync=False)  # what a run says, the next one would say again
        for one in changed:
            if one.fields:
                self._images[one.key] = one
            else:
                self._images.pop(one.key, None)


def _by_people(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: list(value) if name in ("tags", "albums") else value for name in BY_PEOPLE if (value := fields.get(name))
    }


def begin(index: Home) -> None:
    """Keep from now on what people say, in an index that is open for writing. Where nothing is kept yet, or lines are
    missing, what its records say is kept; after a kill or a power cut, the records say again what was kept."""
    there, told = (index.documents / FILE).exists(), index.manifest.said
    if not there or is_cut_short(index.documents):
        kept = load_said(index.documents)
        kept.lost += told and not there
        mend(index, kept)
    elif index.left_open:
        put_back(index)
    if not told:
        index.save_manifest(replace(index.manifest, said=True))


def mend(index: Home, kept: Kept) -> Kept:
    """Write anew what is kept: what could be read of it, and what is said in the index itself."""
    if kept.lost:
        index.notice(
            f"{index.documents / FILE} was damaged: what was said of images that are in the index was kept again, but "
            "of those that have left it, some may be lost."
        )
    for points in index.store.scroll(fields=("uri", "content_hash", *FIELDS)):
        kept.add(said for point in points if (said := said_of(point.payload)))
    _keep_decisions(index, kept)
    for kind, name in LINES.items():
        for row in read_lines(index.documents / name, _LINE)[0]:
            kept.take({kind: row.get("removed") or row["id"], "row": None if "removed" in row else row})
    kept.lost = 0
    save_said(index.documents, kept)
    return kept


def _keep_decisions(index: Home, kept: Kept) -> None:
    try:
        for row in read_json(index.documents / DECISIONS, _PAIRS, "")["pairs"]:
            names = row.get("names") or ["", ""]
            kept.take({"pair": [row["a"], row["b"]], "decision": row["decision"], "when": row["when"], "names": names})
    except (FileNotFoundError, IndexDamagedError):
        pass  # who reads the decisions says so


def put_back(index: Home) -> int:
    """Have the records say again what was said last of their images, where a power cut took it from them. Returns of
    how many that was so."""
    kept = load_said(index.documents)
    rows = [*kept.images.values(), *(Said(*key) for key in kept.taken_back)]
    changed = 0
    for start in range(0, len(rows), BATCH):
        part = {image_id(one.uri): one for one in rows[start : start + BATCH]}
        for point in index.store.retrieve(list(part)):
            said = part[point.id]
            if point.payload.get("content_hash") != said.content_hash:
                continue
            wanted = {n: said.fields.get(n) for n in PUT_BACK} if said.fields else by_file_alone(point.payload)
            if any((point.payload.get(name) or None) != (value or None) for name, value in wanted.items()):
                index.store.merge_payload([point.id], wanted)
                changed += 1
    return changed

"""What a text that is being typed may become: tags, groups, folders, names of files and kept searches."""

from __future__ import annotations

import time
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.catalog.snapshot import Snapshot, snapshot
from imagefinder.errors import InvalidInputError
from imagefinder.index.concepts import KeptConcepts
from imagefinder.types import Record

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

MOST = 50  # of one kind
LONGEST = 200  # characters of the text
FILES = 500_000  # images, beyond which the names of files are not suggested
SLOW_S = 0.5  # names that took longer to collect are collected again only ``PATIENCE`` times that later
PATIENCE = 20
_REMEMBERED = "suggest"


@dataclass(frozen=True, slots=True)
class _Names:
    """What can be suggested, folded for comparing: pairs of a folded name and what it stands for. The ``files`` are in
    the order of their names, and stand once more, each after a line break, in ``joined``, at the places ``starts``."""

    tags: Sequence[tuple[str, dict[str, Any]]]
    clusters: Sequence[tuple[str, dict[str, Any]]]
    folders: Sequence[tuple[str, dict[str, Any]]]
    files: Sequence[tuple[str, str]]
    joined: str
    starts: Sequence[int]


def suggest(index: Index, text: str, k: int = 5) -> dict[str, list[dict[str, Any]]]:
    """Up to ``k`` of each kind that ``text`` is in, in capitals or not; those that begin with it first, then those with
    a word that does, the more frequent first. A single letter is looked for only where a word begins.

    ``tags`` and ``folders`` have a ``value`` and a ``count`` of images, ``clusters`` also a ``name``, ``files`` are an
    ``id``, a ``name`` and what a picture of it needs, and ``concepts`` are kept searches by their ``name``. Nothing is
    suggested for an empty text but concepts. The names are collected once (0.3 s of 22,914 images) and looked through
    in a millisecond; they are collected again after a write, at once or, where that takes longer than half a
    second, no more than a twentieth of the time. Raises InvalidInputError.
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        raise InvalidInputError(f"A text to suggest for has {LONGEST} characters at most.")
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST:
        raise InvalidInputError(f"Of each kind there are 1 to {MOST} suggestions, not {k!r:.40}.")
    wanted = _folded(text.strip())
    kept = [(_folded(one.name), {"name": one.name}) for one in KeptConcepts(index).all()]
    if not wanted:
        return {"tags": [], "clusters": [], "folders": [], "files": [], "concepts": [row for _, row in kept[:k]]}
    names = _remembered(index)
    return {
        "tags": _best(names.tags, wanted, k),
        "clusters": _best(names.clusters, wanted, k),
        "folders": _best(names.folders, wanted, k),
        "files": _files(index, _found_files(names, wanted, k)),
        "concepts": _best(kept, wanted, k),
    }


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().replace("\n", " ")


def _remembered(index: Index) -> _Names:
    """The names as of the latest write."""
    writes, now = index.store.writes, time.monotonic()
    kept = index.remembered.get(_REMEMBERED)
    if kept is not None:
        again, names = kept[1]
        if kept[0] == writes or now < again:
            former: _Names = names
            return former
    collected = _collected(index)
    took = time.monotonic() - now
    again = now + took * PATIENCE if took > SLOW_S else 0.0
    index.remembered[_REMEMBERED] = (writes, (again, collected))
    return collected


def _collected(index: Index) -> _Names:
    images = snapshot(index)
    tags = images.coded("tags").counted(None)
    folders = images.coded("folder").counted(None)
    columns = index.store.columns(("id", "uri")) if len(images) <= FILES else {"id": [], "uri": []}
    pairs = zip(columns["uri"], columns["id"], strict=True)
    files = sorted((_folded(_file_name(str(uri))), str(id)) for uri, id in pairs if uri)
    starts, at = [], 0
    for name, _ in files:
        starts.append(at)
        at += len(name) + 1
    return _Names(
        tags=[(_folded(str(row["value"])), row) for row in tags],
        clusters=[
            (_folded(name), {"value": value, "name": name, "count": n}) for (value, name), n in _named_clusters(images)
        ],
        folders=[(_folded(str(row["value"])), row) for row in folders],
        files=files,
        joined="".join(f"{name}\n" for name, _ in files),
        starts=starts,
    )


def _file_name(uri: str) -> str:
    """The last part of a path or URL."""
    return uri.split("?", 1)[0].rstrip("/").replace("\\", "/").rsplit("/", 1)[-1]


def _named_clusters(images: Snapshot) -> list[tuple[tuple[int, str], int]]:
    """The number and the name of clusters, with how many images say both, the most first."""
    labels, names = images.kept("cluster"), images.kept("cluster_name")
    both = np.flatnonzero((labels.codes >= 0) & (names.codes >= 0))
    n = len(names.values)
    found, counts = np.unique(labels.codes[both].astype(np.int64) * n + names.codes[both], return_counts=True)
    rows = zip(
        (found // n if n else found).tolist(), (found % n if n else found).tolist(), counts.tolist(), strict=True
    )
    pairs = [((labels.values[label], str(names.values[name])), count) for label, name, count in rows]
    named = [(pair, count) for pair, count in pairs if isinstance(pair[0], int) and pair[0] >= 0 and pair[1]]
    return sorted(named, key=lambda row: (-row[1], str(row[0])))


def _best(names: Sequence[tuple[str, dict[str, Any]]], wanted: str, k: int) -> list[dict[str, Any]]:
    """The rows whose names hold ``wanted``, the best ``k``; their order is that of the frequent first."""
    farthest = 2 if len(wanted) > 1 else 1  # a single letter is in nearly every name
    places = ((_place(name, wanted), i) for i, (name, _) in enumerate(names))
    found = [(place, i) for place, i in places if place is not None and place <= farthest]
    return [names[i][1] for _, i in sorted(found)[:k]]


def _place(name: str, wanted: str) -> int | None:
    """0: it begins with that, 1: a word of it does, 2: it is somewhere in it, None: it isn't."""
    at = name.find(wanted)
    if at <= 0:
        return 0 if at == 0 else None
    while at > 0:
        if not name[at - 1].isalnum():
            return 1
        at = name.find(wanted, at + 1)
    return 2


def _found_files(names: _Names, wanted: str, k: int) -> list[str]:
    """The ids of the files whose names begin with ``wanted``, then of those that hold it, if it is no single letter."""
    first = bisect_left(names.files, (wanted,))
    found = []
    for name, id in names.files[first : first + k]:
        if name.startswith(wanted):
            found.append(id)
    at = names.joined.find(wanted) if len(wanted) > 1 else -1
    while at >= 0 and len(found) < k:
        i = _row_of(names.starts, at)
        if names.files[i][1] not in found:
            found.append(names.files[i][1])
        at = names.joined.find(wanted, names.starts[i] + len(names.files[i][0]) + 1)
    return found


def _row_of(starts: Sequence[int], at: int) -> int:
    i = bisect_left(starts, at)
    return i if i < len(starts) and starts[i] == at else i - 1


def _files(index: Index, ids: Sequence[str]) -> list[dict[str, Any]]:
    there = {point.id: Record.from_payload(point.id, point.payload) for point in index.store.retrieve(list(ids))}
    rows = [there[id] for id in ids if id in there]
    return [
        {"id": one.id, "name": _file_name(one.uri), "folder": one.folder, "content_hash": one.content_hash}
        for one in rows
    ]

"""Tables of labels and captions that people have, matched with the images of an index."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder.errors import InvalidTableError

if TYPE_CHECKING:
    from imagefinder.types import Record


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The rows of a table whose images are in the index: ``labels`` by id, ``captions`` as pairs of id and text.
    ``missing`` are the file names that are not in the index."""

    labels: Mapping[str, str]
    captions: Sequence[tuple[str, str]]
    missing: tuple[str, ...]


def read_table(path: Path, records: Iterable[Record]) -> LabelTable:
    """Read a CSV with the columns ``filename`` and ``label``, ``caption`` or both.

    A file name is a path, relative to the folder of the table, or the end of the path of an image in the index. Raises
    InvalidTableError if the table can't be read, lacks a column, gives one image two labels, or if none of its images
    is in the index.
    """
    names, rows = _rows(path)
    if "filename" not in names or not names & {"label", "caption"}:
        raise InvalidTableError(
            f"{path.name} has the columns {', '.join(sorted(names)) or 'none'}.",
            remedy="It needs `filename` and one of `label` and `caption`.",
        )
    find = _Finder(records, path.parent)
    labels: dict[str, str] = {}
    captions: list[tuple[str, str]] = []
    missing: dict[str, None] = {}
    for entry in rows:
        name, label, caption = (entry.get(column) or "" for column in ("filename", "label", "caption"))
        id = find(name)
        if id is None:
            missing[name] = None
            continue
        if label and labels.setdefault(id, label) != label:
            raise InvalidTableError(f"{name} has two labels: {labels[id]} and {label}.", remedy="Leave it one of them.")
        if caption:
            captions.append((id, caption))
    if not labels and not captions:
        what = (
            f"None of the {len(missing)} images of {path.name} is in the index."
            if missing
            else f"{path.name} is empty."
        )
        raise InvalidTableError(what, remedy="Index them first; name them by their path from the table's folder.")
    return LabelTable(labels, captions, tuple(missing))


def captions_of(records: Iterable[Record]) -> LabelTable:
    """The captions that images have in the index."""
    return LabelTable({}, [(r.id, r.caption) for r in records if r.caption], ())


def _rows(path: Path) -> tuple[set[str], list[dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            return set(reader.fieldnames or []), list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise InvalidTableError(f"{path} can't be read: {error}.") from error


class _Finder:
    """From a file name to the id of an indexed image."""

    def __init__(self, records: Iterable[Record], base: Path) -> None:
        self._base = base.absolute()
        self._by_uri = {record.uri: record.id for record in records}
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        for uri in self._by_uri:
            self._by_name[uri.replace(os.sep, "/").rpartition("/")[2]].append(uri)

    def __call__(self, name: str) -> str | None:
        uri = os.path.normpath(self._base / name)
        if uri in self._by_uri:
            return self._by_uri[uri]
        tail = "/" + name.replace(os.sep, "/").removeprefix("./")
        ends = [u for u in self._by_name[tail.rpartition("/")[2]] if u.replace(os.sep, "/").endswith(tail)]
        return self._by_uri[ends[0]] if len(ends) == 1 else None

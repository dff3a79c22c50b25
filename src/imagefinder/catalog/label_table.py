"""Tables of labels and captions that people have, matched with the images of an index."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder._util.systems import composed
from imagefinder.errors import InvalidInputError, InvalidTableError
from imagefinder.images.inside import inside
from imagefinder.images.places import located
from imagefinder.images.tables import bare, read_text_rows

if TYPE_CHECKING:
    from imagefinder.types import Record


NEEDS = "It needs `filename` and one of `label` and `caption`."

FIRST = {  # what gives images a value of a field that none has
    "tags": "Tag images of two kinds at least: imagefinder tag IMAGE... --add TAG",
    "cluster": "Cluster them first: imagefinder cluster",
    "cluster_name": "Cluster them first: imagefinder cluster",
    "class": "Train a classifier and use it first: imagefinder train classifier",
    "caption": "Give captions in a table.",
}
NO_CLUSTER = -1


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The rows of a table whose images are in the index: ``labels`` by id, ``captions`` as pairs of id and text.
    ``missing`` are the file names that are not in the index."""

    labels: Mapping[str, str]
    captions: Sequence[tuple[str, str]]
    missing: tuple[str, ...]


def read_table(path: Path, records: Iterable[Record]) -> LabelTable:
    """Read a table with the columns ``filename`` and ``label``, ``caption`` or both, in whatever way a table may be
    written that is indexed (``images.tables``). Other usual columns of paths or URLs do instead of ``filename``, also
    ``id``.

    An image is named by a path, absolute or relative to the folder of the table, by the end of the path of one image in
    the index, such as its file name, by its URL, or by its id. Raises InvalidTableError if the table can't be read,
    lacks a column, gives one image two labels, or if none of its images is in the index.
    """
    names, place, rows = read_text_rows(path, ("filename",), ("id", "image_id"), needs=NEEDS)
    columns = {bare(name): name for name in reversed(names)}
    if not columns.keys() & {"label", "caption"}:
        raise InvalidTableError(f"{path.name} has the columns {', '.join(names)}.", remedy=NEEDS)
    wanted = (place, columns.get("label", ""), columns.get("caption", ""))
    find = ImageNames(records, path.parent)
    labels: dict[str, str] = {}
    captions: list[tuple[str, str]] = []
    missing: dict[str, None] = {}
    for entry in rows:
        name, label, caption = (entry.get(column) or "" for column in wanted)
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


def from_field(records: Iterable[Record], field: str) -> dict[str, str]:
    """Labels by id from a field of the records, such as ``folder``, ``tags`` or ``cluster_name``, or from a column of a
    table. An image without a value, without a cluster, or with several tags gets no label. Raises InvalidInputError for
    a field that gives no labels."""
    labels: dict[str, str] = {}
    fields: set[str] = set()
    for record in records:
        row = record.to_dict()
        fields |= row.keys()
        value = row.get(field)
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else None
        if value not in (None, "") and (field, value) != ("cluster", NO_CLUSTER):
            labels[record.id] = str(value)
    if not labels:
        known = ", ".join(sorted(fields - {"id", "uri", "content_hash"})) or "none"
        first = f"{FIRST[field]} " if field in FIRST else ""
        raise InvalidInputError(
            f"No image has one value of {field!r} to learn from.", remedy=f"{first}Fields: {known}."
        )
    return labels


class ImageNames:
    """From the name of an image in a table, in the folder ``base``, to its id in the index: see ``read_table``."""

    def __init__(self, records: Iterable[Record], base: Path) -> None:
        self._base = base.absolute()
        self._by_uri = {record.uri: record.id for record in records}
        self._ids = set(self._by_uri.values())
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        for uri in self._by_uri:
            self._by_name[_tail(uri).rpartition("/")[2]].append(uri)

    def __call__(self, name: str) -> str | None:
        if name.removeprefix("id:") in self._ids:
            return name.removeprefix("id:")
        return next((id for text in dict.fromkeys((name, name.replace("\\", "/"))) if (id := self._at(text))), None)

    def _at(self, name: str) -> str | None:
        for uri in (name, located(name, str(self._base))):
            if uri in self._by_uri:
                return self._by_uri[uri]
        if place := inside(name):
            return self._at(place.name) if place.name else None
        tail = "/" + _tail(name).removeprefix("./")
        ends = [u for u in self._by_name[tail.rpartition("/")[2]] if _tail(u).endswith(tail)]
        return self._by_uri[ends[0]] if len(ends) == 1 else None


def _tail(place: str) -> str:
    """A path as it is compared from its end: of the form that is the same on every system."""
    return composed(place.replace(os.sep, "/"))

"""What people say of images: tables and feedback read, resolved to images of the index, and split."""

from __future__ import annotations

import csv
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imagefinder.clusters.algorithms.methods import NOISE
from imagefinder.errors import InvalidInputError, InvalidTableError

if TYPE_CHECKING:
    from typing import TypeAlias

    from imagefinder.catalog.feedback import Judgement
    from imagefinder.types import Record

    Labels: TypeAlias = str | os.PathLike[str] | Mapping[str, str]

SHARE, LEAST = 0.25, 2  # of each class held out: this share, and this many at least


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a table whose image is in the index: ``labels`` by id, ``captions`` as pairs of id and text, and
    the file names that are ``missing``."""

    labels: Mapping[str, str]
    captions: Sequence[tuple[str, str]]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Examples:
    """Images with a class each, by ascending id. ``contents`` tells copies of one file apart from different pictures:
    copies never lie on both sides of a split. ``missing`` are file names of the table that are not in the index."""

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    uris: tuple[str, ...]
    contents: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, sorted."""
        return tuple(sorted(set(self.labels)))

    @property
    def targets(self) -> npt.NDArray[np.intp]:
        """The place of each image's label among ``classes``, (n,)."""
        return np.searchsorted(np.array(self.classes), np.array(self.labels)).astype(np.intp)

    def take(self, rows: npt.NDArray[np.intp]) -> Examples:
        """Some of them, by place."""
        ids, labels, uris, contents = (
            tuple(part[i] for i in rows) for part in (self.ids, self.labels, self.uris, self.contents)
        )
        return Examples(ids, labels, uris, contents, self.missing)


@dataclass(frozen=True, slots=True)
class Split:
    """Rows to train on and rows held out, each ascending; ``held`` may be empty."""

    train: npt.NDArray[np.intp]
    held: npt.NDArray[np.intp]


def read_table(path: Path, records: Iterable[Record]) -> Table:
    """Read a CSV with the columns ``filename`` and ``label``, ``caption`` or both.

    A file name is a path from the table's folder, or the end of the path of an indexed image. Raises
    InvalidTableError: it can't be read, lacks a column, gives an image two labels, or none of its images is indexed.
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
    return Table(labels, captions, tuple(missing))


def captions_of(records: Iterable[Record]) -> Table:
    """The captions that images have in the index."""
    return Table({}, [(r.id, r.caption) for r in records if r.caption], ())


def read_examples(path: Path, records: Sequence[Record]) -> Examples:
    """The labelled images of a table. Raises InvalidTableError, and InvalidInputError for fewer than two classes."""
    return gather(records, path)


def gather(
    records: Sequence[Record],
    labels: Labels | None = None,
    *,
    by: str | None = None,
    judgements: Iterable[Judgement] | None = None,
) -> Examples:
    """All that is said of the classes of these images: in a table or by id (``labels``), in the field ``by``, and in
    answers that were judged; of one image the label counts that comes first in this order.

    Raises InvalidTableError, and InvalidInputError for fewer than two classes.
    """
    if labels is None and by is None and judgements is None:
        raise InvalidInputError(
            "There is nothing to learn from.", remedy="Give labels, a field that has them, or feedback."
        )
    known = from_feedback(judgements) if judgements is not None else {}
    known |= from_field(records, by) if by is not None else {}
    missing: tuple[str, ...] = ()
    if isinstance(labels, Mapping):
        there = {record.id for record in records}
        missing = tuple(id for id in labels if id not in there)
        known |= {id: label for id, label in labels.items() if id in there}
    elif labels is not None:
        table = read_table(Path(labels).expanduser(), records)
        known |= table.labels
        missing = table.missing
    return examples_of(known, records, missing=missing)


def examples_of(labels: Mapping[str, str], records: Iterable[Record], *, missing: Sequence[str] = ()) -> Examples:
    """Labels by id as examples. Raises InvalidInputError for fewer than two classes."""
    rows = sorted((r for r in records if r.id in labels), key=lambda r: r.id)
    found = Examples(
        ids=tuple(r.id for r in rows),
        labels=tuple(labels[r.id] for r in rows),
        uris=tuple(r.uri for r in rows),
        contents=tuple(r.content_hash or r.id for r in rows),
        missing=tuple(missing),
    )
    if len(found.classes) < 2:
        what = f"Only one class, {found.classes[0]!r}, is" if rows else "No label is"
        raise InvalidInputError(f"{what} there to learn from.", remedy="Label images of two classes at least.")
    return found


def from_field(records: Iterable[Record], field: str) -> dict[str, str]:
    """Labels by id out of what the index knows: a field such as ``folder``, ``tags`` or ``cluster_name``, or a column
    of a table. An image without a value, in no cluster, or with several tags, has no label. Raises InvalidInputError
    for a field that tells nothing."""
    labels: dict[str, str] = {}
    fields: set[str] = set()
    for record in records:
        row = record.to_dict()
        fields |= row.keys()
        value = row.get(field)
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else None
        if value not in (None, "") and (field, value) != ("cluster", NOISE):
            labels[record.id] = str(value)
    if not labels:
        known = ", ".join(sorted(fields - {"id", "uri", "content_hash"})) or "none"
        raise InvalidInputError(f"No image has one value of {field!r} to learn from.", remedy=f"Fields: {known}.")
    return labels


def from_feedback(judgements: Iterable[Judgement]) -> dict[str, str]:
    """Labels by id out of what people said of answers, ``judgements`` the newest first.

    What was liked for one query is a class; of an image liked for several, the newest judgement counts. An image that
    was only disliked is a class of its own: it should lie apart from what was liked, and nothing is known of what it
    belongs to.
    """
    liked: dict[str, str] = {}
    disliked: dict[str, str] = {}
    said: set[tuple[str, str]] = set()  # what was said again later about the same query and image
    for judgement in judgements:
        query = json.dumps(judgement.query, sort_keys=True, ensure_ascii=False)
        for judged, labels, name in (
            *((j, liked, f"liked: {query}") for j in judgement.liked),
            *((j, disliked, f"disliked: {j.id}") for j in judgement.disliked),
        ):
            if (query, judged.id) not in said:
                said.add((query, judged.id))
                labels.setdefault(judged.id, name)
    return {**disliked, **liked}


def hold_out(examples: Examples, *, share: float = SHARE, seed: int = 0) -> Split:
    """Hold out a ``share`` of each class, and two different pictures of it at least; a class of fewer than four is
    trained on whole, as two to train on and two to find each other are the least that tells anything.

    Raises InvalidInputError for a share outside 0 to 0.9.
    """
    if not 0 <= share <= 0.9:
        raise InvalidInputError(f"The share held out must be from 0 to 0.9; got {share}.")
    random = np.random.default_rng(seed)
    held = np.zeros(len(examples.ids), bool)
    for rows in _by_class(examples):
        contents = np.unique(np.array(examples.contents)[rows])
        if share and len(contents) >= 2 * LEAST:
            count = min(max(LEAST, round(share * len(contents))), len(contents) - 1)
            held[rows] = np.isin(np.array(examples.contents)[rows], random.permutation(contents)[:count])
    return Split(np.flatnonzero(~held), np.flatnonzero(held))


def folds(examples: Examples, count: int, *, seed: int = 0) -> list[Split]:
    """``count`` splits in which each image is held out once; every class is spread evenly over them."""
    random = np.random.default_rng(seed)
    part = np.zeros(len(examples.ids), np.intp)
    for rows in _by_class(examples):
        contents, places = np.unique(np.array(examples.contents)[rows], return_inverse=True)
        dealt = (np.arange(len(contents)) + random.integers(count)) % count
        part[rows] = random.permutation(dealt)[places]
    return [Split(np.flatnonzero(part != i), np.flatnonzero(part == i)) for i in range(count)]


def _by_class(examples: Examples) -> list[npt.NDArray[np.intp]]:
    return [np.flatnonzero(examples.targets == i) for i in range(len(examples.classes))]


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

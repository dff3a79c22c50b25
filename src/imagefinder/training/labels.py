"""Labels for training: read from tables, fields and feedback, matched with images of the index, and split."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from imagefinder._util.files import expanded
from imagefinder.catalog.label_table import from_field, read_table
from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    from typing import TypeAlias

    from imagefinder.catalog.feedback import Judgement
    from imagefinder.types import Record

    Labels: TypeAlias = str | os.PathLike[str] | Mapping[str, str]
    Captions: TypeAlias = str | os.PathLike[str] | Mapping[str, Sequence[str]]  # a table, or several by id

SHARE, LEAST = 0.25, 2  # of each class held out: this share, and this many at least


@dataclass(frozen=True, slots=True)
class Examples:
    """Images with one class each, in the order of ``contents``, their content hashes: what is made of them doesn't
    depend on where the files lie. Copies of one file are never on both sides of a split. ``missing`` are file names of
    the table that are not in the index."""

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
    """Collect the classes of these images from a table or by id (``labels``), from the field ``by``, and from feedback.
    If an image has several, the first in this order is taken.

    Raises InvalidTableError, and InvalidInputError for fewer than two classes.
    """
    if labels is None and by is None and judgements is None:
        raise InvalidInputError(
            "There is nothing to learn from.", remedy="Give labels, a field that has them, or feedback."
        )
    known = from_feedback(judgements) if judgements is not None else {}
    if judgements is not None and not known and by is None and labels is None:
        raise InvalidInputError(
            "Nothing was liked or disliked yet.", remedy="Judge hits on the page (imagefinder serve), or add feedback."
        )
    known |= from_field(records, by) if by is not None else {}
    missing: tuple[str, ...] = ()
    if isinstance(labels, Mapping):
        there = {record.id for record in records}
        missing = tuple(id for id in labels if id not in there)
        known |= {id: label for id, label in labels.items() if id in there}
    elif labels is not None:
        table = read_table(expanded(labels), records)
        known |= table.labels
        missing = table.missing
    return examples_of(known, records, missing=missing)


def examples_of(labels: Mapping[str, str], records: Iterable[Record], *, missing: Sequence[str] = ()) -> Examples:
    """Labels by id as examples. Raises InvalidInputError for fewer than two classes."""
    rows = sorted((r for r in records if r.id in labels), key=lambda r: (r.content_hash or r.id, r.id))
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


def from_feedback(judgements: Iterable[Judgement]) -> dict[str, str]:
    """Labels by id from feedback; ``judgements`` are sorted with the newest first.

    The images liked for one query are a class. For an image that was liked for several queries, the newest judgement
    counts. An image that was only disliked is a class of its own: it should be far from the liked images, and nothing
    else is known about it.
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
    """Hold out a ``share`` of each class, at least two different pictures. A class with fewer than four pictures is
    used for training only, because at least two are needed on each side.

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

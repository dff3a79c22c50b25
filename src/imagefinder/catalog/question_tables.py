"""Tables by which search is measured: what is asked and which images are right, and which images are duplicates."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.suggest import nearest
from imagefinder.catalog.label_table import ImageNames
from imagefinder.errors import InvalidTableError
from imagefinder.images.places import located
from imagefinder.images.tables import bare, read_csv

if TYPE_CHECKING:
    from imagefinder.types import Record

LABEL = "label:"
IMAGE = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic", ".heif")
NO = ("0", "no", "false", "n")
_QUESTIONS = "It needs the columns `query` and `relevant`: a row for each image that is right."
_PAIRS = "It needs the columns `a` and `b`, with two images in each row."


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked: a ``text`` as people write queries, an ``image`` of the index by its id, or a ``file`` of a
    picture that is not in it. ``right`` are the images that it should find, by id, and how right each of them is, above
    0; none where nothing fits."""

    text: str = ""
    image: str = ""
    file: str = ""
    right: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Questions:
    """The queries of a table, in their order, and the names in it that are ``missing`` in the index."""

    asked: tuple[Asked, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of images that people have judged, by id, the smaller id first: duplicates, and ``apart`` those that are
    none. Duplicates of one image are duplicates of each other."""

    duplicates: frozenset[tuple[str, str]]
    apart: frozenset[tuple[str, str]] = frozenset()
    missing: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, duplicates: Iterable[tuple[str, str]], apart: Iterable[tuple[str, str]] = (), missing: Iterable[str] = ()
    ) -> Pairs:
        """The pairs with all that follow from them. Raises InvalidTableError where they say of two images that they are
        duplicates, and that they are not."""
        groups = _Groups()
        for a, b in duplicates:
            groups.join(a, b)
        true, false = groups.pairs(), {(min(a, b), max(a, b)) for a, b in apart if a != b}
        if both := true & false:
            raise InvalidTableError(
                f"{' and '.join(min(both))} are said to be duplicates, and to be none.",
                remedy="Duplicates of one image count as duplicates of each other. Leave out one of the rows.",
            )
        return cls(frozenset(true), frozenset(false), tuple(missing))

    @property
    def images(self) -> set[str]:
        """The ids of all of them."""
        return {id for pair in self.duplicates | self.apart for id in pair}


def read_questions(path: Path, records: Iterable[Record], labels: Mapping[str, str] | None = None) -> Questions:
    """Read a CSV with the columns ``query``, ``relevant`` and, if wanted, ``grade``.

    A query is a text, as people write queries, or names a picture: by ``id:`` and its id, by a URL or by a path; it
    need not be in the index. ``relevant`` names an image as ``label_table.read_table`` says, or all images with a
    label, as ``label:shoes``, by ``labels``, which are by id. Rows with the same query belong together, and a query
    whose only row names nothing should find nothing. ``grade`` says how right an image is, by default 1; 0 says that it
    is not. A query whose right images are all missing is left out. Raises InvalidTableError.
    """
    find, by_label = ImageNames(records, path.parent), _by_label(labels or {})
    asked: dict[str, dict[str, float]] = {}
    missing: dict[str, None] = {}
    named: set[str] = set()
    for number, row in enumerate(_rows(path, ("query", "relevant"), _QUESTIONS), 1):
        if not (query := row["query"]):
            raise InvalidTableError(f"Row {number} of {path.name} has no query.", remedy=_QUESTIONS)
        right, grade = asked.setdefault(query, {}), _grade(row.get("grade", ""), number, path)
        if not (name := row["relevant"]):
            continue
        named.add(query)
        found = _of_label(name, by_label, path) if name.startswith(LABEL) else [id for id in [find(name)] if id]
        if not found:
            missing[name] = None
        right.update((id, grade) for id in found if grade > 0)
    kept = [(query, right) for query, right in asked.items() if right or query not in named]
    if not kept:
        what = "None of the images that it names is in the index." if missing else "It has no rows."
        raise InvalidTableError(
            f"{path.name} asks nothing. {what}", remedy="Index them first; name them by path or id."
        )
    questions = {query: _asked(query, right, find, path.parent) for query, right in kept}
    missing |= {query: None for query, one in questions.items() if one is None}
    return Questions(tuple(one for one in questions.values() if one), tuple(missing))


def _asked(query: str, right: Mapping[str, float], find: ImageNames, base: Path) -> Asked | None:
    """The query; None for one that names a picture which is nowhere."""
    if query.startswith(("http://", "https://")) and not find(query):
        return Asked(query, right=right)
    if not query.startswith(("id:", "http://", "https://")) and not query.lower().endswith(IMAGE):
        return Asked(query, right=right)
    if image := find(query):
        return Asked(image=image, right={id: grade for id, grade in right.items() if id != image})
    file = located(query, str(base.absolute()))
    return Asked(file=file, right=right) if Path(file).is_file() else None


def _by_label(labels: Mapping[str, str]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for id, label in labels.items():
        found[label].append(id)
    return dict(found)


def _of_label(name: str, by_label: Mapping[str, list[str]], path: Path) -> list[str]:
    label = name.removeprefix(LABEL).strip()
    if label not in by_label:
        near = nearest(label, list(by_label))
        hint = f"Did you mean {near!r}?" if near else "Say which images have it: give a table of labels, or a field."
        raise InvalidTableError(f"{path.name} names the label {label!r}, which no image has.", remedy=hint)
    return by_label[label]


def _grade(text: str, number: int, path: Path) -> float:
    try:
        grade = float(text or 1)
    except ValueError:
        grade = math.nan
    if not 0 <= grade <= 100:
        raise InvalidTableError(
            f"Row {number} of {path.name} has the grade {text[:80]!r}.", remedy="A grade is a number from 0 to 100."
        )
    return grade


def read_pairs(path: Path, records: Iterable[Record]) -> Pairs:
    """Read a CSV with the columns ``a`` and ``b``, each an image named as in ``label_table.read_table``. A further
    column ``duplicate`` may say "no" (or 0, false) of pairs that are none. Raises InvalidTableError."""
    find = ImageNames(records, path.parent)
    duplicates: list[tuple[str, str]] = []
    apart: list[tuple[str, str]] = []
    missing: dict[str, None] = {}
    for row in _rows(path, ("a", "b"), _PAIRS):
        a, b = (find(row[name]) for name in ("a", "b"))
        missing |= {row[name]: None for name, id in (("a", a), ("b", b)) if id is None}
        if a is not None and b is not None and a != b:
            (apart if row.get("duplicate", "").casefold() in NO else duplicates).append((a, b))
    if not duplicates and not apart:
        raise InvalidTableError(f"{path.name} has no pair of images of the index.", remedy="Index them first.")
    return Pairs.of(duplicates, apart, missing)


class _Groups:
    """Sets that grow together: union-find without ranks, for as few as people write down."""

    def __init__(self) -> None:
        self._over: dict[str, str] = {}

    def _top(self, id: str) -> str:
        while (over := self._over.setdefault(id, id)) != id:
            self._over[id] = id = self._over[over]
        return id

    def join(self, a: str, b: str) -> None:
        self._over[self._top(a)] = self._top(b)

    def pairs(self) -> set[tuple[str, str]]:
        members: defaultdict[str, list[str]] = defaultdict(list)
        for id in list(self._over):
            members[self._top(id)].append(id)
        return {pair for group in members.values() for pair in combinations(sorted(group), 2)}


def _rows(path: Path, needed: tuple[str, ...], remedy: str) -> Iterable[dict[str, Any]]:
    """The rows of a CSV with the names of their columns in lower case and without signs. Raises InvalidTableError."""
    names, rows = read_csv(path)
    columns = {bare(name): name for name in reversed(names)}
    if lacking := [name for name in needed if name not in columns]:
        raise InvalidTableError(
            f"{path.name} has no column `{lacking[0]}`; it has {', '.join(names) or 'none'}.", remedy=remedy
        )
    return ({short: str(row[name]).strip() for short, name in columns.items()} for row in rows)

"""What a person has decided about pairs of images, known by their content, so that it outlives moves and rescans.

The decisions of an index are in its file ``decisions.json``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import write_named
from imagefinder._util.places import Place
from imagefinder._util.values import plain
from imagefinder.errors import IndexDamagedError, InvalidInputError
from imagefinder.index.jsonfile import read_json, write_json
from imagefinder.index.said import load_few, note

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

FILE = "decisions.json"
VERSION = 1
LONGEST = 100_000  # characters in all of one decision


class Decision(StrEnum):
    """NOT_DUPLICATE: these are two pictures. KEEP_BOTH: they are duplicates, and both are wanted."""

    NOT_DUPLICATE = "not-duplicate"
    KEEP_BOTH = "keep-both"


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision: ``when`` is ISO 8601, ``names`` are the places that the two had then, for people to read."""

    decision: Decision
    when: str
    names: tuple[str, str] = ("", "")


Key = tuple[str, str]


@dataclass(frozen=True)
class Decisions:
    """Decisions by pair of content hashes, the lesser first. Two files of the same content are the pair (h, h)."""

    pairs: Mapping[Key, Decided] = field(default_factory=dict)

    def get(self, a: str, b: str) -> Decided | None:
        """What was decided of two contents, in whatever order."""
        return self.pairs.get(_key(a, b))

    def with_pair(self, a: str, b: str, decided: Decided) -> Decisions:
        names = decided.names if _key(a, b) == (a, b) else decided.names[::-1]
        return Decisions({**self.pairs, _key(a, b): Decided(decided.decision, decided.when, names)})

    def without(self, a: str, b: str) -> Decisions:
        return Decisions({key: decided for key, decided in self.pairs.items() if key != _key(a, b)})

    def with_images(self, decision: Decision, images: Sequence[tuple[str, str]]) -> Decisions:
        """The decision added for every pair of the images, given as (content hash, place). Raises InvalidInputError for
        fewer than two."""
        if len(images) < 2:
            raise InvalidInputError("A decision is about two images or more.")
        when, decisions = datetime.now(UTC).isoformat(timespec="seconds"), self
        for i, (first, first_name) in enumerate(images):
            for second, second_name in images[i + 1 :]:
                decisions = decisions.with_pair(first, second, Decided(decision, when, (first_name, second_name)))
        return decisions

    def merged(self, other: Decisions) -> Decisions:
        """Both sets of decisions; of two about one pair the later counts."""
        later = {k: d for k, d in other.pairs.items() if k not in self.pairs or d.when >= self.pairs[k].when}
        return Decisions({**self.pairs, **later})

    def to_dict(self) -> dict[str, Any]:
        """JSON values, a row for each pair in a fixed order."""
        rows = [
            {"a": a, "b": b, "decision": d.decision.value, "when": d.when, "names": list(d.names)}
            for (a, b), d in sorted(self.pairs.items())
        ]
        return {"version": VERSION, "pairs": rows}

    @classmethod
    def from_dict(cls, value: Any) -> Decisions:
        """Raises InvalidInputError if these aren't decisions, or are a newer version's."""
        try:
            if value["version"] > VERSION:
                raise InvalidInputError("The decisions were written by a newer ImageFinder.", remedy="Update it.")
            pairs = {}
            for row in value["pairs"]:
                first, second = row.get("names") or ("", "")
                decided = Decided(Decision(row["decision"]), str(row["when"]), (str(first), str(second)))
                pairs[_key(str(row["a"]), str(row["b"]))] = decided
                plain([*pairs][-1] + (decided.when, *decided.names), "A decision", most=LONGEST)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError(f"These are not decisions about images: {error!r}.") from error
        return cls(pairs)


def _key(a: str, b: str) -> Key:
    return (a, b) if a <= b else (b, a)


# --- in files -----------------------------------------------------------------------------------------------------


def load_decisions(index: Place) -> Decisions:
    """The decisions of the index in this folder; none if there is no such file. Raises IndexDamagedError."""
    path = index / FILE
    try:
        return Decisions.from_dict(read_json(path, _SHAPE, f"Mend {path}, or move it away to start without decisions."))
    except FileNotFoundError:
        error: IndexDamagedError | None = None
    except InvalidInputError as newer:
        raise IndexDamagedError(f"{path}: {newer.message}", remedy=newer.remedy) from newer
    except IndexDamagedError as found:
        error = found
    kept = Decisions.from_dict({"version": VERSION, "pairs": [_again(row) for row in _kept(index)]})
    if not kept.pairs and error:
        raise error
    if kept.pairs:
        said = error.message if error else f"{path} is missing."
        logging.getLogger("imagefinder").warning("%s What was kept of it in said.jsonl is used.", said)
    return kept


_SHAPE = {"version": int, "pairs": [{"a": str, "b": str, "decision": str, "when": str, "names?": [str]}]}


def _kept(index: Place) -> list[Mapping[str, Any]]:
    return list(load_few(index).pairs.values())


def _again(row: Mapping[str, Any]) -> dict[str, Any]:
    first, second = row["pair"]
    return {"a": first, "b": second, **{name: row[name] for name in ("decision", "when", "names")}}


def _differences(before: Decisions, after: Decisions) -> Iterator[dict[str, Any]]:
    """The lines that say what was decided since, and what taken back."""
    for key, decided in after.pairs.items():
        if before.pairs.get(key) != decided:
            told = {"when": decided.when, "names": list(decided.names)}
            yield {"pair": list(key), "decision": decided.decision.value, **told}
    for key in before.pairs.keys() - after.pairs.keys():
        yield {"pair": list(key), "decision": None, "when": "", "names": []}


def change_decisions(index: Index, change: Callable[[Decisions], Decisions]) -> Decisions:
    """Replace the decisions of an index by what ``change`` makes of them, and return those. One thread at a time: no
    decision is lost. Raises what ``change`` raises, IndexDamagedError or StorageError; nothing has changed then."""
    with index.writing:
        before = load_decisions(index.documents)
        decisions = change(before)
        _keep(index, before, decisions)
    return decisions


def _keep(index: Index, before: Decisions, after: Decisions) -> None:
    note(index, _differences(before, after))
    write_json(index.documents / FILE, after.to_dict())


def purge_decisions(index: Index, there: Collection[str]) -> set[str]:
    """Forget the decisions of an index about contents other than those that are ``there``; which that were. Raises
    IndexDamagedError or StorageError."""
    with index.writing:
        known = load_decisions(index.documents)
        pairs = known.pairs
        gone = {content for pair in pairs for content in pair if content not in there}
        if gone:
            _keep(index, known, Decisions({k: d for k, d in pairs.items() if gone.isdisjoint(k)}))
    return gone


def read_decisions(path: Path) -> Decisions:
    """Decisions written by ``write_decisions``. Raises InvalidInputError."""
    try:
        return Decisions.from_dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        message = error.message if isinstance(error, InvalidInputError) else str(error)
        raise InvalidInputError(f"{path} can't be read: {message}") from error


def write_decisions(path: Path, decisions: Decisions) -> None:
    """Write decisions to a file that another index can take in. Raises StorageError; a file that was there is then
    untouched, and a link is never written through (``_util.files.write_named``)."""
    write_named(path, (json.dumps(decisions.to_dict(), indent=1, ensure_ascii=False) + "\n").encode())

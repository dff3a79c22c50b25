"""What a person has decided about pairs of images, known by their content, so that it outlives moves and rescans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from imagefinder.errors import InvalidInputError

VERSION = 1


class Decision(StrEnum):
    """NOT_DUPLICATE: these are two pictures. KEEP_BOTH: copies, and both are wanted."""

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
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError(f"These are not decisions about images: {error!r}.") from error
        return cls(pairs)


def _key(a: str, b: str) -> Key:
    return (a, b) if a <= b else (b, a)

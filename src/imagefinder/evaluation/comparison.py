"""Which of two spaces finds more, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imagefinder.evaluation.chance import intervals, p_values
from imagefinder.evaluation.measures import MEASURES, Rows

MAIN = {"labels": "MAP@R", "captions": "nDCG@10", "queries": "nDCG@10", "feedback": "nDCG@10"}
SURE = 0.05
FEW = 20  # queries


@dataclass(frozen=True, slots=True)
class Difference:
    """The means of one measure in two spaces ``a`` and ``b``, and ``difference``, that of b less that of a, with the
    interval from ``low`` to ``high`` that 95 % of resampled queries give. ``p`` is how often a difference this large
    comes by chance alone, see ``chance.p_values``."""

    a: float
    b: float
    difference: float
    low: float
    high: float
    p: float

    def to_dict(self) -> dict[str, Any]:
        return {name: round(getattr(self, name), 5) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same ``queries`` asked in two spaces ``a`` and ``b``, by name. ``kind`` is that of ``Retrieval``, ``better``
    how many queries are answered better in b by the ``main`` measure, ``worse`` how many worse. ``says`` is what it
    means, in a sentence."""

    kind: str
    a: str
    b: str
    queries: int
    better: int
    worse: int
    main: str
    measures: Mapping[str, Difference]
    says: str

    def to_dict(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return row | {"measures": {name: one.to_dict() for name, one in self.measures.items()}}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Comparison:
        return cls(**{**row, "measures": {name: Difference(**one) for name, one in row["measures"].items()}})


def compare(kind: str, names: tuple[str, str], a: Rows, b: Rows, *, seed: int = 0) -> Comparison:
    """Compare two spaces by the ``MEASURES`` of the same queries, float64 (queries, measures) each, one at least."""
    apart = b - a
    means, chances = intervals(apart, seed), p_values(apart, seed)
    measures = {
        name: Difference(float(a[:, i].mean()), float(b[:, i].mean()), gap.mean, gap.low, gap.high, float(chances[i]))
        for i, (name, gap) in enumerate(zip(MEASURES, means, strict=True))
    }
    main = MAIN[kind]
    column = apart[:, MEASURES.index(main)]
    better, worse = int((column > 1e-12).sum()), int((column < -1e-12).sum())
    says = _sentence(names, main, measures[main], len(a))
    return Comparison(kind, *names, len(a), better, worse, main, measures, says)


def _sentence(names: tuple[str, str], main: str, found: Difference, queries: int) -> str:
    a, b = names
    figures = f"{main} {found.b:.3f} against {found.a:.3f}, {found.difference:+.3f}"
    between = f"95 % of resampled queries lie between {found.low:+.3f} and {found.high:+.3f}"
    few = f" With {queries} queries, only large differences can be told: ask more." if queries < FEW else ""
    if not found.difference and found.p >= SURE:
        return f"Both find the same ({main} {found.a:.3f})."
    if found.p >= SURE:
        return (
            f"No difference can be told between {b} and {a} ({figures}; {between}): one this large comes by chance "
            f"in {_times(found.p)}.{few}"
        )
    more, less = (b, a) if found.difference > 0 else (a, b)
    return (
        f"{more} finds more than {less} ({b}: {figures}; {between}). Chance alone does this in {_times(found.p)}.{few}"
    )


def _times(p: float) -> str:
    if p >= 0.01:
        return f"{100 * p:.0f} of 100 shuffles"
    return f"{10_000 * p:.0f} of 10,000 shuffles" if p > 1.5e-4 else "less than 2 of 10,000 shuffles"

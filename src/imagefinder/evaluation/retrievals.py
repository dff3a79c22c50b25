"""What one list of queries shows of a search: means with intervals, classes, the worst queries, and the cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imagefinder.evaluation.asking import Found, Seen
from imagefinder.evaluation.chance import Interval, intervals
from imagefinder.evaluation.cutting import CutScores, Taken, best_cut, score_cut, score_surely
from imagefinder.evaluation.measures import MEASURES, Rows

WORST, OF_A_CLASS = 12, 2  # worst queries that are shown; so many of one class at most
AP, AP_AT_R, HIT = MEASURES.index("mAP"), MEASURES.index("MAP@R"), MEASURES.index("hit@1")
TITLES = {
    "labels": "Images that belong together",
    "captions": "Captions",
    "queries": "Queries",
    "feedback": "Likes and dislikes",
}


@dataclass(frozen=True, slots=True)
class ClassRow:
    """The means of one class of ``queries``."""

    name: str
    queries: int
    hit_at_1: float
    precision_at_10: float
    average_precision: float
    map_at_r: float

    def to_dict(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in row.items()}


@dataclass(frozen=True, slots=True)
class Worst:
    """A query that found little: how it is ``shown``, the id of the ``image`` it asks by and its ``uri`` (empty for
    one in words), its class, its average precision, the rank of the ``first`` right image (None: none was found), how
    many are ``right``, the ``top`` hits, and the ``best`` right image where it is not among them."""

    shown: str
    image: str
    group: str
    average_precision: float
    first: int | None
    right: int
    top: tuple[Seen, ...]
    best: Seen | None = None

    def to_dict(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("top", "best")}
        row["average_precision"] = round(self.average_precision, 4)
        return row | {"top": [s.to_dict() for s in self.top], "best": self.best.to_dict() if self.best else None}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Worst:
        best = Seen(**row["best"]) if row.get("best") else None
        return cls(**{**row, "top": tuple(Seen(**seen) for seen in row["top"]), "best": best})


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How well one list of ``queries`` is answered. ``kind`` is one of ``TITLES``; ``images`` are those ranked;
    ``unanswerable`` queries are those to which nothing fits, and only the cut is measured by them. ``measures`` are
    those of ``measures.MEASURES``, in their order. ``order`` is the share of pairs of a liked and a disliked image that
    come in the right order, where there are any. ``cut`` says how good the end of the hits is, ``sure_cut`` how good it
    would be to take only what surely fits (None where ``min_score`` was the cut), and ``best_cut`` and ``best_score``
    which one score for all queries would have been best."""

    kind: str
    images: int
    queries: int
    unanswerable: int
    measures: Mapping[str, Interval]
    classes: tuple[ClassRow, ...] = ()
    worst: tuple[Worst, ...] = ()
    order: Interval | None = None
    cut: CutScores | None = None
    sure_cut: CutScores | None = None
    best_cut: CutScores | None = None
    best_score: float | None = None

    def to_dict(self) -> dict[str, Any]:
        plain = ("kind", "images", "queries", "unanswerable")
        return {
            **{name: getattr(self, name) for name in plain},
            "measures": {name: interval.to_dict() for name, interval in self.measures.items()},
            "classes": [row.to_dict() for row in self.classes],
            "worst": [row.to_dict() for row in self.worst],
            "order": self.order.to_dict() if self.order else None,
            "cut": self.cut.to_dict() if self.cut else None,
            "sure_cut": self.sure_cut.to_dict() if self.sure_cut else None,
            "best_cut": self.best_cut.to_dict() if self.best_cut else None,
            "best_score": None if self.best_score is None else round(self.best_score, 4),
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Retrieval:
        cuts = {name: CutScores(**row[name]) if row.get(name) else None for name in ("cut", "sure_cut", "best_cut")}
        return cls(
            **{
                **row,
                **cuts,
                "measures": {name: Interval(**interval) for name, interval in row["measures"].items()},
                "classes": tuple(ClassRow(**one) for one in row["classes"]),
                "worst": tuple(Worst.from_dict(one) for one in row["worst"]),
                "order": Interval(**row["order"]) if row["order"] else None,
            }
        )


def of_found(
    kind: str, images: int, found: Sequence[Found], *, min_score: float | None = None, seed: int = 0
) -> Retrieval:
    """The means over what was found for a list of questions."""
    answered = [one for one in found if one.wanted]
    rows = np.array([one.row for one in answered]) if answered else np.zeros((0, len(MEASURES)))
    orders = np.array([[one.order] for one in answered if one.order == one.order])
    retrieval = of_rows(kind, images, rows, [one.group for one in answered], seed=seed)
    taken = [one.taken for one in found]
    worst = [answered[i] for i in worst_of(rows, [one.group for one in answered])]
    changes: dict[str, Any] = {
        "unanswerable": len(found) - len(answered),
        "worst": tuple(shown(one) for one in worst),
        "order": intervals(orders, seed)[0] if len(orders) else None,
        **({} if kind == "feedback" else of_cuts(taken, min_score)),  # nobody knows of the rest whether it fits
    }
    return replace(retrieval, **changes)


def of_rows(kind: str, images: int, rows: Rows, groups: Sequence[str], *, seed: int = 0) -> Retrieval:
    """The means over ``rows``, float64 (queries, measures), in all and for each group that has a name."""
    means = dict(zip(MEASURES, intervals(rows, seed), strict=True)) if len(rows) else {}
    return Retrieval(kind, images, len(rows), 0, means, _classes(rows, groups))


def _classes(rows: Rows, groups: Sequence[str]) -> tuple[ClassRow, ...]:
    places: defaultdict[str, list[int]] = defaultdict(list)
    for i, group in enumerate(groups):
        if group:
            places[group].append(i)
    precision = MEASURES.index("precision@10")
    found = []
    for name, some in places.items():
        means = rows[some].mean(axis=0)
        found.append(ClassRow(name, len(some), *(float(means[i]) for i in (HIT, precision, AP, AP_AT_R))))
    return tuple(sorted(found, key=lambda row: (row.average_precision, row.name)))


def worst_of(rows: Rows, groups: Sequence[str]) -> list[int]:
    """The places of the queries with the least average precision, the worst first."""
    chosen: list[int] = []
    of_group: defaultdict[str, int] = defaultdict(int)
    for i in np.argsort(rows[:, AP], kind="stable"):
        group = groups[i]
        if len(chosen) == WORST or rows[i, AP] >= 1:
            break
        if not group or of_group[group] < OF_A_CLASS:
            of_group[group] += 1
            chosen.append(int(i))
    return chosen


def shown(found: Found) -> Worst:
    """How a query is told that found little."""
    average = float(found.row[AP])
    return Worst(found.shown, found.image, found.group, average, found.first, found.wanted, found.top, found.best)


def of_cuts(taken: Sequence[Taken], min_score: float | None) -> dict[str, Any]:
    """The fields of a retrieval that are about its cut."""
    best = best_cut(taken)
    return {
        "cut": score_cut(taken, min_score),
        "sure_cut": score_surely(taken),
        "best_cut": best[1] if best else None,
        "best_score": best[0] if best else None,
    }

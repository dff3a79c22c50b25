"""Asks a search what people have asked, and measures what it finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import NotFoundError
from imagefinder.evaluation.cutting import Taken, taken_by
from imagefinder.evaluation.measures import MEASURES, Rows, measure
from imagefinder.search.answer import search_collection
from imagefinder.search.options import SearchOptions
from imagefinder.search.query import Term
from imagefinder.types import OnProgress, Progress, ignore

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.results import Hits

DEPTH = 1000  # hits looked at, as trec_eval does; a right image behind them counts as not found
TOP = 6  # hits that are shown of a query


@dataclass(frozen=True, slots=True)
class Question:
    """One query: its ``terms``, how it is ``shown``, and the ``right`` images by id with a grade above 0; none where
    nothing fits. ``image`` is the id of the image that it asks by, ``group`` its label, and ``wrong`` are images that
    people said don't fit."""

    shown: str
    terms: tuple[Term, ...]
    right: Mapping[str, float]
    image: str = ""
    group: str = ""
    wrong: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Seen:
    """A hit as it is shown."""

    id: str
    uri: str
    score: float
    right: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for one question: its ``MEASURES`` (NaN where nothing is right), the rank of the ``first`` right
    image (None if it is not among the hits), the ``top`` hits, what a cut takes, and the share of its pairs of a right
    and a wrong image in which the right one comes first (NaN if there are none)."""

    question: Question
    row: Rows
    first: int | None
    top: tuple[Seen, ...]
    taken: Taken
    order: float = field(default=np.nan)


def ask(
    collection: Collection,
    questions: Sequence[Question],
    space: str | None,
    *,
    min_score: float | None = None,
    progress: OnProgress = ignore,
) -> Iterator[Found]:
    """Search for each question as people do. A question whose image has gone meanwhile is passed over."""
    options = SearchOptions(k=DEPTH, spaces=(space,) if space else ())
    for done, question in enumerate(questions):
        progress(Progress("searching", done, len(questions)))
        try:
            hits = search_collection(collection, list(question.terms), options)
        except NotFoundError:
            if not question.image or collection.index.store.retrieve([question.image]):
                raise
            continue
        yield _found(question, hits, min_score)


def _found(question: Question, hits: Hits, min_score: float | None) -> Found:
    right = question.right
    places = {hit.id: rank for rank, hit in enumerate(hits, 1)}
    ranked = sorted((places[id], grade) for id, grade in right.items() if id in places)
    ranks = np.array([rank for rank, _ in ranked], np.int64)
    row = (
        measure(ranks, [grade for _, grade in ranked], list(right.values()))
        if right
        else np.full(len(MEASURES), np.nan)
    )
    top = tuple(Seen(hit.id, hit.uri, hit.score, hit.id in right) for hit in hits[:TOP])
    taken = taken_by(hits, right, min_score)
    return Found(question, row, int(ranks[0]) if len(ranks) else None, top, taken, _order(question, places))


def _order(question: Question, places: Mapping[str, int]) -> float:
    """Images that are not among the hits come after them, in no order: a pair of two such counts a half."""
    liked, wrong = (
        np.array([places.get(id, DEPTH + 1) for id in ids], np.int64) for ids in (question.right, question.wrong)
    )
    if not len(liked) or not len(wrong):
        return float("nan")
    return float(((liked[:, None] < wrong) + 0.5 * (liked[:, None] == wrong)).mean())

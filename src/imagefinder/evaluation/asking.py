"""Asks a search what people have asked, and measures what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.errors import NotFoundError
from imagefinder.evaluation.cutting import Taken, taken_by
from imagefinder.evaluation.measures import MEASURES, Rows, measure
from imagefinder.search.answer import search_collection
from imagefinder.search.options import SearchOptions, WordsIn
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
    nothing fits. ``image`` is the id of the image that it asks by, ``group`` its label, ``wrong`` are images that
    people said don't fit, and ``words_in`` is where its words are looked for."""

    shown: str
    terms: tuple[Term, ...]
    right: Mapping[str, float]
    image: str = ""
    group: str = ""
    wrong: frozenset[str] = frozenset()
    words_in: WordsIn = "both"


@dataclass(frozen=True, slots=True)
class Seen:
    """A hit as it is shown; the ``score`` of what is no hit is None."""

    id: str
    uri: str
    score: float | None
    right: bool

    def to_dict(self) -> dict[str, Any]:
        score = None if self.score is None else round(self.score, 4)
        return {"id": self.id, "uri": self.uri, "score": score, "right": self.right}


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a question, the one with this ``number`` in its list, without its right images, of which there
    are ``wanted``: they may be as many as all. ``row`` are its ``MEASURES`` (NaN where nothing is right), ``first`` is
    the rank of the first right image (None if it is not among the hits), ``top`` are the first hits, ``best`` is the
    first right image where it is not among those (one of them where none is a hit), ``taken`` is what a cut takes, and
    ``order`` the share of its pairs of a right and a wrong image in which the right one comes first (NaN if there are
    none)."""

    number: int
    shown: str
    image: str
    group: str
    wanted: int
    row: Rows
    first: int | None
    top: tuple[Seen, ...]
    best: Seen | None
    taken: Taken
    order: float


def ask(
    collection: Collection,
    questions: Iterable[Question],
    space: str | None,
    *,
    total: int = 0,
    min_score: float | None = None,
    progress: OnProgress = ignore,
) -> Iterator[Found]:
    """Search for each question, of which there are ``total``, as people do: once for the ranking, and where
    ``min_score`` is not the cut, once more for the search's own. A question whose image has gone meanwhile is passed
    over."""
    options = SearchOptions(k=DEPTH, spaces=(space,) if space else ())
    for number, question in enumerate(questions):
        progress(Progress("searching", number, total))
        whole = replace(options, words_in=question.words_in)
        ended = replace(whole, k=1, cut="auto")
        try:
            hits = search_collection(collection, list(question.terms), whole)
            cut = search_collection(collection, list(question.terms), ended) if min_score is None else min_score
        except NotFoundError:
            if not question.image or collection.index.store.retrieve([question.image]):
                raise
            continue
        yield _found(number, question, hits, cut, _best(collection, question, hits))


def _best(collection: Collection, question: Question, hits: Hits) -> Seen | None:
    first = next((hit for hit in hits if hit.id in question.right), None)
    if first:
        return Seen(first.id, first.uri, first.score, True) if first.rank > TOP else None
    points = collection.index.store.retrieve(list(question.right)[:1])
    return Seen(points[0].id, str(points[0].payload["uri"]), None, True) if points else None


def _found(number: int, question: Question, hits: Hits, cut: float | Hits, best: Seen | None) -> Found:
    right = question.right
    places = {hit.id: rank for rank, hit in enumerate(hits, 1)}
    ranked = sorted((rank, right[id]) for id, rank in places.items() if id in right)
    ranks = np.array([rank for rank, _ in ranked], np.int64)
    row = (
        measure(ranks, [grade for _, grade in ranked], list(right.values()))
        if right
        else np.full(len(MEASURES), np.nan)
    )
    return Found(
        number=number,
        shown=question.shown,
        image=question.image,
        group=question.group,
        wanted=len(right),
        row=row,
        first=int(ranks[0]) if len(ranks) else None,
        top=tuple(Seen(hit.id, hit.uri, hit.score, hit.id in right) for hit in hits[:TOP]),
        best=best,
        taken=taken_by(hits, right, cut),
        order=_order(question, places),
    )


def _order(question: Question, places: Mapping[str, int]) -> float:
    """Images that are not among the hits come after them, in no order: a pair of two such counts a half."""
    liked, wrong = (
        np.array([places.get(id, DEPTH + 1) for id in ids], np.int64) for ids in (question.right, question.wrong)
    )
    if not len(liked) or not len(wrong):
        return float("nan")
    return float(((liked[:, None] < wrong) + 0.5 * (liked[:, None] == wrong)).mean())

"""Answers queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagefinder.embedding import Stopwatch, query_vectors, understand
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.images.loader import Loader
from imagefinder.query import Kind, Term
from imagefinder.ranking import Ranking
from imagefinder.relevance import refined
from imagefinder.results import Hits
from imagefinder.types import Hit, Record

if TYPE_CHECKING:
    from imagefinder.index import Index
    from imagefinder.models.base import Embedder
    from imagefinder.store.filters import Filter


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How many hits, and which images count at all.

    ``same_cluster``: those of the cluster of the image asked for, or of the best hit. ``liked`` and ``disliked`` are
    ids of images that were right or wrong: see ``relevance``. ``collapse`` makes one hit of near-identical ones;
    ``diversity``, 0 to 1, puts hits unlike each other ahead.
    """

    k: int = 10
    filter: Filter | None = None
    min_score: float | None = None
    offset: int = 0
    same_cluster: bool = False
    liked: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()
    collapse: bool = False
    diversity: float = 0.0

    def __post_init__(self) -> None:
        if self.k < 1 or self.offset < 0:
            raise InvalidInputError(f"k must be 1 or more and offset 0 or more; got k={self.k}, offset={self.offset}.")
        if not 0 <= self.diversity <= 1:
            raise InvalidInputError(f"diversity goes from 0 to 1; got {self.diversity}.")
        if both := set(self.liked) & set(self.disliked):
            raise InvalidInputError(f"{min(both)} is both liked and disliked.", remedy="Leave one out.")


def search(index: Index, embedder: Embedder, terms: Sequence[Term], options: SearchOptions, loader: Loader) -> Hits:
    """The images most like the sum of the terms.

    Each term speaks in one space: words in the model's text space, a picture or an id in its image space. Within a
    space the unit vectors of the terms are added with their weights, and the score is the cosine with that sum, which
    ranks as rclip's arithmetic does. Images named by id are no answer to themselves, and what was disliked is none
    either. See ``ranking`` for words and pictures together.
    """
    watch = Stopwatch()
    meanings = understand(index, embedder, terms, loader, watch)
    shown = [str(t.value) for t in terms if t.kind is Kind.ID]
    image_space = index.spaces_of(embedder.spec)["image"]
    with index.steady.shared():  # no transform changes between a query's vectors and the points it is compared with
        queries = query_vectors(index, meanings)
        if options.liked or options.disliked or not queries:
            queries = refined(index, queries, image_space, options.liked, options.disliked)
            watch.lap("feedback")
        ranking = Ranking(
            index,
            queries,
            image_space,
            filter=options.filter,
            min_score=options.min_score,
            exclude={*shown, *options.disliked},
            collapse=options.collapse,
            diversity=options.diversity,
        )
        if options.same_cluster:
            ranking = _within_cluster(ranking, shown)
        page = ranking.page(options.offset, options.k)
        watch.lap("query")
    total = index.store.count(ranking.filter)
    watch.lap("count")
    hits = [
        Hit(rank, p.score, Record.from_payload(p.id, p.payload), copies)
        for rank, (p, copies) in enumerate(page, start=options.offset + 1)
    ]
    return Hits(hits, space="+".join(queries), total=total, took_ms=watch.total_ms, stages=watch.stages)


def _within_cluster(ranking: Ranking, shown: Sequence[str]) -> Ranking:
    """The ranking narrowed to the cluster of the image shown, or of the best hit. Raises NotFoundError."""
    from imagefinder.store.filters import And, Compare

    payloads = [p.payload for p in ranking.index.store.retrieve(shown[:1])]
    payloads = payloads or [placed.point.payload for placed in ranking.page(0, 1)]
    if not payloads:
        return ranking
    cluster = payloads[0].get("cluster")
    if cluster is None:
        raise NotFoundError("The images are not clustered yet.", remedy="Run: imagefinder cluster")
    if cluster == -1:
        raise NotFoundError(f"{payloads[0]['uri']} is in no cluster.", remedy="Search without --same-cluster.")
    inside = Compare("cluster", "=", cluster)
    return replace(ranking, filter=And((ranking.filter, inside)) if ranking.filter else inside)

"""Runs a search: from a query and its options to hits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from imagefinder.errors import InvalidQueryError, NotFoundError
from imagefinder.images.loader import Loader
from imagefinder.images.palette import VIVID
from imagefinder.results import Hits
from imagefinder.search.concept_terms import with_concepts
from imagefinder.search.embed import EmbeddedTerm, Pictures, SpaceQuery, Stopwatch, embed_terms
from imagefinder.search.ends import (
    LEAST,
    Ends,
    Scores,
    compared,
    comparison,
    ends_of,
    ends_of_texts,
    page_until_end,
    shares_of,
    texts_of,
)
from imagefinder.search.euclidean import DistanceRanking, raw_point
from imagefinder.search.fusion import Fused
from imagefinder.search.heard import Heard, hear
from imagefinder.search.hybrid import Hybrid
from imagefinder.search.lexical import Written, both
from imagefinder.search.options import SearchOptions
from imagefinder.search.query import Kind, QueryInput, Term, looks_like_name, parse_query
from imagefinder.search.ranking import Ranking
from imagefinder.search.relevance import space_queries
from imagefinder.search.why import Asked, explained
from imagefinder.store.filters.parse import And, Compare
from imagefinder.types import Hit, Record

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.index.models import View
    from imagefinder.search.rerank import RankedHit
    from imagefinder.store.filters.parse import Filter
    from imagefinder.types import Float32


def search_collection(collection: Collection, query: QueryInput | None, options: SearchOptions) -> Hits:
    """Search for a query, which is read by ``query.parse_query``. ``options.liked`` and ``disliked`` may name images by
    id or URI. Raises InvalidQueryError, InvalidInputError or NotFoundError."""
    collection.ready()
    liked, disliked = (tuple(dict.fromkeys(map(collection.resolve, p))) for p in (options.liked, options.disliked))
    views = collection.views(options.spaces)
    terms = parse_query(query) if query is not None else []
    terms, options = with_concepts(collection.index, terms, replace(options, liked=liked, disliked=disliked))
    sides = [view.image_model.short_side for view in views] if any(t.shows_picture for t in terms) else [1]
    with closing(Loader(collection.limits, max(sides), together=True)) as loader:
        return search(views, terms, options, loader)


def search(views: Sequence[View], terms: Sequence[Term], options: SearchOptions, loader: Loader) -> Hits:
    """The images most similar to the sum of the terms.

    Each term is compared in one space: text in the text space of the view, images and ids in its image space. Within a
    space, the unit vectors of the terms are added with their weights, and the score is the cosine with this sum, which
    ranks images as rclip does. Images that the query names by id, and disliked images, are not among the hits. See
    ``ranking`` for text and images in one query, and ``fusion`` for several views or measures. Texts of which no model
    knows a word are left out, and if nothing else is looked for, there are no hits: see ``heard``.
    """
    watch = Stopwatch()
    index = views[0].index
    written, heard, shown = understood(views, terms, options)
    if heard.unknown and not shown and not written and not options.liked:
        return _nothing_understood(views, options, heard, watch)
    pictures = Pictures(index, loader, shown)
    embedded = [embed_terms(view, shown, pictures, watch) for view in views]
    with index.steady.shared():  # no transform changes between a query's vectors and the points it is compared with
        plan = SearchPlan(views, embedded, shown, options, written)
        watch.lap("feedback" if options.liked or options.disliked else "query")
        filter = plan.inside_cluster() if options.same_cluster else options.filter
        everything, chosen = index.store.count(), both(filter, written.only)
        total = everything if chosen is None else index.store.count(chosen)
        watch.lap("count")
        ranking = plan.ranking(filter)
        ends = plan.ends(ranking, everything)
        watch.lap("sure")
        page = page_until_end(ranking, ends, options, files=index.manifest.parts and not options.each_part)
        approximate = plan.approximate
        watch.lap("query")
    hits = [
        _hit(rank, hit, sure)
        for rank, (hit, sure) in enumerate(zip(page.hits, page.sure, strict=True), start=options.offset + 1)
    ]
    if options.explain:
        hits = explained(Asked(views, embedded, shown, options, pictures, written, ranking), hits)
        watch.lap("explain")
    return Hits(
        hits,
        space=plan.spaces,
        total=total,
        took_ms=watch.total_ms,
        stages=watch.stages,
        unknown_words=heard.unknown,
        notice=heard.notice or (None if hits else _unwritten(terms)),
        surely=page.surely,
        maybe=page.maybe,
        approximate=approximate,
    )


def _hit(rank: int, found: RankedHit, sure: float | None) -> Hit:
    record = Record.from_payload(found.point.id, found.point.payload)
    return Hit(rank, found.point.score, record, found.copies, sure, other_parts=found.other_parts)


def understood(
    views: Sequence[View], terms: Sequence[Term], options: SearchOptions
) -> tuple[Written, Heard, Sequence[Term]]:
    """What of a query is looked up in texts, what was heard of it, and the terms that models embed; none of these where
    only what is not wanted is left. Raises InvalidQueryError."""
    written = _written(views, terms, options)
    heard = hear(views, _for_models(views, terms, options, written), _known(written, options))
    return written, heard, heard.terms if options.liked or any(term.weight > 0 for term in heard.terms) else ()


def _written(views: Sequence[View], terms: Sequence[Term], options: SearchOptions) -> Written:
    """What is looked up in the texts of images. Raises InvalidQueryError for the name of a file that is neither here
    nor in the index."""
    written = Written.of(views[0].index, terms, everywhere=options.words_in != "pictures")
    for term in terms:
        if term.field == "name" and looks_like_name(text := str(term.value)) and not written.finds(written.only):
            raise InvalidQueryError(
                f"There is no file '{text}', and no image of the index is called that.",
                remedy="Check the name, or search by words, a path or a URL.",
            )
    return written


def _known(written: Written, options: SearchOptions) -> Callable[[str], bool]:
    """Tells of a word whether the texts of any image say it, where they are looked at."""
    return written.has if options.words_in != "pictures" else lambda word: False


def _for_models(
    views: Sequence[View], terms: Sequence[Term], options: SearchOptions, written: Written
) -> Sequence[Term]:
    """The terms that models are to embed: no words that are for texts only, or where no model reads words if texts say
    them."""
    mute = any(view.words is None for view in views) and written.finds(both(options.filter, written.only))
    texts_only = options.words_in == "texts" or mute
    return [term for term in terms if not term.field and not (texts_only and term.kind is Kind.WORDS)]


def hues_of(views: Sequence[View], terms: Sequence[Term]) -> tuple[str, ...]:
    """The vivid colours that words name and pictures are to have, where the models know words by what classes of images
    are called. A joint model of pictures and texts knows colours itself; and rooms and streets are grey and brown,
    whatever is in them."""
    if any(view.words in (None, view.image) for view in views):
        return ()
    said = [str(t.value).casefold() for t in terms if t.kind is Kind.WORDS and t.weight > 0]
    words = {word for text in said for word in re.findall(r"\w+", text)}
    return tuple(colour for colour in VIVID if colour in words)


def _unwritten(terms: Sequence[Term]) -> str | None:
    """What people are told when no field says what it was to say."""
    asked = [f'{term.field}: "{term.value!s}"' for term in terms if term.field and term.weight > 0]
    return f"No image says this: {', '.join(asked)}." if asked else None


def _nothing_understood(views: Sequence[View], options: SearchOptions, heard: Heard, watch: Stopwatch) -> Hits:
    """No hits: those nearest to a vector that says nothing would only look like some."""
    spaces = "+".join(dict.fromkeys(view.words or view.image for view in views))
    watch.lap("embed")
    total = views[0].index.store.count(options.filter)
    watch.lap("count")
    stages, words = watch.stages, heard.unknown
    cut = 0 if options.cut else None
    return Hits(
        [],
        space=spaces,
        total=total,
        took_ms=watch.total_ms,
        stages=stages,
        unknown_words=words,
        notice=heard.notice,
        surely=cut,
        maybe=cut,
    )


class SearchPlan:
    """A query after embedding: what to look for in each view, by each measure."""

    def __init__(
        self,
        views: Sequence[View],
        embedded: Sequence[Sequence[EmbeddedTerm]],
        terms: Sequence[Term],
        options: SearchOptions,
        written: Written,
    ) -> None:
        self._index, self._image_space = views[0].index, views[0].image
        self._options, self._written = options, written
        self._shares = shares_of(terms, bool(options.liked))
        self._texts = texts_of(views, terms)
        self._shown = [str(t.value) for t in terms if t.kind is Kind.ID]
        self._hues = hues_of(views, terms)
        self._queries: list[tuple[str, Mapping[str, SpaceQuery]]] = []
        self._points: list[tuple[str, Float32]] = []
        for view, said in zip(views, embedded, strict=True) if terms or options.liked or not written else ():
            if "cosine" in options.measures:
                self._queries.append((view.image, space_queries(view, said, options)))
            if "euclidean" in options.measures:
                self._points.append((view.image, raw_point(self._index, said)))

    @property
    def spaces(self) -> str:
        """The names of the spaces that are searched."""
        named = [space for _, queries in self._queries for space in queries]
        return "+".join(dict.fromkeys([*named, *(f"{space}:euclidean" for space, _ in self._points)])) or "texts"

    @property
    def approximate(self) -> bool:
        """Whether what is nearest may be missed."""
        asked = {self._index.space(space).search_vector or "" for _, queries in self._queries for space in queries}
        return not self._options.exact and any(map(self._index.store.approximate, asked))

    def ranking(self, filter: Filter | None) -> Ranking | Fused | Hybrid:
        options, exclude = self._options, {*self._shown, *self._options.disliked}
        filter = both(filter, self._written.only)
        voters: list[Ranking | DistanceRanking | Hybrid] = [
            Ranking(self._index, queries, space, filter=filter, exclude=exclude, exact=options.exact)
            for space, queries in self._queries
        ]
        voters += [DistanceRanking(self._index, space, point, filter, exclude) for space, point in self._points]
        if self._hues or (self._written and (not voters or self._written.finds(filter))):
            inner: list[Ranking | DistanceRanking | None] = [v for v in voters if not isinstance(v, Hybrid)]
            found = [Hybrid(self._index, m, self._written, self._image_space, filter, exclude) for m in inner or [None]]
            voters = [replace(one, hues=self._hues if one.meaning else ()) for one in found]
        least, collapse, diversity = options.min_score, options.collapse, options.diversity
        if len(voters) == 1 and not isinstance(voters[0], DistanceRanking):
            return replace(voters[0], min_score=least, collapse=collapse, diversity=diversity)
        return Fused(
            self._index,
            voters,
            options.fuse,
            self._image_space,
            min_score=least,
            collapse=collapse,
            diversity=diversity,
        )

    def ends(self, ranking: Ranking | Fused | Hybrid, total: int) -> Ends | None:
        """How sure the hits are, in a collection of ``total`` images; None where there are too few to tell."""
        if isinstance(ranking, Hybrid) and ranking.meaning is None:
            return ends_of_texts(self._written.full(ranking.filter))
        if total < LEAST:
            return None
        asked = [(space, query.vector) for _, queries in self._queries for space, query in queries.items()]
        asked += [(space, self._index.to_search(space, point[None])[0]) for space, point in self._points]
        exclude = {*self._shown, *self._options.disliked}
        usual, odd = compared([comparison(self._index, space, vector, exclude, self._texts) for space, vector in asked])
        return ends_of(Scores(ranking.sampled()[1], usual, odd, *self._shares))

    def inside_cluster(self) -> Filter | None:
        """The filter, narrowed to the cluster of the query image or of the best hit. Raises NotFoundError."""
        filter = self._options.filter
        payloads = [p.payload for p in self._index.store.retrieve(self._shown[:1])]
        payloads = payloads or [placed.point.payload for placed in self.ranking(filter).page(0, 1)]
        if not payloads:
            return filter
        cluster = payloads[0].get("cluster")
        if cluster is None:
            raise NotFoundError("The images are not clustered yet.", remedy="Run: imagefinder cluster")
        if cluster == -1:
            raise NotFoundError(f"{payloads[0]['uri']} is in no cluster.", remedy="Search without --same-cluster.")
        inside = Compare("cluster", "=", cluster)
        return And((filter, inside)) if filter else inside

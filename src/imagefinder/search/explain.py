"""Why one image fits a query, and which part of its picture does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from imagefinder.errors import ImageError, InvalidQueryError
from imagefinder.images.loader import Loader
from imagefinder.images.refs import ref_of
from imagefinder.results import Explanation
from imagefinder.search.answer import SearchPlan, understood
from imagefinder.search.concept_terms import with_concepts
from imagefinder.search.embed import Pictures, Stopwatch, embed_terms
from imagefinder.search.lexical import places_in_text
from imagefinder.search.options import SearchOptions, WordsIn
from imagefinder.search.query import QueryInput, parse_query
from imagefinder.search.regions import heat_map
from imagefinder.search.relevance import space_queries
from imagefinder.search.why import Asked, whys_of
from imagefinder.types import Record, Why

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.index.collection import Collection
    from imagefinder.index.models import View


def explain_image(
    collection: Collection,
    image: str | os.PathLike[str],
    query: QueryInput | None,
    *,
    liked: Sequence[str] = (),
    disliked: Sequence[str] = (),
    spaces: Sequence[str] = (),
    words_in: WordsIn = "both",
) -> Explanation:
    """Why an image of the index, named by id or URI, fits a query, which is read by ``query.parse_query``.

    The picture is read again, for the map; one that can't be read has none, nor has one that is only looked for in
    texts. The map takes one run of a model that can hide parts (see ``models.parts``), and 50 of another (see
    ``regions``). Raises InvalidQueryError or NotFoundError.
    """
    collection.ready()
    options = SearchOptions.of(1, liked=liked, disliked=disliked, spaces=spaces, words_in=words_in)
    point = collection.find(image)
    record = Record.from_payload(point.id, point.payload)
    one, other = (tuple(dict.fromkeys(map(collection.resolve, p))) for p in (options.liked, options.disliked))
    options = replace(options, liked=one, disliked=other)
    views = collection.views(options.spaces)
    terms, options = with_concepts(collection.index, parse_query(query) if query is not None else [], options)
    if not terms and not options.liked:
        raise InvalidQueryError("There is nothing to look for.", remedy="Give a query, or images that were right.")
    written, _, shown = understood(views, terms, options)
    by_models = bool(shown or options.liked)
    if not by_models and not written:
        return Explanation(record.id, Why())
    found = Explanation(record.id, Why(), text_at=places_in_text(point.payload, written.terms))
    with closing(Loader(collection.limits, _short_side(views), together=True)) as loader:
        pictures = Pictures(collection.index, loader, shown)
        embedded = [embed_terms(view, shown, pictures, Stopwatch()) for view in views]
        picture = _picture(loader, record) if by_models else None
    with collection.index.steady.shared():
        ranking = SearchPlan(views, embedded, shown, options, written).ranking(None)
        (why,) = whys_of(Asked(views, embedded, shown, options, pictures, written, ranking), [record])
        if picture is None:
            return replace(found, why=why)
        queries = [space_queries(view, said, options) for view, said in zip(views, embedded, strict=True)]
        heat, how = heat_map(views, queries, picture)
    return replace(found, why=why, map=heat, how=how)


def _short_side(views: Sequence[View]) -> int:
    return max(view.image_model.short_side for view in views)


def _picture(loader: Loader, record: Record) -> Image | None:
    try:
        return loader.decode(loader.read(ref_of(record))).image
    except ImageError:
        return None

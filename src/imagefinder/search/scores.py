"""How well each of some images fits a query: the axes of a map that means something."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from imagefinder.errors import InvalidQueryError
from imagefinder.images.loader import Loader
from imagefinder.search.answer import SearchPlan, understood
from imagefinder.search.concept_terms import with_concepts
from imagefinder.search.embed import Pictures, Stopwatch, embed_terms
from imagefinder.search.fusion import Fused
from imagefinder.search.lexical import Written
from imagefinder.search.options import SearchOptions
from imagefinder.search.query import QueryInput, parse_query

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.types import Float32


def score_images(collection: Collection, ids: Sequence[str], query: QueryInput) -> Float32:
    """The scores of the images ``ids`` for a query by what they show, float32 (n,): NaN for one that has gone, or has
    no vector. Texts of the images count nothing. Raises InvalidQueryError, NotFoundError or ImageError."""
    import numpy as np

    collection.ready()
    views = collection.views(())
    terms, options = with_concepts(collection.index, parse_query(query), SearchOptions.of(1, words_in="pictures"))
    _, heard, shown = understood(views, terms, options)
    if not shown and not options.liked:
        raise InvalidQueryError(
            heard.notice or "There is nothing to look for in pictures.", remedy="Give words that the model knows."
        )
    side = max(view.image_model.short_side for view in views) if any(t.shows_picture for t in shown) else 1
    with closing(Loader(collection.limits, side, together=True)) as loader:
        pictures = Pictures(collection.index, loader, shown)
        embedded = [embed_terms(view, shown, pictures, Stopwatch()) for view in views]
    with collection.index.steady.shared():
        nothing = Written.of(collection.index, [], everywhere=False)
        ranking = SearchPlan(views, embedded, shown, options, nothing).ranking(None)
        assert not isinstance(ranking, Fused)  # that of one view by one measure
        found = ranking.scores(ids)
    return np.array([found.get(id, np.nan) for id in ids], np.float32)

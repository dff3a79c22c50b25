"""Relevance feedback: improves a query with the images that a person found right or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imagefinder.errors import InvalidQueryError
from imagefinder.search.embed import SpaceQuery, query_vectors, stored_vectors

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.index.models import View
    from imagefinder.search.embed import EmbeddedTerm
    from imagefinder.search.options import SearchOptions
    from imagefinder.types import Float32

BACKGROUND = 64  # random images that count as wrong, all of them together as much as ``BACKGROUND_WEIGHT`` judged ones
BACKGROUND_WEIGHT = 8.0
LOOSENESS = 5.0  # C of the regression: how much a judgement weighs against a short weight vector
LIKED_WEIGHT = 2.0  # of what was learnt of the pictures beside the words of the query


def space_queries(view: View, embedded: Sequence[EmbeddedTerm], options: SearchOptions) -> Mapping[str, SpaceQuery]:
    """What to look for in each space of a view: the sum of the terms, moved by what was judged."""
    queries = query_vectors(view.index, embedded)
    if options.liked or options.disliked or not queries:
        queries = refined(view.index, queries, view.image, options.liked, options.disliked)
    return queries


def refined(
    index: Index, queries: Mapping[str, SpaceQuery], image_space: str, liked: Sequence[str], disliked: Sequence[str]
) -> dict[str, SpaceQuery]:
    """The queries by space, changed by the images that were liked and disliked, given by id.

    In each space, a logistic regression is trained on the query, the liked images, the disliked images and some random
    images. The normal of its plane is the new query. This finds as much as the best variants of Rocchio's method (1971)
    or more, and needs no weights to be tuned: see ``benchmarks/feedback.py``. Without a query, the liked images are the
    query. Raises NotFoundError for an id that is not in the index, and InvalidQueryError if there is nothing to look
    for.
    """
    if not liked and not any(query.nominates for query in queries.values()):
        raise InvalidQueryError("There is nothing to look for.", remedy="Give a query, or images that were right.")
    spaces = dict.fromkeys([*queries, *([image_space] if liked else [])])
    refined: dict[str, SpaceQuery] = {}
    for space in spaces:
        query = queries.get(space)
        weight = query.weight if query else LIKED_WEIGHT * sum(q.weight for q in queries.values()) or 1.0
        judged = Examples.of(index, space, query, liked, disliked)
        if len(judged.right):
            refined[space] = SpaceQuery(learnt(*judged), weight, True)
        elif query is not None:
            refined[space] = query
    return refined


class Examples(NamedTuple):
    """What a query learns from in one space, float32 (n, dim) each: the vector of the query is the first of those that
    are ``right``, or, reversed, of those that are ``wrong`` where all it says is what not to find."""

    right: Float32
    wrong: Float32
    background: Float32

    @classmethod
    def of(
        cls, index: Index, space: str, query: SpaceQuery | None, liked: Sequence[str], disliked: Sequence[str]
    ) -> Examples:
        right, wrong = stored_vectors(index, liked, space), stored_vectors(index, disliked, space)
        if query is not None and query.nominates:
            right = np.concatenate([query.vector[None], right])
        elif query is not None:
            wrong = np.concatenate([-query.vector[None], wrong])
        return cls(right, wrong, index.sample(space)[:BACKGROUND])


def learnt(right: Float32, wrong: Float32, background: Float32) -> Float32:
    """The direction, a unit vector float32 (dim,), that separates the rows ``right`` from ``wrong`` and
    ``background``."""
    rows = np.concatenate([right, wrong, background]).astype(np.float64)
    return np.asarray(learnt_shares(right, wrong, background) @ rows, np.float32)


def learnt_shares(right: Float32, wrong: Float32, background: Float32) -> np.ndarray:
    """How much of each row is in the direction that ``learnt`` gives, which is their sum: float64 (rows,), those that
    are right first, then the wrong ones, then the background.

    It is found by logistic regression with a penalty on the squared length of the weights, solved in the span of the
    rows by reweighted least squares (Green 1984), because there are fewer rows (about eighty) than dimensions.
    """
    rows = np.concatenate([right, wrong, background]).astype(np.float64)
    wanted = np.zeros(len(rows))
    wanted[: len(right)] = 1
    weights = np.ones(len(rows))
    weights[len(right) + len(wrong) :] = BACKGROUND_WEIGHT / max(1, len(background))
    kernel = rows @ rows.T
    system = np.ones((len(rows) + 1, len(rows) + 1))
    system[-1, -1] = 0
    shares, scores = np.zeros(len(rows)), np.zeros(len(rows))
    for _ in range(20):  # four or five are usual
        chance = 1 / (1 + np.exp(-scores))
        steep = np.maximum(chance * (1 - chance), 1e-6)
        system[:-1, :-1] = kernel + np.diag(1 / (LOOSENESS * weights * steep))
        solved = np.linalg.solve(system, np.append(scores + (wanted - chance) / steep, 0))
        shares, before = solved[:-1], scores
        scores = kernel @ shares + solved[-1]
        if np.abs(scores - before).max() < 1e-2:
            break
    length = float(np.linalg.norm(shares @ rows))
    return np.asarray(shares / max(length, 1e-12))

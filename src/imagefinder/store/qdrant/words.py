"""Which points say most of some words, by the server's own BM25."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.store.base import Matches
from imagefinder.store.qdrant.payloads import PATH, spelt_words
from imagefinder.store.words import K1, B

if TYPE_CHECKING:
    from qdrant_client import models

    from imagefinder.store.qdrant.server import Server

MOST_WORDS = 32  # of a query that are weighed


def most_said(server: Server, text: str, k: int, parts: Sequence[models.Filter | None]) -> Matches:
    """The ``k`` points that fulfil one of the filters ``parts`` and say most of the words of ``text``, less those that
    score as the last one: the server's order of equal scores is random."""
    from qdrant_client import models

    words = list(dict.fromkeys(spelt_words(text)))
    if not words or not parts:
        return Matches({})
    asked = [_request(" ".join(words), k, K1, part) for part in parts]
    asked += [_request(word, 1, 0.0) for word in words[:MOST_WORDS]]  # with k = 0, what scores is how rare it is
    answers = server.call("query_batch_points", server.address.points, asked)
    found = sorted((p for answer in answers[: len(parts)] for p in answer.points), key=lambda p: -p.score)[:k]
    if not found:
        return Matches({})
    rest = found[-1].score if len(found) >= k else 0.0
    rarities = [answer.points[0].score if answer.points else None for answer in answers[len(parts) :]]
    absent = 0.0
    if None in rarities:
        says = models.Filter(must_not=[models.IsEmptyCondition(is_empty=models.PayloadField(key=PATH))])
        n = server.call("count", server.address.points, count_filter=says, exact=True).count
        absent = math.log(2 * (n + 1)) / 2
    full = sum(absent if rarity is None else rarity for rarity in rarities)
    return Matches({str(p.id): p.score for p in found if p.score > rest}, rest, full)


def _request(text: str, limit: int, k1: float, filter: models.Filter | None = None) -> Any:
    from qdrant_client import models

    scoring = models.TextQueryScoring(bm25=models.Bm25Params(k=k1, b=B))
    query = models.TextQuery(text=models.TextQueryInput(query=text, scoring=scoring))
    return models.QueryRequest(query=query, using=PATH, filter=filter, limit=limit, with_payload=False)

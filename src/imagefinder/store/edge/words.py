"""The engine's index of words. It covers one field of the payloads, ``SAID``, that holds all texts of a record: so what
is rare is rare among all texts, whichever field says it, and the engine keeps one index, not one for each field (33 MB,
most of it holes). Nobody but this package sees the field."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.store.base import Matches
from imagefinder.store.words import said_in, settings, words_of

if TYPE_CHECKING:
    import qdrant_edge

    from imagefinder.store.base import Point

SAID = ":words"  # no column of a table is called so
PATH = f'"{SAID}"'
MOST_WORDS = 32  # of a query that are weighed
FILLED_AT_OPENING = (
    30_000  # records of a store of an earlier version; of more at the next ``optimize``: 0.1 ms for each
)


def index_words(shard: qdrant_edge.EdgeShard) -> None:
    """Make the index of words."""
    import qdrant_edge as engine

    params = engine.TextIndexParams(**settings(), phrase_matching=True, scoring=True, memory=engine.Memory.Cached)
    shard.update(engine.UpdateOperation.create_field_index(PATH, params))


def has_words(shard: qdrant_edge.EdgeShard) -> bool:
    """Whether the words of every record can be looked up."""
    return not {PATH, SAID}.isdisjoint(shard.info().payload_schema)


def with_words(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload as it is stored."""
    said = said_in(payload)
    return {**payload, SAID: said} if said else dict(payload)


def without_words(payload: Mapping[str, Any] | None) -> dict[str, Any]:
    """A payload as it was given to be stored."""
    return {field: value for field, value in (payload or {}).items() if field != SAID}


def by_words(points: Sequence[Point], changes: Mapping[str, Any]) -> dict[tuple[str, ...], list[Any]]:
    """The ids of points by the texts that they have with these changes of their payloads."""
    found: defaultdict[tuple[str, ...], list[Any]] = defaultdict(list)
    for point in points:
        found[tuple(said_in({**point.payload, **changes}))].append(point.id)
    return found


def looked_up(shard: qdrant_edge.EdgeShard, text: str, k: int, filter: qdrant_edge.Filter | None) -> Matches:
    """The ``k`` points that say most of the words of ``text``, less those that score as the last one: the engine's
    order of equal scores is random."""
    import qdrant_edge as engine

    request = engine.QueryRequest(limit=k, query=engine.TextQuery(PATH, text), filter=filter, with_payload=False)
    found = shard.query(request)
    rest = found[-1].score if len(found) >= k else 0.0
    full = _full(shard, text) if found else 0.0
    return Matches({str(p.id): p.score for p in found if p.score > rest}, rest, full)


def _full(shard: qdrant_edge.EdgeShard, text: str) -> float:
    """The sum of the inverse document frequencies of the words: what a text scores that says them once, with k = 0.
    Those that no text says count half."""
    import qdrant_edge as engine

    said = next((facts.points for path, facts in shard.info().payload_schema.items() if path in (PATH, SAID)), 0)
    absent, total = math.log(2 * (said + 1)) / 2, 0.0
    for word in list({w.numbers: w.written for w in words_of(text) if w.numbers}.values())[:MOST_WORDS]:
        query = engine.TextQuery(PATH, word, engine.Bm25Params(k=0.0))
        found = shard.query(engine.QueryRequest(limit=1, query=query, with_payload=False))
        total += found[0].score if found else absent
    return total

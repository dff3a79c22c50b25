"""The engine's index of words. It covers one field of the payloads, ``SAID``, that holds all texts of a record: so what
is rare is rare among all texts, whichever field says it, and the engine keeps one index, not one for each field (33 MB,
most of it holes). Nobody but this package sees the field.

It has parts: the fields that many images share have one each, so that another name of a group of 10,000 is a few
operations and not 10,000, since no two images say the same in all. Stores of earlier versions have all texts in one
list, and keep it until ``optimize``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.store.base import Matches
from imagefinder.store.words import may_say, said_in, settings, words_of

if TYPE_CHECKING:
    import qdrant_edge

    from imagefinder.store.base import Point

SAID, FORMER_SAID = ":said", ":words"  # no column of a table is called so
PATH, FORMER = f'"{SAID}"[].t', f'"{FORMER_SAID}"'
SHARED = ("tags", "cluster_name")  # fields with a part of their own, behind the one of all others
MOST_WORDS = 32  # of a query that are weighed
FILLED_AT_OPENING = (
    30_000  # records of a store of an earlier version; of more at the next ``optimize``: 0.1 ms for each
)


def index_words(shard: qdrant_edge.EdgeShard) -> None:
    """Make the index of words."""
    import qdrant_edge as engine

    params = engine.TextIndexParams(**settings(), phrase_matching=True, scoring=True, memory=engine.Memory.Cached)
    shard.update(engine.UpdateOperation.create_field_index(PATH, params))


def words_path(shard: qdrant_edge.EdgeShard) -> str | None:
    """Where the words of every record can be looked up; of a store of an earlier version ``FORMER``."""
    there = shard.info().payload_schema
    return FORMER if not {FORMER, FORMER_SAID}.isdisjoint(there) else PATH if PATH in there else None


def drop_former(shard: qdrant_edge.EdgeShard) -> None:
    """Take the index of an earlier version away, once there is that of this one."""
    from qdrant_edge import UpdateOperation

    shard.update(UpdateOperation.delete_field_index(FORMER))


def with_words(payload: Mapping[str, Any], path: str | None = PATH) -> dict[str, Any]:
    """A payload as it is stored, where words are looked up in ``path``."""
    if path == FORMER:
        return {**payload, FORMER_SAID: said_in(payload)}
    own = {field: value for field, value in payload.items() if field not in SHARED}
    return {**payload, SAID: [_part(own), *(_part({field: payload.get(field)}) for field in SHARED)]}


def _part(payload: Mapping[str, Any]) -> dict[str, list[str]]:
    said = said_in(payload)
    return {"t": said} if said else {}


def without_words(payload: Mapping[str, Any] | None) -> dict[str, Any]:
    """A payload as it was given to be stored."""
    return {field: value for field, value in (payload or {}).items() if field not in (SAID, FORMER_SAID)}


def by_words(
    points: Sequence[Point], changes: Mapping[str, Any], path: str | None
) -> list[tuple[list[Any], dict[str, Any]]]:
    """The ids of points that say the same with these changes of their payloads, and what is to be stored of it."""
    found: dict[str, tuple[list[Any], dict[str, Any]]] = {}
    own = FORMER_SAID if path == FORMER else SAID
    for point in points:
        said = with_words({**point.payload, **changes}, path)[own]
        found.setdefault(repr(said), ([], {own: said}))[0].append(point.id)
    return list(found.values())


def shared_words(changes: Mapping[str, Any], path: str | None) -> list[tuple[dict[str, Any], str]] | None:
    """What these changes make of the parts of the words, each with its place; None where it takes the other fields of a
    record to tell."""
    said = {field: value for field, value in changes.items() if may_say({field: value})}
    if said and (path != PATH or not said.keys() <= {*SHARED}):
        return None
    return [({"t": said_in({field: said[field]})}, f'"{SAID}"[{1 + SHARED.index(field)}]') for field in said]


def looked_up(shard: qdrant_edge.EdgeShard, path: str, text: str, k: int, filter: qdrant_edge.Filter | None) -> Matches:
    """The ``k`` points that say most of the words of ``text``, less those that score as the last one: the engine's
    order of equal scores is random."""
    import qdrant_edge as engine

    request = engine.QueryRequest(limit=k, query=engine.TextQuery(path, text), filter=filter, with_payload=False)
    found = shard.query(request)
    rest = found[-1].score if len(found) >= k else 0.0
    full = _full(shard, path, text) if found else 0.0
    return Matches({str(p.id): p.score for p in found if p.score > rest}, rest, full)


def _full(shard: qdrant_edge.EdgeShard, path: str, text: str) -> float:
    """The sum of the inverse document frequencies of the words: what a text scores that says them once, with k = 0.
    Those that no text says count half."""
    import qdrant_edge as engine

    said = next((facts.points for at, facts in shard.info().payload_schema.items() if at in (path, path.strip('"'))), 0)
    absent, total = math.log(2 * (said + 1)) / 2, 0.0
    for word in list({w.numbers: w.written for w in words_of(text) if w.numbers}.values())[:MOST_WORDS]:
        query = engine.TextQuery(path, word, engine.Bm25Params(k=0.0))
        found = shard.query(engine.QueryRequest(limit=1, query=query, with_payload=False))
        total += found[0].score if found else absent
    return total

"""The engine's indexes of words: which fields have one, and looking words up in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from imagefinder.store.base import Matches
from imagefinder.store.edge.engine import json_path
from imagefinder.store.fields import FIELD_KINDS
from imagefinder.store.words import COLUMNS, LISTS, PLACES, TEXTS, is_text, settings

if TYPE_CHECKING:
    import qdrant_edge

SAMPLED = 2000  # records of an index of an earlier version that are looked at for columns of tables


def text_path(field: str) -> str | None:
    """The engine's path of a field's texts; None if it can't name the field. That of a list is another than the one by
    which filters compare its values, so that each has an index of its own."""
    if field in LISTS:
        return f"{field}[]"
    return field if re.fullmatch(r"[A-Za-z_]\w*", field, re.ASCII) else json_path(field)


def indexed_texts(shard: qdrant_edge.EdgeShard) -> dict[str, str]:
    """The fields that have an index of words, with their paths."""
    there = set(shard.info().payload_schema)
    fields = (
        field if path in TEXTS else path.strip('"').removesuffix("[]") for path in sorted(there) for field in [path]
    )
    return {f: path for f in fields if (path := text_path(f)) in there and (f in TEXTS or f not in FIELD_KINDS)}


def index_texts(shard: qdrant_edge.EdgeShard, fields: Iterable[str]) -> None:
    """Make an index of words for each of these fields."""
    import qdrant_edge as engine

    for field in fields:
        if (path := text_path(field)) is not None:
            params = engine.TextIndexParams(
                **settings(field in PLACES), phrase_matching=True, scoring=True, memory=engine.Memory.Cached
            )
            shard.update(engine.UpdateOperation.create_field_index(path, params))


def first_texts(shard: qdrant_edge.EdgeShard) -> dict[str, str]:
    """The fields with an index of words, which are made here for a store of an earlier version: then also for the
    columns of tables, as far as some records show them."""
    there = indexed_texts(shard)
    if missing := [field for field in TEXTS if field not in there]:
        index_texts(shard, [*missing, *(_columns(shard) if len(missing) == len(TEXTS) else ())])
        shard.flush()
        there = indexed_texts(shard)
    return there


def _columns(shard: qdrant_edge.EdgeShard) -> list[str]:
    from qdrant_edge import ScrollRequest

    records, _ = shard.scroll(ScrollRequest(limit=SAMPLED, with_payload=True, with_vector=False))
    return list(islice(new_columns((record.payload or {} for record in records), {}), COLUMNS))


def new_columns(payloads: Iterable[Mapping[str, Any]], there: Mapping[str, str]) -> Iterable[str]:
    """The fields with texts that are in none of ``there`` and no fields of a record, each once."""
    seen = {*there, *FIELD_KINDS, *TEXTS}
    for payload in payloads:
        for field in payload.keys() - seen:
            if is_text(field, payload[field]):
                seen.add(field)
                yield field


def looked_up(shard: qdrant_edge.EdgeShard, path: str, text: str, k: int, filter: qdrant_edge.Filter | None) -> Matches:
    """The ``k`` points that say most of the words of ``text``, less those that score as the last one: the engine's
    order of equal scores is random."""
    import qdrant_edge as engine

    request = engine.QueryRequest(limit=k, query=engine.TextQuery(path, text), filter=filter, with_payload=False)
    found = shard.query(request)
    rest = found[-1].score if len(found) >= k else 0.0
    return Matches({str(p.id): p.score for p in found if p.score > rest}, rest)

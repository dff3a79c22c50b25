"""What the store on a Qdrant server asks for, asked of the engine itself, as Qdrant Edge has it: the in-process mode of
qdrant-client is another program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import qdrant_edge as engine

from imagefinder.store.base import Point
from imagefinder.store.exact import ExactStore
from imagefinder.store.qdrant.payloads import PATH, spelt_words, stored

ONE = str(UUID(int=1))


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[engine.EdgeShard]:
    config = engine.EdgeConfig(vectors={}, sparse_vectors={"none": engine.EdgeSparseVectorParams()})
    shard = engine.EdgeShard.create(str(tmp_path), config)
    yield shard
    shard.close()


def payload_of(shard: engine.EdgeShard) -> Any:
    return shard.retrieve([ONE], True, False)[0].payload


def put(shard: engine.EdgeShard, payload: dict[str, Any], *conditions: Any, key: str | None = None) -> None:
    wanted = engine.Filter(must=[engine.HasIdCondition({ONE}), *conditions])
    shard.update(engine.UpdateOperation.set_payload_by_filter(wanted, payload, key))


def test_an_update_under_a_condition_is_done_only_if_it_holds(shard: engine.EdgeShard) -> None:
    def is_(path: str, value: str) -> Any:
        return engine.FieldCondition(path, match=engine.MatchValue(value))

    start = {"version": "a", "docs": {"old": {}}, "locks": {}}
    shard.update(engine.UpdateOperation.upsert_points([engine.Point(ONE, {}, start)]))
    path = 'locks."in-dexing"'
    never = engine.Filter(should=[engine.IsEmptyCondition(f"{path}.holder"), is_(f"{path}.holder", "")])
    put(shard, {"holder": "me", "beat": "1"}, never, key=path)
    put(shard, {"holder": "you", "beat": "2"}, never, key=path)
    put(shard, {"beat": "3"}, is_(f"{path}.holder", "me"), is_(f"{path}.beat", "1"), key=path)
    assert payload_of(shard)["locks"] == {"in-dexing": {"holder": "me", "beat": "3"}}
    put(shard, {"version": "b", "docs": {"a.b/c": {}}}, is_("version", "a"), is_(f"{path}.holder", "me"))
    put(shard, {"version": "c", "docs": {}}, is_("version", "a"), is_(f"{path}.holder", "me"))
    put(shard, {"version": "d", "docs": {}}, is_("version", "b"), is_(f"{path}.holder", "you"))
    assert payload_of(shard)["version"] == "b" and payload_of(shard)["docs"] == {"a.b/c": {}}, "not merged, replaced"


def test_our_words_score_in_the_engine_as_the_formula_says(shard: engine.EdgeShard) -> None:
    params = engine.TextIndexParams(
        tokenizer=engine.TokenizerType.Word, lowercase=True, phrase_matching=True, scoring=True
    )
    shard.update(engine.UpdateOperation.create_field_index(PATH, params))
    texts = [
        ["a red bike", "in the snow"],
        ["bikes, bikes and more bikes"],
        ["snow"],
        [],
        ["the red"],
        ["a", "redBike"],
    ]
    exact = ExactStore()
    payloads = {str(UUID(int=n)): {"tags": said} for n, said in enumerate(texts, start=1)}
    exact.upsert([Point(id, payload, {}) for id, payload in payloads.items()])
    points = [engine.Point(id, {}, stored(payload, "x")) for id, payload in payloads.items()]
    shard.update(engine.UpdateOperation.upsert_points(points))
    for text in ("bikes", "red snow", "redBike", "the", "absent bike"):
        words = " ".join(spelt_words(text))
        request = engine.QueryRequest(limit=9, query=engine.TextQuery(PATH, words), with_payload=False)
        found = {str(hit.id): hit.score for hit in shard.query(request)}
        assert found == pytest.approx(dict(exact.match(text, 9).scores), rel=1e-5), text
    phrase = engine.FieldCondition(PATH, match=engine.MatchPhrase(" ".join(spelt_words("red bike"))))
    assert shard.count(engine.CountRequest(exact=True, filter=engine.Filter(must=[phrase]))) == 1

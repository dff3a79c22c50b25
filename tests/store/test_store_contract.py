"""What every store must do, run on each of them. ``ExactStore`` is plain enough to be the oracle of the others."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from addressed import place_for
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagefinder.errors import ImageFinderError, IndexDamagedError, InvalidInputError, NotFoundError
from imagefinder.store.base import Point, Store, VectorParams
from imagefinder.store.exact import ExactStore
from imagefinder.store.filters.parse import And, In, Not, Says, parse
from imagefinder.store.shared.answer import Answering
from imagefinder.store.shared.ask import AskingStore
from imagefinder.store.stores import STORES, StoreKind, find_store

RAW = VectorParams(8, dtype="float16", metric="dot", searchable=False)
SPACE = VectorParams(4)


def id_of(n: int) -> str:
    return str(uuid.UUID(int=n))


def point(n: int, vectors: dict[str, Any] | None = None, **payload: Any) -> Point:
    rng = np.random.default_rng(n)
    made = {"raw": rng.standard_normal(8), "space": rng.standard_normal(4)} if vectors is None else vectors
    return Point(id_of(n), {"uri": f"/p/{n}.jpg", "width": n, **payload}, made)


class Asked:
    """A store that is written here, while all that reads it is asked over the line, as another process does."""

    READS = (
        "writes",
        "vectors",
        "query",
        "approximate",
        "score",
        "match",
        "retrieve",
        "scroll",
        "columns",
        "without_vector",
        "count",
    )

    def __init__(self, held: Store) -> None:
        self._held, self._answering = held, Answering()
        self._answering.begin(lambda: held, {})
        self._asking = AskingStore(self._answering.door)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._asking if name in self.READS else self._held, name)

    def close(self) -> None:
        self._asking.close()
        self._answering.close()
        self._held.close()


@pytest.fixture(params=[*STORES, *(f"{name}, asked" for name in STORES)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    name, _, asked = request.param.partition(", ")
    made = find_store(name).create(place_for(name, request, tmp_path))
    made.create_vector("raw", RAW)
    made.create_vector("space", SPACE)
    store = Asked(made) if asked else made
    yield store
    store.close()


def ids(points: list[Any]) -> list[str]:
    return [p.id for p in points]


def test_vectors_can_be_created_and_dropped(store: Store) -> None:
    store.upsert([point(1)])
    assert dict(store.vectors()) == {"raw": RAW, "space": SPACE}
    store.create_vector("late", VectorParams(2, dtype="float16"))
    store.upsert([point(2, {"late": np.array([0, 2.0])})])
    assert ids(store.query("late", np.array([0, 1]), 5)) == [id_of(2)]
    assert ids(store.query("space", np.ones(4), 5)) == [id_of(1)]
    store.drop_vector("late")
    assert "late" not in store.vectors()
    with pytest.raises(NotFoundError, match="late"):
        store.query("late", np.array([0, 1]), 5)
    assert store.count() == 2


def test_starting_over_leaves_the_new_vectors_and_no_points(store: Store) -> None:
    store.upsert([point(1), point(2)])
    before = store.writes
    store.start_over({"other": VectorParams(2)})
    assert dict(store.vectors()) == {"other": VectorParams(2)} and store.count() == 0 and store.writes > before
    store.upsert([point(3, {"other": np.array([3.0, 4.0])})])
    assert ids(store.query("other", np.array([3, 4]), 5)) == [id_of(3)]
    with pytest.raises(NotFoundError, match="space"):
        store.query("space", np.ones(4), 5)


def test_a_store_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fulfils the protocol serves an index once it has its row; no name of a store stands elsewhere."""
    from imagefinder.finder import ImageFinder
    from imagefinder.index.folder import Index

    monkeypatch.setitem(STORES, "mine", StoreKind("a test's own", "imagefinder.store.exact:ExactStore"))
    pictures = Path(__file__).resolve().parents[2] / "examples" / "images" / "medical"
    with ImageFinder(Index(tmp_path / "index", store="mine"), model="fast") as finder:
        assert finder.add(pictures).added == 3
        hits = finder.search("a syringe", k=3)
        assert len(hits) == 3 and len(finder.cluster(2).clusters) == 2
    with ImageFinder.open(tmp_path / "edge", model="fast") as finder:
        finder.add(pictures)
        assert [hit.uri for hit in finder.search("a syringe", k=3)] == [hit.uri for hit in hits]
    with pytest.raises(IndexDamagedError, match="memory"):
        Index(tmp_path / "index", store="mine")
    with pytest.raises(NotFoundError, match="edge"):
        Index(tmp_path / "other", store="ege")


def test_points_without_a_vector(store: Store) -> None:
    store.upsert([point(3), point(1), point(2)])
    assert store.without_vector("space") == []
    store.create_vector("late", VectorParams(2))
    assert store.without_vector("late") == [id_of(1), id_of(2), id_of(3)]
    store.set_vectors("late", [id_of(2)], np.ones((1, 2), np.float32))
    assert store.without_vector("late") == [id_of(1), id_of(3)]
    store.upsert([point(2)])  # replaces the point, and with it the vectors it had
    assert store.without_vector("late") == [id_of(1), id_of(2), id_of(3)]
    store.delete([id_of(1)])
    assert store.without_vector("late") == [id_of(2), id_of(3)]
    with pytest.raises(NotFoundError):
        store.without_vector("never")


def test_creating_a_vector_again_is_harmless_only_if_it_is_the_same(store: Store) -> None:
    store.create_vector("space", SPACE)
    with pytest.raises(InvalidInputError, match="already"):
        store.create_vector("space", VectorParams(5))


@pytest.mark.parametrize("params", [VectorParams(0), VectorParams(10**6), VectorParams(3, dtype="int8")])  # type: ignore[arg-type]
def test_impossible_vectors_are_refused(store: Store, params: VectorParams) -> None:
    with pytest.raises(InvalidInputError):
        store.create_vector("new", params)


@pytest.mark.parametrize("name", ["", "../x", "a b", ".hidden", 'a"b'])
def test_a_vector_needs_a_plain_name(store: Store, name: str) -> None:
    with pytest.raises(InvalidInputError, match="name"):
        store.create_vector(name, SPACE)


def test_what_is_stored_comes_back(store: Store) -> None:
    payload = {"caption": "réd “bike”", "tags": ["a", "b"], "price": 2.5, "ok": True, "none": None, "a.b": [1, 2]}
    store.upsert([point(3, **payload)])
    [found] = store.retrieve([id_of(3)], vectors=["raw", "space"])
    assert found.payload == {"uri": "/p/3.jpg", "width": 3, **payload}
    expected = point(3).vectors
    assert found.vectors["raw"] == pytest.approx(expected["raw"], rel=2**-10), "float16 has 11 bits"
    unit = expected["space"] / np.linalg.norm(expected["space"])
    assert found.vectors["space"] == pytest.approx(unit, rel=1e-6), "a cosine vector is kept at unit length"
    assert found.vectors["space"].dtype == np.float32


def test_upsert_replaces_the_whole_point(store: Store) -> None:
    store.upsert([point(1, caption="old"), point(2)])
    store.upsert([point(1, {"space": np.ones(4)})])
    [found] = store.retrieve([id_of(1)], vectors=["raw", "space"])
    assert "caption" not in found.payload
    assert set(found.vectors) == {"space"}
    assert store.count() == 2


def test_the_last_of_duplicates_in_a_batch_wins(store: Store) -> None:
    store.upsert([point(1, caption="first"), point(2), point(1, caption="last")])
    assert store.count() == 2
    assert store.retrieve([id_of(1)])[0].payload["caption"] == "last"


def test_points_may_lack_vectors(store: Store) -> None:
    store.upsert([point(1, {}), point(2)])
    assert ids(store.query("space", np.ones(4), 9)) == [id_of(2)]
    assert store.retrieve([id_of(1)], vectors=["space"])[0].vectors == {}
    assert store.count() == 2


def test_empty_lists_do_nothing(store: Store) -> None:
    store.upsert([])
    store.delete([])
    store.set_vectors("space", [], np.empty((0, 4)))
    assert store.retrieve([]) == []
    assert store.count() == 0
    assert list(store.scroll()) == []
    assert store.query("space", np.ones(4), 3) == []


def test_unknown_ids(store: Store) -> None:
    store.upsert([point(1)])
    store.delete([id_of(7), "no uuid"])
    assert ids(store.retrieve([id_of(7), id_of(1), "no uuid", id_of(1)])) == [id_of(1), id_of(1)]
    for change in (
        lambda: store.set_payload(id_of(7), {}),
        lambda: store.set_vectors("space", [id_of(7)], np.ones((1, 4))),
    ):
        with pytest.raises(NotFoundError, match=id_of(7)):
            change()
    with pytest.raises(InvalidInputError, match="UUID"):
        store.upsert([Point("no uuid", {}, {})])


def test_ids_are_known_in_any_spelling(store: Store) -> None:
    store.upsert([Point(id_of(255).upper().replace("-", ""), {"a": 1}, {})])
    assert ids(store.retrieve([id_of(255).upper()])) == [id_of(255)]


def test_set_vectors_changes_one_vector_only(store: Store) -> None:
    store.upsert([point(1, caption="kept"), point(2)])
    store.set_vectors("space", [id_of(2), id_of(1), id_of(1)], np.array([[0, 1, 0, 0], [9, 9, 9, 9], [1, 0, 0, 0]]))
    assert ids(store.query("space", np.array([1, 0, 0, 0.1]), 2)) == [id_of(1), id_of(2)]
    [found] = store.retrieve([id_of(1)], vectors=["raw", "space"])
    assert found.payload["caption"] == "kept"
    assert found.vectors["space"] == pytest.approx([1, 0, 0, 0])
    assert found.vectors["raw"] == pytest.approx(point(1).vectors["raw"], rel=2**-10)


def test_set_payload_replaces_it(store: Store) -> None:
    store.upsert([point(1, caption="old")])
    store.set_payload(id_of(1), {"uri": "/new.jpg"})
    [found] = store.retrieve([id_of(1)], vectors=["space"])
    assert found.payload == {"uri": "/new.jpg"}
    assert "space" in found.vectors


def test_merge_payload_sets_and_removes_fields_of_many(store: Store) -> None:
    store.upsert([point(1, tags=["a"]), point(2, old=1), point(3)])
    store.merge_payload([id_of(1), id_of(2), id_of(9)], {"cluster": 4, "old": None})
    payloads = {p.id: p.payload for p in store.retrieve([id_of(1), id_of(2), id_of(3), id_of(9)])}
    assert payloads == {
        id_of(1): {"uri": "/p/1.jpg", "width": 1, "tags": ["a"], "cluster": 4},
        id_of(2): {"uri": "/p/2.jpg", "width": 2, "cluster": 4},
        id_of(3): {"uri": "/p/3.jpg", "width": 3},
    }
    assert ids(next(store.scroll(filter=parse("cluster = 4")))) == [id_of(1), id_of(2)]
    store.merge_payload([id_of(1)], {"cluster": None})
    assert store.count(parse("cluster = 4")) == 1
    with pytest.raises(InvalidInputError):
        store.merge_payload([id_of(1)], {"cluster": object()})


def test_clusters_are_found_by_their_number(store: Store) -> None:
    store.upsert([point(n, cluster=n % 3 - 1) for n in range(6)] + [point(6), point(7, cluster=5)])
    for text, expected in {
        "cluster = 1": [2, 5],
        "cluster = -1": [0, 3],
        "cluster != 1": [0, 1, 3, 4, 6, 7],
        "cluster in (0, 5)": [1, 4, 7],
        "not cluster in (0, 1)": [0, 3, 6, 7],
        "cluster = 1 and width = 5": [5],
        "cluster = 1 or width = 6": [2, 5, 6],
        "cluster >= 1": [2, 5, 7],
        "cluster = 0.5": [],
        "cluster = 99999999999999999999": [],
        "has cluster": [0, 1, 2, 3, 4, 5, 7],
    }.items():
        assert store.columns(["id"], filter=parse(text))["id"] == [id_of(n) for n in expected], text
        assert store.count(parse(text)) == len(expected)
    store.merge_payload([id_of(2)], {"cluster": 5})
    assert store.columns(["id"], filter=parse("cluster = 5"))["id"] == [id_of(2), id_of(7)]


def test_delete(store: Store) -> None:
    store.upsert([point(n) for n in range(5)])
    store.delete([id_of(1), id_of(3), id_of(1)])
    assert [ids(page) for page in store.scroll()] == [[id_of(0), id_of(2), id_of(4)]]
    assert store.count() == 3


def test_scroll_is_ordered_paged_and_narrowed(store: Store) -> None:
    order = np.random.default_rng(0).permutation(25)
    store.upsert([point(int(n), caption="c") for n in order])
    pages = list(store.scroll(batch=10, fields=["uri", "a.b", 'quo"te'], vectors=["space"]))
    assert [len(page) for page in pages] == [10, 10, 5]
    everything = [p for page in pages for p in page]
    assert ids(everything) == [id_of(n) for n in range(25)]
    assert everything[7].payload == {"uri": "/p/7.jpg"}
    assert set(everything[7].vectors) == {"space"}
    assert next(store.scroll(fields=[]))[0].payload == {}
    assert next(store.scroll(fields=["uri", "width"]))[3].payload == {"uri": "/p/3.jpg", "width": 3}


def test_query_orders_limits_and_filters(store: Store) -> None:
    angles = np.linspace(0, 1, 30)
    vectors = np.stack([np.cos(angles), np.sin(angles), 0 * angles, 0 * angles], axis=1)
    store.upsert([point(n, {"space": 3 * vectors[n]}, folder="even" if n % 2 == 0 else "odd") for n in range(30)])
    start = np.array([5.0, 0, 0, 0])
    hits = store.query("space", start, 100)
    assert ids(hits) == [id_of(n) for n in range(30)], "k may exceed the number of points"
    assert [h.score for h in hits] == pytest.approx(np.cos(angles), abs=1e-6)
    assert hits[4].payload["width"] == 4
    assert ids(store.query("space", start, 3, offset=2)) == [id_of(n) for n in (2, 3, 4)]
    assert ids(store.query("space", start, 3, offset=50)) == []
    assert ids(store.query("space", start, 3, filter=parse("folder = odd"))) == [id_of(n) for n in (1, 3, 5)]
    assert ids(store.query("space", start, 3, exact=True)) == [id_of(n) for n in range(3)]
    limit = float(np.cos(angles[10])) - 1e-5
    assert ids(store.query("space", start, 99, min_score=limit)) == [id_of(n) for n in range(11)]
    for hit in store.query("space", start, 99):
        kept = store.query("space", start, 99, min_score=hit.score)
        assert [p for p in store.query("space", start, 99) if p.score >= hit.score] == kept


def test_dot_scores_keep_lengths(store: Store) -> None:
    store.upsert([point(n, {"raw": np.full(8, n)}) for n in (1, 2, 3)])
    hits = store.query("raw", np.ones(8), 2)
    assert [(h.id, h.score) for h in hits] == [(id_of(3), pytest.approx(24)), (id_of(2), pytest.approx(16))]


def test_a_vector_of_zeros_scores_zero(store: Store) -> None:
    store.upsert([point(1, {"space": np.zeros(4)}), point(2, {"space": np.ones(4)})])
    assert [h.score for h in store.query("space", np.ones(4), 5)] == pytest.approx([1, 0])
    assert [h.score for h in store.query("space", np.zeros(4), 5)] == pytest.approx([0, 0])


BAD_VECTORS = {
    "short": np.ones(3),
    "matrix": np.ones((1, 4)),
    "nan": np.array([1, np.nan, 0, 0]),
    "infinite": np.array([1, np.inf, 0, 0]),
    "beyond float32": np.array([1e39, 0, 0, 0]),
    "text": np.array(["a", "b", "c", "d"]),
    "complex": np.ones(4, dtype=complex),
}


@pytest.mark.parametrize("bad", BAD_VECTORS.values(), ids=BAD_VECTORS.keys())
def test_bad_vectors_are_refused_and_nothing_is_written(store: Store, bad: np.ndarray) -> None:
    store.upsert([point(1)])
    with pytest.raises(InvalidInputError, match="space"):
        store.upsert([point(2), point(3, {"space": bad})])
    with pytest.raises(InvalidInputError, match="space"):
        store.query("space", bad, 3)
    with pytest.raises(InvalidInputError, match="space"):
        store.set_vectors("space", [id_of(1)], bad[None])
    assert store.count() == 1


def test_a_float16_vector_holds_no_more_than_float16(store: Store) -> None:
    store.upsert([point(1, {"raw": np.full(8, 65504.0)})])
    with pytest.raises(InvalidInputError, match="float16"):
        store.upsert([point(1, {"raw": np.full(8, 1e5)})])


def test_vectors_of_any_real_type_and_layout(store: Store) -> None:
    store.upsert([point(1, {"space": np.array([1, 2, 3, 4], dtype=np.int64)})])
    store.upsert([point(2, {"space": np.array([4, 3, 2, 1], dtype=np.float16)[::-1]})])
    store.upsert([point(3, {"space": np.asfortranarray(np.eye(4) * 7)[:, 2]})])
    assert [h.score for h in store.query("space", np.array([1, 2, 3, 4]), 2)] == pytest.approx([1, 1])


def test_unknown_vector_names(store: Store) -> None:
    store.upsert([point(1)])
    calls: list[Any] = [
        lambda: store.upsert([point(2, {"nope": np.ones(4)})]),
        lambda: store.query("nope", np.ones(4), 1),
        lambda: store.retrieve([id_of(1)], vectors=["nope"]),
        lambda: store.scroll(vectors=["nope"]),
        lambda: store.set_vectors("nope", [id_of(1)], np.ones((1, 4))),
        lambda: store.drop_vector("nope"),
    ]
    for call in calls:
        with pytest.raises(NotFoundError, match=r"'nope'.*raw, space"):
            call()


BAD_PAYLOADS: list[dict[Any, Any]] = [
    {"x": float("nan")},
    {"x": 2**64},
    {"x": {1}},
    {"x": "\udc80"},
    {"x": b"bytes"},
    {"x": (1, 2)},
    {1: "x"},
    {"width": "wide"},
    {"width": 2.5},
    {"folder": 5},
    {"taken_at": 2020},
    {"tags": ["a", 1]},
]


@pytest.mark.parametrize("payload", BAD_PAYLOADS, ids=repr)
def test_bad_payloads_are_refused(store: Store, payload: dict[Any, Any]) -> None:
    store.upsert([point(1)])
    with pytest.raises(InvalidInputError):
        store.upsert([Point(id_of(2), payload, {})])
    with pytest.raises(InvalidInputError):
        store.set_payload(id_of(1), payload)
    assert store.count() == 1


def test_bad_windows_are_refused(store: Store) -> None:
    for k, more in ((0, {}), (-1, {}), (1, {"offset": -1}), (1, {"min_score": float("nan")})):
        with pytest.raises(InvalidInputError):
            store.query("space", np.ones(4), k, **more)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError):
        store.scroll(batch=0)


def test_optimize_changes_no_answer(store: Store) -> None:
    store.upsert([point(n) for n in range(400)])
    store.delete([id_of(n) for n in range(0, 400, 3)])
    before = [(h.id, round(h.score, 5)) for h in store.query("space", np.ones(4), 20)]
    store.optimize()
    assert [(h.id, round(h.score, 5)) for h in store.query("space", np.ones(4), 20)] == before
    store.upsert([point(0)])
    assert store.count() == 267


def test_few_points_are_compared_exactly_and_it_says_so(store: Store) -> None:
    assert not store.approximate("space"), "there is nothing yet"
    store.upsert([point(n) for n in range(40)])
    store.optimize()
    assert store.approximate("space") is False and store.approximate("raw") is False
    usual, exact = (store.query("space", np.ones(4), 10, exact=exact) for exact in (False, True))
    assert ids(usual) == ids(exact)
    with pytest.raises(NotFoundError, match="nothing"):
        store.approximate("nothing")


def test_large_batches(store: Store) -> None:
    store.create_vector("wide", VectorParams(2048, dtype="float16", metric="dot"))
    array = np.random.default_rng(0).standard_normal((3000, 2048), dtype=np.float32)
    store.upsert([point(n, {"wide": array[n]}) for n in range(3000)])
    store.set_vectors("wide", [id_of(n) for n in range(3000)], array[::-1])
    assert store.count() == 3000
    assert store.retrieve([id_of(10)], vectors=["wide"])[0].vectors["wide"] == pytest.approx(
        array[2989], rel=2**-10, abs=1e-6
    )


def test_all_give_the_scores_of_the_exact_one(store: Store) -> None:
    exact = ExactStore()
    rng = np.random.default_rng(1)
    for params in (
        VectorParams(33),
        VectorParams(33, "float16"),
        VectorParams(33, metric="dot"),
        VectorParams(33, "float16", "dot"),
    ):
        for each in (store, exact):
            each.create_vector("v", params)
            each.upsert(
                [point(n, {"v": 3 * row}) for n, row in enumerate(np.random.default_rng(2).standard_normal((300, 33)))]
            )
        query = rng.standard_normal(33)
        ours, plain = store.query("v", query, 300), exact.query("v", query, 300)
        tolerance = (2e-3 if params.dtype == "float16" else 1e-5) * max(abs(h.score) for h in plain)
        assert {h.id: h.score for h in ours} == pytest.approx({h.id: h.score for h in plain}, abs=tolerance), params
        for each in (store, exact):
            each.drop_vector("v")


TEXTS = (
    "A red bike leans on a wall",
    "Two red cars racing: RED!",
    "caf\u00e9 au lait, na\u00efve Gar\u00e7on",
    "The bikes are running, the runner runs",
    "IMG_2041 and weddingCake",
    "snow",
    "",
)


def found_by(store: Store, text: str, **options: Any) -> set[str]:
    """The points that say any of the words."""
    return set(store.match(text, 100, **options).scores)


def test_words_are_found_in_every_text_as_it_is_now(store: Store) -> None:
    store.upsert([point(n, caption=text, tags=["wet road", "x"] if n < 3 else []) for n, text in enumerate(TEXTS)])
    assert found_by(store, "bike") == {id_of(0), id_of(3)}
    assert found_by(store, "roads") == {id_of(0), id_of(1), id_of(2)}
    assert found_by(store, "CAFE garcons") == {id_of(2)}
    assert found_by(store, "the and a") == found_by(store, "?!") == found_by(store, "") == set()
    assert found_by(store, "bike", filter=parse("width > 1")) == {id_of(3)}
    assert found_by(store, "bike", ids=[id_of(0), id_of(5)]) == {id_of(0)}
    store.merge_payload([id_of(0), id_of(5)], {"caption": "an elephant", "width": 7})
    store.set_payload(id_of(3), {"uri": "/p/3.jpg"})
    assert found_by(store, "bike") == set() and found_by(store, "elephants") == {id_of(0), id_of(5)}
    store.merge_payload([id_of(5)], {"caption": None})
    store.delete([id_of(0)])
    assert found_by(store, "elephant") == set() and found_by(store, "road") == {id_of(1), id_of(2)}
    (kept,) = store.retrieve([id_of(5)])
    assert kept.payload == {"uri": "/p/5.jpg", "width": 7, "tags": []}, "and nothing else is on the record"


def test_names_of_files_are_divided_and_columns_with_texts_are_texts(store: Store) -> None:
    places = (
        "/p/weddingCake3.jpg",
        "/Holidays 2019/IMG_2041.JPG",
        "https://x.org/caf%C3%A9-t%20b.png",
        "/q/HTTPServer.jpg",
    )
    columns = {"artist": "Judith Leyster", "sku": "0007", "shot": "2021-04-05", 'a "b" c': "lute", "odd name": "flutes"}
    store.upsert([Point(id_of(n), {"uri": uri, **(columns if n == 0 else {})}) for n, uri in enumerate(places)])
    for text, wanted in {
        "wedding": [0],
        "cake": [0],
        "weddingcake3": [0],
        "2041": [1],
        "img2041": [],
        "holiday": [1],
        "cafe": [2],
        "server": [3],
        "leyster": [0],
        "lute": [0],
        "flute": [0],
        "0007": [],
        "04": [],
    }.items():
        assert found_by(store, text) == {id_of(n) for n in wanted}, text


def test_filters_by_places_find_each_place(store: Store) -> None:
    places = (
        "/p/weddingCake3.jpg",
        "/p/wedding.jpg",
        "https://x.org/caf%C3%A9-t%20b.png?size=3",
        "/the/a",
        "/\u4e2d\u6587/\U0001f600",
        "...",
    )
    store.upsert([Point(id_of(n), {"uri": uri}) for n, uri in enumerate(places)])
    for n, place in enumerate(places):
        for filter, wanted in {
            In("uri", (place,)): {n},
            Not(In("uri", (place,))): {*range(len(places))} - {n},
            In("uri", (place, "/p/wedding.jpg")): {n, 1},
            And((In("uri", (place,)), Says("name", "wedding"))): {n} & {0, 1},
            And((Not(Says("*", "wedding", "any")), In("uri", (place,)))): {n} - {0, 1},
        }.items():
            found = store.columns(["id"], filter=filter)["id"]
            assert found == [id_of(n) for n in sorted(wanted)], filter


def test_filters_by_words_mean_the_same_everywhere(store: Store) -> None:
    artists = [{"artist": text} if n % 2 else {} for n, text in enumerate(TEXTS)]
    store.upsert([point(n, caption=text, tags=["wet road"], **artists[n]) for n, text in enumerate(TEXTS)])
    for text, wanted in {
        "caption says bikes": [0, 3],
        'caption says "red cars"': [1],
        'caption says any "red snow"': [0, 1, 5],
        'caption says phrase "red car"': [1],
        'caption says phrase "car red"': [],
        "not caption says red": [2, 3, 4, 5, 6],
        "not name says 3 and caption says bikes": [0],
        'name says phrase "3 jpg"': [3],
        "caption says red and width > 0": [1],
        "artist says red or caption says snow": [1, 5],
        'tags says "wet road" and caption says red': [0, 1],
        'caption says "the"': [],
        "name says 3": [3],
        "name says jpg and caption says snow": [5],
        '* says "bikes runs"': [3],
        "* says 4 and not * says bike": [4],
        '* says phrase "wet roads" and caption says red and width = 1': [1],
    }.items():
        assert ids(store.retrieve(store.columns(["id"], filter=parse(text))["id"])) == [id_of(n) for n in wanted], text
        assert store.count(parse(str(parse(text)))) == len(wanted), text


@given(st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_words_score_as_the_formula_says(store: Store, data: st.DataObject) -> None:
    word = st.sampled_from(["red", "bike", "running", "the", "café", "bikes", "RunS", "wall", "2041"])
    words = st.lists(word, max_size=12).map(" ".join)
    texts, query = data.draw(st.lists(words, min_size=1, max_size=12)), data.draw(words)
    exact = ExactStore()
    store.delete(store.columns(["id"])["id"])
    for each in (store, exact):
        each.upsert([point(n, {}, caption=text) for n, text in enumerate(texts)])
    found, plain = (each.match(query, 100) for each in (store, exact))
    assert dict(found.scores) == pytest.approx(dict(plain.scores), rel=1e-4)
    assert found.full == pytest.approx(plain.full, rel=1e-4)


def test_of_many_equal_matches_none_is_given_out_by_chance(store: Store) -> None:
    store.upsert([point(n, caption="snow" if n else "snow in snow") for n in range(40)])
    found = store.match("snow", 10)
    assert set(found.scores) <= {id_of(0)} and found.rest > 0
    every = store.match("snow", 100)
    assert len(every.scores) == 40 and every.rest == 0


def test_errors_are_ours_and_explain(store: Store) -> None:
    with pytest.raises(ImageFinderError) as caught:
        store.upsert([Point("x", {}, {})])
    assert "UUID" in caught.value.message
    assert caught.value.remedy


def test_pages_of_equal_scores_neither_repeat_nor_lose_a_point(store: Store) -> None:
    store.upsert([Point(id_of(n), {}, {"space": np.eye(4)[n % 2]}) for n in range(60)])
    for size in (1, 7, 25):
        pages = [ids(store.query("space", np.array([1, 0.5, 0, 0]), size, offset=o)) for o in range(0, 60, size)]
        assert [id for page in pages for id in page] == ids(store.query("space", np.array([1, 0.5, 0, 0]), 60))
    without = [id_of(0), id_of(4).upper(), id_of(7), id_of(999), "no id"]
    left = ids(store.query("space", np.array([1, 0.5, 0, 0]), 60, exclude=without))
    assert len(left) == 57 and not {id_of(0), id_of(4), id_of(7)} & set(left)
    assert ids(store.query("space", np.array([1, 0.5, 0, 0]), 5, offset=3, exclude=without)) == left[3:8]


def test_scores_of_given_points_are_those_of_the_query(store: Store) -> None:
    store.upsert([point(n) for n in range(30)])
    store.upsert([point(99, {"raw": np.ones(8)})])
    start = np.array([1, 2, 3, 4.0])
    every = {p.id: p.score for p in store.query("space", start, 50)}
    wanted = [id_of(3), id_of(17).upper(), id_of(99), id_of(1000), "no id"]
    assert store.score("space", start, wanted) == pytest.approx({id: every[id] for id in (id_of(3), id_of(17))})
    assert store.score("space", start, []) == {}
    with pytest.raises(NotFoundError):
        store.score("nope", start, wanted)


def test_a_filter_that_was_counted_holds_for_what_is_written_afterwards(store: Store) -> None:
    wide = parse("width >= 1")
    store.upsert([point(n) for n in range(1, 9)])
    for filter in (wide, And((wide, parse("width <= 6")))):
        query = {"vector": np.ones(4), "k": 20, "filter": filter}
        before = store.count(), store.count(filter), set(ids(store.query("space", **query)))
        assert before == (8, len(before[2]), {id_of(n) for n in range(1, 9 if filter is wide else 7)})
    assert store.count(wide) == store.count() == 8
    store.upsert([point(0)])  # of width 0
    store.merge_payload([id_of(3)], {"width": -3})
    store.delete([id_of(4)])
    left = {id_of(n) for n in (1, 2, 5, 6, 7, 8)}
    assert set(ids(store.query("space", np.ones(4), 20, filter=wide))) == left
    assert (store.count(), store.count(wide)) == (8, 6)
    assert {i for points in store.scroll(filter=wide) for i in ids(points)} == left


@pytest.mark.parametrize("condition", ["id = {0}", "id in ({0}, {1})", "has id", "id ~ 0"])
def test_no_field_is_called_id(store: Store, condition: str) -> None:
    """The columns have ids beside the fields, but a filter finds images by what they hold."""
    store.upsert([point(n) for n in range(8)])
    condition = condition.format(f'"{id_of(1)}"', f'"{id_of(2)}"')
    for text, wanted in (
        (condition, []),
        (f"not {condition}", range(8)),
        (f"width >= 1 and {condition}", []),
        (f"width = 3 or {condition}", [3]),
        (f"width <= 3 and not {condition}", range(4)),
    ):
        filter, there = parse(text), [id_of(n) for n in wanted]
        assert store.count(filter) == len(there), text
        assert set(ids(store.query("space", np.ones(4), 20, filter=filter))) == set(there), text
        assert store.columns(["id"], filter=filter)["id"] == there, text
        assert [i for points in store.scroll(filter=filter) for i in ids(points)] == there, text


def test_writes_are_counted_and_readings_are_not(store: Store) -> None:
    changes = (
        lambda: store.upsert([point(1), point(2)]),
        lambda: store.set_vectors("space", [id_of(1)], np.ones((1, 4))),
        lambda: store.set_payload(id_of(1), {"width": 3}),
        lambda: store.merge_payload([id_of(1)], {"width": 4}),
        lambda: store.delete([id_of(2)]),
        lambda: store.drop_vector("raw"),
    )
    for change in changes:
        before = store.writes
        change()
        after = store.writes
        assert after > before
        store.query("space", np.ones(4), 3)
        store.retrieve([id_of(1)])
        assert list(store.scroll()) and store.count() and store.columns(["id"])
        assert store.writes == after


def test_columns_hold_what_the_points_hold(store: Store) -> None:
    store.upsert([point(n, folder="odd" if n % 2 else None) for n in range(30)])
    found = store.columns(["id", "width", "folder", "nothing"], filter=parse("width >= 10"))
    assert list(found) == ["id", "width", "folder", "nothing"]
    assert found["id"] == [id_of(n) for n in range(10, 30)]
    assert found["width"] == list(range(10, 30))
    assert found["folder"] == ["odd" if n % 2 else None for n in range(10, 30)]
    assert set(found["nothing"]) == {None}
    assert store.columns(["width"], filter=parse("width > 99")) == {"width": []}

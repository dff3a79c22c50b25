"""Several models in one index: side by side, kept up to date, used, dropped; and searches in several at once."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder import ImageFinder
from imagefinder.errors import InvalidInputError, InvalidQueryError, ModelMismatchError, NotFoundError
from imagefinder.index.spaces import is_fitted
from imagefinder.search.fusion import RRF_K, Fused
from imagefinder.store.base import ScoredPoint
from imagefinder.types import Progress
from tests.support.edited import edit_json

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
LITE2, LITE0 = "efficientnet-lite2", "efficientnet-lite0"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with two models, never changed: tests copy it."""
    folder = tmp_path_factory.mktemp("both")
    pictures = folder / "pictures"
    for name in ("animals", "plants"):
        shutil.copytree(SAMPLES / name, pictures / name)
    with ImageFinder.open(folder / "index") as finder:
        finder.add(pictures)
        finder.add_model("fast")
    return folder


@pytest.fixture
def finder(both: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Iterator[ImageFinder]:
    copy_index(both / "index", tmp_path / "index")
    with ImageFinder.open(tmp_path / "index") as found:
        yield found


def cosine_order(finder: ImageFinder, space: str, query: str) -> list[str]:
    """The ids by the cosine with one of them, the oracle."""
    ids, vectors = finder.vectors(space)
    scores = vectors @ vectors[ids.index(query)]
    return [ids[i] for i in np.argsort(-scores, kind="stable") if ids[i] != query]


def test_a_further_model_leaves_the_one_in_use_alone(finder: ImageFinder) -> None:
    assert [(s.name, s.images, s.current) for s in finder.spaces()] == [
        (LITE2, len(finder), ("image",)),
        (f"{LITE2}-words", len(finder), ("words",)),
        (LITE0, len(finder), ()),
        (f"{LITE0}-words", len(finder), ()),
    ]
    assert finder.models == [LITE2, LITE0]
    assert finder.search("a bird").space == f"{LITE2}-words"


def test_its_vectors_are_those_of_an_index_of_its_own(both: Path, finder: ImageFinder, tmp_path: Path) -> None:
    with ImageFinder.open(tmp_path / "own", model="fast") as own:
        own.add(both / "pictures")
        ids, vectors = own.vectors(raw=True)
    there, beside = finder.vectors(LITE0, raw=True)
    assert there == ids
    np.testing.assert_array_equal(beside, vectors)


def test_new_changed_and_moved_images_get_the_vectors_of_every_model(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    shutil.copytree(SAMPLES / "animals", pictures)
    first, second, third, *_ = sorted(pictures.iterdir())
    extra = tmp_path / "later.jpg"
    shutil.move(third, extra)
    with ImageFinder.open(tmp_path / "index") as finder:
        finder.add(pictures)
        finder.add_model("fast")
        shutil.move(extra, pictures / "new.jpg")
        shutil.copy(second, first)
        (pictures / "sub").mkdir()
        shutil.move(second, pictures / "sub" / "moved.jpg")
        report = finder.add(pictures)
        assert (report.added, report.updated + report.moved) == (1, 2)
        assert {s.images for s in finder.spaces()} == {len(finder)}
        ids, vectors = finder.vectors(LITE0)
        assert len(ids) == len(finder)
        same = [str(pictures / "sub" / "moved.jpg"), str(first)]
        rows = [ids.index(finder.get(uri).id) for uri in same]
        assert vectors[rows[0]] @ vectors[rows[1]] > 0.999, "the same picture twice"


def test_an_interrupted_model_is_completed(both: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(now: Progress) -> None:
        if now.done >= 16:
            raise StopError

    with ImageFinder.open(tmp_path / "index") as finder:
        finder.add(both / "pictures")
        with pytest.raises(StopError):
            finder.add_model("fast", progress=stop)
        half = next(s.images for s in finder.spaces() if s.name == LITE0)
        assert 0 < half < len(finder)
        with pytest.raises(InvalidInputError, match="no vectors yet"):
            finder.use_space("fast")
        for ask in (lambda: finder.search("a bird", spaces=["fast"]), lambda: finder.vectors(LITE0)):
            with pytest.raises(InvalidInputError, match="no vectors yet"):
                ask()
        assert finder.search("a bird")
    with ImageFinder.open(tmp_path / "index") as finder:
        assert finder.add_model("fast").filled == len(finder) - half
        assert finder.search("a bird", spaces=["fast"]).space == f"{LITE0}-words"


def test_searches_do_not_wait_for_a_model_that_is_being_added(both: Path, tmp_path: Path) -> None:
    """A search in the space in use neither fits a half-filled one nor waits for who fills it."""
    with ImageFinder.open(tmp_path / "index") as finder:
        finder.add(both / "pictures")
        found: list[int] = []

        def search(now: Progress) -> None:
            asking = threading.Thread(target=lambda: found.append(len(finder.search("a bird", k=5))))
            with finder._collection.index.writing:  # as the filling does for each batch
                asking.start()
                asking.join(60)
                assert not asking.is_alive()
            assert now.done == now.total or not is_fitted(finder._collection.index, LITE0)

        finder.add_model("fast", progress=search)
        assert found and set(found) == {5}
        assert is_fitted(finder._collection.index, LITE0)


def test_a_picture_that_is_gone_is_skipped_and_said(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    shutil.copytree(SAMPLES / "animals", pictures)
    with ImageFinder.open(tmp_path / "index") as finder:
        finder.add(pictures)
        gone = sorted(pictures.iterdir())[0]
        gone.unlink()
        done = finder.add_model("fast")
        assert [s.uri for s in done.skipped] == [str(gone)]
        assert done.filled == len(finder) - 1
        id = finder.get(str(gone)).id
        assert id not in finder.vectors("fast" if "fast" in finder.models else LITE0)[0]
        assert id in [h.id for h in finder.search("animal", k=100)]
        assert id not in [h.id for h in finder.search("animal", k=100, spaces=["fast"])]
        finder.use_space("fast")
        assert sum(c.size for c in finder.cluster(3).clusters) == len(finder) - 1


def test_use_and_drop(finder: ImageFinder) -> None:
    finder.use_space("fast")
    assert finder.search("a bird").space == f"{LITE0}-words"
    assert finder.info().model == LITE0
    finder.use_space(LITE2)
    assert finder.text_space == f"{LITE2}-words", "the name of a model stands for all its spaces"
    finder.use_space(LITE0)
    finder.drop_space("default")
    assert finder.models == [LITE0]
    with pytest.raises(NotFoundError, match="default"):
        finder.search("a bird", spaces=["default"])
    path = finder.info().path
    finder.close()
    with ImageFinder.open(path) as again:
        assert again.models == [LITE0]
        assert again.search("a bird").space == f"{LITE0}-words"
        assert again.add().unchanged == len(again)


def test_what_is_in_use_can_t_be_dropped(finder: ImageFinder) -> None:
    with pytest.raises(InvalidInputError, match="in use"):
        finder.drop_space("default")
    with pytest.raises(NotFoundError):
        finder.drop_space("nonsense")
    assert len(finder.models) == 2


def test_opening_with_a_model_asks_that_one(finder: ImageFinder) -> None:
    path = finder.info().path
    finder.close()
    with ImageFinder.open(path, model="fast") as fast:
        assert fast.search("a bird").space == f"{LITE0}-words"
    with ImageFinder.open(path) as usual:
        assert usual.search("a bird").space == f"{LITE2}-words"


def test_another_version_of_a_model_is_refused(finder: ImageFinder) -> None:
    path = Path(finder.info().path)
    finder.close()
    edit_json(path / "index.json", lambda data: data["spaces"][LITE0].update(model_fingerprint="0" * 16))
    with ImageFinder.open(path) as again:
        assert again.search("a bird"), "the other model is as good as ever"
        with pytest.raises(ModelMismatchError, match="another version"):
            again.search(SAMPLES / "plants" / "daffodil.jpg", spaces=["fast"])


def test_leftovers_of_a_drop_that_was_cut_short_go(finder: ImageFinder) -> None:
    path = Path(finder.info().path)
    finder.close()
    edit_json(path / "index.json", lambda data: [data["spaces"].pop(name) for name in (LITE0, f"{LITE0}-words")])
    with ImageFinder.open(path) as again:
        assert not [name for name in again._collection.index.store.vectors() if name.startswith(LITE0)]
        assert again.add_model("fast").filled == len(again)


# --- several at once ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["rrf", "vote", "mean"])
def test_fusion_by_hand(finder: ImageFinder, how: Any) -> None:
    query = finder.vectors()[0][0]
    orders = [cosine_order(finder, space, query) for space in (LITE2, LITE0)]
    hits = finder.search(f"id:{query}", k=20, spaces=["default", "fast"], fuse=how)
    if how == "mean":
        total: dict[str, float] = {}
        for space in (LITE2, LITE0):
            ids, vectors = finder.vectors(space)
            scores = vectors @ vectors[ids.index(query)]
            for id, score in zip(ids, (scores - scores.mean()) / scores.std(), strict=True):
                total[id] = total.get(id, 0.0) + float(score) / 2
    else:
        depth = 100
        points = [
            {id: 1 / (RRF_K + 1 + r) if how == "rrf" else (1 - r / depth) / 2 for r, id in enumerate(o)} for o in orders
        ]
        total = {id: sum(p[id] for p in points) for id in orders[0]}
    total.pop(query, None)
    wanted = sorted(total, key=lambda id: (-total[id], id))[:20]
    np.testing.assert_allclose([h.score for h in hits], [total[id] for id in wanted], atol=0.02)
    assert len({h.id for h in hits} & set(wanted)) >= 19, "float16 may swap neighbours"
    assert hits.space == f"{LITE2}+{LITE0}"


def test_the_euclidean_distance(finder: ImageFinder) -> None:
    ids, raw = finder.vectors(raw=True)
    away = np.linalg.norm(raw - raw[5], axis=1)
    wanted = [ids[i] for i in np.argsort(away, kind="stable") if i != 5][:10]
    hits = finder.search(f"id:{ids[5]}", k=10, measures=["euclidean"])
    assert [h.id for h in hits] == wanted
    np.testing.assert_allclose([-h.score for h in hits], np.sort(away)[1:11], rtol=1e-4)
    assert hits.space == f"{LITE2}:euclidean"
    kept = finder.search(f"id:{ids[5]}", k=10, measures=["euclidean"], filter="folder ~ plants")
    assert all("plants" in h.uri for h in kept)


def test_both_measures_vote(finder: ImageFinder) -> None:
    id = finder.vectors()[0][7]
    alone = [[h.id for h in finder.search(f"id:{id}", k=5, measures=[m])] for m in ("cosine", "euclidean")]
    both = [h.id for h in finder.search(f"id:{id}", k=5, measures=["cosine", "euclidean"], fuse="vote")]
    assert set(both) & set(alone[0]) & set(alone[1])
    assert set(both) <= {h.id for m in ("cosine", "euclidean") for h in finder.search(f"id:{id}", k=20, measures=[m])}


@pytest.mark.parametrize("how", ["rrf", "vote", "mean"])
@pytest.mark.parametrize("collapse", [False, True])
def test_pages_neither_repeat_nor_lose_a_hit(finder: ImageFinder, how: Any, collapse: bool) -> None:
    options: dict[str, Any] = {"spaces": ["default", "fast"], "fuse": how, "collapse": collapse}
    whole = [h.id for h in finder.search("a flower", k=len(finder), **options)]
    pages = [h.id for i in range(0, len(finder), 7) for h in finder.search("a flower", k=7, offset=i, **options)]
    assert pages == whole
    assert len(set(whole)) == len(whole)
    assert collapse or len(whole) == len(finder)


def test_words_likes_and_filters_work_in_several_spaces(finder: ImageFinder) -> None:
    hits = finder.search("flower", k=10, spaces=["default", "fast"], filter="folder ~ plants", min_score=0.0)
    assert hits and all("plants" in h.uri for h in hits)
    liked = [hits[0].id]
    assert finder.search("flower", k=5, spaces=["default", "fast"], liked=liked, disliked=[hits[3].id])
    picture = SAMPLES / "plants" / "daffodil.jpg"
    assert finder.search(picture, k=1, spaces=["default", "fast"])[0].uri.endswith("daffodil.jpg")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"fuse": "sum"}, InvalidInputError),
        ({"measures": ["manhattan"]}, InvalidInputError),
        ({"measures": []}, InvalidInputError),
        ({"measures": ["cosine", "cosine"]}, InvalidInputError),
        ({"spaces": "fast"}, InvalidInputError),
        ({"spaces": ["nonsense"]}, NotFoundError),
        ({"measures": ["euclidean"]}, InvalidQueryError),
    ],
    ids=str,
)
def test_wrong_wishes_are_refused(finder: ImageFinder, options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        finder.search("a bird", **options)


def test_likes_need_the_cosine(finder: ImageFinder) -> None:
    id = finder.vectors()[0][0]
    with pytest.raises(InvalidInputError, match="cosine"):
        finder.search(f"id:{id}", measures=["euclidean"], liked=[id])


class Listed:
    """A voter with a list of ids, best first."""

    def __init__(self, ids: list[str]) -> None:
        self._ids = ids

    def best(self, depth: int, *, payload: bool = True) -> list[ScoredPoint]:
        return [ScoredPoint(id, float(-i), {}) for i, id in enumerate(self._ids[:depth])]

    def scores(self, ids: Any) -> dict[str, float]:
        return {id: float(-i) for i, id in enumerate(self._ids) if id in ids}

    def background(self) -> tuple[float, float]:
        return -len(self._ids) / 2, 1.0


@settings(deadline=None)
@given(data=st.data(), n=st.integers(1, 300), how=st.sampled_from(["rrf", "vote", "mean"]))
def test_every_image_comes_once_and_agreement_decides(data: st.DataObject, n: int, how: Any) -> None:
    ids = [f"{i:04d}" for i in range(n)]
    orders = [data.draw(st.permutations(ids)) if n < 20 else ids[k:] + ids[:k] for k in (0, n // 3)]
    fused = Fused(None, [Listed(list(o)) for o in orders], how, "")  # type: ignore[arg-type]
    got = [placed.point.id for placed in fused.page(0, n + 5)]
    assert sorted(got) == ids
    agreed = Fused(None, [Listed(ids), Listed(ids)], how, "")  # type: ignore[arg-type]
    assert [placed.point.id for placed in agreed.page(0, n)] == ids
    parts = [p.point.id for i in range(0, n, 9) for p in fused.page(i, 9)]
    assert parts == got
    assert replace(fused, min_score=1e9).page(0, 5) == []


def test_a_transform_of_many_images_is_fitted_to_some_of_them(
    sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagefinder.index import spaces
    from imagefinder.vectors.transform import LinearTransform

    monkeypatch.setattr(spaces, "FITTED_TO", 30)
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        index = finder._collection.index
        spec = finder._collection.models.spec(LITE2)
        every = np.concatenate([rows for _, rows in index.raw_batches(LITE2)])
        assert len(every) > 30 and spaces.refit(index, spec, force=True)
        fitted = index.transform(LITE2)
        right = LinearTransform.fit(
            iter([every[:30]]), kind=spec.spaces["image"].transform, prior_mean=spec.prior("image")
        )
        assert fitted is not None
        np.testing.assert_allclose(fitted.apply(every), right.apply(every), atol=1e-5)
        assert not index.store.without_vector(index.space(LITE2).search_vector or "")
        assert index.space(LITE2).fitted_count == len(every)

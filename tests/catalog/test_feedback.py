"""Likes and dislikes: what a search learns from them, and how they are kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from imagefinder import ImageFinder
from imagefinder.errors import InvalidInputError, InvalidQueryError, NotFoundError
from imagefinder.search.relevance import BACKGROUND_WEIGHT, LOOSENESS, learnt
from imagefinder.types import image_id

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageFinder]:
    with ImageFinder.open(tmp_path_factory.mktemp("feedback") / "index") as finder:
        finder.add(SAMPLES)
        yield finder


def test_what_is_learnt_is_a_logistic_regression() -> None:
    rng = np.random.default_rng(0)
    right, wrong, background = (
        rng.standard_normal((n, 40)).astype(np.float32) + m for n, m in ((5, 1), (7, -1), (30, 0))
    )
    weights = [1.0] * 12 + [BACKGROUND_WEIGHT / 30] * 30
    oracle = LogisticRegression(C=LOOSENESS, max_iter=5000, tol=1e-8)
    oracle.fit(np.concatenate([right, wrong, background]), [1] * 5 + [0] * 37, sample_weight=weights)
    normal = oracle.coef_[0] / np.linalg.norm(oracle.coef_[0])
    np.testing.assert_allclose(learnt(right, wrong, background), normal, atol=5e-3)


@pytest.mark.parametrize("kind", ["image", "words"])
def test_answers_get_better_by_feedback(finder: ImageFinder, kind: str) -> None:
    """A person who wants one folder of the samples, whose name they don't know; judged images don't count (residual
    collection)."""
    before, after = [], []
    folders = {r.folder: [x for x in finder.records() if x.folder == r.folder] for r in finder.records()}
    for folder, members in folders.items():
        if len(members) < 15:
            continue
        for member in sorted(members, key=lambda r: r.uri):  # ids, and so the records' order, depend on the path
            query = f"id:{member.id}" if kind == "image" else folder.rstrip("s")
            first = finder.search(query, k=10, words_in="pictures")
            liked = [h.id for h in first if h.record.folder == folder]
            disliked = [h.id for h in first if h.record.folder != folder]
            if liked and disliked:
                break
        else:
            continue
        judged = {*liked, *disliked}
        for found, answer in (
            (before, finder.search(query, k=20, words_in="pictures")),
            (after, finder.search(query, k=20, words_in="pictures", liked=liked, disliked=disliked)),
        ):
            rest = [h for h in answer if h.id not in judged][:10]
            found.append(sum(h.record.folder == folder for h in rest) / len(rest))
    assert np.mean(after) > np.mean(before) + 0.05, (before, after)


def test_liked_images_stay_and_disliked_ones_go(finder: ImageFinder) -> None:
    first = [h.id for h in finder.search("an animal", k=10)]
    again = finder.search("an animal", k=len(finder), liked=first[:2], disliked=first[2:5])
    ids = [h.id for h in again]
    assert set(first[:2]) <= set(ids[:10])
    assert not set(first[2:5]) & set(ids)
    assert len(ids) == len(finder) - 3
    assert "feedback" in again.stages
    only_wrong = finder.search("an animal", k=5, disliked=first[:3])
    assert len(only_wrong) == 5 and not set(first[:3]) & {h.id for h in only_wrong}


def test_likes_alone_are_a_query_and_go_by_id_or_path(finder: ImageFinder) -> None:
    record = finder.records()[3]
    for name in (record.id, f"id:{record.id}", record.uri):
        hits = finder.search(None, k=5, liked=[name])
        assert hits[0].id == record.id
    alone = {h.id for h in finder.similar(record.id, k=10)}
    assert len(alone & {h.id for h in finder.search(None, k=11, liked=[record.id])}) >= 7


def test_pages_of_a_search_with_feedback_hold_every_image_once(finder: ImageFinder) -> None:
    ids = [r.id for r in finder.records()]
    options = {"liked": ids[:2], "disliked": ids[2:4]}
    every = [h.id for h in finder.search("a dog", k=1000, **options)]  # type: ignore[arg-type]
    pages = [finder.search("a dog", k=40, offset=o, **options) for o in range(0, 200, 40)]  # type: ignore[arg-type]
    assert [h.id for page in pages for h in page] == every
    assert sorted(every) == sorted(set(ids) - set(ids[2:4]))


def test_wrong_feedback_is_refused(finder: ImageFinder) -> None:
    id = finder.records()[0].id
    with pytest.raises(NotFoundError):
        finder.search("dog", liked=[image_id("nowhere")])
    with pytest.raises(NotFoundError):
        finder.search("dog", disliked=["nonsense"])
    with pytest.raises(InvalidInputError, match="both"):
        finder.search("dog", liked=[id], disliked=[id])
    for disliked in ([], [id]):
        with pytest.raises(InvalidQueryError, match="nothing to look for"):
            finder.search(None, disliked=disliked)


# --- kept -----------------------------------------------------------------------------------------------------------


def test_judgements_are_kept_listed_and_removed(finder: ImageFinder) -> None:
    a, b, c = (r for r in finder.records()[:3])
    query = {"words": "a dög", "parts": [{"id": a.id, "weight": 0.5}], "k": 50}
    first = finder.feedback.add(query, liked=[a.id.upper(), a.id.upper()], disliked=[b.id])
    second = finder.feedback.add({}, disliked=[c.id])
    assert [j.id for j in finder.feedback.list()] == [second.id, first.id]
    kept = finder.feedback.list()[1]
    assert kept == first and kept.query == query
    assert [(j.id, j.content_hash) for j in kept.liked] == [(a.id, a.content_hash)]
    assert json.loads(json.dumps(kept.to_dict()))["disliked"] == [{"id": b.id, "content_hash": b.content_hash}]
    finder.feedback.remove(first.id)
    assert [j.id for j in finder.feedback.list()] == [second.id]
    with pytest.raises(NotFoundError):
        finder.feedback.remove(first.id)
    finder.feedback.remove(second.id)
    assert len(finder.feedback) == 0


@pytest.mark.files
def test_judgements_outlive_crashes_deletions_and_each_other(tmp_path: Path, make_image) -> None:  # type: ignore[no-untyped-def]
    for i in range(4):
        make_image(i).save(tmp_path / f"{i}.png")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(*(tmp_path / f"{i}.png" for i in range(4)))
        ids = [r.id for r in finder.records()]
        whole = finder.feedback.add({"words": "x"}, liked=ids[:1])
        file = tmp_path / "index" / "feedback.jsonl"
        file.write_bytes(file.read_bytes() + b'{"id": "torn", "created": "20')
        assert [j.id for j in finder.feedback.list()] == [whole.id]
        after = finder.feedback.add({}, liked=ids[1:2])
        file.write_bytes(file.read_bytes() + b"[]\n\xff\n" + b'{"id": 1}\n')
        finder.remove(ids[0])
        assert [j.id for j in finder.feedback.list()] == [after.id, whole.id]
        adders = [threading.Thread(target=finder.feedback.add, args=({"n": n}, ids[2:3])) for n in range(8)]
        for thread in adders:
            thread.start()
        for thread in adders:
            thread.join()
    with ImageFinder.open(tmp_path / "index") as finder:
        assert sorted(j.query["n"] for j in finder.feedback.list() if "n" in j.query) == list(range(8))
        assert len(finder.feedback) == 10


def test_judgements_that_make_no_sense_are_refused(finder: ImageFinder) -> None:
    id = finder.records()[0].id
    for query, liked, disliked in (
        ({}, [], []),
        ({}, [id], [id]),
        ({"a": {1}}, [id], []),
        ({"a": float("nan")}, [id], []),
    ):
        with pytest.raises(InvalidInputError):
            finder.feedback.add(query, liked, disliked)
    with pytest.raises(NotFoundError):
        finder.feedback.add({}, [image_id("nowhere")])
    assert len(finder.feedback) == 0

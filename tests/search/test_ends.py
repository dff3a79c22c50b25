"""Where the hits end: how sure each is, and the cut after those that fit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from command import run_cli
from hypothesis import given
from hypothesis import strategies as st

from imagefinder import ImageFinder
from imagefinder.client import Client
from imagefinder.errors import InvalidInputError
from imagefinder.index.sample import PLACES, SAMPLED, Sample, of_all, standard, usual_of
from imagefinder.results import MAYBE, SURELY
from imagefinder.search import ends
from imagefinder.search.ends import CUTS, LEARNT, STEPS, STRICT, Scores, Weights, best_cut, ends_of, learnt

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
USUAL = usual_of(np.sort(np.random.default_rng(1).normal(0, 0.1, (50, 500)), axis=1))._replace(best=6.0, hundredth=3.0)


def scores(seed: int = 0, n: int = 500, apart: float = 0.0, belonging: int = 0, words: float = 0.0) -> Scores:
    """Random scores, of which some stand apart."""
    found = np.random.default_rng(seed).normal(0, 0.1, n)
    found[:belonging] += apart
    return Scores(found.astype(np.float32), USUAL, np.zeros(4), words)


# --- chances --------------------------------------------------------------------------------------------------------


@given(st.integers(0, 1000), st.integers(50, 3000), st.floats(0, 3), st.integers(0, 40), st.floats(0, 1))
def test_a_chance_is_one_and_a_better_score_is_never_less_sure(
    seed: int, n: int, apart: float, belonging: int, words: float
) -> None:
    found = ends_of(scores(seed, n, apart, belonging, words))
    assert found is not None
    chances = found.sure(np.linspace(-10, 10, 400))
    assert ((chances >= 0) & (chances <= 1)).all() and (np.diff(chances) >= 0).all()


@given(st.integers(0, 100), st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_only_how_scores_stand_to_each_other_counts(seed: int, factor: float, shift: float) -> None:
    """So that cosines, distances and sums of standardised scores are on one scale."""
    plain = scores(seed, 300, 0.8, 6)
    moved = plain._replace(sample=(plain.sample.astype(np.float64) * factor + shift))
    here, there = ends_of(plain), ends_of(moved)
    assert here is not None and there is not None
    at = np.linspace(-1, 2, 50)
    np.testing.assert_allclose(here.sure(at), there.sure(at * factor + shift), atol=2e-2)


@given(st.integers(0, 100), st.floats(0.01, 0.99))
def test_the_least_score_is_where_the_chance_is_reached(seed: int, chance: float) -> None:
    found = ends_of(scores(seed, 800, 1.0, 12))
    assert found is not None
    least = found.least(chance)
    if math.isinf(least):
        assert found.chances[-1] < chance
    else:
        assert found.sure([least + 1e-6])[0] >= chance - 1e-3
        assert found.sure([least - 0.01])[0] <= chance or least <= found.middle


def test_what_stands_far_apart_is_sure_and_what_does_not_is_not() -> None:
    for words in (0.0, 1.0):
        found = ends_of(scores(n=2000, apart=1.5, belonging=15, words=words))
        assert found is not None
        assert found.sure([1.5])[0] > SURELY and found.sure([0.0, 0.1])[1] < MAYBE


def test_the_cut_is_where_f1_is_likely_to_be_largest_but_stricter() -> None:
    """Of ten images that belong for sure and many that don't, the ten; and no less sure than is sensible."""
    assert best_cut(np.array([0.9] * 10 + [0.01] * 990)) == CUTS[1]
    assert best_cut(np.array([0.9] * 10 + [0.3] * 40 + [0.0] * 950)) == pytest.approx(STRICT * 0.3)
    assert best_cut(np.full(1000, 0.02)) == CUTS[0]


def test_where_nothing_fits_only_what_surely_does_is_shown() -> None:
    low, high = (np.stack([np.full(n, w), np.full(n, w)]) for w, n in ((0, 114), (0, 37)))
    low[:, 0], high[:, 0] = -3, 9
    for weights, answered in ((Weights(low, high), False), (Weights(-low, high), True)):
        found = ends_of(scores(n=2000, apart=4.0, belonging=3), weights)
        assert found is not None
        near, copy = found.sure([0.5, 4.0])
        assert copy > 0.99, "what stands forty spreads apart is sure whatever the query"
        assert (near < 0.05) != answered and (near >= found.cut) == answered
    liked = ends_of(scores(n=2000)._replace(liked=0.5), Weights(low, high))
    assert liked is not None and liked.sure([0.5])[0] > 0.9, "who likes an image knows that something fits"


def test_a_query_unlike_those_of_the_collection_is_odd() -> None:
    rng = np.random.default_rng(0)
    centre = np.array([3.0] + [0.0] * 31)
    vectors = rng.normal(size=(500, 32)) + centre
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    sample = Sample([str(i) for i in range(500)], vectors)
    like, unlike = vectors[300], -vectors[300]
    odd = [sample.usual.odd(np.sort(sample.scores(query, {"300"})[1])) for query in (like, unlike)]
    assert np.abs(odd[0]).max() < 4 and odd[1][0] == -4, "its mean score is far below what is usual"
    asked: list[int] = []
    for _ in range(2):
        sample.usual_by("words", lambda: (asked.append(1), vectors[:50])[1])
    assert asked == [1], "what is usual of other queries is computed once"


def test_of_few_images_nothing_is_told() -> None:
    assert ends_of(scores(n=49)) is None and ends_of(scores(n=50)) is not None


def test_the_tail_of_a_normal_distribution() -> None:
    at = np.linspace(-5, 12, 200)
    exact = [math.erfc(x / math.sqrt(2)) / 2 for x in at]
    np.testing.assert_allclose(ends._normal_tail(at), exact, rtol=3e-3, atol=1e-7)


def test_the_weights_fit_what_is_told_of_queries_and_images() -> None:
    told = json.loads(LEARNT.read_text("utf-8"))
    assert told["made"] == "python benchmarks/ends.py --fit"
    standings = np.linspace(-3, 5, 500)
    given = ends.with_products(ends.facts(standings, scores()))
    assert learnt().answer.shape == (2, len(given)) and np.isfinite(given).all()
    table = ends.features(standings, STEPS, scores())
    assert learnt().belongs.shape == (2, table.shape[1]) and np.isfinite(table).all()
    assert (np.diff(STEPS) > 0).all()


# --- the sample -----------------------------------------------------------------------------------------------------


def test_the_spread_is_that_of_a_normal_distribution_whatever_stands_apart() -> None:
    rng = np.random.default_rng(0)
    plain = np.sort(rng.normal(3, 2, 20_000))
    assert standard(plain) == (pytest.approx(3, abs=0.1), pytest.approx(2, abs=0.1))
    mixed = np.sort(np.append(plain, np.full(1000, 50.0)))
    assert standard(mixed) == (pytest.approx(3, abs=0.3), pytest.approx(2, abs=0.3))


def test_the_usual_is_that_of_the_images_among_themselves() -> None:
    rng = np.random.default_rng(0)
    alone = rng.normal(size=(400, 64)).astype(np.float32)
    twins = np.repeat(alone[:200], 2, axis=0)
    far = [Sample([], v / np.linalg.norm(v, axis=1, keepdims=True)).usual.best for v in (alone, twins)]
    assert far[0] < 4 < 7 < far[1] == pytest.approx(8, abs=0.5), "a twin stands 1 / (1 / sqrt(64)) = 8 spreads above"


def test_the_usual_share_above_a_standing_is_that_of_all_pairs() -> None:
    rows = np.sort(np.random.default_rng(0).normal(5, 2, (200, 1000)), axis=1)
    usual = usual_of(rows)
    for place in (0.0, 1.0, 2.0):
        share = np.exp(usual.above[PLACES.index(place)])
        assert share == pytest.approx(math.erfc(place / math.sqrt(2)) / 2, abs=0.02)
    assert (np.diff(usual.above) <= 0).all() and len(usual.above) == len(PLACES)


def test_scores_of_images_that_are_in_all_lists() -> None:
    one, two = np.arange(3, dtype=np.float32), np.arange(10, 13, dtype=np.float32)
    same = ["a", "b", "c"]
    assert of_all([(same, one), (same, two)])[0] == same
    ids, (first, second) = of_all([(same, one), (["c", "x", "a"], two)])
    assert ids == ["a", "c"] and first.tolist() == [0, 2] and second.tolist() == [12, 10]


def test_who_is_asked_for_is_not_in_the_sample() -> None:
    vectors = np.eye(4, dtype=np.float32)
    sample = Sample(["a", "b", "c", "d"], vectors)
    ids, found = sample.scores(vectors[1], {"b", "z"})
    assert ids == ["a", "c", "d"] and found.tolist() == [0, 0, 0]


# --- searches -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finder(
    tmp_path_factory: pytest.TempPathFactory, sample_index: Path, copy_index: Callable[[Path, Path], Path]
) -> Iterator[ImageFinder]:
    """The sample images with the default model."""
    with ImageFinder.open(copy_index(sample_index, tmp_path_factory.mktemp("ends") / "index")) as finder:
        yield finder


QUERIES: dict[str, dict[str, Any]] = {
    "words": {"query": "strawberry"},
    "picture": {"query": "id:"},
    "sum": {"query": ["strawberry", "id:"]},
    "likes": {"query": "strawberry", "liked": ["id:"]},
    "distance": {"query": "id:", "measures": ["euclidean"]},
    "means": {"query": "id:", "measures": ["cosine", "euclidean"]},
    "rank fusion": {"query": "id:", "measures": ["cosine", "euclidean"], "fuse": "rrf"},
    "votes": {"query": "id:", "measures": ["cosine", "euclidean"], "fuse": "vote"},
    "diverse": {"query": "strawberry", "diversity": 0.5},
}


def asked(finder: ImageFinder, name: str) -> dict[str, Any]:
    picture = next(r.id for r in finder.records() if "strawberr" in r.uri)

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(one) for one in value]
        return value.replace("id:", f"id:{picture}") if isinstance(value, str) else value

    return {key: filled(value) for key, value in QUERIES[name].items()}


@pytest.mark.parametrize("name", QUERIES)
def test_the_cut_leaves_what_fits_and_counts_it(finder: ImageFinder, name: str) -> None:
    query = asked(finder, name)
    everything = finder.search(**query, k=len(finder))
    assert everything.surely is None and everything.maybe is None
    sure = [h.sure for h in everything]
    assert all(s is not None and 0 <= s <= 1 for s in sure)
    cut = finder.search(**query, k=len(finder), cut="auto")
    least = min((h.sure or 0) for h in cut) if cut else SURELY
    fitting = [h for h in everything if (h.sure or 0) >= least]
    assert {h.id: h.sure for h in cut} == {h.id: h.sure for h in fitting}
    assert bool(cut) == (max(s or 0 for s in sure) >= least)
    assert cut.surely == sum((h.sure or 0) >= SURELY for h in fitting)
    assert cut.surely + (cut.maybe or 0) == len(fitting)
    pages = [finder.search(**query, k=2, offset=at, cut="auto") for at in range(0, len(fitting) + 1, 2)]
    assert [h.id for page in pages for h in page] == [h.id for h in cut]
    assert {(p.surely, p.maybe) for p in pages} == {(cut.surely, cut.maybe)}
    if name not in ("rank fusion", "votes", "diverse"):  # the others are not ordered by how sure they are
        assert sure == sorted(sure, key=lambda s: -(s or 0))


def test_no_page_and_no_filter_changes_how_sure_an_image_is(finder: ImageFinder) -> None:
    whole = {h.id: h.sure for h in finder.search("strawberry", k=100)}
    later = {h.id: h.sure for h in finder.search("strawberry", k=20, offset=60)}
    narrow = {h.id: h.sure for h in finder.search("strawberry", k=20, filter="width > 10")}
    for some in (later, narrow):
        assert some and all(sure == pytest.approx(whole[id]) for id, sure in some.items())


def test_likes_leave_the_scale(finder: ImageFinder) -> None:
    """A like makes a score a sum of standardised ones, of any size; the chance stays one."""
    best = finder.search("strawberry", k=1)[0].id
    liked = finder.search("strawberry", k=5, liked=[best])
    assert max(h.score for h in liked) > 1 and all(0 <= (h.sure or 0) <= 1 for h in liked)


def test_where_nothing_fits_there_is_nothing(finder: ImageFinder) -> None:
    for query in ("qzxv wkrpt", "Eichhörnchen"):
        found = finder.search(query, cut="auto")
        assert (len(found), found.surely, found.maybe) == (0, 0, 0)


def test_of_a_small_collection_everything_is_shown(finder: ImageFinder, tmp_path: Path) -> None:
    with ImageFinder.open(tmp_path / "index", model="fast") as small:
        small.add(*sorted(SAMPLES.rglob("*.jpg"))[:12])
        hits = small.search("an animal", cut="auto", k=20)
        assert len(hits) == 12 and all(h.sure is None for h in hits) and hits.surely is None


def test_a_cut_that_there_is_not_is_refused(finder: ImageFinder) -> None:
    with pytest.raises(InvalidInputError, match="no cut 'sharp'"):
        finder.search("strawberry", cut="sharp")  # type: ignore[arg-type]


# --- doors ----------------------------------------------------------------------------------------------------------


def test_the_api_and_the_client_say_the_same(finder: ImageFinder, serving: Any) -> None:
    here = finder.search("strawberry", k=30, cut="auto")
    with serving(finder) as home, Client(home) as client:
        url = home.rstrip("/")
        told = httpx.post(f"{url}/v1/search", json={"words": "strawberry", "k": 30, "cut": "auto"}).json()
        assert (told["surely"], told["maybe"]) == (here.surely, here.maybe)
        assert [h["sure"] for h in told["hits"]] == [round(h.sure or 0, 3) for h in here]
        assert httpx.post(f"{url}/v1/search", json={"words": "x", "cut": "sharp"}).status_code == 400
        there = client.search("strawberry", k=30, cut="auto")
        assert [(h.id, h.sure) for h in there] == [(h.id, round(h.sure or 0, 3)) for h in here]
        assert (there.surely, there.maybe) == (here.surely, here.maybe)


def test_the_command_line_shows_how_sure_it_is(sample_index: Path, copy_index: Any, tmp_path: Path) -> None:
    home = str(copy_index(sample_index, tmp_path / "index"))
    with ImageFinder.open(home) as finder:
        cut = finder.search("strawberry", cut="auto")
    found = run_cli("search", "strawberry", "--auto", "--index", home)
    assert found.returncode == 0 and f"{cut.surely} surely, {cut.maybe} maybe" in found.stderr
    assert len(found.stdout.splitlines()) == min(10, len(cut))
    assert all(line.split()[1] == "maybe" or line.split()[2] == "%" for line in found.stdout.splitlines())
    none = run_cli("search", "Eichhörnchen", "--auto", "--index", home)
    assert none.returncode == 1 and not none.stdout and "Nothing here fits" in none.stderr


def test_a_large_collection_is_judged_by_a_part_of_it() -> None:
    assert SAMPLED < 22_914

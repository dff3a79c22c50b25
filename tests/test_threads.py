"""One ImageFinder, many threads: searches while the index changes under them, edits while it is indexed, and jobs
that are stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from imagefinder import ImageFinder
from imagefinder._util.shared_lock import SharedLock
from imagefinder._util.threads import one_blas_thread, ordered_map, ready_lists
from imagefinder.index.spaces import refit
from imagefinder.models import registry as names
from imagefinder.types import Progress, image_id
from imagefinder.vectors.transform import LinearTransform

N = 60


@pytest.fixture
def home(tmp_path: Path, make_image: Callable[..., Any]) -> Path:
    (tmp_path / "album").mkdir()
    for i in range(N):
        make_image(i).save(tmp_path / "album" / f"{i:02d}.png")
    return tmp_path


@pytest.fixture
def finder(home: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "album")
        yield finder


@contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Do ``work`` again and again in another thread; what it raises is raised at the end."""
    failed: list[BaseException] = []
    stop = threading.Event()

    def again() -> None:
        try:
            while not stop.is_set():
                work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=again)
    thread.start()
    try:
        yield failed
    finally:
        stop.set()
        thread.join()
    if failed:
        raise failed[0]


def test_searches_are_right_while_the_transform_changes(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each refit turns the space over: a query by one transform among points of another finds nothing right."""
    fit, turns = LinearTransform.fit.__func__, np.random.default_rng(0)  # type: ignore[attr-defined]

    def turned(cls: type[LinearTransform], *args: Any, **options: Any) -> LinearTransform:
        whole: LinearTransform = fit(cls, *args, **options)
        axes = np.eye(len(whole.mean), dtype=np.float32) if whole.axes is None else whole.axes
        return cls(whole.mean, axes[:, turns.permutation(whole.dim_out)] * turns.choice([-1, 1], whole.dim_out))

    monkeypatch.setattr(LinearTransform, "fit", classmethod(turned))
    records = finder.records()
    picture = Path(records[5].uri)
    queries: list[Any] = [f"id:{records[3].id}", picture, f"{picture} + id:{records[4].id}", "a dog"]
    ask = [lambda q=q: finder.search(q, k=5) for q in queries]  # type: ignore[misc]
    ask.append(lambda: finder.search(queries[0], k=5, liked=[records[7].id], disliked=[records[9].id]))
    expected = [[h.score for h in one()] for one in ask]
    ids, vectors = finder.vectors()
    alike = vectors @ vectors.T
    refits = []

    def refit_again() -> None:
        refit(finder._collection.index, finder.embedder.spec, force=True)
        refits.append(1)

    with meanwhile(refit_again) as failed:
        started = time.monotonic()
        while len(refits) < 3 and not failed and time.monotonic() < started + 60:
            for one, scores in zip(ask, expected, strict=True):
                np.testing.assert_allclose([h.score for h in one()], scores, atol=0.02)
            now_ids, now = finder.vectors()
            assert now_ids == ids
            np.testing.assert_allclose(now @ now.T, alike, atol=0.02)
    assert len(refits) >= 3
    assert len(finder._collection.index._samples) <= 2


def test_searches_and_lists_go_on_during_the_first_indexing(home: Path) -> None:
    from imagefinder.errors import NotFoundError

    seen: list[int] = []
    with ImageFinder.open(home / "index", model="fast") as finder:

        def look() -> None:
            try:
                hits = finder.search("a dog", k=1000)
                seen.append(len(hits))
                assert hits.total >= len(hits)
            except NotFoundError:
                seen.append(0)  # nothing is stored yet
            len(finder), finder.info(), finder.facets(), finder.list(), finder.records()

        with meanwhile(look):
            report = finder.add(home / "album", workers=2)
        assert report.added == N
        assert seen == sorted(seen)
        assert len(finder.search("a dog", k=1000)) == N
        ids, vectors = finder.vectors()
        name = finder._collection.index.space(finder.view().image).search_vector or ""
        stored = {p.id: p.vectors[name] for p in finder._collection.index.store.retrieve(ids, vectors=(name,))}
        np.testing.assert_allclose(np.stack([stored[id] for id in ids]), vectors, atol=2e-3)


def test_edits_made_during_indexing_are_kept(finder: ImageFinder, home: Path) -> None:
    """Every image is embedded anew while a person tags all of them, one after the other."""
    ids = [r.id for r in finder.records()]
    with ThreadPoolExecutor(2) as pool:
        indexing = pool.submit(finder.add, home / "album", force=True, workers=1)
        for i, id in enumerate(ids):
            finder.tag([id], add=[f"tag {i}"])
            finder.update(id, caption=f"caption {i}")
        indexing.result()
    for i, id in enumerate(ids):
        assert (finder.get(id).tags, finder.get(id).caption) == ((f"tag {i}",), f"caption {i}")


def test_many_threads_tag_the_same_image(finder: ImageFinder) -> None:
    id = finder.records()[0].id
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: finder.tag([id], add=[f"t{i}"]), range(40)))
    assert set(finder.get(id).tags) == {f"t{i}" for i in range(40)}


def test_images_removed_during_indexing_do_not_stop_it(finder: ImageFinder, home: Path) -> None:
    ids = [r.id for r in finder.records()]
    for i in range(N):  # copies of what is removed meanwhile
        (home / "album" / f"copy{i:02d}.png").write_bytes((home / "album" / f"{i:02d}.png").read_bytes())
    with ThreadPoolExecutor(1) as pool:
        indexing = pool.submit(finder.add, home / "album", workers=1)
        for id in ids[::2]:
            finder.remove(id)
        report = indexing.result()
    assert {s.code for s in report.skipped} <= {"not-found"}
    finder.add(home / "album")
    assert len(finder) == 2 * N


def test_two_runs_take_turns_and_the_model_is_loaded_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ImageFinder.open(home / "index", model="fast") as finder:
        loaded = []
        load = names.load_model

        def note(name: str, *, threads: int | None = None, **options: Any) -> Any:
            loaded.append(threads)
            return load(name, threads=threads, **options)

        monkeypatch.setattr(names, "load_model", note)
        with ThreadPoolExecutor(4) as pool:
            reports = [f.result() for f in [pool.submit(finder.add, home / "album") for _ in range(2)]]
            assert sorted(r.added for r in reports) == [0, N]
            hits = [f.result() for f in [pool.submit(finder.search, "dog", 5) for _ in range(8)]]
        assert loaded.count(None) == 1
        assert len({tuple(h.id for h in found) for found in hits}) == 1


def test_clusters_are_corrected_one_at_a_time(finder: ImageFinder) -> None:
    finder.cluster(n_clusters=8, method="kmeans")
    labels = [c.label for c in finder.clusters]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda label: finder.clusters.rename(label, f"name {label}"), labels))
    assert {c.label: c.name for c in finder.clusters} == {label: f"name {label}" for label in labels}
    told = threading.Event()

    def tell(now: Progress) -> None:
        told.set()
        time.sleep(0.05)

    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(finder.cluster, 8, method="kmeans", progress=tell)
        told.wait()
        finder.clusters.rename(labels[0], "late")  # waits for the run, and is not lost by it
        again.result()
    assert "late" in [c.name for c in finder.clusters]


# --- stopping -------------------------------------------------------------------------------------------------------


class StopError(Exception):
    """Raised by a callback; no ImageFinderError."""


def after(n: int) -> Callable[..., None]:
    """A callback that stops the work the ``n``-th time it is told something."""
    calls = []

    def tell(*about: object) -> None:
        calls.append(about)
        if len(calls) >= n:
            raise StopError

    return tell


def test_indexing_is_stopped_by_its_callback(home: Path) -> None:
    with ImageFinder.open(home / "index", model="fast") as finder:
        with pytest.raises(StopError):
            finder.add(home / "album", progress=after(2), workers=2)
        stored = len(finder)
        assert 0 < stored < N
        assert len(finder.search("a dog", k=1000)) == stored
        assert finder.add(home / "album").added == N - stored
        assert len(finder.search("a dog", k=1000)) == N
    assert not [t for t in threading.enumerate() if "ThreadPool" in t.name and t.is_alive()]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_other_work_is_stopped_by_its_callback(finder: ImageFinder, n: int) -> None:
    finder.cluster(n_clusters=4, method="kmeans")
    before = [(c.label, c.name) for c in finder.clusters]
    for work in (finder.cluster, finder.choose_k, finder.quality, finder.duplicates, finder.map, finder.outliers):
        with pytest.raises(StopError):
            work(progress=after(n))  # type: ignore[operator]
        assert finder.search("a dog", k=1)
    with pytest.raises(StopError):
        finder.map("pca", progress=after(n))
    assert [(c.label, c.name) for c in finder.clusters] == before
    assert not finder.maps()


def test_a_map_tells_how_far_it_is(finder: ImageFinder) -> None:
    told: list[Progress] = []
    finder.map("tsne", progress=told.append)
    assert told[0] == Progress("reading vectors")
    steps = [now for now in told if now.stage == "laying out" and now.total]
    assert steps[0] == Progress("laying out", 0, 375) and steps[-1] == Progress("laying out", 375, 375)
    finder.remove(finder.records()[0].id)
    told.clear()
    finder.map(update=True, progress=told.append)
    assert told == [Progress("reading vectors"), Progress("placing new images")]


# --- the lock -------------------------------------------------------------------------------------------------------


def test_the_shared_lock_is_shared_or_held_alone() -> None:
    lock = SharedLock()
    state = {"readers": 0, "writers": 0, "most": 0}
    guard = threading.Lock()

    def read() -> None:
        for _ in range(30):
            with lock.shared():
                with guard:
                    state["readers"] += 1
                    state["most"] = max(state["most"], state["readers"])
                    assert not state["writers"]
                time.sleep(0.001)
                with guard:
                    state["readers"] -= 1

    def write() -> None:
        for _ in range(10):
            with lock.exclusive():
                assert (state["readers"], state["writers"]) == (0, 0)
                state["writers"] += 1
                time.sleep(0.001)
                state["writers"] -= 1

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work) for work in (read, read, read, read, write, write)]:
            future.result(timeout=120)
    assert state["most"] > 1


def test_who_wants_the_lock_alone_is_not_kept_out(finder: ImageFinder) -> None:
    """Six threads search without a pause; a refit still gets through."""
    query = f"id:{image_id(finder.records()[0].uri)}"
    stop = threading.Event()

    def search() -> int:
        n = 0
        while not stop.is_set():
            n += len(finder.search(query, k=3))
        return n

    with ThreadPoolExecutor(6) as pool:
        searching = [pool.submit(search) for _ in range(6)]
        try:
            for _ in range(3):
                assert refit(finder._collection.index, finder.embedder.spec, force=True)
        finally:
            stop.set()
        assert all(future.result(timeout=120) for future in searching)


def test_numpy_takes_one_thread_while_anybody_asks_for_it() -> None:
    """Those who ask may come and go in any order; what was before comes back with the last."""
    before = _blas_threads()
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    assert set(_blas_threads()) == {1}
    first.__exit__(None, None, None)
    assert set(_blas_threads()) == {1}
    second.__exit__(None, None, None)
    assert _blas_threads() == before


def _blas_threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_a_result_is_handed_out_before_the_next_item_is_waited_for() -> None:
    first = threading.Event()

    def items() -> Iterator[int]:
        yield 0
        first.wait()  # set by what is done with the first one
        end = time.monotonic() + 60
        while not found:
            assert time.monotonic() < end
            yield 1
        yield 2

    found: list[int] = []
    for one in ordered_map(lambda i: first.set() or i, items(), workers=1, window=10**9):
        found.append(one)
    assert found[0] == 0 and found == sorted(found) and found[-1] == 2


def test_what_is_there_is_not_held_up_by_what_is_long_in_coming() -> None:
    go_on = threading.Event()

    def slow(i: int) -> int:
        if i >= 5:
            go_on.wait()
        return i

    found: list[int] = []
    for some in ready_lists(slow, range(9), workers=9, window=9, size=3, wait_s=0.01):
        assert len(some) <= 3
        found += some
        if found == [0, 1, 2, 3, 4]:
            go_on.set()
    assert found == list(range(9))

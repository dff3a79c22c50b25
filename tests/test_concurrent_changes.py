"""Whatever is loaded, changed and saved again: eight threads change it at once, and nothing is lost."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from eight_threads import all_at_once, at_once

from imagefinder import ImageFinder
from imagefinder._util.files import write_whole
from imagefinder.duplicates import trash
from imagefinder.duplicates.plan import plan_of
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.index import manifest as manifests
from imagefinder.index.runs import list_runs
from imagefinder.index.spaces import refit
from imagefinder.ingest.storing import Storing
from imagefinder.types import Progress

N = 48


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make_image: Callable[..., Any]) -> Path:
    """Pictures in two folders, and an index of them."""
    home = tmp_path_factory.mktemp("many")
    for i in range(N):
        folder = home / "album" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        make_image(i).save(folder / f"{i:02d}.png")
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "album")
    return home


@pytest.fixture
def finder(made: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Iterator[ImageFinder]:
    with ImageFinder.open(copy_index(made / "index", tmp_path / "index"), model="fast") as finder:
        yield finder


@pytest.fixture
def ids(finder: ImageFinder) -> list[str]:
    return [record.id for record in finder.records()]


# --- duplicates -----------------------------------------------------------------------------------------------------


def test_every_decision_is_kept(finder: ImageFinder, ids: list[str]) -> None:
    pairs = [(ids[i], ids[i + 1]) for i in range(40)]
    counts = all_at_once(lambda pair: finder.copies.decide("keep-both", *pair), pairs)
    assert sorted(counts) == list(range(1, 41))
    first, second = pairs[:20], [(ids[i], ids[i + 2]) for i in range(20)]
    work: list[Callable[[], int]] = []
    for gone, come in zip(first, second, strict=True):
        work.append(lambda pair=gone: finder.copies.forget(*pair))  # type: ignore[misc]
        work.append(lambda pair=come: finder.copies.decide("not-duplicate", *pair))  # type: ignore[misc]
    all_at_once(lambda do: do(), work)
    hashes = {record.id: record.content_hash for record in finder.records()}
    expected = {frozenset(hashes[id] for id in pair) for pair in (*pairs[20:], *second)}
    assert {frozenset(pair) for pair in finder.copies.decisions().pairs} == expected


def test_a_decision_is_forgotten_once(finder: ImageFinder, ids: list[str]) -> None:
    finder.copies.decide("keep-both", *ids[:2])
    results = at_once(lambda _: finder.copies.forget(*ids[:2]), range(8))
    assert sorted(map(type, results), key=str) == sorted([int, *[NotFoundError] * 7], key=str)


@pytest.fixture
def twins(tmp_path: Path, finder: ImageFinder, make_image: Callable[..., Any]) -> list[tuple[Path, Path]]:
    """Eight pairs of different files, each pair in a folder of its own and all with the same two names."""
    pairs = []
    for i in range(8):
        folder = tmp_path / "twins" / str(i)
        folder.mkdir(parents=True)
        pairs.append((folder / "kept.png", folder / "cat.png"))
        make_image(100 + i).save(pairs[-1][0])
        make_image(100 + i).save(pairs[-1][1], compress_level=1)
    finder.add(tmp_path / "twins")
    return pairs


def test_files_of_one_name_thrown_away_in_one_second_all_come_back(
    finder: ImageFinder, twins: list[tuple[Path, Path]], tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for pair in twins for path in pair}
    index = finder._collection.index
    for folder in (None, tmp_path / "elsewhere"):
        plans = [plan_of([(finder.get(kept), [finder.get(gone)])]) for kept, gone in twins]
        moved = all_at_once(lambda plan, to=folder: trash.apply_plan(index, plan, trash=to), plans)  # type: ignore[misc]
        assert [len(m.files) for m in moved] == [1] * 8 and len({m.journal for m in moved}) == 8
        assert {Path(to).read_bytes() for m in moved for _, to in m.files} == {before[gone] for _, gone in twins}
        assert not any(str(gone) in {r.uri for r in finder.records()} for _, gone in twins)
        undone = at_once(lambda _: finder.copies.undo(), range(9))
        assert sum(len(m.files) for m in undone if isinstance(m, trash.Moved)) == 8
        assert [type(m) for m in undone if not isinstance(m, trash.Moved)] == [NotFoundError]
        assert {path: path.read_bytes() for pair in twins for path in pair} == before
        finder.add(tmp_path / "twins")


def test_two_plans_do_not_throw_away_what_the_other_keeps(
    finder: ImageFinder, twins: list[tuple[Path, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both look before either moves, if they can."""
    a, b = (finder.get(path) for path in twins[0])
    together, note = threading.Barrier(2), trash.note

    def wait(journal: Path, entry: dict[str, Any]) -> None:
        with suppress(threading.BrokenBarrierError):
            together.wait(1)
        note(journal, entry)

    monkeypatch.setattr(trash, "note", wait)
    with ThreadPoolExecutor(2) as pool:
        results = [pool.submit(trash.apply_plan, finder._collection.index, plan_of([p])) for p in ((a, [b]), (b, [a]))]
        moved = [result.result() for result in results]
    assert sorted(len(m.files) for m in moved) == [0, 1]
    assert [s.code for m in moved for s in m.left] == ["nothing-kept"]
    assert sum(path.exists() for path in twins[0]) == 1


def test_what_is_thrown_away_after_an_undo_can_be_undone_too(
    finder: ImageFinder, twins: list[tuple[Path, Path]]
) -> None:
    """Between two files of a plan somebody takes the first one back."""
    plan = plan_of([(finder.get(kept), [finder.get(gone)]) for kept, gone in twins[:2]])
    undone: list[trash.Moved] = []
    trash.apply_plan(
        finder._collection.index, plan, moved=lambda _: undone.append(finder.copies.undo()) if not undone else None
    )
    assert len(undone[0].files) == 1 and not twins[1][1].exists()
    assert len(finder.copies.undo().files) == 1
    assert all(path.exists() for pair in twins for path in pair)


def test_searches_for_duplicates_at_once_leave_one_report(finder: ImageFinder, twins: list[tuple[Path, Path]]) -> None:
    finder.duplicates()
    stop = threading.Event()

    def look() -> set[int]:
        seen = set()
        while not stop.is_set():
            seen.add(len(finder.copies.latest()["groups"]))
            time.sleep(0.001)
        return seen

    with ThreadPoolExecutor(1) as pool:
        seen = pool.submit(look)
        try:
            reports = all_at_once(lambda _: finder.duplicates(), range(8))
        finally:
            stop.set()
        assert seen.result() == {8} == {len(report.groups) for report in reports}
    assert [len(list_runs(finder._collection.index.documents, kind)) for kind in ("duplicates", "neighbors")] == [1, 1]


# --- index.json -----------------------------------------------------------------------------------------------------


def test_every_source_is_remembered(finder: ImageFinder, tmp_path: Path, make_image: Callable[..., Any]) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(40)]
    for i, path in enumerate(paths):
        make_image(200 + i).save(path)
    reports = all_at_once(finder.add, paths)
    assert sum(report.added for report in reports) == 40 and len(finder) == N + 40
    saved = {source.uri for source in manifests.load(finder._collection.index.documents).sources}
    assert saved == set(finder.sources) and set(map(str, paths)) < saved


def test_changes_of_sources_spaces_and_transforms_are_all_kept(finder: ImageFinder, tmp_path: Path) -> None:
    finder.add_model("default")
    specs = [finder.model_spec(name) for name in ("fast", "default")]
    index = finder._collection.index
    before = {name: entry.search_vector for name, entry in index.manifest.spaces.items()}
    work: list[Callable[[], object]] = []
    for i in range(8):
        (tmp_path / str(i)).mkdir()
        finder.add(tmp_path / str(i))
    for i in range(8):
        work.append(lambda i=i: finder.pause_source(tmp_path / str(i)))  # type: ignore[misc]
        work.append(lambda i=i: refit(index, specs[i % 2], force=True))  # type: ignore[misc]
        work.append(lambda i=i: finder.use_space(specs[i % 2].name))  # type: ignore[misc]
    all_at_once(lambda do: do(), work)
    saved = manifests.load(index.documents)
    assert saved.to_dict() == index.manifest.to_dict()
    assert {s.uri for s in saved.sources if s.paused} == {str(tmp_path / str(i)) for i in range(8)}
    after = {name: entry.search_vector for name, entry in saved.spaces.items()}
    assert {n: int(after[n].rpartition(".")[2]) - int(before[n].rpartition(".")[2]) for n in before} == dict.fromkeys(
        before, 4
    )  # type: ignore[union-attr]
    assert {saved.spaces[name].model for name in saved.current.values()} in ({specs[0].name}, {specs[1].name})
    assert len(finder.search("a dog", k=100)) == N


def _number(search_vector: str | None) -> int:
    """How often a transform was fitted."""
    return int((search_vector or "").rpartition(".")[2])


def test_a_model_is_added_by_many_and_dropped_once(finder: ImageFinder) -> None:
    filled = all_at_once(lambda _: finder.add_model("default"), range(8))
    assert sum(report.filled for report in filled) == N
    results = at_once(lambda _: finder.drop_space("default"), range(8))
    assert sum(result is None for result in results) == 1
    assert {type(result) for result in results if result is not None} == {NotFoundError}
    assert manifests.load(finder._collection.index.documents).to_dict() == finder._collection.index.manifest.to_dict()
    assert len(finder.models) == 1


def test_a_base_is_not_dropped_while_something_is_trained_on_it(finder: ImageFinder) -> None:
    finder.add_model("default")
    base = finder.model_spec("default").name
    dropped: list[Any] = []
    with ThreadPoolExecutor(1) as pool:

        def tell(now: Progress) -> None:
            if not dropped:
                dropped.append(pool.submit(finder.drop_space, base))
                with suppress(TimeoutError):
                    dropped[0].result(1)

        training = finder.train_classifier(by="folder", space=base, name="taught", progress=tell)
        assert training.name == "taught"
        with pytest.raises(InvalidInputError, match="made on top of"):
            dropped[0].result()
    assert finder.search("a dog", k=3, spaces=["taught"])


def test_trained_models_have_names_of_their_own(finder: ImageFinder) -> None:
    trained = all_at_once(lambda i: finder.train_classifier(by="folder", seed=i), range(8))
    names = {"classifier", *(f"classifier-{i}" for i in range(2, 9))}
    assert {training.name for training in trained} == names == set(finder.models[1:])
    assert {path.name for path in (finder._collection.index.path / "models").iterdir()} == names
    results = at_once(lambda _: finder.train_classifier(by="folder", name="mine"), range(8))
    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert {type(result) for result in results if isinstance(result, Exception)} == {InvalidInputError}


# --- records and feedback ---------------------------------------------------------------------------------------------


def test_every_judgement_is_kept_and_forgotten_once(finder: ImageFinder, ids: list[str]) -> None:
    judged = all_at_once(lambda i: finder.feedback.add({"words": str(i)}, [ids[i]], [ids[i + 1]]), range(40))
    assert {j.id for j in finder.feedback.list()} == {j.id for j in judged}
    assert {j.query["words"] for j in finder.feedback.list()} == set(map(str, range(40)))
    results = at_once(lambda i: finder.feedback.remove(judged[i % 20].id), range(40))
    assert sum(result is None for result in results) == 20
    assert {type(result) for result in results if result is not None} == {NotFoundError}
    assert {j.id for j in finder.feedback.list()} == {j.id for j in judged[20:]}


def test_every_concept_is_kept_and_its_images_are_marked(finder: ImageFinder, ids: list[str]) -> None:
    all_at_once(lambda i: finder.concepts.save(f"c {i % 10}", liked=[ids[i], ids[0]], min_score=1e6), range(20))
    assert [c.name for c in finder.concepts.list()] == [f"c {i}" for i in range(10)]
    assert set(finder.get(ids[0]).extra["concept"]) == {f"c {i}" for i in range(10)}
    for concept in finder.concepts.refresh():
        assert {j.id for j in concept.liked} == {r.id for r in finder.records(f'concept = "{concept.name}"')}
    results = at_once(lambda i: finder.concepts.remove(f"c {i % 10}"), range(20))
    assert {type(result) for result in results if result is not None} == {NotFoundError}
    assert not finder.concepts.list() and not finder.records("has concept")


def test_each_image_is_removed_once(finder: ImageFinder, ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by eight threads at once, while others tag them."""

    def change(n: int) -> int:
        if n % 2:
            with suppress(NotFoundError):
                finder.tag(ids[:20], add=[f"t{n}"])
            return 0
        try:
            return finder.remove(*ids[:20])
        except NotFoundError:
            return 0

    delete = type(finder._collection.index.store).delete

    def slow(store: Any, ids: Sequence[str]) -> None:
        time.sleep(0.02)
        delete(store, ids)

    monkeypatch.setattr(type(finder._collection.index.store), "delete", slow)
    assert sum(all_at_once(change, range(16))) == 20
    assert len(finder) == N - 20


@pytest.mark.parametrize("what", ["quality", "outliers", "classify"])
def test_scores_written_while_an_image_is_indexed_anew_stay(
    finder: ImageFinder, made: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scores come between the reading of the old record and the writing of the new one, if they can."""
    if what == "classify":
        finder.train_classifier(by="folder")
    work: dict[str, Callable[[], Any]] = {
        "quality": finder.quality,
        "outliers": finder.outliers,
        "classify": finder.classify,
    }
    field = {"quality": "blur", "outliers": "outlier", "classify": "class"}[what]
    payloads, scoring = Storing._payloads, threading.Event()
    with ThreadPoolExecutor(1) as pool:
        scored: list[Any] = []

        def slow(self: Storing, *args: Any) -> list[dict[str, Any]]:
            found = payloads(self, *args)
            if not scoring.is_set():
                scoring.set()
                scored.append(pool.submit(work[what]))
                with suppress(TimeoutError):
                    scored[0].result(2)
            return found

        monkeypatch.setattr(Storing, "_payloads", slow)
        finder.add(made / "album", force=True, workers=1)
        scored[0].result()
    assert all(field in record.extra for record in finder.records())


# --- runs -------------------------------------------------------------------------------------------------------------


def test_maps_made_at_once_leave_one_and_are_always_there(finder: ImageFinder) -> None:
    finder.map("pca")
    stop = threading.Event()

    def look() -> int:
        n = 0
        while not stop.is_set():
            assert len(finder.kept_map()) == N and finder.maps()
            n += 1
            time.sleep(0.001)
        return n

    with ThreadPoolExecutor(1) as pool:
        looked = pool.submit(look)
        try:
            made = all_at_once(lambda _: finder.map("pca"), range(8))
        finally:
            stop.set()
        assert looked.result() > 0
    assert len({map.name for map in made}) == 8
    assert [map.name for map in finder.maps()] == [max(map.name for map in made)]


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_files_written_at_once_have_the_usual_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread may see, or keep, the mask that another has set for a moment."""
    umask = os.umask

    def slow(mask: int) -> int:
        before = umask(mask)
        time.sleep(0.001)
        return before

    before = umask(0o022)
    monkeypatch.setattr(os, "umask", slow)
    try:
        all_at_once(lambda i: write_whole(tmp_path / f"{i % 50}.json", b"{}"), range(400))
        mask = umask(0o022)
    finally:
        umask(before)
    assert oct(mask) == oct(0o022)
    assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir()} == {oct(0o644)}
    assert len(list(tmp_path.iterdir())) == 50

"""Long work on an index that others change meanwhile: images are removed, added and tagged between any two of its
reads, and it comes to its end with what is right for the images that are there then.

The short form changes the index after some of the reads of each kind of work, always the same ones. ``--fuzz SECONDS``
changes it after each of them, and then lets others change it all the time, at random, for so many seconds a kind.
"""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import changing
import numpy as np
import pytest
from changing import Others

from imagefinder import FunctionEmbedder, ImageFinder, register
from imagefinder.catalog.label_table import LabelTable
from imagefinder.catalog.question_tables import Asked, Questions
from imagefinder.errors import ImageFinderError
from imagefinder.results import Hits

FOLDERS, EACH, SPOTS = ("a", "b", "c", "d"), 10, 3  # images in each folder; reads after which the short form changes


def mean_colour(images: np.ndarray) -> np.ndarray:
    """uint8 (n, 32, 32, 3) to float (n, 3)."""
    return images.reshape(len(images), -1, 3).mean(axis=1) / 255 + 0.01


class Made(NamedTuple):
    """An index, and pictures that it does not have yet."""

    index: Path
    pictures: Path
    more: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make_image: Callable[..., Any]) -> Iterator[Made]:
    home = tmp_path_factory.mktemp("changing")
    for f, folder in enumerate(FOLDERS):
        (home / "pictures" / folder).mkdir(parents=True)
        for i in range(EACH):
            picture = make_image(100 * f + i)
            picture.paste((60 * f, 200 - 60 * f, 40), (0, 0, 48, 64))  # what a folder has in common
            picture.save(home / "pictures" / folder / f"{i}.png")
    shutil.copy(home / "pictures" / "a" / "0.png", home / "pictures" / "b" / "copy.png")
    make_image(0).save(home / "pictures" / "c" / "near.png")
    (home / "more").mkdir()
    for i in range(4):
        make_image(900 + i).save(home / "more" / f"{i}.png")
    with ImageFinder.open(home / "index", model="default") as finder:
        finder.add(home / "pictures")
        for record in finder.records():
            finder.update(record.id, caption=f"a picture of {record.folder} {record.id[:2]}")
        finder.cluster(4, method="kmeans", stability=0)
        finder.clusters.rename(0, "kept")
        finder.clusters.lock(1)
        finder.map("pca")
        finder.duplicates()
        finder.train_classifier(by="folder", name="folders", held_out=0)
        changing.keep_points(finder)
    yield Made(home / "index", home / "pictures", home / "more")
    changing.KEPT.pop()


Work = Callable[[ImageFinder], Any]


def _labels(finder: ImageFinder) -> LabelTable:
    records = finder.records()
    return LabelTable({r.id: r.folder for r in records}, [(r.id, r.caption or "") for r in records], ())


def _evaluate(finder: ImageFinder) -> Any:
    return finder.evaluate(_labels(finder), queries=_questions(finder), limit=3)


def _questions(finder: ImageFinder) -> Questions:
    ids = [record.id for record in finder.records()[:3]]
    return Questions(tuple(Asked(image=id, right={other: 1.0 for other in ids if other != id}) for id in ids))


def _concepts(finder: ImageFinder) -> Any:
    stays = [r.id for r in finder.records('folder = "d"')]
    finder.concepts.save("mine", [f"id:{id}" for id in stays[:1]] or "red", liked=stays[1:2], min_score=-1.0)
    return finder.concepts.refresh()


def _merge(finder: ImageFinder) -> Any:
    return finder.clusters.merge(2, 3)


def _move(finder: ImageFinder) -> Any:
    stays = [r.id for r in finder.records('folder = "d"')][-2:]
    return finder.clusters.move(stays, 0)


def _model(finder: ImageFinder) -> Any:
    register(FunctionEmbedder("mean-colour", mean_colour, dim=3, size=32, transform="none"))
    return finder.add_model("mean-colour")


def _search(finder: ImageFinder) -> Any:
    stays = [r.id for r in finder.records('folder = "d"')][-1]
    return [
        finder.search("red", 50, collapse=True, diversity=0.5),
        finder.search(["red", f"id:{stays}"], 50),
        finder.search(f"id:{stays}", 50, measures=("cosine", "euclidean")),
        finder.search(None, 50, liked=[stays]),
    ]


def _texts(finder: ImageFinder) -> Any:
    return [
        finder.search('"a picture of b"', 60),
        finder.search('"a picture of b"', 60, words_in="texts"),
        finder.search('red caption:picture -caption:"picture of b"', 60, collapse=True),
        finder.search("red", 60, filter="caption says pictures"),
    ]


def _explain(finder: ImageFinder) -> Any:
    stays = [r.id for r in finder.records('folder = "d"')][-2:]
    return [
        finder.search(["red", f"id:{stays[0]}"], 50, explain=True),
        finder.search("red", 50, liked=stays, explain=True),
        finder.explain(stays[1], ["red", f"id:{stays[0]}"], liked=stays[:1]),
    ]


def _read(finder: ImageFinder) -> Any:
    pytest.importorskip("rapidocr")
    return finder.read(again=True)


WORK: dict[str, Work] = {
    "cluster": lambda finder: finder.cluster(stability=1),
    "kmeans": lambda finder: finder.cluster(4, method="kmeans", stability=1),
    "fresh": lambda finder: finder.cluster(fresh=True, stability=0),
    "choose-k": lambda finder: finder.choose_k(5),
    "map": lambda finder: finder.map("pca", filter="width > 0"),
    "update-map": lambda finder: finder.map(update=True),
    "pca": lambda finder: finder.pca_report(),
    "duplicates": lambda finder: finder.duplicates(),
    "outliers": lambda finder: finder.outliers(5),
    "quality": lambda finder: finder.quality(again=True),
    "read": _read,
    "adapter": lambda finder: finder.train_adapter(by="folder", methods=["lda"]),
    "classifier": lambda finder: finder.train_classifier(by="folder", hidden=8),
    "words": lambda finder: finder.train_words(),
    "classify": lambda finder: finder.classify(),
    "evaluate": _evaluate,
    "concepts": _concepts,
    "export": lambda finder: finder.clusters.rows(),
    "merge": _merge,
    "split": lambda finder: finder.clusters.split(2),
    "move": _move,
    "undo": lambda finder: finder.clusters.undo(),
    "model": _model,
    "search": _search,
    "texts": _texts,
    "explain": _explain,
    "facets": lambda finder: (finder.facets(), finder.list(sort="-mtime"), finder.info(), finder.list_sources()),
    "tag": lambda finder: finder.tag(filter="width > 0", add=["all"]),
}


LAST = 5  # reads, between which the work puts together what it tells
ALONE = ("undo", "tag")  # what nobody gets in between, for it is short


def result_is_right(name: str, finder: ImageFinder, found: Any, others: Others) -> None:  # noqa: C901 - a case each
    """``found`` names no image that was gone before the work ended, and what was written is on those that are there."""
    there = {r.id: r for r in finder.records()}
    new = {r.id for r in there.values() if r.folder == "more"}
    old = there.keys() - new
    match name:
        case "cluster" | "kmeans" | "fresh" | "merge" | "split" | "move" | "undo":
            names = finder.clusters.clustering.names()
            for record in there.values():
                label = record.extra.get("cluster")
                assert label in (-1, *names), f"{record.uri} has the label {label!r}"
                assert record.extra.get("cluster_name") == names.get(label)
            assert sum(finder.clusters.sizes().values()) == len(there)
        case "map" | "update-map":
            assert old <= set(found.ids) and np.isfinite(found.coordinates).all()
        case "duplicates":
            shown = {r.id for g in found.groups for r in (g.keep, *(m.record for m in g.members))}
            assert len(old) <= found.images <= len(_all(there, others)) and not found.skipped
            assert shown <= _all(there, others)
        case "outliers":
            assert len(found) == 5 and {o.record.id for o in found} | {o.nearest for o in found} <= _all(there, others)
            assert all("outlier" in there[id].extra for id in old)
        case "quality":
            judged = [r for r in there.values() if "blur" in r.extra]
            assert not found.skipped and {r.id for r in judged} >= old
        case "read":
            assert not found.skipped and {r.id for r in there.values() if "text_by" in r.extra} >= old
        case "classify":
            classed = {r.id for r in there.values() if "class" in r.extra}
            assert classed >= old and not found.skipped and found.images <= len(_all(there, others))
        case "evaluate":
            assert found.labels and old <= _all(there, others) and found.labels.images <= len(_all(there, others))
        case "concepts":
            marked = {r.id for r in there.values() if r.extra.get("concept")}
            assert old <= marked and [c.name for c in found] == ["mine"]
        case "export":
            uris = {row["uri"] for row in found}
            assert {there[id].uri for id in old} <= uris
        case "model":
            held, _ = finder.vectors("mean-colour")
            assert set(held) >= old and not found.skipped
        case "adapter" | "classifier" | "words" if found.name:
            held, _ = finder.vectors(found.name)
            assert set(held) >= old
        case "search":
            asked = {r.id for r in there.values() if r.folder == "d"}
            assert all(isinstance(hits, Hits) and {h.id for h in hits} | asked >= old for hits in found[1:])
        case "texts":
            said = {r.id for r in there.values() if r.folder == "b"}
            assert all(len({h.id for h in hits}) == len(hits) for hits in found)
            shown = [[h.id for h in hits if h.id in there] for hits in found]
            assert all({*ids[: len(said)]} == said for ids in shown[:2])
            assert all({h.id for h in hits} >= old for hits in (*found[:2], found[3]))
            assert not {h.id for h in found[2]} & said
        case "explain":
            *searches, one = found
            assert all(hit.why is not None and hit.why.reasons for hits in searches for hit in hits)
            assert one.map is not None and one.why.reasons
        case "tag":
            assert all("all" in there[id].tags for id in old)


def _all(there: dict[str, Any], others: Others) -> set[str]:
    """What may be named: what is there, and what was removed only after the work had looked for the last times."""
    return {*there, *(others.gone if others.late else ())}


def _finder(made: Made, folder: Path) -> tuple[ImageFinder, changing.ChangingStore, Others]:
    shutil.copytree(made.index, folder, ignore=shutil.ignore_patterns(".lock*", "points"))
    finder, store = changing.opened(folder)
    first = [next(r.id for r in finder.records(f'folder = "{name}"')) for name in FOLDERS[:3]]
    tagged = [r.id for r in finder.records('folder = "d"')]
    return finder, store, Others(finder, first, [made.more], [*tagged, *first])


def _reads(made: Made, folder: Path, work: Work) -> int:
    """How many reads this work makes when nobody changes anything."""
    finder, store, _ = _finder(made, folder)
    with finder:
        store.change = lambda: None
        work(finder)
        return store.reads


@pytest.mark.parametrize("name", WORK)
def test_work_goes_on_while_others_change_the_index(
    made: Made, name: str, tmp_path: Path, pytestconfig: pytest.Config, copy_index: Callable[[Path, Path], Path]
) -> None:
    seconds = pytestconfig.getoption("--fuzz")
    reads = _reads(made, tmp_path / "quiet", WORK[name])
    spots = list(range(1, reads + 1))
    if not seconds and reads > SPOTS:
        spots = sorted({round(1 + i * (reads - 1) / (SPOTS - 1)) for i in range(SPOTS)})
    meanwhile = 0
    for spot in spots:
        finder, store, others = _finder(made, tmp_path / str(spot))
        with finder:
            store.at, store.change = frozenset([spot]), others
            found = WORK[name](finder)
            store.change = None
            meanwhile += others.removed
            others.late = not others.removed or spot > reads - LAST
            others.finish()
            assert others.removed and others.added and len(finder) == 4 * EACH + 2 - 3 + 4
            assert all("seen" in finder.get(id).tags for id in others.tagged if id in finder)
            result_is_right(name, finder, found, others)
    assert meanwhile or name in ALONE, "no read was between two others"
    if seconds:
        _by_chance(made, name, tmp_path / "by-chance", seconds, copy_index)


@pytest.mark.parametrize("name", WORK)
def test_work_on_an_index_that_others_empty_ends_or_says_so(
    made: Made, name: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    reads = _reads(made, tmp_path / "quiet", WORK[name])
    for spot in range(1, reads + 1, 1 if pytestconfig.getoption("--fuzz") else max(2, reads // 2)):
        finder, store, others = _finder(made, tmp_path / str(spot))
        with finder:
            others.gone, others.come = [r.id for r in finder.records()], []
            store.at, store.change = frozenset([spot]), others
            try:
                WORK[name](finder)
            except ImageFinderError as error:
                assert len(str(error)) > 20
            store.change = None
            others.finish()
            assert len(finder) == 0


def test_images_that_come_join_clusters_while_others_go(made: Made, tmp_path: Path) -> None:
    work: Work = lambda finder: finder.add(made.more)  # noqa: E731
    reads = _reads(made, tmp_path / "quiet", work)
    for spot in range(1, reads + 1, max(1, reads // (2 * SPOTS))):
        finder, store, others = _finder(made, tmp_path / str(spot))
        others.come = []
        with finder:
            store.at, store.change = frozenset([spot]), others
            report = work(finder)
            store.change = None
            others.finish()
            assert report.added == 4 and not report.skipped and len(finder) == 4 * EACH + 2 - 3 + 4
            result_is_right("cluster", finder, None, others)


def test_a_source_is_moved_while_its_images_are_tagged_and_removed(made: Made, tmp_path: Path) -> None:
    for spot in range(1, 30, 4):
        finder, store, others = _finder(made, tmp_path / str(spot))
        old, new = tmp_path / f"old{spot}", tmp_path / f"new{spot}"
        shutil.copytree(made.more, old)
        with finder:
            finder.add(old)
            mine = [r.id for r in finder.records(f'folder = "old{spot}"')]
            finder.tag(mine, add=["mine"])
            old.rename(new)
            others.come, others.gone = [], others.gone[:1]
            store.at, store.change = frozenset([spot]), others
            report = finder.move_source(old, new)
            store.change = None
            others.finish()
            moved = finder.records(f'folder = "new{spot}"')
            assert report.moved == 4 and len(moved) == 4 and all("mine" in r.tags for r in moved)
            assert str(old) not in finder.sources and str(new) in finder.sources


# --- by chance, as long as is wished ------------------------------------------------------------------------------


def _by_chance(made: Made, name: str, folder: Path, seconds: int, copy_index: Callable[[Path, Path], Path]) -> None:
    random_ = random.Random(time.time_ns())
    with ImageFinder.open(copy_index(made.index, folder)) as finder:
        first = [r.id for r in finder.records('not folder = "d"')]
        stop, failures = threading.Event(), list[BaseException]()

        def change() -> None:
            while not stop.is_set():
                try:
                    some = [id for id in random_.sample(first, 5) if id in finder]
                    if some and len(finder) > 20:
                        finder.remove(*some)
                    finder.tag(filter="width > 0", add=[f"t{random_.randrange(5)}"])
                    finder.tag(filter="width > 0", remove=[f"t{random_.randrange(5)}"])
                    if random_.random() < 0.3:
                        finder.add(made.pictures, allow_removal=True)
                except BaseException as error:
                    failures.append(error)
                    return

        writer = threading.Thread(target=change)
        writer.start()
        try:
            end = time.monotonic() + seconds
            while time.monotonic() < end and not failures:
                try:
                    WORK[name](finder)
                except ImageFinderError as error:  # groups may be gone altogether, or have one image
                    assert name in ("merge", "split", "move", "undo"), repr(error)
        finally:
            stop.set()
            writer.join(60)
        assert not failures, repr(failures[0])

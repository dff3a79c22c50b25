"""A copy of an index is equal to it, wherever both lie; whatever ends it is gone on with, and nobody takes a part of it
for an index."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import database
import killed
import numpy as np
import pytest
import qdrant_rest
from command import run_cli
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from whole_index import made_of, same

from imagefinder import ImageFinder, copy_index
from imagefinder.cli.bar import ProgressBar
from imagefinder.errors import (
    ImageFinderError,
    IndexDamagedError,
    IndexFolderError,
    InvalidInputError,
    NotFoundError,
    StorageError,
)
from imagefinder.index.folder import Index
from imagefinder.index.half import MARKER
from imagefinder.index.manifest import SpaceEntry
from imagefinder.index.shared import site_at
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.edge import engine
from imagefinder.store.edge.store import EdgeStore
from imagefinder.store.qdrant import server as connections
from imagefinder.store.stores import STORES
from imagefinder.types import Progress
from imagefinder.whole import contents

PICTURES = Path(__file__).resolve().parents[2] / "examples" / "images"
IMAGES = 36
SHARED = [name for name, kind in STORES.items() if kind.schemes]


@pytest.fixture(params=["folder", *SHARED])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes the names of places where nothing is: folders, or addresses of a store."""
    if request.param == "folder":
        return lambda: str(tmp_path / f"copy-{uuid.uuid4().hex[:8]}")
    address: Callable[[], str] = request.getfixturevalue(request.param).address
    return address


# --- equal ------------------------------------------------------------------------------------------------------------


def test_there_and_back_is_equal(index: Path, tmp_path: Path, places: Callable[[], str]) -> None:
    there = places()
    first = copy_index(index, there)
    back = copy_index(there, tmp_path / "back")
    before, after = made_of(index), made_of(tmp_path / "back")
    same(before, after)
    assert {"groups.json", "said.jsonl", "decisions.json", "feedback.jsonl", "concepts.jsonl"} <= after.documents.keys()
    assert {name.split("/")[0] for name in after.documents} >= {"runs", "models", "transforms"}
    assert first.images == back.images == len(after.points) == IMAGES
    assert first.documents == back.documents == len(after.documents)
    assert first.checksum == back.checksum and first.exact and back.exact
    assert (first.there_before, first.left) == (0, {"trash": 2}) and not back.left
    with ImageFinder.open(index) as old, ImageFinder.open(there) as new:
        hits = [finder.similar(old.records()[0].id, k=5) for finder in (old, new)]
        assert [hit.uri for hit in hits[0]] == [hit.uri for hit in hits[1]]
        assert [hit.score for hit in hits[0]] == pytest.approx([hit.score for hit in hits[1]], abs=2e-4)
        assert [c.name for c in new.clusters] == [c.name for c in old.clusters]
        told = new.records()[5]
        assert told == old.records()[5] and told.caption == f"said of {told.tags[0].removeprefix('tag ')}"
        assert new.classifier == old.classifier and new.concepts.list() == old.concepts.list()
        assert new.feedback.list() == old.feedback.list() and new.kept_map().ids == old.kept_map().ids
        assert new.add(*new.sources).unchanged == IMAGES, "it is an index like any other"


def test_a_rebuilt_index_is_copied_as_one_that_was_not(index: Path, tmp_path: Path, places: Callable[[], str]) -> None:
    ImageFinder.rebuild(index)
    assert (index / "made-1").is_dir()
    there = places()
    copy_index(index, there)
    copy_index(there, tmp_path / "back")
    same(made_of(index), made_of(tmp_path / "back"))
    with ImageFinder.open(tmp_path / "back") as finder:
        assert len(finder.similar(finder.records()[0].id, k=3)) == 3


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.just(-0.0))
VALUES = st.recursive(
    st.one_of(TEXTS, NUMBERS, st.booleans()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
PAYLOADS = st.dictionaries(TEXTS.map(lambda text: f"x{text}"), VALUES, max_size=5)
ROWS = st.lists(st.floats(-60000, 60000, width=16), min_size=3, max_size=3)
POINTS = st.lists(st.tuples(st.uuids(), PAYLOADS, st.none() | ROWS, st.none() | ROWS), min_size=20, max_size=30)


@pytest.mark.parametrize("name", SHARED)
def test_whatever_a_point_holds_comes_back(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, tried: Callable[[int], settings]
) -> None:
    address: Callable[[], str] = request.getfixturevalue(name).address

    @settings(tried(3), phases=[Phase.explicit, Phase.generate])  # an example takes seconds
    @given(POINTS)
    def holds(rows: list[Any]) -> None:
        home = tmp_path / uuid.uuid4().hex
        _index_of(home / "index", rows)
        there = address()
        copy_index(home / "index", there)
        copy_index(there, home / "back")
        same(made_of(home / "index"), made_of(home / "back"))
        shutil.rmtree(home)  # the engine's files take 250 MB of a disk in memory

    holds()


def _index_of(folder: Path, rows: list[Any]) -> None:
    """An index with one space, whose points are these: id, payload, raw and searched vector."""
    points = []
    for id, payload, raw, searched in rows:
        vectors = {"a.raw": raw, "a.1": searched if searched is not None and np.any(searched) else None}
        held = {name: np.array(row, np.float32) for name, row in vectors.items() if row is not None}
        points.append(Point(str(id), payload, held))
    with Index(folder) as index:
        index.store.create_vector("a.raw", VectorParams(3, "float16", "dot", searchable=False))
        index.store.create_vector("a.1", VectorParams(3, "float16"))
        (folder / "transforms").mkdir()
        (folder / "transforms" / "a.1.npz").write_bytes(b"\x00 not read here")
        space = SpaceEntry("m", "f", "image", 3, "a.raw", "a.1", "transforms/a.1.npz", 5)
        index.save_manifest(index.manifest.with_space("a", space))
        index.store.upsert(points)


# --- ended and gone on with -------------------------------------------------------------------------------------------


def opens(place: Path | str) -> bool:
    """Whether an index is there, as the library and the command line see it."""
    seen = []
    for read_only in (True, False):
        try:
            ImageFinder.open(place, create=False, read_only=read_only).close()
            seen.append(True)
        except ImageFinderError:
            seen.append(False)
    assert seen[0] == seen[1]
    return seen[0]


def test_a_copy_that_is_killed_at_any_step_is_gone_on_with(index: Path, tmp_path: Path) -> None:
    wanted = made_of(index)
    steps = _killed("copy", _home(index, tmp_path, 0), 0)
    same(wanted, made_of(tmp_path / "at-0" / "copy"))
    for step in (round(steps * 0.05), round(steps * 0.3), round(steps * 0.7), *range(steps - 11, steps, 5)):
        home = _home(index, tmp_path, step)
        _killed("copy", home, step)
        if not opens(home / "copy"):
            report = copy_index(home / "index", home / "copy")
            assert report.images == IMAGES
        same(wanted, made_of(home / "copy"))
        shutil.rmtree(home)


def _home(index: Path, folder: Path, step: int) -> Path:
    """A folder that has the index as ``index``."""
    home = folder / f"at-{step}"
    home.mkdir()
    (home / "index").symlink_to(index)
    return home


def _killed(job: str, home: Path, step: int) -> int:
    """The number of steps of a job, which is killed after one of them."""
    done = subprocess.run(
        [sys.executable, killed.__file__, job, str(home), str(step), "0"], capture_output=True, text=True, timeout=200
    )
    if step:
        assert done.returncode == -signal.SIGKILL, done.stderr
        return step
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout.splitlines()[-1])[1])


KILLED_IN_BETWEEN = """
import os, signal, sys
from imagefinder import copy_index
from imagefinder.whole import contents
contents.AT_ONCE = 1
left = int(sys.argv[3])
def show(progress):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
copy_index(sys.argv[1], sys.argv[2], progress=show)
"""


@pytest.mark.parametrize("name", SHARED)
def test_a_copy_to_an_address_that_is_killed_is_gone_on_with(
    name: str, request: pytest.FixtureRequest, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        if name == "qdrant":  # inside this process, no other one reaches it
            server = stack.enter_context(qdrant_rest.speaking())
            kill_copies(index, there := server.address(), tmp_path, lambda: let_go(server))
        else:
            kill_copies(index, there := request.getfixturevalue(name).address(), tmp_path, lambda: None)
        go_on(index, there, tmp_path, monkeypatch)


def let_go(server: qdrant_rest.RestServer) -> None:
    """As if the half minute had passed after which a lock of a killed process ends."""
    server.inside.set_payload("imagefinder_shop.documents", {"locks": {}}, points=[connections.CATALOGUE])


def kill_copies(index: Path, there: str, tmp_path: Path, let_go: Callable[[], None]) -> None:
    for step in (12, 25, 45):  # among the images; later; among the documents
        killed_run = [sys.executable, "-c", KILLED_IN_BETWEEN, str(index), there, str(step)]
        assert subprocess.run(killed_run, timeout=200).returncode == -signal.SIGKILL
        let_go()
        assert not opens(there)
        with pytest.raises(IndexFolderError, match=f"copy of {index} that is not whole"):
            copy_index(there, tmp_path / "of-a-part")
        assert not (tmp_path / "of-a-part").exists()


def go_on(index: Path, there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "AT_ONCE", 1)
    shown: list[Progress] = []
    monkeypatch.setattr(ProgressBar, "show", lambda self, progress: shown.append(progress))
    done = run_cli("copy", index, there)
    assert done.returncode == 0 and "Went on with a copy that had 36 images." in done.stderr
    assert "Both have the checksum" in done.stderr and "trash" in done.stderr
    assert {progress.stage for progress in shown} == {
        "copying images", "comparing images", "copying documents", "preparing to search",
    }  # fmt: skip
    copy_index(there, tmp_path / "back")
    same(made_of(index), made_of(tmp_path / "back"))


def test_ctrl_c_stops_it_and_the_same_command_goes_on(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "AT_ONCE", 1)

    def stop(self: ProgressBar, progress: Progress) -> None:
        if progress.done == 20:
            raise KeyboardInterrupt

    monkeypatch.setattr(ProgressBar, "show", stop)
    done = run_cli("copy", index, tmp_path / "copy")
    assert done.returncode == 130 and "Run the same command to go on." in done.stderr
    done = run_cli("search", "x", "--index", tmp_path / "copy", "--json")
    assert done.returncode == 3 and "not whole yet" in json.loads(done.stdout)["error"]["message"]
    monkeypatch.undo()
    done = run_cli("copy", index, tmp_path / "copy", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0 and 15 < report["there_before"] <= 21 and report["images"] == IMAGES
    same(made_of(index), made_of(tmp_path / "copy"))


def test_a_full_disk_ends_it_and_it_goes_on_when_there_is_room(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:

        def fill(progress: Progress) -> None:
            full.setattr(engine, "RESERVED_BYTES", 2**62)

        full.setattr(contents, "AT_ONCE", 1)
        with pytest.raises(StorageError, match="nearly full"):
            copy_index(index, tmp_path / "copy", progress=fill)
    assert not opens(tmp_path / "copy")
    copy_index(index, tmp_path / "copy")
    same(made_of(index), made_of(tmp_path / "copy"))


# --- what it refuses --------------------------------------------------------------------------------------------------


def test_nothing_but_a_part_of_the_same_copy_is_written_over(
    index: Path, tmp_path: Path, places: Callable[[], str], copy_index: Callable[[Path, Path], Path]
) -> None:
    from imagefinder import copy_index as copied

    there, part = places(), places()
    ImageFinder.open(there).close()
    for target, what in ((there, "is an index already"), (index, "is an index already")):
        with pytest.raises(InvalidInputError, match=f"{what}. A copy never changes what is there"):
            copied(index, target)
    with pytest.raises(ZeroDivisionError):
        copied(index, part, progress=lambda progress: 1 // 0)
    assert not opens(part)
    for read in (lambda: copied(part, tmp_path / "x"), lambda: ImageFinder.open(part)):
        with pytest.raises(IndexFolderError, match="not whole yet"):
            read()
    other = copy_index(index, tmp_path / "other")
    with pytest.raises(IndexFolderError, match=f"is a copy of {index} .* and none of {other}"):
        copied(other, part)
    assert copied(index, part).images == IMAGES
    with pytest.raises(InvalidInputError, match="is an index already"):
        copied(index, part)
    with pytest.raises(NotFoundError, match="no index at"):
        copied(tmp_path / "nothing", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_folder_of_other_files_is_refused(index: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").touch()
    done = run_cli("copy", index, tmp_path / "photos")
    assert done.returncode == 2 and "is not empty (it holds 'mine.jpg')" in done.stderr
    with pytest.raises(InvalidInputError, match="lie in each other"):
        copy_index(index, index / "copy")
    (tmp_path / "empty").mkdir()
    assert run_cli("copy", index, tmp_path / "empty").returncode == 0
    with pytest.raises(InvalidInputError, match="no folder"):
        copy_index(index, tmp_path / "photos" / "mine.jpg")


def test_a_part_is_not_rebuilt_into_an_index(index: Path, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        copy_index(index, tmp_path / "copy", progress=lambda progress: 1 // 0)
    with pytest.raises(IndexFolderError, match="not whole yet"):
        ImageFinder.rebuild(tmp_path / "copy", PICTURES / "medical")
    (tmp_path / "copy" / MARKER).write_text("{}")
    with pytest.raises(IndexDamagedError, match="Remove"):
        copy_index(index, tmp_path / "copy")


def test_names_of_documents_lead_nowhere_else(postgres: database.Server, index: Path, tmp_path: Path) -> None:
    there = postgres.address()
    copy_index(index, there)
    for name in ("models/../../owned", "runs/C:owned", "..\\owned"):
        with closing(site_at(there)) as site:
            (site.documents / name).write(b"x")
        with pytest.raises(IndexDamagedError, match="no name of a file"):
            copy_index(there, tmp_path / "back")
        with closing(site_at(there)) as site:
            (site.documents / name).unlink()
    assert not list(tmp_path.rglob("*owned*"))


# --- others that write ------------------------------------------------------------------------------------------------


def test_what_others_change_meanwhile_goes_along(index: Path, tmp_path: Path, places: Callable[[], str]) -> None:
    there = places()
    seen: list[str] = []
    with ImageFinder.open(index) as writer:
        ids = writer.columns(["id"])["id"]

        def change(progress: Progress) -> None:
            seen.append(progress.stage)
            if len(seen) == 1:
                writer.tag(ids[:1], add=["during the first"])
            elif progress.stage == "copying documents" and "late" not in seen:
                seen.append("late")
                writer.remove(ids[3])
                writer.add(PICTURES / "medical")
                writer.cluster(4)
                writer.feedback.add({"text": "y"}, [ids[1]])

        report = copy_index(index, there, progress=change)
    assert report.exact and report.passes >= 3 and report.images == IMAGES - 1 + 3
    copy_index(there, tmp_path / "back")
    same(made_of(index), made_of(tmp_path / "back"))


def test_a_source_that_never_rests_is_said_to_be_so(index: Path, tmp_path: Path) -> None:
    with ImageFinder.open(index) as writer:
        ids = writer.columns(["id"])["id"]
        count = iter(range(10**6))

        def change(progress: Progress) -> None:
            n = next(count)
            writer.update(ids[n % 30], tags=[f"n{n}"], caption=f"n{n}")

        with pytest.raises(StorageError, match="was changed during each of 6 passes"):
            copy_index(index, tmp_path / "copy", progress=change)
        assert not opens(tmp_path / "copy")
        before = {record.id: record.tags for record in writer.records()}
        report = copy_index(index, tmp_path / "copy", allow_changes=True, progress=change)
        assert not report.exact and report.there_before == IMAGES
    with ImageFinder.open(tmp_path / "copy") as finder:
        found = {record.id: record for record in finder.records()}
        assert found.keys() == before.keys()
        changed = {id for id in found if found[id].caption.startswith("n")}  # type: ignore[union-attr]
        assert len(changed) == 30
        wrong = {id: (found[id].tags, found[id].caption) for id in changed if found[id].tags != (found[id].caption,)}
        assert not wrong, "each as it was at some moment"


def test_a_model_that_comes_meanwhile_goes_along(index: Path, tmp_path: Path) -> None:
    with ImageFinder.open(index) as writer:
        todo = [
            lambda: writer.train_classifier(by="folder", hidden=4, held_out=0, name="four"),
            lambda: writer.drop_space("three"),
        ]

        def change(progress: Progress) -> None:
            if todo and progress.stage == "copying documents":
                todo.pop(0)()

        copy_index(index, tmp_path / "copy", progress=change)
    wanted = made_of(index)
    same(wanted, made_of(tmp_path / "copy"))
    assert {"four.raw"} <= wanted.vectors.keys() and not any(name.startswith("three") for name in wanted.vectors)


def test_what_a_place_does_not_keep_is_told(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upsert = EdgeStore.upsert

    def forgetful(self: EdgeStore, points: list[Point]) -> None:
        first, *rest = points
        bare = {name: value for name, value in first.payload.items() if name != "caption"}
        upsert(self, [Point(first.id, bare, first.vectors), *rest])

    monkeypatch.setattr(EdgeStore, "upsert", forgetful)
    with pytest.raises(IndexDamagedError, match=r"does not hold what was written there: .* differs in caption"):
        copy_index(index, tmp_path / "copy")
    assert not opens(tmp_path / "copy")


@pytest.fixture
def beside(index: Path) -> Iterator[str]:
    """The index, held by a process of its own, as a server does."""
    code = "import sys; from imagefinder import ImageFinder; f = ImageFinder.open(sys.argv[1]); print(); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(index)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ}
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield str(index)
        process.kill()


def test_an_index_that_another_process_holds_is_copied(beside: str, tmp_path: Path) -> None:
    assert run_cli("copy", beside, tmp_path / "copy").returncode == 0
    assert made_of(tmp_path / "copy").points == made_of(Path(beside)).points

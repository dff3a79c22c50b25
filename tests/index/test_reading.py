"""Many processes read one index: beside one that writes, where it can't be written, and on a full disk."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import run_cli, run_process
from fastapi.testclient import TestClient

from imagefinder import ImageFinder
from imagefinder._util import private_copy
from imagefinder.errors import IndexFolderError, IndexLockedError, NotFoundError, StorageError
from imagefinder.index.lock import DOOR_NAME, LOCK_NAME, IndexLock
from imagefinder.index.spaces import refit
from imagefinder.mcp.access import open_library
from imagefinder.server.app import create_app
from imagefinder.server.settings import ServerSettings
from imagefinder.types import Limits
from tests.support.edited import edit_json

MEDICAL = Path(__file__).resolve().parents[2] / "examples" / "images" / "medical"
ANIMALS = MEDICAL.parent / "animals"
HOLD = """
import sys
from imagefinder import ImageFinder
with ImageFinder.open(sys.argv[1], read_only=sys.argv[2] == "read") as finder:
    print(len(finder), flush=True)
    sys.stdin.readline()
    if sys.argv[2] == "read":
        print(len(finder), flush=True)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made") / "index"
    with ImageFinder.open(home, model="fast") as finder:
        finder.add(MEDICAL)
        finder.cluster(2)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "index")
    return tmp_path / "index"


@contextlib.contextmanager
def holder(home: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "3\n"
        try:
            yield process
        finally:
            process.kill()


def uris(finder: ImageFinder) -> list[str]:
    return [hit.uri for hit in finder.search("a syringe", k=3)]


def test_a_reader_sees_what_a_writer_has_written(home: Path) -> None:
    with ImageFinder.open(home) as writer, ImageFinder.open(home, read_only=True) as reader:
        assert uris(reader) == uris(writer) and len(reader) == 3
        writer.add(ANIMALS)
        assert len(reader) == len(writer) > 10 and uris(reader) == uris(writer)
        assert reader.facets() == writer.facets()
        writer.tag(filter="format = JPEG", add=["x"])
        assert reader.facets() == writer.facets(), "nothing remembered from before"
        assert [c.name for c in reader.clusters] == [c.name for c in writer.clusters]
        assert reader.spaces() == writer.spaces() and reader.info().images == len(writer)
        assert (reader.vectors()[1] == writer.vectors()[1]).all()


def changes(reader: ImageFinder, image: str, other: str) -> list[Callable[[], Any]]:
    return [
        lambda: reader.add(ANIMALS),
        lambda: reader.tag([image], add=["x"]),
        lambda: reader.update(image, caption="x"),
        lambda: reader.remove(image),
        lambda: reader.cluster(2),
        lambda: reader.clusters.rename(0, "other"),
        lambda: reader.use_space(reader.models[0]),
        lambda: reader.quality(),
        lambda: reader.copies.decide("not-duplicate", image, other),
    ]


def test_a_reader_changes_nothing(home: Path) -> None:
    def files() -> dict[str, int]:
        return {str(p): p.stat().st_mtime_ns for p in home.rglob("*") if p.is_file() and "points" not in p.parts}

    before = files()
    for writing in (False, True):
        with contextlib.ExitStack() as open_:
            if writing:
                open_.enter_context(ImageFinder.open(home))
            reader = open_.enter_context(ImageFinder.open(home, read_only=True))
            image, other = (record.id for record in reader.records()[:2])
            for change in changes(reader, image, other):
                with pytest.raises(IndexFolderError, match="reading"):
                    change()
            reader.duplicates()
    after = files()
    assert {k: v for k, v in after.items() if ".lock" not in k} == {k: v for k, v in before.items() if ".lock" not in k}


def test_there_must_be_an_index_to_read(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no index"):
        ImageFinder.open(tmp_path / "none", read_only=True)
    assert not (tmp_path / "none").exists()


def test_only_its_user_may_see_the_secret(home: Path) -> None:
    for read_only in (False, True):
        with ImageFinder.open(home, read_only=read_only):
            assert stat.S_IMODE((home / DOOR_NAME).stat().st_mode) == 0o600
        assert not (home / DOOR_NAME).exists()


@pytest.mark.parametrize("end", ["killed", "ended"])
@pytest.mark.parametrize("how", ["write", "read"])
def test_the_holder_ends_and_the_reader_goes_on(home: Path, how: str, end: str) -> None:
    with holder(home, how) as process, ImageFinder.open(home, read_only=True) as reader:
        assert len(reader) == 3
        pages = reader._collection.index.store.scroll(batch=1)
        ids = [point.id for point in next(pages)]
        if end == "killed":
            process.send_signal(signal.SIGKILL)
            process.wait()
        else:
            process.communicate("\n")
            assert process.returncode == 0
        ids += [point.id for page in pages for point in page]
        assert sorted(set(ids)) == ids and len(ids) == 3
        assert len(uris(reader)) == 3
        with ImageFinder.open(home, read_only=True) as other:  # asks the reader, which holds it now
            assert uris(other) == uris(reader)


@pytest.mark.skipif(os.name != "posix", reason="needs signals that stop a process")
@pytest.mark.parametrize("how", ["write", "read"])
def test_a_holder_that_is_stopped_is_named_in_time(home: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagefinder.store.shared.line.HANDSHAKE_S", 0.2)
    monkeypatch.setattr("imagefinder.store.shared.ask.PATIENCE_S", 0.1)
    monkeypatch.setattr("imagefinder.cli.common.READING_WAIT_S", 0.1)
    with holder(home, how) as process:
        with ImageFinder.open(home, read_only=True) as reader:
            process.send_signal(signal.SIGSTOP)
            with pytest.raises(IndexLockedError, match=f"process {process.pid} on .* is stopped") as caught:
                uris(reader)  # it was there when the reader came
            assert f"kill -CONT {process.pid}" in caught.value.remedy
            done = run_cli("search", "a syringe", "--index", home)  # it was stopped before
            assert done.returncode == 3 and f"kill -CONT {process.pid}" in done.stderr
            process.send_signal(signal.SIGCONT)
            assert len(uris(reader)) == 3
        assert run_cli("search", "a syringe", "--index", home).returncode == 0


def test_a_writer_gets_the_index_from_readers_and_they_read_on(home: Path) -> None:
    with holder(home, "read") as process, ImageFinder.open(home, read_only=True) as reader:
        assert len(reader) == 3
        with ImageFinder.open(home) as writer:
            writer.add(ANIMALS)
            assert len(reader) == len(writer)
            assert process.communicate("\n")[0] == f"{len(writer)}\n", "it asks the writer now"
            with pytest.raises(IndexLockedError, match="in this process"):
                ImageFinder.open(home, wait_s=0.1)
        assert len(reader) > 10


def test_a_stream_of_readers_never_keeps_a_writer_out(home: Path) -> None:
    stop = threading.Event()
    failed: list[BaseException] = []

    def read() -> None:
        try:
            while not stop.is_set():
                with ImageFinder.open(home, read_only=True, wait_s=60) as reader:
                    assert len(reader) >= 3
        except BaseException as error:
            failed.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for thread in readers:
        thread.start()
    try:
        for _ in range(3):
            with ImageFinder.open(home, wait_s=60) as writer:
                assert len(writer) == 3
    finally:
        stop.set()
        for thread in readers:
            thread.join()
    assert not failed


def test_an_answer_is_of_one_state_of_the_spaces(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transform is fitted again, and the former vectors go, while a query is under way."""
    from imagefinder.search import answer

    with ImageFinder.open(home) as writer, ImageFinder.open(home, read_only=True) as reader:
        embed, left = answer.embed_terms, [1]

        def late(*args: Any) -> Any:
            found = embed(*args)
            if left and args[0].index is reader._collection.index:
                left.pop()
                index = writer._collection.index
                for name in writer.models:
                    assert refit(index, writer.model_spec(name), force=True)
            return found

        monkeypatch.setattr(answer, "embed_terms", late)
        found = uris(reader)
        assert not left and found == uris(writer)


def test_what_an_interrupted_run_left_is_finished_by_who_may(home: Path) -> None:
    def undo() -> None:
        unfitted = {"search_vector": None, "transform": None, "fitted_count": 0}
        edit_json(home / "index.json", lambda said: [space.update(unfitted) for space in said["spaces"].values()])
        edit_json(home / "groups.json", lambda state: state.update(applied=False))

    undo()
    with ImageFinder.open(home, read_only=True) as reader:
        assert len(uris(reader)) == 3 and len(reader.clusters) == 2
    assert json.loads((home / "groups.json").read_text())["applied"]
    undo()
    with ImageFinder.open(home), ImageFinder.open(home, read_only=True) as reader:
        assert len(uris(reader)) == 3


def in_place_of_a_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(lock: IndexLock) -> bool:
        raise StorageError("Read-only file system")

    monkeypatch.setattr(IndexLock, "acquire_to_read", fail)


def test_what_cannot_be_locked_is_read_as_a_copy(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    temp = tmp_path / "temp"
    temp.mkdir()
    monkeypatch.setattr(private_copy, "_places", lambda: [temp])
    in_place_of_a_lock(monkeypatch)
    left = temp / "imagefinder-copy-of-the-dead"
    left.mkdir()
    (left / private_copy.ALIVE).touch()
    before = {p: p.stat().st_mtime_ns for p in home.rglob("*")}
    with ImageFinder.open(home, read_only=True) as reader:
        assert len(uris(reader)) == 3 and not left.exists()
        (copy,) = temp.iterdir()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o700
        with ImageFinder.open(home, read_only=True) as other:
            assert len(other) == 3 and len(list(temp.iterdir())) == 2, "a copy in use is not taken for a leftover"
    assert not list(temp.iterdir())
    assert {p: p.stat().st_mtime_ns for p in home.rglob("*")} == before
    monkeypatch.setattr(private_copy, "_places", lambda: [])
    with pytest.raises(StorageError, match="MB free"):
        ImageFinder.open(home, read_only=True)


def test_a_copy_is_made_anew_when_the_index_was_rebuilt(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_place_of_a_lock(monkeypatch)
    with ImageFinder.open(home, read_only=True) as reader:
        before = [hit.id for hit in reader.similar(reader.records()[0].id)]
        for made in ("made-1", "made-2"):
            assert run_process("index", "--rebuild", "--index", home).returncode == 0
            assert (home / made).is_dir()
            assert [hit.id for hit in reader.similar(reader.records()[0].id)] == before


def test_a_large_copy_is_told_of(home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    in_place_of_a_lock(monkeypatch)
    monkeypatch.setattr(private_copy, "LARGE", 2**40)
    with ImageFinder.open(home, read_only=True):
        assert not caplog.messages
    monkeypatch.setattr(private_copy, "LARGE", 1000)
    with ImageFinder.open(home, read_only=True) as reader:
        assert len(uris(reader)) == 3
    (told,) = caplog.messages
    assert "MB of it are copied to" in told


def test_no_copy_is_made_while_somebody_writes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for another user's index: neither to be locked nor to be asked."""
    in_place_of_a_lock(monkeypatch)
    with IndexLock(home), pytest.raises(IndexLockedError, match=r"in use|open already"):
        ImageFinder.open(home, read_only=True)


@contextlib.contextmanager
def mounted(*arguments: object) -> Iterator[None]:
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True) if shutil.which("mount") else None
    if done is None or done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(arguments[-1])], check=True)


def serve_what_is_read_only(place: Path) -> None:
    """The page and the API, all but what changes something."""
    with ImageFinder.open(place, read_only=True) as finder:
        app = create_app(finder, ServerSettings(read_only=True))
        with TestClient(app, base_url="http://localhost:8642") as client:
            image = client.get("/v1/images").json()["images"][0]
            picture = client.get(f"/v1/images/{image['id']}/original").content
            assert picture == Path(image["uri"]).read_bytes()
            assert client.get(f"/v1/images/{image['id']}/thumbnail").status_code == 200
            sent = client.post("/v1/uploads", files={"file": ("a.jpg", picture)})
            assert sent.status_code == 201, sent.text
            query = {"parts": [{"upload": sent.json()["upload"]}], "k": 1}
            assert client.post("/v1/search", json=query).json()["hits"][0]["id"] == image["id"]
            assert len(client.post("/v1/search", json={"words": "a syringe", "k": 9}).json()["hits"]) == 3
            assert client.get("/v1/clusters").status_code == client.get("/").status_code == 200


def test_serving_beside_a_writer(home: Path) -> None:
    with holder(home, "write"):
        serve_what_is_read_only(home)
    serve_what_is_read_only(home)


def test_a_medium_that_cannot_be_written_is_searched(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "medium"
    place.mkdir()
    with mounted("--bind", home, place):
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
        done = run_process("search", "a syringe", "-f", "--index", place)
        assert done.returncode == 0 and len(done.stdout.splitlines()) == 3, done.stderr
        with open_library(place, None, None, Limits(), write=True) as library:
            assert len(library.search("a syringe", k=3)) == 3
        serve_what_is_read_only(place)
        with holder(home, "write"):  # the same index, written through another mount: it is asked
            assert run_process("search", "a syringe", "-f", "--index", place).stdout == done.stdout


@pytest.mark.parametrize("free", [0, 4096, 3_000_000, 20_000_000])
def test_a_full_disk_is_searched(home: Path, tmp_path: Path, free: int) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=400m", "none", place):
        subprocess.run(["cp", "-r", "--sparse=always", home, place / "index"], check=True)
        room = shutil.disk_usage(place).free - free
        with (place / "filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, room)
        assert shutil.disk_usage(place).free <= free
        for command in (("search", "a syringe", "-f"), ("info",), ("clusters",)):
            done = run_process(*command, "--index", place / "index")
            assert done.returncode == 0, done.stderr
        assert run_process("tag", "--filter", "width > 0", "--add", "x", "--index", place / "index").returncode == 3


def test_many_searches_at_once_beside_an_indexing_run(home: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    for i in range(8):
        shutil.copytree(ANIMALS, more / str(i))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    start = [sys.executable, "-m", "imagefinder"]

    def begin(*words: object) -> subprocess.Popen[str]:
        arguments = [*start, *map(str, words), "--index", str(home)]
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)

    indexing = begin("index", more)
    searches = [begin("search", MEDICAL / "syringe.jpg", "-f", "-k", "1") for _ in range(32)]
    wanted = run_process("search", next(MEDICAL.glob("*")), "-f", "-k", "1", "--index", home)
    assert wanted.returncode == 0, wanted.stderr
    for search in searches:
        out, err = search.communicate()
        assert search.returncode == 0, err
        assert Path(out.strip()).parent == MEDICAL, (out, err)
    assert indexing.communicate()[1] and indexing.returncode == 0
    assert (home / LOCK_NAME).exists()

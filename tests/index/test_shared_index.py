"""An index at an address: several processes write it, each sees what the others did, and nothing of it is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import addressed
import database
import pytest

from imagefinder import ImageFinder
from imagefinder.errors import IndexDamagedError, IndexFolderError, InvalidInputError, NotFoundError, StorageError
from imagefinder.index import shared
from imagefinder.index.jsonfile import read_json, write_json
from imagefinder.index.manifest import SourceEntry
from imagefinder.index.runs import list_runs, load_run, save_run
from imagefinder.index.shared import SharedIndex
from imagefinder.index.travelling import fetch_models
from imagefinder.store.stores import STORES

PICTURES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture(autouse=True)
def _own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shared, "_folder_of", lambda site: addressed._made(tmp_path / "home" / site.name))


@pytest.fixture(params=[name for name, kind in STORES.items() if kind.schemes])
def server(request: pytest.FixtureRequest) -> Any:
    """Each server on which indexes can be."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def two(server: Any) -> Iterator[tuple[SharedIndex, SharedIndex]]:
    at = server.address()
    with SharedIndex(at) as first, SharedIndex(at, create=False) as second:
        yield first, second


def test_documents_are_written_whole_and_never_over_a_newer_one(two: tuple[SharedIndex, SharedIndex]) -> None:
    mine, theirs = (index.documents / "some" / "thing.json" for index in two)
    with pytest.raises(FileNotFoundError):
        read_json(mine, {}, "")
    write_json(mine, {"n": 1})
    assert read_json(theirs, {"n": int}, "")["n"] == 1
    with two[0]._site.checking():
        read_json(mine, {}, "")
        write_json(theirs, {"n": 2})  # whoever did that held no lock
        with pytest.raises(StorageError, match="changed by another process"):
            write_json(mine, {"n": 3})
        read_json(mine, {}, "")
        write_json(mine, {"n": 4})
        write_json(mine, {"n": 5})
    assert read_json(theirs, {}, "")["n"] == 5
    assert [place.name for place in (two[0].documents / "some").iterdir()] == ["thing.json"]
    assert "thing.json" in str(mine) and "some" in {place.name for place in two[0].documents.iterdir()}
    theirs.unlink()
    assert not mine.exists() and not mine.parent.is_dir()


def test_lines_are_added_by_all_at_once(two: tuple[SharedIndex, SharedIndex]) -> None:
    places = [index.documents / "lines.jsonl" for index in two]

    def work(place: object, who: int) -> None:
        for n in range(30):
            place.add(b"%d %d\n" % (who, n))  # type: ignore[attr-defined]

    threads = [threading.Thread(target=work, args=(places[who % 2], who)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = places[0].read().splitlines()
    assert len(lines) == 120
    assert [line for line in lines if line.startswith(b"3 ")] == [b"3 %d" % n for n in range(30)]
    places[1].write(b"new\n")
    assert places[0].add(b"more\n") == (9, 4) and places[1].read() == b"new\nmore\n"


def test_runs_of_all_processes_have_names_of_their_own(two: tuple[SharedIndex, SharedIndex]) -> None:
    threads = [
        threading.Thread(target=lambda index=index: [save_run(index.documents, "maps", {}, {}) for _ in range(5)])
        for index in two * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [run.name for run in list_runs(two[1].documents, "maps")] == [f"{n:04d}" for n in range(1, 21)]
    assert load_run(two[0].documents, "maps").arrays() == {}


def test_sources_that_many_add_are_all_kept(two: tuple[SharedIndex, SharedIndex]) -> None:
    """Each reads the manifest, changes it and writes it, under the lock that all of them know."""

    def work(index: SharedIndex, who: int) -> None:
        for n in range(10):
            with index.writing, index.writing:
                index.save_manifest(index.manifest.with_source(SourceEntry(f"/photos/{who}/{n}", "folder")))

    threads = [threading.Thread(target=work, args=(two[who % 2], who)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(two[0].manifest.sources) == len(two[1].manifest.sources) == 40
    with pytest.raises(StorageError, match="changed by another"), two[0].writing:
        document = two[1].documents / "index.json"
        document.write(document.read())  # by somebody who holds no lock
        two[0].save_manifest(two[0].manifest)


def test_two_work_on_one_index(server: Any, tmp_path: Path) -> None:
    at = server.address("shop")
    with ImageFinder.open(at, model="fast") as first:
        assert first.add(PICTURES / "medical", PICTURES / "food").added
        with ImageFinder.open(at, create=False) as second:
            seen = [hit.uri for hit in first.search("a syringe", k=3)]
            assert [hit.uri for hit in second.search("a syringe", k=3)] == seen
            first.add(PICTURES / "plants")
            assert len(second) == len(first) and second.sources == first.sources
            ids = second.columns(["id"])["id"]
            second.tag(ids[:2], add=["chosen"])
            assert len(first.records("tags = chosen")) == 2
            second.cluster(3)
            assert [c.name for c in first.clusters] == [c.name for c in second.clusters]
            first.clusters.rename(next(iter(first.clusters)).name, "mine")
            assert "mine" in [c.name for c in second.clusters]
            second.feedback.add({"text": "a dog"}, liked=[ids[0]])
            second.copies.decide("keep-both", ids[0], ids[1])
            assert len(first.feedback.list()) == 1 and len(first.copies.decisions().pairs) == 1
            first.map("pca")
            assert second.kept_map().ids == first.kept_map().ids
    with ImageFinder.open(at, read_only=True) as reader:
        assert [hit.uri for hit in reader.search("a syringe", k=3)] == seen
        with pytest.raises(IndexFolderError, match="for reading"):
            reader.tag(ids[:1], add=["x"])
    with pytest.raises(NotFoundError, match=r"no index at (postgresql|qdrant)"):
        ImageFinder.open(server.address(), create=False)
    with pytest.raises(InvalidInputError, match="in a folder"):
        ImageFinder.rebuild(at)
    with pytest.raises(InvalidInputError, match=r"no store .* postgresql://"):
        ImageFinder.open("mysql://me@host/db/shop")


def test_a_model_trained_by_one_is_used_by_all(server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    at = server.address()
    homes = iter(("none", "one", "two", "three"))
    monkeypatch.setattr(shared, "_folder_of", lambda site: addressed._made(tmp_path / next(homes)))
    ImageFinder.open(at, model="fast").close()
    with ImageFinder.open(at) as first, ImageFinder.open(at, create=False) as second:
        first.add(PICTURES / "food", PICTURES / "plants")
        labels = {record.id: Path(record.uri).parent.name for record in first.records()}
        name = first.train_adapter(labels, name="kinds", methods=["lda"], use=True).name
        liked = first.records()[0].id
        assert name in second.models
        assert [h.uri for h in second.similar(liked, k=5)] == [h.uri for h in first.similar(liked, k=5)]
        assert (tmp_path / "two" / "models" / name / "spec.json").is_file()
        second.use_space("efficientnet-lite2")
        second.drop_space(name)
        assert name not in first.models and not (tmp_path / "one" / "models" / name).exists()
        assert [h.uri for h in first.similar(liked, k=5)]
    with ImageFinder.open(at, create=False) as third:
        assert name not in third.models and not (tmp_path / "three" / "models").exists()


def test_no_document_is_written_outside_of_its_folder(two: tuple[SharedIndex, SharedIndex], tmp_path: Path) -> None:
    for name in ("models/bad/../../../owned", "models/../owned", "models/bad/C:owned", "models/bad/..\\owned"):
        place = two[0].documents / name
        place.write(b"x")
        with pytest.raises(IndexDamagedError, match="no name of a file"):
            fetch_models(two[1].documents, tmp_path / "here")
        place.unlink()
    (two[0].documents / "models" / "good" / "tokenizer" / "words.txt").write(b"x")
    assert fetch_models(two[1].documents, tmp_path / "here") == ["good"]
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert {one for one in written if one.startswith("here")} == {
        "here/models/good/tokenizer/words.txt", "here/models/good/.fetched",
    } and not any("owned" in one for one in written)  # fmt: skip


INDEXING = """
import sys
from imagefinder import ImageFinder
with ImageFinder.open(sys.argv[1], model="fast") as finder:
    finder.add(*sys.argv[2:], workers=1, progress=lambda progress: print(progress.stored, flush=True))
"""


def test_a_killed_run_leaves_nothing_half_and_is_taken_up(postgres: database.Server, tmp_path: Path) -> None:
    at = postgres.address()
    ImageFinder.open(at, model="fast").close()
    writer = subprocess.Popen(
        [sys.executable, "-c", INDEXING, at, str(PICTURES / "plants"), str(PICTURES / "food")],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "XDG_DATA_HOME": str(tmp_path)},
    )  # fmt: skip
    assert writer.stdout is not None
    told = 0
    for line in writer.stdout:
        told = int(line) if line.strip().isdigit() else told
        if told >= 16:
            writer.send_signal(signal.SIGKILL)
            break
    writer.wait()
    writer.stdout.close()
    with ImageFinder.open(at, create=False) as finder:
        assert len(finder) >= told, "what was said to be stored is there"
        report = finder.add(PICTURES / "plants", PICTURES / "food")
        uris = finder.columns(["uri"])["uri"]
        assert len(uris) == len(set(uris)) == report.total and report.unchanged >= told


def test_a_reader_needs_no_right_to_write(postgres: database.Server) -> None:
    at = postgres.address()
    with ImageFinder.open(at, model="fast") as finder:
        finder.add(PICTURES / "medical")
        for sql in (
            "create role reader login",
            f'grant usage on schema "imagefinder_{finder._collection.index._site.name}" to reader',  # type: ignore[attr-defined]
            f'grant select on all tables in schema "imagefinder_{finder._collection.index._site.name}" to reader',  # type: ignore[attr-defined]
        ):
            finder._collection.index._site._database.do(sql)  # type: ignore[attr-defined]
    with ImageFinder.open(at.replace("tester@", "reader@"), read_only=True) as finder:
        assert len(finder.search("a syringe", k=3)) == 3
    with pytest.raises(StorageError, match="may not do this"):
        ImageFinder.open(at.replace("tester@", "reader@"))

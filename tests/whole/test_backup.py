"""A backup holds what an index is, also while others write it, and is restored whole or not at all."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import killed
import numpy as np
import pytest
from command import run_cli, run_process
from far_buckets import Moto, Proxy
from whole_index import Made, made_of, same

from imagefinder import ImageFinder, backup_index, restore_index
from imagefinder.cli.bar import ProgressBar
from imagefinder.errors import (
    ImageFinderError,
    IndexDamagedError,
    IndexLockedError,
    InvalidInputError,
    NotFoundError,
    StorageError,
)
from imagefinder.store.edge import engine
from imagefinder.types import Progress
from imagefinder.whole import contents
from imagefinder.whole.archive import Writer

PICTURES = Path(__file__).resolve().parents[2] / "examples" / "images"
IMAGES = 36


def restored_is(wanted: Made, folder: Path) -> None:
    """Fails unless the index in a folder is as that was; what was in force is applied again when it is restored."""
    found = made_of(folder)
    for made in (found, wanted):
        made.documents["groups.json"] = b""
    same(wanted, found)


@pytest.fixture
def taken(index: Path, tmp_path: Path) -> Path:
    """A backup of the index."""
    backup_index(index, tmp_path / "backup.tar")
    return tmp_path / "backup.tar"


def test_a_backup_is_restored_as_the_index_was(index: Path, tmp_path: Path) -> None:
    (index / "uploads" / "images").mkdir(parents=True)
    (index / "uploads" / "images" / "ab.jpg").write_bytes(b"sent" * 1_000_000)
    (index / "uploads" / "queries").mkdir()
    (index / "uploads" / "queries" / "cd").write_bytes(b"asked")
    done = run_cli("backup", tmp_path / "backup.tar", "--index", index, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0 and (report["images"], report["uploads"]) == (IMAGES, 1)
    done = run_cli("restore", tmp_path / "backup.tar", "--index", tmp_path / "deep" / "back", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["checksum"] == report["checksum"] and told["source"] == str(index)
    assert (told["images"], told["documents"], told["uploads"], told["replaced"]) == (
        IMAGES, report["documents"] + 0, 1, False,
    )  # fmt: skip
    back = tmp_path / "deep" / "back"
    restored_is(made_of(index), back)
    assert (back / "uploads" / "images" / "ab.jpg").read_bytes() == b"sent" * 1_000_000
    assert not (back / "uploads" / "queries").exists() and not (back / "trash").exists()
    assert [path.name for path in back.parent.iterdir()] == ["back"]
    with ImageFinder.open(index) as old, ImageFinder.open(back) as new:
        image = old.records()[0].id
        assert [hit.uri for hit in old.similar(image, k=5)] == [hit.uri for hit in new.similar(image, k=5)]
        assert [c.name for c in old.clusters] == [c.name for c in new.clusters]
        assert new.add(*new.sources).unchanged == IMAGES


def test_an_index_at_an_address_is_backed_up(index: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    from imagefinder import copy_index

    there = request.getfixturevalue("postgres").address()
    copy_index(index, there)
    assert run_cli("backup", tmp_path / "b.tar", "--index", there).returncode == 0
    with pytest.raises(InvalidInputError, match="restored to a folder"):
        restore_index(tmp_path / "b.tar", request.getfixturevalue("postgres").address())
    restore_index(tmp_path / "b.tar", tmp_path / "back")
    restored_is(made_of(index), tmp_path / "back")


def test_other_programs_read_it(index: Path, taken: Path) -> None:
    """As docs/backup.md says."""
    with tarfile.open(taken) as tar:
        files = {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]
    assert next(iter(files)) == "imagefinder-backup.json" and list(files)[-1] == "checksums.json"
    sums = json.loads(files.pop("checksums.json"))
    assert sums["files"] == {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for name, content in files.items()
    }
    lines = [json.loads(line) for line in gzip.decompress(files["1/points/000001.jsonl.gz"]).splitlines()]
    wanted = made_of(index)
    assert {line["id"]: line["payload"] for line in lines} == {id: point[0] for id, point in wanted.points.items()}
    for name, params in json.loads(files["1/points/vectors.json"]).items():
        rows = np.load(io.BytesIO(files[f"1/points/000001/{name}.npy"]))
        held = [line["id"] for line in lines if name in line["vectors"]]
        assert rows.dtype == params["dtype"]
        assert {id: row.tobytes() for id, row in zip(held, rows, strict=True)} == {
            id: vectors[name] for id, (_, vectors) in wanted.points.items() if name in vectors
        }
    documents = {name.removeprefix("1/documents/") for name in files if name.startswith("1/documents/")}
    assert documents == {*wanted.documents, "index.json"}


def test_it_goes_through_pipes(index: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "imagefinder"]
    with subprocess.Popen([*command, "backup", "-", "--index", str(index)], stdout=subprocess.PIPE) as writing:
        done = subprocess.run(
            [*command, "restore", "-", "--index", str(tmp_path / "back")], stdin=writing.stdout, timeout=200
        )
        assert done.returncode == 0 and writing.wait(60) == 0
    restored_is(made_of(index), tmp_path / "back")
    assert run_cli("backup", "-", "--index", index, "--json").returncode == 2


def test_it_goes_to_a_bucket_and_back(index: Path, tmp_path: Path, moto: Moto, far: Proxy) -> None:
    bucket, client = moto.bucket(), moto.client()
    place = f"s3://{bucket}/backups/pictures.tar"
    done = run_cli("backup", place, "--index", index)
    assert done.returncode == 0 and place in done.stderr
    (found,) = client.list_objects_v2(Bucket=bucket)["Contents"]
    assert found["Key"] == "backups/pictures.tar" and found["Size"] % 512 == 0
    assert run_cli("restore", place, "--index", tmp_path / "back").returncode == 0
    restored_is(made_of(index), tmp_path / "back")
    with ImageFinder.open(index) as finder:
        finder.remove(finder.records()[0].id)
    assert backup_index(index, place).images == IMAGES - 1  # in place of the former

    client.put_object(Bucket=bucket, Key="photo.jpg", Body=b"mine")
    for name, said in {"photo.jpg": "not written over", "": "names no object", "of/": "names no object"}.items():
        with pytest.raises(InvalidInputError, match=said):
            backup_index(index, f"s3://{bucket}/{name}")
    with pytest.raises(NotFoundError, match="no object"):
        restore_index(f"s3://{bucket}/none.tar", tmp_path / "other")
    with pytest.raises(InvalidInputError, match="data set"):
        backup_index(index, "hf://datasets/a/b/c.tar")
    assert client.get_object(Bucket=bucket, Key="photo.jpg")["Body"].read() == b"mine"


def test_what_is_cut_short_on_the_way_to_a_bucket_or_back_leaves_nothing(
    index: Path, tmp_path: Path, moto: Moto, far: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, client = moto.bucket(), moto.client()

    def stop(progress: Progress) -> None:
        if progress.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup_index(index, f"s3://{bucket}/a.tar", progress=stop)
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)
    backup_index(index, f"s3://{bucket}/a.tar")
    whole = client.get_object(Bucket=bucket, Key="a.tar")["Body"].read()
    client.put_object(Bucket=bucket, Key="a.tar", Body=whole[: len(whole) // 2])
    with pytest.raises(IndexDamagedError):
        restore_index(f"s3://{bucket}/a.tar", tmp_path / "back")
    assert not (tmp_path / "back").exists()


# --- others that write ------------------------------------------------------------------------------------------------


def test_what_was_said_before_it_began_is_in_it_while_four_threads_write(index: Path, tmp_path: Path) -> None:
    with ImageFinder.open(index) as writer:
        ids = writer.columns(["id"])["id"]
        stop, said = threading.Event(), dict[str, str]()
        rounds = [threading.Semaphore(0) for _ in range(3)]

        def work(mine: list[str], told: threading.Semaphore) -> None:
            n = 0
            while not stop.is_set():
                n += 1
                for id in mine:
                    writer.update(id, tags=[f"n{n}"], caption=f"n{n}")
                    said[id] = f"n{n}"
                told.release()

        threads = [threading.Thread(target=work, args=(ids[k:30:3], rounds[k])) for k in range(3)]
        threads.append(threading.Thread(target=lambda: (writer.add(PICTURES / "food"), writer.cluster(4))))
        for thread in threads:
            thread.start()
        try:
            for told in rounds * 2:
                assert told.acquire(timeout=100), "each writer goes round"
            before = dict(said)
            assert before.keys() == set(ids[:30])
            done = run_process("backup", tmp_path / "b.tar", "--index", index)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert done.returncode == 0, done.stderr
    restore_index(tmp_path / "b.tar", tmp_path / "back")
    with ImageFinder.open(tmp_path / "back") as finder:
        found = {record.id: record for record in finder.records()}
        assert found.keys() >= set(ids)
        for id in ids[:30]:
            caption = found[id].caption
            assert caption and found[id].tags == (caption,), "whole"
            assert int(caption[1:]) >= int(before[id][1:]), "as new as it was when the backup began"
        names = finder.clusters.clustering.names()
        assert {record.extra.get("cluster") for record in found.values()} <= {*names, -1, None}
        assert len(finder.similar(ids[0], k=5)) == 5


def test_a_model_that_comes_meanwhile_begins_another_part(index: Path, tmp_path: Path) -> None:
    with ImageFinder.open(index) as writer:
        todo = [
            lambda: writer.train_classifier(by="folder", hidden=4, held_out=0, name="four"),
            lambda: writer.drop_space("three"),
        ]

        def change(progress: Progress) -> None:
            if todo and progress.stage == "writing documents":
                todo.pop(0)()

        backup_index(index, tmp_path / "b.tar", progress=change)
    with tarfile.open(tmp_path / "b.tar") as tar:
        assert {name.split("/")[0] for name in tar.getnames() if "points" in name} == {"1", "2"}
    assert restore_index(tmp_path / "b.tar", tmp_path / "back").images == IMAGES
    restored_is(made_of(index), tmp_path / "back")


def test_models_that_never_rest_are_said_to_be_so(index: Path, tmp_path: Path) -> None:
    with ImageFinder.open(index) as writer:
        names = iter(f"m{n}" for n in range(10))
        seen = set()

        def change(progress: Progress) -> None:
            if progress.stage == "writing documents" and progress.done == 0:
                name = next(names)
                seen.add(name)
                writer.train_classifier(by="folder", hidden=4, held_out=0, name=name)

        with pytest.raises(StorageError, match="changed each of 3 times"):
            backup_index(index, tmp_path / "b.tar", progress=change)
    assert not (tmp_path / "b.tar").exists() and len(seen) == 3


# --- damaged, cut short, ended ----------------------------------------------------------------------------------------


def test_a_damaged_or_cut_backup_leaves_nothing(tmp_path: Path) -> None:
    with ImageFinder.open(tmp_path / "small", model="fast") as finder:
        finder.add(PICTURES / "medical")
    backup_index(tmp_path / "small", tmp_path / "b.tar")
    whole = (tmp_path / "b.tar").read_bytes()
    with tarfile.open(tmp_path / "b.tar") as tar:
        entries = tar.getmembers()
    end = entries[-1].offset_data + entries[-1].size
    cuts = [0, 1, 511, 700, entries[3].offset_data + 5, entries[-1].offset, entries[-1].offset_data + 10, end - 1]
    bad = {f"cut at {n}": whole[:n] for n in cuts}
    for entry in entries:
        places = {entry.offset + 3, entry.offset + 130, entry.offset_data + entry.size // 2}
        bad |= {f"{entry.name} at {n}": whole[:n] + bytes([whole[n] ^ 4]) + whole[n + 1 :] for n in places}
    bad["another"] = b"not a backup" * 1000
    for what, content in bad.items():
        (tmp_path / "bad.tar").write_bytes(content)
        with pytest.raises(IndexDamagedError, match=r"can't be restored: .*Nothing was changed"):
            print(what, restore_index(tmp_path / "bad.tar", tmp_path / "back"))
        assert {path.name for path in tmp_path.iterdir()} == {"small", "b.tar", "bad.tar"}, what
    assert restore_index(io.BytesIO(whole), tmp_path / "back").images == 3


def test_names_in_a_backup_lead_nowhere_else(taken: Path, tmp_path: Path) -> None:
    for name in ("../owned", "1/documents/../../owned", "uploads/../owned", "1/documents/.lock.door", "/tmp/owned",
                 "1/documents/points/x", "uploads/C:owned"):  # fmt: skip
        with tarfile.open(taken) as old, tarfile.open(tmp_path / "evil.tar", "w") as new:
            for n, entry in enumerate(old):
                new.addfile(entry, old.extractfile(entry))
                if n == 3:
                    more = tarfile.TarInfo(name)
                    more.size = 3
                    new.addfile(more, io.BytesIO(b"bad"))
        with pytest.raises(IndexDamagedError, match="can't be restored"):
            restore_index(tmp_path / "evil.tar", tmp_path / "back")
        assert not list(tmp_path.rglob("*owned*")) and not (tmp_path / "back").exists(), name


def test_a_kill_while_it_is_restored_leaves_the_former_index_or_the_new_one(
    index: Path, taken: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]
) -> None:
    wanted = made_of(index)
    before = copy_index(index, tmp_path / "before")
    with ImageFinder.open(before) as finder:
        finder.remove(*[record.id for record in finder.records()[:30]])

    def run(step: int) -> tuple[Path, subprocess.CompletedProcess[str]]:
        home = tmp_path / f"at-{step}"
        home.mkdir()
        copy_index(before, home / "index")
        (home / "backup.tar").symlink_to(taken)
        return home, subprocess.run(
            [sys.executable, killed.__file__, "restore", str(home), str(step), "0"],
            capture_output=True, text=True, timeout=200,
        )  # fmt: skip

    home, done = run(0)
    assert done.returncode == 0, done.stderr
    steps = json.loads(done.stdout.splitlines()[-1])[1]
    restored_is(wanted, home / "index")
    shutil.rmtree(home)
    for step in (round(steps * 0.2), round(steps * 0.6), *range(steps - 9, steps, 4)):
        home, done = run(step)
        assert done.returncode == -signal.SIGKILL
        if (home / "index").exists():
            assert len(made_of(home / "index").points) in (6, IMAGES)
        else:  # between two renames
            (former,) = home.glob(".index.former-*")
            assert len(made_of(former).points) == 6
        restore_index(taken, home / "index", replace=True)
        restored_is(wanted, home / "index")
        assert not list(home.glob(".index.restoring-*"))
        shutil.rmtree(home)


def test_ctrl_c_and_a_full_disk_leave_nothing(
    index: Path, taken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = taken.read_bytes()

    def stop(self: ProgressBar, progress: Progress) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as pressed:
        pressed.setattr(ProgressBar, "show", stop)
        done = run_cli("backup", taken, "--index", index)
        assert done.returncode == 130 and "Nothing was written." in done.stderr
        done = run_cli("restore", taken, "--index", tmp_path / "back")
        assert done.returncode == 130 and "Nothing was changed." in done.stderr
    with monkeypatch.context() as full:
        full.setattr(engine, "RESERVED_BYTES", 2**62)
        with pytest.raises(StorageError, match="nearly full"):
            restore_index(taken, tmp_path / "back")
    with monkeypatch.context() as full:

        def no_room(*_: object) -> None:
            raise OSError(28, os.strerror(28))

        full.setattr(Writer, "add_points", no_room)
        with pytest.raises(StorageError, match=r"can't be written: No space left on device. What was there before is"):
            backup_index(index, taken)
    assert taken.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"index", "backup.tar"}


# --- what it refuses --------------------------------------------------------------------------------------------------


def test_nothing_is_written_over_but_a_former_backup(index: Path, taken: Path, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "photo.jpg")
    for name in ("photo.jpg", "link", "index"):
        with pytest.raises(InvalidInputError, match="not written over"):
            backup_index(index, tmp_path / name)
    assert (tmp_path / "photo.jpg").read_bytes() == b"mine"
    with pytest.raises(InvalidInputError, match="in the index itself"):
        backup_index(index, index / "b.tar")
    with pytest.raises(InvalidInputError, match="not an address"):
        backup_index(index, "postgresql://me@db/shop/b.tar")
    with pytest.raises(NotFoundError, match="no index"):
        backup_index(tmp_path / "none", tmp_path / "b.tar")
    assert not (tmp_path / "b.tar").exists()
    with ImageFinder.open(index) as finder:
        finder.remove(finder.records()[0].id)
    assert backup_index(index, taken).images == IMAGES - 1
    with pytest.raises(NotFoundError, match="no file"):
        restore_index(tmp_path / "b.tar", tmp_path / "back")


def test_an_index_is_replaced_only_if_that_is_said_and_nobody_has_it_open(
    index: Path, taken: Path, tmp_path: Path
) -> None:
    with ImageFinder.open(index) as finder:
        finder.remove(*[record.id for record in finder.records()[:30]])
        with pytest.raises(IndexLockedError):
            restore_index(taken, index, replace=True)
    done = run_cli("restore", taken, "--index", index)
    assert done.returncode == 2 and "is an index already" in done.stderr and "--replace" in done.stderr
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").touch()
    with pytest.raises(InvalidInputError, match=r"mine\.jpg"):
        restore_index(taken, tmp_path / "photos", replace=True)
    assert len(made_of(index).points) == 6
    done = run_cli("restore", taken, "--index", index, "--replace", "--json")
    assert json.loads(done.stdout)["replaced"] and len(made_of(index).points) == IMAGES
    (tmp_path / "empty").mkdir()
    assert restore_index(taken, tmp_path / "empty").images == IMAGES
    with pytest.raises(ImageFinderError, match="no folder"):
        restore_index(taken, tmp_path / "photos" / "mine.jpg")


def test_memory_is_bounded(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than a batch of points is asked for at once, nor written to one file."""
    monkeypatch.setattr(contents, "AT_ONCE", 30_000)
    backup_index(index, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as tar:
        batches = [name for name in tar.getnames() if name.endswith(".jsonl.gz")]
    assert len(batches) > 10
    restore_index(tmp_path / "b.tar", tmp_path / "back")
    restored_is(made_of(index), tmp_path / "back")

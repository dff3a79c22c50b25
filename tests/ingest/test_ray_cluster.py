"""A cluster of Ray with two nodes on this machine: it makes the same index as one process, to the bit, also when a
worker, a node and the store are killed in the middle."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import database
import numpy as np
import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.errors import ImageFinderError, ServerError, StorageError
from imagefinder.ingest.distributed import spread
from imagefinder.types import Progress

pytestmark = [pytest.mark.alone, pytest.mark.files, pytest.mark.filterwarnings("ignore")]
MEMORY = 100 * 1024**2  # of the object store of a node
N = 120


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    before = dict(os.environ)
    os.environ |= {"RAY_AUTH_TOKEN": "t" * 32, "RAY_BACKEND_LOG_LEVEL": "fatal"}
    node = {"num_cpus": 1, "object_store_memory": MEMORY, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=node)
    try:
        made.add_node(num_cpus=1, object_store_memory=MEMORY)
        yield made
    finally:
        made.shutdown()
        os.environ.clear()
        os.environ |= before


@pytest.fixture(scope="module")
def server() -> Iterator[database.Server]:
    with database.running() as found:
        yield found


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little at once, so that much is under way when something is killed."""
    for name, value in {"CHUNK": 4, "BLOCK": 1, "STORED": 2}.items():
        monkeypatch.setattr(spread, name, value)


def picture(path: Path, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(noise).resize((96, 72)).save(path, quality=90)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Pictures, two of which have the same content, two that are damaged in the same way, and an archive."""
    folder = tmp_path / "album"
    (folder / "a").mkdir(parents=True)
    for n in range(N):
        picture(folder / "a" / f"{n:03d}.jpg", n)
    shutil.copy(folder / "a" / "007.jpg", folder / "again.jpg")
    for name in ("broken.jpg", "broken-too.jpg"):
        (folder / name).write_bytes((folder / "a" / "001.jpg").read_bytes()[:400])
    with zipfile.ZipFile(folder / "more.zip", "w") as file:
        for n in (3, 500, 501):
            picture(tmp_path / "one.jpg", n)
            file.write(tmp_path / "one.jpg", f"{n}.jpg")
    return folder


def content(finder: ImageFinder) -> dict[str, tuple[dict[str, Any], dict[str, bytes]]]:
    """Payload and vectors of all points, to the bit."""
    store = finder._collection.index.store
    found = [point for points in store.scroll(vectors=sorted(store.vectors())) for point in points]
    assert len({point.id for point in found}) == len(found) == len(finder)
    return {p.id: (dict(p.payload), {name: row.tobytes() for name, row in p.vectors.items()}) for p in found}


def differing(one: ImageFinder, other: ImageFinder) -> set[str]:
    """The fields and vectors in which any point differs, and the ids that only one has."""
    first, second = content(one), content(other)
    found = set(first) ^ set(second)
    for id in set(first) & set(second):
        for a, b in zip(first[id], second[id], strict=True):
            found |= {name for name in {*a, *b} if a.get(name) != b.get(name)}
    return found


def said(report: Any) -> dict[str, Any]:
    row = report.to_dict()
    row["skipped"] = sorted((one["uri"], one["code"]) for one in row["skipped"])
    return {
        name: row[name] for name in ("seen", "added", "updated", "unchanged", "moved", "removed", "total", "skipped")
    }


def change(album: Path) -> None:
    """What may come between two runs."""
    (album / "b").mkdir()
    (album / "a" / "010.jpg").rename(album / "b" / "moved.jpg")
    (album / "a" / "011.jpg").unlink()
    picture(album / "a" / "012.jpg", 900)
    os.utime(album / "a" / "013.jpg", (10**9, 10**9))
    picture(album / "new.jpg", 901)


@pytest.mark.parametrize("place", ["folder", "postgres"])
def test_the_index_is_that_of_one_process(
    place: str, cluster: Any, server: database.Server, album: Path, tmp_path: Path
) -> None:
    at = [str(tmp_path / "one"), str(tmp_path / "many")] if place == "folder" else [server.address(), server.address()]
    sources = [album, album / "more.zip"]
    with ImageFinder.open(at[0], model="fast") as one, ImageFinder.open(at[1], model="fast") as many:
        assert said(many.add(*sources, ray=cluster.address)) == said(one.add(*sources))
        assert not differing(many, one)
        if place == "folder":
            return
        id = next(record.id for record in one.records() if record.uri.endswith("010.jpg"))
        for finder in (one, many):
            finder.tag([id], add=["kept"])
        change(album)
        assert said(many.add(ray=cluster.address)) == said(one.add())
        assert not differing(many, one)
        assert [record.uri for record in many.records() if record.tags] == [str(album / "b" / "moved.jpg")]


def test_ctrl_c_keeps_what_is_stored(cluster: Any, server: database.Server, album: Path, small: None) -> None:
    def stop(progress: Progress) -> None:
        if progress.stored >= 16:
            raise KeyboardInterrupt

    at = server.address()
    with ImageFinder.open(at, model="fast") as finder:
        with pytest.raises(KeyboardInterrupt):
            finder.add(album, ray=cluster.address, progress=stop)
        assert 16 <= (stored := len(finder)) < N
        assert finder.add(album).added == N + 1 - stored


def test_what_fails_on_a_worker_is_said_as_it_is(
    cluster: Any, server: database.Server, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagefinder._util import ray_cluster

    with pytest.raises(ImageFinderError, match="no cluster of Ray at 127"):
        ray_cluster._connect(None, "127.0.0.1:9")
    with ray_cluster.connected(cluster.address) as ray:

        @ray.remote
        def fail() -> None:
            from imagefinder.errors import ImageError

            raise ImageError("It is grey.", code="corrupt", remedy="Paint it.")

        with pytest.raises(Exception) as caught:
            ray.get(fail.remote())
    found = ray_cluster.cause_of(caught.value)
    assert (str(found), getattr(found, "code", "")) == ("It is grey. Paint it.", "corrupt")


# --- the last, since it takes a node from the cluster ---


def workers(node: Any, name: str) -> list[int]:
    """The processes of this kind on a node of the cluster."""
    raylet = node.all_processes["raylet"][0].process.pid
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == raylet and name in (folder / "cmdline").read_text():
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")
def test_a_worker_a_node_and_the_store_are_killed(cluster: Any, album: Path, small: None) -> None:
    with database.running() as server:
        kills = {"worker": 8, "node": 24, "store": 56}  # after so many images
        extra = cluster.list_all_nodes()[1]
        removing = threading.Thread(target=lambda: cluster.remove_node(extra, allow_graceful=False))

        def kill(progress: Progress) -> None:
            for name, after in list(kills.items()):
                if progress.stage == "indexing" and progress.stored >= after:
                    del kills[name]
                    if name == "worker":
                        pids = [pid for node in cluster.list_all_nodes() for pid in workers(node, "Embed")]
                        os.kill(pids[0], signal.SIGKILL)
                    elif name == "node":
                        removing.start()  # it takes seconds, in which the rest would be stored
                    else:
                        server.stop(signal.SIGQUIT)
                    return

        at, beside = server.address(), server.address()
        with pytest.raises((ServerError, StorageError)), ImageFinder.open(at, model="fast") as finder:
            finder.add(album, ray=cluster.address, progress=kill)
        removing.join()
        assert not kills
        server.start()
        with ImageFinder.open(at, model="fast") as finder:
            assert 56 <= len(finder) < N
            report = finder.add(ray=cluster.address)
            assert report.added < N - 40 and len(report.skipped) == 2
            with ImageFinder.open(beside, model="fast") as one:
                one.add(album)
                assert not differing(finder, one)

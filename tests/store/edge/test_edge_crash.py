"""Kills, damage and full disks: what was acknowledged is there, and what can't be read says so in our words."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest

from imagefinder.errors import IndexDamagedError, IndexFolderError, IndexLockedError, InvalidInputError
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.edge.store import EdgeStore
from imagefinder.store.filters.parse import parse

VECTORS = {"raw": VectorParams(256, "float16", "dot", searchable=False), "space": VectorParams(16)}
WRITER = """
import sys
from tests_store_writer import write
write(sys.argv[1], int(sys.argv[2]))
"""
HELPER = '''
import itertools, sys, uuid
import numpy as np
from imagefinder.store.base import Point
from imagefinder.store.edge.store import EdgeStore

def vector(n, dim):
    return np.random.default_rng(n).standard_normal(dim, dtype=np.float32)

def write(path, seed):
    """Upsert batches for ever; batch b writes b to 40 points of its own and to 10 that all batches share."""
    store = EdgeStore.open(path)
    first = store.count() // 40 + 1
    print("ready", flush=True)
    for b in itertools.count(first):
        own = [(b * 1000 + i, b) for i in range(40)]
        shared = [(i, b) for i in range(10)]
        store.upsert([Point(str(uuid.UUID(int=n)), {"batch": v, "folder": f"f{v % 3}"},
                            {"raw": vector(n + v, 256), "space": vector(n + v, 16)}) for n, v in own + shared])
        print(b, flush=True)
'''


def spawn(code: str, *args: object, folder: Path) -> subprocess.Popen[str]:
    (folder / "tests_store_writer.py").write_text(HELPER)
    path = os.pathsep.join([str(folder), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def vector(n: int, dim: int) -> np.ndarray:
    return np.random.default_rng(n).standard_normal(dim, dtype=np.float32)


def check_batches(path: Path, acknowledged: int) -> int:
    """Every batch that is there is whole, with its own vectors; returns the number of the last. None is missing."""
    store = EdgeStore.open(path)
    points = [p for page in store.scroll(vectors=["raw", "space"]) for p in page]
    batches = sorted({p.payload["batch"] for p in points})
    last = batches[-1] if batches else 0
    assert last in (acknowledged, acknowledged + 1), "the one in flight may have made it"
    assert len(points) == 40 * last + (10 if last else 0)
    for p in points:
        n, b = uuid.UUID(p.id).int, p.payload["batch"]
        assert b == (n // 1000 if n >= 1000 else last)
        assert np.allclose(p.vectors["raw"], vector(n + b, 256), rtol=2**-10, atol=1e-6)
        space = vector(n + b, 16)
        assert np.allclose(p.vectors["space"], space / np.linalg.norm(space), atol=1e-5)
    assert sum(store.count(parse(f"folder = f{i}")) for i in range(3)) == len(points)
    store.close()
    return last


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_acknowledged_batches_survive_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "points"
    EdgeStore.create(path, VECTORS).close()
    rng, acknowledged = random.Random(0), 0
    for seed in range(10):
        process = spawn(WRITER, path, seed, folder=tmp_path)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        lines = [process.stdout.readline() for _ in range(rng.randrange(8))]
        time.sleep(rng.uniform(0.0, 0.03))
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.read().split()
        process.communicate()
        acknowledged = check_batches(path, int(lines[-1]) if lines else acknowledged)
    assert acknowledged > 20, "the test must have killed writers at work"


def small(path: Path, n: int = 300) -> EdgeStore:
    store = EdgeStore.create(path, VECTORS)
    store.upsert(
        [
            Point(str(uuid.UUID(int=i)), {"folder": "f"}, {k: vector(i, p.dim) for k, p in VECTORS.items()})
            for i in range(n)
        ]
    )
    return store


def test_reopening_finds_everything(tmp_path: Path) -> None:
    store = small(tmp_path / "points")
    store.create_vector("late", VectorParams(8, "float16", "dot", searchable=False))
    store.set_vectors("late", [str(uuid.UUID(int=5))], np.arange(8)[None])
    store.close()
    store.close()
    again = EdgeStore.open(tmp_path / "points")
    assert dict(again.vectors()) == {**VECTORS, "late": VectorParams(8, "float16", "dot", searchable=False)}
    assert again.count() == 300
    [found] = again.retrieve([str(uuid.UUID(int=5))], vectors=["late", "raw"])
    assert found.vectors["late"].tolist() == list(range(8))
    again.drop_vector("late")
    again.close()
    with EdgeStoreClosing(tmp_path / "points") as last:
        assert dict(last.vectors()) == VECTORS
        assert last.count(parse("folder = f")) == 300


class EdgeStoreClosing:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> EdgeStore:
        self.store = EdgeStore.open(self.path)
        return self.store

    def __exit__(self, *_: object) -> None:
        self.store.close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = small(tmp_path / "points", 3)
    store.close()
    with pytest.raises(IndexFolderError, match="closed"):
        store.count()
    with pytest.raises(IndexFolderError, match="closed"):
        store.upsert([Point(str(uuid.UUID(int=1)))])


def test_a_second_opener_is_refused(tmp_path: Path) -> None:
    store = small(tmp_path / "points", 3)
    with pytest.raises(IndexLockedError, match="another process"):
        EdgeStore.open(tmp_path / "points")
    assert store.count() == 3
    store.close()


def test_creating_over_something_is_refused(tmp_path: Path) -> None:
    small(tmp_path / "points", 3).close()
    with pytest.raises(InvalidInputError, match="not empty"):
        EdgeStore.create(tmp_path / "points")


@pytest.mark.parametrize("missing", [".", "segments", "edge_config.json", "wal"])
def test_missing_parts(tmp_path: Path, missing: str) -> None:
    path = tmp_path / "points"
    small(path, 20).close()
    target = path / missing
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    if missing == "wal":  # everything had been flushed
        with EdgeStoreClosing(path) as store:
            assert store.count() == 20
        return
    with pytest.raises(IndexDamagedError) as caught:
        EdgeStore.open(path)
    assert "index --rebuild" in caught.value.remedy


PROBE = """
import sys
import numpy as np
from imagefinder.errors import ImageFinderError
from imagefinder.store.edge.store import EdgeStore
for path in sys.stdin:
    try:
        store = EdgeStore.open(path.strip())
        sum(len(page) for page in store.scroll(vectors=["raw", "space"]))
        store.query("space", np.ones(16), 5)
        store.close()
        print("opened", flush=True)
    except ImageFinderError as error:
        print(type(error).__name__, flush=True)
    except BaseException as error:
        print("foreign", type(error).__name__, error, flush=True)
"""


def damage(file: Path, how: str) -> None:
    size = file.stat().st_size
    with file.open("r+b") as stream:
        if how == "garbled":
            stream.write(random.Random(file.name).randbytes(min(size, 4096)))
        else:
            stream.truncate(0 if how == "emptied" else size // 2)


def one_of_each(path: Path) -> list[Path]:
    """A file of each name and kind of folder: what differs only by a vector's or a field's name counts once."""
    found: dict[str, Path] = {}
    for file in sorted(f for f in path.rglob("*") if f.is_file() and f.stat().st_size > 0):
        relative = file.relative_to(path)
        kind = relative.parts[2].split("-")[0] if len(relative.parts) > 2 else ""
        found.setdefault(f"{kind}/{file.name}", relative)
    return list(found.values())


@pytest.mark.skipif(shutil.which("cp") is None or not Path("/dev/shm").is_dir(), reason="needs GNU cp and /dev/shm")
@pytest.mark.parametrize("how", ["emptied", "halved", "garbled"])
def test_damage_to_a_file_is_survived_or_called_damage(tmp_path: Path, how: str) -> None:
    whole, odd = tmp_path / "whole", []
    small(whole, 100).close()
    prober = spawn(PROBE, folder=tmp_path)
    assert prober.stdin is not None
    assert prober.stdout is not None
    for number, relative in enumerate(one_of_each(whole)):
        hurt = tmp_path / f"hurt{number}"
        subprocess.run(["cp", "-r", "--sparse=always", whole, hurt], check=True)
        damage(hurt / relative, how)
        prober.stdin.write(f"{hurt}\n")
        prober.stdin.flush()
        said = prober.stdout.readline().strip()
        if said not in ("opened", "IndexDamagedError"):
            odd.append(f"{relative}: {said or prober.wait()}")
        if not said:
            prober = spawn(PROBE, folder=tmp_path)
            assert prober.stdin is not None
            assert prober.stdout is not None
        shutil.rmtree(hurt)
    prober.communicate("")
    assert not odd, "\n".join(odd)

"""A full disk: a StorageError, and everything acknowledged is there afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from imagefinder.errors import StorageError
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.edge import engine as edge_engine
from imagefinder.store.edge.store import EdgeStore

VECTORS = {"raw": VectorParams(1280, "float16", "dot", searchable=False), "space": VectorParams(64)}


def batch(start: int, n: int = 100) -> list[Point]:
    rng = np.random.default_rng(start)
    rows = {name: rng.standard_normal((n, p.dim), dtype=np.float32) for name, p in VECTORS.items()}
    return [
        Point(str(uuid.UUID(int=start + i)), {"caption": "c" * 500}, {k: v[i] for k, v in rows.items()})
        for i in range(n)
    ]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 200 MB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=200m", "tmpfs", folder], capture_output=True).returncode
    ):
        pytest.skip("mounting a small disk needs root on Linux")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_refuses_writes_and_keeps_what_was_stored(small_disk: Path) -> None:
    path = small_disk / "points"
    store, stored = EdgeStore.create(path, VECTORS), 0
    with pytest.raises(StorageError, match=r"nearly full.*safe.*Make room"):
        while stored < 100_000:
            store.upsert(batch(stored))
            stored += 100
    assert stored > 1000
    assert store.count() == stored
    store.close()

    ballast = small_disk / "ballast"
    with ballast.open("wb") as stream, pytest.raises(OSError, match="No space"):
        while True:
            stream.write(bytes(2**16))
            stream.flush()
    with pytest.raises(StorageError, match="nearly full"):
        EdgeStore.open(path)
    ballast.unlink()

    store = EdgeStore.open(path)
    assert store.count() == stored
    for start in range(0, stored, 100):
        expected = batch(start)
        for point, found in zip(expected, store.retrieve([p.id for p in expected], vectors=["raw"]), strict=True):
            assert np.allclose(found.vectors["raw"], point.vectors["raw"], rtol=2**-10, atol=1e-6)
    store.close()


def test_nearly_full_is_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EdgeStore.create(tmp_path / "points", VECTORS)
    store.upsert(batch(0))
    monkeypatch.setattr(edge_engine, "RESERVED_BYTES", 2**62)
    for write in (lambda: store.upsert(batch(100)), lambda: store.set_payload(batch(0)[0].id, {}), store.optimize):
        with pytest.raises(StorageError, match="nearly full"):
            write()
    monkeypatch.undo()
    assert store.count() == 100
    assert store.retrieve([batch(0)[0].id])[0].payload
    store.upsert(batch(100))
    store.close()


LIMITED = """
import resource, sys
from test_edge_full_disk import EdgeStore, StorageError, VECTORS, batch
store = EdgeStore.open(sys.argv[1])
stored = store.count()
resource.setrlimit(resource.RLIMIT_FSIZE, (20 * 2**20, resource.RLIM_INFINITY))
try:
    while stored < 100_000:
        store.upsert(batch(stored))
        stored += 100
except StorageError as error:
    print(stored, error.message)
"""


@pytest.mark.skipif(os.name != "posix", reason="RLIMIT_FSIZE")
def test_a_file_size_limit_is_a_storage_error(tmp_path: Path) -> None:
    path = tmp_path / "points"
    EdgeStore.create(path, VECTORS).close()
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, env=env, check=False
    )
    stored, _, message = done.stdout.partition(" ")
    assert done.returncode == 0, done.stderr
    assert "beyond the allowed size" in message
    store = EdgeStore.open(path)
    assert store.count() in (int(stored), int(stored) + 100), "the batch that failed is whole or absent"
    store.upsert(batch(100_000))
    store.close()

"""The lock of an index: one holder, named to whoever comes second; gone with its process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from imagefinder.errors import IndexLockedError, StorageError
from imagefinder.index.lock import HOLDER_NAME, IndexLock

HOLD = """
import sys, time
from imagefinder.index.lock import IndexLock
with IndexLock(sys.argv[1], "imagefinder index photos"):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True, env=env)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    process = holder(tmp_path)
    started = time.monotonic()
    with pytest.raises(IndexLockedError) as caught:
        IndexLock(tmp_path).acquire(timeout=0.2)
    assert 0.15 < time.monotonic() - started < 30
    assert "imagefinder index photos" in caught.value.message
    assert f"process {process.pid} on" in caught.value.message
    process.kill()
    process.communicate()


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_holder_is_no_obstacle(tmp_path: Path) -> None:
    process = holder(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / HOLDER_NAME).exists(), "it had no time to clean up"
    with IndexLock(tmp_path, "me"):
        assert json.loads((tmp_path / HOLDER_NAME).read_text())["command"] == "me"
    assert not (tmp_path / HOLDER_NAME).exists()


def test_a_lock_waits_for_one_that_ends_soon(tmp_path: Path) -> None:
    process = holder(tmp_path)
    process.terminate()
    IndexLock(tmp_path).acquire(timeout=10).release()
    process.communicate()


def test_one_process_may_not_hold_it_twice(tmp_path: Path) -> None:
    with IndexLock(tmp_path) as lock:
        with pytest.raises(IndexLockedError, match="in this process"):
            IndexLock(tmp_path).acquire(timeout=0)
        with pytest.raises(IndexLockedError, match="already"):
            lock.acquire()
    lock.release()
    with IndexLock(tmp_path), pytest.raises(IndexLockedError):
        IndexLock(tmp_path / "." / "x" / "..").acquire(timeout=0)
    IndexLock(tmp_path).acquire(timeout=0).release()


def test_a_garbled_holder_file_only_costs_the_name(tmp_path: Path) -> None:
    process = holder(tmp_path)
    (tmp_path / HOLDER_NAME).write_bytes(b"\xff{")
    with pytest.raises(IndexLockedError, match="another process"):
        IndexLock(tmp_path).acquire(timeout=0)
    process.kill()
    process.communicate()


def test_a_folder_that_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="can't be locked"):
        IndexLock(tmp_path / "file" / "index").acquire(timeout=0)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_one_may_not_write_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="Permission denied"):
        IndexLock(tmp_path).acquire(timeout=0)
    tmp_path.chmod(0o700)

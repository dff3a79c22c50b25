"""``imagefinder serve`` for several people, as a process: several indexes, keys while it runs, what it logs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from command import run_cli

from imagefinder import ImageFinder
from imagefinder._util.local_servers import running
from imagefinder.client import Client
from imagefinder.index.keys import Keys

KEY = "a key that is long enough"
Start = Callable[..., tuple[subprocess.Popen[str], list[str]]]
PATIENCE_S = 120


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """``start(until, *options)``: the process, and all lines that it has written, once one of them holds ``until``."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    processes: list[subprocess.Popen[str]] = []
    readers: list[threading.Thread] = []

    def begin(until: str, *options: object, **environment: str) -> tuple[subprocess.Popen[str], list[str]]:
        command = [sys.executable, "-m", "imagefinder", "serve", "--port", "0", "--no-browser", *map(str, options)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
        processes.append(process)
        lines: list[str] = []
        there = threading.Event()

        def read() -> None:
            assert process.stderr is not None
            for line in process.stderr:
                lines.append(line)
                if until in line:
                    there.set()
            there.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        readers.append(reader)
        assert there.wait(PATIENCE_S), f"waited for {until!r}: {lines}"
        assert until in "".join(lines), lines
        return process, lines

    yield begin
    for process, reader in zip(processes, readers, strict=True):
        process.kill()
        process.wait()
        reader.join(PATIENCE_S)
        assert process.stderr is not None
        process.stderr.close()


def rows(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in [*lines]]


def wait_for(is_so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.05)


def test_two_indexes_and_a_log_of_json(start: Start, tmp_path: Path) -> None:
    for name in ("art", "shop"):
        ImageFinder.open(tmp_path / name, model="fast").close()
    indexes = [f"--index={name}={tmp_path / name}" for name in ("art", "shop")]
    process, lines = start('"index": "shop"', "--log-format", "json", *indexes, IMAGEFINDER_KEY=KEY)
    art, shop = rows(lines)
    assert [(row["message"], row["images"]) for row in (art, shop)] == [("serving", 0)] * 2
    assert art["url"].endswith("/i/art/") and shop["url"].endswith("/i/shop/")
    key = run_cli("keys", "add", "anna", "--index", tmp_path / "art").stdout.strip()
    with Client(art["url"], key=key) as client:
        assert client.about()["caller"] == "anna"
    assert run_cli("keys", "remove", "anna", "--index", tmp_path / "art").returncode == 0
    answer = httpx.get(f"{art['url']}v1/index?x={key}", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 401 and key not in answer.text
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    wait_for(lambda: len(lines) >= 4, "all lines")
    found = rows(lines)
    requests = [row for row in found if row["logger"] == "imagefinder.requests"]
    assert [(row["index"], row["status"], row.get("by")) for row in requests] == [
        ("art", 200, "anna"),
        ("art", 401, None),
    ]
    assert key not in "".join(lines) and KEY not in "".join(lines)


def test_an_index_with_keys_is_served_to_other_machines_without_another_key(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "index"
    ImageFinder.open(home, model="fast").close()
    options = ("--index", home, "--host", "0.0.0.0")
    refused = run_cli("serve", *options, "--no-browser", "--port", "0")
    assert refused.returncode == 2 and "a key is needed" in refused.stderr
    key = Keys(home).add("anna").secret
    _, _ = start("Ctrl-C", *options)
    (server,) = running()
    assert httpx.get(f"{server.url}v1/index").status_code == 401
    found = httpx.get(f"{server.url}v1/index", headers={"authorization": f"Bearer {key}"})
    assert found.json()["caller"] == "anna"
    with Client(server.url) as client:  # of the server's own account
        assert client.about()["scope"] == "admin"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--index", "a=x", "--index", "y"], "NAME"),
        (["--index", "a=x", "--index", "a=y"], "NAME"),
        (["--index", "a=x", "pictures"], "SOURCE"),
        (["--trust-proxy-user", "X-Remote-User"], "--trusted-proxy"),
        (["--trust-proxy-user", "Cookie", "--trusted-proxy", "10.0.0.1"], "X-Remote-User"),
        (["--upload-per-day", "much"], "500MB"),
    ],
)
def test_wrong_use_is_told(options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_cli("serve", *options, "--no-browser", "--port", "0", IMAGEFINDER_INDEX=str(tmp_path / "none"))
    assert done.returncode == 2 and said in done.stderr and not list(tmp_path.iterdir())

"""``imagefinder serve`` as a process: it starts, answers, says what is wrong, and ends without harm."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import run_process

from imagefinder import ImageFinder
from imagefinder.server.run import bind, url_of
from imagefinder.server.settings import ServerSettings

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
Start = Callable[..., tuple[subprocess.Popen[str], str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """``start(*arguments, **environment)`` gives the process and its URL, once it has said it. It has no key, unless
    one is in the environment, or it is to make its "--own-key"."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*arguments: object, **environment: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "imagefinder", "serve", *map(str, arguments), "--no-browser", "--port", "0"]
        if not {"IMAGEFINDER_KEY", "IMAGEFINDER_KEY_FILE"} & environment.keys() and "--own-key" not in arguments:
            command.append("--no-key")
        command = [word for word in command if word != "--own-key"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
        processes.append(process)
        assert process.stderr is not None
        line = process.stderr.readline()
        return process, next((word for word in line.split() if word.startswith("http://")), line)

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ask(url: str, body: Any = None, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=200) as answer:
        return json.loads(answer.read())


def wait_for(condition: Callable[[], bool], seconds: float = 200) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_folder_is_indexed_clustered_and_served(start: Start, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for path in sorted(SAMPLES.rglob("*.jpg"))[:24]:
        shutil.copy(path, tmp_path / "photos")
    process, url = start(tmp_path / "photos", "--index", tmp_path / "index")
    wait_for(lambda: ask(f"{url}v1/jobs")["jobs"][0]["state"] == "done")
    wait_for(lambda: ask(f"{url}readyz")["status"] == "ready")
    assert ask(f"{url}v1/index")["images"] == 24 and ask(f"{url}v1/index")["clustered"]
    assert ask(f"{url}v1/search", {"words": "animal", "k": 3})["hits"]
    with urllib.request.urlopen(url, timeout=200) as page:
        assert b"<title>ImageFinder</title>" in page.read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    with ImageFinder.open(tmp_path / "index") as finder:
        assert len(finder) == 24 and len(finder.clusters) > 0


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_end_in_the_middle_of_a_job_loses_nothing(start: Start, tmp_path: Path, sent: signal.Signals) -> None:
    process, url = start(SAMPLES, "--index", tmp_path / "index")
    wait_for(lambda: ask(f"{url}v1/jobs")["jobs"][0]["done"] > 0)
    listener = urllib.request.urlopen(f"{url}v1/events", timeout=200)  # an open page does not keep it from ending
    process.send_signal(sent)
    assert process.wait(60) in (0, -signal.SIGKILL)
    listener.close()
    with ImageFinder.open(tmp_path / "index") as finder:
        held = len(finder)
        assert held > 0
    again, url = start("--index", tmp_path / "index")
    job = ask(f"{url}v1/jobs")["jobs"][0]
    assert job["state"] in ("cancelled", "failed")
    started = ask(f"{url}v1/jobs", {"kind": "index", "options": {"sources": [str(SAMPLES)]}})
    wait_for(lambda: ask(f"{url}v1/jobs/{started['id']}")["state"] == "done")
    result = ask(f"{url}v1/jobs/{started['id']}")["result"]
    assert result["total"] == len(list(SAMPLES.rglob("*.jpg"))) and result["unchanged"] >= held
    again.send_signal(signal.SIGTERM)
    assert again.wait(60) == 0


def test_a_second_server_is_told_who_holds_the_index(start: Start, tmp_path: Path) -> None:
    _, url = start("--index", tmp_path / "index")
    assert url.startswith("http://127.0.0.1:")
    second = run_process("serve", "--index", tmp_path / "index", "--no-browser", "--port", 0)
    assert second.returncode == 3 and "in use" in second.stderr.lower()


def test_beyond_this_machine_a_key_is_asked_for(start: Start, tmp_path: Path) -> None:
    refused = run_process("serve", "--index", tmp_path / "index", "--host", "0.0.0.0", "--no-browser")
    assert refused.returncode == 2 and "IMAGEFINDER_KEY" in refused.stderr
    (tmp_path / "key").write_text("a key that is long enough\n")
    environment = {"IMAGEFINDER_KEY_FILE": str(tmp_path / "key")}
    _, url = start("--index", tmp_path / "index", "--host", "0.0.0.0", **environment)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        ask(f"{url}v1/index")
    assert ask(f"{url}v1/index", Authorization="Bearer a key that is long enough")["images"] == 0


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({"IMAGEFINDER_KEY": "short"}, "16"),
        ({"IMAGEFINDER_KEY_FILE": "/no/such/file"}, "IMAGEFINDER_KEY_FILE"),
        ({"IMAGEFINDER_RATE": "fast"}, "IMAGEFINDER_RATE"),
    ],
)
def test_wrong_settings_are_explained(tmp_path: Path, environment: dict[str, str], word: str) -> None:
    done = run_process("serve", "--index", tmp_path / "index", "--no-browser", **environment)
    assert done.returncode == 2 and word in done.stderr
    assert not (tmp_path / "index").exists()


def test_a_taken_port_is_said_or_passed_over(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_process("serve", "--index", tmp_path / "index", "--no-browser", "--port", port)
        assert done.returncode == 2 and "--auto-port" in done.stderr
        listener, settings = bind(ServerSettings(port=port), any_port=True)
        with listener:
            assert port < settings.port <= port + 100
            assert url_of(settings) == f"http://127.0.0.1:{settings.port}/"


def test_answers_do_not_wait_for_more() -> None:
    """asyncio switches Nagle's algorithm off for sockets that name their protocol, and only for those."""
    listener, _ = bind(ServerSettings(port=0), any_port=False)
    with listener:
        assert listener.proto == socket.IPPROTO_TCP

"""The key that a server makes for itself: who gets it, and who doesn't."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import run_cli

from imagefinder import ImageFinder, errors
from imagefinder._util import local_servers
from imagefinder._util.local_servers import LocalServer, running, server_at, servers_folder, written_down
from imagefinder.client import Client
from imagefinder.mcp.access import open_library
from imagefinder.server import links
from imagefinder.server.links import Links
from imagefinder.server.run import open_browser
from imagefinder.types import Limits

POSIX = pytest.mark.skipif(os.name != "posix", reason="modes and owners are those of POSIX")
Start = Callable[..., tuple[subprocess.Popen[str], str, str]]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place where servers are written down, for this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """``start(*options)`` gives a server's process, its URL and what it has said until it was ready."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*options: str, index: str = "index", **environment: str) -> tuple[subprocess.Popen[str], str, str]:
        command = [sys.executable, "-m", "imagefinder", "serve", "--index", str(tmp_path / index), "--port", "0"]
        process = subprocess.Popen(
            [*command, "--no-browser", *options],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        processes.append(process)
        said = ""
        assert process.stderr is not None
        while "Ctrl-C" not in said and (line := process.stderr.readline()):
            said += line
        return process, said.split(" at ")[1].split()[0], said

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def status(url: str, body: Any = None, **headers: str) -> int:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=100) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_programs_of_this_account_get_the_key_and_nobody_else(start: Start, tmp_path: Path) -> None:
    process, url, said = start()
    for path in ("v1/index", "v1/images", "v1/folders", "metrics", "v1/events"):
        assert status(url + path) == 401
    assert status(f"{url}v1/jobs", {"kind": "cluster"}) == 401 and status(url) == 200
    with Client(url) as client:  # it finds the key by itself
        assert client.info().images == 0
    with Client(url.replace("127.0.0.1", "localhost")) as client:
        assert client.info().images == 0
    key = run_cli("key").stdout.strip()
    assert len(key) >= 32 and key not in said
    assert status(f"{url}v1/index", Authorization=f"Bearer {key}") == 200
    assert run_cli("key", "--header").stdout == f"Authorization: Bearer {key}\n"
    with open_library(tmp_path / "index", None, None, Limits()) as library:  # and so do the tools of agents
        assert isinstance(library, Client) and library.info().images == 0
    (note,) = servers_folder().glob("*.json")
    if os.name == "posix":
        assert stat.S_IMODE(note.stat().st_mode) == 0o600 and stat.S_IMODE(servers_folder().stat().st_mode) == 0o700
        command = Path(f"/proc/{process.pid}/cmdline")
        assert not command.exists() or key.encode() not in command.read_bytes()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0 and not list(servers_folder().iterdir())
    gone = run_cli("key")
    assert gone.returncode == 3 and "imagefinder serve" in gone.stderr


def test_a_link_opens_the_page_once(start: Start) -> None:
    _, url, said = start()
    (token,) = re.findall(r"#link=([\w-]+)", said)
    other = run_cli("key", "--link").stdout.strip()
    assert other.startswith(f"{url}#link=")
    for link in (token, other.rpartition("=")[2]):
        assert status(f"{url}v1/session", {"link": link}) == 204
        assert status(f"{url}v1/session", {"link": link}) == 401
    assert status(f"{url}v1/session", {"link": "x" * 32}) == 401
    assert status(f"{url}v1/session", {"link": token, "key": "x"}) == 400 and status(f"{url}v1/session", {}) == 400
    assert status(f"{url}v1/session/links", {}) == 401


def test_links_are_good_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(links.time, "monotonic", lambda: now)
    kept = Links()
    first, second = kept.make("a cookie"), kept.make("a cookie")
    now += links.LINK_S - 1
    assert kept.use(first) and not kept.use(first)
    now += 2
    assert not kept.use(second) and not kept.use("")
    many = [kept.make("a cookie") for _ in range(links.MOST + 1)]
    assert not kept.use(many[0]) and kept.use(many[1])


def test_a_killed_server_leaves_nothing_that_is_believed(start: Start) -> None:
    process, url, _ = start()
    process.kill()
    process.wait(60)
    assert list(servers_folder().iterdir())
    assert server_at(url) is None and not list(servers_folder().iterdir())


def test_after_a_restart_the_client_finds_the_new_key(start: Start) -> None:
    process, url, _ = start()
    port = url.rstrip("/").rpartition(":")[2]
    with Client(url) as client:
        assert client.info().images == 0
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        start("--port", port)
        assert client.info().images == 0


def test_without_a_key_all_are_let_in_and_that_is_said(start: Start) -> None:
    _, url, said = start("--no-key")
    assert status(f"{url}v1/index") == 200 and "every user and program of this machine" in said and "#link" not in said
    told = run_cli("key")
    assert told.returncode == 3 and "asks for no key" in told.stderr
    with Client(url) as client:
        assert client.info().images == 0


def test_a_key_that_was_given_is_not_written_down(start: Start, tmp_path: Path) -> None:
    mine = "a key of my own, quite long"
    _, url, said = start(IMAGEFINDER_KEY=mine)
    assert "#link" not in said and mine not in said
    assert all(mine not in path.read_text() for path in servers_folder().iterdir())
    with Client(url) as client, pytest.raises(errors.UnauthorizedError):
        client.info()
    with open_library(tmp_path / "index", None, mine, Limits()) as library:
        assert library.info().images == 0
    assert "IMAGEFINDER_KEY" in run_cli("key").stderr
    assert run_cli("key", "--link").returncode == 3


def test_of_several_servers_one_has_to_be_named(start: Start) -> None:
    _, first, _ = start()
    _, second, _ = start(index="other")
    assert run_cli("key").returncode == 2
    for url in (first, second):
        port = url.rstrip("/").rpartition(":")[2]
        assert status(f"{url}v1/index", Authorization=f"Bearer {run_cli('key', '--port', port).stdout.strip()}") == 200


# --- the notes ----------------------------------------------------------------------------------------------------


def note(url: str = "http://127.0.0.1:8642/", key: str = "k" * 40) -> LocalServer:
    return LocalServer(url, key, pid=os.getpid())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2:8642",
        "http://[::1]:8642",
        "http://127.0.0.1:8643",
        "https://127.0.0.1:8642",
        "http://127.1:8642",
    ]
    + ["http://127.0.0.1", "http://photos.home:8642", "http://evil.localhost:8642", "", "http://[", "http://x:y"],
)
def test_a_key_is_for_its_very_address(url: str) -> None:
    with written_down(note()):
        assert server_at("http://127.0.0.1:8642/x") == server_at("http://localhost:8642") == note()
        assert server_at(url) is None


def test_an_index_that_says_where_it_is_served_gets_no_key_and_no_question(
    sample_index: Path, copy_index: Any, tmp_path: Path
) -> None:
    home = copy_index(sample_index, tmp_path / "index")
    with ImageFinder.open(home) as finder:
        for url in ("http://127.0.0.1:9/", "http://evil.example/", "http://127.0.0.2:8642/"):
            finder.serve_at(url)
            with open_library(home, None, "a key that is long enough", Limits()) as library:
                assert not isinstance(library, Client)


@POSIX
def test_what_others_may_have_written_is_not_believed() -> None:
    with written_down(note()) as path:
        assert running() == [note()]
        path.chmod(0o640)
        assert running() == []
        path.chmod(0o600)
        path.rename(path.with_name("elsewhere"))
        path.symlink_to(path.with_name("elsewhere"))
        assert running() == []
        path.unlink()
        for content in (
            "",
            "{",
            "[]",
            "{}",
            '{"url": 1}',
            json.dumps({"url": "x", "pid": 1}),
            '{"url": "http://a/", "x": 1}',
        ):
            path.write_text(content)
            path.chmod(0o600)
            assert running() == []


@POSIX
def test_a_folder_that_others_can_look_into_is_closed_and_one_of_others_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    servers_folder().mkdir(parents=True, mode=0o755)
    servers_folder().chmod(0o777)
    with written_down(note()):
        assert stat.S_IMODE(servers_folder().stat().st_mode) == 0o700
    monkeypatch.setattr(local_servers.os, "getuid", lambda: os.stat(tmp_path).st_uid + 1)
    with pytest.raises(PermissionError), written_down(note()):
        pass
    monkeypatch.undo()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    servers_folder().parent.mkdir(parents=True)
    (tmp_path / "target").mkdir()
    servers_folder().symlink_to(tmp_path / "target")
    with pytest.raises(PermissionError), written_down(note()):
        pass


def test_where_nothing_can_be_written_the_server_runs_all_the_same(start: Start, state: Path) -> None:
    state.write_text("a file in its place")
    _, url, said = start()
    assert "can't be told" in said
    (token,) = re.findall(r"#link=([\w-]+)", said)
    assert status(f"{url}v1/session", {"link": token}) == 204
    with Client(url) as client, pytest.raises(errors.UnauthorizedError):
        client.info()


def test_the_browser_is_led_by_a_file_not_by_an_argument(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[str] = []
    monkeypatch.setattr("imagefinder.server.run.webbrowser.open", opened.append)
    monkeypatch.setattr("imagefinder.server.run.threading.Thread", Now)
    open_browser("http://127.0.0.1:1/#link=abc", tmp_path / "x.html")
    open_browser("http://127.0.0.1:1/")
    assert opened == [(tmp_path / "x.html").as_uri(), "http://127.0.0.1:1/"]
    assert "http://127.0.0.1:1/#link=abc" in (tmp_path / "x.html").read_text("utf-8")
    assert os.name != "posix" or stat.S_IMODE((tmp_path / "x.html").stat().st_mode) == 0o600


class Now:
    """A thread that does its work at once."""

    def __init__(self, target: Any, args: Any, daemon: bool) -> None:
        self.start = lambda: target(*args)

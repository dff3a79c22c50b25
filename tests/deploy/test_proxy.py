"""The proxy of the compose files: a real Caddy with their Caddyfile, before two real servers of one index."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import database
import httpx
import pytest
from composed import COMPOSE, composed
from skips import needs_program

from imagefinder import ImageFinder
from imagefinder.settings import SERVE

PICTURES = Path(__file__).resolve().parents[2] / "examples" / "images" / "food"
NAME, KEY = "pictures.test", "a key that is long enough"
PATIENCE_S = 120.0


def free_ports(n: int) -> list[int]:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(n)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@dataclass
class Site:
    """Two servers at ``ports``, and the proxy at the port ``tls``; ``web`` asks it by its name."""

    ports: list[int]
    servers: list[subprocess.Popen[str]]
    tls: int
    root: Path

    def web(self) -> httpx.Client:
        trusting = ssl.create_default_context(cafile=str(self.root))
        headers = {"host": f"{NAME}:{self.tls}", "authorization": f"Bearer {KEY}"}
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.tls}",
            verify=trusting,
            headers=headers,
            timeout=PATIENCE_S,
            trust_env=False,
        )


def start_server(port: int, address: str, home: Path) -> subprocess.Popen[str]:
    """One with the variables that the compose file sets, but for names and addresses of the network there."""
    given = composed("compose.yaml", IMAGEFINDER_DOMAIN=NAME, IMAGEFINDER_PICTURES=str(PICTURES))
    env = dict(given["services"]["server-1"]["environment"])
    (home / "server_key").write_text(f"{KEY}\n")
    (home / "store_key").write_text("not asked for\n")
    env |= {
        "IMAGEFINDER_INDEX": address,
        "IMAGEFINDER_KEY_FILE": str(home / "server_key"),
        "IMAGEFINDER_STORE_KEY_FILE": str(home / "store_key"),
        f"{SERVE}_TRUSTED_PROXY": "127.0.0.1",
        f"{SERVE}_PORT": str(port),
        f"{SERVE}_BROWSER": "0",
        f"{SERVE}_DRAIN": "3",  # the proxy looks every two seconds
        f"{SERVE}_HOST": "0.0.0.0",  # as in the image
        "XDG_DATA_HOME": str(home),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "imagefinder", "serve"]
    return subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_caddy(ports: list[int], plain: int, tls: int, home: Path) -> subprocess.Popen[bytes]:
    """With the Caddyfile as it is, but for the two ports that it listens on."""
    text = (COMPOSE / "Caddyfile").read_text()
    (home / "Caddyfile").write_text(text.replace("admin off", f"admin off\n\thttp_port {plain}\n\thttps_port {tls}", 1))
    env = {
        **os.environ,
        "XDG_DATA_HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "IMAGEFINDER_DOMAIN": NAME,
        "IMAGEFINDER_SERVERS": " ".join(f"127.0.0.1:{port}" for port in ports),
    }
    command = [needs_program("caddy"), "run", "--config", home / "Caddyfile", "--adapter", "caddyfile"]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(command, env=env, stdout=log, stderr=log)


@pytest.fixture(scope="module")
def site(postgres: database.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    needs_program("caddy")
    home, at = tmp_path_factory.mktemp("proxy"), postgres.address()
    with ImageFinder.open(at, model="fast") as finder:
        finder.add(PICTURES)
    *ports, plain, tls = free_ports(4)
    servers = [start_server(port, at, home) for port in ports]
    caddy = start_caddy(ports, plain, tls, home)
    site = Site(ports, servers, tls, home / "caddy" / "pki" / "authorities" / "local" / "root.crt")
    try:
        for port in ports:
            until(lambda port=port: ready(port))  # type: ignore[misc]
        until(site.root.exists)
        with site.web() as web:
            until(lambda: answers(web))
        yield site
    finally:
        for process in (caddy, *servers):
            process.kill()
            process.wait()


def ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE_S, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def answers(web: httpx.Client) -> bool:
    try:
        return get(web, "/v1/index").status_code == 200
    except httpx.TransportError:
        return False


def get(web: httpx.Client, path: str, **options: object) -> httpx.Response:
    return web.get(path, extensions={"sni_hostname": NAME}, **options)  # type: ignore[arg-type]


def post(web: httpx.Client, path: str, **options: object) -> httpx.Response:
    return web.post(path, extensions={"sni_hostname": NAME}, **options)  # type: ignore[arg-type]


def test_searches_go_through_with_tls_and_the_key(site: Site) -> None:
    with site.web() as web:
        answer = post(web, "/v1/search", json={"words": "an orange", "k": 3})
        assert answer.status_code == 200 and len(answer.json()["hits"]) == 3
        assert answer.headers["strict-transport-security"]
        assert "ImageFinder" in get(web, "/").text
        assert get(web, "/metrics").status_code == 404  # also with the key
        del web.headers["authorization"]
        assert post(web, "/v1/search", json={"words": "an orange"}).status_code == 401
        session = post(web, "/v1/session", json={"key": KEY})
        assert session.status_code == 204 and "; Secure" in session.headers["set-cookie"]  # the server knows of TLS


def test_both_servers_answer(site: Site) -> None:
    """Each says at its own /metrics how many requests it had."""

    def had(port: int) -> float:
        own = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"authorization": f"Bearer {KEY}"}, trust_env=False)
        lines = [line for line in own.text.splitlines() if 'route="/v1/index"' in line and "_total{" in line]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    before = [had(port) for port in site.ports]
    with site.web() as web:

        def both() -> bool:  # the proxy takes a second server in when it has seen that it is ready
            assert get(web, "/v1/index").status_code == 200
            return all(had(port) > old for port, old in zip(site.ports, before, strict=True))

        until(both)


def test_events_come_at_once(site: Site) -> None:
    """What is told while the stream is open: a buffer would keep it until it is full."""
    seen, got = threading.Event(), []

    def listen() -> None:
        with (
            site.web() as web,
            web.stream("GET", "/v1/events", extensions={"sni_hostname": NAME}) as stream,
        ):
            for line in stream.iter_lines():
                got.append(line)
                if line.startswith("event:") or line.startswith("data:"):
                    seen.set()
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    with site.web() as web:
        id = get(web, "/v1/images?k=1").json()["images"][0]["id"]
        end = time.monotonic() + PATIENCE_S
        while not seen.is_set():
            assert time.monotonic() < end, got
            answer = post(web, "/v1/images/tags", json={"ids": [id], "add": ["seen"]})
            assert answer.status_code == 200, answer.text
            seen.wait(0.5)
    thread.join(PATIENCE_S)


def test_pictures_can_be_sent(site: Site) -> None:
    picture = next(iter(sorted(PICTURES.glob("*.jpg")))).read_bytes()
    padded = picture + bytes(40 * 1024**2)  # more than the server takes as JSON, and than most proxies do by default
    with site.web() as web:
        sent = post(web, "/v1/uploads", files={"file": padded})
        assert sent.status_code == 201, sent.text
        body = {"parts": [{"upload": sent.json()["upload"]}], "k": 1}
        assert {post(web, "/v1/search", json=body).status_code for _ in range(2)} == {200}  # at both servers


def test_the_proxy_takes_as_much_as_the_server() -> None:
    from imagefinder.server.routes.search import UPLOAD

    (line,) = [line for line in (COMPOSE / "Caddyfile").read_text().splitlines() if "max_size" in line]
    assert line.split() == ["max_size", f"{4 * UPLOAD // 1024**3}GiB"]  # of POST /v1/images, the largest


def test_a_server_that_drains_and_one_that_is_killed_are_not_missed(site: Site) -> None:
    first, second = site.servers
    with site.web() as web:
        first.send_signal(signal.SIGTERM)
        statuses = []
        while first.poll() is None:
            statuses.append(get(web, "/v1/index").status_code)
        assert set(statuses) == {200} and first.returncode == 0
        second.kill()
        second.wait()
        assert get(web, "/v1/index").status_code in (502, 503)  # none is left: not answering, or known to be away


def test_the_caddyfile_is_well_formed(tmp_path: Path) -> None:
    caddy = needs_program("caddy")
    env = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    for tls in ("internal", "anna@example.org"):
        run = subprocess.run(
            [caddy, "adapt", "--adapter", "caddyfile", "--config", COMPOSE / "Caddyfile"],
            env=env | {"IMAGEFINDER_TLS": tls, "IMAGEFINDER_DOMAIN": "pictures.example.org"},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        made = json.dumps(json.loads(run.stdout))
        assert ('"internal"' in made) == (tls == "internal") and (("anna@" in made) == ("@" in tls))
    formatted = subprocess.run([caddy, "fmt", COMPOSE / "Caddyfile"], capture_output=True, text=True, env=env)
    assert formatted.stdout == (COMPOSE / "Caddyfile").read_text()

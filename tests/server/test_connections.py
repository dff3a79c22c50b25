"""What one client can take of the server: bytes before a request is whole, connections, time to send and to read."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image

from imagefinder import ImageFinder
from imagefinder._util.ending import EndedError, ending
from imagefinder.server import bounds, connections
from imagefinder.server.app import create_app
from imagefinder.server.connections import AHEAD, HEAD_BYTES, HEAD_S, STALLED_S
from imagefinder.server.errors import of_error
from imagefinder.server.run import LINES, bind, server_of
from imagefinder.server.settings import ServerSettings
from imagefinder.server.state import Lane

PATIENCE_S = 30.0


class Served:
    """A real server, whose clock can be put on."""

    def __init__(self, finder: ImageFinder, settings: ServerSettings) -> None:
        self.listener, settings = bind(settings, any_port=False)
        self.address = self.listener.getsockname()
        ready = threading.Event()
        self.app = create_app(finder, settings)
        self.server: Any = server_of(self.app, ready=lambda: self._began(ready), graceful_s=1)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]})
        self.thread.start()
        assert ready.wait(PATIENCE_S)

    def _began(self, ready: threading.Event) -> None:
        self.loop = asyncio.get_running_loop()
        ready.set()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, PATIENCE_S)

    def inside(self, do: Callable[[], Any]) -> Any:
        """What ``do`` gives, called in the server's loop."""

        async def call() -> Any:
            return do()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(PATIENCE_S)

    def later(self, seconds: float) -> None:
        """Let the server look at its connections as if so much time had passed."""
        self.inside(lambda: self.server._connections.sweep(self.loop.time() + seconds))

    @property
    def open(self) -> list[Any]:
        return self.inside(lambda: list(self.server._connections._open))

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(PATIENCE_S)
        self.listener.close()


@contextmanager
def serving(finder: ImageFinder, **settings: Any) -> Iterator[Served]:
    with closing(Served(finder, ServerSettings(port=0, **settings))) as served:
        yield served


@pytest.fixture(scope="module")
def finder(
    sample_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Iterator[ImageFinder]:
    with ImageFinder.open(copy_index(sample_index, tmp_path_factory.mktemp("connections") / "index")) as opened:
        yield opened


@pytest.fixture(scope="module")
def served(finder: ImageFinder) -> Iterator[Served]:
    with serving(finder) as one:
        yield one


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer; status 0 where the connection was closed without one."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            return 0, {}, data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return int(lines[0].split()[1]), headers, body


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "head",
    [
        REQUEST + b"x: " + b"a" * HEAD_BYTES + b"\r\n\r\n",
        REQUEST + b"".join(b"x%d: a\r\n" % n for n in range(HEAD_BYTES // 8 + 9)) + b"\r\n",
        b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        REQUEST + b"x: " + b"a" * 2 * HEAD_BYTES,  # and no end
        REQUEST + b"a" * 2 * HEAD_BYTES,
        b"GET /" + b"a" * 2 * HEAD_BYTES,
        b"POST /v1/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;"
        + b"a" * 16 * HEAD_BYTES,
    ],
)
def test_a_head_has_64_kib_at_most(served: Served, head: bytes) -> None:
    with served.connect() as client:
        with suppress(ConnectionError):
            client.sendall(head)
        status, headers, body = answer(client)
        assert status in (431, 0)  # 0: the request had been begun, so there is no other answer than an end
        if status:
            assert json.loads(body)["error"]["code"] == "too-large" and headers["connection"] == "close"
        assert is_closed(client)


def test_a_head_within_the_limit_is_taken(served: Served) -> None:
    with served.connect() as client:
        client.sendall(REQUEST + b"x: " + b"a" * (HEAD_BYTES - 1000) + b"\r\n\r\n")
        assert answer(client)[0] == 200


@pytest.mark.parametrize("sent", [b"", b"G", REQUEST, REQUEST + b"\r\n" + REQUEST])
def test_a_head_that_does_not_end_is_not_waited_for(
    served: Served, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = set(served.open)
    with served.connect() as client:
        client.sendall(sent)
        if sent.endswith(b"\r\n" + REQUEST):
            assert answer(client)[0] == 200
        until(lambda: any(one._owes_since and one._in_message is bool(sent) for one in set(served.open) - before))
        served.later(HEAD_S - 2)
        assert set(served.open) - before
        served.later(HEAD_S + 2)
        assert answer(client)[0] in (408, 0)
        assert is_closed(client)
    assert not caplog.records


def test_an_answer_is_read_or_its_connection_ends(finder: ImageFinder, tmp_path: Path) -> None:
    """Clients that read slowly hold little memory, and no file once they are too slow."""
    picture = tmp_path / "large.bmp"
    Image.effect_noise((2000, 2000), 80).convert("RGB").save(picture)
    finder.add(picture)
    (record,) = (r for r in finder.records() if r.uri == str(picture))
    with serving(finder) as served:
        clients = [served.connect() for _ in range(8)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(b"GET /v1/images/%s/original HTTP/1.1\r\nHost: localhost\r\n\r\n" % record.id.encode())
        until(lambda: sum(one._stalled_since is not None for one in served.open) == len(clients))
        held = served.inside(
            lambda: [one.transport.get_write_buffer_size() for one in served.server._connections._open]
        )
        assert max(held) < 256 * 1024 < record.bytes
        served.later(STALLED_S - 5)
        assert len(served.open) == len(clients)
        served.later(STALLED_S + 5)
        until(lambda: not served.open)
        assert served.inside(lambda: served.app.middleware_stack is not None)
        for client in clients:
            client.close()
        with served.connect() as client:  # one that reads gets all of it
            client.sendall(b"GET /v1/images/%s/original HTTP/1.1\r\nHost: localhost\r\n\r\n" % record.id.encode())
            assert answer(client)[2] == picture.read_bytes()
    finder.remove(record.id)


def test_a_new_connection_takes_the_place_of_one_that_waits(
    finder: ImageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagefinder.server.run.connections_allowed", lambda: 4)
    with serving(finder) as served:
        idle = [served.connect() for _ in range(4)]
        until(lambda: len(served.open) == 4)
        with served.connect() as client:
            client.sendall(REQUEST + b"\r\n")
            assert answer(client)[0] == 200
            assert is_closed(idle[0]) and len(served.open) == 4
        for connection in idle:
            connection.close()


def test_where_all_are_at_work_a_new_one_is_told_to_come_back(
    finder: ImageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagefinder.server.run.connections_allowed", lambda: 2)
    with serving(finder) as served:
        listening = [served.connect() for _ in range(2)]
        for connection in listening:
            connection.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
        with served.connect() as client:
            status, headers, body = answer(client)
            assert (status, headers["retry-after"]) == (503, "1")
            assert json.loads(body)["error"]["code"] == "busy"
        listening.pop().close()
        until(lambda: len(served.open) == 1)
        with served.connect() as client:
            client.sendall(REQUEST + b"\r\n")
            assert answer(client)[0] == 200
        listening.pop().close()


def test_one_address_has_a_part_of_the_connections() -> None:
    class Transport:
        gone = False

        def abort(self) -> None:
            self.gone = True

    class One:
        def __init__(self) -> None:
            self.transport = Transport()

    table = connections.Connections(1000)
    found = [One() for _ in range(connections.MOST_OF_ONE + 1)]
    assert all(table.admit(one, "203.0.113.7") for one in found)  # type: ignore[arg-type]
    assert [one.transport.gone for one in found] == [True] + [False] * connections.MOST_OF_ONE
    for one in found:
        table.works(one)  # type: ignore[arg-type]
    assert not table.admit(One(), "203.0.113.7")  # type: ignore[arg-type]
    assert table.admit(One(), "203.0.113.8") and table.admit(One(), "127.0.0.1")  # type: ignore[arg-type]
    assert connections._network("2001:db8:0:1::5") == connections._network("2001:db8:0:1:ffff::9")
    assert connections._network("2001:db8:0:1::5") != connections._network("2001:db8:0:2::5")


def test_events_are_sent_to_so_many(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagefinder.server.hub.LISTENERS", 2)
    with serving(finder) as served:
        listening = [served.connect() for _ in range(2)]
        for connection in listening:
            connection.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200"
        until(lambda: served.app.state.serving.hub.is_full)
        with served.connect() as client:
            client.sendall(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            status, headers, _ = answer(client)
            assert (status, headers["retry-after"]) == (503, "1")
        for connection in listening:
            connection.close()
        until(lambda: not served.app.state.serving.hub._listeners)


def test_requests_sent_ahead_are_answered_in_order_and_bounded(served: Served) -> None:
    paths = [b"/healthz" if n % 2 else b"/nowhere" for n in range(AHEAD)]
    with served.connect() as client:
        client.sendall(b"".join(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path for path in paths))
        read = client.makefile("rb")
        for path in paths:
            assert read.readline().split()[1] == (b"200" if path == b"/healthz" else b"404")
            length = 0
            while (line := read.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            read.read(length)
    with served.connect() as client:
        client.sendall((REQUEST + b"\r\n") * 20_000)
        answered = b""
        with suppress(ConnectionResetError):
            while part := client.recv(65536):
                answered += part
        assert answered.count(b"HTTP/1.1 200") <= AHEAD + 1


def test_no_websockets(served: Served) -> None:
    with served.connect() as client:
        client.sendall(
            b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        status, _, body = answer(client)
        assert status == 400 and b"WebSocket" in body


def test_lines_of_one_kind_are_few_in_the_log(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(200):
        with served.connect() as client:
            client.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
            status, _, body = answer(client)
            assert status == 400 and json.loads(body)["error"]["code"] == "invalid-input"
    for number in range(100):
        logging.getLogger("asyncio").error("socket.accept() out of system resource", extra={"n": number})
        logging.getLogger("imagefinder.server").error("another kind")
    kinds = [record.getMessage() for record in caplog.records]
    assert 1 <= len([kind for kind in kinds if "Invalid HTTP" in kind]) <= LINES
    assert kinds.count("socket.accept() out of system resource") == LINES == kinds.count("another kind")


# --- the end of a request ends its work -----------------------------------------------------------------------------


class Endless:
    """Work that ends only when it is told to."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.begun.set()
        try:
            for _ in range(int(PATIENCE_S * 1000)):
                ending().sleep(0.001)
        except EndedError:
            self.ended.set()
            raise


def test_a_client_that_goes_ends_its_work(
    finder: ImageFinder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    work = Endless()
    monkeypatch.setattr(finder, "search", work)
    with serving(finder) as served:
        with served.connect() as client:
            client.sendall(
                b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b'Content-Length: 16\r\n\r\n{"words": "cat"}'
            )
            assert work.begun.wait(PATIENCE_S)
        assert work.ended.wait(PATIENCE_S)
        assert not [r for r in caplog.records if r.name != "uvicorn.error" or "Cancel" not in r.getMessage()]


def test_the_time_of_a_request_ends_its_work(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Endless()
    with serving(finder, max_seconds=1.0) as served, served.connect() as client:
        monkeypatch.setattr(finder, "info", work)
        client.sendall(b"GET /v1/index HTTP/1.1\r\nHost: localhost\r\n\r\n")
        status, headers, body = answer(client)
        assert (status, headers["retry-after"]) == (503, "1")
        assert json.loads(body)["error"]["code"] == "timeout"
        assert not work.begun.is_set() or work.ended.wait(PATIENCE_S)


def test_what_waits_for_a_thread_does_not_begin_once_its_client_has_gone(
    finder: ImageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Endless()
    calls: list[int] = []

    def info() -> Any:
        calls.append(1)
        work()

    with serving(finder) as served:
        monkeypatch.setattr(finder, "info", info)
        lane = served.app.state.serving.searching
        threads, room = lane._pool._max_workers, lane._room._value
        clients = [served.connect() for _ in range(threads + 5)]
        for client in clients:
            client.sendall(b"GET /v1/index HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: len(calls) == threads and lane._room._value == room - len(clients))
        for client in clients[::-1]:
            client.close()
        until(lambda: lane._room._value == room)
        assert len(calls) == threads


def test_what_is_made_for_a_request_that_has_ended_is_dropped() -> None:
    begun, end, dropped = threading.Event(), threading.Event(), threading.Event()

    def make() -> str:
        begun.set()
        assert end.wait(PATIENCE_S)
        return "made"

    async def ask(lane: Lane) -> None:
        asked = asyncio.create_task(lane.run_for(make, lambda made: dropped.set() if made == "made" else None))
        await asyncio.to_thread(begun.wait, PATIENCE_S)
        asked.cancel()
        with suppress(asyncio.CancelledError):
            await asked
        assert not dropped.is_set()
        end.set()
        assert await asyncio.to_thread(dropped.wait, PATIENCE_S)

    lane = Lane("test", 1)
    asyncio.run(ask(lane))
    lane.close()


def test_a_body_that_comes_too_slowly_is_given_up(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "BODY_S", 0.2)
    with serving(finder) as served, served.connect() as client:
        client.sendall(
            b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100000\r\n\r\n{"
        )
        status, headers, body = answer(client)
        assert (status, headers["connection"]) == (408, "close")
        assert "slowly" in json.loads(body)["error"]["message"]
        assert is_closed(client)


def test_a_body_nobody_wants_is_not_waited_for(finder: ImageFinder) -> None:
    with serving(finder, key="a key that is long enough") as served, served.connect() as client:
        client.sendall(b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n{")
        assert answer(client)[0] == 401
        served.later(HEAD_S + 2)
        assert is_closed(client)


def test_all_requests_together_hold_so_much(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "HELD_BYTES", 100_000)
    body = b'{"words": "cat", "filter": "%s"}' % (b" " * 60_000)
    head = b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
    with serving(finder) as served, served.connect() as first, served.connect() as second:
        held = served.inside(lambda: served.app.middleware_stack) and _held(served)
        first.sendall(head + b"%d\r\n\r\n" % len(body) + body[:-1])
        until(lambda: held.bytes > 50_000)
        second.sendall(head + b"%d\r\n\r\n" % len(body) + body)
        status, headers, _ = answer(second)
        assert (status, headers["retry-after"]) == (503, "1")
        first.sendall(body[-1:])
        assert answer(first)[0] == 400  # too long a filter, but read
        until(lambda: held.bytes == 0)


def _held(served: Served) -> bounds.Held:
    layer: Any = served.app.middleware_stack
    while not hasattr(layer, "_bounds"):
        layer = layer.app if hasattr(layer, "app") else layer._app
    held: bounds.Held = layer._bounds.held
    return held


def test_uvicorn_has_what_connections_are_made_of() -> None:
    """They override what belongs to uvicorn: a version that calls it otherwise is to fail here, not in silence."""
    protocol = uvicorn.protocols.http.httptools_impl.HttpToolsProtocol
    for name in vars(connections.Connection):
        if not name.startswith("__") and name not in ("check", "_answer", "_too_long"):
            assert hasattr(protocol, name), name


def test_open_files_are_kept_for_other_things(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    asked: list[tuple[int, int]] = []
    for soft, hard, allowed in ((256, 256, 16), (1024, 1024, 384), (1024, 1 << 20, 1000), (1 << 20, 1 << 20, 1000)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, found=(soft, hard): found)
        monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: asked.append(wanted))
        assert connections.connections_allowed() == allowed
    assert asked == [(connections.OPEN_FILES, 1 << 20)]  # only where there may be more than there are


def test_too_many_open_files_are_no_fault_of_the_server() -> None:
    for number in (errno.EMFILE, errno.ENFILE):
        status, said = of_error(OSError(number, "Too many open files"))
        assert (status, said["error"]["code"]) == (503, "busy")

"""Buckets for tests: moto's server of S3 on this machine, and a proxy before it that tells what was asked for and makes
trouble, as clouds do.

    with Proxy(moto.url) as proxy:
        proxy.fail(503, "SlowDown", times=2)    # the next two requests for objects
        proxy.cut(times=1)                      # half of the next body
        proxy.delay_s = 0.02                    # before each answer
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

KEY, SECRET = "AKIATESTKEYOFNOBODY1", "SECRETOFTESTSxyz/0123456789abcdefghijklm"
KEPT_BACK = ("connection", "transfer-encoding", "content-length")


class Moto:
    """The server; ``client`` is boto3's, which talks to it directly."""

    def __init__(self) -> None:
        import logging

        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.made = 0

    def client(self) -> Any:
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )

    def bucket(self) -> str:
        """A new bucket, by its name."""
        self.made += 1
        name = f"pictures-{self.made}"
        self.client().create_bucket(Bucket=name)
        return name

    def stop(self) -> None:
        self._server.stop()


def environment(url: str, key: str = KEY) -> dict[str, str]:
    """The variables by which a process reaches the server."""
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/nowhere/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere/credentials",
    }


@dataclass
class Proxy:
    """``asked`` are the requests so far, as "GET /bucket/key"; ``keys`` whose keys signed them. ``before`` is called
    with each request before it is passed on."""

    behind: str
    delay_s: float = 0.0
    asked: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    before: Callable[[str], None] | None = None
    _failures: list[tuple[int, str, str]] = field(default_factory=list)
    _cuts: int = 0
    _lock: Any = field(default_factory=threading.Lock)

    def fail(self, status: int, code: str, *, times: int, of: str = "") -> None:
        """Answer the next requests whose text holds ``of`` with an error."""
        self._failures = [(status, code, of)] * times

    def cut(self, times: int) -> None:
        self._cuts = times

    def objects(self) -> list[str]:
        """The objects that were read."""
        return [a.removeprefix("GET ") for a in self.asked if a.startswith("GET ") and "list-type" not in a]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Proxy:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def trouble(self, said: str) -> tuple[int, str] | None:
        with self._lock:
            for one in self._failures:
                if one[2] in said:
                    self._failures.remove(one)
                    return one[:2]
        return None

    def cuts(self) -> bool:
        with self._lock:
            self._cuts -= 1
            return self._cuts >= 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""

    def _pass_on(self) -> None:
        proxy = self.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = f"{self.command} {unquote(self.path)}"
        proxy.asked.append(said)
        proxy.keys.add(self.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0])
        if proxy.before:
            proxy.before(said)
        if proxy.delay_s:
            threading.Event().wait(proxy.delay_s)
        if trouble := proxy.trouble(said):
            status, code = trouble
            return self._answer(status, {}, f"<Error><Code>{code}</Code><Message>{SECRET}</Message></Error>".encode())
        behind = urlsplit(proxy.behind)
        connection = HTTPConnection(behind.hostname or "", behind.port, timeout=60)
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        headers = {k: v for k, v in answer.getheaders() if k.lower() not in KEPT_BACK}
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        return self._answer(answer.status, headers, data, length)

    def _answer(self, status: int, headers: dict[str, str], data: bytes, length: str | None = None) -> None:
        cut = self.command == "GET" and status < 300 and "list-type" not in self.path and self.proxy.cuts()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
        self.close_connection |= cut

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815

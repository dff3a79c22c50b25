"""A local server that behaves as badly as asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image


def jpeg(colour: str = "red", size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


class Handler(BaseHTTPRequestHandler):
    server: BadServer

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.seen.append((self.path, dict(self.headers)))
        try:
            answer = getattr(self, "get_" + parts.path.strip("/").split("/")[0].partition(".")[0].replace("-", "_"))
            answer({k: v[0] for k, v in parse_qs(parts.query).items()})
        except (BrokenPipeError, ConnectionResetError):
            pass

    def log_message(self, *args: object) -> None:
        pass

    def answer(self, body: bytes, kind: str = "image/jpeg", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def get_image(self, query: dict[str, str]) -> None:
        self.answer(jpeg(query.get("colour", "red")), query.get("type", "image/jpeg"))

    def get_redirect(self, query: dict[str, str]) -> None:
        self.answer(b"", status=int(query.get("code", 302)), Location=query["to"])

    def get_loop(self, query: dict[str, str]) -> None:
        self.answer(b"", status=302, Location=f"/loop?n={int(query.get('n', 0)) + 1}")

    def get_endless(self, query: dict[str, str]) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(4000):
            self.wfile.write(bytes(65536))

    def get_drip(self, query: dict[str, str]) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(300):
            self.wfile.write(b"x")
            self.wfile.flush()
            time.sleep(0.1)

    def get_silent(self, query: dict[str, str]) -> None:
        time.sleep(30)

    def get_claims(self, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "999999999999")
        self.end_headers()

    def get_cut(self, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"only this")

    def get_busy(self, query: dict[str, str]) -> None:
        tries = sum(path == self.path for path, _ in self.server.seen)
        if tries <= int(query.get("times", 1)):
            self.answer(b"", status=429, Retry_After=query.get("after", "0"))
        else:
            self.answer(jpeg())

    def get_status(self, query: dict[str, str]) -> None:
        self.answer(b"no", "text/plain", int(query["code"]))

    def get_empty(self, query: dict[str, str]) -> None:
        self.answer(b"")

    def get_v2(self, query: dict[str, str]) -> None:
        """picsum.photos: /v2/list?page=&limit="""
        page = int(query["page"])
        rows = [
            {"id": str(i), "author": f"Author {i}", "width": 3000, "height": 2000, "url": f"https://example.org/{i}"}
            for i in range(10 * (page - 1), 10 * page)
        ]
        self.answer(json.dumps(rows if page <= 2 else []).encode(), "application/json")

    def get_id(self, query: dict[str, str]) -> None:
        """picsum.photos: /id/ID/WIDTH/HEIGHT"""
        self.answer(jpeg("blue") if "/id/3/" not in self.path else b"broken")

    def get_photos(self, query: dict[str, str]) -> None:
        """Unsplash: /photos/random?count=30"""
        if self.headers.get("Authorization") != "Client-ID my-key":
            self.answer(b'{"errors": ["OAuth error"]}', "application/json", 401)
            return
        base = self.server.url
        rows = [
            {
                "id": f"p{i}",
                "urls": {"raw": f"{base}/image.jpg?id={i}"},
                "user": {"name": "A Name"},
                "alt_description": f"photo {i}",
                "links": {"html": f"https://example.org/p{i}", "download_location": f"{base}/image?counted={i}"},
            }
            for i in range(5)
        ]
        self.answer(json.dumps(rows).encode(), "application/json")


class BadServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[BadServer]:
    with BadServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()

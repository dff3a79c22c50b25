"""A server on this machine that speaks as much of the Hugging Face hub's protocol as ``huggingface_hub`` uses to look a
repository up and to fetch files of it: revisions, lists of files, HEAD, ETags, redirects of large files, ranges.

    with HubServer() as hub:
        hub.add("org/model", {"config.json": b"{}", "onnx/model.onnx": data})
        environment = hub.environment(tmp_path)     # for a subprocess
        hub.use(monkeypatch, tmp_path)              # for this process
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

LARGE = (
    ".tar",
    ".onnx",
    ".onnx_data",
    ".data",
    ".bin",
    ".safetensors",
)  # what a repository keeps in large-file storage


def git_sha1(data: bytes) -> str:
    """The name git gives a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Repository:
    """Files by path, and the commit they are at; other names of the commit are in ``refs``."""

    files: dict[str, bytes]
    commit: str
    refs: set[str]

    def describe(self, path: str) -> dict[str, Any]:
        data = self.files[path]
        facts: dict[str, Any] = {"rfilename": path, "size": len(data), "blobId": git_sha1(data)}
        if path.endswith(LARGE):
            facts["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return facts


@dataclass
class Trouble:
    """How the hub misbehaves. ``status`` answers every request with this code (``code`` goes into X-Error-Code);
    ``files_status`` only those for files; ``delay_s`` waits before each answer; ``truncate`` sends this many bytes of a
    large file and then hangs up; ``wrong`` sends other bytes of the same length; ``no_json`` answers questions with a
    web page."""

    status: int = 0
    code: str = ""
    files_status: int = 0
    delay_s: float = 0.0
    truncate: int = 0
    wrong: bool = False
    no_json: bool = False


@dataclass
class HubServer:
    """The server: start it with ``with``. ``requests`` tells what was asked of it, "METHOD path"; a ``token`` that is
    set must be sent. Repositories may be changed at any time."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    trouble: Trouble = field(default_factory=Trouble)
    token: str | None = None
    tokens_at_the_store: list[str] = field(default_factory=list)

    def slow(self, seconds: float) -> None:
        """Wait this long before each answer from now on."""
        self.trouble.delay_s = seconds

    def add(self, name: str, files: Mapping[str, bytes | str], *refs: str) -> Repository:
        """A repository (or its next commit) with these files, at the branch ``main`` and the other ``refs``."""
        content = {path: data.encode() if isinstance(data, str) else data for path, data in files.items()}
        digest = hashlib.sha1(b"".join(p.encode() + git_sha1(d).encode() for p, d in sorted(content.items())))
        self.repositories[name] = Repository(content, digest.hexdigest(), {"main", *refs})
        return self.repositories[name]

    def add_folder(self, name: str, folder: Path) -> Repository:
        """A repository with the files of a folder."""
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return self.add(name, {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def environment(self, folder: Path) -> dict[str, str]:
        """Variables that point a process at this hub and keep what it fetches in ``folder``."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(folder / "hf"),
            "XDG_DATA_HOME": str(folder / "data"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DOWNLOAD_TIMEOUT": "2",
            "HF_HUB_ETAG_TIMEOUT": "2",
        }

    def use(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """The same for this process, where ``huggingface_hub``, which reads them when imported, may be in use."""
        from huggingface_hub import constants

        for name, value in self.environment(folder).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(constants, "ENDPOINT", self.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", self.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hf" / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 2)
        monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 2)

    def asked_for(self, part: str) -> list[str]:
        """The requests whose path holds ``part``."""
        return [request for request in self.requests if part in request]

    def __enter__(self) -> HubServer:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._asked = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        self._answer()

    def log_message(self, *_: object) -> None:
        """Nothing on the screen."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        trouble, api = self.hub.trouble, path.startswith("/api/")
        if trouble.delay_s:
            threading.Event().wait(trouble.delay_s)  # a test may have done away with time.sleep
        status = trouble.status or (0 if api else trouble.files_status)
        if status:
            return self._send(status, b"", {"X-Error-Code": trouble.code, "X-Error-Message": "trouble"})
        if (
            self.hub.token
            and not path.startswith("/cdn/")
            and self.headers.get("Authorization") != f"Bearer {self.hub.token}"
        ):
            return self._send(401, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."})
        if api and trouble.no_json:
            return self._send(200, b"<html>Welcome to the hotel's network</html>", {"Content-Type": "text/html"})
        parts = path.strip("/").split("/")
        if api and parts[1] in ("models", "datasets"):
            return self._describe(parts[2:] if parts[1] == "models" else ["datasets/" + parts[2], *parts[3:]])
        if parts[0] == "datasets":
            parts = ["datasets/" + parts[1], *parts[2:]]
        if parts[0] == "cdn" and parts[1] == "datasets":
            parts[1:3] = ["/".join(parts[1:3])]
        if parts[0] == "cdn":
            self.hub.tokens_at_the_store += self.headers.get_all("Authorization") or []
            return self._content("/".join(parts[1:3]), "/".join(parts[4:]))
        if len(parts) > 4 and parts[2] == "resolve":
            return self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        return self._send(404, b"", {})

    def _describe(self, parts: list[str]) -> None:
        found = self._find("/".join(parts[:2]), parts[3] if len(parts) > 3 else "main")
        if found is None:
            return
        listed = [found.describe(path) for path in sorted(found.files)]
        answer: Any = {
            "id": "/".join(parts[:2]), "sha": found.commit, "private": False, "gated": False, "disabled": False,
            "downloads": 0, "likes": 0, "tags": ["onnx", "license:mit"], "siblings": listed,
        }  # fmt: skip
        if len(parts) > 4 and parts[2] == "tree":
            listed = [facts for facts in listed if facts["rfilename"].startswith("/".join(parts[4:]) + "/")]
        if len(parts) > 2 and parts[2] == "paths-info":
            listed = [facts for facts in listed if facts["rfilename"] in self._asked["paths"]]
        if len(parts) > 2 and parts[2] in ("tree", "paths-info"):
            answer = [{"type": "file", "path": f["rfilename"], "size": f["size"], "oid": f["blobId"]} for f in listed]
            for entry, facts in zip(answer, listed, strict=True):
                if "lfs" in facts:
                    entry["lfs"] = {**facts["lfs"], "oid": facts["lfs"]["sha256"]}
        self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _resolve(self, name: str, revision: str, path: str) -> None:
        """As the hub does: large files lie elsewhere, and the answer says where and what they are."""
        found = self._find(name, revision)
        if found is None:
            return None
        about = {"X-Repo-Commit": found.commit}
        if path not in found.files:
            return self._send(404, b"", {**about, "X-Error-Code": "EntryNotFound", "X-Error-Message": "no such file"})
        facts = found.describe(path)
        if "lfs" not in facts:
            return self._send(200, found.files[path], {**about, "ETag": f'"{facts["blobId"]}"'})
        about |= {"X-Linked-Size": str(facts["size"]), "X-Linked-Etag": f'"{facts["lfs"]["sha256"]}"'}
        elsewhere = self.hub.url.replace("127.0.0.1", "localhost")  # another host, as with the hub
        return self._send(302, b"", {**about, "Location": f"{elsewhere}/cdn/{name}/{found.commit}/{path}"})

    def _content(self, name: str, path: str) -> None:
        data, trouble = self.hub.repositories[name].files[path], self.hub.trouble
        if trouble.wrong:
            data = bytes(255 - byte for byte in data)
        start, headers, status = 0, {"Accept-Ranges": "bytes"}, 200
        if (wanted := self.headers.get("Range", "")).startswith("bytes="):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, end, status = int(first), min(int(last or len(data)), len(data) - 1), 206
            headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
            data = data[: end + 1]
        self._send(status, data[start:], headers, cut=trouble.truncate or None)

    def _find(self, name: str, revision: str) -> Repository | None:
        found = self.hub.repositories.get(name)
        if found is None:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        elif revision not in {found.commit, *found.refs}:
            self._send(404, b"", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"})
            return None
        return found

    def _send(self, status: int, body: bytes, headers: Mapping[str, str], cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if cut is not None and cut < len(body):
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            try:
                self.wfile.write(body[:cut])
            except OSError:  # whoever asked has given up
                self.close_connection = True

"""A server that speaks Qdrant's REST API on top of the in-process mode of qdrant-client: for what only another process
or a network shows, such as keys, a server that goes away, and what is sent. It is no real Qdrant, and does one request
after the other."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import qdrants


class RestServer:
    """``requests`` are all that came, as method, path and body; without ``key`` in their header they are refused.
    ``stop`` and ``start`` keep the port and what is stored. ``answer`` may answer in its place: status and text."""

    def __init__(self, key: str | None = None) -> None:
        self.inside, self.key = qdrants.Inside(), key
        self.requests: list[tuple[str, str, Any]] = []
        self.answer: Callable[[str, str], tuple[int, str] | None] = lambda method, path: None
        self.port = 0
        self.start()

    def start(self) -> None:
        server = self
        handler = type("Handler", (_Handler,), {"server_of": server})
        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def address(self, name: str = "shop", settings: str = "") -> str:
        return f"qdrant://127.0.0.1:{self.port}/{name}{f'?{settings}' if settings else ''}"

    def sent(self, method: str, path: str) -> list[Any]:
        """The bodies of such requests."""
        return [body for how, where, body in self.requests if how == method and re.fullmatch(path, where)]


class _Handler(BaseHTTPRequestHandler):
    server_of: RestServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece: two would each wait for the other side
    disable_nagle_algorithm = True

    def log_message(self, *values: Any) -> None:
        pass

    def handle_one(self) -> None:
        method, path = self.command, unquote(urlsplit(self.path).path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.query = parse_qs(urlsplit(self.path).query)
        self.server_of.requests.append((method, path, body))
        if (told := self.server_of.answer(method, path)) is not None:
            self._send(*told)
        elif self.server_of.key not in (None, self.headers.get("api-key")):
            self._send(401, "Must provide an API key or an Authorization bearer token")
        else:
            try:
                found = _done(self.server_of.inside, method, path, body)
                self._send(200, json.dumps({"result": found, "status": "ok", "time": 0.0} if path != "/" else found))
            except Exception as error:
                status = 404 if "not found" in str(error) or isinstance(error, KeyError) else 400
                self._send(status, json.dumps({"status": {"error": f"Wrong input: {error}"}}))

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815

    def _send(self, status: int, text: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _done(client: Any, method: str, path: str, body: Any) -> Any:
    if path == "/":
        return client.info().model_dump(mode="json")
    _, _, name, *rest = path.split("/", 4)
    found = _of_collection(client, method, name, body) if not rest else _of_points(client, method, name, rest, body)
    if isinstance(found, list):
        return [one.model_dump(mode="json") for one in found]
    return found.model_dump(mode="json") if hasattr(found, "model_dump") else found


def _of_collection(client: Any, method: str, name: str, body: Any) -> Any:
    if method == "GET":
        return client.get_collection(name)
    if method == "DELETE":
        return client.delete_collection(name)
    if method == "PATCH":
        diffs = _models().UpdateCollection.model_validate(body)
        return client.update_collection(name, vectors_config=diffs.vectors)
    return client.create_collection(name, vectors_config=body.get("vectors") or {})


def _of_points(client: Any, method: str, name: str, rest: list[str], body: Any) -> Any:
    do = DO.get((method, "/".join(rest)))
    if do is not None:
        return do(client, name, body)
    vector = rest[-1].removeprefix("vectors/")
    return (_add_vector if method == "PUT" else _drop_vector)(client, name, vector, body)


def _index(client: Any, name: str, body: Any) -> Any:
    made = _models().CreateFieldIndex.model_validate(body)
    return client.create_payload_index(name, made.field_name, made.field_schema)


def _upsert(client: Any, name: str, body: Any) -> Any:
    new = _models().PointsList.model_validate(body)
    return client.upsert(name, new.points, update_filter=new.update_filter, update_mode=new.update_mode)


def _scroll(client: Any, name: str, body: Any) -> Any:
    wanted = _models().ScrollRequest.model_validate(body)
    read = {**_read(body), "scroll_filter": wanted.filter, "limit": wanted.limit, "offset": wanted.offset}
    records, after = client.scroll(name, **read)
    return {"points": [record.model_dump(mode="json") for record in records], "next_page_offset": after}


def _set_payload(client: Any, name: str, body: Any) -> Any:
    new = _models().SetPayload.model_validate(body)
    return client.set_payload(name, new.payload, points=new.filter or new.points, key=new.key)


def _add_vector(client: Any, name: str, vector: str, body: Any) -> Any:
    return client.create_vector_name(name, vector, _models().DenseVectorNameConfig.model_validate(body))


def _drop_vector(client: Any, name: str, vector: str, body: Any) -> Any:
    return client.delete_vector_name(name, vector)


DO: dict[tuple[str, str], Callable[[Any, str, Any], Any]] = {
    ("GET", "exists"): lambda client, name, body: {"exists": client.collection_exists(name)},
    ("PUT", "index"): _index,
    ("PUT", "points"): _upsert,
    ("POST", "points"): lambda client, name, body: client.retrieve(name, body["ids"], **_read(body)),
    ("POST", "points/scroll"): _scroll,
    ("POST", "points/count"): lambda client, name, body: client.count(
        name, count_filter=_models().CountRequest.model_validate(body).filter
    ),
    ("POST", "points/query"): lambda client, name, body: client.query_batch_points(
        name, [_models().QueryRequest.model_validate(body)]
    )[0],
    ("POST", "points/query/batch"): lambda client, name, body: client.query_batch_points(
        name, _models().QueryRequestBatch.model_validate(body).searches
    ),
    ("POST", "points/batch"): lambda client, name, body: client.batch_update_points(
        name, _models().UpdateOperations.model_validate(body).operations
    ),
    ("POST", "points/payload"): _set_payload,
    ("POST", "points/delete"): lambda client, name, body: client.delete(
        name, _models().PointIdsList.model_validate(body)
    ),
}


def _models() -> Any:
    from qdrant_client import models

    return models


def _read(body: Any) -> dict[str, Any]:
    wanted = _models().PointRequest.model_validate({"ids": [], **{k: body[k] for k in body if k.startswith("with_")}})
    return {"with_payload": wanted.with_payload, "with_vectors": wanted.with_vector}


@contextmanager
def speaking(key: str | None = None) -> Iterator[RestServer]:
    """A server of one's own."""
    server = RestServer(key)
    try:
        yield server
    finally:
        server.stop()

"""Traces for OpenTelemetry: what is in them, what is not, and that nothing is sent unasked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from imagefinder import ImageFinder
from imagefinder.server.app import create_app
from imagefinder.server.settings import ServerSettings

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry is not installed")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="its exporter is not installed")
KEY = "a key that is long enough"
PATIENCE_S = 120
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("OTEL_SDK_DISABLED", raising=False)
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def test_a_search_and_its_stages(
    spans: Any, sample_index: Path, copy_index: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    provider, exporter = spans
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        app = create_app(finder, ServerSettings(key=KEY), tracer_provider=provider)
        with TestClient(app, base_url="http://localhost:8642") as client:
            exporter.clear()
            headers = {"authorization": f"Bearer {KEY}", "traceparent": PARENT, "x-request-id": "mine"}
            answer = client.post("/v1/search", json={"words": "a red bird"}, headers=headers)
            assert answer.status_code == 200
            found = {span.name: span for span in exporter.get_finished_spans()}
            request = found.pop("POST /v1/search")
            assert f"{request.context.trace_id:032x}" in PARENT and f"{request.parent.span_id:016x}" in PARENT
            assert dict(request.attributes) == {
                "http.request.method": "POST",
                "http.route": "/v1/search",
                "http.response.status_code": 200,
                "imagefinder.request_id": "mine",
                "imagefinder.by": "the server's key",
            }
            stages = {f"search {name.removesuffix('_ms')}" for name in answer.json()["stages"]}
            assert set(found) == stages and len(stages) > 1
            for span in found.values():
                assert span.parent.span_id == request.context.span_id
                assert request.start_time <= span.end_time <= request.end_time + 1_000_000
            exporter.clear()
            client.get("/v1/images/nothing?token=s3cret-one", headers={"authorization": "Bearer s3cret-two"})
            (refused,) = exporter.get_finished_spans()
            assert refused.attributes["http.response.status_code"] == 401
            assert "s3cret" not in refused.to_json() and KEY not in refused.to_json()


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]], threading.Event]]:
    """A receiver of traces on this machine: its URL, what it got, and whether that was something."""
    got: list[tuple[str, bytes]] = []
    there = threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()
            there.set()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", got, there
        server.shutdown()
        thread.join(PATIENCE_S)


@pytest.mark.parametrize("asked", [True, False])
def test_spans_are_sent_when_that_is_asked_for_only(
    asked: bool, collector: tuple[str, list[tuple[str, bytes]], threading.Event], tmp_path: Path
) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    at, got, there = collector
    command = [sys.executable, "-m", "imagefinder", "serve", "--index", str(tmp_path / "index"), "--no-browser"]
    command += ["--port", "0", "--no-key", *(["--traces"] if asked else [])]
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": at, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    environment |= {"XDG_STATE_HOME": str(tmp_path / "state"), "OTEL_SDK_DISABLED": "true"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr is not None
            url = next(line for line in process.stderr if "http://" in line).split(" at ")[1].split()[0]
            assert httpx.get(f"{url}healthz", timeout=PATIENCE_S).status_code == 200
            assert not asked or there.wait(PATIENCE_S)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
    if not asked:
        assert got == []
        return
    names = set()
    for path, data in got:
        assert path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(data).resource_spans:
            facts = {one.key: one.value.string_value for one in resource.resource.attributes}
            assert facts["service.name"] == "imagefinder"
            names |= {span.name for scope in resource.scope_spans for span in scope.spans}
    assert names == {"GET /healthz"}

"""The API as it describes itself: whatever the description allows, and much that it does not, is answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings

from imagefinder import ImageFinder
from imagefinder.server.app import create_app
from imagefinder.server.settings import ServerSettings

schemathesis = pytest.importorskip("schemathesis")
KEY = "a key that is long enough"  # else the first key that is made by chance would close the server
ENDLESS = "/v1/events"  # server-sent events have no end to wait for; test_jobs.py reads them


DESCRIBED = json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text("utf-8"))
OPERATIONS = [(method, path) for path, methods in DESCRIBED["paths"].items() for method in methods if path != ENDLESS]


@pytest.fixture(scope="module")
def api(
    organised_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Iterator[Any]:
    schema = schemathesis.openapi.from_dict(DESCRIBED)
    schema["/v1/search"]["post"].as_strategy()  # imports now: CPython 3.11 fails when two threads parse code at once
    home = tmp_path_factory.mktemp("api") / "index"
    copy_index(organised_index, home)
    with ImageFinder.open(home) as finder:
        app = create_app(finder, ServerSettings(folders=(), key=KEY))  # no folder of this machine is named by chance
        with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
            client.headers["authorization"] = f"Bearer {KEY}"
            yield schema, client


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_breaks_the_server(api: Any, method: str, path: str) -> None:
    schema, client = api

    @settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(schema[path][method].as_strategy())
    def ask(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url="http://localhost")
        if isinstance(sent.get("data"), bytes):
            sent["content"] = sent.pop("data")
        answer = client.request(**{k: v for k, v in sent.items() if k != "cookies"})
        assert answer.status_code < 500 or answer.status_code in (503, 507), answer.text
        if answer.status_code >= 400:
            assert set(answer.json()) == {"error"} and set(answer.json()["error"]) == {"code", "message", "remedy"}

    ask()


def test_the_frozen_description_is_the_servers_own(api: Any) -> None:
    served = api[1].get("/openapi.json").json()
    assert {k: v for k, v in served.items() if k != "info"} == {k: v for k, v in DESCRIBED.items() if k != "info"}

"""A server without the optional packages says what can't be done, and what brings it, before any work is begun."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from imagefinder import ImageFinder
from imagefinder.client import Client
from imagefinder.errors import MissingExtraError


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("umap", "pacmap", "pyarrow"):
        monkeypatch.setitem(sys.modules, module, None)


def test_a_map_is_refused_and_no_job_is_begun(client: TestClient) -> None:
    command = "pip install 'imagefinder[maps]'"
    assert client.get("/v1/index").json()["not_installed"] == {"umap": command, "pacmap": command}
    for method in ("umap", "pacmap"):
        answer = client.post("/v1/jobs", json={"kind": "map", "options": {"method": method}})
        assert answer.status_code == 501
        assert answer.json()["error"] == {
            "code": "missing-extra",
            "message": f"The map method '{method}' needs {method}, which is not installed.",
            "remedy": f"Install it with: {command}",
        }
    assert client.get("/v1/jobs").json()["jobs"] == []


def test_what_is_installed_is_not_named(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "umap")
    assert set(client.get("/v1/index").json()["not_installed"]) == {"pacmap"}


def test_a_parquet_table_is_refused_and_not_kept(client: TestClient) -> None:
    answer = client.post("/v1/tables", files={"file": ("a.parquet", b"PAR1")})
    assert answer.status_code == 501 and "imagefinder[parquet]" in answer.json()["error"]["remedy"]
    home = Path(client.get("/v1/index").json()["path"])
    assert not list((home / "uploads" / "tables").iterdir())


def test_the_client_raises_what_the_library_raises(
    sample_index: Path,
    tmp_path: Path,
    copy_index: Callable[[Path, Path], Path],
    serving: Callable[..., AbstractContextManager[str]],
) -> None:
    home = copy_index(sample_index, tmp_path / "index")
    with ImageFinder.open(home) as finder, serving(finder) as url, Client(url) as client:
        with pytest.raises(MissingExtraError) as there:
            finder.map("umap")
        with pytest.raises(MissingExtraError) as far:
            client.map("umap")
    assert str(far.value) == str(there.value)

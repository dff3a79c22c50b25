"""Whether a search is exact is said everywhere, and an exact one can be asked for everywhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import run_cli
from fastapi.testclient import TestClient

from imagefinder import ImageFinder
from imagefinder.catalog import browse
from imagefinder.server.app import create_app
from imagefinder.store.edge import engine, merging, reader
from imagefinder.store.edge.store import EdgeStore

pytestmark = pytest.mark.files


@pytest.fixture
def large(sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path], monkeypatch: Any) -> Path:
    """An index whose vectors are in a graph, though it is small."""
    monkeypatch.setattr(merging, "APART_FROM", 5)
    monkeypatch.setattr(engine, "HNSW_FROM", 10)
    home = copy_index(sample_index, tmp_path / "index")
    with ImageFinder.open(home) as finder:
        finder._collection.index.store.optimize()
    return home


def test_a_small_index_is_exact(sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> None:
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        assert not finder.search("a dog", k=3).approximate
        assert not any(space["approximate"] for space in finder.info().spaces.values())


def test_what_prepares_an_index_asks_the_graph(
    large: Path, sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path], monkeypatch: Any
) -> None:
    asked: list[str] = []
    query = EdgeStore.query

    def noted(self: EdgeStore, name: str, *args: Any, **kwargs: Any) -> Any:
        asked.append(name)
        return query(self, name, *args, **kwargs)

    monkeypatch.setattr(reader.EdgeReader, "query", noted)
    monkeypatch.setattr(browse, "ASKED", 7)
    with ImageFinder.open(large) as finder:
        finder.browse.prepare()
        assert len(asked) == 7 and len(set(asked)) == 1
    asked.clear()
    for place in (copy_index(sample_index, tmp_path / "small"), tmp_path / "empty"):
        with ImageFinder.open(place) as finder:
            finder.browse.prepare()
            assert not asked


def test_a_large_one_says_that_it_is_not_and_can_be(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    query = EdgeStore.query

    def noted(self: EdgeStore, *args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs.get("exact", False))
        return query(self, *args, **kwargs)

    monkeypatch.setattr(reader.EdgeReader, "query", noted)
    with ImageFinder.open(large) as finder:
        assert all(space["approximate"] for space in finder.info().spaces.values())
        usual = finder.search("a dog", k=3)
        assert usual.approximate and not any(asked)
        asked.clear()
        exact = finder.search("a dog", k=3, exact=True)
        assert not exact.approximate and asked and all(asked)
        assert [hit.id for hit in exact] == [hit.id for hit in usual]  # so few that the graph misses none
        assert not finder.search(f"id:{exact[0].id}", k=3, exact=True, measures=["euclidean"]).approximate
        with TestClient(create_app(finder), base_url="http://127.0.0.1") as api:
            body = {"words": "a dog", "k": 3}
            assert api.post("/v1/search", json=body).json()["approximate"]
            assert not api.post("/v1/search", json={**body, "exact": True}).json()["approximate"]


def test_the_command_line(large: Path) -> None:
    usual = run_cli("search", "a dog", "--json", "--index", large)
    assert json.loads(usual.stdout)["approximate"]
    exact = run_cli("search", "a dog", "--exact", "--json", "--index", large)
    assert not json.loads(exact.stdout)["approximate"]
    assert "approximate" in run_cli("info", "--index", large).stdout

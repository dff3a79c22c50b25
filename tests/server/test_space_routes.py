"""Spaces over HTTP: listed, added by a job, used, dropped; searches in several."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from imagefinder import ImageFinder
from imagefinder.client import Client
from imagefinder.errors import InvalidInputError, NotFoundError

LITE2, LITE0 = "efficientnet-lite2", "efficientnet-lite0"


@pytest.fixture(scope="module")
def with_both(tmp_path_factory: pytest.TempPathFactory, sample_index: Path, copy_index: Callable[..., Path]) -> Path:
    folder = copy_index(sample_index, tmp_path_factory.mktemp("both") / "index")
    with ImageFinder.open(folder) as finder:
        finder.add_model("fast")
    return folder


def test_a_model_is_added_used_and_dropped(
    with_both: Path, tmp_path: Path, copy_index: Callable[..., Path], serving: Callable[..., Any]
) -> None:
    home = copy_index(with_both, tmp_path / "index")
    with ImageFinder.open(home) as finder, serving(finder) as url, Client(url) as client:
        assert client.spaces() == finder.spaces()
        assert client.add_model("fast").filled == 0
        assert client.search("bird", spaces=["default", "fast"], fuse="vote").space == f"{LITE2}-words+{LITE0}-words"
        client.use_space("fast")
        assert client.info().model == LITE0
        assert [s.current for s in client.spaces()] == [(), (), ("image",), ("words",)]
        client.drop_space(LITE2)
        assert {s.model for s in client.spaces()} == {LITE0}
        with pytest.raises(InvalidInputError, match="in use"):
            client.drop_space("fast")
        with pytest.raises(NotFoundError):
            client.use_space("nonsense")


def test_a_search_in_several_spaces_is_that_of_the_library(
    with_both: Path, tmp_path: Path, copy_index: Callable[..., Path], serving: Callable[..., Any]
) -> None:
    with ImageFinder.open(copy_index(with_both, tmp_path / "index")) as finder, serving(finder) as url:
        id = finder.records()[3].id
        options: dict[str, Any] = {"spaces": ["default", "fast"], "measures": ["cosine", "euclidean"], "fuse": "vote"}
        with Client(url) as client:
            there, here = client.similar(id, 12, **options), finder.similar(id, 12, **options)
        assert [(h.id, pytest.approx(h.score)) for h in there] == [(h.id, h.score) for h in here]


@pytest.mark.parametrize(
    "body",
    [{"spaces": ["../models"]}, {"spaces": ["onnx:/etc"]}, {"measures": []}, {"measures": ["x"]}, {"fuse": "sum"}],
    ids=str,
)
def test_wrong_wishes_are_refused(serve: Callable[..., TestClient], body: dict[str, Any]) -> None:
    assert serve().post("/v1/search", json={"words": "dog", **body}).status_code == 400


@pytest.mark.parametrize("name", ["hub:org/repo", "onnx:/tmp/model.onnx", "../x", "/etc"])
def test_clients_name_no_path_and_no_download(serve: Callable[..., TestClient], name: str) -> None:
    answer = serve().post("/v1/jobs", json={"kind": "model", "options": {"name": name}})
    assert answer.status_code == 400


def test_a_server_that_only_reads_changes_no_space(serve: Callable[..., TestClient]) -> None:
    client = serve(read_only=True)
    assert client.get("/v1/spaces").status_code == 200
    assert client.post(f"/v1/spaces/{LITE2}/use").status_code == 403
    assert client.delete(f"/v1/spaces/{LITE2}").status_code == 403

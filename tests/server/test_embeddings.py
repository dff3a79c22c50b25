"""Vectors over HTTP: the same as the library's, in the shape that OpenAI's clients read."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from imagefinder import ImageFinder

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
PICTURE = sorted(SAMPLES.rglob("*.jpg"))[0]
IMAGES, WORDS = "efficientnet-lite2", "efficientnet-lite2-words"


def data_uri(path: Path) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()


def ask(client: TestClient, input: Any, model: str = WORDS, **more: Any) -> dict[str, Any]:
    answer = client.post("/v1/embeddings", json={"input": input, "model": model, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def vectors(answer: dict[str, Any]) -> np.ndarray:
    assert [row["index"] for row in answer["data"]] == list(range(len(answer["data"])))
    return np.array([row["embedding"] for row in answer["data"]], np.float32)


def finder_of(client: TestClient) -> ImageFinder:
    found: ImageFinder = client.app.state.serving.finder  # type: ignore[attr-defined]
    return found


@pytest.fixture
def finder(reader: TestClient) -> ImageFinder:
    return finder_of(reader)


def test_texts_are_what_the_library_makes_of_them(reader: TestClient, finder: ImageFinder) -> None:
    answer = ask(reader, ["a red bike", "fruit"])
    np.testing.assert_allclose(vectors(answer), finder.embed_words(["a red bike", "fruit"]), atol=1e-6)
    assert answer["object"] == "list" and answer["model"] == WORDS == finder.text_space
    assert answer["usage"] == {"prompt_tokens": 8, "total_tokens": 8}  # with the start and the end of each text
    assert vectors(ask(reader, "fruit")).shape == (1, 384)


def test_pictures_are_the_vectors_that_are_searched(reader: TestClient, finder: ImageFinder) -> None:
    record = finder.get(PICTURE)
    for space in (IMAGES, WORDS):
        ids, stored = finder.vectors(space)
        (row,) = vectors(ask(reader, data_uri(PICTURE), space))
        assert row @ stored[ids.index(record.id)] > 0.9999
        assert abs(np.linalg.norm(row) - 1) < 1e-5
        np.testing.assert_allclose(row, finder.embed_images([PICTURE], space)[0], atol=1e-6)


def test_texts_and_pictures_keep_their_order_and_compare(reader: TestClient) -> None:
    items: list[Any] = ["fruit", data_uri(PICTURE), {"text": "fruit"}, {"image": data_uri(PICTURE)}]
    found = vectors(ask(reader, items, ""))  # no model: the space of both
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_allclose(found[1], found[3], atol=1e-6)
    assert found[0] @ found[1] < 0.9


def test_many_pictures_are_the_same_as_one_by_one(reader: TestClient) -> None:
    paths = sorted(SAMPLES.rglob("*.jpg"))[:20]
    together = vectors(ask(reader, [data_uri(p) for p in paths], IMAGES))
    alone = vectors(ask(reader, data_uri(paths[17]), IMAGES))
    np.testing.assert_allclose(together[17], alone[0], atol=1e-5)


def test_base64_holds_the_same_floats(reader: TestClient) -> None:
    as_numbers = vectors(ask(reader, ["fruit"]))
    (row,) = ask(reader, ["fruit"], encoding_format="base64")["data"]
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(row["embedding"]), "<f4"), as_numbers[0])


def test_models_are_the_spaces(client: TestClient) -> None:
    finder = finder_of(client)
    words, images = client.get("/v1/models").json()["data"]
    assert (words["id"], words["dimensions"], words["inputs"]) == (WORDS, 384, ["text", "image"])
    assert (images["id"], images["inputs"]) == (IMAGES, ["image"])
    assert client.get(f"/v1/models/{IMAGES}").json() == images
    assert ask(client, "fruit", dimensions=384)["version"] == words["version"]
    finder.add(PICTURE, force=True)
    assert client.get("/v1/models").json()["data"][0]["version"] != words["version"]  # fitted anew: compare no more


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        ({"input": "fruit", "model": IMAGES}, 400, WORDS),
        ({"input": "fruit", "model": "text-embedding-3-small"}, 404, WORDS),
        ({"input": "fruit", "dimensions": 256}, 400, "384"),
        ({"input": []}, 400, "input"),
        ({"input": [""] * 257}, 400, "input"),
        ({"input": [[1, 2], [3]]}, 400, "token"),
        ({"input": [5, 6]}, 400, "token"),
        ({"input": {"image": "x"}}, 400, "input"),
        ({"input": [{"image": "/etc/hostname"}]}, 400, "data"),
        ({"input": "data:image/png;base64,####"}, 400, "base64"),
        ({"input": "data:image/png;base64,AAAA"}, 422, "image"),
        ({"input": [{"image": "http://127.0.0.1:9/x.jpg"}]}, 422, "address"),
        ({"input": "fruit", "encoding_format": "int8"}, 400, "encoding_format"),
    ],
)
def test_what_is_wrong_is_told(reader: TestClient, body: dict[str, Any], status: int, part: str) -> None:
    answer = reader.post("/v1/embeddings", json=body)
    told = answer.json()["error"]
    assert answer.status_code == status and part in f"{told['message']} {told['remedy']} {told['code']}", told


def test_an_empty_index_has_no_vectors_yet(serve: Callable[..., TestClient]) -> None:
    client = serve(empty=True)
    assert client.get("/v1/models").json() == {"object": "list", "data": []}
    answer = client.post("/v1/embeddings", json={"input": "fruit"})
    assert answer.status_code == 404 and "Add" in answer.json()["error"]["remedy"]


def test_the_client_of_openai(reader: TestClient, finder: ImageFinder) -> None:
    openai = pytest.importorskip("openai")
    asker = openai.OpenAI(base_url="http://localhost:8642/v1", api_key="none needed", http_client=reader)
    assert [m.id for m in asker.models.list()] == [WORDS, IMAGES]
    for how in ({}, {"encoding_format": "float"}):  # it asks for base64 unless told otherwise
        answer = asker.embeddings.create(model=WORDS, input=["a red bike", data_uri(PICTURE)], **how)
        np.testing.assert_allclose(answer.data[0].embedding, finder.embed_words(["a red bike"])[0], atol=1e-6)
        assert len(answer.data) == 2 and answer.usage.total_tokens > 0
    with pytest.raises(openai.NotFoundError, match="no model"):
        asker.embeddings.create(model="text-embedding-3-small", input="x")

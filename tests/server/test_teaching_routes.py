"""Teaching over HTTP: jobs that train, classes of pictures, and the client's methods for both."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from imagefinder import ImageFinder
from imagefinder.client import Client
from imagefinder.errors import ImageFinderError, InvalidInputError, NotFoundError

KINDS = ("animals", "food", "vehicles")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, sample_index: Path, copy_index: Callable[..., Path]) -> Path:
    return copy_index(sample_index, tmp_path_factory.mktemp("taught") / "index")


@pytest.fixture(scope="module")
def library(shared: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(shared) as finder:
        yield finder


@pytest.fixture(scope="module")
def client(library: ImageFinder, serving: Callable[..., Any]) -> Iterator[Client]:
    with serving(library) as url, Client(url) as client:
        yield client


def labelled(client: Client) -> dict[str, str]:
    return {r.id: r.folder for r in client.records() if r.folder in KINDS}


def test_without_a_classifier_that_is_said(client: Client) -> None:
    assert client._transport.json("GET", "/v1/index")["classifier"] is None
    with pytest.raises(NotFoundError, match="no classifier"):
        client.predict(f"id:{client.records()[0].id}")
    with pytest.raises(NotFoundError, match="no classifier"):
        client.classify()


def test_a_classifier_is_trained_asked_and_used(client: Client, library: ImageFinder) -> None:
    stages: list[str] = []
    made = client.train_classifier(labelled(client), hidden=16, progress=lambda job: stages.append(job.stage))
    assert made.name == "classifier" and made.facts["classes"] == sorted(KINDS) and "filling the space" in stages
    assert (
        made.before is not None and made.after is not None and made.after.to_dict()["recall_at_1"] > 0.6
    )  # by chance 0.33
    assert "labels" not in client._jobs.list("train")[0].options  # there may be as many as images
    assert client._transport.json("GET", "/v1/index")["classifier"] == "classifier"
    animal = next(r for r in library.records() if r.folder == "animals")
    (told,), _ = client.predict(f"id:{animal.id}")
    (own,), _ = library.predict(animal.uri)
    assert told.label == own.label == "animals" and told.confidence == pytest.approx(own.confidence, abs=1e-3)
    for same in (Path(animal.uri), Path(animal.uri).read_bytes()):
        assert client.predict(same)[0][0].classes == told.classes
    upload = client._transport.json("POST", "/v1/uploads", files={"file": ("x.jpg", Path(animal.uri).read_bytes())})
    answer = client._transport.json("POST", "/v1/predict", json={"upload": upload["upload"], "model": "classifier"})
    assert answer["class"] == "animals" and len(answer["classes"]) == 3
    classes = client.classify()
    assert classes.images == len(library) == sum(classes.classes.values())
    found = client.search("animal", 10, filter="class = animals and class_confidence > 0.5", spaces=["classifier"])
    assert len(found) == 10 and all(h.record.extra["class"] == "animals" for h in found)


def test_fields_and_captions_are_learnt_from(client: Client) -> None:
    for kind in KINDS:
        client.tag(filter=f"folder = {kind}", add=[kind])
    made = client.train_adapter(by="tags", name="by-tags", use=True)
    assert made.kind == "adapter" and made.facts["classes"] == 3 and made.chosen
    assert (made.name == "by-tags") == (client.info().model == "by-tags")
    for record in client.records():
        client.update(record.id, caption=f"one of the {record.folder}")
    assert client.train_words().facts["captions"] == len(client)
    given = {r.id: [f"one of the {r.folder}", f"{r.folder} again"] for r in client.records()}
    assert client.train_words(given, seed=1, name="twice").facts["captions"] == 2 * len(client)


def test_tables_of_this_machine_are_learnt_from(client: Client, tmp_path: Path) -> None:
    rows = [f"{r.uri},{r.folder},what {r.folder} look like" for r in client.records() if r.folder in KINDS]
    (tmp_path / "t.csv").write_text("\n".join(["filename,label,caption", *rows, "gone.jpg,food,gone"]))
    made = client.train_adapter(tmp_path / "t.csv", methods=["lda"], name="by-table")
    assert made.images == len(rows) and made.missing == ("gone.jpg",)
    made = client.train_words(tmp_path / "t.csv", name="words-by-table")
    assert made.facts["captions"] == len(rows) and made.missing == ("gone.jpg",)
    made = client.train_classifier(tmp_path / "t.csv", hidden=8, held_out=0.5, name="half")
    assert made.held_out >= len(rows) // 2 - len(KINDS) and made.missing == ("gone.jpg",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"what": "adapter"}, "nothing to learn from"),
        ({"what": "classifier", "by": "nonsense"}, "No image has one value of 'nonsense'"),
        ({"what": "classifier", "by": "source"}, "Only one class"),
        ({"what": "adapter", "by": "folder", "space": "nonsense"}, "nonsense"),
    ],
)
def test_what_cannot_be_learnt_fails_the_job(client: Client, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ImageFinderError, match=message):
        client._jobs.run("train", options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"what": "autoencoder"},
        {"what": "words", "by": "tags"},
        {"what": "classifier", "by": "tags", "feedback": True},
        {"what": "adapter", "by": "tags", "hidden": 8},
        {"what": "classifier", "by": "tags", "hidden": 1},
        {"what": "classifier", "by": "tags", "name": "../up"},
        {"what": "classifier", "labels": {"/etc/passwd": "x"}},
        {"what": "classifier", "labels": "/etc/passwd"},
    ],
    ids=str,
)
def test_wrong_wishes_are_refused(serve: Callable[..., TestClient], options: dict[str, Any]) -> None:
    answer = serve().post("/v1/jobs", json={"kind": "train", "options": options})
    assert answer.status_code == 400 and "options of train" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body", [{}, {"id": "x"}, {"words": "dog"}, {"url": "/etc/passwd"}, {"image": "x", "url": "http://x"}]
)
def test_a_class_is_asked_of_one_picture(serve: Callable[..., TestClient], body: dict[str, Any]) -> None:
    assert serve().post("/v1/predict", json=body).status_code == 400


def test_a_picture_that_is_none_is_said(client: Client) -> None:
    broken = "data:image/jpeg;base64," + base64.b64encode(b"no picture").decode()
    with pytest.raises(ImageFinderError) as caught:
        client._transport.json("POST", "/v1/predict", json={"image": broken, "model": "classifier"})
    assert not isinstance(caught.value, InvalidInputError | NotFoundError)
    with pytest.raises(NotFoundError, match="tells no classes apart"):
        client._transport.json(
            "POST", "/v1/predict", json={"id": client.records()[0].id, "model": "efficientnet-lite2"}
        )


def test_the_client_lists_what_it_could_not_read_beside_the_classes(
    client: Client, library: ImageFinder, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    picture = library.records()[0]
    found, skipped = client.predict(tmp_path, picture)
    own, left = library.predict(tmp_path, picture)
    assert [(p.uri, p.label) for p in found] == [(p.uri, p.label) for p in own] == [(picture.uri, own[0].label)]
    assert skipped == left and skipped[0].uri == str(tmp_path / "broken.jpg")


def test_a_server_that_only_reads_trains_nothing_and_tells_classes(serve: Callable[..., TestClient]) -> None:
    client = serve(read_only=True)
    id = client.get("/v1/images/columns", params={"fields": "id"}).json()["columns"]["id"][0]
    answer = client.post("/v1/predict", json={"id": id})
    assert answer.status_code == 404 and "no classifier" in answer.json()["error"]["message"]
    body = {"kind": "train", "options": {"what": "adapter", "by": "folder"}}
    assert client.post("/v1/jobs", json=body).status_code == 403

"""Queries that are kept under a name: they find what they found, and are kept as what people said is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import run_cli
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.errors import InvalidInputError, InvalidQueryError, ModelError, NotFoundError
from imagefinder.index import concepts
from imagefinder.index.concepts import checked_name
from imagefinder.search.query import Kind, Term, parse_query
from imagefinder.server.app import create_app

ALL = 1e6  # no hit scores so much: what was liked is all that belongs
SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture
def finder(sample_index: Path, copy_index: Callable[[Path, Path], Path], tmp_path: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        yield finder


def found(finder: ImageFinder, *query: object, **options: object) -> list[tuple[str, float]]:
    return [(hit.id, round(hit.score, 5)) for hit in finder.search(*query, k=20, **options)]  # type: ignore[arg-type]


def test_it_finds_what_was_found(finder: ImageFinder) -> None:
    ids = [hit.id for hit in finder.search("an animal", 12)]
    judged = {"liked": ids[:3], "disliked": ids[4:6]}
    finder.concepts.save("My animals", "an animal - people", **judged)
    assert found(finder, "concept:my animals") == found(finder, "an animal - people", **judged)
    assert found(finder, "concept:my animals + fruit") == found(finder, "an animal + fruit - people", **judged)
    assert found(finder, ["fruit", ("concept:My animals", 0.5)]) == found(
        finder, ["fruit", ("an animal", 0.5), ("people", -0.5)], **judged
    )
    assert found(finder, "fruit - concept:My animals") == found(
        finder, ["fruit", ("an animal", -1), ("people", 1)], disliked=judged["liked"]
    )
    more = found(finder, "concept:my animals", liked=[ids[4]])
    assert more == found(finder, "an animal - people", liked=[ids[4], *ids[:3]], disliked=[ids[5]])


def test_likes_alone_and_images_of_the_index_are_kept(finder: ImageFinder) -> None:
    first, second = sorted(finder.records(), key=lambda r: r.uri)[:2]
    finder.concepts.save("likes", liked=[first.uri, second.id])
    assert found(finder, "concept:likes") == found(finder, None, liked=[first.id, second.id])
    made = finder.concepts.save("by image", [Path(first.uri), ("animal", 0.5)])
    assert made.parts[0]["id"] == first.id and made.parts[0]["content_hash"] == first.content_hash
    assert found(finder, "concept:by image") == found(finder, [f"id:{first.id}", ("animal", 0.5)])
    nested = finder.concepts.save("both", "concept:by image + concept:likes")
    assert [one.id for one in nested.liked] == [first.id, second.id]
    finder.concepts.remove("by image")
    assert finder.search("concept:both", 3)


def test_its_images_are_marked_for_filters_and_classes(finder: ImageFinder) -> None:
    hits = finder.search("an animal", 30)
    cut = hits[9].score - 1e-6
    made = finder.concepts.save("animals", "an animal", min_score=cut)
    assert made.images == 10
    assert {r.id for r in finder.records('concept = "animals"')} == {hit.id for hit in hits[:10]}
    wrong, more = hits[0].id, hits[20].id
    finder.concepts.save("Animals", "an animal", liked=[more], disliked=[wrong])
    marked = {r.id for r in finder.records("concept = Animals")}
    assert more in marked and wrong not in marked and not finder.records("concept = animals")
    food = [hit.id for hit in finder.search("food", 8)]
    finder.concepts.save("food", liked=food, min_score=ALL)
    both = set(food) & marked
    assert all(set(finder.get(id).extra["concept"]) == {"Animals", "food"} for id in both)
    assert {r.id for r in finder.records("concept = food")} == set(food)
    finder.concepts.rename("food", "meals")
    assert len(finder.records("concept = meals")) == 8 and not finder.records("concept = food")
    assert [(c.name, c.images) for c in finder.concepts.list()][1] == ("meals", 8)
    finder.concepts.remove("meals")
    finder.concepts.remove("ANIMALS")
    assert not finder.records("has concept") and not finder.concepts.list()


def test_without_a_least_score_what_surely_fits_belongs(finder: ImageFinder) -> None:
    """By words, with one of the hits disliked, and by likes."""
    hits = finder.search("tiger", 100, cut="auto")
    assert hits.surely
    made = finder.concepts.save("tigers", "tiger")
    assert marked(finder, "tigers") == {hit.id for hit in hits[: hits.surely]} and made.images == hits.surely
    wrong = hits[0].id
    finder.concepts.save("tigers", "tiger", disliked=[wrong])
    hits = finder.search("tiger", 100, disliked=[wrong], cut="auto")
    assert marked(finder, "tigers") == {hit.id for hit in hits[: hits.surely]} - {wrong}
    cats = ("tiger.jpg", "tiger-sumatran.jpg", "lion.jpg", "lion-2.jpg")
    liked = [r.id for r in finder.records("folder = animals") if Path(r.uri).name in cats]
    finder.concepts.save("cats", liked=liked)
    hits = finder.search(None, 100, liked=liked, cut="auto")
    assert len(liked) == 4 and marked(finder, "cats") == {*liked, *(hit.id for hit in hits[: hits.surely])}


def marked(finder: ImageFinder, name: str) -> set[str]:
    return {r.id for r in finder.records(f"concept = {name}")}


def test_nothing_is_found_for_having_been_found(finder: ImageFinder) -> None:
    """The name of a concept is no text of its images."""
    before = found(finder, "zebra crossing")
    finder.concepts.save("zebra crossing", liked=[finder.records()[0].id], min_score=ALL)
    assert found(finder, "zebra crossing") == before
    assert not finder.search("caption:zebra") and len(finder.records('concept = "zebra crossing"')) == 1


def test_new_images_are_marked_at_the_end_of_a_run(
    sample_index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(SAMPLES, photos)
    late = sorted((photos / "food").iterdir())[:3]
    (tmp_path / "late").mkdir()
    for path in late:
        shutil.move(path, tmp_path / "late" / path.name)
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        assert finder.add(photos).concepts is None
        finder.concepts.save("meals", "food", min_score=-1)
        finder.concepts.save("one", liked=[finder.records()[0].id], min_score=ALL)
        assert finder.add().concepts is None, "nothing is new"
        for path in late:
            shutil.move(tmp_path / "late" / path.name, path)
        told: list[str] = []
        report = finder.add(progress=lambda progress: told.append(progress.stage))
        marked = {r.uri for r in finder.records("concept = meals")}
        assert report.concepts is not None and report.concepts.images >= 3 and marked >= set(map(str, late))
        assert (report.concepts.concepts, report.concepts.left, report.concepts.advice) == (2, 0, None)
        assert report.to_dict()["concepts"] == report.concepts.to_dict() and "marking kept searches" in told
        assert marked == {r.uri for r in finder.records("concept = meals") if finder.concepts.refresh()}
        monkeypatch.setattr("imagefinder.search.concepts.AT_ONCE", 1)
        left = finder.add(force=True).concepts
        assert left is not None and (left.concepts, left.left) == (1, 1) and left.advice


def test_a_concept_that_can_not_be_asked_for_stops_no_run(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    finder.concepts.save("meals", "food")
    before = {r.id for r in finder.records("concept = meals")}

    def fail(*_: object) -> None:
        raise ModelError("The file of the model is damaged.")

    monkeypatch.setattr("imagefinder.search.concepts.search_collection", fail)
    report = finder.add(force=True)
    assert report.concepts is not None and (report.concepts.concepts, report.concepts.left) == (0, 1)
    assert report.concepts.advice == "'meals' can't be asked for: The file of the model is damaged."
    assert {r.id for r in finder.records("concept = meals")} == before


def test_a_classifier_is_trained_by_them(finder: ImageFinder) -> None:
    for folder in ("animals", "food"):
        ids = finder.columns(["id"], f"folder = {folder}")["id"]
        finder.concepts.save(f"my {folder}", liked=ids[:12], min_score=ALL)
    trained = finder.train_classifier(by="concept", hidden=8)
    assert trained.images == 12 + 9 == len(finder.records("has concept"))
    measured = finder.evaluate(by="concept").searches[0]
    assert {row.name for row in measured.classes} == {"my animals", "my food"}


def test_it_goes_along_with_moved_files_and_comes_back(tmp_path: Path, make_image: Callable[..., Image.Image]) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for i in range(6):
        make_image(i).save(photos / f"{i}.png")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(photos)
        finder.concepts.save("mine", f"id:{finder.get(photos / '0.png').id}", liked=[str(photos / "1.png")])
        before = [Path(hit.uri).name for hit in finder.search("concept:mine")]
        (photos / "other").mkdir()
        for name in ("0.png", "1.png"):
            shutil.move(photos / name, photos / "other" / name)
        finder.add()
        assert [Path(hit.uri).name for hit in finder.search("concept:mine")] == before
        assert {Path(r.uri).name for r in finder.records("concept = mine")} <= {"0.png", "1.png"}
        finder.concepts.refresh()
        assert {Path(r.uri).name for r in finder.records("concept = mine")} == {"0.png", "1.png"}
        finder.remove(photos / "other" / "0.png", photos / "other" / "1.png")
        with pytest.raises(InvalidQueryError, match="nothing to look for"):
            finder.search("concept:mine")
        assert [c.images for c in finder.concepts.refresh()] == [0]
        finder.add(force=True)
        assert [Path(hit.uri).name for hit in finder.search("concept:mine")] == before
        finder.remove(photos / "other" / "0.png")
        assert finder.purge() == 1
        kept = finder.concepts.get("mine")
        assert not kept.parts and len(kept.liked) == 1
        finder.remove(photos / "other" / "1.png")
        finder.purge()
        assert not finder.concepts.list()


@pytest.mark.files
def test_they_are_kept_twice(finder: ImageFinder, tmp_path: Path) -> None:
    finder.concepts.save("first", "a dog")
    finder.concepts.save("second", "a cat")
    finder.concepts.rename("first", "third")
    finder.concepts.remove("second")
    kept = [c.to_dict() for c in finder.concepts.list()]
    finder.close()
    (tmp_path / "index" / concepts.FILE).unlink()
    with ImageFinder.open(tmp_path / "index") as again:
        assert [c.to_dict() for c in again.concepts.list()] == kept
        assert any("concepts" in notice for notice in again.info().notices)
    (tmp_path / "index" / "said.jsonl").unlink()
    with ImageFinder.open(tmp_path / "index") as again:
        assert not again.concepts.list()
        again.concepts.save("fourth", "a bird")
    (tmp_path / "index" / "said.jsonl").unlink()
    with ImageFinder.open(tmp_path / "index") as again:  # and the other way round
        again.tag([again.records()[0].id], add=["x"])
        assert [c.name for c in again.concepts.list()] == ["fourth"]
    (tmp_path / "index" / concepts.FILE).unlink()
    with ImageFinder.open(tmp_path / "index") as again:
        assert [c.name for c in again.concepts.list()] == ["fourth"]


@pytest.mark.files
def test_lines_of_others_are_checked(finder: ImageFinder, tmp_path: Path) -> None:
    finder.concepts.save("good", "a dog")
    path = tmp_path / "index" / concepts.FILE
    rows = [
        {"id": "x", "created": "now", "name": "bad", "parts": "dog", "liked": [], "disliked": []},
        {"id": "y", "created": "now", "name": ["bad"], "parts": [], "liked": [], "disliked": []},
        {"id": "z", "created": "now", "name": "odd", "parts": [{"weight": 1.0}], "liked": [], "disliked": []},
    ]
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    assert {c.name for c in finder.concepts.list()} == {"good", "odd"}
    with pytest.raises(InvalidQueryError, match="was not kept"):
        finder.search("concept:odd")


@pytest.mark.parametrize(
    "name",
    ["", " ", "a + b", "a - b", "-a", "a  b", 'a"b', "a\nb", "a\x00b", "\ud800", "x" * 81, "id:x", "a, b", "<b>"],
)
def test_names_that_can_not_stand_in_a_query_are_refused(finder: ImageFinder, name: str) -> None:
    with pytest.raises(InvalidInputError, match="A concept is called by"):
        finder.concepts.save(name, "a dog")
    assert not finder.concepts.list()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30))
def test_a_name_that_is_taken_can_stand_in_a_query(text: str) -> None:
    try:
        name = checked_name(text)
    except InvalidInputError:
        return
    assert parse_query(f"concept:{name}", files=False) == [Term(Kind.CONCEPT, name)]
    assert parse_query(f"dog + 2:concept:{name} - cat", files=False)[1] == Term(Kind.CONCEPT, name, 2.0)


def test_what_can_not_be_kept_is_told(finder: ImageFinder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "new.png")
    with pytest.raises(InvalidInputError, match="nothing to keep"):
        finder.concepts.save("x")
    with pytest.raises(InvalidInputError, match="nothing to keep"):
        finder.concepts.save("x", disliked=[finder.records()[0].id])
    with pytest.raises(InvalidQueryError, match="is not in the index"):
        finder.concepts.save("x", tmp_path / "new.png")
    with pytest.raises(InvalidQueryError, match="can't be kept"):
        finder.concepts.save("x", Image.new("RGB", (8, 8)))
    with pytest.raises(NotFoundError, match="no image"):
        finder.concepts.save("x", "dog", liked=["nowhere.jpg"])
    with pytest.raises(NotFoundError, match="There is no concept 'anmals'"):
        finder.concepts.save("animals", "animal")
        finder.search("concept:anmals")
    with pytest.raises(NotFoundError, match="There is no concept"):
        finder.concepts.rename("nothing", "x")
    finder.concepts.save("second", "animal")
    with pytest.raises(InvalidInputError, match="already"):
        finder.concepts.rename("second", "ANIMALS")
    assert finder.concepts.rename("animals", "Animals").name == "Animals"
    monkeypatch.setattr("imagefinder.search.concepts.MOST", 2)
    with pytest.raises(InvalidInputError, match="There are 2 concepts"):
        finder.concepts.save("third", "dog")


def test_over_http(finder: ImageFinder) -> None:
    ids = [hit.id for hit in finder.search("animal", 4)]
    with TestClient(create_app(finder), base_url="http://localhost") as client:
        body = {"name": "pets", "words": "animal", "liked": ids[:2], "disliked": ids[2:3], "min_score": ALL}
        made = client.post("/v1/concepts", json=body)
        assert made.status_code == 201 and made.json()["images"] == 2
        hits = client.post("/v1/search", json={"words": "concept:pets", "k": 5}).json()["hits"]
        assert [h["id"] for h in hits] == [h.id for h in finder.search("animal", 5, liked=ids[:2], disliked=ids[2:3])]
        parts = client.post("/v1/search", json={"parts": [{"concept": "pets"}], "k": 5}).json()["hits"]
        assert parts == hits
        assert client.patch("/v1/concepts/pets", json={"name": "my pets"}).json()["name"] == "my pets"
        assert client.get("/v1/concepts/my%20pets").json()["liked"][0]["id"] == ids[0]
        assert [c["name"] for c in client.get("/v1/concepts").json()["concepts"]] == ["my pets"]
        assert client.post("/v1/concepts/refresh").json()["concepts"][0]["images"] == 2
        assert client.post("/v1/search", json={"words": "concept:pets"}).status_code == 404
        for wrong in ({"name": "a + b", "words": "x"}, {"name": "x"}, {"name": "x", "words": "y", "more": 1}):
            assert client.post("/v1/concepts", json=wrong).status_code in (400, 422), wrong
        assert client.delete("/v1/concepts/my pets").status_code == 204
        assert client.delete("/v1/concepts/my pets").status_code == 404


def test_on_the_command_line(sample_index: Path, copy_index: Callable[[Path, Path], Path], tmp_path: Path) -> None:
    home = ("--index", copy_index(sample_index, tmp_path / "index"))
    assert run_cli("concept", "list", *home).returncode == 1
    made = run_cli("concept", "save", "red things", "red", "-", "food", "--min-score", "0.2", "--json", *home)
    assert made.returncode == 0, made.stderr
    row = json.loads(made.stdout)
    assert [part["words"] for part in row["parts"]] == ["red", "food"]
    first = run_cli("search", "concept:red", "things", "--json", *home)
    assert [h["id"] for h in json.loads(first.stdout)["hits"]] == [
        h["id"] for h in json.loads(run_cli("search", "red - food", "--json", *home).stdout)["hits"]
    ]
    assert run_cli("concept", "rename", "red things", "red", *home).returncode == 0
    assert "red" in run_cli("concept", "list", *home).stdout
    assert run_cli("concept", "refresh", *home).returncode == 0
    assert run_cli("concept", "remove", "red", *home).returncode == 0
    assert run_cli("concept", "remove", "red", *home).returncode == 3


def test_with_a_filter_only_what_passes_belongs(finder: ImageFinder) -> None:
    made = finder.concepts.save("red animals", "red", filter="folder = 'animals'")
    assert made.filter and finder.concepts.get("red animals").filter == made.filter
    assert found(finder, "concept:red animals") == found(finder, "red", filter="folder = animals")
    assert found(finder, "concept:red animals", filter="width > 200") == found(
        finder, "red", filter="folder = animals and width > 200"
    )
    assert found(finder, "food - concept:red animals") == found(finder, ["food", ("red", -1)])
    there = {record.id for record in finder.records({"concept": "red animals"})}
    hits = finder.search("red", k=200, filter="folder = animals", cut="auto")
    assert there == {hit.id for hit in hits[: hits.surely or 0]} and made.images == len(there)


def test_a_filter_alone_is_kept(finder: ImageFinder) -> None:
    ids = [record.id for record in finder.records()][:3]
    made = finder.concepts.save("tagged", filter={"tags": "mine"})
    assert made.images == 0 and not made.parts
    finder.tag(ids, add=["mine"])
    (again,) = finder.concepts.refresh()
    assert again.images == 3 and {r.id for r in finder.records({"concept": "tagged"})} == set(ids)
    with pytest.raises(InvalidInputError):
        finder.concepts.save("nothing", filter="")


def test_what_a_field_says_is_kept(finder: ImageFinder) -> None:
    made = finder.concepts.save("berries", 'fruit name:"straw berry" -tag:old')
    assert [(part["words"], part.get("field")) for part in made.parts] == [
        ("fruit", None),
        ("straw berry", "name"),
        ("old", "tag"),
    ]
    assert found(finder, "concept:berries") == found(finder, 'fruit name:"straw berry" -tag:old')

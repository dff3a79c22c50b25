"""The client against a real server on a free port: it answers as the library does, and fails as clearly."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from imagefinder import ImageFinder, assign_images, errors
from imagefinder.client import Client, Job
from imagefinder.client.transport import Transport, error_of
from imagefinder.duplicates.find import Options
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.plan import Plan
from imagefinder.search.query import Box, Kind, Term

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
PICTURES = sorted(SAMPLES.rglob("*.jpg"))
Copy = Callable[[Path, Path], object]
Serving = Callable[..., AbstractContextManager[str]]
KEY = "a key that is long enough"


@pytest.fixture(scope="module")
def both(
    organised_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Copy, serving: Serving
) -> Iterator[tuple[ImageFinder, Client]]:
    """The library and the client on one index, which no test changes."""
    home = tmp_path_factory.mktemp("organised") / "index"
    copy_index(organised_index, home)
    with ImageFinder.open(home) as finder, serving(finder) as url, Client(url) as client:
        yield finder, client


@pytest.fixture
def changing(
    organised_index: Path, tmp_path: Path, copy_index: Copy, serving: Serving
) -> Iterator[tuple[ImageFinder, Client]]:
    """The same, on an index of its own."""
    home = tmp_path / "index"
    copy_index(organised_index, home)
    with ImageFinder.open(home) as finder, serving(finder) as url, Client(url) as client:
        yield finder, client


def plain(value: Any) -> Any:
    """What can be compared of an answer: not how long it took."""
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    if isinstance(value, np.ndarray):
        return np.round(value, 5).tolist()
    if isinstance(value, Mapping):
        return {
            str(k): plain(v) for k, v in value.items() if k not in ("took_ms", "stages", "seconds", "bytes_on_disk")
        }
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(v) for v in value]
    return value


PICTURE = PICTURES[5]
CALLS: dict[str, Callable[[Any], Any]] = {
    "words": lambda f: f.search("red bike", k=5),
    "arithmetic": lambda f: f.search("fruit + 0.5:green - animal", k=7),
    "words and a file in one text": lambda f: f.search(f"{PICTURE} + 0.3:night", k=5),
    "a path": lambda f: f.search(PICTURE, k=3),
    "bytes": lambda f: f.search(PICTURE.read_bytes(), k=3),
    "a picture in memory": lambda f: f.search(Image.open(PICTURE).convert("L").rotate(90, expand=True), k=3),
    "a weighted list": lambda f: f.search(["dog", (PICTURE, 0.5), ("people", -1)], k=5),
    "a box": lambda f: f.search(Term(Kind.FILE, str(PICTURE), box=Box(0.2, 0.1, 0.9, 0.8)), k=4),
    "an id": lambda f: f.search(f"id:{f.get(PICTURE).id}", k=4),
    "filter, page and score": lambda f: f.search("animal", 5, filter="width >= 100", offset=3, min_score=0.0),
    "a filter as a mapping": lambda f: f.search("animal", filter={"folder": ["animals", "food"], "format": "JPEG"}),
    "one cluster": lambda f: f.search("animal", same_cluster=True),
    "liked and disliked": lambda f: f.search("food", liked=[str(PICTURE)], disliked=[f.get(PICTURES[9]).id]),
    "liked alone": lambda f: f.search(None, liked=[str(PICTURE)]),
    "collapsed and diverse": lambda f: f.search("animal", collapse=True, diversity=0.6),
    "how many match": lambda f: f.search("x", filter="tags = chosen").total,
    "explained": lambda f: f.search(f"dog + 0.5:id:{f.get(PICTURE).id} - grass", 3, explain=True),
    "an explanation": lambda f: f.explain(PICTURE, "dog - grass", liked=[f.get(PICTURES[9]).id]),
    "similar": lambda f: f.similar(PICTURE, 4, filter="has folder"),
    "get by path": lambda f: f.get(PICTURE),
    "get by id": lambda f: f.get(f.search("fruit")[0].id.upper()),
    "records": lambda f: f.records("cluster = 0"),
    "list": lambda f: f.list("width > 10", "-bytes", 4, 2),
    "columns": lambda f: f.columns(["id", "width", "caption"], "format = JPEG", "uri"),
    "facets": lambda f: f.facets("has folder"),
    "length": len,
    "contains": lambda f: [f.get(PICTURE).id in f, "6ba7b810-9dad-51d1-80b4-00c04fd430c8" in f],
    "sources": lambda f: f.sources,
    "clusters": lambda f: list(f.clusters),
    "one of the clusters": lambda f: f.clusters.find(f.clusters[0].name.upper()),
    "members": lambda f: f.clusters.members(0),
    "sizes": lambda f: f.clusters.sizes(),
    "levels": lambda f: f.clusters.levels(2),
    "rows": lambda f: f.clusters.rows(),
    "scores": lambda f: [f.clusters.clustering.scores, f.clusters.clustering.n_noise],
    "facts of the clusters": lambda f: f.clusters.to_dict(),
    "maps": lambda f: f.maps(),
    "the latest map": lambda f: [f.kept_map(), f.kept_map(f.maps()[0].name)],
    "dimensions": lambda f: f.pca_report(),
    "spaces": lambda f: [f.spaces(), f.models, f.text_space, f.classifier is None],
    "vectors": lambda f: f.vectors(),
    "raw vectors of a space": lambda f: f.vectors("efficientnet-lite2-words", raw=True),
    "a plan": lambda f: f.copies.plan([(str(PICTURE), [str(PICTURES[0])])]).groups[0].keep.content_hash,
    "whether duplicates were searched for": lambda f: f.copies.searched,
    "columns of some": lambda f: f.columns_of([f.get(PICTURE).id, f.get(PICTURES[0]).id], ["uri", "id", "none", "uri"]),
    "columns of none": lambda f: f.columns_of([], ["uri"]),
    "scores on a map": lambda f: f.map_scores("animal").tolist(),
    "scores on a map, of a picture": lambda f: f.map_scores(
        Term(Kind.ID, f.maps()[0].ids[3]), f.maps()[0].name
    ).tolist(),
    "places on a map": lambda f: [f.maps()[0].ids, f.maps()[0].coordinates, len(f.maps()[0]), f.maps()[0].method],
    "duplicates found last": lambda f: f.copies.latest(),
    "decisions": lambda f: f.copies.decisions(),
    "texts as vectors": lambda f: f.embed_words(["red bike", "a dog"]),
    "texts as vectors of a space": lambda f: f.embed_words(["red bike"], f.text_space),
    "pictures as vectors": lambda f: f.embed_images([PICTURE, str(PICTURES[0]), PICTURE.read_bytes()]),
    "pictures in the space of words": lambda f: f.embed_images([PICTURE], "efficientnet-lite2-words"),
    "feedback": lambda f: f.feedback.list(),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_client_answers_as_the_library_does(both: tuple[ImageFinder, Client], name: str) -> None:
    finder, client = both
    expected = plain(CALLS[name](finder))
    assert plain(CALLS[name](client)) == expected
    assert expected not in (None, {}) or name == "feedback"


FAULTS: dict[str, Callable[[Any], Any]] = {
    "an empty query": lambda f: f.search(" "),
    "a query that only subtracts": lambda f: f.search("- dog"),
    "a file that isn't there": lambda f: f.search("./nothing.jpg"),
    "k of none": lambda f: f.search("dog", 0),
    "no filter": lambda f: f.search("dog", filter="width >"),
    "a filter on a page": lambda f: f.records("width >"),
    "no such image": lambda f: f.get("/nowhere/x.jpg"),
    "no such id": lambda f: f.similar("6ba7b810-9dad-51d1-80b4-00c04fd430c8"),
    "no such cluster": lambda f: f.clusters.find("unicorns"),
    "bytes that are no image": lambda f: f.search(b"no image at all"),
    "an address of our own": lambda f: f.search("http://127.0.0.1:9/x.jpg"),
    "no such image to explain": lambda f: f.explain("/nowhere/x.jpg", "dog"),
    "nothing to explain by": lambda f: f.explain(str(PICTURE), None),
    "both liked and disliked": lambda f: f.search("x", liked=[str(PICTURE)], disliked=[str(PICTURE)]),
    "no such map": lambda f: f.kept_map("mercator"),
    "no such space": lambda f: f.vectors("nowhere"),
    "nothing to undo": lambda f: f.copies.undo(Path("/nowhere/journal.jsonl")),
    "a table that is none": lambda f: f.evaluate(Path("/nowhere/table.csv")),
    "nothing to remove": lambda f: f.remove(),
    "nothing judged": lambda f: f.feedback.add({}),
    "a decision there isn't": lambda f: f.copies.decide("maybe", str(PICTURE), str(PICTURES[0])),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_client_fails_as_the_library_does(both: tuple[ImageFinder, Client], name: str) -> None:
    finder, client = both
    with pytest.raises(errors.ImageFinderError) as expected:
        FAULTS[name](finder)
    with pytest.raises(errors.ImageFinderError) as found:
        FAULTS[name](client)
    assert isinstance(found.value, type(expected.value).__mro__[0 if _is_told(expected.value) else 1])
    assert getattr(found.value, "code", None) == getattr(expected.value, "code", None)
    assert found.value.message


def _is_told(error: errors.ImageFinderError) -> bool:
    """The API tells every wrong argument as one kind."""
    return not isinstance(error, errors.InvalidInputError) or type(error) is errors.InvalidInputError


# --- changing -----------------------------------------------------------------------------------------------------


def test_images_are_sent_changed_and_removed(changing: tuple[ImageFinder, Client], tmp_path: Path) -> None:
    finder, client = changing
    before = len(finder)
    new, bad = tmp_path / "new.png", tmp_path / "bad.jpg"
    Image.open(PICTURE).crop((10, 10, 200, 150)).save(new)
    bad.write_text("no image")
    told: list[tuple[int, int]] = []
    added = client.add(new, str(bad), tags=["sent", "mine"], progress=lambda now: told.append((now.done, now.total)))
    (record,) = added.images
    assert record == replace(finder.get(record.id), mtime_ns=None) and record.tags == ("sent", "mine")
    assert [s.code for s in added.skipped] == ["unsupported-format"] and added.skipped[0].uri == "bad.jpg"
    assert told == [(2, 2)] and len(client) == before + 1
    assert client.search(new)[0].id == record.id

    assert client.update(record.id, caption="cut out", tags=["one"]).caption == "cut out"
    assert client.update(record.id, name="cutting", tags=None).to_dict()["name"] == "cutting"
    assert finder.update(record.id, tags=["one"]).caption == "cut out"
    assert client.tag([record.id, str(PICTURE)], add=["two"], remove=["one"]) == 2
    assert finder.get(record.id).tags == ("two",) and "two" in finder.get(PICTURE).tags
    assert client.remove(record.id) == 1 and record.id not in client
    assert client.remove(filter="tags = two") == 1 and PICTURE.exists()
    refused = client.add("http://127.0.0.1:9/x.jpg")
    assert not refused.images and [s.code for s in refused.skipped] == ["address-refused"]


def test_many_files_are_sent_in_portions(
    serve_empty: tuple[ImageFinder, Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder, client = serve_empty
    monkeypatch.setattr("imagefinder.client.ingest.FILES", 8)
    for i in range(20):
        Image.effect_noise((40, 30), i + 1).convert("RGB").save(tmp_path / f"{i}.png")
    told: list[int] = []
    added = client.add(*sorted(tmp_path.glob("*.png")), progress=lambda now: told.append(now.done))
    assert len(added.images) == len(finder) == 20 and told == [8, 16, 20]


@pytest.fixture
def serve_empty(tmp_path_factory: pytest.TempPathFactory, serving: Serving) -> Iterator[tuple[ImageFinder, Client]]:
    home = tmp_path_factory.mktemp("empty") / "index"
    with ImageFinder.open(home) as finder, serving(finder) as url, Client(url) as client:
        yield finder, client


def test_a_folder_is_indexed_and_organised_by_jobs(serve_empty: tuple[ImageFinder, Client]) -> None:
    finder, client = serve_empty
    with pytest.raises(errors.NotFoundError, match="no images yet"):
        client.search("dog")
    assert client.info() == replace(finder.info(), bytes=client.info().bytes)
    seen: list[Job] = []
    report = client.add_folder(str(SAMPLES / "food"), progress=seen.append)
    assert report.added == len(finder) == report.seen and report.skipped == ()
    assert seen[-1].state == "done" and seen[0].kind == "index"
    assert client.add_folder().unchanged == len(finder)

    made = client.cluster(2, method="kmeans", progress=seen.append)
    assert [c.to_dict() for c in made.clusters] == [c.to_dict() for c in finder.clusters]
    assert len(client.clusters) == 2 and made.find(0).size == client.clusters.sizes()[0]
    assert client.choose_k(4).to_dict() == finder.choose_k(4).to_dict()
    found = client.map("pca")
    assert found.to_dict() == finder.maps()[-1].to_dict() and found.columns("folder", "nothing")["folder"][0]
    assert found.ids == finder.maps()[-1].ids and found.coordinates.dtype == np.float32
    report = client.duplicates(tier="similar", similar=0.5)
    assert report.groups and plain(report)["groups"] == plain(client.copies.latest())["groups"]
    assert plain(client.outliers(5)) == plain(finder.outliers(5))
    first, again = client.quality(), client.quality(again=True)
    assert first.to_dict() == again.to_dict() and first.measured == len(finder)
    kinds = [job.kind for job in client.jobs()]
    assert kinds[0] == "quality" and client.job(client.jobs("cluster")[0].id).result["n_clusters"] == 2


def test_a_job_that_fails_raises_what_it_failed_of(serve_empty: tuple[ImageFinder, Client], tmp_path: Path) -> None:
    _, client = serve_empty
    with pytest.raises(errors.NotFoundError, match="no images yet"):
        client.cluster()
    with pytest.raises(errors.InvalidInputError, match="n_clusters"):
        client.cluster(0)
    with pytest.raises(errors.ImageFinderError, match=r"nowhere"):
        client.add_folder(str(tmp_path / "nowhere"))
    with pytest.raises(errors.NotFoundError):
        client.job("none")
    with pytest.raises(errors.InvalidInputError, match="add_folder"):
        client.add(tmp_path)
    with pytest.raises(errors.InvalidInputError, match="no file"):
        client.add(tmp_path / "x.jpg")


def test_clusters_are_corrected(changing: tuple[ImageFinder, Client]) -> None:
    finder, client = changing
    first, second = client.clusters[0], client.clusters[1]
    assert client.clusters.rename(first.label, "Mine").named
    assert client.clusters.lock("mine").locked and finder.clusters.find(first.label).locked
    parts = client.clusters.split(second.name)
    assert len(parts) == 2 and sum(p.size for p in parts) == second.size
    id = next(r.id for r in client.clusters.members(parts[1].label))
    client.clusters.move(finder.get(id).uri, "Mine")
    assert finder.get(id).extra["cluster"] == first.label
    assert client.clusters.undo().to_dict()["n_clusters"] == len(finder.clusters)
    merged = client.clusters.merge("Mine", parts[1].label)
    assert merged.to_dict() == finder.clusters.find("Mine").to_dict()


def test_copies_are_decided_about_trashed_and_taken_back(changing: tuple[ImageFinder, Client], tmp_path: Path) -> None:
    finder, client = changing
    folder = tmp_path / "copies"
    folder.mkdir()
    paths = [folder / f"{i}.jpg" for i in range(3)]
    for i, path in enumerate(paths):
        Image.open(PICTURES[i // 2]).save(path, quality=95 - 10 * i)
    finder.add(folder)
    group = next(g for g in client.duplicates().groups if any(m.record.uri == str(paths[1]) for m in g.members))
    pairs = client.copies.decide("keep-both", group.keep.id, str(paths[1]))
    assert pairs == len(finder.copies.decisions().pairs) == len(client.copies.decisions().pairs) == 1
    assert client.copies.forget(group.keep.uri, str(paths[1])) == 0
    moved = client.copies.trash([(group.keep.id, [str(paths[1])])])
    assert [a for a, _ in moved.files] == [str(paths[1])] and not paths[1].exists() and str(paths[1]) not in client
    back = client.copies.undo()
    assert len(back.files) == 1 and paths[1].exists() and str(paths[1]) in client


def test_the_report_is_a_plan_and_an_older_trash_is_named(changing: tuple[ImageFinder, Client], tmp_path: Path) -> None:
    finder, client = changing
    folder = tmp_path / "copies"
    folder.mkdir()
    for i in range(2):
        Image.open(PICTURES[i]).save(folder / f"{i}.png")
    finder.add(folder)
    options = Options(Tier.SAME_PICTURE, references=[str(SAMPLES)])
    report = client.duplicates(options)
    plan = client.copies.plan(report)
    assert plan.files == 2 and plan == finder.copies.plan(report)
    plan.save(tmp_path / "plan.json")
    assert Plan.load(tmp_path / "plan.json") == plan
    told: list[int] = []
    first, second = (Plan((group,), plan.references) for group in plan.groups)
    done = finder.copies.apply(first, trash=tmp_path / "trash", progress=lambda p: told.append(p.done))
    assert told == [1] and Path(done.files[0][1]).parent.parent == tmp_path / "trash"
    left = finder.copies.apply(second, references=[str(folder)])
    assert not left.files and [item.code for item in left.left] == ["reference"]
    back = client.copies.undo(done.journal)
    assert [b for _, b in back.files] == [a for a, _ in done.files] and len(list(folder.glob("*.png"))) == 2


def test_decisions_go_from_one_index_to_another(changing: tuple[ImageFinder, Client]) -> None:
    finder, client = changing
    assert client.copies.decide("not-duplicate", str(PICTURES[0]), str(PICTURES[1])) == 1
    made = client.copies.decisions()
    client.copies.forget(str(PICTURES[0]), str(PICTURES[1]))
    assert client.copies.add_decisions(made) == 1 and finder.copies.decisions() == made


def test_clusters_are_written_here(both: tuple[ImageFinder, Client], tmp_path: Path) -> None:
    finder, client = both
    assert client.clusters.export(tmp_path / "a.csv").rows == finder.clusters.export(tmp_path / "b.csv").rows
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    model = client.clusters.export_model(tmp_path / "a")
    assert model.names == finder.clusters.export_model(tmp_path / "b").names
    assert assign_images(tmp_path / "a", [str(PICTURE)]) == assign_images(tmp_path / "b", [str(PICTURE)])


def test_a_table_of_this_machine_is_evaluated(both: tuple[ImageFinder, Client], tmp_path: Path) -> None:
    finder, client = both
    rows = [f"{p},{p.parent.name},a picture of {p.parent.name}" for p in PICTURES]
    (tmp_path / "t.csv").write_text("\n".join(["filename,label,caption", *rows, "gone.jpg,x,y"]))
    found = client.evaluate(tmp_path / "t.csv")
    assert found.to_dict() == finder.evaluate(tmp_path / "t.csv").to_dict() and found.missing == 1
    assert found.labels and found.words and found.clusters
    assert "labels" not in client.jobs("evaluate")[0].options


def test_the_map_of_an_explanation_comes_over(both: tuple[ImageFinder, Client]) -> None:
    finder, client = both
    for query in ("strawberry", PICTURE):
        here, there = finder.explain(PICTURE, query), client.explain(str(PICTURE), query)
        assert here.map is not None and there.map is not None and there.map.dtype == np.float32
        assert np.abs(here.map - there.map).max() <= 0.5 / 255 + 1e-6
    assert [reason.text for reason in there.why.reasons if reason.kind == "picture"] == ["picture"]


def test_what_is_measured_is_what_the_library_measures(both: tuple[ImageFinder, Client], tmp_path: Path) -> None:
    finder, client = both
    a, b, c = (str(path) for path in PICTURES[:3])
    (tmp_path / "q.csv").write_text(f"query,relevant,grade\nan animal,label:animals,\n{a},{b},2\na unicorn,,\n")
    (tmp_path / "p.csv").write_text(f"a,b,duplicate\n{a},{b},no\n{a},{c},yes\nlost.jpg,{a},\n")
    options = {"by": "folder", "queries": tmp_path / "q.csv", "pairs": tmp_path / "p.csv", "min_score": 0.2, "seed": 3}
    spaces = ["efficientnet-lite2", "efficientnet-lite2-words"]
    here = finder.evaluate(compare=spaces, **options)
    there = client.evaluate(compare=spaces, **options)
    assert there == type(here).from_dict(here.to_dict()) and there.missing == 1
    assert not {"queries", "duplicates", "apart"} & client.jobs("evaluate")[0].options.keys()
    Image.new("RGB", (16, 16)).save(tmp_path / "new.png")
    (tmp_path / "q.csv").write_text(f"query,relevant\nnew.png,{a}\n")
    assert finder.evaluate(queries=tmp_path / "q.csv").searches[0].queries == 1
    with pytest.raises(errors.InvalidInputError, match="is a file that is not in the index"):
        client.evaluate(queries=tmp_path / "q.csv")


def test_concepts_are_kept_by_the_server(changing: tuple[ImageFinder, Client]) -> None:
    finder, client = changing
    made = client.concepts.save("my pets", f"{PICTURES[0]} + 0.5:animal", liked=[str(PICTURES[1])], min_score=0.1)
    assert made == finder.concepts.get("MY PETS") == client.concepts.get("my pets")
    assert made.parts[0]["id"] == finder.get(PICTURES[0]).id
    assert plain(client.search("concept:my pets", k=5)) == plain(finder.search("concept:my pets", k=5))
    assert client.concepts.rename("my pets", "pets").name == "pets" and client.concepts.list() == finder.concepts.list()
    assert client.concepts.refresh() == finder.concepts.list()
    client.concepts.remove("pets")
    with pytest.raises(errors.NotFoundError, match="no concept 'pets'"):
        client.concepts.get("pets")
    with pytest.raises(errors.InvalidInputError):
        client.concepts.save("a + b", "red")


def test_feedback_is_kept(changing: tuple[ImageFinder, Client]) -> None:
    finder, client = changing
    made = client.feedback.add({"words": "food"}, liked=[str(PICTURE)], disliked=[finder.get(PICTURES[0]).id])
    assert client.feedback.list() == finder.feedback.list() == (made,) and len(client.feedback) == 1
    client.feedback.remove(made.id)
    with pytest.raises(errors.NotFoundError):
        client.feedback.remove(made.id)


def test_pictures_are_fetched(both: tuple[ImageFinder, Client], tmp_path: Path) -> None:
    _, client = both
    path = tmp_path / "small.jpg"
    path.write_bytes(client.thumbnail(PICTURE, 128))
    with Image.open(path) as small:
        assert small.format == "JPEG" and max(small.size) == 128
    assert client.original(str(PICTURE)) == PICTURE.read_bytes()
    with pytest.raises(errors.InvalidInputError, match="size"):
        client.thumbnail(PICTURE, 77)


def test_large_pictures_are_sent_ahead(both: tuple[ImageFinder, Client], monkeypatch: pytest.MonkeyPatch) -> None:
    finder, client = both
    monkeypatch.setattr("imagefinder.client.queries.INLINE", 100)
    assert plain(client.search(PICTURE)) == plain(finder.search(PICTURE))


# --- the connection -----------------------------------------------------------------------------------------------


def test_a_key_is_asked_for(organised_index: Path, tmp_path: Path, copy_index: Copy, serving: Serving) -> None:
    home = tmp_path / "index"
    copy_index(organised_index, home)
    with ImageFinder.open(home) as finder, serving(finder, key=KEY, read_only=True) as url:
        for key in (None, "another key, also long"):
            with Client(url, key=key) as client, pytest.raises(errors.UnauthorizedError, match="key") as told:
                client.info()
            assert told.value.code == "unauthorized" and "Client(url, key=" in told.value.remedy
        with Client(url, key=KEY) as client:
            assert client.info().images == len(finder)
            with pytest.raises(errors.ServerError, match="nothing can be changed") as told:
                client.tag([], add=["x"])
                client.tag([str(PICTURE)], add=["x"])
            assert told.value.code == "read-only"


def test_no_server_is_told_with_the_remedy() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}") as client, pytest.raises(errors.UnreachableError) as told:
        client.info()
    assert str(port) in told.value.message and told.value.remedy == "Start it with: imagefinder serve"
    assert isinstance(told.value, errors.ServerError)


@pytest.mark.parametrize("url", ["", "nowhere", "ftp://x", "http://", "http://x:port", "file:///etc"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(errors.InvalidInputError, match="URL"):
        Client(url)


def answering(*answers: httpx.Response | Exception) -> tuple[Transport, list[httpx.Request]]:
    """A transport whose server gives these answers, and the requests it saw."""
    seen: list[httpx.Request] = []
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    transport = Transport("https://photos.home/finder/", "k", 5)
    transport._http = httpx.Client(transport=httpx.MockTransport(answer), base_url=transport._http.base_url)
    return transport, seen


def refused(status: int, code: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "No.", "remedy": ""}}, headers=headers)


def test_it_comes_back_when_it_is_told_when(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    headers = {"retry-after": "2"}
    transport, seen = answering(
        refused(429, "rate-limited", **headers), refused(503, "busy", **headers), httpx.Response(200, json={"n": 1})
    )
    assert transport.json("POST", "/v1/search", json={"k": 1}) == {"n": 1}
    assert slept == [2.0, 2.0] and [r.url.path for r in seen] == ["/finder/v1/search"] * 3
    assert len({r.content for r in seen}) == 1

    slept.clear()
    transport, seen = answering(*[refused(429, "rate-limited", **{"retry-after": "999"})] * 9)
    with pytest.raises(errors.ServerError) as told:
        transport.json("GET", "/v1/index")
    assert told.value.code == "rate-limited" and len(seen) == 5 and slept == [10.0] * 4


@pytest.mark.parametrize("lost", [httpx.RemoteProtocolError("cut"), httpx.ReadError("reset")])
def test_a_lost_connection_is_made_again_for_what_only_reads(lost: Exception) -> None:
    transport, seen = answering(lost, httpx.Response(200, json={"n": 1}))
    assert transport.json("GET", "/v1/index") == {"n": 1} and len(seen) == 2
    for method, tries in (("GET", 2), ("POST", 1)):
        transport, seen = answering(*[lost] * 3)
        with pytest.raises(errors.UnreachableError):
            transport.json(method, "/v1/jobs")
        assert len(seen) == tries


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (refused(503, "timeout"), errors.ServerError, "timeout"),
        (refused(503, "busy", **{"retry-after": "Wed, 21 Oct"}), errors.ServerError, "busy"),
        (refused(500, "unexpected"), errors.ServerError, "unexpected"),
        (refused(413, "too-large"), errors.ServerError, "too-large"),
        (refused(507, "storage"), errors.StorageError, None),
        (refused(500, "index-damaged"), errors.IndexDamagedError, None),
        (refused(422, "not-found"), errors.ImageError, "not-found"),
        (refused(422, "timeout"), errors.FetchError, "timeout"),
        (httpx.Response(200, text="<html>"), errors.ServerError, "unexpected"),
        (httpx.Response(404, text="nginx"), errors.ServerError, "unexpected"),
        (httpx.Response(500, json={"detail": "x"}), errors.ServerError, "unexpected"),
        (httpx.ReadTimeout("slow"), errors.ServerError, "timeout"),
        (httpx.RemoteProtocolError("cut"), errors.UnreachableError, "unreachable"),
    ],
)
def test_every_failure_has_its_exception(answer: Any, kind: type[Exception], code: str | None) -> None:
    transport, seen = answering(answer)
    with pytest.raises(kind) as told:
        transport.json("POST", "/v1/search", json={})
    assert type(told.value) is kind and getattr(told.value, "code", None) == code and len(seen) == 1


def test_the_error_of_a_job_is_of_its_kind() -> None:
    assert type(error_of("not-an-image", "x")) is errors.ImageError
    assert type(error_of("not-found", "x")) is errors.NotFoundError
    assert type(error_of("interrupted", "x")) is errors.ServerError


def test_importing_the_client_is_light() -> None:
    code = "import sys, imagefinder.client; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "PIL", "httpx", "fastapi", "onnxruntime"} & set(loaded)


@pytest.mark.parametrize("text", ["\u72d7", "xqzvkw dog", '"xqzvkw"', "dog -grass"])
def test_unknown_words_come_with_the_hits(both: tuple[ImageFinder, Client], text: str) -> None:
    here, there = (side.search(text, k=3) for side in both)
    assert [h.id for h in there] == [h.id for h in here]
    assert (there.unknown_words, there.notice) == (here.unknown_words, here.notice)

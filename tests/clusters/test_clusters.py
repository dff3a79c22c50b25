"""Clusters of an index: made, named, corrected, kept, extended to new images, exported."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import run_cli
from PIL import Image
from sklearn.metrics import normalized_mutual_info_score

from imagefinder import ClusterModel, ImageFinder
from imagefinder.clusters import labels as record_labels
from imagefinder.clusters import state
from imagefinder.clusters.assign_files import assign_images
from imagefinder.duplicates import taking_back, trash
from imagefinder.duplicates.plan import make_plan
from imagefinder.errors import (
    IndexDamagedError,
    InvalidInputError,
    ModelMismatchError,
    NotFoundError,
    StorageError,
)
from imagefinder.types import Progress

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of sample photos and an index of them, never changed."""
    home = tmp_path_factory.mktemp("clusters")
    (home / "photos").mkdir()
    for path in sorted(SAMPLES.rglob("*.jpg"))[::2][:60]:
        shutil.copy(path, home / "photos" / path.name)
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "photos")
    return home


@pytest.fixture
def home(original: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Path:
    copy_index(original / "index", tmp_path / "index")
    (tmp_path / "photos").symlink_to(original / "photos")
    return tmp_path


@pytest.fixture
def finder(home: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(home / "index") as finder:
        yield finder


def labels(finder: ImageFinder) -> dict[str, Any]:
    return {r.id: r.extra.get("cluster") for r in finder.records()}


def members(finder: ImageFinder, label: int) -> set[str]:
    return {r.id for r in finder.clusters.members(label)}


def test_clustering_labels_every_record_and_says_what_it_did(finder: ImageFinder) -> None:
    stages: list[Progress] = []
    made = finder.cluster(6, method="kmeans", progress=stages.append)
    assert [c.label for c in made.clusters] == list(range(6)) and stages[0] == Progress("reading vectors")
    assert set(labels(finder).values()) == set(range(6))
    assert sum(c.size for c in made.clusters) == len(finder) == 60
    assert finder.clusters.sizes() == {c.label: c.size for c in made.clusters}
    for cluster in finder.clusters:
        assert members(finder, cluster.label) == {r.id for r in finder.records(f'cluster_name = "{cluster.name}"')}
        assert cluster.medoid in members(finder, cluster.label) and cluster.words
        assert 0 < cluster.tightness <= 1 and 0 <= (cluster.stability or 0) <= 1
    assert len({c.name for c in made.clusters}) == 6
    again = finder.cluster(6, method="kmeans")
    assert again.labels.tolist() == made.labels.tolist(), "the same seed gives the same clusters"
    assert json.loads(json.dumps(again.to_dict()))["scores"]["silhouette"] == made.scores["silhouette"]


@pytest.mark.parametrize("method", ["leiden", "minibatch", "agglomerative", "hdbscan", "dbscan"])
def test_every_method_and_feature(finder: ImageFinder, method: str) -> None:
    for features, scale in (("default", "none"), ("pca:0.9", "standard"), ("raw", "none")):
        made = finder.cluster(method=method, features=features, scale=scale, stability=1)
        assert len(made.labels) == 60 and made.parameters["features"] == features
        assert sorted(labels(finder).values()) == sorted(made.labels.tolist())
        assert made.n_noise == 0 or method in ("hdbscan", "dbscan")


def test_search_within_a_cluster(finder: ImageFinder) -> None:
    with pytest.raises(NotFoundError, match="not clustered"):
        finder.search("bird", same_cluster=True)
    finder.cluster(5)
    record = finder.records()[3]
    hits = finder.similar(record.id, 60, same_cluster=True)
    assert {h.id for h in hits} == members(finder, record.extra["cluster"]) - {record.id}
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    by_words = finder.search("a bird", 60, same_cluster=True)
    assert (
        len({h.record.extra["cluster"] for h in by_words}) == 1 and by_words[0].id == finder.search("a bird", 1)[0].id
    )


def test_evaluation_compares_clusters_with_labels(finder: ImageFinder, tmp_path: Path) -> None:
    records = finder.records()
    finder.cluster(4, method="kmeans")
    rows = [f"{r.uri},{'ab'[int(str(finder.get(r.id).extra['cluster'])) % 2]}" for r in records]
    (tmp_path / "labels.csv").write_text("\n".join(["filename,label", *rows]))
    found = finder.evaluate(tmp_path / "labels.csv").clusters
    assert found is not None and found.purity == 1 and found.clusters == 4 and found.images == 60
    assert 0 < found.ari < 1 and found.nmi == pytest.approx(
        normalized_mutual_info_score([r[-1] for r in rows], [finder.get(r.id).extra["cluster"] for r in records])
    )


def test_choosing_a_number_changes_nothing(finder: ImageFinder) -> None:
    choice = finder.choose_k(12)
    assert [s.n_clusters for s in choice.scores] == list(range(2, 13)) and choice.suggested in range(2, 13)
    assert set(labels(finder).values()) == {None}


def test_corrections_are_kept_when_clustering_runs_again(finder: ImageFinder) -> None:
    finder.cluster(6, method="kmeans")
    clusters = finder.clusters
    clusters.rename(0, "My favourites")
    locked = members(finder, 1)
    clusters.lock(1)
    joined = members(finder, 2) | members(finder, 3)
    assert clusters.merge(2, 3).size == len(joined) and len(clusters) == 5
    wanderer = sorted(members(finder, 4))[0]
    clusters.move(wanderer, "my FAVOURITES")
    assert labels(finder)[wanderer] == 0
    for method, n in (("kmeans", 8), ("leiden", None), ("agglomerative", 4)):
        finder.cluster(n, method=method, stability=0)
        assert clusters.find("My favourites").label == 0
        assert members(finder, 1) == locked and clusters.find(1).locked
        assert labels(finder)[wanderer] == 0
        assert {labels(finder)[id] for id in joined - {wanderer}} == {2}
    finder.cluster(3, fresh=True)
    assert "My favourites" not in {c.name for c in clusters} and len(clusters) == 3


def test_split_parts_stay_apart(finder: ImageFinder) -> None:
    finder.cluster(3, method="kmeans")
    before = members(finder, 0)
    parts = finder.clusters.split(0, 2)
    assert [p.label for p in parts] == [0, 3] and parts[0].size >= parts[1].size
    assert members(finder, 0) | members(finder, 3) == before
    assert len({c.name for c in finder.clusters}) == 4
    finder.cluster(3, method="kmeans")
    homes = [{labels(finder)[id] for id in members(finder, label)} for label in (0, 3)]
    assert homes == [{0}, {3}]


def test_every_change_can_be_undone(finder: ImageFinder) -> None:
    finder.cluster(5)
    seen = [labels(finder)]
    clusters = finder.clusters
    changes: list[Callable[[], object]] = [
        lambda: clusters.merge(0, 1),
        lambda: clusters.move(sorted(members(finder, 2))[0], 3),
        lambda: clusters.rename(3, "x"),
        lambda: clusters.split(0, 3),
    ]
    for change in changes:
        change()
        seen.append(labels(finder))
    for expected in reversed(seen[:-1]):
        clusters.undo()
        assert labels(finder) == expected
    assert not any(r.extra.get("cluster_pinned") for r in finder.records())
    with pytest.raises(NotFoundError, match="no earlier"):
        clusters.undo()


def test_a_run_without_corrections_can_be_undone_too(finder: ImageFinder) -> None:
    finder.cluster(5)
    before = labels(finder)
    finder.cluster(9, method="kmeans")
    finder.cluster(2, fresh=True)
    finder.clusters.undo()
    assert len(finder.clusters) == 9
    finder.clusters.undo()
    assert labels(finder) == before


def test_nothing_but_noise(finder: ImageFinder, home: Path) -> None:
    made = finder.cluster(method="dbscan", settings={"eps": 1e-3})
    assert made.n_noise == 60 and not made.clusters and list(finder.clusters) == []
    (home / "more").mkdir()
    shutil.copy(sorted(SAMPLES.rglob("*.jpg"))[1], home / "more" / "new.jpg")
    report = finder.add(home / "more")
    assert report.clusters is not None and (report.clusters.assigned, report.clusters.unassigned) == (0, 1)
    assert set(labels(finder).values()) == {-1}
    assert {row["cluster"] for row in finder.clusters.rows()} == {-1}
    with pytest.raises(NotFoundError, match="in no cluster"):
        finder.similar(finder.records()[0].id, same_cluster=True)


def test_bad_corrections_are_refused_and_change_nothing(finder: ImageFinder) -> None:
    with pytest.raises(NotFoundError, match="not clustered"):
        len(finder.clusters)
    finder.cluster(4)
    before = finder.clusters.clustering.name
    clusters = finder.clusters
    wrong: list[Callable[[], object]] = [
        lambda: clusters.rename(9, "x"),
        lambda: clusters.rename(0, "  "),
        lambda: clusters.rename(0, clusters[1].name.upper()),
        lambda: clusters.rename(0, "3"),
        lambda: clusters.rename(0, "-1"),
        lambda: clusters.rename(0, "x" * 201),
        lambda: clusters.rename(0, "not to be written \udcff"),
        lambda: clusters.rename(0, "bell \a"),
        lambda: clusters.merge(0),
        lambda: clusters.merge(0, 0),
        lambda: clusters.merge(),
        lambda: clusters.split(0, 1),
        lambda: clusters.split(0, 1000),
        lambda: clusters.move("no such image", 0),
        lambda: clusters.move([], 0),
        lambda: clusters.levels(5),
        lambda: finder.cluster(61),
        lambda: finder.cluster(0),
        lambda: finder.cluster(method="spectral"),
        lambda: finder.cluster(features="pca:5000"),
    ]
    for change in wrong:
        with pytest.raises((InvalidInputError, NotFoundError)):
            change()
    assert finder.clusters.clustering.name == before


def test_no_two_clusters_have_one_name(finder: ImageFinder) -> None:
    finder.cluster(4, method="kmeans")
    word = finder.clusters[0].name
    finder.clusters.rename(0, "  First \n of all ")
    assert finder.clusters.find("first of all").label == 0, "on one line"
    finder.clusters.rename(1, word.upper())
    finder.cluster(4, method="kmeans")
    finder.clusters.split(0, 2)
    names = [c.name.casefold() for c in finder.clusters]
    assert len(set(names)) == 5 and word.casefold() in names
    finder.clusters.move(Path(finder.records()[0].uri), word)
    assert finder.records()[0].extra["cluster_name"] == word.upper()


def test_new_images_join_the_nearest_cluster_and_the_report_says_when_to_cluster_again(
    home: Path, finder: ImageFinder
) -> None:
    finder.cluster(5)
    more = sorted(SAMPLES.rglob("*.jpg"))[1::2]
    (home / "more").mkdir()
    for path in more[:5]:
        shutil.copy(path, home / "more" / path.name)
    report = finder.add(home / "more")
    assert report.clusters is not None and report.clusters.assigned == 5 and report.clusters.advice is None
    new = {r.uri: r.extra["cluster"] for r in finder.records() if str(home / "more") in r.uri}
    model = ClusterModel.of(finder.clusters.clustering)
    rows, skipped = assign_images(model, [str(home / "more")])
    assert {r["uri"]: r["cluster"] for r in rows} == new and not skipped
    for path in more[5:40]:
        shutil.copy(path, home / "more" / path.name)
    finder.clusters.rename(0, "Renamed")  # does not make the new images clustered ones
    report = finder.add(home / "more")
    assert report.to_dict()["clusters"]["since"] == 40 and "cluster again" in report.to_dict()["clusters"]["advice"]
    together = sum(v in (0, 1) for v in labels(finder).values())
    assert finder.clusters.merge(0, 1).size == together, "images assigned since are merged too"


def test_a_moved_file_keeps_its_cluster_and_a_changed_one_is_assigned_anew(tmp_path: Path) -> None:
    pictures = sorted(SAMPLES.rglob("*.jpg"))[:12]
    (tmp_path / "a").mkdir()
    for path in pictures:
        shutil.copy(path, tmp_path / "a" / path.name)
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "a")
        finder.cluster(3)
        first, second = finder.records()[0], finder.records()[1]
        other = next(c.label for c in finder.clusters if c.label != first.extra["cluster"])
        finder.clusters.move(first.id, other)
        (tmp_path / "a" / "b").mkdir()
        shutil.move(first.uri, tmp_path / "a" / "b" / "moved.jpg")
        shutil.copy(sorted(SAMPLES.rglob("*.jpg"))[100], second.uri)
        os.utime(second.uri, (1, 1))
        report = finder.add(tmp_path / "a")
        assert (report.moved, report.updated) == (1, 1)
        moved = finder.get(tmp_path / "a" / "b" / "moved.jpg")
        assert moved.extra["cluster"] == other and moved.extra["cluster_pinned"]
        expected = assign_images(ClusterModel.of(finder.clusters.clustering), [second.uri])[0][0]["cluster"]
        assert finder.get(second.uri).extra["cluster"] == expected


def where(finder: ImageFinder) -> dict[str, tuple[Any, ...]]:
    return {r.uri: tuple(r.extra.get(f"cluster{part}") for part in ("", "_name", "_pinned")) for r in finder.records()}


@pytest.fixture
def pinned(tmp_path: Path) -> Iterator[tuple[ImageFinder, Path, Path]]:
    """An index of twelve photos, its folder, and one of them that was put into another cluster."""
    (tmp_path / "photos").mkdir()
    for path in sorted(SAMPLES.rglob("*.jpg"))[:12]:
        shutil.copy(path, tmp_path / "photos" / path.name)
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "photos")
        finder.cluster(3, method="kmeans")
        image = Path(finder.records()[0].uri)
        finder.clusters.move(image, (int(str(finder.get(image).extra["cluster"])) + 1) % 3)
        yield finder, tmp_path / "photos", image


def test_images_that_come_back_are_where_they_were(pinned: tuple[ImageFinder, Path, Path], tmp_path: Path) -> None:
    finder, photos, image = pinned
    before = where(finder)
    for away in (image, photos):
        shutil.move(away, tmp_path / "away")
        photos.mkdir(exist_ok=True)
        gone = finder.add(allow_empty=True).removed
        shutil.rmtree(photos) if away == photos else None
        shutil.move(tmp_path / "away", away)
        report = finder.add()
        assert where(finder) == before and before[str(image)][2] is True and gone in (1, 12)
        assert report.clusters is not None and (report.clusters.returned, report.clusters.since) == (gone, 0)
    image.unlink()
    finder.add()
    shutil.copy(sorted(SAMPLES.rglob("*.jpg"))[100], image)
    report = finder.add()
    assert report.clusters is not None and (report.clusters.returned, report.clusters.assigned) == (0, 1)
    nearest = assign_images(ClusterModel.of(finder.clusters.clustering), [str(image)])[0][0]["cluster"]
    assert where(finder)[str(image)][::2] == (nearest, None), "another picture of the same name is another image"
    finder.clusters.rename(0, "x")
    finder.clusters.undo()
    assert where(finder)[str(image)][::2] == (nearest, None)


def test_what_comes_back_from_the_trash_is_where_it_was(pinned: tuple[ImageFinder, Path, Path]) -> None:
    finder, photos, image = pinned
    twin = photos / "zz twin.jpg"
    shutil.copy(image, twin)
    finder.add()
    finder.clusters.move(twin, finder.get(image).extra["cluster"])
    before = where(finder)
    trash.apply_plan(finder._collection.index, make_plan(finder.duplicates()))
    assert len(finder) == 12 and taking_back.undo(finder._collection.index).files
    finder.add()
    assert where(finder) == before and before[str(image)][2] and before[str(twin)][2]


@pytest.mark.files
def test_a_rebuilt_index_has_its_clusters_again(home: Path) -> None:
    with ImageFinder.open(home / "index") as finder:
        finder.cluster(4)
        finder.clusters.move(finder.records()[0].id, 3)
        finder.clusters.rename(3, "Mine")
        before = labels(finder)
    ImageFinder.rebuild(home / "index")
    with ImageFinder.open(home / "index") as finder:
        report = finder.add()
        assert labels(finder) == before and finder.clusters.find("mine").label == 3
        assert report.clusters is not None and report.clusters.assigned == 0
    ImageFinder.rebuild(home / "index", model="default")
    with ImageFinder.open(home / "index") as finder:
        assert labels(finder) == before and finder.models == ["efficientnet-lite2", "efficientnet-lite0"]
        finder.drop_space("efficientnet-lite0")
        report = finder.add()
        assert report.clusters is not None and "another model" in (report.clusters.advice or "")
        with pytest.raises(NotFoundError, match="another model"):
            finder.clusters.rows()
        assert finder.outliers(2)[0].from_cluster is None
        assert finder.cluster(3).name > "0003"


def test_what_an_interruption_leaves_is_finished_later(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    finder.cluster(3)
    before = labels(finder)
    real = record_labels.label_records
    calls = 0

    def dies(*args: Any) -> None:
        nonlocal calls
        calls += 1
        raise KeyboardInterrupt

    monkeypatch.setattr(record_labels, "label_records", dies)
    with pytest.raises(KeyboardInterrupt):
        finder.cluster(7, method="kmeans")
    assert calls and labels(finder) == before
    monkeypatch.setattr(record_labels, "label_records", real)
    assert len(finder.clusters) == 7
    assert set(labels(finder).values()) == set(range(7))


def test_a_full_disk_leaves_the_earlier_clusters(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    finder.cluster(3)
    before = labels(finder)

    def full(*args: Any) -> None:
        raise StorageError("full")

    monkeypatch.setattr(state, "save_run", full)
    for change in (lambda: finder.cluster(5), lambda: finder.clusters.merge(0, 1)):
        with pytest.raises(StorageError):
            change()
    assert labels(finder) == before and len(finder.clusters) == 3


@pytest.mark.files
def test_damage_is_said_and_can_be_overcome(finder: ImageFinder, home: Path) -> None:
    finder.cluster(3)
    finder.clusters.rename(0, "mine")
    moved = finder.records()[0].id
    finder.clusters.move(moved, 2)
    path, sizes = home / "index" / "groups.json", finder.clusters.sizes()
    for text in ("[]", "{", '{"run": "9999"}', None):
        path.unlink()
        if text is not None:
            path.write_text(text)
        assert finder.clusters.sizes() == sizes, "which is in force was kept a second time"
        assert json.loads(path.read_text())["applied"]
    for run in (home / "index" / "runs" / "clusters").iterdir():
        (run / "run.json").write_text("{")
    finder._collection.index.results.clear()
    (home / "more").mkdir()
    shutil.copy(sorted(SAMPLES.rglob("*.jpg"))[1], home / "more" / "new.jpg")
    report = finder.add(home / "more")
    assert report.added == 1 and report.clusters is not None and "damaged" in (report.clusters.advice or "")
    with pytest.raises(IndexDamagedError, match="imagefinder cluster"):
        finder.clusters.sizes()
    again = finder.cluster(4)
    assert len(again.clusters) == 4 and "mine" in again.names().values(), "which the remedy brings back"
    assert finder.get(moved).extra["cluster_pinned"]
    with pytest.raises(NotFoundError, match="no earlier version"):
        finder.clusters.undo()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_collections(tmp_path: Path, n: int) -> None:
    for path in sorted(SAMPLES.rglob("*.jpg"))[:n]:
        shutil.copy(path, tmp_path / path.name)
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        with pytest.raises(NotFoundError, match="no images"):
            finder.cluster()
        finder.add(tmp_path, include=["*.jpg"])
        assert 1 <= len(finder.cluster().clusters) <= n
        if n == 3:
            finder.choose_k()
        else:
            with pytest.raises(InvalidInputError, match="3"):
                finder.choose_k()
        with pytest.raises(InvalidInputError, match="different"):
            finder.cluster(n + 1)


def test_identical_images(tmp_path: Path) -> None:
    for i in range(8):
        Image.new("RGB", (64, 64), "teal").save(tmp_path / f"{i}.png")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path, include=["*.png"])
        for method in ("leiden", "kmeans", "hdbscan"):
            assert [c.size for c in finder.cluster(method=method).clusters] == [8]


def test_tables(finder: ImageFinder, tmp_path: Path) -> None:
    finder.cluster(4)
    out = tmp_path / "out"
    assert finder.clusters.export(out / "c.csv").rows == 60
    with (out / "c.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["uri", "cluster", "name", "distance"]
    assert {r["uri"]: int(r["cluster"]) for r in rows} == {r.uri: r.extra["cluster"] for r in finder.records()}
    medoids = {c.label: finder.get(c.medoid).uri for c in finder.clusters}
    for label, uri in medoids.items():
        assert next(r for r in rows if int(r["cluster"]) == label)["uri"] == uri, "the nearest to the centre is first"
    from pyarrow import parquet

    finder.clusters.export(out / "c.parquet")
    table = parquet.read_table(out / "c.parquet")
    assert table.column_names == ["uri", "cluster", "name", "distance"] and table.num_rows == 60
    finder.clusters.export(out / "c.json")
    assert json.loads((out / "c.json").read_text())[0]["name"]
    with pytest.raises(InvalidInputError, match=r"\.parquet"):
        finder.clusters.export(out / "c.txt")


def test_odd_file_names_are_exported(tmp_path: Path) -> None:
    odd = ["a,b.jpg", "new\nline.jpg", "return\r.jpg", 'quo"te.jpg', "ünï.jpg", "x" * 251 + ".jpg", "日" * 83 + ".jpg"]
    (tmp_path / "photos").mkdir()
    for path, name in zip(sorted(SAMPLES.rglob("*.jpg")), odd, strict=False):
        shutil.copy(path, tmp_path / "photos" / name)
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        assert finder.add(tmp_path / "photos").added == len(odd)
        finder.cluster(2)
        finder.clusters.rename(0, 'All, "really"')
        finder.clusters.export(tmp_path / "c.csv")
        with (tmp_path / "c.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert {Path(row["uri"]).name for row in rows} == set(odd) and 'All, "really"' in {row["name"] for row in rows}
        assert finder.clusters.export_folders(tmp_path / "groups").rows == len(odd)
    copies = [p for p in (tmp_path / "groups").rglob("*") if p.is_file()]
    assert len(copies) == len(odd) and all(p.suffix == ".jpg" for p in copies)


@pytest.mark.parametrize("how", ["copy", "symlink", "hardlink"])
def test_folders(finder: ImageFinder, tmp_path: Path, how: Any) -> None:
    finder.cluster(4)
    done = finder.clusters.export_folders(tmp_path / "groups", how)
    assert done.rows == 60 and not done.left_out
    folders = sorted(p for p in (tmp_path / "groups").iterdir())
    assert [len(list(f.iterdir())) for f in folders] == [c.size for c in finder.clusters]
    one = next(folders[0].iterdir())
    assert one.is_symlink() == (how == "symlink") and one.read_bytes()
    with pytest.raises(InvalidInputError, match="not an empty"):
        finder.clusters.export_folders(tmp_path / "groups", how)


def test_the_portable_model_assigns_as_the_index_does(finder: ImageFinder, tmp_path: Path) -> None:
    made = finder.cluster(5, method="kmeans", features="pca:0.95")
    finder.clusters.export_model(tmp_path / "model")
    model = ClusterModel.load(tmp_path / "model")
    _, raw = finder.vectors(raw=True)
    found, distances, outside = model.assign(raw)
    assert found.tolist() == made.labels.tolist() and distances.dtype == np.float32 and outside.mean() < 0.15
    (tmp_path / "model" / "clusters.npz").write_bytes(b"PK")
    with pytest.raises(InvalidInputError, match="export model"):
        ClusterModel.load(tmp_path / "model")


def test_a_model_of_other_vectors_is_refused(finder: ImageFinder, tmp_path: Path) -> None:
    finder.cluster(3)
    finder.clusters.export_model(tmp_path / "model")
    facts = json.loads((tmp_path / "model" / "clusters.json").read_text())
    (tmp_path / "model" / "clusters.json").write_text(json.dumps({**facts, "model_fingerprint": "other"}))
    with pytest.raises(ModelMismatchError, match="other"):
        assign_images(tmp_path / "model", [str(SAMPLES)])


def test_on_the_command_line(home: Path) -> None:
    where = ("--index", home / "index")
    done = run_cli("cluster", "-n", "4", "--method", "kmeans", *where, "--json")
    made = json.loads(done.stdout)
    assert made["n_clusters"] == 4 and made["method"] == "kmeans" and done.returncode == 0
    name = made["clusters"][0]["name"]
    listed = run_cli("clusters", *where)
    assert name in listed.stdout and "silhouette" in listed.stderr and "±" not in listed.stderr
    assert json.loads(run_cli("clusters", "rename", "0", "Best ones", *where, "--json").stdout)["clusters"][0]["named"]
    shown = run_cli("clusters", "show", "best ones", "-k", "3", *where, "--sheet", home / "sheet.png")
    with Image.open(home / "sheet.png") as sheet:
        assert "Best ones" in shown.stdout and sheet.width > 200
    assert run_cli("clusters", "merge", "1", "2", *where).returncode == 0
    assert "Undone: merge" in run_cli("clusters", "undo", *where).stderr
    listed = json.loads(run_cli("clusters", "--json", *where).stdout)
    assert sum(listed["sizes"].values()) == 60 and len(listed["clusters"]) == 4
    assert "2 groups" in run_cli("clusters", "tree", "--level", "2", *where).stdout
    chosen = json.loads(run_cli("choose-k", "--max", "8", "--plot", home / "k.svg", *where, "--json").stdout)
    assert len(chosen["scores"]) == 7 and "<svg" in (home / "k.svg").read_text()
    assert run_cli("export", "clusters", "--out", home / "c.csv", *where).returncode == 0
    assert run_cli("export", "model", "--out", home / "m", *where).returncode == 0
    photo = sorted((home / "photos").iterdir())[0]
    assigned = json.loads(run_cli("assign", home / "m", photo, "--json").stdout)
    assert assigned["images"][0]["uri"] == str(photo)
    near = json.loads(run_cli("search", photo, "--same-cluster", "--json", *where).stdout)
    assert len({h["cluster"] for h in near["hits"]}) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("cluster", "-n", "many"), 2, "neither a number nor auto"),
        (("cluster", "-n", "3", "--method", "hdbscan"), 2, "itself"),
        (("cluster", "-n", "1000"), 2, "only 60 different"),
        (("clusters",), 3, "imagefinder cluster"),
        (("clusters", "rename", "0", "x"), 3, "not clustered"),
        (("export", "clusters"), 2, "--out"),
        (("choose-k", "--features", "pca:9999"), 2, "dimensions"),
    ],
)
def test_wrong_use_is_explained(home: Path, arguments: tuple[str, ...], code: int, word: str) -> None:
    done = run_cli(*arguments, "--index", home / "index")
    assert done.returncode == code and word in done.stderr

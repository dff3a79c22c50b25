"""Maps of an index, and the commands that make them."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from command import run_cli
from PIL import Image

from imagefinder.errors import ImageFinderError, InvalidInputError, NotFoundError, StorageError
from imagefinder.finder import ImageFinder
from imagefinder.index import runs
from imagefinder.maps import maps
from imagefinder.maps.maps import Map, load_map, map_records
from imagefinder.maps.projections import Projection

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an ``album`` of 30 pictures and its ``index``; nobody changes it."""
    home = tmp_path_factory.mktemp("maps")
    for path in sorted(SAMPLES.rglob("*.jpg"))[::6][:30]:
        target = home / "album" / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "album")
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Path:
    """A copy of it to change."""
    copy_index(made / "index", tmp_path / "index")
    return tmp_path


def kept(home: Path) -> list[str]:
    return sorted(p.name for p in (home / "index" / "runs" / "maps").glob("*"))


def same(a: Map, b: Map) -> bool:
    return a.ids == b.ids and np.array_equal(a.coordinates, b.coordinates)


@pytest.mark.files
def test_a_map_is_kept_and_read_again(home: Path) -> None:
    with ImageFinder.open(home / "index") as finder:
        done = finder.map("tsne", seed=3)
        assert list(done.ids) == finder.vectors()[0]
        assert done.facts["scores"]["trustworthiness"] > 0.7
        assert same(load_map(finder._collection.index), done)
        again = finder.map(seed=3)
        assert same(again, done) and kept(home) == [again.name]  # it takes the place of the one like it
        finder.map("pca")
        assert len(kept(home)) == 2
        assert load_map(finder._collection.index, "tsne").name == again.name
        spots, records = map_records(done, finder.records("folder = animals"))
        assert 0 < len(records) < len(done) and spots.shape == (len(records), 2)


def test_an_update_moves_nothing_and_places_the_new(home: Path, made: Path) -> None:
    with ImageFinder.open(home / "index") as finder:
        before = finder.map("tsne")
        assert finder.map(update=True).name == before.name  # nothing to do
        gone, twin = finder.get(before.ids[4]), finder.get(before.ids[9])
        finder.remove(gone.id)
        shutil.copy(twin.uri, home / "copy.jpg")
        finder.add(home / "copy.jpg")
        after = finder.map(update=True)
        assert gone.id not in after.ids and len(after) == len(before)
        places = dict(zip(after.ids, after.coordinates.tolist(), strict=True))
        old = dict(zip(before.ids, before.coordinates.tolist(), strict=True))
        assert all(places[id] == old[id] for id in places if id in old)
        new = finder.get(home / "copy.jpg").id
        np.testing.assert_allclose(places[new], places[twin.id], atol=0.1)
        assert [id for id, placed in zip(after.ids, after.placed, strict=True) if placed] == [new]
        assert after.facts["placed"] == 1


@pytest.mark.files
def test_an_interrupted_run_leaves_the_earlier_map(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise StorageError("The disk is full.")

    def stopped(*_: object, **__: object) -> Projection:
        raise KeyboardInterrupt

    with ImageFinder.open(home / "index") as finder:
        before = finder.map("pca")
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(maps, "project", stopped)
            finder.map("pca")
        with monkeypatch.context() as patch, pytest.raises(StorageError):
            patch.setattr(runs, "write_whole", full)
            finder.map("pca")
        assert same(load_map(finder._collection.index), before) and kept(home) == [before.name]


def test_a_filter_is_kept_with_the_map(home: Path) -> None:
    with ImageFinder.open(home / "index") as finder:
        done = finder.map("pca", filter="folder = animals")
        assert {r.folder for r in map_records(done, finder.records())[1]} == {"animals"}
        finder.remove(done.ids[0])
        assert len(finder.map(update=True)) == len(done) - 1
        with pytest.raises(InvalidInputError, match="filter"):
            finder.map(update=True, filter="width > 1")
        with pytest.raises(NotFoundError, match="no image"):
            finder.map("pca", filter="folder = none")


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_images(n: int, made: Path, tmp_path: Path) -> None:
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(*sorted((made / "album").rglob("*.jpg"))[:n])
        done = finder.map("tsne")
        assert done.coordinates.shape == (n, 2) and np.isfinite(done.coordinates).all()
        assert (done.facts["scores"] is None) == (n < 3)


@pytest.mark.files
def test_wrong_input(home: Path, tmp_path: Path) -> None:
    with ImageFinder.open(tmp_path / "empty") as finder:
        for ask in (finder.map, finder.pca_report):
            with pytest.raises(ImageFinderError):
                ask()
    with ImageFinder.open(home / "index") as finder:
        with pytest.raises(NotFoundError, match="no map"):
            finder.map(update=True)
        with pytest.raises(NotFoundError, match="umap"):
            finder.map("umpa")
        done = finder.map("pca")
        (home / "index" / "runs" / "maps" / done.name / "arrays.npz").write_bytes(b"PK nonsense")
        with pytest.raises(ImageFinderError, match="damaged"):
            load_map(finder._collection.index)
        assert finder.map("pca").name > done.name  # and a new one can be made


def test_the_map_command_writes_every_file_asked_for(home: Path) -> None:
    names = ["map.png", "map.svg", "map.html", "map.parquet", "map.csv", "map.json"]
    outs = [part for name in names for part in ("--out", home / "new" / name)]
    done = run_cli(
        "map", "--method", "pca", *outs, "--pictures", home / "wall.png", "--json", "--index", home / "index"
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["method"] == "pca" and report["images"] == 30 and report["scores"]["k"] == 10
    assert [Path(f["path"]).name for f in report["files"]] == [*names, "wall.png"]
    assert all(Path(f["path"]).stat().st_size > 1000 for f in report["files"])
    table = pq.read_table(home / "new" / "map.parquet")
    assert table.column_names[:6] == ["id", "uri", "x", "y", "cluster", "caption"]
    assert str(table.schema.field("image").type) == "struct<bytes: binary, path: string>"
    assert table["image"][0].as_py()["bytes"].startswith(b"\xff\xd8")
    with (home / "new" / "map.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    points = json.loads((home / "new" / "map.json").read_text())["points"]
    assert [r["id"] for r in rows] == table["id"].to_pylist() == [p["id"] for p in points]
    np.testing.assert_allclose([float(r["x"]) for r in rows], table["x"].to_pylist(), rtol=1e-6)
    with Image.open(home / "wall.png") as wall:
        assert 500 < wall.width <= 3200


def test_the_pca_command(home: Path) -> None:
    done = run_cli("pca", "--plot", home / "pca.png", "--json", "--index", home / "index")
    report = json.loads(done.stdout)
    assert 1 <= report["components_for"]["95%"] <= 29 and report["images"] == 30
    assert "95% of the variance" in run_cli("pca", "--index", home / "index").stdout
    assert (home / "pca.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["map", "--out", "map.xyz"], 2, "map.xyz"),
        (["map", "--pictures", "map.svg"], 2, ".png"),
        (["map", "--method", "lda"], 2, "lda"),
        (["map", "--method", "pca", "--color-by", "colour", "--out", "m.png"], 2, "colour"),
        (["map", "--update"], 3, "no map"),
        (["pca", "--plot", "pca.csv"], 2, "pca.csv"),
    ],
)
def test_wrong_use_says_what_is_wrong(arguments: list[str], code: int, word: str, home: Path) -> None:
    done = run_cli(*arguments, "--index", home / "index")
    assert done.returncode == code and word in done.stderr, done.stderr

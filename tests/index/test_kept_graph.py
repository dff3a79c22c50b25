"""The neighbour graph that an index keeps: what is told of it, and graphs that older versions kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from command import run_cli

from imagefinder import ImageFinder
from imagefinder.index import neighbors as kept
from imagefinder.index.runs import change_facts, list_runs
from imagefinder.maps import projections
from imagefinder.vectors import cells, neighbors

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("kept-graph")
    (home / "photos").mkdir()
    for path in sorted(SAMPLES.rglob("*.jpg"))[:60]:
        shutil.copy(path, home / "photos" / path.name)
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "photos")
    return home


@pytest.fixture
def index(original: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Path:
    copy_index(original / "index", tmp_path / "index")
    return tmp_path / "index"


@pytest.fixture
def finder(index: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(index) as finder:
        yield finder


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many images that not all are compared; in so few cells that some neighbours are missed."""
    monkeypatch.setattr(neighbors, "EXACT", 10)
    for name, value in {"CELL": 4, "MOST_CELLS": 2, "SAMPLE": 60}.items():
        monkeypatch.setattr(cells, name, value)


def test_an_exact_graph_is_told_as_such(finder: ImageFinder, index: Path) -> None:
    assert finder.info().neighbors is None
    finder.outliers(3)
    assert finder.info().neighbors == {"images": 60, "k": 59, "recall": 1.0}
    finder.close()
    told = run_cli("info", "--index", str(index)).stdout
    assert "59 neighbours of each of 60 images, exact" in told


@pytest.mark.usefixtures("many")
def test_an_approximate_graph_says_how_much_it_found(
    finder: ImageFinder, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT", 20)
    monkeypatch.setattr(projections, "NEIGHBORS", 20)
    clustering = finder.cluster()
    told = finder.info().neighbors
    assert told is not None and 0.3 < told["recall"] < 1
    assert clustering.parameters["settings"]["graph_recall"] == pytest.approx(told["recall"], abs=1e-3)
    assert finder.map("tsne").facts["parameters"]["graph_recall"] == pytest.approx(told["recall"], abs=1e-3)
    finder.close()
    assert f"approximate, recall {told['recall']:.3f}" in run_cli("info", "--index", str(index)).stdout
    as_json = json.loads(run_cli("info", "--index", str(index), "--json").stdout)
    assert as_json["neighbors"] == told


@pytest.mark.usefixtures("many")
def test_the_kept_graph_has_as_many_neighbours_as_there_is_room_for(
    finder: ImageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "LARGEST", 60 * 25 * 8)
    finder.outliers(3)
    assert (finder.info().neighbors or {})["k"] == 25
    monkeypatch.setattr(kept, "LARGEST", 60 * 19 * 8)
    (run,) = list_runs(finder._collection.index.documents, kept.KIND)
    kept.drop_run(run)
    finder.outliers(3)
    assert finder.info().neighbors is None, "fewer would be of no use to the next"


def test_a_graph_that_an_older_version_kept_is_used_and_exact(finder: ImageFinder) -> None:
    first = finder.outliers(60)
    (run,) = list_runs(finder._collection.index.documents, kept.KIND)
    change_facts(run, {name: value for name, value in run.facts.items() if name != "recall"})
    assert (finder.info().neighbors or {})["recall"] == 1.0
    assert [one.score for one in finder.outliers(60)] == [one.score for one in first]
    assert [one.name for one in list_runs(finder._collection.index.documents, kept.KIND)] == [run.name]
    assert np.isfinite([one.score for one in first]).all()

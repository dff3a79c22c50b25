"""A further clusterer is one row of ``METHODS``: the library, the command line and the index know it from there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from clusterer import HALVES
from command import run_cli

from imagefinder import ImageFinder
from imagefinder.clusters.algorithms.methods import METHODS
from imagefinder.errors import InvalidInputError

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


@pytest.fixture(autouse=True)
def one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "halves", HALVES)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("clusterers")
    (home / "photos").mkdir()
    for path in sorted(SAMPLES.rglob("*.jpg"))[:20]:
        shutil.copy(path, home / "photos" / path.name)
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "photos")
    return home / "index"


def test_in_the_library(index: Path) -> None:
    with ImageFinder.open(index) as finder:
        made = finder.cluster(method="halves", settings={"share": 0.25}, stability=2)
        assert made.n_noise == 15 and made.has_noise and made.parameters["settings"] == {"share": 0.25}
        assert finder.clusters.sizes() == {0: 5, -1: 15}
        with pytest.raises(InvalidInputError, match="itself") as refused:
            finder.cluster(3, method="halves")
        assert "kmeans" in refused.value.remedy and "halves" not in refused.value.remedy
        with pytest.raises(InvalidInputError, match="it has: share"):
            finder.cluster(method="halves", settings={"eps": 1})


def test_on_the_command_line(index: Path) -> None:
    told = run_cli("cluster", "--help").stdout
    assert "|halves]" in told and "--share FLOAT" in told and "halves: how much to keep" in told
    done = run_cli("cluster", "--method", "halves", "--share", "0.5", "--index", index, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n_noise"] == 10 and json.loads(done.stdout)["settings"] == {"share": 0.5}
    refused = run_cli("cluster", "--method", "halfs", "--index", index)
    assert refused.returncode == 2 and "halves" in refused.stderr


def test_clusters_of_a_method_that_is_gone_can_still_be_read(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ImageFinder.open(index) as finder:
        finder.cluster(method="halves", stability=0)
        monkeypatch.delitem(METHODS, "halves")
        assert not finder.clusters.clustering.has_noise and finder.clusters.sizes() == {0: 10, -1: 10}

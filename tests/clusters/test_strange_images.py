"""New images that are like none of those clustered stay in no cluster, and every door says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command import run_cli
from fastapi.testclient import TestClient
from PIL import Image

from imagefinder import FunctionEmbedder, ImageFinder
from imagefinder.clusters import state
from imagefinder.models.registry import register
from imagefinder.server.app import create_app

SIDE = 8


def pixels(batch: np.ndarray) -> np.ndarray:
    return batch.reshape(len(batch), -1).astype(np.float32) - 128


MODEL = FunctionEmbedder("strange-pixels", pixels, dim=3 * SIDE * SIDE, size=SIDE, transform="center")


def draw(folder: Path, kind: int, numbers: range) -> Path:
    """Pictures of one kind: its own pattern, with a little noise."""
    folder.mkdir(exist_ok=True)
    pattern = np.random.default_rng(kind).integers(40, 216, (SIDE, SIDE, 3))
    for number in numbers:
        noise = np.random.default_rng((kind, number)).integers(-40, 40, pattern.shape)
        Image.fromarray((pattern + noise).astype(np.uint8)).save(folder / f"{kind}-{number}.png")
    return folder


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[ImageFinder]:
    """Sixty pictures of three kinds, clustered; then twelve more of them, and thirty of a fourth kind."""
    register(MODEL)
    with ImageFinder.open(tmp_path / "index", model=MODEL) as finder:
        for kind in range(3):
            draw(tmp_path / "a", kind, range(20))
        finder.add(tmp_path / "a")
        finder.cluster(3, method="kmeans")
        for kind in range(3):
            draw(tmp_path / "more", kind, range(20, 24))
        yield finder


def test_the_report_says_how_many_fit_and_how_many_do_not(finder: ImageFinder, tmp_path: Path) -> None:
    assert finder.clusters.since() == {"clustered": 60, "came": 0, "fit": 0, "unfit": 0, "advice": None}
    more = finder.add(tmp_path / "more").clusters
    assert more is not None and more.assigned + more.unassigned == 12 and more.assigned >= 10 and more.advice is None
    odd = finder.add(draw(tmp_path / "odd", 9, range(30))).clusters
    assert odd is not None and (odd.assigned, odd.unassigned, odd.since) == (0, 30, 42)
    assert odd.advice is not None and "fit no cluster" in odd.advice
    assert {record.extra["cluster"] for record in finder.records() if "/odd/" in record.uri} == {-1}
    since = finder.clusters.since()
    assert since == {
        "clustered": 60,
        "came": 42,
        "fit": more.assigned,
        "unfit": 42 - more.assigned,
        "advice": odd.advice,
    }
    finder.clusters.merge(0, 1)
    assert finder.clusters.since() == since, "a correction clusters nothing"
    finder.cluster(4, method="kmeans", fresh=True)
    assert sorted(finder.clusters.sizes().values()) == [24, 24, 24, 30]
    assert finder.clusters.since()["came"] == 0
    finder.clusters.undo()
    now = finder.clusters.since()
    assert now["advice"] is not None and now == {**since, "advice": now["advice"]}, "a correction clusters nothing"


def test_the_version_before_counts_what_came_after_it(finder: ImageFinder, tmp_path: Path) -> None:
    finder.add(tmp_path / "more")
    before = finder.clusters.since()
    finder.cluster(3, method="kmeans")
    finder.clusters.undo()
    assert finder.clusters.since() == before


def test_what_was_measured_is_said_with_the_figures(finder: ImageFinder, tmp_path: Path) -> None:
    finder.add(tmp_path / "more")
    facts = finder.clusters.to_dict()
    assert [c["measured"] for c in facts["clusters"]] == [20, 20, 20]
    assert sum(c["size"] for c in facts["clusters"]) == 60 + facts["since"]["fit"]
    two, rest = finder.clusters.merge(0, 1), finder.clusters[1]
    assert two.stability is None, "never measured"
    assert rest.stability is not None


def test_command_line_and_api_say_it(finder: ImageFinder, tmp_path: Path) -> None:
    index = tmp_path / "index"
    draw(tmp_path / "more", 9, range(30))
    finder.close()
    done = run_cli("index", tmp_path / "more", "--index", index)
    assert "fit no cluster and stay in none (-1)." in done.stderr
    assert "it is time to cluster again. Run: imagefinder cluster" in done.stderr
    listed = run_cli("clusters", "--index", index)
    assert "Since then 42 images came:" in listed.stderr and "measured" in listed.stdout.splitlines()[0]
    facts = json.loads(run_cli("clusters", "--index", index, "--json").stdout)
    assert facts["since"]["came"] == 42 and facts["since"]["unfit"] == facts["sizes"]["-1"] >= 30
    with (
        ImageFinder.open(index, read_only=True) as again,
        TestClient(create_app(again), base_url="http://localhost:8642") as client,
    ):
        served = client.get("/v1/clusters").json()
    assert served["since"] == facts["since"] and [c["measured"] for c in served["clusters"]] == [20, 20, 20]


def test_clusters_of_an_older_version_take_in_all(finder: ImageFinder, tmp_path: Path) -> None:
    """They have nothing that tells strangers."""
    made = finder.clusters.clustering
    kept = {name: array for name, array in made.stored.items() if not name.startswith("strangers_")}
    index = finder._collection.index
    state.put_in_force(index, replace(made, stored=kept))
    report = finder.add(draw(tmp_path / "odd", 9, range(30))).clusters
    assert report is not None and (report.assigned, report.unassigned, report.far) == (30, 0, 30)
    assert report.advice is not None and "fit no cluster" in report.advice


def test_an_exported_model_leaves_them_out_too(finder: ImageFinder, tmp_path: Path) -> None:
    from imagefinder import assign_images

    finder.clusters.export_model(tmp_path / "model")
    rows, _ = assign_images(tmp_path / "model", [str(draw(tmp_path / "odd", 9, range(5)))])
    assert [(row["cluster"], row["name"]) for row in rows] == [(-1, None)] * 5

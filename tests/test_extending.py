"""docs/extending.md: its examples do what it says, its files exist."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from command import run_cli
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.cli import cli
from imagefinder.client import Client
from imagefinder.clusters.algorithms.methods import METHODS
from imagefinder.index.folder import Index
from imagefinder.models import registry
from imagefinder.server import app
from imagefinder.server.jobs.kinds import JOBS
from imagefinder.store.filters.parse import parse
from imagefinder.store.stores import STORES

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "imagefinder"
PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
PICTURES = ROOT / "examples" / "images"


def example(heading: str, language: str = "python") -> str:
    """The first block of code below a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.search(rf"^```{language}\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert found, f"there is no example below {heading}"
    return found[1]


def run(heading: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An example as a module of its own."""
    module = ModuleType("example")
    monkeypatch.setitem(sys.modules, "example", module)
    exec(compile(example(heading), f"docs/extending.md, {heading}", "exec"), vars(module))
    return module


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of an example, with some pictures in it."""
    (tmp_path / "pictures").mkdir()
    for path in sorted(PICTURES.rglob("*.jpg"))[::8]:
        shutil.copy(path, tmp_path / "pictures")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def samples(sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Path:
    return copy_index(sample_index, tmp_path / "my-index")


def test_a_model(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    made = run("A model", monkeypatch)
    with ImageFinder.open("colour-index") as finder:
        assert finder.models == ["mean-colour"] and len(finder) == len(list((home / "pictures").iterdir()))
    assert len(made.hits) > 2 and made.hits.space == "mean-colour"


def test_models_of_your_own_in_the_page_of_the_library(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    page = (ROOT / "docs" / "library.md").read_text("utf-8")
    monkeypatch.setattr(sys.modules[__name__], "PAGE", page)
    made = run("Models of your own", monkeypatch)
    shares = {}
    for hit in made.hits:
        red, green, blue = np.asarray(Image.open(hit.uri).convert("RGB"), float).mean(axis=(0, 1))
        shares[hit.rank] = red / np.linalg.norm([red, green, blue])
    assert len(shares) == 3 and min(shares.values()) > 0.55 and shares[1] > shares[3] - 0.02


def test_a_store(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STORES, "counting", STORES["exact"])
    made = run("A store", monkeypatch)
    with ImageFinder(Index(home / "index", store="counting"), model="fast") as finder:
        finder.add(home / "pictures")
        assert made.CountingStore.queries == 0
        assert len(finder.search("a shoe", k=2)) == 2
        assert made.CountingStore.queries == 1


def test_a_clusterer(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "sign", METHODS["kmeans"])
    run("A clusterer", monkeypatch)
    with ImageFinder.open(samples) as finder:
        made = finder.cluster(method="sign", settings={"bits": 3}, stability=0)
        ids, vectors = finder.vectors()
        expected: dict[str, set[str]] = {}
        for id, row in zip(ids, vectors[:, :3] > 0, strict=True):
            expected.setdefault(str(row), set()).add(id)
        found = [{record.id for record in finder.clusters.members(cluster.label)} for cluster in made.clusters]
        assert len(found) > 4 and sorted(map(sorted, found)) == sorted(map(sorted, expected.values()))


def test_a_query_kind(samples: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hits = run("A query kind", monkeypatch).hits
    assert [hit.rank for hit in hits] == [1, 2, 3] and "+" in hits.space


def test_a_job(
    samples: Path, serving: Callable[..., AbstractContextManager[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(JOBS, "tag-large", JOBS["pca"])
    run("A job", monkeypatch)
    with ImageFinder.open(samples) as finder, serving(finder) as url, Client(url) as client:
        large = [r.id for r in finder.records() if r.width * r.height >= 90_000]
        job = client.run_job("tag-large", pixels=90_000)
        assert job.title == "Tagging large images" and job.result == {"large": len(large)}
        assert [r.id for r in finder.records("tags = large")] == large


def test_a_route(
    samples: Path, serving: Callable[..., AbstractContextManager[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    made = run("A route", monkeypatch)
    monkeypatch.setattr(app, "ROUTERS", (made.router, *app.ROUTERS))
    with ImageFinder.open(samples) as finder, serving(finder, read_only=True) as url:
        sizes = sorted((r.bytes for r in finder.records()), reverse=True)
        told = httpx.get(f"{url}v1/largest", params={"k": 2}).json()
        assert told["total"] == len(finder) and [row["bytes"] for row in told["largest"]] == sizes[:2]
        assert httpx.get(f"{url}v1/largest", params={"k": "many"}).json()["error"]["code"]


def test_a_command(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = run("A command", monkeypatch)
    monkeypatch.setitem(cli.commands, "largest", made.largest)
    done = run_cli("largest", "2", "--json", "--index", samples)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    with ImageFinder.open(samples) as finder:
        assert [first["bytes"], second["bytes"]] == sorted((r.bytes for r in finder.records()), reverse=True)[:2]


def test_a_page_view_uses_what_the_page_has() -> None:
    """Each name that the example imports is exported where it says; each place of the page is served."""
    views = PACKAGE / "server" / "page" / "js" / "views"
    imported = re.findall(r'^import \{ (.+?) \} from "(.+?)";$', example("A page view", "js"), re.MULTILINE)
    assert len(imported) == 5
    for names, path in imported:
        module = (views / path).read_text("utf-8")
        for name in names.split(", "):
            assert re.search(rf"export (?:const|function|class|\{{.*)\s*{name}\b|\bas {name}\b", module), (name, path)
    (filter,) = re.findall(r'filter: "(.+?)"', example("A page view", "js"))
    assert parse(filter)
    shell = (PACKAGE / "server" / "page" / "js" / "shell.js").read_text("utf-8")
    shown = re.findall(r'\{ path: "(.+?)", name', shell)
    assert shown == [place for place in app.PLACES if "{" not in place]


def named() -> dict[str, Any]:
    """The files that the page names in running text, without those that stand for others."""
    prose = re.sub(r"^```\w*\n.*?^```$", "", PAGE, flags=re.DOTALL | re.MULTILINE)
    paths = re.findall(r"`([\w./-]+\.(?:py|js|json|html|css|md))`", prose)
    return dict.fromkeys(path for path in paths if "NAME" not in path)


@pytest.mark.parametrize("path", named())
def test_the_files_it_names_exist(path: str) -> None:
    assert (PACKAGE / path).is_file() or (ROOT / path).is_file()


def test_the_table_lists_every_recipe() -> None:
    recipes = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert re.findall(r"^\| \[(.+?)\]", PAGE, re.MULTILINE) == [name[0].lower() + name[1:] for name in recipes]

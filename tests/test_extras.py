"""Without its optional packages ImageFinder works, and what needs one of them says which command brings it."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imagefinder import ImageFinder
from imagefinder._util.extras import EXTRAS, PURPOSES, missing_modules, require
from imagefinder.cli import main
from imagefinder.clusters.export import write_table
from imagefinder.errors import MissingExtraError
from imagefinder.images.tables import read_rows
from imagefinder.maps.projections import project
from imagefinder.plots.scatter import plot_scatter
from imagefinder.plots.table import write_parquet

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a plain install: no package of any extra can be found or imported."""
    for module in {module for modules in EXTRAS.values() for module in modules}:
        monkeypatch.setitem(sys.modules, module, None)


@pytest.fixture(scope="module")
def clustered(
    sample_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Path:
    """The sample images in clusters; nobody changes it."""
    home = copy_index(sample_index, tmp_path_factory.mktemp("clustered") / "index")
    with ImageFinder.open(home) as finder:
        finder.cluster(2, method="kmeans")
    return home


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[object, str, str]]:
    """``run("map", ...)`` is the exit code, stdout and stderr of that command."""

    def call(*arguments: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["imagefinder", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return call


NAMES = {
    "umap-learn": "umap",
    "opentelemetry-sdk": "opentelemetry.sdk",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter.otlp.proto.http",
}


def modules_of(requirements: list[str]) -> set[str]:
    """The modules that these requirements bring, our own extras followed."""
    found = set()
    for name in (re.split(r"[<>=;]", requirement)[0] for requirement in requirements):
        own = re.fullmatch(r"imagefinder\[(.*)\]", name)
        if own:
            found |= {m for extra in own[1].split(",") for m in modules_of(PROJECT["optional-dependencies"][extra])}
        else:
            found.add(NAMES.get(name, name.partition("[")[0].replace("-", "_")))
    return found


def test_the_extras_are_those_of_the_project() -> None:
    declared = PROJECT["optional-dependencies"]
    assert set(EXTRAS) == set(PURPOSES) == set(declared) - {"all", "dev"}
    for extra, modules in EXTRAS.items():
        assert set(modules) == modules_of(declared[extra]), extra
        assert not set(modules) & modules_of(PROJECT["dependencies"])
    assert modules_of(declared["all"]) == {
        m for extra in EXTRAS if extra not in ("train", "ray") for m in EXTRAS[extra]
    }
    assert modules_of(declared["all"]) <= modules_of(declared["dev"])


def test_what_is_there_is_not_missing() -> None:
    require("maps")
    assert missing_modules("plots") == []


@pytest.mark.parametrize(
    ("extra", "work"),
    [
        ("maps", lambda folder: project(np.eye(20, dtype=np.float32), "umap")),
        ("maps", lambda folder: project(np.eye(20, dtype=np.float32), "pacmap")),
        ("plots", lambda folder: plot_scatter(np.eye(2, dtype=np.float32), path=folder / "map.png")),
        ("parquet", lambda folder: write_parquet([], folder / "map.parquet")),
        ("parquet", lambda folder: write_table([], folder / "clusters.parquet")),
        ("parquet", lambda folder: list(read_rows(folder / "table.parquet"))),
    ],
)
def test_the_library_names_the_command(extra: str, work: Callable[[Path], object], plain: None, tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match="not installed") as caught:
        work(tmp_path)
    assert isinstance(caught.value, ImportError)
    assert caught.value.remedy == f"Install it with: pip install 'imagefinder[{extra}]'"
    assert not list(tmp_path.iterdir())


def test_a_map_is_refused_before_anything_is_computed(
    plain: None, sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]
) -> None:
    told: list[object] = []
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder, pytest.raises(MissingExtraError):
        finder.map("umap", progress=told.append)
    assert told == []


@pytest.mark.parametrize(
    ("command", "module", "extra"),
    [
        (("map", "--method", "umap"), "umap", "maps"),
        (("map", "--method", "pacmap"), "pacmap", "maps"),
        (("map", "--out", "map.svg"), "matplotlib", "plots"),
        (("map", "--out", "map.parquet"), "pyarrow", "parquet"),
        (("pca", "--plot", "pca.png"), "matplotlib", "plots"),
        (("choose-k", "--plot", "k.png"), "matplotlib", "plots"),
        (("export", "clusters", "--out", "c.parquet"), "pyarrow", "parquet"),
        (("index", "table.parquet"), "pyarrow", "parquet"),
        (("train", "autoencoder"), "torch", "train"),
    ],
)
def test_the_command_line_names_the_command(
    command: tuple[str, ...],
    module: str,
    extra: str,
    plain: None,
    run: Callable[..., tuple[object, str, str]],
    clustered: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "table.parquet").write_bytes(b"PAR1")
    code, out, err = run(*command, "--index", clustered, "--json")
    assert code == 3
    assert f"needs {module}" in err and f"pip install 'imagefinder[{extra}]'" in err
    assert f"imagefinder[{extra}]" in json.loads(out)["error"]["remedy"]
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]


def test_doctor_says_what_is_missing_and_that_all_is_well(
    plain: None, run: Callable[..., tuple[object, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def extras() -> dict[str, object]:
        code, out, _ = run("doctor", "--index", tmp_path / "index", "--json")
        assert code == 0
        (check,) = (check for check in json.loads(out)["checks"] if check["name"] == "extras")
        return dict(check)

    check = extras()
    assert check["ok"] and str(check["found"]).startswith(
        "none; not installed: buckets (images in buckets), jxl (JPEG XL), maps (UMAP and PaCMAP maps), ocr"
    )
    assert check["remedy"] == "Add one with: pip install 'imagefinder[buckets]'"
    monkeypatch.setattr("imagefinder._util.extras.find_spec", lambda name: name)
    assert extras() == {"name": "extras", "ok": True, "found": ", ".join(EXTRAS), "remedy": ""}

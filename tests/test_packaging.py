"""The wheel, installed in an empty environment, is the whole program."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "examples" / "images"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(ROOT)], check=True)
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_the_models_and_their_licences_and_no_examples(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for model in ("efficientnet-lite2", "efficientnet-lite0", "minilm-l6-v2"):
        assert f"imagefinder/models/bundled/{model}/model.int8.onnx" in names
    assert {"imagefinder/py.typed", "imagefinder/models/yardstick.onnx"} <= names
    assert any(name.endswith("THIRD_PARTY_NOTICES.md") for name in names)
    assert not [name for name in names if "examples" in name or name.startswith(("tests", "tools", "benchmarks"))]
    assert wheel.stat().st_size < 45_000_000


def test_the_installed_wheel_indexes_and_searches(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    scripts = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [scripts / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    subprocess.run([*pip, str(wheel)], check=True)

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        words = [str(scripts / "imagefinder"), *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)

    index = tmp_path / "index"
    report = json.loads(run("index", SAMPLES / "food", SAMPLES / "vehicles", "--index", index, "--json").stdout)
    assert report["added"] == len(list((SAMPLES / "food").iterdir())) + len(list((SAMPLES / "vehicles").iterdir()))
    answer = json.loads(run("search", "fruit", "--index", index, "-k", "3", "--json").stdout)
    assert [Path(h["uri"]).parent.name for h in answer["hits"]] == ["food"] * 3
    assert json.loads(run("doctor", "--index", index, "--json").stdout)["ok"]
    assert run("map", "--index", index, "--out", tmp_path / "map.html").returncode == 0
    refused = run("map", "--index", index, "--method", "umap")
    assert refused.returncode == 3 and "pip install 'imagefinder[maps]'" in refused.stderr
    demo = run("demo")
    assert demo.returncode == 3
    assert "examples/images" in demo.stderr

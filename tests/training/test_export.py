"""Graphs, names and folders of trained models."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder.errors import ImageFinderError, InvalidInputError, ModelError, StorageError
from imagefinder.models.spec import ModelSpec
from imagefinder.training import export
from imagefinder.training.export import Graph, add_transform, check_parity, free_name, keep_model
from imagefinder.vectors.transform import LinearTransform


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 5), st.integers(1, 6), st.integers(1, 4), st.booleans())
def test_a_transform_in_a_graph_is_the_transform(n: int, dim: int, out: int, project: bool) -> None:
    random = np.random.default_rng(n)
    axes = random.standard_normal((dim, out), np.float32) if project else None
    transform = LinearTransform(random.standard_normal(dim, np.float32), axes)
    rows = random.standard_normal((n, dim), np.float32)
    rows[:1] = 0
    graph = Graph({"rows": dim})
    model = graph.model({"found": (add_transform(graph, "rows", transform), transform.dim_out)})
    assert check_parity(model, {"rows": rows}, {"found": transform.apply(rows)}) < 1e-4


def doubling() -> Any:
    graph = Graph({"rows": 3})
    return graph.model({"found": (graph.op("Add", "rows", "rows"), 3)})


def test_a_graph_that_gives_something_else_is_noticed(tmp_path: Path) -> None:
    rows = np.ones((2, 3), np.float32)
    assert check_parity(doubling(), {"rows": rows}, {"found": 2 * rows}) == 0
    for wrong, message in (
        (2.1 * rows, "differs"),
        (np.ones((2, 4), np.float32), "shape|gives"),
        (rows * np.nan, "nan"),
    ):
        with pytest.raises(ModelError, match=message):
            check_parity(doubling(), {"rows": rows}, {"found": wrong})
    with pytest.raises(ModelError, match="does not run"):
        check_parity(doubling(), {"rows": np.ones((2, 4), np.float32)}, {"found": rows})
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="does not run"):
        check_parity(tmp_path / "broken.onnx", {}, {"found": rows})


def spec(name: str = "mine", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "alias": name,
        "title": "",
        "licence": "",
        "source": "",
        "image": {"file": "model.onnx", "outputs": {"image": "found"}},
        "spaces": {"image": {"dim": 3, "transform": "center"}},
        "base": {"model": "default", "fingerprint": "x", "inputs": {"rows": "image"}},
        **more,
    }


def test_a_kept_model_is_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "curve.png").write_bytes(b"a picture")
    files = {"model.onnx": doubling(), "curve.png": tmp_path / "curve.png"}
    kept = keep_model(tmp_path, spec(), files)
    loaded = ModelSpec.load(kept)
    loaded.verify()
    assert kept == tmp_path / "models" / "mine" and set(loaded.files) == set(files)
    assert loaded.files["curve.png"] == hashlib.sha256(b"a picture").hexdigest()
    assert not (tmp_path / "training" / "mine").exists()


def test_a_wrong_description_keeps_nothing(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        keep_model(tmp_path, spec(spaces={}), {"model.onnx": doubling()})
    assert not (tmp_path / "models").exists()


def test_an_interruption_leaves_no_half_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = export._write
    for stop in ("model.onnx", "spec.json"):

        def interrupted(path: Path, content: Any, stop: str = stop) -> None:
            if path.name == stop:
                raise KeyboardInterrupt
            write(path, content)

        monkeypatch.setattr(export, "_write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            keep_model(tmp_path, spec(), {"model.onnx": doubling()})
        assert not list((tmp_path / "models").glob("*"))
    monkeypatch.setattr(export, "_write", write)
    assert json.loads((keep_model(tmp_path, spec(), {"model.onnx": doubling()}) / "spec.json").read_text())["files"]


def test_a_folder_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "training").write_text("in the way")
    with pytest.raises(StorageError, match="can't be written"):
        keep_model(tmp_path, spec(), {"model.onnx": doubling()})


def test_names_are_free_and_well_formed(tmp_path: Path) -> None:
    (tmp_path / "models" / "adapter").mkdir(parents=True)
    assert free_name(tmp_path, None, "adapter", taken=["adapter-2"]) == "adapter-3"
    assert free_name(tmp_path, None, "words") == "words"
    assert free_name(tmp_path, "my.best_one-2", "words") == "my.best_one-2"
    with pytest.raises(InvalidInputError, match="already"):
        free_name(tmp_path, "adapter", "words")
    for name in ("", "Mine", "../x", "a b", "-x", "x" * 65):
        with pytest.raises(ImageFinderError, match="no name"):
            free_name(tmp_path, name, "words")

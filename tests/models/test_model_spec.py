"""``spec.json``: read strictly, checked against the files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagefinder.errors import ModelError
from imagefinder.models.registry import BUNDLED, list_models, load_model
from imagefinder.models.spec import ModelSpec

NAME = "efficientnet-lite0"
CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "unknown key": lambda d: d.update(colour="red"),
    "missing key": lambda d: d.pop("licence"),
    "unknown key of a space": lambda d: d["spaces"]["image"].update(metric="cosine"),
    "missing key of the preprocess": lambda d: d["preprocess"].pop("size"),
    "unknown transform": lambda d: d["spaces"]["image"].update(transform="whiten"),
    "dim that is no number": lambda d: d["spaces"]["image"].update(dim="1280"),
    "text in a space that is not there": lambda d: d["text"].update(space="sounds"),
    "spaces of the wrong type": lambda d: d.update(spaces=[]),
    "a resize that is not there": lambda d: d["preprocess"].update(resize="stretch"),
    "a resize to nothing": lambda d: d["preprocess"].update(size=[0, 0]),
    "a half squash to what is no square": lambda d: d["preprocess"].update(size=[224, 260]),
    "no preprocess and no base": lambda d: d.pop("preprocess"),
    "a text of no kind": lambda d: d["text"].update(kind="telepathy"),
    "a text without its tower": lambda d: d["text"].pop("tower"),
    "a name that is a path": lambda d: d.update(name="../model"),
    "temperature of zero": lambda d: d["text"].update(temperature=0),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A model's folder that a test may spoil, with the text tower beside it."""
    for name in (NAME, "minilm-l6-v2"):
        shutil.copytree(BUNDLED / name, tmp_path / name)
    return tmp_path / NAME


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_wrong_description_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads((BUNDLED / NAME / "spec.json").read_text("utf-8"))
    change(data)
    (tmp_path / "spec.json").write_text(json.dumps(data), "utf-8")
    with pytest.raises(ModelError, match=r"spec\.json"):
        ModelSpec.load(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{", "null"])
def test_a_damaged_description_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "spec.json").write_text(content, "utf-8")
    with pytest.raises(ModelError):
        ModelSpec.load(tmp_path)


def test_every_bundled_file_has_its_checksum() -> None:
    for spec in list_models():
        spec.verify()
        assert spec.text_space == "words"
        assert {name: space.dim for name, space in spec.spaces.items()} == {"image": 1280, "words": 384}
        assert all(spec.prior(name).shape == (space.dim,) for name, space in spec.spaces.items())


def test_one_changed_byte_is_found(copy: Path) -> None:
    model = copy / "model.int8.onnx"
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    model.write_bytes(data)
    with pytest.raises(ModelError, match=r"model\.int8\.onnx"):
        ModelSpec.load(copy).verify()


def test_a_missing_file_is_found(copy: Path) -> None:
    (copy.parent / "minilm-l6-v2" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        ModelSpec.load(copy).verify()


def test_the_fingerprint_follows_what_makes_the_vectors(copy: Path) -> None:
    before = ModelSpec.load(copy).fingerprint
    data = json.loads((copy / "spec.json").read_text("utf-8"))

    def fingerprint(**changes: object) -> str:
        (copy / "spec.json").write_text(json.dumps(data | changes), "utf-8")
        return ModelSpec.load(copy).fingerprint

    assert fingerprint(title="Another title") == before
    assert fingerprint(preprocess={"resize": "half_squash", "size": [240, 240]}) != before
    assert fingerprint(files=data["files"] | {"model.int8.onnx": "0" * 64}) != before


# --- checksums ----------------------------------------------------------------------------------------------------


def test_a_model_in_an_index_is_compared_with_its_checksums_whenever_it_is_loaded(copy: Path) -> None:
    load_model(NAME, extra=[copy.parent])
    graph = copy / "model.int8.onnx"
    data, before = bytearray(graph.read_bytes()), graph.stat()
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)
    os.utime(graph, ns=(before.st_atime_ns, before.st_mtime_ns))  # nothing but its content tells
    (copy / ".checked.json").write_text(  # a note of whoever made the index that all was well
        json.dumps(
            {
                name: [(copy / name).stat().st_size, (copy / name).stat().st_mtime_ns]
                for name in ModelSpec.load(copy).files
            }
        )
    )
    with pytest.raises(ModelError, match="SHA-256"):
        load_model(NAME, extra=[copy.parent], threads=1)


def test_a_graph_without_a_checksum_is_not_run(copy: Path) -> None:
    data = json.loads((copy / "spec.json").read_text("utf-8"))
    del data["files"]["model.int8.onnx"]
    (copy / "spec.json").write_text(json.dumps(data), "utf-8")
    with pytest.raises(ModelError, match="no checksum"):
        load_model(NAME, extra=[copy.parent])


OUTSIDE = (
    "../x.onnx",
    "/etc/passwd",
    "a/../../x.onnx",
    "C:/x.onnx",
    r"..\x.onnx",
    r"\\host\x.onnx",
    "../minilm-l6-v3/x",
)


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_file_of_a_model_lies_outside_its_folder(copy: Path, name: str) -> None:
    whole = json.loads((copy / "spec.json").read_text("utf-8"))
    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda d: d["image"].update(file=name),
        lambda d: d["files"].update({name: "0" * 64}),
        lambda d: d["text"].update(tower=name),
        lambda d: d["text"].update(tokenizer=name),
    ]
    for change in changes:
        data = json.loads(json.dumps(whole))
        change(data)
        (copy / "spec.json").write_text(json.dumps(data), "utf-8")
        with pytest.raises(ModelError, match="outside its folder"):
            ModelSpec.load(copy)

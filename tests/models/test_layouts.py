"""From the files of a published model to its spec."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_graphs import (
    CLIP_PROCESSOR,
    SIZE,
    classifier_graph,
    clip_repository,
    external_graph,
    full_length_graph,
    image_graph,
    immich_repository,
    joint_graph,
    text_graph,
    tokens_graph,
)

from imagefinder.errors import ModelError, NotFoundError
from imagefinder.models.layouts import choose_files
from imagefinder.models.registry import find_spec, load_model
from imagefinder.models.spec import ModelSpec


def write(folder: Path, files: Mapping[str, bytes | str]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def described(folder: Path, files: Mapping[str, bytes | str]) -> ModelSpec:
    return find_spec(f"onnx:{write(folder, files)}")


def with_processor(graph: bytes, **config: Any) -> dict[str, bytes | str]:
    return {
        "model.onnx": graph,
        "preprocessor_config.json": json.dumps(CLIP_PROCESSOR),
        "config.json": json.dumps(config),
    }


@pytest.mark.parametrize(
    ("paths", "wanted", "image", "text"),
    [
        ("onnx/model onnx/vision_model onnx/text_model", None, "onnx/vision_model", "onnx/text_model"),
        (
            "onnx/vision_model onnx/vision_model_fp16 onnx/text_model",
            "fp16",
            "onnx/vision_model_fp16",
            "onnx/text_model",
        ),
        (
            "onnx/vision_model_int8 onnx/text_model_int8 onnx/text_model",
            "onnx/vision_model_int8.onnx",
            "onnx/vision_model_int8",
            "onnx/text_model_int8",
        ),
        ("onnx/model onnx/model_quantized", "quantized", "onnx/model_quantized", None),
        ("visual/model textual/model", None, "visual/model", "textual/model"),
        ("resnet50-v1-12", None, "resnet50-v1-12", None),
        ("a/one a/two", "two.onnx", "a/two", None),
    ],
)
def test_the_graphs_are_found(paths: str, wanted: str | None, image: str, text: str | None) -> None:
    found = choose_files([f"{path}.onnx" for path in paths.split()] + ["README.md"], wanted)
    assert found.image == f"{image}.onnx"
    assert found.text == (text and f"{text}.onnx")


@pytest.mark.parametrize(
    ("paths", "wanted"), [(["a.onnx", "b.onnx"], None), (["model.onnx"], "fp16"), (["x.bin"], None)]
)
def test_what_is_not_there_is_told_with_what_is(paths: list[str], wanted: str | None) -> None:
    with pytest.raises(NotFoundError, match=r"a\.onnx, b\.onnx|model\.onnx|none"):
        choose_files(paths, wanted)


def test_a_clip_gives_one_space_for_pictures_and_words(tmp_path: Path) -> None:
    spec = described(tmp_path / "clip", clip_repository())
    assert spec.name == "clip"
    assert spec.image.outputs == {"image": "image_embeds"}
    assert spec.spaces["image"].dim == 8 and spec.text_space == "image"
    assert spec.text is not None
    assert (spec.text.length, spec.text.pad, spec.text.pad_token) == (16, False, "[PAD]")
    assert sorted(spec.files) == ["onnx/text_model.onnx", "onnx/vision_model.onnx", "tokenizer.json"]
    model = load_model(f"onnx:{tmp_path / 'clip'}")
    assert model.embed_texts(["red", "a photo of blue"]).shape == (2, 8)
    picture = model.preprocess(Image.new("RGB", (50, 41), "red"))
    assert picture.shape == (SIZE, SIZE, 3)
    assert model.embed_images(np.stack([picture, picture]))["image"].shape == (2, 8)


def test_one_graph_for_pictures_and_words(tmp_path: Path) -> None:
    files = {name: data for name, data in clip_repository().items() if not name.startswith("onnx/")}
    spec = described(tmp_path / "clip", {**files, "onnx/model.onnx": joint_graph()})
    assert spec.text is not None and spec.text.file == spec.image.file == "onnx/model.onnx"
    model = load_model(f"onnx:{tmp_path / 'clip'}")
    assert model.embed_texts(["red"]).shape == (1, 8)
    assert model.embed_images(np.zeros((3, SIZE, SIZE, 3), np.uint8))["image"].shape == (3, 8)


def test_a_text_graph_that_wants_full_length_gets_it(tmp_path: Path) -> None:
    files = clip_repository()
    text = described(tmp_path / "clip", files | {"onnx/text_model.onnx": full_length_graph()}).text
    assert text is not None and text.pad
    assert load_model(f"onnx:{tmp_path / 'clip'}").embed_texts(["red", "a photo of blue"]).shape == (2, 8)
    with pytest.raises(ModelError, match="dimensions"):
        described(tmp_path / "other", files | {"onnx/text_model.onnx": text_graph(12)})


def test_a_model_of_timm(tmp_path: Path) -> None:
    timm = {
        "input_size": [3, SIZE, SIZE],
        "interpolation": "bicubic",
        "crop_pct": 0.9,
        "mean": [0.5] * 3,
        "std": [0.5] * 3,
    }
    files = with_processor(image_graph()) | {"preprocessor_config.json": json.dumps({"pretrained_cfg": timm})}
    wanted = described(tmp_path / "timm", files).preprocess
    assert wanted is not None
    assert (wanted.resize, wanted.edge, wanted.size, wanted.resample) == ("shortest_edge", 35, (SIZE, SIZE), "bicubic")
    for wrong in ({"crop_mode": "border"}, {"mean": None}, {"input_size": [3, 32, 64]}, {"interpolation": "random"}):
        bad = json.dumps({"pretrained_cfg": timm | wrong})
        with pytest.raises(ModelError, match="pretrained_cfg"):
            described(tmp_path / "wrong", files | {"preprocessor_config.json": bad})


def test_an_open_clip_of_immich(tmp_path: Path) -> None:
    spec = described(tmp_path / "immich", immich_repository())
    assert spec.preprocess is not None and spec.preprocess.resize == "squash"
    assert spec.text is not None
    assert (spec.text.length, spec.text.pad, spec.text.clean) == (12, True, True)
    assert load_model(f"onnx:{tmp_path / 'immich'}").embed_texts(["Red!", "red"]).shape == (2, 8)


def test_siglip_pads_and_lowercases(tmp_path: Path) -> None:
    files = clip_repository() | {"config.json": json.dumps({"model_type": "siglip2"})}
    text = described(tmp_path / "siglip", files).text
    assert text is not None and text.pad and text.lowercase and not text.clean


@pytest.mark.parametrize("softmax", [False, True])
def test_of_a_classifier_the_layer_before_is_taken(tmp_path: Path, softmax: bool) -> None:
    spec = described(tmp_path / "net", with_processor(classifier_graph(8, softmax=softmax, output="out")))
    assert spec.image.outputs == {"image": "features"}
    assert spec.spaces["image"].dim == 8
    assert spec.spaces["image"].transform == "pca"


@pytest.mark.parametrize(
    ("kind", "pooling"), [("vit", "cls"), ("dinov2", "cls"), ("dinov3_vit", "cls"), ("siglip_vision_model", "mean")]
)
def test_tokens_become_one_vector_as_the_family_has_it(tmp_path: Path, kind: str, pooling: str) -> None:
    spec = described(tmp_path / kind, with_processor(tokens_graph(6), model_type=kind))
    assert (spec.image.outputs["image"], spec.image.pooling) == ("last_hidden_state", pooling)
    assert spec.spaces["image"].dim == 6


def test_the_axes_are_read_from_the_graph(tmp_path: Path) -> None:
    nhwc = described(tmp_path / "nhwc", with_processor(image_graph(layout="NHWC", batch=1)))
    nchw = described(tmp_path / "nchw", with_processor(image_graph()))
    assert nhwc.preprocess and nchw.preprocess
    assert (nhwc.preprocess.layout, nchw.preprocess.layout) == ("NHWC", "NCHW")
    picture = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    one = load_model(f"onnx:{tmp_path / 'nhwc'}").embed_images(picture)["image"]
    other = load_model(f"onnx:{tmp_path / 'nchw'}").embed_images(picture)["image"]
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_weights_beside_the_graph_belong_to_it(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    files = with_processor(b"") | external_graph(tmp_path / "made")
    spec = described(tmp_path / "net", files)
    assert sorted(spec.files) == ["model.onnx", "model.onnx_data"]
    (tmp_path / "net" / "model.onnx_data").unlink()
    with pytest.raises(NotFoundError, match=r"model\.onnx_data"):
        find_spec(f"onnx:{tmp_path / 'net'}")


def test_an_onnx_file_is_named_outright(tmp_path: Path) -> None:
    write(tmp_path / "clip", clip_repository())
    spec = find_spec(f"onnx:{tmp_path / 'clip' / 'onnx' / 'vision_model_quantized.onnx'}")
    assert spec.image.file == "onnx/vision_model_quantized.onnx"
    assert spec.text is not None and spec.text.file == "onnx/text_model_quantized.onnx"


def test_a_model_is_described_once_and_again_when_a_file_changes(tmp_path: Path) -> None:
    first = described(tmp_path / "net", with_processor(image_graph()))
    assert find_spec(f"onnx:{tmp_path / 'net'}") is first
    assert described(tmp_path / "net", with_processor(image_graph(12))).spaces["image"].dim == 12


def test_a_spec_by_hand_wins(tmp_path: Path) -> None:
    spec = described(tmp_path / "net", with_processor(classifier_graph(8, output="out")))
    data = spec.to_dict()
    data["name"] = data["alias"] = "mine"
    data["image"] = {"file": "model.onnx", "input": "data", "outputs": {"image": "block5_pool"}, "pooling": "mean"}
    (tmp_path / "net" / "spec.json").write_text(json.dumps(data), "utf-8")
    model = load_model(f"onnx:{tmp_path / 'net'}")
    assert model.spec.name == "mine"
    assert model.embed_images(np.zeros((2, SIZE, SIZE, 3), np.uint8))["image"].shape == (2, 8)


NOT_A_GRAPH: dict[str, bytes] = {
    "nothing": b"",
    "text": b"version https://git-lfs.github.com/spec/v1\n",
    "noise": bytes(99),
}


@pytest.mark.parametrize("data", NOT_A_GRAPH.values(), ids=NOT_A_GRAPH)
def test_a_file_that_is_no_graph_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ModelError, match=r"model\.onnx is no ONNX graph"):
        described(tmp_path / "net", with_processor(data))


def test_what_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    files = with_processor(image_graph())
    del files["preprocessor_config.json"]
    with pytest.raises(ModelError, match=r"spec\.json"):
        described(tmp_path / "bare", files)
    with pytest.raises(ModelError, match=r"\(64, 64\)|pictures of"):
        other = json.dumps(CLIP_PROCESSOR | {"crop_size": 64, "size": {"shortest_edge": 64}})
        described(tmp_path / "size", with_processor(classifier_graph()) | {"preprocessor_config.json": other})
    with pytest.raises(ModelError, match=r"preprocessor_config\.json"):
        described(tmp_path / "damaged", with_processor(image_graph()) | {"preprocessor_config.json": "{"})
    with pytest.raises(NotFoundError, match="no file or folder"):
        find_spec(f"onnx:{tmp_path / 'nowhere'}")

"""What a model makes of the parts of a picture: found in its graph, and placed on the picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx_graphs import graph, spec
from PIL import Image

from imagefinder.models.onnx import OnnxEmbedder
from imagefinder.models.preprocess import prepare, seen_box
from imagefinder.models.prune import find_map
from imagefinder.models.registry import find_spec, load_model
from imagefinder.models.session import Session
from imagefinder.models.spec import Preprocess


@pytest.mark.parametrize("name", ["default", "fast"])
def test_a_graph_in_two_gives_what_it_gives_whole(name: str, make_image: Callable[..., Image.Image]) -> None:
    model, about = load_model(name), find_spec(name)
    path, outputs = about.folder / about.image.file, list(about.image.outputs.values())
    map = find_map(path, outputs)
    assert map is not None
    batch = np.stack([model.preprocess(make_image(i, (300, 260))) for i in range(3)])
    front, back = Session(path, outputs=[map]), Session(path, outputs=outputs, given=map)
    (features,) = front.run([map], {"pixels": batch})
    assert features.ndim == 4
    for half, whole in zip(
        back.run(outputs, {map: features}), Session(path).run(outputs, {"pixels": batch}), strict=True
    ):
        np.testing.assert_allclose(half, whole, rtol=1e-4, atol=1e-4)


def model_of(folder: Path, made: onnx.ModelProto, **changes: Any) -> OnnxEmbedder:
    onnx.save(made, str(folder / "model.onnx"))
    return OnnxEmbedder(spec(folder, **changes))


KERNEL = np.zeros((4, 3, 2, 2), np.float32)
KERNEL[0, 0], KERNEL[1, 1], KERNEL[2, 2], KERNEL[3] = 0.25, 0.25, 0.25, 1 / 12
CONV = ("Conv", ["x", "k"], ["map"], {"strides": [2, 2]})
PICTURES = {"x": ("FLOAT", ["n", 3, 8, 8])}


def corner() -> Image.Image:
    """8 x 8 pixels, the top left quarter red, the rest blue."""
    picture = Image.new("RGB", (8, 8), (0, 0, 255))
    picture.paste((255, 0, 0), (0, 0, 4, 4))
    return picture


def check_red(model: OnnxEmbedder) -> None:
    """A quarter of the picture is red. Hidden are two or three cells a side, which then have the mean, a quarter."""
    found = model.embed_without_parts(corner())
    assert found is not None and found.box == (0, 0, 1, 1) and (found.rows, found.columns) == (4, 4)
    assert found.down == found.across == (1 / 8, 1 / 4)
    whole, *rest = found.vectors["image"][:, 0]
    sides = {0: (2, 2), 1: (2, 3), 2: (1, 3), 3: (0, 2)}  # how many of the cells hidden are red, and how many there are
    expected = [
        [(4 - sides[i][0] * sides[j][0] + 0.25 * sides[i][1] * sides[j][1]) / 16 for j in range(4)] for i in range(4)
    ]
    assert whole == pytest.approx(0.25, abs=1e-5)
    np.testing.assert_allclose(np.reshape(rest, (4, 4)), expected, atol=1e-5)


def test_a_convolutional_network_shows_its_parts(tmp_path: Path) -> None:
    nodes = [CONV, ("GlobalAveragePool", ["map"], ["p"], {}), ("Flatten", ["p"], ["y"], {})]
    check_red(model_of(tmp_path, graph(PICTURES, nodes, {"y": ("FLOAT", ["n", 4])}, {"k": KERNEL})))


def test_the_mean_over_the_last_axes_is_a_pooling(tmp_path: Path) -> None:
    nodes = [CONV, ("ReduceMean", ["map"], ["y"], {"axes": [2, 3], "keepdims": 0})]
    check_red(model_of(tmp_path, graph(PICTURES, nodes, {"y": ("FLOAT", ["n", 4])}, {"k": KERNEL})))


def test_a_pooling_inside_a_block_is_not_the_last(tmp_path: Path) -> None:
    """As in networks that weight channels by their means (squeeze and excitation)."""
    nodes = [
        CONV,
        ("GlobalAveragePool", ["map"], ["mean"], {}),
        ("Sigmoid", ["mean"], ["gate"], {}),
        ("Mul", ["map", "gate"], ["gated"], {}),
        ("Relu", ["gated"], ["last"], {}),
        ("GlobalAveragePool", ["last"], ["p"], {}),
        ("Flatten", ["p"], ["y"], {}),
    ]
    onnx.save(graph(PICTURES, nodes, {"y": ("FLOAT", ["n", 4])}, {"k": KERNEL}), str(tmp_path / "model.onnx"))
    assert find_map(tmp_path / "model.onnx", ["y"]) == "last"


def patches(special: int) -> onnx.ModelProto:
    """(n, tokens, 4): ``special`` tokens that are the mean of all patches, then the patches."""
    nodes = [
        CONV,
        ("Reshape", ["map", "flat"], ["rows"], {}),
        ("Transpose", ["rows"], ["patches"], {"perm": [0, 2, 1]}),
        ("ReduceMean", ["patches"], ["mean"], {"axes": [1], "keepdims": 1}),
        ("Concat", [*["mean"] * special, "patches"], ["y"], {"axis": 1}),
    ]
    weights = {"k": KERNEL, "flat": np.array([0, 0, -1], np.int64)}
    return graph(PICTURES, nodes, {"y": ("FLOAT", ["n", 16 + special, 4])}, weights)


@pytest.mark.parametrize(("pooling", "special"), [("mean", 0), ("patch_mean", 1), ("mean", 1), ("mean", 5)])
def test_patches_of_a_transformer_are_its_parts(tmp_path: Path, pooling: str, special: int) -> None:
    image = {"file": "model.onnx", "outputs": {"image": "y"}, "pooling": pooling}
    check_red(model_of(tmp_path, patches(special), image=image))


def test_a_transformer_that_looks_through_one_token_shows_none(tmp_path: Path) -> None:
    image = {"file": "model.onnx", "outputs": {"image": "y"}, "pooling": "cls"}
    assert model_of(tmp_path, patches(1), image=image).embed_without_parts(corner()) is None


WAYS = [
    Preprocess("half_squash", (64, 64)),
    Preprocess("squash", (64, 64)),
    Preprocess("squash", (64, 64), edge=80),
    Preprocess("shortest_edge", (64, 64), edge=72),
    Preprocess("longest_edge", (64, 64)),
]


@given(way=st.sampled_from(WAYS), width=st.integers(90, 200), height=st.integers(90, 200))
def test_what_a_model_sees_lies_where_it_is_said_to(way: Preprocess, width: int, height: int) -> None:
    """Each pixel of a picture tells its own place, and the middle of what is seen is looked at through the model."""
    places = np.zeros((height, width, 3), np.uint8)
    places[..., 0] = np.linspace(0, 255, width).round()[None, :]
    places[..., 1] = np.linspace(0, 255, height).round()[:, None]
    seen = prepare(Image.fromarray(places), way)
    left, top, right, bottom = seen_box(width, height, way)
    for place in (19, 32, 44):
        share = (place + 0.5) / 64
        x, y = left + share * (right - left), top + share * (bottom - top)
        if not (0.05 < x < 0.95 and 0.05 < y < 0.95):
            continue
        at = seen[place, place]
        assert abs(int(at[0]) - 255 * x) < 7 and abs(int(at[1]) - 255 * y) < 7

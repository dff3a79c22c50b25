"""Small ONNX graphs made by hand, and specs for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from imagefinder.models.spec import ModelSpec

Shape = Sequence[int | str]
Node = tuple[str, Sequence[str], Sequence[str], Mapping[str, Any]]


def graph(
    inputs: Mapping[str, tuple[str, Shape]],
    nodes: Sequence[Node],
    outputs: Mapping[str, tuple[str, Shape | None]],
    weights: Mapping[str, np.ndarray] | None = None,
) -> onnx.ModelProto:
    """Inputs and outputs by name: ("FLOAT", shape). A node: its type, what it reads and makes, its attributes."""
    made = helper.make_graph(
        [helper.make_node(kind, reads, makes, **dict(how)) for kind, reads, makes, how in nodes],
        "g",
        [helper.make_tensor_value_info(n, getattr(TensorProto, t), s) for n, (t, s) in inputs.items()],
        [helper.make_tensor_value_info(n, getattr(TensorProto, t), s) for n, (t, s) in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    return model


def spec(folder: Path, **changes: Any) -> ModelSpec:
    """A model of pictures of 8 pixels, to be changed."""
    data: dict[str, Any] = {
        "name": "made-by-hand",
        "alias": "made-by-hand",
        "title": "Made by hand",
        "licence": "none",
        "source": "a test",
        "files": {},
        "preprocess": {"resize": "squash", "size": [8, 8], "scale": 1 / 255, "layout": "NCHW"},
        "image": {"file": "model.onnx", "outputs": {"image": "y"}},
        "spaces": {"image": {"dim": 4, "transform": "pca"}},
    }
    return ModelSpec.from_dict(data | changes, folder)

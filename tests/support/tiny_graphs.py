"""Small ONNX graphs made on the spot, in the layouts that models are published in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 32  # pixels of a side
CLIP_PROCESSOR = {
    "image_processor_type": "CLIPImageProcessor",
    "do_resize": True,
    "size": {"shortest_edge": SIZE},
    "do_center_crop": True,
    "crop_size": {"height": SIZE, "width": SIZE},
    "do_rescale": True,
    "do_normalize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
}


def graph(
    nodes: Sequence[onnx.NodeProto],
    weights: Mapping[str, np.ndarray],
    inputs: Mapping[str, tuple[int, Sequence[object]]],
    outputs: Mapping[str, Sequence[object]],
) -> bytes:
    """A model as bytes; ``inputs`` give element type and shape by name, ``outputs`` are float32."""
    made = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    return bytes(helper.make_model(made, opset_imports=opset, ir_version=8).SerializeToString())


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def image_graph(dim: int = 8, output: str = "image_embeds", *, layout: str = "NCHW", batch: object = "n") -> bytes:
    """Averages a convolution of the picture: (n, dim)."""
    shape = [batch, 3, "h", "w"] if layout == "NCHW" else [batch, SIZE, SIZE, 3]
    first = [] if layout == "NCHW" else [helper.make_node("Transpose", ["pixel_values"], ["x"], perm=[0, 3, 1, 2])]
    nodes = [
        *first,
        helper.make_node("Conv", ["pixel_values" if layout == "NCHW" else "x", "kernel"], ["map"], strides=[4, 4]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], [output]),
    ]
    inputs = {"pixel_values": (TensorProto.FLOAT, shape)}
    return graph(nodes, {"kernel": random(dim, 3, 4, 4)}, inputs, {output: [batch, dim]})


def classifier_graph(dim: int = 8, classes: int = 1000, *, softmax: bool = False, output: str = "logits") -> bytes:
    """A convolution, a pooling (the last of its kind), and a classifier on what it gives."""
    nodes = [
        helper.make_node("Conv", ["data", "kernel"], ["map"], strides=[2, 2]),
        helper.make_node("Relu", ["map"], ["relu"]),
        helper.make_node("MaxPool", ["relu"], ["block5_pool"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["block5_pool"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node("Gemm", ["features", "weight", "bias"], ["scores" if softmax else output]),
        *([helper.make_node("Softmax", ["scores"], [output])] if softmax else []),
    ]
    weights = {"kernel": random(dim, 3, 4, 4), "weight": random(dim, classes), "bias": random(classes)}
    return graph(nodes, weights, {"data": (TensorProto.FLOAT, ["n", 3, SIZE, SIZE])}, {output: ["n", classes]})


def tokens_graph(dim: int = 8, output: str = "last_hidden_state") -> bytes:
    """(n, tokens, dim): a transformer's output, whose first token stands for the picture."""
    nodes = [
        helper.make_node("Conv", ["pixel_values", "kernel"], ["map"], strides=[8, 8]),
        helper.make_node("Reshape", ["map", "shape"], ["flat"]),
        helper.make_node("Transpose", ["flat"], [output], perm=[0, 2, 1]),
    ]
    weights = {"kernel": random(dim, 3, 8, 8), "shape": np.array([0, dim, -1], np.int64)}
    return graph(nodes, weights, {"pixel_values": (TensorProto.FLOAT, ["n", 3, "h", "w"])}, {output: ["n", "t", dim]})


def text_graph(dim: int = 8, output: str = "text_embeds", length: object = "t") -> bytes:
    """The mean of the tokens' embeddings: (n, dim)."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["tokens"]),
        helper.make_node("ReduceMean", ["tokens"], [output], axes=[1], keepdims=0),
    ]
    inputs = {"input_ids": (TensorProto.INT64, ["n", length])}
    return graph(nodes, {"table": random(64, dim)}, inputs, {output: ["n", dim]})


def full_length_graph(dim: int = 8, length: int = 16) -> bytes:
    """A text graph that adds a place to each token, and so takes texts of one length only, without saying so."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["tokens"]),
        helper.make_node("Add", ["tokens", "places"], ["placed"]),
        helper.make_node("ReduceMean", ["placed"], ["text_embeds"], axes=[1], keepdims=0),
    ]
    weights = {"table": random(64, dim), "places": random(1, length, dim)}
    return graph(nodes, weights, {"input_ids": (TensorProto.INT64, ["n", "t"])}, {"text_embeds": ["n", dim]})


def joint_graph(dim: int = 8) -> bytes:
    """Pictures and texts in one graph, as ``CLIPModel`` is exported: it wants both, and compares them."""
    nodes = [
        helper.make_node("Conv", ["pixel_values", "kernel"], ["map"], strides=[4, 4]),
        helper.make_node("GlobalAveragePool", ["map"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["image_embeds"]),
        helper.make_node("Gather", ["table", "input_ids"], ["tokens"]),
        helper.make_node("ReduceMean", ["tokens"], ["text_embeds"], axes=[1], keepdims=0),
        helper.make_node("Transpose", ["text_embeds"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["image_embeds", "turned"], ["logits_per_image"]),
    ]
    inputs = {
        "input_ids": (TensorProto.INT64, ["m", "t"]),
        "pixel_values": (TensorProto.FLOAT, ["n", 3, "h", "w"]),
    }
    outputs = {"logits_per_image": ["n", "m"], "text_embeds": ["m", dim], "image_embeds": ["n", dim]}
    return graph(nodes, {"kernel": random(dim, 3, 4, 4), "table": random(64, dim)}, inputs, outputs)


def tokenizer() -> str:
    """A tokenizer.json of a few words."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[PAD]", "[UNK]", "red", "green", "blue", "a", "photo", "of"]
    made = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    return made.to_str()


def external_graph(folder: Path, name: str = "model.onnx") -> dict[str, bytes]:
    """An image graph whose weights lie in a file beside it; both, by name."""
    model = onnx.load_from_string(image_graph())
    onnx.save(model, str(folder / name), save_as_external_data=True, location=f"{name}_data", size_threshold=0)
    return {name: (folder / name).read_bytes(), f"{name}_data": (folder / f"{name}_data").read_bytes()}


def clip_repository(dim: int = 8) -> dict[str, bytes | str]:
    """As Xenova and onnx-community publish a CLIP: two graphs, in two precisions, and more than is needed."""
    config = {"model_type": "clip", "text_config": {"max_position_embeddings": 16}}
    return {
        "README.md": "not needed",
        "pytorch_model.bin": b"not needed" * 1000,
        "config.json": json.dumps(config),
        "preprocessor_config.json": json.dumps(CLIP_PROCESSOR),
        "tokenizer.json": tokenizer(),
        "tokenizer_config.json": json.dumps({"model_max_length": 16, "pad_token": "[PAD]"}),
        "onnx/model.onnx": image_graph(dim),
        "onnx/vision_model.onnx": image_graph(dim),
        "onnx/vision_model_quantized.onnx": image_graph(dim, batch="m"),
        "onnx/text_model.onnx": text_graph(dim),
        "onnx/text_model_quantized.onnx": text_graph(dim, length="u"),
    }


def immich_repository(dim: int = 8) -> dict[str, bytes | str]:
    """As immich-app publishes an open_clip model: a folder for pictures, a folder for texts."""
    picture = {"size": [SIZE, SIZE], "mode": "RGB", "mean": [0.5] * 3, "std": [0.5] * 3}
    config = {"embed_dim": dim, "text_cfg": {"context_length": 12, "tokenizer_kwargs": {"clean": "canonicalize"}}}
    return {
        "config.json": json.dumps(config),
        "visual/model.onnx": image_graph(dim, "embedding"),
        "visual/preprocess_cfg.json": json.dumps(
            {**picture, "interpolation": "bicubic", "resize_mode": "squash", "fill_color": 0}
        ),
        "textual/model.onnx": text_graph(dim, "embedding", length=12),
        "textual/tokenizer.json": tokenizer(),
        "textual/tokenizer_config.json": json.dumps({"pad_token": "[PAD]"}),
    }

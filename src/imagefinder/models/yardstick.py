"""How fast this machine would run a model that is not on it: one block of a vision transformer, with weights of chance
in 8 bits, is made and timed. What it computes is what such a model computes most of its time."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

WIDTH, HIDDEN, HEADS = 768, 3072, 12  # of ViT-B, which CLIP and SigLIP 2 "base" are
IMAGES = 4  # at once
RUNS = 3


@lru_cache(maxsize=4)
def block_seconds(tokens: int) -> float:
    """Seconds of one core for one block of ViT-B in 8 bits and one picture of this many ``tokens``: the best of a few
    runs, a tenth of a second in all. It is measured once in a process."""
    import numpy as np
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(_block(tokens), options, providers=["CPUExecutionProvider"])
    inputs = {"x": np.random.default_rng(0).normal(size=(IMAGES, tokens, WIDTH)).astype(np.float32)}
    times = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        session.run(None, inputs)
        times.append(time.perf_counter() - started)
    return min(times[1:]) / IMAGES


def _block(tokens: int) -> bytes:
    """The ONNX graph of a block: attention and a perceptron, whose matrices are in 8 bits as ``quantize_dynamic`` of
    ONNX Runtime makes them, each after a layer norm and with a bypass."""
    from onnx import TensorProto, helper

    made = _Graph()
    normed = made.norm("x")
    split = {name: made.heads(made.linear(normed, WIDTH, WIDTH), tokens) for name in "qkv"}
    turned = made.add("Transpose", split["k"], perm=[0, 1, 3, 2])
    weights = made.add("Softmax", made.add("MatMul", split["q"], turned), axis=-1)
    mixed = made.add("Transpose", made.add("MatMul", weights, split["v"]), perm=[0, 2, 1, 3])
    joined = made.add("Reshape", mixed, made.constant([IMAGES, tokens, WIDTH], "int64"))
    attended = made.add("Add", "x", made.linear(joined, WIDTH, WIDTH))
    inner = made.linear(made.norm(attended), WIDTH, HIDDEN)
    gate = made.add("Sigmoid", made.add("Mul", inner, made.constant([1.702], "float32")))
    outer = made.linear(made.add("Mul", inner, gate), HIDDEN, WIDTH)
    made.add("Add", attended, outer, output="y")
    shape = [IMAGES, tokens, WIDTH]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    graph = helper.make_graph(made.nodes, "block", ends[:1], ends[1:], made.constants)
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )


class _Graph:
    """Nodes and constants; each method adds some and returns the name of what they give."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, kind: str, *inputs: str, output: str = "", outputs: int = 1, **attributes: Any) -> str:
        from onnx import helper

        names = [output or f"{kind}{len(self.nodes)}", *(f"{kind}{len(self.nodes)}_{i}" for i in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names[0]

    def constant(self, value: Any, kind: str) -> str:
        import numpy as np
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def norm(self, x: str) -> str:
        ones = self.constant([1.0] * WIDTH, "float32")
        return self.add("LayerNormalization", x, ones, self.constant([0.0] * WIDTH, "float32"), axis=-1)

    def linear(self, x: str, rows: int, columns: int) -> str:
        import numpy as np

        matrix = np.random.default_rng(rows + columns).integers(-127, 128, (rows, columns))
        bytes_ = self.add("DynamicQuantizeLinear", x, outputs=3)
        scale, zero = f"{bytes_}_1", f"{bytes_}_2"
        sums = self.add("MatMulInteger", bytes_, self.constant(matrix, "int8"), zero, self.constant(0, "int8"))
        unit = self.add("Mul", scale, self.constant(1e-3, "float32"))
        real = self.add("Mul", self.add("Cast", sums, to=1), unit)
        return self.add("Add", real, self.constant([0.1] * columns, "float32"))

    def heads(self, x: str, tokens: int) -> str:
        shape = self.constant([IMAGES, tokens, HEADS, WIDTH // HEADS], "int64")
        return self.add("Transpose", self.add("Reshape", x, shape), perm=[0, 2, 1, 3])

"""The graph that tells how fast a machine would run a model it doesn't have: src/imagefinder/models/yardstick.onnx.

    pip install onnx
    python tools/make_yardstick.py

It is one block of ViT-B, which CLIP and SigLIP 2 "base" are: attention and a perceptron, each after a layer norm and
with a bypass, whose matrices are in 8 bits as ``quantize_dynamic`` of ONNX Runtime makes them. It takes and gives ``x``
and ``y``, float32 (n, tokens, 768). All weights are alike, and made when the graph is loaded, so that the file is
small: how long it takes does not depend on them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper
from onnx_graph import Graph

WIDTH, HIDDEN, HEADS = 768, 3072, 12
TARGET = Path(__file__).resolve().parents[1] / "src" / "imagefinder" / "models" / "yardstick.onnx"


class Block(Graph):
    def filled(self, value: Any, *shape: int) -> str:
        tensor = numpy_helper.from_array(np.array([value]))
        return self.add("ConstantOfShape", self.constant(np.array(shape, np.int64)), value=tensor)

    def norm(self, x: str) -> str:
        return self.add(
            "LayerNormalization", x, self.filled(np.float32(1), WIDTH), self.filled(np.float32(0), WIDTH), axis=-1
        )

    def linear(self, x: str, rows: int, columns: int) -> str:
        scale, zero = f"scale{len(self.nodes)}", f"zero{len(self.nodes)}"
        bytes_ = self.add("DynamicQuantizeLinear", x)
        self.nodes[-1].output.extend([scale, zero])
        weights = self.filled(np.int8(3), rows, columns)
        sums = self.add("MatMulInteger", bytes_, weights, zero, self.constant(np.int8(0)))
        unit = self.add("Mul", scale, self.constant(np.float32(1e-3)))
        real = self.add("Mul", self.add("Cast", sums, to=TensorProto.FLOAT), unit)
        return self.add("Add", real, self.filled(np.float32(0.1), columns))

    def heads(self, x: str) -> str:
        shape = self.constant(np.array([0, 0, HEADS, WIDTH // HEADS], np.int64))
        return self.add("Transpose", self.add("Reshape", x, shape), perm=[0, 2, 1, 3])


def main() -> None:
    made = Block()
    normed = made.norm("x")
    query, key, value = (made.heads(made.linear(normed, WIDTH, WIDTH)) for _ in range(3))
    turned = made.add("Transpose", key, perm=[0, 1, 3, 2])
    weights = made.add("Softmax", made.add("MatMul", query, turned), axis=-1)
    mixed = made.add("Transpose", made.add("MatMul", weights, value), perm=[0, 2, 1, 3])
    joined = made.add("Reshape", mixed, made.constant(np.array([0, 0, WIDTH], np.int64)))
    attended = made.add("Add", "x", made.linear(joined, WIDTH, WIDTH))
    inner = made.linear(made.norm(attended), WIDTH, HIDDEN)
    gate = made.add("Sigmoid", made.add("Mul", inner, made.constant(np.float32(1.702))))
    outer = made.linear(made.add("Mul", inner, gate), HIDDEN, WIDTH)
    made.add("Add", attended, outer, output="y")
    shape = ["n", "tokens", WIDTH]
    model = made.model("block", {"x": (TensorProto.FLOAT, shape)}, {"y": (TensorProto.FLOAT, shape)})
    TARGET.write_bytes(model.SerializeToString())


if __name__ == "__main__":
    main()

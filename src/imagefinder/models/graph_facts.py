"""What an ONNX graph says about itself without being run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagefinder.errors import ModelError

# What may stand between a classifier and its output, and what quantisation puts around a tensor.
_BEHIND = {
    "Softmax",
    "LogSoftmax",
    "Sigmoid",
    "Identity",
    "Cast",
    "Reshape",
    "Squeeze",
    "Flatten",
    "Dropout",
    "Mul",
    "Add",
}
_QUANTISED = {"DequantizeLinear", "QuantizeLinear", "DynamicQuantizeLinear", "Cast"}
_CLASSIFIERS = {"Gemm", "MatMul", "Conv", "MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv", "QGemm"}
_STEPS = 64


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output. A length of None may be any number; ``kind`` is for example float32."""

    name: str
    shape: tuple[int | None, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The inputs (without the weights) and outputs of a graph. ``external`` are the files with weights outside it,
    relative to its folder. ``before`` is, for an output with classes, the tensor that the last linear layer takes.
    ``last`` is the output of the last node of each kind."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    external: tuple[str, ...]
    before: Mapping[str, str]
    last: Mapping[str, str]


def read_graph(path: Path) -> Graph:
    """Raises ModelError for a file that is no ONNX graph."""
    import onnx

    try:
        model = onnx.load(str(path), load_external_data=False)
        weights = {tensor.name for tensor in model.graph.initializer}
        inputs = {i.name: _tensor(i) for i in model.graph.input if i.name not in weights}
        outputs = {o.name: _tensor(o) for o in model.graph.output}
        if not inputs or not outputs:
            raise ValueError("it has no inputs or no outputs")
    except Exception as error:  # protobuf's and onnx's own
        raise ModelError(
            f"{path} is no ONNX graph, or a damaged one: {str(error)[:200]}.",
            remedy="Fetch it again; a file of a few lines may be a pointer of git-lfs instead of the model.",
        ) from error
    before = {name: found for name in outputs if (found := _before(model.graph, name))}
    last = {node.op_type: node.output[0] for node in model.graph.node if node.output}
    return Graph(inputs, outputs, _external(model.graph), before, last)


def _tensor(value: Any) -> Tensor:
    import onnx

    kind = value.type.tensor_type
    shape = tuple(d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in kind.shape.dim)
    try:
        name = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
    except KeyError:
        name = "unknown"
    return Tensor(value.name, shape, name)


def _external(graph: Any) -> tuple[str, ...]:
    found = [
        entry.value
        for tensor in graph.initializer
        for entry in tensor.external_data
        if entry.key == "location" and tensor.data_location == tensor.EXTERNAL
    ]
    return tuple(dict.fromkeys(found))


def _before(graph: Any, output: str) -> str | None:
    """The tensor that the last linear layer before an output takes; None if there is no such layer near it."""
    made_by = {name: node for node in graph.node for name in node.output}
    fixed = {tensor.name for tensor in graph.initializer}
    fixed |= {name for node in graph.node if node.op_type == "Constant" for name in node.output}

    def data(node: Any) -> str | None:
        return next((name for name in node.input if name and name not in fixed), None)

    at: str | None = output
    for _ in range(_STEPS):
        node = made_by.get(at or "")
        if node is None:
            return None
        at = data(node)
        if node.op_type in _CLASSIFIERS:
            break
        if node.op_type not in _BEHIND:
            return None
    while at in made_by and made_by[at].op_type in _QUANTISED:
        at = data(made_by[at])
    return at if at in made_by else None

"""Exports trained weights as a model that every ImageFinder can load: an ONNX graph and its spec, with a check that
both give the same."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.files import plain_name
from imagefinder._util.systems import rename_path, sync_file
from imagefinder.errors import InvalidInputError, ModelError, StorageError

if TYPE_CHECKING:
    from imagefinder.types import Float32
    from imagefinder.vectors.transform import LinearTransform

OPSET, IR_VERSION = 17, 8  # read by every ONNX Runtime since 1.14
MODELS, TRAINING = "models", "training"  # folders of an index
MODEL_FILE = "model.onnx"
TOLERANCE = 1e-4  # between the trained weights and ONNX Runtime, relative to the largest value
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # of a model trained here
_naming = threading.Lock()
_in_training: set[Path] = set()  # the places of models that are being trained


class Graph:
    """Puts an ONNX graph together, float32, rows on axis 0. Methods take and return names of tensors. An output must
    not have the name of an input.

    >>> graph = Graph({"base_image": 1280})
    >>> hidden = graph.op("Relu", graph.dense(graph.unit("base_image"), weights, bias))
    >>> model = graph.model({"vector": (graph.unit(hidden), 64)})
    """

    def __init__(self, inputs: Mapping[str, int]) -> None:
        self._inputs = dict(inputs)
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        from onnx import numpy_helper

        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array, dtype=dtype), name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """One ONNX operator with one output."""
        from onnx import helper

        name = f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def unit(self, rows: str) -> str:
        """Rows scaled to unit length; a row of zeros stays zero."""
        norm = self.op("ReduceL2", rows, axes=[-1], keepdims=1)
        return self.op("Div", rows, self.op("Max", norm, self.constant(1e-12)))

    def dense(self, rows: str, weights: Float32, bias: Float32 | None = None) -> str:
        """``rows`` (n, a) times ``weights`` (a, b), plus ``bias`` (b,)."""
        product = self.op("MatMul", rows, self.constant(weights))
        return product if bias is None else self.op("Add", product, self.constant(bias))

    def model(self, outputs: Mapping[str, tuple[str, int]]) -> Any:
        """The ``onnx.ModelProto``; ``outputs`` gives for each output's name the tensor and its dimension."""
        from onnx import TensorProto, helper

        for name, (tensor, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [tensor], [name]))

        def values(dims: Mapping[str, int]) -> list[Any]:
            return [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", dim]) for n, dim in dims.items()]

        dims = {name: dim for name, (_, dim) in outputs.items()}
        graph = helper.make_graph(self._nodes, "imagefinder", values(self._inputs), values(dims), self._constants)
        opset = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="imagefinder")


def add_transform(graph: Graph, rows: str, transform: LinearTransform) -> str:
    """``transform.apply`` as part of a graph: raw vectors (n, dim_in) to searched ones (n, dim_out)."""
    centred = graph.op("Sub", graph.unit(rows), graph.constant(transform.mean))
    return graph.unit(centred if transform.axes is None else graph.dense(centred, transform.axes))


def free_name(folder: Path, name: str | None, usual: str, *, taken: Sequence[str] = ()) -> str:
    """The name for a new model of the index in ``folder``: the given one, or ``usual`` with the next free number.

    ``taken`` are further names in use, such as those of spaces. Raises InvalidInputError for a name that is not valid
    or is in use.
    """
    used = {*taken, *(path.name for path in (folder / MODELS).glob("*"))}
    used |= {path.name for path in [*_in_training] if path.parent == folder / MODELS}
    if name is None:
        numbers = range(2, len(used) + 3)
        return next(n for n in (usual, *(f"{usual}-{i}" for i in numbers)) if n not in used)
    if not NAME.fullmatch(name):
        raise InvalidInputError(
            f"{name!r} is no name for a model.", remedy="Use lower-case letters, digits, dots, dashes; 64 at most."
        )
    if plain_name(name) != name:
        raise InvalidInputError(
            f"{name!r} can't be the name of a folder on Windows.",
            remedy="Choose another --name: the index may go there.",
        )
    if name in used:
        raise InvalidInputError(
            f"There is a model {name!r} already, or it is being trained.",
            remedy="Choose another --name, or drop it first.",
        )
    return name


@contextmanager
def new_name(folder: Path, name: str | None, usual: str, *, taken: Sequence[str] = ()) -> Iterator[str]:
    """The name of ``free_name``, which nobody else gets while the block lasts. Raises InvalidInputError."""
    with _naming:
        own = free_name(folder, name, usual, taken=taken)
        _in_training.add(folder / MODELS / own)
    try:
        yield own
    finally:
        with _naming:
            _in_training.discard(folder / MODELS / own)


def work_folder(folder: Path, name: str) -> Path:
    """``<index>/training/NAME``, created if needed: everything that a killed training may leave behind."""
    path = folder / TRAINING / name
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _full(path, error) from error
    return path


def keep_model(folder: Path, spec: Mapping[str, Any], files: Mapping[str, Any]) -> Path:
    """Add a model to those of the index in ``folder``, completely or not at all; returns ``<index>/models/NAME``.

    ``spec`` is the JSON of a ``ModelSpec`` without ``files``, which is filled in. ``files`` maps names to bytes, to an
    ``onnx.ModelProto``, or to the path of a file, which is moved here. Raises StorageError, and ModelError if the spec
    is wrong.
    """
    from imagefinder.models.spec import ModelSpec

    name = str(spec["name"])
    part, target = work_folder(folder, name) / "model", folder / MODELS / name
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for file, content in files.items():
            _write(part / file, content)
        digests = {file: hashlib.sha256((part / file).read_bytes()).hexdigest() for file in files}
        _write(part / "spec.json", json.dumps({**spec, "files": digests}, indent=2, ensure_ascii=False).encode())
        ModelSpec.load(part)
        target.parent.mkdir(exist_ok=True)
        rename_path(part, target)
        shutil.rmtree(folder / TRAINING / name, ignore_errors=True)
    except OSError as error:
        raise _full(target, error) from error
    return target


def check_parity(
    model: Any, inputs: Mapping[str, Float32], expected: Mapping[str, Float32], *, tolerance: float = TOLERANCE
) -> float:
    """Run a model (an ``onnx.ModelProto``, or the path of a file), and compare its outputs with those of the trained
    weights. Returns the largest difference relative to the largest value; raises ModelError if it is above
    ``tolerance``."""
    import onnxruntime as ort

    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    try:
        session = ort.InferenceSession(source, providers=["CPUExecutionProvider"])
        found = session.run(list(expected), {name: np.asarray(rows) for name, rows in inputs.items()})
    except Exception as error:  # onnxruntime raises a dozen classes of its own, all of them Exceptions
        raise ModelError(f"The exported model does not run: {str(error)[:300]}") from error
    gaps = [0.0]
    for name, got in zip(expected, found, strict=True):
        if got.shape != expected[name].shape:
            raise ModelError(f"The exported model gives {name} {got.shape}, the trained one {expected[name].shape}.")
        scale = float(np.maximum(np.abs(expected[name]).max(initial=0), 1e-12))
        gaps.append(float(np.abs(got - expected[name]).max(initial=0)) / scale)
    worst = float(np.max(gaps))
    if not worst <= tolerance:  # not a number is none either
        raise ModelError(f"The exported model differs from the trained one by {worst:.2g} (allowed {tolerance:g}).")
    return worst


def _write(path: Path, content: Any) -> None:
    if isinstance(content, Path):
        shutil.move(content, path)
        return
    with path.open("wb") as file:
        file.write(content if isinstance(content, bytes) else content.SerializeToString())
        file.flush()
        sync_file(file.fileno())


def _full(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} can't be written: {error.strerror or error}.", remedy="Make room on the disk.")

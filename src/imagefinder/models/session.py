"""ONNX Runtime sessions: the providers there are, few threads, errors as ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder.errors import ModelError

if TYPE_CHECKING:
    import numpy as np

# Best first; the ones that come with the installed onnxruntime are used, the CPU always last. Left out: DirectML, whose
# sessions allow one run at a time, and CoreML, which has no int8 convolution and would cut the graph to pieces.
PREFERRED = ("CUDAExecutionProvider", "ROCMExecutionProvider", "OpenVINOExecutionProvider")
CPU = "CPUExecutionProvider"


class Session:
    """A model ready to run. Safe to call from several threads at once.

    ``threads`` is how many threads one call uses: 1 where several calls run side by side. Raises ModelError when the
    file is missing, corrupt, or not the model expected. ``outputs`` may name tensors inside the graph: they become
    outputs too.
    """

    def __init__(self, path: Path, *, outputs: Sequence[str] = (), threads: int | None = None) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.log_severity_level = 3
        if threads:
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
        # A thread that waits in a busy loop takes the core from the decoding of the next pictures.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._path = path
        try:
            self._session: Any = ort.InferenceSession(str(path), options, providers=_providers(ort))
            if set(outputs) - {output.name for output in self._session.get_outputs()}:
                opened = with_outputs(path, outputs)
                self._session = ort.InferenceSession(opened, options, providers=_providers(ort))
        except Exception as error:  # onnxruntime raises a dozen classes of its own, all of them Exceptions
            raise _unusable(path, error) from error

    @property
    def inputs(self) -> list[str]:
        """The names of what goes in."""
        return [entry.name for entry in self._session.get_inputs()]

    @property
    def provider(self) -> str:
        """What runs the model, such as CPUExecutionProvider."""
        return str(self._session.get_providers()[0])

    def run(self, outputs: Sequence[str], inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The named outputs for the named inputs. Raises ModelError."""
        try:
            return list(self._session.run(list(outputs), dict(inputs)))
        except Exception as error:
            raise ModelError(
                f"The model {self._path.parent.name} failed: {str(error)[:300]}",
                remedy="`imagefinder doctor` checks its files.",
            ) from error


def with_outputs(path: Path, names: Sequence[str]) -> bytes:
    """The graph in ``path`` with these tensors among its outputs. Raises ValueError for one that isn't there."""
    import onnx

    model = onnx.load(str(path))
    there = {output.name for output in model.graph.output}
    inside = {name for node in model.graph.node for name in node.output}
    for name in names:
        if name not in there | inside:
            raise ValueError(f"there is no tensor {name!r} in it")
        if name not in there:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
    return bytes(model.SerializeToString())


def _providers(ort: Any) -> list[str]:
    there = set(ort.get_available_providers())
    return [p for p in PREFERRED if p in there] + [CPU]


def _unusable(path: Path, error: Exception) -> ModelError:
    what = "is missing" if not path.is_file() else f"can't be loaded: {str(error)[:300]}"
    return ModelError(
        f"The model file {path} {what}.", remedy="Install ImageFinder again; `imagefinder doctor` checks its files."
    )

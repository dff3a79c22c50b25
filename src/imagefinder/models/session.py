"""ONNX Runtime sessions: choice of provider, number of threads, batches that fit in memory, and errors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.quota import quota
from imagefinder._util.threads import cores
from imagefinder.errors import ModelError
from imagefinder.models.providers import CPU, PROVIDERS, Provider, choose, load_cuda

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger("imagefinder.models")
_REMEDY = "Fetch or install the model again; `imagefinder doctor` checks the bundled ones."
_DTYPES = {
    **dict.fromkeys(("float", "float16", "double"), "f"),
    **{f"{sign}int{bits}": f"{sign}i" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
# What onnxruntime, CUDA, cuBLAS, DirectML and C++ say when there is too little memory.
_FULL = (
    "failed to allocate memory", "out of memory", "out_of_memory", "outofmemory", "8007000e", "bad alloc",
    "alloc_failed", "memoryallocation", "smaller than requested bytes", "not enough memory",
)  # fmt: skip


class Session:
    """A model ready to run. Safe to call from several threads at once.

    ``threads`` is the number of threads of one call: 1 if several calls run at once. ``outputs`` are the tensors that
    are needed; if they are inside the graph, it is cut there. ``given`` is a tensor inside the graph that takes the
    place of its inputs: see ``prune.cut_graph``. ``at_once`` is how many rows the CPU gets in one run, if the graph
    takes any number. Without ``fold``, constants that are stored in few bits are made into floats at each run, not once
    when it is opened. If a provider fails to start, or at its first run, the CPU is used, with a warning in the log.
    Raises ModelError if the file is missing, corrupt, or not the model expected.
    """

    def __init__(
        self,
        path: Path,
        *,
        outputs: Sequence[str] = (),
        threads: int | None = None,
        given: str = "",
        at_once: int | None = None,
        fold: bool = True,
    ) -> None:
        self._path = path
        self._fold = fold
        self._ends = (tuple(outputs), given)
        self._threads = threads
        self._at_once = at_once
        self._ran = False
        self._most: int | None
        self._start(choose(path))

    def _start(self, provider: Provider) -> None:
        import onnxruntime as ort

        self._lock: AbstractContextManager[object] = threading.Lock() if provider.serial else nullcontext()
        try:
            self._session: Any = _open(ort, self._path, self._ends, provider, self._threads, self._fold)
        except Exception as error:  # onnxruntime raises a dozen classes of its own, all of them Exceptions
            if provider.name == CPU or not self._path.is_file():
                raise _unusable(self._path, error) from error
            self._fall_back(provider, error)
            return
        if self.provider != provider.name:
            self._warn(provider.name, "it did not start")
        fixed = any(shape and isinstance(shape[0], int) for shape in self.inputs.values())
        self._most = None if fixed or self.provider != CPU else self._at_once

    def _fall_back(self, provider: Provider, error: Exception) -> None:
        self._warn(provider.name, str(error)[:200])
        self._start(PROVIDERS["cpu"])

    def _warn(self, name: str, why: str) -> None:
        log.warning("%s can't run %s, the CPU does: %s", name, self._path.name, why)

    @property
    def inputs(self) -> dict[str, list[int | str | None]]:
        """The names of what goes in, and their shapes; a number is fixed, anything else is free."""
        return {entry.name: list(entry.shape) for entry in self._session.get_inputs()}

    @property
    def outputs(self) -> list[str]:
        """The names of what comes out."""
        return [entry.name for entry in self._session.get_outputs()]

    @property
    def provider(self) -> str:
        """What runs the model, such as CPUExecutionProvider."""
        return str(self._session.get_providers()[0])

    def run(self, outputs: Sequence[str], inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The named outputs for the named inputs, whose rows are independent of each other.

        A batch that is too large for the memory is halved until it fits; later batches are cut to that size at once. A
        graph for a fixed number of rows gets that many at a time. Raises ModelError.
        """
        import numpy as np

        inputs = {name: self._cast(name, np.asarray(array)) for name, array in inputs.items()}
        rows = len(next(iter(inputs.values())))
        parts: list[list[np.ndarray]] = []
        start = 0
        while start < rows or not parts:
            size = min(self._most or rows, rows - start)
            part = {name: array[start : start + size] for name, array in inputs.items()}
            try:
                parts.append(self._run_rows(outputs, part, size))
            except _TooLargeError as error:
                if size <= 1:
                    raise ModelError(
                        f"There is not enough memory to run the model {self._path.name} on one row: {error}",
                        remedy="Close other programs, or choose a smaller model.",
                    ) from error
                self._most = size // 2
                log.warning("%d rows are too many for the memory of %s: %d at a time", size, self.provider, self._most)
                continue
            start += size
        return parts[0] if len(parts) == 1 else [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _run_rows(self, outputs: Sequence[str], inputs: dict[str, np.ndarray], rows: int) -> list[np.ndarray]:
        """One batch, in as many runs as a graph of fixed rows needs; what fills up the last one is taken off again."""
        import numpy as np

        fixed = next(iter(self.inputs.values()))[0]
        if not isinstance(fixed, int) or rows in (0, fixed):
            return self._run_once(outputs, inputs)
        parts = []
        for start in range(0, rows, fixed):
            part = {name: array[start : start + fixed] for name, array in inputs.items()}
            left = fixed - min(fixed, rows - start)
            if left:
                part = {name: np.concatenate([a, np.repeat(a[-1:], left, axis=0)]) for name, a in part.items()}
            parts.append([array[: fixed - left] for array in self._run_once(outputs, part)])
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]

    def _run_once(self, outputs: Sequence[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        try:
            with self._lock:
                found = list(self._session.run(list(outputs), inputs))
        except Exception as error:
            if isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in _FULL):
                raise _TooLargeError(str(error)[:200]) from error
            if not self._ran and self.provider != CPU:  # what a driver lacks often shows at the first run only
                self._fall_back(next(p for p in PROVIDERS.values() if p.name == self.provider), error)
                return self._run_once(outputs, inputs)
            raise ModelError(f"The model {self._path.name} failed: {str(error)[:300]}", remedy=_REMEDY) from error
        self._ran = True
        return found

    def _cast(self, name: str, array: np.ndarray) -> np.ndarray:
        """As the graph wants it, where nothing is lost but precision: 16-bit floats, 32-bit integers. Raises
        ModelError for another input or rank."""
        entry = next((entry for entry in self._session.get_inputs() if entry.name == name), None)
        if entry is None:
            raise ModelError(f"The model {self._path.name} takes {list(self.inputs)}; there is no input {name!r}.")
        kind = entry.type.removeprefix("tensor(").removesuffix(")")
        shape = list(entry.shape)
        fits = len(shape) == array.ndim and all(
            not isinstance(side, int) or side == given for side, given in zip(shape[1:], array.shape[1:], strict=True)
        )
        if kind not in _DTYPES or (array.dtype.kind == "f" and _DTYPES[kind] != "f") or not fits:
            raise ModelError(
                f"The model {self._path.name} takes {kind} {shape} for {name!r}; its description leads to "
                f"{array.dtype} {list(array.shape)}.",
                remedy="Set the preprocess in its spec.json right.",
            )
        return array.astype({"float": "float32", "double": "float64"}.get(kind, kind), copy=False)


class _TooLargeError(Exception):
    """A batch that the memory has no room for."""


def _open(
    ort: Any, path: Path, ends: tuple[Sequence[str], str], provider: Provider, threads: int | None, fold: bool
) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 4 if provider.name == CPU else 3
    if threads or quota():  # else it counts the cores of the machine, whatever the limit of the container
        options.intra_op_num_threads = threads or cores()
        options.inter_op_num_threads = 1
    # A thread that waits in a busy loop takes the core from the decoding of the next pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if (
        provider.serial
    ):  # DirectML wants these: https://onnxruntime.ai/docs/execution-providers/DirectML-ExecutionProvider
        options.enable_mem_pattern = False
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    if provider.cuda:
        load_cuda()
    providers: list[Any] = [(provider.name, dict(provider.options))]
    providers += [] if provider.name == CPU else [CPU]
    outputs, given = ends
    if not given:
        without = {} if fold else {"disabled_optimizers": ["ConstantFolding"]}
        session = ort.InferenceSession(str(path), options, providers=providers, **without)
        if not _needs_cut(session, outputs):
            return session
        del session
    from imagefinder.models.prune import cut_graph

    cut, folder = cut_graph(path, outputs, given)
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(folder))
    return ort.InferenceSession(cut, options, providers=providers)


def _needs_cut(session: Any, outputs: Sequence[str]) -> bool:
    """Whether an output is inside the graph, or the graph takes both images and text, while only one is given. Cutting
    a graph of 350 MB takes three seconds; an unneeded output, which costs one layer, is cheaper."""
    inside = set(outputs) - {output.name for output in session.get_outputs()}
    ranks = {len(entry.shape) == 4 for entry in session.get_inputs()}
    return bool(inside) or (bool(outputs) and len(ranks) == 2)


def _unusable(path: Path, error: Exception) -> ModelError:
    what = "is missing" if not path.is_file() else f"can't be loaded: {str(error)[:300]}"
    return ModelError(f"The model file {path} {what}.", remedy=_REMEDY)

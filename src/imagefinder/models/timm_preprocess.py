"""The preprocessing of a model of timm, from the ``pretrained_cfg`` beside its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from imagefinder.errors import ModelError
from imagefinder.models.spec import Preprocess, check_preprocess


def from_timm(config: Mapping[str, Any]) -> Preprocess:
    """The same steps as timm's ``transforms_imagenet_eval`` for this ``pretrained_cfg``: the short side to the size
    divided by ``crop_pct``, and the centre of that; or the whole picture squashed. Raises ModelError."""
    try:
        _, height, width = config["input_size"]
        if height != width:
            raise ValueError(f"the size {height} x {width} is no square")
        mode = config.get("crop_mode") or "center"
        if mode not in ("center", "squash"):
            raise ValueError(f"the crop_mode is {mode!r}")
        wanted = Preprocess(
            resize="squash" if mode == "squash" else "shortest_edge",
            size=(height, width),
            edge=int(height / (config.get("crop_pct") or 0.875)),
            resample=config.get("interpolation") or "bilinear",
            scale=1 / 255,
            mean=_three(config["mean"]),
            std=_three(config["std"]),
            layout="NCHW",
            round_crop=True,
        )
        check_preprocess(wanted)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"The model's pretrained_cfg is wrong, or asks for what ImageFinder can't do: {error!r}.",
            remedy="Write a spec.json beside the model that says how pictures are prepared.",
        ) from error
    return wanted


def _three(value: Any) -> tuple[float, float, float]:
    return cast(tuple[float, float, float], tuple(float(number) for number in value))

"""The preprocessing of a published model, from the file beside its weights: ``preprocessor_config.json`` of
``transformers``, and ``preprocess_cfg`` of open_clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from imagefinder.errors import ModelError
from imagefinder.models.spec import Preprocess, Resample, Resize, check_preprocess

Three = tuple[float, float, float]
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
RESAMPLES: tuple[Resample, ...] = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")  # Pillow's numbers
WARPED = 384  # from this size on ConvNext's processor squashes instead of cropping


def _defaults(
    size: int, resample: int, mean: Three = HALF, std: Three = HALF, *, crop: int | None = None, square: bool = True
) -> dict[str, Any]:
    """The defaults of a class of ``transformers``, for what its file does not contain. ``square``: a size that is one
    number means both sides, not the shorter one."""
    sides = {"height": size, "width": size} if square else {"shortest_edge": size}
    return {
        "size": sides,
        "resample": resample,
        "image_mean": mean,
        "image_std": std,
        "crop_size": crop,
        "do_center_crop": crop is not None,
        "square": square,
    }


# The attributes of the classes of transformers 5.23, by their names without "ImageProcessor" and the like.
_FAMILIES: dict[str, dict[str, Any]] = {
    "clip": _defaults(224, 3, CLIP_MEAN, CLIP_STD, crop=224, square=False),
    "chineseclip": _defaults(224, 3, CLIP_MEAN, CLIP_STD, crop=224, square=False),
    "bit": _defaults(224, 3, CLIP_MEAN, CLIP_STD, crop=224, square=False),
    "siglip": _defaults(224, 3, square=True),
    "vit": _defaults(224, 2),
    "deit": _defaults(256, 3, crop=224),
    "beit": _defaults(224, 3) | {"crop_size": 224},
    "dinov3vit": _defaults(224, 2, IMAGENET_MEAN, IMAGENET_STD),
    "convnext": _defaults(384, 3, square=False) | {"crop_pct": 224 / 256},
    "levit": _defaults(224, 3, IMAGENET_MEAN, IMAGENET_STD, crop=224, square=False),
    "mobilenetv1": _defaults(256, 2, crop=224, square=False),
    "mobilenetv2": _defaults(256, 2, crop=224, square=False),
    "mobilevit": _defaults(224, 3, crop=256, square=False) | {"do_flip_channel_order": True},
    "efficientnet": _defaults(346, 3) | {"crop_size": 289, "include_top": True},
}


def from_preprocessor_config(config: Mapping[str, Any]) -> Preprocess:
    """The steps of the image processor of ``transformers`` that wrote the file. Raises ModelError if they can't be
    found out, or if it makes pictures of several sizes."""
    if isinstance(config, Mapping) and "resize_mode" in config:
        return from_open_clip(config)
    return _reading("preprocessor_config.json", _from_transformers, config)


def from_open_clip(config: Mapping[str, Any]) -> Preprocess:
    """The steps of open_clip's ``image_transform`` for this ``preprocess_cfg``, which may be inside
    ``open_clip_config.json``. Raises ModelError."""
    return _reading("preprocess_cfg", _from_open_clip, config)


def _reading(what: str, read: Callable[[Mapping[str, Any]], Preprocess], config: Mapping[str, Any]) -> Preprocess:
    try:
        wanted = read(config)
        check_preprocess(wanted)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise ModelError(
            f"The model's {what} is wrong, or asks for what ImageFinder can't do: {error}.",
            remedy="Write a spec.json beside the model that says how pictures are prepared.",
        ) from error
    return wanted


def _from_transformers(config: Mapping[str, Any]) -> Preprocess:
    family = _family(config)
    if family.startswith("siglip2"):
        raise ValueError("it gives every picture another number of patches (SigLIP 2 NaFlex)")
    given = {**_FAMILIES.get(family, {}), **{name: value for name, value in config.items() if value is not None}}
    if not given.get("do_resize", True) or given.get("do_pad"):
        raise ValueError("pictures of several sizes come out: do_resize is false, or do_pad is true")
    resize, size, edge = _geometry(family, given)
    scale, mean, std = _values(family, given)
    return Preprocess(
        resize=resize,
        size=size,
        edge=edge,
        resample=RESAMPLES[given.get("resample", 2)],
        scale=scale,
        mean=mean,
        std=std,
        layout="NCHW",
        bgr=bool(given.get("do_flip_channel_order")),
    )


def _family(config: Mapping[str, Any]) -> str:
    """The class that wrote the file, without the usual end of its name. Old files don't contain it."""
    name = str(config.get("image_processor_type") or config.get("feature_extractor_type") or "")
    for ending in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        name = name.removesuffix(ending)
    if name:
        return name.lower()
    if "crop_pct" in config:
        return "convnext"
    return "clip" if config.get("crop_size") or config.get("do_center_crop") else "vit"


def _geometry(family: str, given: Mapping[str, Any]) -> tuple[Resize, tuple[int, int], int | None]:
    """The kind of resize, the size that comes out, and the edge before a crop."""
    size = given["size"]
    if isinstance(size, int):
        size = {"height": size, "width": size} if given.get("square", True) else {"shortest_edge": size}
    elif not isinstance(size, Mapping):
        size = {"height": size[0], "width": size[1]}
    crop = _sides(given.get("crop_size")) if given.get("do_center_crop") else None
    edge = size.get("shortest_edge")
    if edge is None:
        whole = (size["height"], size["width"])
        if crop is None:
            return "squash", whole, None
        if whole[0] != whole[1]:
            raise ValueError(f"a crop of a picture squashed to {whole} that is no square")
        return "squash", crop, whole[0]
    if family == "convnext":
        if edge >= WARPED:
            return "squash", (edge, edge), None
        return "shortest_edge", (edge, edge), int(edge / given["crop_pct"])
    if crop is None or size.get("longest_edge"):
        raise ValueError("pictures of several sizes come out: only the shortest edge is told")
    return "shortest_edge", crop, int(256 / 224 * edge) if family == "levit" else edge


def _values(family: str, given: Mapping[str, Any]) -> tuple[float, Three | None, Three | None]:
    """What is done to each value: scale, mean, std."""
    scale = given.get("rescale_factor", 1 / 255) if given.get("do_rescale", True) else 1.0
    if family == "mobilevit" or not given.get("do_normalize", True):
        return scale, None, None
    mean, std = _three(given["image_mean"]), _three(given["image_std"])
    if family == "efficientnet":
        if given.get("rescale_offset"):  # one is taken away before the mean
            mean = cast(Three, tuple(m + 1 for m in mean))
        if given.get("include_top"):  # divided by the std once more
            std = cast(Three, tuple(s * s for s in std))
    return scale, mean, std


def _from_open_clip(config: Mapping[str, Any]) -> Preprocess:
    config = config.get("preprocess_cfg", config)
    size = _sides(config["size"])
    kinds: dict[str, Resize] = {"shortest": "shortest_edge", "squash": "squash", "longest": "longest_edge"}
    kind = config.get("resize_mode") or "shortest"
    if config.get("mode", "RGB") != "RGB" or kind not in kinds:
        raise ValueError(f"the mode {config.get('mode')!r} or the resize_mode {kind!r} is not known")
    if kind == "shortest" and size[0] != size[1]:
        raise ValueError(f"the shortest edge of a picture that is no square, {size}")
    if kind == "longest" and config.get("fill_color"):
        raise ValueError(f"the fill_color {config['fill_color']!r}; only black, 0, is known")
    return Preprocess(
        resize=kinds[kind],
        size=size,
        edge=size[0] if kind == "shortest" else None,
        resample=config.get("interpolation") or "bicubic",
        scale=1 / 255,
        mean=_three(config.get("mean") or CLIP_MEAN),
        std=_three(config.get("std") or CLIP_STD),
        layout="NCHW",
        round_crop=True,
    )


def _sides(size: Any) -> tuple[int, int]:
    """A size that is one number, two, or named, as (height, width)."""
    if isinstance(size, Mapping):
        return size["height"], size["width"]
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _three(value: Any) -> Three:
    numbers = (value,) * 3 if isinstance(value, int | float) else tuple(value)
    return cast(Three, numbers)

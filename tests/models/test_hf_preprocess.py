"""Pictures of odd sizes prepared as ``transformers`` and open_clip prepare them, from the files beside the weights."""

from __future__ import annotations

import importlib
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagefinder.errors import ModelError
from imagefinder.models.hf_preprocess import from_open_clip, from_preprocessor_config
from imagefinder.models.preprocess import MOST_PIXELS, normalise, prepare
from imagefinder.models.spec import Preprocess

SIZES = [(1, 90), (90, 1), (3, 700), (701, 5), (33, 47), (64, 64), (63, 65), (301, 100), (640, 479), (97, 131), (2, 2)]
OFFICIAL: dict[str, tuple[str, str, dict[str, Any]]] = {  # the module, the class, what its file says
    "clip": ("clip", "CLIP", {}),
    "clip with an odd crop": (
        "clip",
        "CLIP",
        {"size": {"shortest_edge": 73}, "crop_size": {"height": 64, "width": 61}},
    ),
    "a crop larger than the picture": ("clip", "CLIP", {"size": {"shortest_edge": 40}, "crop_size": 57}),
    "siglip": ("siglip", "Siglip", {}),
    "siglip of another shape": ("siglip", "Siglip", {"size": {"height": 96, "width": 71}}),
    "vit": ("vit", "ViT", {}),
    "vit, old file": ("vit", "ViT", {"size": 65}),
    "deit": ("deit", "DeiT", {}),
    "dinov2": (
        "bit",
        "Bit",
        {"size": {"shortest_edge": 256}, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]},
    ),
    "resnet": ("convnext", "ConvNext", {"size": {"shortest_edge": 224}, "crop_pct": 0.875}),
    "resnet with a crop of 95 %": ("convnext", "ConvNext", {"size": {"shortest_edge": 97}, "crop_pct": 0.95}),
    "convnext at 384": ("convnext", "ConvNext", {}),
    "levit": ("levit", "Levit", {}),
    "mobilenet v1": ("mobilenet_v1", "MobileNetV1", {}),
    "mobilenet v2": ("mobilenet_v2", "MobileNetV2", {}),
    "mobilevit, blue first": ("mobilevit", "MobileViT", {}),
    "efficientnet": ("efficientnet", "EfficientNet", {"resample": 0}),
    "efficientnet with an offset": (
        "efficientnet",
        "EfficientNet",
        {"rescale_factor": 1 / 127.5, "rescale_offset": True, "include_top": False, "do_center_crop": True},
    ),
    "no normalisation": ("vit", "ViT", {"do_normalize": False}),
    "no rescale": ("vit", "ViT", {"do_rescale": False, "image_mean": [120, 110, 100], "image_std": [60, 50, 40]}),
}


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def prepared(image: Image.Image, wanted: Preprocess) -> np.ndarray:
    return normalise(prepare(image, wanted)[None], wanted)[0]


@pytest.mark.parametrize("case", OFFICIAL)
def test_it_agrees_with_transformers(case: str) -> None:
    pytest.importorskip("transformers")
    folder, name, config = OFFICIAL[case]
    module = importlib.import_module(f"transformers.models.{folder}.image_processing_pil_{folder}")
    processor = getattr(module, f"{name}ImageProcessorPil")(**config)
    written = from_preprocessor_config(json.loads(processor.to_json_string()))
    short = from_preprocessor_config(config | {"image_processor_type": f"{name}ImageProcessorFast"})
    for size in SIZES:
        image = noise(*size)
        expected = processor(image, return_tensors="np")["pixel_values"][0]
        np.testing.assert_allclose(prepared(image, written), expected, atol=2e-6, rtol=2e-6, err_msg=f"{size}")
        np.testing.assert_allclose(prepared(image, short), expected, atol=2e-6, rtol=2e-6, err_msg=f"{size}")


@pytest.mark.parametrize("size", [(33, 47), (640, 479), (97, 131)])
def test_dinov3_is_within_a_level_of_its_formula(size: tuple[int, int]) -> None:
    """transformers only has it with torchvision: rescale, then an antialiased bilinear resize of floats, then the
    mean and std. We resize bytes, so half a level is rounded away in each direction."""
    torch = pytest.importorskip("torch")
    image = noise(*size)
    pixels = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None] / 255
    resized = torch.nn.functional.interpolate(pixels, (224, 224), mode="bilinear", antialias=True)[0].numpy()
    mean, std = np.array([[[0.485]], [[0.456]], [[0.406]]]), np.array([[[0.229]], [[0.224]], [[0.225]]])
    found = prepared(image, from_preprocessor_config({"image_processor_type": "DINOv3ViTImageProcessorFast"}))
    assert np.abs(found - (resized - mean) / std).max() < 1.1 / 255 / 0.224


def torchvision_steps(image: Image.Image, edge: int, size: int, method: Image.Resampling) -> np.ndarray:
    """Resize(edge) and CenterCrop(size) as torchvision's source has them."""
    width, height = image.size
    short, long = (width, height) if width <= height else (height, width)
    longer = int(edge * long / short)
    image = image.resize((edge, longer) if width <= height else (longer, edge), method)
    left, top = round((image.width - size) / 2.0), round((image.height - size) / 2.0)
    return np.asarray(image.crop((left, top, left + size, top + size)))


@pytest.mark.parametrize("size", SIZES)
def test_open_clip_s_shortest_edge_is_torchvision_s(size: tuple[int, int]) -> None:
    image = noise(*size)
    wanted = from_open_clip({"size": 61, "interpolation": "bicubic", "resize_mode": "shortest", "mean": [0.5] * 3})
    found = prepare(image, wanted)
    np.testing.assert_array_equal(found, torchvision_steps(image, 61, 61, Image.Resampling.BICUBIC))


@pytest.mark.parametrize("size", SIZES)
def test_open_clip_s_longest_edge_is_padded_in_the_middle(size: tuple[int, int]) -> None:
    image = noise(*size)
    found = prepare(image, from_open_clip({"preprocess_cfg": {"size": [64, 80], "resize_mode": "longest"}}))
    ratio = max(size[0] / 80, size[1] / 64)
    width, height = max(1, round(size[0] / ratio)), max(1, round(size[1] / ratio))
    expected = Image.new("RGB", (80, 64))
    expected.paste(image.resize((width, height), Image.Resampling.BICUBIC), ((80 - width) // 2, (64 - height) // 2))
    np.testing.assert_array_equal(found, np.asarray(expected))


def test_a_squash_by_open_clip_is_a_resize() -> None:
    wanted = from_open_clip({"size": [64, 48], "resize_mode": "squash", "interpolation": "bilinear"})
    image = noise(97, 131)
    np.testing.assert_array_equal(prepare(image, wanted), np.asarray(image.resize((48, 64), Image.Resampling.BILINEAR)))


@pytest.mark.parametrize("size", SIZES)
def test_torchvision_s_inception_style(size: tuple[int, int]) -> None:
    image = noise(*size)
    wanted = Preprocess("shortest_edge", (75, 75), edge=86, resample="bilinear", round_crop=True)
    np.testing.assert_array_equal(prepare(image, wanted), torchvision_steps(image, 86, 75, Image.Resampling.BILINEAR))


def test_caffe_s_vgg_takes_blue_first_less_the_mean() -> None:
    """As ``keras.applications.imagenet_utils`` in its mode "caffe"."""
    image, mean = noise(97, 131), (103.939, 116.779, 123.68)
    wanted = Preprocess("squash", (64, 64), resample="nearest", scale=1.0, mean=mean, bgr=True)
    expected = np.asarray(image.resize((64, 64), Image.Resampling.NEAREST)).astype(np.float32)[..., ::-1] - mean
    np.testing.assert_allclose(prepared(image, wanted), expected, atol=1e-4)
    assert prepared(image, wanted).dtype == np.float32


@pytest.mark.parametrize("size", [(2, 2000), (3000, 3), (1, 40_000)])
@pytest.mark.parametrize("resample", ["bicubic", "bilinear", "nearest"])
def test_a_thread_of_a_picture_is_cropped_without_its_gigabytes(size: tuple[int, int], resample: Any) -> None:
    """What is too large to make whole is the same to a level, against Pillow's resize of a window around the crop."""
    wanted = Preprocess("shortest_edge", (224, 224), edge=256, resample=resample)
    short, long = min(size), max(size)
    assert 256 * int(256 * long / short) > MOST_PIXELS
    image = noise(*size)
    found = prepare(image, wanted).astype(int)
    assert found.shape == (224, 224, 3)
    middle, keep = long // 2, 100 * short  # in steps of the short side, so that the window keeps the scale
    box = (middle - keep, middle + keep)
    window = image.crop((0, box[0], short, box[1]) if size[0] == short else (box[0], 0, box[1], short))
    expected = prepare(window, wanted).astype(int)
    assert np.mean(np.abs(found - expected)) < 1.5


def test_files_from_before_the_classes_were_named() -> None:
    assert from_preprocessor_config({}) == from_preprocessor_config({"image_processor_type": "ViTImageProcessor"})
    clip = from_preprocessor_config({"image_processor_type": "CLIPImageProcessor"})
    assert from_preprocessor_config({"do_center_crop": True, "size": 224, "crop_size": 224}) == clip
    resnet = from_preprocessor_config({"feature_extractor_type": "ConvNextFeatureExtractor", "size": 224})
    assert from_preprocessor_config({"crop_pct": 0.875, "size": 224, "resample": 3}) == resnet


@pytest.mark.parametrize(
    "config",
    [
        {"image_processor_type": "Siglip2ImageProcessor", "patch_size": 16},
        {"image_processor_type": "ViTImageProcessor", "do_resize": False},
        {"image_processor_type": "CLIPImageProcessor", "do_center_crop": False},
        {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": "224"}},
        {"image_processor_type": "CLIPImageProcessor", "crop_size": -1},
        {"image_processor_type": "CLIPImageProcessor", "resample": 77},
        {"image_processor_type": "ViTImageProcessor", "image_std": [0, 1, 1]},
        {"image_processor_type": "ViTImageProcessor", "image_mean": [0.5, 0.5]},
        {"image_processor_type": "ViTImageProcessor", "image_mean": ["a", "b", "c"]},
        {"image_processor_type": "NewImageProcessor"},
        {"size": []},
        [],
        None,
    ],
)
def test_a_file_that_asks_for_more_is_refused(config: Any) -> None:
    with pytest.raises(ModelError, match=r"preprocessor_config\.json"):
        from_preprocessor_config(config)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"size": 224, "resize_mode": "stretch"},
        {"size": [224, 192], "resize_mode": "shortest"},
        {"size": 224, "resize_mode": "longest", "fill_color": 255},
        {"size": 224, "interpolation": "random"},
        {"size": 224, "mode": "L"},
        {"size": "big"},
        None,
    ],
)
def test_an_open_clip_file_that_asks_for_more_is_refused(config: Any) -> None:
    with pytest.raises(ModelError, match="preprocess_cfg"):
        from_open_clip(config)

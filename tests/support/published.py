"""Repositories as they are published on the hub, by the names of their files, with graphs that are small and of chance.

What is done to a picture is theirs to the byte: the checksums of these files, which several projects on GitHub pin, are
in the catalogue.
"""

from __future__ import annotations

import json
from typing import Any

from tiny_graphs import image_graph, text_graph, tokenizer

CLIP_PREPROCESSOR: dict[str, Any] = {
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "feature_extractor_type": "CLIPFeatureExtractor",
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_processor_type": "CLIPFeatureExtractor",
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 224},
}
SIGLIP2_PREPROCESSOR: dict[str, Any] = {
    "do_convert_rgb": None,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "SiglipImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "processor_class": "SiglipProcessor",
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": 224, "width": 224},
}


def written(config: dict[str, Any]) -> str:
    """As ``transformers`` writes it."""
    return json.dumps(config, indent=2) + "\n"


def clip_b32() -> dict[str, bytes | str]:
    """Xenova/clip-vit-base-patch32 at d15189d7."""
    text = {"max_position_embeddings": 77, "model_type": "clip_text_model"}
    vision = {"image_size": 224, "model_type": "clip_vision_model", "patch_size": 32}
    config = {"model_type": "clip", "projection_dim": 512, "text_config": text, "vision_config": vision}
    return {
        "README.md": "not needed",
        "config.json": json.dumps(config),
        "merges.txt": "not needed",
        "preprocessor_config.json": written(CLIP_PREPROCESSOR),
        "quantize_config.json": "{}",
        "special_tokens_map.json": "{}",
        "tokenizer.json": tokenizer(),
        "tokenizer_config.json": json.dumps({"model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}),
        "vocab.json": "{}",
        **_graphs(512, "quantized", "image_embeds", "text_embeds"),
    }


def siglip2() -> dict[str, bytes | str]:
    """onnx-community/siglip2-base-patch16-224-ONNX at ba1f3b08."""
    return {
        "README.md": "not needed",
        "config.json": json.dumps({"model_type": "siglip", "vision_config": {"model_type": "siglip_vision_model"}}),
        "preprocessor_config.json": written(SIGLIP2_PREPROCESSOR),
        "quantize_config.json": "{}",
        "special_tokens_map.json": "{}",
        "tokenizer.json": tokenizer(),
        "tokenizer.model": b"not needed",
        "tokenizer_config.json": json.dumps(
            {"model_max_length": 64, "tokenizer_class": "GemmaTokenizer", "pad_token": "[PAD]"}
        ),
        **_graphs(768, "int8", "pooler_output", "pooler_output"),
    }


def _graphs(dim: int, variant: str, image: str, text: str) -> dict[str, bytes | str]:
    """Graphs of both kinds in three precisions; only those of the ``variant`` are wanted."""
    return {
        **{f"onnx/model{suffix}.onnx": b"not needed" for suffix in ("", "_fp16", f"_{variant}")},
        **{f"onnx/vision_model{suffix}.onnx": b"not needed" for suffix in ("", "_fp16")},
        **{f"onnx/text_model{suffix}.onnx": b"not needed" for suffix in ("", "_fp16")},
        f"onnx/vision_model_{variant}.onnx": image_graph(dim, image),
        f"onnx/text_model_{variant}.onnx": text_graph(dim, text),
    }

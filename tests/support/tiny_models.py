"""Tiny models of random weights made with ``transformers``, and the files that a repository on the hub would hold of
them: ONNX graphs, the configuration, what is done to pictures, the tokenizer."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WORDS = ("a", "photo", "of", "the", "red", "blue", "dog", "cat", "bike", "two", "run", "along", "beach", "at", "sunset")


@dataclass
class Tiny:
    """``model`` is the PyTorch original; ``processor`` prepares pictures for it, ``tokenizer`` texts; ``files`` are by
    their paths in the repository."""

    model: Any
    processor: Any
    files: dict[str, bytes]
    tokenizer: Any = None


def export(module: Any, inputs: dict[str, Any], outputs: Sequence[str]) -> bytes:
    """The module as ONNX, any number of rows; ``inputs`` are examples by their names."""
    import torch

    class Named(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, *values: Any) -> tuple[Any, ...]:
            found = self.inner(**dict(zip(inputs, values, strict=True)))
            return tuple(found[name] for name in outputs)

    axes: dict[str, dict[int, str]] = {name: {0: "batch"} for name in (*inputs, *outputs)}
    for name, value in inputs.items():
        if value.ndim == 2:
            axes[name][1] = "tokens"
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Named().eval(),
            tuple(inputs.values()),
            buffer,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=17,
            dynamo=False,
        )
    return buffer.getvalue()


def randomise(model: Any) -> Any:
    """Weights that tell pictures apart: as they are made, most tiny models give nearly the same for all."""
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.ndim > 1:
                value.normal_(0, 2.0 / max(1, value[0].numel()) ** 0.5)
            elif "bias" in name:
                value.normal_(0, 0.1)
        for name, value in model.named_buffers():
            if name.endswith("running_mean"):
                value.normal_(0, 0.2)
            if name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
    return model.eval()


def clip() -> Tiny:
    """As ``Xenova/clip-vit-base-patch32`` is laid out."""
    return _clip(_layers(), _layers(), size=48, patch=16, dim=24)


def clip_b32() -> Tiny:
    """Not tiny: CLIP ViT-B/32 of random weights, for measurements."""
    vision = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    text = {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 8}
    return _clip(vision, text | {"vocab_size": 49408}, size=224, patch=32, dim=512)


def _clip(vision: dict[str, int], text: dict[str, int], *, size: int, patch: int, dim: int) -> Tiny:
    import torch
    from transformers import CLIPConfig, CLIPModel, CLIPTextModelWithProjection, CLIPVisionModelWithProjection
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer = clip_tokenizer()
    ends = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    text = {"vocab_size": len(tokenizer)} | text | {"max_position_embeddings": 77, "projection_dim": dim} | ends
    vision = vision | {"image_size": size, "patch_size": patch, "projection_dim": dim}
    model = randomise(CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=dim)))
    with torch.no_grad():
        model.logit_scale.fill_(3.7)
    texts = CLIPTextModelWithProjection(model.config.text_config).eval()
    pictures = CLIPVisionModelWithProjection(model.config.vision_config).eval()
    for part in (texts, pictures):
        part.load_state_dict({k: v for k, v in model.state_dict().items() if k in part.state_dict()})
    processor = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
    tokens = torch.tensor([[ends["bos_token_id"], 3, 4, ends["eos_token_id"]]] * 2)
    pixels = torch.zeros(2, 3, size, size)
    files = {
        "onnx/vision_model.onnx": export(pictures, {"pixel_values": pixels}, ["image_embeds", "last_hidden_state"]),
        "onnx/text_model.onnx": export(
            texts,
            {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)},
            ["text_embeds", "last_hidden_state"],
        ),
    }
    if dim < 100:  # the whole of a large one is never asked for
        files["onnx/model.onnx"] = export(
            model,
            {"input_ids": tokens, "pixel_values": pixels, "attention_mask": torch.ones_like(tokens)},
            ["logits_per_image", "logits_per_text", "text_embeds", "image_embeds"],
        )
    return _tiny(model, processor, files, tokenizer)


def siglip() -> Tiny:
    """As ``Xenova/siglip-base-patch16-224`` is laid out."""
    import torch
    from transformers import SiglipConfig, SiglipModel
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    tokenizer = siglip_tokenizer()
    ends = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), 1)
    text = _layers() | {"vocab_size": len(tokenizer), "max_position_embeddings": 64, "projection_size": 32} | ends
    vision = _layers() | {"image_size": 48, "patch_size": 16}
    model = randomise(SiglipModel(SiglipConfig(text_config=text, vision_config=vision)))
    with torch.no_grad():
        model.logit_scale.fill_(2.1)
        model.logit_bias.fill_(-4.2)
    processor = SiglipImageProcessorPil(size={"height": 48, "width": 48})
    files = {
        "onnx/vision_model.onnx": export(
            model.vision_model, {"pixel_values": torch.zeros(2, 3, 48, 48)}, ["last_hidden_state", "pooler_output"]
        ),
        "onnx/text_model.onnx": export(
            model.text_model, {"input_ids": torch.full((2, 64), 3)}, ["last_hidden_state", "pooler_output"]
        ),
    }
    return _tiny(model, processor, files, tokenizer)


def dinov2() -> Tiny:
    """As ``onnx-community/dinov2-small-ONNX`` is laid out."""
    import torch
    from transformers import Dinov2Config, Dinov2Model
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

    config = Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, image_size=56, patch_size=14
    )
    model = randomise(Dinov2Model(config))
    processor = BitImageProcessorPil(
        size={"shortest_edge": 64}, crop_size={"height": 56, "width": 56},
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225],
    )  # fmt: skip
    pixels = {"pixel_values": torch.zeros(2, 3, 56, 56)}
    return _tiny(model, processor, {"onnx/model.onnx": export(model, pixels, ["last_hidden_state", "pooler_output"])})


def resnet() -> Tiny:
    """A classifier, as ``Xenova/resnet-50`` is laid out: the vector is inside."""
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification
    from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

    config = ResNetConfig(embedding_size=8, hidden_sizes=[16, 32], depths=[1, 1], num_labels=5)
    model = randomise(ResNetForImageClassification(config))
    processor = ConvNextImageProcessorPil(size={"shortest_edge": 64}, crop_pct=0.875)
    pixels = {"pixel_values": torch.zeros(2, 3, 64, 64)}
    return _tiny(model, processor, {"onnx/model.onnx": export(model, pixels, ["logits"])})


def vit() -> Tiny:
    """As ``Xenova/vit-base-patch16-224-in21k`` is laid out."""
    import torch
    from transformers import ViTConfig, ViTModel
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    config = ViTConfig(**_layers(), image_size=48, patch_size=16)
    model = randomise(ViTModel(config, add_pooling_layer=False))
    processor = ViTImageProcessorPil(size={"height": 48, "width": 48})
    pixels = {"pixel_values": torch.zeros(2, 3, 48, 48)}
    return _tiny(model, processor, {"onnx/model.onnx": export(model, pixels, ["last_hidden_state"])})


def mobilenet() -> Tiny:
    """A classifier, as ``Xenova/mobilenet_v2_1.0_224`` is laid out."""
    import torch
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification
    from transformers.models.mobilenet_v2.image_processing_pil_mobilenet_v2 import MobileNetV2ImageProcessorPil

    config = MobileNetV2Config(depth_multiplier=0.25, image_size=64, num_labels=7)
    model = randomise(MobileNetV2ForImageClassification(config))
    processor = MobileNetV2ImageProcessorPil(size={"shortest_edge": 73}, crop_size={"height": 64, "width": 64})
    pixels = {"pixel_values": torch.zeros(2, 3, 64, 64)}
    return _tiny(model, processor, {"onnx/model.onnx": export(model, pixels, ["logits"])})


def clip_tokenizer() -> Any:
    """CLIP's own class over a vocabulary of the letters and a few words."""
    from transformers import CLIPTokenizer

    vocab: dict[str, int] = {}
    for letter in "abcdefghijklmnopqrstuvwxyz0123456789!?.,'-":
        vocab[letter] = len(vocab)
        vocab[letter + "</w>"] = len(vocab)
    merges: list[tuple[str, str]] = []
    for word in ("a", "of", "dog", "red"):
        left = word[0]
        for i, letter in enumerate(word[1:], 1):
            right = letter + ("</w>" if i == len(word) - 1 else "")
            if (left, right) not in merges:
                merges.append((left, right))
            left += right
            vocab.setdefault(left, len(vocab))
    vocab["<|startoftext|>"] = len(vocab)
    vocab["<|endoftext|>"] = len(vocab)
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=77)


def siglip_tokenizer() -> Any:
    """A unigram tokenizer with the steps of SigLIP's: lower case, no punctuation, an end, and padding to 64 with it."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = [("▁", -3.0), *((letter, -4.0) for letter in "abcdefghijklmnopqrstuvwxyz")]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -9.0), *letters, *(("▁" + word, -2.0) for word in WORDS)]
    made = Tokenizer(models.Unigram(list(dict(pieces).items()), unk_id=2))
    made.normalizer = normalizers.Sequence(
        [
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"[!-/:-@\[-`{-~]"), ""),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.post_processor = processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="</s>", eos_token="</s>", unk_token="<unk>", model_max_length=64,
        model_input_names=["input_ids"],
    )  # fmt: skip


def siglip2_tokenizer() -> Any:
    """SigLIP 2's own class over letters, bytes and a few pieces."""
    from tokenizers.processors import TemplateProcessing
    from transformers import Siglip2Tokenizer

    names = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces = [*"abcdefghijklmnopqrstuvwxyz▁,.!", "do", "dog", "dog▁", "ph", "red"]
    vocab = {piece: i for i, piece in enumerate([*names, *pieces])}
    merges = [("d", "o"), ("do", "g"), ("dog", "▁"), ("p", "h"), ("r", "e"), ("re", "d")]
    vocab["re"] = len(vocab)
    made = Siglip2Tokenizer(vocab=vocab, merges=merges, padding_side="right", model_max_length=64)
    made.backend_tokenizer.post_processor = TemplateProcessing("$A <eos>", special_tokens=[("<eos>", vocab["<eos>"])])
    return made


def _layers() -> dict[str, int]:
    return {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def _tiny(model: Any, processor: Any, files: dict[str, bytes], tokenizer: Any = None) -> Tiny:
    files["config.json"] = model.config.to_json_string().encode()
    files["preprocessor_config.json"] = processor.to_json_string().encode()
    if tokenizer is not None:
        files["tokenizer.json"] = tokenizer.backend_tokenizer.to_str().encode()
        ends = {name: str(value) for name, value in tokenizer.special_tokens_map.items()}
        facts = {"model_max_length": tokenizer.model_max_length, "tokenizer_class": type(tokenizer).__name__, **ends}
        files["tokenizer_config.json"] = json.dumps(facts).encode()
    return Tiny(model, processor, files, tokenizer)

"""From the files of a published model to a ``ModelSpec``: which files are needed, how pictures are preprocessed, and
which tensor of the graph is the vector.

It knows the layouts of onnx-community and Xenova (exports of ``transformers``), of immich-app (open_clip, one folder
each for images and text) and of onnxmodelzoo (one graph of a classifier).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from imagefinder.errors import ModelError, NotFoundError
from imagefinder.models.graph_facts import Graph, Tensor, read_graph
from imagefinder.models.hf_preprocess import IMAGENET_MEAN, IMAGENET_STD, from_open_clip, from_preprocessor_config
from imagefinder.models.spec import ImageSpec, ModelSpec, Pooling, Preprocess, SpaceSpec, TextSpec
from imagefinder.models.timm_preprocess import from_timm

IMAGE_GRAPHS = ("onnx/vision_model", "vision_model", "visual/model", "onnx/model", "model")
TEXT_OF = {"onnx/vision_model": "onnx/text_model", "vision_model": "text_model", "visual/model": "textual/model"}
TOGETHER = ("onnx/model", "model")  # may hold pictures and texts in one graph
VARIANTS = ("fp16", "int8", "uint8", "quantized", "q4", "q4f16", "bnb4")
CONFIGS = ("config.json", "preprocessor_config.json", "processor_config.json", "preprocess_cfg.json")
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
EMBEDDINGS = ("image_embeds", "image_features", "image_embedding", "image_embeddings", "embedding", "embeddings")
TEXT_EMBEDDINGS = ("text_embeds", "text_features", "text_embedding", "text_embeddings", "embedding", "embeddings")
# Their first token stands for the picture; a pooler, where there is one, is often left untrained by those of the first
# line (transformers adds one to google/vit-base-patch16-224).
UNPOOLED = ("vit", "deit")
CLASS_TOKEN = (*UNPOOLED, "dinov2", "dinov2_with_registers", "dinov3_vit", "clip", "clip_vision_model", "beit", "ijepa")
CLASSES = (1000, 1001, 21841, 21843)  # ImageNet, with and without a background; ImageNet-21k
_BY_HAND = "Put a spec.json beside the file that says so (docs/models.md shows one), and name the folder: onnx:FOLDER"


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of a model, by their paths: the graph for pictures, that for texts, and what is read beside them."""

    image: str
    text: str | None
    beside: tuple[str, ...]


def choose_files(paths: Collection[str], wanted: str | None = None) -> Layout:
    """The files that are needed. ``wanted`` is the path of a graph, or a variant such as "fp16". Raises
    NotFoundError."""
    graphs = sorted(path for path in paths if path.endswith(".onnx"))
    image = _image_graph(graphs, wanted)
    stem, variant = _split(image)
    text = None
    if stem in TEXT_OF:
        texts = (f"{TEXT_OF[stem]}{variant}.onnx", f"{TEXT_OF[stem]}.onnx")
        text = next((name for name in texts if name in graphs), None)
    folders = [PurePosixPath(image).parent, *([PurePosixPath(text).parent] if text else []), PurePosixPath()]
    names = [*CONFIGS, *(TOKENIZER if text or stem in TOGETHER else ())]
    beside = dict.fromkeys(str(folder / name) for folder in folders for name in names)
    return Layout(image, text, tuple(name for name in beside if name in paths))


def _image_graph(graphs: Sequence[str], wanted: str | None) -> str:
    if wanted in VARIANTS:
        names = [f"{stem}_{wanted}.onnx" for stem in IMAGE_GRAPHS]
    elif wanted:
        names = [wanted, *(path for path in graphs if PurePosixPath(path).name == wanted)]
    else:
        names = [f"{stem}.onnx" for stem in IMAGE_GRAPHS] + (list(graphs) if len(graphs) == 1 else [])
    found = next((name for name in names if name in graphs), None)
    if found is None:
        there = ", ".join(graphs[:12]) + (", ..." if len(graphs) > 12 else "")
        what = wanted or "model for pictures that can be told from others"
        raise NotFoundError(
            f"There is no {what} here; ONNX files: {there or 'none'}.",
            remedy="Name one of them after a colon, such as hub:ORG/REPO:FILE" if graphs else "Choose an ONNX export.",
        )
    return found


def _split(path: str) -> tuple[str, str]:
    """The path of a graph without its extension and variant, and the variant: "onnx/model_fp16.onnx" is "onnx/model"
    and "_fp16"."""
    stem = path.removesuffix(".onnx")
    for variant in VARIANTS:
        if stem.endswith("_" + variant):
            return stem.removesuffix("_" + variant), "_" + variant
    return stem, ""


def external_files(folder: Path, graph: str) -> list[str]:
    """The files with the weights of a graph, as paths in the folder. Raises ModelError for a file outside it."""
    parent = PurePosixPath(graph).parent
    found = []
    for name in read_graph(folder / graph).external:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ModelError(f"{graph} wants its weights from {name!r}, outside its folder.")
        found.append(str(parent / name))
    return found


def describe(folder: Path, layout: Layout, facts: Mapping[str, Any]) -> ModelSpec:
    """The spec of the model whose files are in a folder, without checksums.

    ``facts`` has name, alias, title, licence and source. It may also have what the files don't contain, or what should
    be different: ``preprocess`` (or "imagenet"), ``output`` (a tensor, or "@MaxPool" for the output of the last node of
    that kind), ``pooling``, and parts of ``text``. Raises ModelError if something can't be found out.
    """
    configs = _configs(folder, layout)
    graph = read_graph(folder / layout.image)
    pixels = _pixels(layout.image, graph)
    tensor, pooling = _vector(graph, configs, facts)
    if layout.text is None and "input_ids" in graph.inputs:
        layout = replace(layout, text=layout.image)
    text = _text(folder, layout, configs) if layout.text else None
    text = replace(text, **facts["text"]) if text and facts.get("text") else text
    spec = ModelSpec(
        **{key: facts[key] for key in ("name", "alias", "title", "licence", "source")},
        files={},
        preprocess=_preprocess(configs, pixels, facts),
        image=ImageSpec(layout.image, {"image": tensor}, input=pixels.name, pooling=pooling),
        spaces={"image": SpaceSpec(1, "none" if text else "pca")},
        text=text,
        folder=folder,
    )
    spec = replace(spec, spaces={"image": SpaceSpec(measure(spec), spec.spaces["image"].transform)})
    return _hearing(spec, text) if text else spec


def _hearing(spec: ModelSpec, text: TextSpec) -> ModelSpec:
    """The spec after a trial run of its text graph. If the graph takes only texts of full length, which no file says,
    the spec says so. Raises ModelError if the graph doesn't run, or if its vectors have another dimension than those of
    pictures."""
    from imagefinder.models.joint_text import JointWords

    def run(way: TextSpec) -> None:
        JointWords(spec, way, threads=1).embed(["a photo of a dog", "a"])

    try:
        run(text)
    except ModelError:
        if text.pad:
            raise
        text = replace(text, pad=True)
        run(text)
    return replace(spec, text=text)


def measure(spec: ModelSpec) -> int:
    """The dimension of a model's vectors, found by running it on a picture of noise. Raises ModelError for a graph that
    doesn't run, or whose output is not finite."""
    import numpy as np

    from imagefinder.models.image_tower import ImageTower

    if spec.preprocess is None:
        raise ModelError(f"{spec.name} takes no pictures.")
    noise = np.random.default_rng(0).integers(0, 256, (1, *spec.preprocess.size, 3), dtype=np.uint8)
    found = ImageTower(spec, spec.preprocess, threads=1).run(noise)["image"]
    if found.ndim != 2 or len(found) != 1 or not np.isfinite(found).all():
        raise ModelError(
            f"{spec.image.outputs['image']!r} of {spec.image.file} gives {found.shape} for one picture, or values that "
            "are no numbers.",
            remedy=f"Choose another variant of the model, or another output. {_BY_HAND}",
        )
    return int(found.shape[1])


def _configs(folder: Path, layout: Layout) -> dict[str, Any]:
    """The JSON files beside the graphs, by their names; the one next to the graph for pictures first."""
    found: dict[str, Any] = {}
    for path in layout.beside:
        name = PurePosixPath(path).name
        if name in found or name == "tokenizer.json":
            continue
        try:
            found[name] = json.loads((folder / path).read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise ModelError(f"{folder / path} can't be read: {error}.", remedy="Fetch the model again.") from error
        if not isinstance(found[name], dict):
            raise ModelError(f"{folder / path} holds no object.", remedy="Fetch the model again.")
    return found


def _pixels(file: str, graph: Graph) -> Tensor:
    """The input that takes the picture."""
    found = [t for t in graph.inputs.values() if t.name == "pixel_values" or len(t.shape) == 4]
    if len(found) != 1:
        raise ModelError(
            f"{file} takes {', '.join(graph.inputs)}; one input, of four axes, should take the picture.",
            remedy="Name the graph for pictures, such as hub:ORG/REPO:onnx/vision_model.onnx",
        )
    if found[0].kind not in ("float32", "float16", "uint8"):
        raise ModelError(
            f"{file} takes pictures as {found[0].kind}, not as floats or bytes.",
            remedy="Choose another variant of the model.",
        )
    return found[0]


def _preprocess(configs: Mapping[str, Any], pixels: Tensor, facts: Mapping[str, Any]) -> Preprocess:
    """What is done to a picture, from the files, in the order of axes that the graph wants."""
    config = configs.get("config.json", {})
    processor = configs.get("preprocessor_config.json") or configs.get("processor_config.json", {}).get(
        "image_processor"
    )
    given = facts.get("preprocess")
    if given == "imagenet":
        found = imagenet(pixels)
    elif given:
        settings: Any = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
        found = Preprocess(**settings)
    elif "preprocess_cfg.json" in configs:
        found = from_open_clip(configs["preprocess_cfg.json"])
    elif timm := (processor or {}).get("pretrained_cfg") or config.get("pretrained_cfg"):
        found = from_timm(timm)
    elif processor:
        found = from_preprocessor_config(processor)
    else:
        raise ModelError(
            "Nothing says what is to be done to a picture before this model sees it: there is no "
            "preprocessor_config.json.",
            remedy=_BY_HAND,
        )
    layout: Literal["NHWC", "NCHW"] = "NHWC" if pixels.shape[1:2] != (3,) and pixels.shape[-1:] == (3,) else "NCHW"
    sides = pixels.shape[1:3] if layout == "NHWC" else pixels.shape[2:4]
    if any(there not in (None, wanted) for there, wanted in zip(sides, found.size, strict=False)):
        raise ModelError(f"The graph takes pictures of {sides}, and the files beside it make {found.size} of them.")
    if pixels.kind == "uint8":
        found = replace(found, scale=None, mean=None, std=None)
    return replace(found, layout=layout)


def imagenet(pixels: Tensor) -> Preprocess:
    """What the classifiers of the ONNX model zoo and of torchvision are trained with."""
    sides = [side for side in pixels.shape[1:] if side is not None and side > 3]
    size = sides[0] if sides else 224
    return Preprocess(
        resize="shortest_edge",
        size=(size, size),
        edge=round(size * 256 / 224),
        resample="bilinear",
        scale=1 / 255,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        layout="NCHW",
    )


def _vector(graph: Graph, configs: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[str, Pooling]:
    """The tensor that is the picture's vector, and how it becomes one where it is not."""
    config = configs.get("config.json", {})
    kind = str(config.get("model_type") or config.get("vision_config", {}).get("model_type") or "")
    if output := facts.get("output"):
        tensor = graph.last.get(output[1:]) if output.startswith("@") else output
        if tensor is None:
            raise ModelError(f"There is no {output[1:]} in the graph.", remedy=_BY_HAND)
        return tensor, facts.get("pooling") or "none"
    token: Pooling = "cls" if kind in CLASS_TOKEN else "mean"
    pooled = [*EMBEDDINGS, *([] if kind in UNPOOLED else ["pooler_output"])]
    for name in (*pooled, "last_hidden_state", "pooler_output"):
        if name in graph.outputs:
            rank = len(graph.outputs[name].shape)
            return name, facts.get("pooling") or (token if rank == 3 else "mean" if rank == 4 else "none")
    if len(graph.outputs) == 1 or "logits" in graph.outputs:
        name = "logits" if "logits" in graph.outputs else next(iter(graph.outputs))
        if _tells_classes(graph.outputs[name], config) and name in graph.before:
            return graph.before[name], facts.get("pooling") or _pooling_before(kind)
        if name != "logits":
            return name, facts.get("pooling") or ("none" if len(graph.outputs[name].shape) == 2 else token)
    raise ModelError(
        f"None of the outputs is known to be a picture's vector: {', '.join(graph.outputs)}.", remedy=_BY_HAND
    )


def _pooling_before(kind: str) -> Pooling:
    """A classifier takes one vector, as a rule; a convolution takes a map of them."""
    return "cls" if kind in CLASS_TOKEN else "mean"


def _tells_classes(output: Tensor, config: Mapping[str, Any]) -> bool:
    named = any(word in output.name.lower() for word in ("logit", "softmax", "prob", "class"))
    trained = any("Classification" in str(name) for name in config.get("architectures") or ())
    return named or trained or (len(output.shape) == 2 and output.shape[1] in CLASSES)


def _text(folder: Path, layout: Layout, configs: Mapping[str, Any]) -> TextSpec | None:
    """How texts reach the model; None where the tokenizer isn't there."""
    tokenizer = next((path for path in layout.beside if PurePosixPath(path).name == "tokenizer.json"), None)
    if tokenizer is None or layout.text is None:
        return None
    graph = read_graph(folder / layout.text)
    config, settings = configs.get("config.json", {}), configs.get("tokenizer_config.json", {})
    open_clip = config.get("text_cfg") or {}
    kind, ids = str(config.get("model_type") or ""), graph.inputs.get("input_ids") or next(iter(graph.inputs.values()))
    fixed = ids.shape[1] if len(ids.shape) == 2 else None
    output = next((n for n in (*TEXT_EMBEDDINGS, "pooler_output", "last_hidden_state") if n in graph.outputs), None)
    output = output or next(iter(graph.outputs))
    siglip = kind.startswith("siglip") or str(settings.get("tokenizer_class")).startswith("Siglip")
    clean = open_clip.get("tokenizer_kwargs", {}).get("clean")
    return TextSpec(
        kind="joint",
        space="image",
        file=layout.text,
        output=output,
        pooling="eos" if len(graph.outputs[output].shape) == 3 else "none",
        tokenizer=tokenizer,
        length=fixed or _length(config, settings, siglip),
        pad=bool(siglip or fixed or open_clip or "mobileclip" in kind),
        pad_token=_pad_token(folder / tokenizer, configs),
        lowercase=bool(siglip or clean == "lower" or settings.get("do_lower_case")),
        clean=kind == "siglip" or clean == "canonicalize",
    )


def _pad_token(tokenizer: Path, configs: Mapping[str, Any]) -> str | None:
    """The token that texts are filled up with, where a file names one that the tokenizer knows."""
    from tokenizers import Tokenizer

    for name in TOKENIZER[1:]:
        token = configs.get(name, {}).get("pad_token")
        token = token.get("content") if isinstance(token, dict) else token
        try:
            if token and Tokenizer.from_file(str(tokenizer)).token_to_id(token) is not None:
                return str(token)
        except Exception as error:  # tokenizers raises plain Exception
            raise ModelError(f"The tokenizer {tokenizer} can't be read: {error}.", remedy="Fetch it again.") from error
    return None


def _length(config: Mapping[str, Any], settings: Mapping[str, Any], siglip: bool) -> int:
    """The most word pieces of a text, with its beginning and end."""
    told = (
        config.get("text_cfg", {}).get("context_length"),
        config.get("text_config", {}).get("max_position_embeddings"),
        settings.get("model_max_length"),
    )
    known = [int(n) for n in told if isinstance(n, int | float) and 0 < n < 100_000]
    return min(known) if known else 64 if siglip else 77

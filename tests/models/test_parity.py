"""Tiny models of random weights: pictures of odd sizes and texts, through ONNX and through ``transformers``.

Pictures go through ``transformers`` with its processors for Pillow and NumPy: it has them for every family here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.errors import ModelError
from imagefinder.models.onnx import OnnxEmbedder
from imagefinder.models.registry import load_model, pull_model
from imagefinder.models.similarity import logits_per_image, probabilities

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("onnx")
import onnx_graphs  # noqa: E402
import tiny_models  # noqa: E402
from hub_server import HubServer  # noqa: E402

SIZES = [(1, 60), (90, 2), (33, 47), (48, 48), (301, 100), (100, 257), (640, 479), (20, 20), (65, 63)]
TEXTS = ["a photo of a dog", "A RED bike!", "", "two cats, on the beach at sunset...", "dog " * 100, "\N{SNOWMAN} 雪"]
VECTORS: dict[str, Callable[[Any, Any], Any]] = {  # what the vector of a picture is, in PyTorch
    "clip": lambda model, pixels: model.visual_projection(model.vision_model(pixels).pooler_output),
    "siglip": lambda model, pixels: model.vision_model(pixels).pooler_output,
    "dinov2": lambda model, pixels: model(pixels).last_hidden_state[:, 0],
    "resnet": lambda model, pixels: model.resnet(pixels).pooler_output[:, :, 0, 0],
    "vit": lambda model, pixels: model(pixels).last_hidden_state[:, 0],
    "mobilenet": lambda model, pixels: model.mobilenet_v2(pixels).pooler_output,
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    folder = tmp_path_factory.mktemp("hub")
    with HubServer() as server, pytest.MonkeyPatch.context() as patch:
        server.use(patch, folder)
        yield server


@pytest.fixture(scope="module")
def load(hub: HubServer) -> Callable[[str], tuple[tiny_models.Tiny, OnnxEmbedder]]:
    """``load("clip")`` is the model in PyTorch, and the embedder of its files by their name on the hub."""
    known: dict[str, tuple[tiny_models.Tiny, OnnxEmbedder]] = {}

    def load(name: str) -> tuple[tiny_models.Tiny, OnnxEmbedder]:
        if name not in known:
            torch.set_num_threads(1)
            tiny = getattr(tiny_models, name)()
            hub.add(f"tiny/{name}", tiny.files)
            pull_model(f"hub:tiny/{name}")
            embedder = load_model(f"hub:tiny/{name}", threads=1)
            assert isinstance(embedder, OnnxEmbedder)
            known[name] = tiny, embedder
        return known[name]

    return load


def photos() -> list[Image.Image]:
    """Smooth ones and noise, of odd sizes."""
    rng = np.random.default_rng(0)
    found = []
    for width, height in SIZES:
        coarse = rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
        noisy = smooth + rng.integers(-30, 30, smooth.shape)
        found.append(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)))
    return found


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def pixels_of(tiny: tiny_models.Tiny) -> Any:
    return torch.from_numpy(np.stack([tiny.processor(p, return_tensors="np")["pixel_values"][0] for p in photos()]))


def tokens_of(name: str, tiny: tiny_models.Tiny, texts: list[str]) -> dict[str, Any]:
    """As each was trained: CLIP pads to the longest, SigLIP always to 64, without a mask."""
    padding = "max_length" if name == "siglip" else True
    found = tiny.tokenizer(texts, padding=padding, truncation=True, return_tensors="pt")
    return {key: found[key] for key in (("input_ids",) if name == "siglip" else ("input_ids", "attention_mask"))}


def texts_of(name: str, tiny: tiny_models.Tiny, texts: list[str]) -> np.ndarray:
    with torch.inference_mode():
        pooled = tiny.model.text_model(**tokens_of(name, tiny, texts)).pooler_output
        return (tiny.model.text_projection(pooled) if name == "clip" else pooled).numpy()


@pytest.mark.parametrize("name", VECTORS)
def test_pictures_have_the_vectors_of_the_original(name: str, load: Any) -> None:
    tiny, embedder = load(name)
    with torch.inference_mode():
        expected = VECTORS[name](tiny.model, pixels_of(tiny)).numpy()
    assert cosines(expected[:-1], expected[1:]).max() < 0.999, "the model does not tell the pictures apart"
    found = embedder.embed_images(np.stack([embedder.preprocess(photo) for photo in photos()]))["image"]
    assert found.dtype == np.float32 and found.shape == expected.shape
    assert cosines(found, expected).min() > 0.9999
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_texts_have_the_vectors_of_the_original(name: str, load: Any) -> None:
    tiny, embedder = load(name)
    expected = texts_of(name, tiny, TEXTS)
    found = embedder.embed_texts(TEXTS)
    assert cosines(found, expected).min() > 0.9999
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert cosines(expected[:1], expected[1:2]).max() < 0.999


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_a_text_has_the_same_vector_alone_and_in_a_batch(name: str, load: Any) -> None:
    embedder = load(name)[1]
    together = embedder.embed_texts(TEXTS)
    alone = np.concatenate([embedder.embed_texts([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, together, atol=1e-5)


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_likeness_is_what_transformers_says(name: str, load: Any) -> None:
    """``logits_per_image``, with the scale and, for SigLIP, the bias; and the probabilities its documentation makes of
    them."""
    tiny, embedder = load(name)
    pixels = pixels_of(tiny)
    with torch.inference_mode():
        logits = tiny.model(pixel_values=pixels, **tokens_of(name, tiny, TEXTS)).logits_per_image
        odds = torch.sigmoid(logits) if name == "siglip" else logits.softmax(dim=1)
    images = embedder.embed_images(np.stack([embedder.preprocess(photo) for photo in photos()]))["image"]
    texts = embedder.embed_texts(TEXTS)
    assert embedder.spec.text is not None
    scale, bias = tiny.model.logit_scale.exp().item(), tiny.model.logit_bias.item() if name == "siglip" else None
    spec = replace(embedder.spec, text=replace(embedder.spec.text, logit_scale=scale, logit_bias=bias))
    np.testing.assert_allclose(logits_per_image(spec, images, texts), logits.numpy(), rtol=1e-3, atol=0.02)
    np.testing.assert_allclose(probabilities(spec, images, texts), odds.numpy(), atol=5e-3)
    with pytest.raises(ModelError, match="no scale"):  # the graphs of the halves don't hold it
        probabilities(embedder.spec, images, texts)


def test_siglip_2_s_texts_become_the_tokens_transformers_makes(tmp_path: Path) -> None:
    """Lower case, bytes for what is unknown, an end, and padding to 64: the graph weighs each by its place."""
    tokenizer = tiny_models.siglip2_tokenizer()
    (tmp_path / "tokenizer.json").write_text(tokenizer.backend_tokenizer.to_str(), "utf-8")
    table = np.random.default_rng(0).normal(size=(len(tokenizer), 8)).astype(np.float32)
    weights = {"table": table, "places": np.linspace(1, 2, 64, dtype=np.float32)[:, None], "one": np.array([1])}
    nodes: list[onnx_graphs.Node] = [
        ("Gather", ["table", "input_ids"], ["rows"], {}),
        ("Mul", ["rows", "places"], ["weighed"], {}),
        ("ReduceSum", ["weighed", "one"], ["y"], {"keepdims": 0}),
    ]
    made = onnx_graphs.graph({"input_ids": ("INT64", ("n", "t"))}, nodes, {"y": ("FLOAT", None)}, weights)
    (tmp_path / "text.onnx").write_bytes(made.SerializeToString())
    text = {"kind": "joint", "space": "image", "file": "text.onnx", "tokenizer": "tokenizer.json", "length": 64}
    text |= {"pad": True, "pad_token": "<pad>", "lowercase": True}
    spec = onnx_graphs.spec(tmp_path, spaces={"image": {"dim": 8, "transform": "none"}}, text=text)
    ids = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=64, return_tensors="np")["input_ids"]
    assert (ids[3] != 0).sum() > 8 and ids.shape == (len(TEXTS), 64)
    expected = (table[ids] * weights["places"]).sum(axis=1)
    assert cosines(OnnxEmbedder(spec, threads=1).embed_texts(TEXTS), expected).min() > 0.99999


def test_a_graph_of_both_halves_serves_each(load: Any, tmp_path: Path) -> None:
    """``onnx/model.onnx`` of a CLIP wants pictures and texts at once: each half is cut out of it."""
    tiny, halves = load("clip")
    for name, data in tiny.files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert halves.spec.text is not None
    image = replace(halves.spec.image, file="onnx/model.onnx")
    text = replace(halves.spec.text, file="onnx/model.onnx")
    whole = OnnxEmbedder(replace(halves.spec, folder=tmp_path, image=image, text=text), threads=1)
    batch = np.stack([whole.preprocess(photo) for photo in photos()])
    assert cosines(whole.embed_images(batch)["image"], halves.embed_images(batch)["image"]).min() > 0.99999
    np.testing.assert_allclose(whole.embed_texts(TEXTS), halves.embed_texts(TEXTS), atol=1e-5)


def test_an_index_ranks_as_the_model_s_own_cosines_do(
    load: Any, sample_index: Path, copy_index: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    name, embedder = "hub:tiny/clip", load("clip")[1]
    copy_index(sample_index, tmp_path / "index")
    with ImageFinder.open(tmp_path / "index") as finder:
        assert not finder.add_model(name).skipped
        ids, raw = finder.vectors(embedder.spec.name, raw=True)
        for text in ("a photo of a dog", "red"):
            own = cosines(raw, np.broadcast_to(embedder.embed_texts([text]), raw.shape))
            hits = finder.search(text, k=12, spaces=[embedder.spec.name], words_in="pictures")
            best = sorted(own, reverse=True)[:12]
            np.testing.assert_allclose([own[ids.index(hit.id)] for hit in hits], best, atol=1e-3)

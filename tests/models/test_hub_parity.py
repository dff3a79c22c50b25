"""Tiny models made with ``transformers``, served by a hub on this machine and loaded by name: their vectors are those
of the PyTorch original."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hub_server import HubServer
from PIL import Image

from imagefinder.models.names import load_model, pull_model
from imagefinder.models.onnx import OnnxEmbedder

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
import tiny_models  # noqa: E402

SIZES = [(33, 47), (90, 20), (301, 100), (64, 64)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    folder = tmp_path_factory.mktemp("hub")
    with HubServer() as server, pytest.MonkeyPatch.context() as patch:
        server.use(patch, folder)
        yield server


def photos() -> list[Image.Image]:
    rng = np.random.default_rng(1)
    noise = [Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for _ in SIZES]
    return [small.resize(size, Image.Resampling.BICUBIC) for small, size in zip(noise, SIZES, strict=True)]


@pytest.mark.parametrize("name", ["clip", "siglip", "dinov2", "resnet", "vit", "mobilenet"])
def test_a_model_of_transformers_by_name(served: HubServer, name: str) -> None:
    from test_parity import VECTORS

    torch.set_num_threads(1)
    tiny = getattr(tiny_models, name)()
    served.add(f"org/{name}", tiny.files)
    spec = pull_model(f"hub:org/{name}")
    model = load_model(f"hub:org/{name}", threads=1)
    with torch.no_grad():
        pixels = [tiny.processor(photo, return_tensors="pt")["pixel_values"] for photo in photos()]
        wanted = torch.cat([VECTORS[name](tiny.model, one) for one in pixels]).numpy()
    found = model.embed_images(np.stack([model.preprocess(photo) for photo in photos()]))["image"]
    cosines = (found * wanted).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(wanted, axis=1)
    assert cosines.min() > 0.9999
    assert (spec.text is not None) == (name in ("clip", "siglip"))


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_the_texts_of_a_model_by_name(served: HubServer, name: str, tmp_path: Path) -> None:
    """As by the spec written by hand, which test_parity compares with the original."""
    tiny = getattr(tiny_models, name)()
    tiny_models.write(tiny, tmp_path)
    by_hand = OnnxEmbedder(tiny_models.describe(name, tiny, tmp_path), threads=1)
    served.add(f"org/{name}-words", tiny.files)
    pull_model(f"hub:org/{name}-words")
    texts = ["a photo of a dog", "A RED bike!", "", "two cats, on the beach at sunset...", "dog " * 100]
    found, wanted = load_model(f"hub:org/{name}-words", threads=1).embed_texts(texts), by_hand.embed_texts(texts)
    np.testing.assert_allclose(found, wanted, atol=1e-6)

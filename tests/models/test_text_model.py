"""The text tower against its original, and texts nobody expects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder.errors import InvalidInputError, ModelError
from imagefinder.models.onnx import OnnxEmbedder
from imagefinder.models.registry import BUNDLED, find_spec
from imagefinder.models.text import TextTower

GOLDEN = np.load(Path(__file__).with_name("golden.npz"))
TOWER = TextTower(BUNDLED / "minilm-l6-v2", threads=1)
EMBEDDER = OnnxEmbedder(find_spec("default"), threads=1)


def test_text_vectors_match_the_original_in_pytorch() -> None:
    found = TOWER.embed([str(text) for text in GOLDEN["texts"]])
    expected = GOLDEN["text_vectors"].astype(np.float32)
    assert (found * expected).sum(axis=1).min() > 0.995


def test_a_text_has_the_same_vector_alone_and_in_a_batch() -> None:
    texts = ["dog", "a much longer text about two dogs that run along a beach at sunset", "", *["filler"] * 40]
    alone = np.concatenate([TOWER.embed([text]) for text in texts[:3]])
    np.testing.assert_allclose(TOWER.embed(texts)[:3], alone, atol=1e-4)


def test_what_is_past_the_longest_input_is_not_read() -> None:
    words = ["word"] * 2000
    np.testing.assert_allclose(TOWER.embed([" ".join(words)]), TOWER.embed([" ".join([*words, "dog"])]), atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=60))
def test_any_text_gives_a_unit_vector(text: str) -> None:
    """Lone surrogates, controls, right-to-left marks and emoji among them."""
    vector = EMBEDDER.embed_texts([text])
    assert vector.shape == (1, 384) and vector.dtype == np.float32
    assert np.isclose(np.linalg.norm(vector), 1, atol=1e-4)


def test_texts_are_centred_on_the_mean_of_the_class_table() -> None:
    table = np.load(BUNDLED / "minilm-l6-v2" / "imagenet-1k.npy").astype(np.float32)
    centred = TOWER.embed(["a red bike"]) - table.mean(axis=0)
    np.testing.assert_allclose(EMBEDDER.embed_texts(["a red bike"]), centred / np.linalg.norm(centred), atol=1e-5)


def test_no_texts_give_no_vectors() -> None:
    assert EMBEDDER.embed_texts([]).shape == (0, 384)


@pytest.mark.parametrize("wrong", ["a dog", [b"a dog"], [None]])
def test_anything_but_a_list_of_strings_is_refused(wrong: list[str]) -> None:
    with pytest.raises(InvalidInputError, match="list of strings"):
        EMBEDDER.embed_texts(wrong)


def test_a_broken_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        TextTower(tmp_path).embed(["a dog"])

"""Text graphs of every kind a published model may have, made by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_graphs
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from imagefinder.errors import ModelError
from imagefinder.models.joint_text import NAMING, VOCABULARY, JointWords

VOCAB = {"[pad]": 0, "[end]": 1, "[?]": 2, "dog": 3, "cat": 4, "a": 5, "Dog": 6, "dog!": 7, "photo": 8, "of": 9}
TABLE = np.random.default_rng(0).normal(size=(len(VOCAB), 4)).astype(np.float32)


def write_tokenizer(folder: Path, **padding: Any) -> Tokenizer:
    made = Tokenizer(models.WordLevel(VOCAB, unk_token="[?]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing("$A [end]", special_tokens=[("[end]", 1)])
    if padding:
        made.enable_padding(**padding)
    made.save(str(folder / "tokenizer.json"))
    return made


def write_graph(
    folder: Path, *, names: Sequence[str] = ("input_ids",), kind: str = "INT64", shape: onnx_graphs.Shape = ("n", "t")
) -> None:
    """``tokens`` (n, t, 4) are rows of a table; where there is a mask, what it hides is set to zero; ``mean`` (n, 4) is
    the mean of all of them."""
    nodes: list[onnx_graphs.Node] = [("Gather", ["table", names[0]], ["rows"], {})]
    last = "rows"
    for name in names[1:]:
        nodes += [
            ("Cast", [name], [f"{name}_f"], {"to": onnx.TensorProto.FLOAT}),
            ("Unsqueeze", [f"{name}_f", "two"], [f"{name}_w"], {}),
            ("Mul", [last, f"{name}_w"], [f"{name}_rows"], {}),
        ]
        last = f"{name}_rows"
    nodes += [("Identity", [last], ["tokens"], {}), ("ReduceMean", ["tokens"], ["mean"], {"axes": [1], "keepdims": 0})]
    made = onnx_graphs.graph(
        dict.fromkeys(names, (kind, shape)),
        nodes,
        {"mean": ("FLOAT", None), "tokens": ("FLOAT", None)},
        {"table": TABLE, "two": np.array([2])},
    )
    onnx.save(made, folder / "text.onnx")


def words(folder: Path, dim: int = 4, **text: Any) -> JointWords:
    facts = {"kind": "joint", "space": "image", "file": "text.onnx", "tokenizer": "tokenizer.json", "output": "mean"}
    spaces = {"image": {"dim": dim, "transform": "none"}}
    spec = onnx_graphs.spec(folder, spaces=spaces, text=facts | text)
    assert spec.text is not None
    return JointWords(spec, spec.text, threads=1, cache=folder / "cache")


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def test_a_graph_without_a_mask_gets_none(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    write_graph(tmp_path)
    found = words(tmp_path).embed(["dog cat"])
    np.testing.assert_allclose(found, unit(TABLE[[3, 4, 1]].mean(axis=0))[None], atol=1e-6)


@pytest.mark.parametrize("kind", ["INT64", "INT32"])
def test_the_mask_hides_the_padding_of_a_batch(tmp_path: Path, kind: str) -> None:
    write_tokenizer(tmp_path)
    write_graph(tmp_path, names=("input_ids", "attention_mask"), kind=kind)
    tower = words(tmp_path, pad_token="[pad]")
    found = tower.embed(["dog cat a dog", "cat"])
    np.testing.assert_allclose(found[1], unit(TABLE[[4, 1]].sum(axis=0)), atol=1e-6)
    assert tower.count(["dog cat a dog", "cat"]) == 7


def test_a_model_trained_on_its_padding_reads_it(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    write_graph(tmp_path, names=("input_ids", "attention_mask"))
    found = words(tmp_path, length=6, pad=True, pad_token="[pad]").embed(["dog"])
    np.testing.assert_allclose(found[0], unit(TABLE[[3, 1, 0, 0, 0, 0]].sum(axis=0)), atol=1e-6)


def test_a_graph_of_fixed_size_is_filled_up_one_text_at_a_time(tmp_path: Path) -> None:
    """As immich exports open_clip: one input of 32-bit integers, called text."""
    write_tokenizer(tmp_path)
    write_graph(tmp_path, names=("text",), kind="INT32", shape=(1, 5))
    found = words(tmp_path, pad_token="[pad]").embed(["dog", "cat cat cat cat cat cat cat", "a"])
    expected = TABLE[np.array([[3, 1, 0, 0, 0], [4, 4, 4, 4, 1], [5, 1, 0, 0, 0]])].mean(axis=1)
    np.testing.assert_allclose(found, unit(expected), atol=1e-6)


@pytest.mark.parametrize(
    ("direction", "pooling", "rows"),
    [("right", "eos", [1]), ("left", "eos", [1]), ("right", "mean", [4, 1]), ("left", "mean", [4, 1])]
    + [("right", "cls", [4])],
)
def test_poolings_leave_the_padding_out(tmp_path: Path, direction: str, pooling: str, rows: list[int]) -> None:
    write_tokenizer(tmp_path, direction=direction, pad_token="[pad]", pad_id=0)
    write_graph(tmp_path, names=("input_ids", "attention_mask"))
    found = words(tmp_path, output="tokens", pooling=pooling).embed(["dog dog dog dog", "cat"])
    np.testing.assert_allclose(found[1], unit(TABLE[rows].mean(axis=0)), atol=1e-6)


def test_texts_are_made_lower_case_and_clean_where_the_tokenizer_does_not(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    write_graph(tmp_path)
    texts = ["Dog!", "dog"]
    as_is, lower, clean = (words(tmp_path, **how).embed(texts) for how in ({}, {"lowercase": True}, {"clean": True}))
    np.testing.assert_allclose(as_is[0], unit(TABLE[[2, 1]].mean(axis=0)), atol=1e-6)
    np.testing.assert_allclose(lower[0], unit(TABLE[[7, 1]].mean(axis=0)), atol=1e-6)
    np.testing.assert_allclose(clean[0], as_is[1], atol=1e-6)


def test_lone_surrogates_and_many_texts(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    write_graph(tmp_path, names=("input_ids", "attention_mask"))
    texts = ["\ud800", *["dog " * (i % 7 + 1) for i in range(100)]]
    found = words(tmp_path, length=5).embed(texts)
    assert found.shape == (101, 4) and np.isfinite(found).all()
    np.testing.assert_allclose(found[5], found[7], atol=1e-6)  # cut at five tokens


def test_the_padding_is_also_found_in_the_files_beside(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    write_graph(tmp_path)
    with pytest.raises(ModelError, match=r"text\.pad_token"):
        words(tmp_path, length=3, pad=True).embed(["dog"])
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"pad_token": {"content": "[pad]"}}), "utf-8")
    found = words(tmp_path, length=3, pad=True).embed(["dog"])
    np.testing.assert_allclose(found[0], unit(TABLE[[3, 1, 0]].mean(axis=0)), atol=1e-6)


def test_words_for_groups_are_embedded_once_and_kept(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    write_graph(tmp_path)
    first = words(tmp_path).vocabulary()
    place = list(first.words).index("cat")
    np.testing.assert_allclose(unit(first.vectors[place]), words(tmp_path).embed([NAMING.format("cat")])[0], atol=2e-3)
    lines = (VOCABULARY / "vocabulary.txt").read_text("utf-8").splitlines()
    assert len(first.words) == len(first.vectors) == len(first.above) == len(lines)
    (kept,) = (tmp_path / "cache").iterdir()
    (tmp_path / "text.onnx").unlink()
    np.testing.assert_allclose(words(tmp_path).vocabulary().vectors, first.vectors, atol=2e-3)
    kept.write_bytes(b"damaged")
    write_graph(tmp_path)
    np.testing.assert_allclose(words(tmp_path).vocabulary().vectors, first.vectors, atol=2e-3)


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    write_graph(tmp_path)
    (tmp_path / "cache").write_text("in the way", "utf-8")
    assert words(tmp_path).vocabulary().vectors.shape[1] == 4


@pytest.mark.parametrize(
    ("match", "text", "names"),
    [
        ("does not know the token", {"pad_token": "[none]"}, ("input_ids",)),
        ("token_type_ids", {}, ("input_ids", "attention_mask", "secret")),
        ("one input for tokens", {}, ("left", "right")),
        ("dimensions", {"dim": 5}, ("input_ids",)),
        ("there is no tensor", {"output": "elsewhere"}, ("input_ids",)),
        ("pooling", {"output": "tokens"}, ("input_ids",)),
        (r"tokenizer .*absent\.json", {"tokenizer": "absent.json"}, ("input_ids",)),
        (r"absent\.onnx", {"file": "absent.onnx"}, ("input_ids",)),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, match: str, text: dict[str, Any], names: Sequence[str]) -> None:
    write_tokenizer(tmp_path)
    write_graph(tmp_path, names=names)
    with pytest.raises(ModelError, match=match):
        words(tmp_path, **text).embed(["dog"])

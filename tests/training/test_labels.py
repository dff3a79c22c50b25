"""Tables and feedback as examples, and how examples are split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.catalog.feedback import Judged, Judgement
from imagefinder.catalog.label_table import captions_of, read_table
from imagefinder.errors import InvalidInputError, InvalidTableError
from imagefinder.training.labels import (
    examples_of,
    folds,
    from_feedback,
    from_field,
    gather,
    hold_out,
    read_examples,
)
from imagefinder.types import Record


def records(folder: Path, *names: str) -> list[Record]:
    return [Record(id=f"id-{name}", uri=str(folder / name), content_hash=name) for name in names]


def write(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text, "utf-8")
    return path


def test_a_table_is_read(tmp_path: Path) -> None:
    there = records(tmp_path, "a.jpg", "sub/b.jpg", "c.jpg")
    table = write(tmp_path, "filename,label\na.jpg,cat\nb.jpg,dog\n./c.jpg,dog\ngone.jpg,cat\ngone.jpg,cat\n")
    found = read_examples(table, there)
    assert dict(zip(found.ids, found.labels, strict=True)) == {
        "id-a.jpg": "cat",
        "id-sub/b.jpg": "dog",
        "id-c.jpg": "dog",
    }
    assert found.missing == ("gone.jpg",)
    assert found.classes == ("cat", "dog")
    assert [found.classes[i] for i in found.targets] == list(found.labels)


def test_an_image_may_have_several_captions(tmp_path: Path) -> None:
    found = read_table(write(tmp_path, "filename,caption\na.jpg,A\na.jpg,B\n"), records(tmp_path, "a.jpg"))
    assert list(found.captions) == [("id-a.jpg", "A"), ("id-a.jpg", "B")]


def test_the_fields_of_the_index_are_labels(tmp_path: Path) -> None:
    there = [
        Record(id="a", uri="/x/a", folder="cats", tags=("cat",), caption="A cat.", extra={"cluster": 2, "price": 10}),
        Record(id="b", uri="/x/b", folder="dogs", tags=("dog", "old"), extra={"cluster": -1, "price": 12.5}),
        Record(id="c", uri="/x/c", tags=("dog",), extra={"cluster": 0}),
    ]
    assert from_field(there, "folder") == {"a": "cats", "b": "dogs"}
    assert from_field(there, "tags") == {"a": "cat", "c": "dog"}
    assert from_field(there, "cluster") == {"a": "2", "c": "0"}
    assert from_field(there, "price") == {"a": "10", "b": "12.5"}
    with pytest.raises(InvalidInputError, match="'breed'") as caught:
        from_field(there, "breed")
    assert "folder" in caught.value.remedy and "price" in caught.value.remedy
    assert list(captions_of(there).captions) == [("a", "A cat.")]


def test_labels_count_before_fields_and_fields_before_feedback() -> None:
    there = [Record(id=id, uri=f"/x/{id}", folder=folder) for id, folder in (("a", "cats"), ("b", "dogs"), ("c", ""))]
    said = [Judgement("1", "2026-01-01", {"text": "x"}, tuple(Judged(id, "") for id in "abc"), ())]
    found = gather(there, {"a": "tiger", "gone": "x"}, by="folder", judgements=said)
    assert found.labels == ("tiger", "dogs", 'liked: {"text": "x"}') and found.missing == ("gone",)
    with pytest.raises(InvalidInputError, match="nothing to learn from"):
        gather(there)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filename,label\nx.jpg,cat\n", "None of the 1 images"),
        ("filename,label\n", "empty"),
        ("name,label\na.jpg,cat\n", "columns are: name, label. It needs `filename`"),
        ("filename,label\na.jpg,cat\na.jpg,dog\n", "a.jpg has two labels: cat and dog"),
        ("filename,label\na.jpg,cat\nb.jpg,cat\n", "Only one class, 'cat'"),
        ("filename,caption\na.jpg,a cat\n", "No label"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read_examples(write(tmp_path, text), records(tmp_path, "a.jpg", "b.jpg"))


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTableError, match="can't be read"):
        read_table(tmp_path / "none.csv", [])


counts = st.lists(st.integers(1, 12), min_size=2, max_size=5)


def examples(sizes: list[int], copies: int = 1):  # type: ignore[no-untyped-def]
    """``sizes`` pictures of each class, each there ``copies`` times."""
    rows = [(f"{c}-{i}-{k}", f"{c}-{i}", str(c)) for c, n in enumerate(sizes) for i in range(n) for k in range(copies)]
    return examples_of(
        {id: label for id, _, label in rows}, [Record(id=id, uri=id, content_hash=content) for id, content, _ in rows]
    )


@given(counts, st.integers(1, 3), st.integers(0, 5))
def test_what_is_held_out_can_find_itself_and_leaves_something_to_learn(
    sizes: list[int], copies: int, seed: int
) -> None:
    there = examples(sizes, copies)
    split = hold_out(there, seed=seed)
    assert sorted([*split.train, *split.held]) == list(range(len(there.ids)))
    contents, labels = np.array(there.contents), np.array(there.labels)
    assert not set(contents[split.train]) & set(contents[split.held])
    for label, size in enumerate(sizes):
        held = len(set(contents[split.held][labels[split.held] == str(label)]))
        assert held == (0 if size < 4 else max(2, round(size / 4)))
    again = hold_out(there, seed=seed)
    assert np.array_equal(split.held, again.held)


@given(counts, st.integers(1, 3), st.integers(2, 5))
def test_folds_hold_each_image_out_once_and_spread_the_classes(sizes: list[int], copies: int, count: int) -> None:
    there = examples(sizes, copies)
    parts = folds(there, count)
    assert sorted(i for part in parts for i in part.held) == list(range(len(there.ids)))
    contents, labels = np.array(there.contents), np.array(there.labels)
    for part in parts:
        assert not set(contents[part.train]) & set(contents[part.held])
        for label, size in enumerate(sizes):
            assert len(set(contents[part.held][labels[part.held] == str(label)])) in (size // count, -(-size // count))


@pytest.mark.parametrize("share", [-0.1, 0.95, float("nan")])
def test_a_wrong_share_is_refused(share: float) -> None:
    with pytest.raises(InvalidInputError, match="share"):
        hold_out(examples([4, 4]), share=share)


def judgement(query: str, liked: str = "", disliked: str = "") -> Judgement:
    return Judgement(query, "", {"text": query}, *(tuple(Judged(id, id) for id in ids) for ids in (liked, disliked)))


def test_feedback_makes_a_class_of_what_was_liked_for_a_query() -> None:
    newest_first = [judgement("red", "ab", "c"), judgement("blue", "bd", "ae"), judgement("red", "c", "b")]
    found = from_feedback(newest_first)
    assert found["a"] == found["b"] == 'liked: {"text": "red"}'
    assert found["d"] == 'liked: {"text": "blue"}'
    assert found["c"] == "disliked: c" and found["e"] == "disliked: e"
    assert from_feedback([]) == {}

"""Tables of queries and of pairs, as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagefinder.catalog.question_tables import Asked, Pairs, read_pairs, read_questions
from imagefinder.errors import InvalidTableError
from imagefinder.types import Record

RECORDS = [Record(id=id, uri=f"/photos/{folder}/{id}.jpg") for folder, id in (("a", "x"), ("a", "y"), ("b", "z"))]
LABELS = {"x": "cat", "y": "cat", "z": "dog"}


def written(folder: Path, text: str) -> Path:
    path = folder / "t.csv"
    path.write_text(text)
    return path


def test_queries_in_words_by_image_and_with_grades(tmp_path: Path) -> None:
    (tmp_path / "new.png").touch()
    table = written(
        tmp_path,
        "Query,Relevant,grade\n"
        "a cat,x.jpg,2\na cat,a/y.jpg,\na cat,z,0\n"
        "x.jpg,y.jpg,\n"
        "id:z,label:cat,3\n"
        "a unicorn,,\n"
        "new.png,z.jpg,\n"
        "lost.png,z.jpg,\n"
        "a ghost,gone.jpg,\n"
        "https://example.org/a.jpg,z.jpg,\n",
    )
    found = read_questions(table, RECORDS, LABELS)
    assert found.asked == (
        Asked("a cat", right={"x": 2, "y": 1}),
        Asked(image="x", right={"y": 1}),
        Asked(image="z", right={"x": 3, "y": 3}),
        Asked("a unicorn"),
        Asked(file=str(tmp_path / "new.png"), right={"z": 1}),
        Asked("https://example.org/a.jpg", right={"z": 1}),
    )
    assert set(found.missing) == {"gone.jpg", "lost.png"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("query,right\na,x.jpg\n", "no column `relevant`"),
        ("query,relevant\n,x.jpg\n", "Row 1 of t.csv has no query"),
        ("query,relevant,grade\na,x.jpg,much\n", "the grade 'much'"),
        ("query,relevant,grade\na,x.jpg,-1\n", "the grade '-1'"),
        ("query,relevant,grade\na,x.jpg,nan\n", "the grade 'nan'"),
        ("query,relevant\na,label:cta\n", "names the label 'cta', which no image has"),
        ("query,relevant\na,gone.jpg\n", "None of the images that it names is in the index"),
        ("query,relevant\n", "It has no rows"),
        ("", "empty"),
    ],
)
def test_wrong_tables_of_queries_are_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidTableError, match=r"t\.csv") as told:
        read_questions(written(tmp_path, text), RECORDS, LABELS)
    assert said in str(told.value)


def test_duplicates_of_one_image_are_duplicates_of_each_other(tmp_path: Path) -> None:
    table = written(tmp_path, "a,b,duplicate\nx.jpg,y.jpg,yes\nlost.jpg,z.jpg,\nx.jpg,x.jpg,\nx.jpg,z.jpg,no\n")
    found = read_pairs(table, RECORDS)
    assert found == Pairs(frozenset({("x", "y")}), frozenset({("x", "z")}), ("lost.jpg",))
    assert Pairs.of([("z", "y"), ("x", "y")]).duplicates == {("x", "y"), ("x", "z"), ("y", "z")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,c\nx.jpg,y.jpg\n", "no column `b`"),
        ("a,b\nlost.jpg,y.jpg\n", "no pair of images"),
        ("a,b,duplicate\nx.jpg,y.jpg,\ny.jpg,z.jpg,\nx.jpg,z.jpg,0\n", "said to be duplicates, and to be none"),
    ],
)
def test_wrong_tables_of_pairs_are_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidTableError) as told:
        read_pairs(written(tmp_path, text), RECORDS)
    assert said in str(told.value)

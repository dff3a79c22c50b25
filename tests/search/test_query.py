"""Queries: rclip's arithmetic, files, URLs, ids, and the ways to write them wrongly."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.errors import InvalidQueryError
from imagefinder.search.query import Kind, Term, parse_arguments, parse_query

ID = "6ba7b811-9dad-51d1-80b4-00c04fd430c8"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("beach.jpg", "my + photo - 2.jpg", "2:30.jpg"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("red bike", [("words", "red bike", 1)]),
        ("dog + ./beach.jpg - people", [("words", "dog", 1), ("file", "beach.jpg", 1), ("words", "people", -1)]),
        ("2:dog", [("words", "dog", 2)]),
        ("0.5:dog - 1.5:cat", [("words", "dog", 0.5), ("words", "cat", -1.5)]),
        ("- people + beach", [("words", "people", -1), ("words", "beach", 1)]),
        (f"id:{ID}", [("id", ID, 1)]),
        (f"3:id:{ID.upper()} + snow", [("id", ID, 3), ("words", "snow", 1)]),
        ("https://example.org/a+b-c.jpg", [("url", "https://example.org/a+b-c.jpg", 1)]),
        ("t-shirt", [("words", "t-shirt", 1)]),
        ("c++ code", [("words", "c++ code", 1)]),
        ("my + photo - 2.jpg", [("file", "my + photo - 2.jpg", 1)]),
        ("2:30.jpg", [("file", "2:30.jpg", 1)]),
        ("grüne Äpfel 林檎", [("words", "grüne Äpfel 林檎", 1)]),
    ],
)
def test_text_is_read_as_rclip_reads_it(here: Path, text: str, terms: list[tuple[str, str, float]]) -> None:
    found = parse_query(text)
    assert [(t.kind, t.value.removeprefix("./"), t.weight) for t in found] == terms  # type: ignore[union-attr]


def test_arguments_of_the_shell_mean_the_same_as_one_text(here: Path) -> None:
    assert parse_arguments(["dog", "+", "./beach.jpg", "-", "people"]) == parse_query("dog + ./beach.jpg - people")
    assert parse_arguments(["red", "bike"]) == parse_query("red bike")
    assert parse_arguments(["dog + ./beach.jpg", "-", "people"]) == parse_query("dog + ./beach.jpg - people")


def test_an_argument_that_is_a_file_is_never_split(here: Path) -> None:
    assert parse_arguments(["my + photo - 2.jpg"]) == [Term(Kind.FILE, "my + photo - 2.jpg")]
    assert parse_arguments(["dog", "-", "my + photo - 2.jpg", "+", "cat"]) == [
        Term(Kind.WORDS, "dog"),
        Term(Kind.FILE, "my + photo - 2.jpg", -1.0),
        Term(Kind.WORDS, "cat"),
    ]


def test_paths_bytes_pictures_and_weights_of_the_library(here: Path, make_image) -> None:  # type: ignore[no-untyped-def]
    picture = make_image()
    terms = parse_query(["dog", (Path("beach.jpg"), 0.5), (picture, -2), b"data", Term(Kind.ID, ID, 3)])
    assert [(t.kind, t.weight) for t in terms] == [
        (Kind.WORDS, 1),
        (Kind.FILE, 0.5),
        (Kind.DATA, -2),
        (Kind.DATA, 1),
        (Kind.ID, 3),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "dog +",
        "dog + - cat",
        "- people",
        "id:not-an-id",
        "./missing.jpg",
        "missing/missing.png",
        "/no/such.file",
        "+",
    ],
)
def test_what_cannot_be_read_is_refused_with_advice(here: Path, text: str) -> None:
    with pytest.raises(InvalidQueryError) as caught:
        parse_query(text)
    assert caught.value.remedy


words = st.text(st.characters(whitelist_categories=("L",)), min_size=1, max_size=8).filter(lambda w: w.strip() == w)


@given(st.lists(st.tuples(st.sampled_from([1.0, -1.0]), st.integers(1, 9), words), min_size=1, max_size=6))
def test_what_is_written_is_what_is_read(parts: list[tuple[float, int, str]]) -> None:
    parts = [(1.0, *parts[0][1:]), *parts[1:]]
    text = " ".join(f"{'-' if sign < 0 else '+'} {weight}:{word}" for sign, weight, word in parts)
    assert [(t.weight, t.value) for t in parse_query(text)] == [(sign * weight, word) for sign, weight, word in parts]


@given(st.text(max_size=60))
def test_no_text_raises_anything_but_our_error(text: str) -> None:
    with contextlib.suppress(InvalidQueryError):
        assert parse_query(text)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("dog -grass", [("dog", 1), ("grass", -0.5)]),
        ("-people beach", [("beach", 1), ("people", -0.5)]),
        ('dog -"green grass" lake', [("dog lake", 1), ("green grass", -0.5)]),
        ('dog -2:people -1.5:"tall hat"', [("dog", 1), ("people", -2), ("tall hat", -1.5)]),
        ("dog +cat - two birds -fish", [("dog", 1), ("cat", 1), ("two birds", -1), ("fish", -0.5)]),
        ('2:"a b" c', [("a b c", 2)]),
        ('"dog - cat"', [("dog - cat", 1)]),
        ('"beach.jpg"', [("beach.jpg", 1)]),
        ('"id:no id"', [("id:no id", 1)]),
        ("\u201cred bike\u201d \u2212\u201ewet road\u201c", [("red bike", 1), ("wet road", -0.5)]),
        ('"green grass', [("green grass", 1)]),
        ('dog "green -grass', [("dog green", 1), ("grass", -0.5)]),
        ('5" pipe', [('5" pipe', 1)]),
        ("temperature -5", [("temperature -5", 1)]),
        ("black-and-white t-shirt 10-15", [("black-and-white t-shirt 10-15", 1)]),
        ("rock -n- roll", [("rock -n- roll", 1)]),
        ("dog --cat -> bird", [("dog --cat -> bird", 1)]),
    ],
)
def test_signs_right_before_a_word_and_quotation_marks(text: str, terms: list[tuple[str, float]]) -> None:
    assert [(t.value, t.weight) for t in parse_query(text, files=False)] == terms
    assert [(t.value, t.weight) for t in parse_arguments(text.split())] == terms or "beach.jpg" in text


@pytest.mark.parametrize("text", ["-grass", '-"green grass"', "-a -b", '""', 'dog - ""'])
def test_a_query_with_nothing_to_look_for_is_refused(text: str) -> None:
    with pytest.raises(InvalidQueryError):
        parse_query(text, files=False)


def test_a_place_is_for_filters() -> None:
    with pytest.raises(InvalidQueryError) as error:
        parse_query("boat near:53.34,-6.26", files=False)
    assert error.value.message == "Words can't be looked for in 'near:'."
    assert error.value.remedy.startswith('Filter by it, e.g. with --filter "near(52.52, 13.40, 5)"; ')

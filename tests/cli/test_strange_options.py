"""Every command with options that nobody expects: it does its work, or says what is wrong, and ends with a code that is
documented; never by a traceback, and never with what is called a bug."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import odd
import pytest
from command import run_cli
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder.cli import cli

NOT_HERE = {  # what serves for ever, fetches what is not here, or trains for minutes
    ("serve",),
    ("mcp",),
    ("demo",),
    ("doctor",),
    ("download",),
    ("models", "pull"),
    ("models", "rm"),
    ("models", "compare"),
    ("train", "autoencoder"),
    ("train", "finetune"),
}
NEVER = {"--watch", "--help", "--version", "--index", "--url"}
CODES = (0, 1, 2, 3)


def commands(group: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below, with the words that call it."""
    for command in group:
        here = (*way, str(command.name))
        if isinstance(command, click.Group):
            yield from commands(command.commands.values(), here)
        else:
            yield here, command


ALL = {way: command for way, command in commands(cli.commands.values()) if way not in NOT_HERE}


def is_argument(text: str) -> bool:
    """Whether a system can pass a text to a program, and no network is asked for what it names."""
    return (
        len(text) < 5000
        and not text.startswith("http")
        and "\x00" not in text
        and not any("\ud800" <= c <= "\udfff" for c in text)
    )


WORDS = st.one_of(
    st.sampled_from([t for t in (*odd.TEXTS, *odd.NAMES) if is_argument(t)]),
    st.sampled_from(
        ["a.csv", "pictures", "pictures/0.png", "nowhere.jpg", "labels.csv", "width > 1", "width >", "0", "-5"]
    ),
    st.sampled_from(
        ["1.5", "nan", "inf", "1e400", str(2**63), "1" + "0" * 5000, "default", "fast", "pca", "kmeans", "a=b"]
    ),
    st.text(st.characters(exclude_characters="\x00/\\.~", exclude_categories=["Cs"]), max_size=12),
)


def writes(option: click.Option) -> bool:
    """Whether the option names a file or a folder that need not be there: it is written."""
    return isinstance(option.type, click.Path) and not option.type.exists


@st.composite
def lines(draw: Any, way: tuple[str, ...]) -> list[str]:
    """A line of a command: some of its options, with and without values, and some words."""
    params = ALL[way].get_params(click.Context(ALL[way]))
    options = [p for p in params if isinstance(p, click.Option) and not NEVER & set(p.opts) and not writes(p)]
    line: list[str] = list(way)
    for option in draw(st.lists(st.sampled_from(options), max_size=3)) if options else []:
        line.append(draw(st.sampled_from([*option.opts, *option.secondary_opts])))
        if not option.is_flag:
            choices = getattr(option.type, "choices", ())
            line += [draw(st.one_of(WORDS, st.sampled_from(list(choices))) if choices else WORDS)] * max(
                1, option.nargs
            )
    for argument in [p for p in params if isinstance(p, click.Argument)]:
        line += draw(st.lists(WORDS, min_size=1 if argument.required else 0, max_size=2 if argument.nargs == -1 else 1))
    if draw(st.integers(0, 9)) == 0:
        line.append(draw(WORDS))
    return line


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, make_image: Callable[..., Any]) -> Iterator[Path]:
    """A folder to work in: a small index, pictures, tables."""
    folder = tmp_path_factory.mktemp("strange")
    (folder / "pictures").mkdir()
    for i in range(8):
        make_image(i).save(folder / "pictures" / f"{i}.png")
    (folder / "a.csv").write_text("path,__proto__,id\npictures/0.png,x,1\npictures/1.png,y,2\n")
    (folder / "labels.csv").write_text("filename,label\npictures/0.png,x\npictures/1.png,y\npictures/2.png,x\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = run_cli("index", "pictures", "--model", "fast", "--index", folder / "made")
        assert done.returncode == 0, done.stderr
        yield folder


@pytest.mark.parametrize("way", ALL, ids=" ".join)
def test_a_command_does_its_work_or_says_what_is_wrong(
    home: Path, way: tuple[str, ...], tried: Callable[[int], settings], copy_index: Callable[[Path, Path], Path]
) -> None:
    copy_index(home / "made", home / "index")
    known = {p.name: p.stat().st_mtime_ns for p in (home / "pictures").iterdir()}

    @tried(12)
    @given(lines(way))
    def ask(line: list[str]) -> None:
        done = run_cli(*line, IMAGEFINDER_INDEX=str(home / "index"))
        told = f"{line!a}: {done.returncode} {done.stderr[-800:]}"
        assert done.returncode in CODES and "bug in ImageFinder" not in done.stderr, told
        assert done.returncode in (0, 1) or "Error: " in done.stderr, told
        assert "\x1b" not in done.stderr, told

    try:
        ask()
    finally:
        shutil.rmtree(home / "index")
    assert {p.name: p.stat().st_mtime_ns for p in (home / "pictures").iterdir()} == known

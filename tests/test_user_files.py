"""What writes a file for the user: never over what is there in a folder, never through a link; CSV that no spreadsheet
takes for formulas."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import run_cli
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagefinder import ImageFinder
from imagefinder._util.csv_cells import marked, unmarked, write_rows
from imagefinder._util.files import copy_new, rename_new, write_named, write_new
from imagefinder.errors import InvalidInputError
from imagefinder.images.tables import read_rows

Copy = Callable[[Path, Path], Path]
SECRET = "what must stay"


@pytest.fixture(scope="module")
def index(sample_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Copy) -> Path:
    return copy_index(sample_index, tmp_path_factory.mktemp("files") / "index")


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file somewhere else, to which links lead."""
    (tmp_path / "else").mkdir()
    file = tmp_path / "else" / "kept.txt"
    file.write_text(SECRET)
    return file


WRITES = {
    "search --sheet": ("sheet.png", lambda path: ("search", "dog", "--sheet", path)),
    "map --out html": ("map.html", lambda path: ("map", "--method", "pca", "--out", path)),
    "map --out csv": ("map.csv", lambda path: ("map", "--method", "pca", "--out", path)),
    "map --out json": ("map.json", lambda path: ("map", "--method", "pca", "--out", path)),
    "map --pictures": ("wall.jpg", lambda path: ("map", "--method", "pca", "--pictures", path)),
    "outliers --sheet": ("odd.png", lambda path: ("outliers", "--sheet", path)),
    "duplicates --plan": ("plan.json", lambda path: ("duplicates", "--plan", path)),
    "duplicates --html": ("page.html", lambda path: ("duplicates", "--html", path)),
    "decisions --export": ("decisions.json", lambda path: ("duplicates", "decisions", "--export", path)),
}


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
@pytest.mark.parametrize("name", WRITES)
def test_a_file_that_is_named_is_replaced_but_no_link(name: str, index: Path, tmp_path: Path, kept: Path) -> None:
    file, words = WRITES[name]
    link, dangling, plain = (tmp_path / f"{i}-{file}" for i in range(3))
    link.symlink_to(kept)
    dangling.symlink_to(tmp_path / "else" / "new.txt")
    plain.write_text("old")
    for refused in (link, dangling):
        done = run_cli(*words(refused), "--index", index)
        assert done.returncode == 2 and "is a link" in done.stderr, done.stderr
    assert kept.read_text() == SECRET and not (tmp_path / "else" / "new.txt").exists()
    assert run_cli(*words(plain), "--index", index).returncode in (0, 1)
    assert plain.read_bytes() != b"old"


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_copies_take_no_name_that_is_there(index: Path, tmp_path: Path, kept: Path) -> None:
    folder = tmp_path / "copies"
    assert run_cli("search", "dog", "-k", 2, "--copy-to", folder, "--index", index).returncode == 0
    first, second = sorted(folder.iterdir())
    first.unlink()
    first.symlink_to(kept)
    second.unlink()
    second.symlink_to(tmp_path / "else" / "new.txt")
    assert run_cli("search", "dog", "-k", 2, "--copy-to", folder, "--index", index).returncode == 0
    assert kept.read_text() == SECRET and not (tmp_path / "else" / "new.txt").exists()
    copies = sorted(path.name for path in folder.iterdir() if not path.is_symlink())
    assert [name[:6] for name in copies] == ["001-2_", "002-2_"]


def test_nothing_but_a_file_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInputError, match="is a folder"):
        write_named(tmp_path / "folder", b"")
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InvalidInputError, match="is no file"):
            write_named(tmp_path / "pipe", b"")


def test_new_files_are_new(tmp_path: Path) -> None:
    there, source = tmp_path / "there", tmp_path / "source"
    there.write_text(SECRET)
    source.write_text("new")
    for write in (lambda p: write_new(p, b"x"), lambda p: copy_new(source, p), lambda p: rename_new(source, p)):
        with pytest.raises(FileExistsError):
            write(there)
    assert there.read_text() == SECRET
    os.utime(source, (1e9, 1e9))
    copy_new(source, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "new" and (tmp_path / "copy").stat().st_mtime == 1e9
    rename_new(source, tmp_path / "moved")
    assert not source.exists() and (tmp_path / "moved").read_text() == "new"


def test_a_copy_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError if os.name == "posix" else PermissionError):
        copy_new(tmp_path, tmp_path / "copy")
    with pytest.raises(TypeError):
        write_new(tmp_path / "copy", "text")  # type: ignore[arg-type]
    assert not (tmp_path / "copy").exists()


def test_a_model_takes_the_place_of_a_model_only(organised_index: Path, tmp_path: Path, copy_index: Copy) -> None:
    with ImageFinder.open(copy_index(organised_index, tmp_path / "index"), read_only=True) as finder:
        finder.clusters.export_model(tmp_path / "model")
        finder.clusters.export_model(tmp_path / "model")
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "clusters.json").write_text(SECRET)
        with pytest.raises(InvalidInputError, match="no such model"):
            finder.clusters.export_model(tmp_path / "other")
    assert (tmp_path / "other" / "clusters.json").read_text() == SECRET


# --- CSV --------------------------------------------------------------------------------------------------------------

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1", "''+x"]


@given(st.text(alphabet="=+-@'\t\r\n ＝1.ea,\"", max_size=12))
def test_what_is_marked_is_unmarked(text: str) -> None:
    assert unmarked(marked(text)) == text
    assert not marked(text).startswith(("=", "@", "\t", "\r", "\n", "＝"))


def test_numbers_stay_numbers() -> None:
    assert [marked(v) for v in (-1, -0.5, "-5", "+1.5e-3", None, True)] == [-1, -0.5, "-5", "+1.5e-3", None, True]
    assert [marked(v) for v in FORMULAS] == [f"'{v}" for v in FORMULAS]


def test_our_csv_is_read_back_and_others_are_left(tmp_path: Path) -> None:
    facts: dict[str, Any] = {"x": -1.5, "y": 2}
    rows = [{"id": "1", "uri": f"{i}.jpg", **facts, "note": text} for i, text in enumerate(FORMULAS)]
    with (tmp_path / "ours.csv").open("w", newline="", encoding="utf-8") as file:
        write_rows(file, list(rows[0]), rows)
    with (tmp_path / "ours.csv").open(newline="", encoding="utf-8") as file:
        assert [row["note"] for row in csv.DictReader(file)] == [f"'{t}" for t in FORMULAS]
    read = [metadata for _, metadata in read_rows(tmp_path / "ours.csv")]
    assert [row["note"] for row in read] == FORMULAS and read[0]["x"] == -1.5
    (tmp_path / "theirs.csv").write_text("url,note\na.jpg,'=1\n")
    assert list(read_rows(tmp_path / "theirs.csv")) == [("a.jpg", {"note": "'=1"})]


def test_no_command_writes_a_formula(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for i, colour in enumerate(("red", "teal", "navy")):
        Image.new("RGB", (64, 48), colour).save(tmp_path / "pictures" / f"{i}.png")
    table = "filename,caption,=evil()\n" + "".join(f"pictures/{i}.png,=1+{i},@x\n" for i in range(3))
    (tmp_path / "table.csv").write_text(table)
    home = tmp_path / "index"
    assert run_cli("index", tmp_path / "table.csv", "--index", home).returncode == 0
    found = run_cli("search", tmp_path / "pictures" / "0.png", "--csv", "--index", home)
    assert run_cli("map", "--method", "pca", "--out", tmp_path / "map.csv", "--index", home).returncode == 0
    for text in (found.stdout, (tmp_path / "map.csv").read_text()):
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert "'=1+0" in cells and "'@x" in cells and "'=evil()" in cells
        assert not [cell for cell in cells if cell.startswith(("=", "@"))]

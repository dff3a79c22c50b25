"""Paths, names and shells of Windows, in the functions that take them."""

from __future__ import annotations

import errno
import ntpath
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

import imagefinder.cli
from imagefinder._util import extras
from imagefinder._util.files import DEVICES, fitting_name, plain_name
from imagefinder.cli import common, doctor
from imagefinder.errors import InvalidInputError
from imagefinder.images import files, inside, places
from imagefinder.images.grid import html_grid
from imagefinder.images.inside import holder_of, is_archive, is_remote, member_of, part_of
from imagefinder.images.places import located
from imagefinder.search.grammar import split_pieces
from imagefinder.store.words import file_name
from imagefinder.training.export import free_name
from imagefinder.types import SkipCode, image_id


@pytest.fixture
def on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The functions of paths are those of Windows, for a user with no files at all."""
    path = SimpleNamespace(**{name: getattr(ntpath, name) for name in ("join", "splitext", "basename", "dirname")})
    path.abspath = lambda place: ntpath.normpath(place)
    path.expanduser = lambda place: place.replace("~", r"C:\Users\Ann", 1) if place.startswith("~") else place
    path.exists = path.lexists = lambda place: False
    for module in (places, inside):
        monkeypatch.setattr(module, "os", SimpleNamespace(path=path, sep="\\"))


@pytest.mark.parametrize(
    ("cell", "path"),
    [
        (r"C:\Photos\a.jpg", r"C:\Photos\a.jpg"),
        ("C:/Photos/a.jpg", r"C:\Photos\a.jpg"),
        (r"..\other\a.jpg", r"D:\other\a.jpg"),
        ("sub/a.jpg", r"D:\shop\sub\a.jpg"),
        (r"\\nas\photos\a.jpg", r"\\nas\photos\a.jpg"),
        ("//nas/photos/a.jpg", r"\\nas\photos\a.jpg"),
        ("file:///C:/Photos/a%20b.jpg", r"C:\Photos\a b.jpg"),
        ("file:/C:/Photos/a.jpg", r"C:\Photos\a.jpg"),
        ("file://localhost/C:/Photos/a.jpg", r"C:\Photos\a.jpg"),
        ("file://nas/photos/a.jpg", r"\\nas\photos\a.jpg"),
        ("file:///C:/Caf%C3%A9/a%23b.jpg", r"C:\Café\a#b.jpg"),
        (r"~\Pictures\a.jpg", r"C:\Users\Ann\Pictures\a.jpg"),
        ("https://example.org/a.jpg", "https://example.org/a.jpg"),
    ],
)
def test_places_in_tables(cell: str, path: str, on_windows: None) -> None:
    assert located(cell, r"D:\shop") == path


@pytest.mark.parametrize(
    ("url", "path"),  # as pathlib.Path.as_uri() gives them there
    [
        ("file:///C:/Photos/a%20b.jpg", r"C:\Photos\a b.jpg"),
        ("file://nas/photos/%C3%A4%231.jpg", r"\\nas\photos\ä#1.jpg"),
        ("file:///D:/100%25/a.jpg", r"D:\100%\a.jpg"),
    ],
)
def test_a_path_as_a_url_is_the_path_again(url: str, path: str, on_windows: None) -> None:
    assert located(url, r"C:\elsewhere") == path


def test_drives_are_no_schemes_and_paths_hold_no_parts(on_windows: None) -> None:
    for path in (r"C:\a\b.jpg", "c:/a/b.jpg", r"\\nas\a\b.jpg", r"C:\a#page=1\b.jpg"):
        assert not is_remote(path) and member_of(path) is None and part_of(path) is None and holder_of(path) == path
    assert is_archive(r"C:\photos #2\all.zip") and not is_archive(r"C:\photos\all.zip#a.zip")
    assert member_of(r"C:\photos\all.zip#in\a.jpg") == (r"C:\photos\all.zip", r"in\a.jpg")
    assert part_of(r"C:\a.pdf#page=3") == (r"C:\a.pdf", 3, None)
    assert image_id(r"C:\a.jpg") != image_id("C:/a.jpg")


@pytest.mark.parametrize("path", [r"C:\Photos\beach.jpg", r"\\nas\photos\beach.jpg"])
def test_paths_in_queries(path: str) -> None:
    named = lambda text: text == path  # noqa: E731
    assert [(p.text, p.weight) for p in split_pieces(path, named)] == [(path, 1.0)]
    assert [(p.text, p.weight) for p in split_pieces(f"2:{path}")] == [(path, 2.0)]
    assert [p.text for p in split_pieces(f"dog + {path} - people")] == ["dog", path, "people"]


def test_people_see_the_name_of_a_file() -> None:
    assert file_name(r"C:\Photos\beach.jpg") == "beach.jpg"
    assert ">beach.jpg<" in html_grid([(r"C:\Photos\beach.jpg", "", "")])


# --- names that Windows has for itself, and what it leaves out --------------------------------------------------------


@pytest.mark.parametrize("name", ["con", "nul", "aux", "com1", "lpt9", "mine.", "con.v2"])
def test_no_model_gets_a_name_that_is_no_folder_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="Windows"):
        free_name(tmp_path, name, "usual")


def test_names_that_every_system_takes() -> None:
    for name in (*DEVICES, "con.jpg", "NUL.tar.gz", 'a<b>c:"d/e\\f|g?h*', "dots...", "space ", "\x07", "..", ""):
        plain = plain_name(name)
        assert plain_name(plain) == plain and plain.rstrip(". ") == plain and not re.search(r'[<>:"/\\|?*]', plain)
        assert plain.partition(".")[0].lower() not in DEVICES
    long = fitting_name("00001_", "ä" * 300 + ".jpg")
    assert len(long.encode()) <= 255 and long.startswith("00001_ä") and long.endswith(".jpg")


# --- long paths -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "windows", "code"), [(300, True, "bad-name"), (200, True, "not-found"), (300, False, "not-found")]
)
def test_a_path_that_is_too_long_for_windows_is_not_just_missing(
    length: int, windows: bool, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "WINDOWS", windows)
    path = "C:\\" + "x" * (length - 3)
    found = files.unreadable(FileNotFoundError(errno.ENOENT, "No such file", path))
    assert found.code == SkipCode(code)
    assert ("LongPathsEnabled" in found.remedy) is (code == "bad-name")


@pytest.mark.parametrize(("value", "said"), [(1, "taken"), (0, "shorter than 260"), (None, "shorter than 260")])
def test_the_doctor_says_whether_long_paths_are_taken(
    value: int | None, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Key:
        def __enter__(self) -> Key:
            return self

        def __exit__(self, *given: object) -> None: ...

    def query(key: Key, name: str) -> tuple[int, int]:
        assert name == "LongPathsEnabled"
        if value is None:
            raise FileNotFoundError(name)
        return value, 4

    registry = SimpleNamespace(HKEY_LOCAL_MACHINE=1, OpenKey=lambda *given: Key(), QueryValueEx=query)
    monkeypatch.setitem(sys.modules, "winreg", registry)
    check = doctor._long_paths()
    assert check.ok and said in check.found and bool(check.remedy) is (value != 1)
    names = [one.name for one in doctor.checkup(tmp_path)]
    assert "long paths" not in names
    monkeypatch.setattr(doctor, "WINDOWS", True)
    assert "long paths" in [one.name for one in doctor.checkup(tmp_path)]


# --- shells -----------------------------------------------------------------------------------------------------------


def test_what_to_type_is_right_for_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    assert extras.install_command("maps") == "pip install 'imagefinder[maps]'"
    monkeypatch.setattr(extras, "WINDOWS", True)
    typed = extras.install_command("maps", "pdf")
    assert typed == 'pip install "imagefinder[maps,pdf]"'
    assert subprocess.list2cmdline(["imagefinder[maps]"]) == "imagefinder[maps]" and "'" not in typed


@click.command()
@click.argument("places", nargs=-1, type=common.PLACE, callback=common.there)
@click.option("--exclude", multiple=True)
def shows(places: tuple[str, ...], exclude: tuple[str, ...]) -> None:
    click.echo(repr((places, exclude)))


@pytest.mark.parametrize(
    ("windows", "given", "places"),
    [
        (True, ["*.jpg"], ["a.jpg", "b.jpg"]),
        (True, ["[a].jpg", "c.png"], ["a.jpg", "c.png"]),
        (True, ["nothing*", "https://x.org/?*"], ["nothing*", "https://x.org/?*"]),
        (False, ["*.jpg"], ["*.jpg"]),
    ],
)
def test_patterns_of_files_are_replaced_where_the_shell_does_not(
    windows: bool, given: list[str], places: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b.jpg", "a.jpg", "c.png"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(common, "WINDOWS", windows)
    said = CliRunner().invoke(shows, [*given, "--exclude", "*.png"]).output
    assert said.strip() == repr((tuple(places), ("*.png",)))


def test_patterns_in_options_and_texts_stay_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """click replaces patterns in every argument there, unless it is told not to."""
    called: dict[str, object] = {}
    monkeypatch.setattr(imagefinder.cli.cli, "main", lambda **options: called.update(options))
    monkeypatch.setattr(sys, "argv", ["imagefinder", "info"])
    with pytest.raises(SystemExit):
        imagefinder.cli.main()
    assert called["windows_expand_args"] is False


def test_every_command_that_takes_several_places_replaces_patterns() -> None:
    def below(command: click.Command, name: str) -> list[tuple[str, click.Parameter]]:
        own = [(name, p) for p in command.params if isinstance(p, click.Argument) and p.nargs == -1]
        more = getattr(command, "commands", {}).items()
        return own + [row for word, one in more for row in below(one, f"{name} {word}".strip())]

    found = {name: p for name, p in below(imagefinder.cli.cli, "") if p.type is common.PLACE}
    assert {"index", "remove", "tag", "predict", "assign", "clusters move"} <= {*found}
    assert all(p.callback is common.there for p in found.values())

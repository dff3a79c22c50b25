"""File systems where capitals make no difference (Windows, macOS), or the form of accents (macOS)."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from imagefinder import ImageFinder
from imagefinder._util import systems
from imagefinder._util.systems import as_on_disk, composed, real_path
from imagefinder.catalog.label_table import ImageNames
from imagefinder.images.files import OutsideError, check_within
from imagefinder.images.ignore import Rules
from imagefinder.images.sources import open_source
from imagefinder.ingest.opening import source_uri
from imagefinder.types import Record

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
NFC, NFD = (unicodedata.normalize(form, "Café") for form in ("NFC", "NFD"))


def plain(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


@pytest.fixture
def alike(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder whose file system takes every spelling of a name for the same, as those of Windows and macOS do."""

    def found(path: object) -> object:
        """The path as it is spelled on the disk, if a part of it below ``tmp_path`` is there in another spelling."""
        if not isinstance(path, str | os.PathLike):
            return path
        text = os.fspath(path)
        if not isinstance(text, str) or not plain(text).startswith(plain(f"{tmp_path}/")):
            return path
        place = str(tmp_path)
        for name in text[len(place) + 1 :].split("/"):
            names = real["listdir"](place) if real["isdir"](place) else []
            place = os.path.join(place, next((one for one in names if plain(one) == plain(name)), name))
        return place

    real = {"isdir": os.path.isdir}

    def patched(module: object, name: str) -> None:
        real[name] = getattr(module, name)
        monkeypatch.setattr(module, name, lambda path=".", *more, **options: real[name](found(path), *more, **options))

    for name in ("listdir", "lstat", "stat", "scandir", "open", "readlink"):
        patched(os, name)
    for name in ("isdir", "isfile", "exists", "lexists", "islink"):
        patched(os.path, name)
    return tmp_path


def test_the_spelling_is_the_one_on_the_disk(alike: Path) -> None:
    (alike / "Pictures" / NFD).mkdir(parents=True)
    (alike / "Pictures" / NFD / "IMG 1.JPG").touch()
    right = str(alike / "Pictures" / NFD / "IMG 1.JPG")
    for written in (right, f"{alike}/pictures/{NFC}/img 1.jpg", f"{alike}/PICTURES/{NFD.upper()}/IMG 1.jpg"):
        assert as_on_disk(written) == right
    assert as_on_disk(f"{alike}/pictures/nothing.jpg") == f"{alike}/pictures/nothing.jpg"


def test_where_capitals_make_a_difference_nothing_is_changed(tmp_path: Path) -> None:
    for name in ("Pictures", "pictures", NFC, NFD):
        (tmp_path / name).mkdir()
    for name in ("Pictures", "pictures", NFC, NFD, "PICTURES"):
        assert as_on_disk(str(tmp_path / name)) == str(tmp_path / name)


def test_a_folder_is_only_listed_where_a_name_has_several_spellings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pictures").mkdir()
    monkeypatch.setattr(systems.os, "listdir", lambda *given: pytest.fail("a folder of a million files was listed"))
    assert as_on_disk(str(tmp_path / "Pictures")) == str(tmp_path / "Pictures")


def test_drives_are_in_capitals_and_shares_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    import ntpath

    windows = SimpleNamespace(
        splitdrive=ntpath.splitdrive, join=ntpath.join, lexists=lambda path: True, abspath=ntpath.abspath
    )
    monkeypatch.setattr(systems, "os", SimpleNamespace(path=windows, sep="\\", lstat=os.lstat, listdir=os.listdir))
    assert as_on_disk(r"c:\Users\Ann\a.jpg") == r"C:\Users\Ann\a.jpg"
    assert as_on_disk(r"\\nas\Photos\a.jpg") == r"\\nas\Photos\a.jpg"
    assert as_on_disk("d:\\") == "D:\\"


def copy(name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes((SAMPLES / name).read_bytes())


@pytest.mark.files
def test_a_folder_in_two_spellings_is_one_source_with_each_image_once(alike: Path) -> None:
    food = sorted(path.name for path in (SAMPLES / "food").iterdir())[:3]
    for name in food:
        copy(f"food/{name}", alike / "Pictures" / NFD / name)
    with ImageFinder.open(alike / "index", model="fast") as finder:
        assert finder.add(f"{alike}/pictures/{NFC}").added == 3
        again = finder.add(f"{alike}/PICTURES/{NFD}")
        assert (again.added, again.unchanged, len(finder)) == (0, 3, 3)
        assert [one.uri for one in finder.list_sources()] == [str(alike / "Pictures" / NFD)]
        one = finder.get(f"{alike}/pictures/{NFC}/{food[0].upper()}")
        assert one.uri == str(alike / "Pictures" / NFD / food[0])
        assert finder.add(f"{alike}/pictures/{NFC}/{food[1].upper()}").added == 0


def test_a_source_is_known_by_the_spelling_on_the_disk(alike: Path) -> None:
    copy("food/" + sorted(os.listdir(SAMPLES / "food"))[0], alike / "Pictures" / "One.jpg")
    assert source_uri(f"{alike}/pictures") == str(alike / "Pictures")
    assert open_source(f"{alike}/pictures/one.JPG").uri == str(alike / "Pictures" / "One.jpg")


def test_allowed_folders_hold_in_every_spelling_and_no_other_is_let_in(alike: Path) -> None:
    for name in ("Allowed", "Other"):
        (alike / name).mkdir()
        (alike / name / "a.jpg").touch()
    allowed = [real_path(f"{alike}/ALLOWED")]
    assert allowed == [str(alike / "Allowed")]
    check_within(f"{alike}/allowed/A.jpg", allowed)
    for outside in (f"{alike}/other/a.jpg", f"{alike}/allowed/../other/a.jpg", f"{alike}/allowed2/a.jpg"):
        with pytest.raises(OutsideError):
            check_within(outside, allowed)


# --- accents ----------------------------------------------------------------------------------------------------------


def test_names_in_tables_are_found_in_either_form(tmp_path: Path) -> None:
    records = [Record("1", f"/photos/{NFD}.jpg"), Record("2", "/photos/tea.jpg")]
    for written in (f"{NFC}.jpg", f"{NFD}.jpg", f"photos/{NFC}.jpg"):
        assert ImageNames(records, tmp_path)(written) == "1"
    assert ImageNames(records, tmp_path)(f"{NFC}2.jpg") is None


@pytest.mark.parametrize("pattern", [NFC, NFD])
@pytest.mark.parametrize("name", [NFC, NFD])
def test_patterns_match_in_either_form(pattern: str, name: str, tmp_path: Path) -> None:
    assert Rules(exclude=[f"{pattern}*"]).leaves_out(f"{name}.jpg", folder=False)
    assert not Rules(include=[f"{pattern}*"]).leaves_out(f"{name}.jpg", folder=False)
    (tmp_path / "ignore").write_text(f"{pattern}/\n", "utf-8")
    assert Rules().with_file(str(tmp_path / "ignore"), "").leaves_out(name, folder=True)


@pytest.mark.parametrize(("text", "form"), [("plain.jpg", "plain.jpg"), (NFD, NFC), (NFC, NFC), ("\udcff", "\udcff")])
def test_the_composed_form(text: str, form: str) -> None:
    assert composed(text) == form


CALLS: list[Callable[[str], object]] = [as_on_disk, real_path]


@pytest.mark.parametrize("call", CALLS)
def test_what_no_system_takes_stays_as_it_is(call: Callable[[str], object], tmp_path: Path) -> None:
    for name in ("x" * 300, "\udcff.jpg"):
        assert call(f"{tmp_path}/{name}") == f"{tmp_path}/{name}"
    assert as_on_disk(f"{tmp_path}/a\0b") == f"{tmp_path}/a\0b"

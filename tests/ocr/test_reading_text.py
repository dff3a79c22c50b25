"""Text in pictures is read, found where it stands, kept, and read again only where something is new."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from command import run_cli
from lonely import watched, why_not
from PIL import Image, ImageDraw, ImageFont

from imagefinder import ImageFinder
from imagefinder.client import Client
from imagefinder.errors import ImageFinderError, MissingExtraError
from imagefinder.ocr.read import ReadReport
from imagefinder.ocr.words import Text
from imagefinder.types import Progress

pytest.importorskip("rapidocr")
SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
SOURCE = Path(__file__).resolve().parents[2] / "src"
INVOICE = ("INVOICE 2041", "Total amount 37.50")


def written(*lines: str, size: tuple[int, int] = (640, 400), turned: int = 0) -> Image.Image:
    """A picture of these lines, the first at (40, 60)."""
    picture = Image.new("RGB", size, "#f4f1e8")
    font = ImageFont.load_default(44)
    for i, line in enumerate(lines):
        ImageDraw.Draw(picture).text((40, 60 + 90 * i), line, fill="#202040", font=font)
    return picture.rotate(turned, expand=True)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    written(*INVOICE).save(folder / "invoice.png")
    for name in ("animals/cow.jpg", "food/apricot.jpg"):
        shutil.copy(SAMPLES / name, folder)
    return folder


@pytest.fixture
def finder(tmp_path: Path, album: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(album)
        yield finder


def words_at(record_extra: dict[str, object]) -> dict[str, list[int]]:
    text, boxes = str(record_extra["text"]), list(record_extra["text_boxes"])  # type: ignore[call-overload]
    return {word: boxes[4 * i : 4 * i + 4] for i, word in enumerate(text.split())}


def test_pictures_are_read_and_their_words_have_places(finder: ImageFinder, album: Path) -> None:
    report = finder.read()
    assert (report.read, report.found, report.total, report.text, report.skipped) == (3, 1, 3, 1, ())
    record = finder.get(album / "invoice.png")
    assert record.extra["text"] == "\n".join(INVOICE)
    left, top, right, bottom = words_at(record.extra)["2041"]  # type: ignore[arg-type]
    drawn = ImageFont.load_default(44).getbbox("INVOICE 2041")
    start = ImageFont.load_default(44).getlength("INVOICE ")
    assert abs(left - (40 + start) / 0.64) < 30 and abs(right - (40 + drawn[2]) / 0.64) < 30
    assert abs(top - (60 + drawn[1]) / 0.4) < 40 and abs(bottom - (60 + drawn[3]) / 0.4) < 40
    assert [r.id for r in finder.records("text ~ invoice")] == [record.id]
    assert "text_boxes" not in record.to_dict() and "text" not in finder.get(album / "cow.jpg").extra


def test_only_what_is_new_or_changed_is_read(finder: ImageFinder, album: Path) -> None:
    finder.read()
    assert finder.read() == ReadReport(0, 0, 3, 1, ())
    shutil.copy(album / "invoice.png", album / "copy.png")
    written("Closed today").save(album / "cow.png")
    written("Open").save(album / "invoice.png")
    os.utime(album / "invoice.png", (2_000_000_000, 2_000_000_000))
    finder.add(album)
    assert "text" not in finder.get(album / "invoice.png").extra, "it was of another content"
    assert finder.read().read == 3
    texts = {Path(r.uri).name: r.extra["text"] for r in finder.records("has text")}
    assert texts == {"copy.png": "\n".join(INVOICE), "cow.png": "Closed today", "invoice.png": "Open"}
    assert finder.read(again=True).read == 5


def test_each_content_is_read_once(finder: ImageFinder, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr("imagefinder.ocr.reader.Reader.has_text", lambda self, picture: seen.append(1) or True)
    monkeypatch.setattr("imagefinder.ocr.reader.Reader.read", lambda self, picture: Text("word", (0, 0, 9, 9)))
    shutil.copy(album / "invoice.png", album / "same.png")
    finder.add(album)
    assert (finder.read().read, len(seen)) == (4, 3)
    shutil.copy(album / "invoice.png", album / "later.png")
    finder.add(album)
    assert (finder.read().read, len(seen)) == (1, 3)
    assert finder.get(album / "later.png").extra["text_boxes"] == [0, 0, 9, 9]


def test_a_run_that_is_stopped_keeps_what_it_has_read(finder: ImageFinder) -> None:
    class StopError(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise StopError

    with pytest.raises(StopError):
        finder.read(progress=stop)
    done = len(finder.records("has text_by"))
    assert done == 2
    assert finder.read().read == 1 and finder.read().total == 3


KILLED = """
import os, signal, sys
from imagefinder import ImageFinder

def kill(progress):
    if progress.done == 2:
        os.kill(os.getpid(), signal.SIGKILL)

ImageFinder.open(sys.argv[1]).read(progress=kill)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_run_that_is_killed_goes_on(finder: ImageFinder, album: Path, tmp_path: Path) -> None:
    finder.close()
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "index")], env=environment, timeout=200)
    assert done.returncode == -9
    with ImageFinder.open(tmp_path / "index") as again:
        before = len(again.records("has text_by"))
        report = again.read()
        assert (report.read, report.total, report.text) == (3 - before, 3, 1)
        assert again.get(album / "invoice.png").extra["text"] == "\n".join(INVOICE)


def test_a_text_that_a_table_gives_stays(finder: ImageFinder, album: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,text\nalbum/invoice.png,mine\n")
    finder.add(tmp_path / "t.csv")
    assert finder.read().found == 0
    assert finder.get(album / "invoice.png").extra == {"text": "mine"}


def test_a_tables_text_takes_the_place_of_what_was_read(finder: ImageFinder, album: Path, tmp_path: Path) -> None:
    finder.read()
    (tmp_path / "t.csv").write_text("path,text\nalbum/invoice.png,mine\n")
    finder.add(tmp_path / "t.csv")
    assert finder.get(album / "invoice.png").extra == {"text": "mine"}


def test_text_stays_in_a_rebuilt_index(finder: ImageFinder, album: Path, tmp_path: Path) -> None:
    finder.read()
    finder.close()
    ImageFinder.rebuild(tmp_path / "index")
    with ImageFinder.open(tmp_path / "index") as again:
        assert again.get(album / "invoice.png").extra["text"] == "\n".join(INVOICE)
        assert again.read().read == 0


def test_what_can_not_be_opened_is_told(finder: ImageFinder, album: Path) -> None:
    (album / "invoice.png").unlink()
    report = finder.read()
    assert [s.code for s in report.skipped] == ["not-found"] and report.read == 2


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("invoices", ["INVOICE"]),
        ('text:"total amount"', ["Total", "amount"]),
        ('"amount total"', []),
        ('"amount total" + 37.50', ["37.50"]),
        ("caption:total", []),
        ("cow - invoice", []),
    ],
)
def test_a_hit_shows_where_its_text_says_the_words(
    finder: ImageFinder, album: Path, query: str, words: list[str]
) -> None:
    finder.read()
    said = finder.get(album / "invoice.png").extra["text"].split()
    assert [said[place] for place in finder.explain(album / "invoice.png", query).text_at] == words
    assert finder.explain(album / "cow.jpg", query).text_at == ()


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_pictures_that_lie_on_their_side_or_upside_down_are_read(finder: ImageFinder, album: Path, turned: int) -> None:
    written(*INVOICE, turned=turned).save(album / "turned.png")
    finder.add(album)
    finder.read()
    found, upright = finder.get(album / "turned.png").extra, finder.get(album / "invoice.png").extra
    assert found["text"] == "\n".join(INVOICE)
    for word, (left, top, right, bottom) in words_at(upright).items():
        expected = {
            90: (top, 1000 - right, bottom, 1000 - left),
            180: (1000 - right, 1000 - bottom, 1000 - left, 1000 - top),
            270: (1000 - bottom, left, 1000 - top, right),
        }[turned]
        assert words_at(found)[word] == pytest.approx(expected, abs=25), word


def test_the_command_line(finder: ImageFinder, tmp_path: Path) -> None:
    finder.close()
    done = run_cli("read", "--index", tmp_path / "index", "--json")
    assert json.loads(done.stdout) == {"read": 3, "found": 1, "total": 3, "text": 1, "skipped": []}
    done = run_cli("read", "--index", tmp_path / "index")
    assert done.stdout == "Nothing new to read.\n3 images read by now; 1 have text.\n"


def test_a_job_reads_and_the_page_gets_the_places(
    finder: ImageFinder, album: Path, serving: Callable[..., AbstractContextManager[str]]
) -> None:
    with serving(finder) as url, Client(url) as client:
        assert client.read(workers=1) == ReadReport(3, 1, 3, 1, ())
        assert client.get(album / "invoice.png").extra == finder.get(album / "invoice.png").extra
        assert client.explain(album / "invoice.png", "amount").text_at == (3,)
        (record,) = client.records("has text")
        assert record.extra["text"] == "\n".join(INVOICE) and "text_boxes" not in record.extra


def test_without_the_package_it_says_what_brings_it(
    finder: ImageFinder, monkeypatch: pytest.MonkeyPatch, serving: Callable[..., AbstractContextManager[str]]
) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(MissingExtraError, match="needs rapidocr") as error:
        finder.read()
    assert error.value.remedy == "Install it with: pip install 'imagefinder[ocr]'"
    with serving(finder) as url, Client(url) as client:
        with pytest.raises(MissingExtraError):
            client.read()
        assert client.jobs() == []


def test_models_that_are_missing_are_not_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from importlib.machinery import ModuleSpec

    from imagefinder.ocr import reader

    spec = ModuleSpec("rapidocr", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    with pytest.raises(ImageFinderError, match=r"lacks models of RapidOCR \(Det, Cls, Rec\)"):
        reader.Reader()


READ = """
import sys
from imagefinder import ImageFinder
with ImageFinder.open(sys.argv[1]) as finder:
    print(finder.read().found)
"""


@pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")
def test_nothing_is_looked_up_and_nothing_is_sent(finder: ImageFinder, tmp_path: Path) -> None:
    finder.close()
    (tmp_path / "home").mkdir()
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "PYTHONPATH": str(SOURCE)}
    found, said = watched([sys.executable, "-c", READ, str(tmp_path / "index")], environment, tmp_path)
    assert found == [] and said.strip().endswith("1"), said
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()]

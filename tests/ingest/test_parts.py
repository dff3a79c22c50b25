"""Pages of PDFs and frames of videos as images of their own: the right ones, with their places, kept up to date with
their file, found together, never taken for copies, and every odd file refused with its reason."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_files import BLUE, GREEN, RED, halves
from made_parts import film, pdf
from PIL import Image, ImageDraw

from imagefinder import ImageFinder
from imagefinder.errors import ImageError
from imagefinder.images import apart
from imagefinder.images.inside import Part, clock, file_of, is_file, part_of, why_no_file
from imagefinder.images.loader import Loader
from imagefinder.images.names import copied_name
from imagefinder.images.parts import look_inside
from imagefinder.images.sources import open_source
from imagefinder.ingest.plan import make_plan
from imagefinder.types import ImageRef, Limits, LoadedImage, Progress, SkipCode, image_id

SCENES = [(halves(RED, BLUE), 3), (halves(GREEN, RED), 2), (halves(BLUE, GREEN), 3)]
STARTS = [0.0, 3.0, 5.0]


def places(path: Path, **limits: Any) -> list[float]:
    found = look_inside(ImageRef(str(path)), Limits(**limits))
    parts = [part_of(ref.uri) for ref in found]
    return [part.place for part in parts if part]


def load(uri: str, side: int | None = None, **limits: Any) -> LoadedImage:
    loader = Loader(Limits(**limits), side)
    return loader.decode(loader.read(ImageRef(uri)))


def colours(image: Image.Image) -> list[tuple[int, ...]]:
    spots = [(image.width // 4, image.height // 2), (3 * image.width // 4, image.height // 2)]
    return [tuple(255 * round(value / 255) for value in image.getpixel(spot)) for spot in spots]  # type: ignore


def refused(path: Path, **limits: Any) -> ImageError:
    with pytest.raises(ImageError) as caught:
        places(path, **limits)
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    path.mkdir()
    return path


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(tmp_path / "index") as opened:
        yield opened


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# --- places -----------------------------------------------------------------------------------------------------------


def test_a_place_is_written_and_read() -> None:
    for part in (
        Part("/a/b.pdf", page=3),
        Part("/a/b c#1.PDF", page=120),
        Part("/a.mp4", time=12.5),
        Part("/a.MOV", time=0.0),
    ):
        assert part_of(part.uri) == part
        assert (
            not is_file(part.uri) and file_of(part.uri) == part.file and "no file of its own" in why_no_file(part.uri)
        )
    assert Part("/a.mp4", time=12.5).uri == "/a.mp4#t=12.5" and Part("/a.mp4", time=100.0).uri == "/a.mp4#t=100"
    for other in (
        "/a.pdf",
        "/a.pdf#page=0",
        "/a.pdf#page=x",
        "/a.pdf#t=3",
        "/a.jpg#page=3",
        "http://x/a.pdf#page=3",
        "/a.mp4#t=",
    ):
        assert part_of(other) is None
    assert [clock(s) for s in (0, 12.9, 61, 3723)] == ["0:00", "0:12", "1:01", "1:02:03"]
    assert copied_name("/a/b.pdf#page=3") == "b.pdf-page3.jpg" and copied_name("/a/b.mp4#t=1.5") == "b.mp4-1.500s.jpg"


# --- PDF --------------------------------------------------------------------------------------------------------------


class TestPdf:
    def test_each_page_is_drawn(self, folder: Path) -> None:
        path = put(folder / "a.pdf", pdf(halves(RED, BLUE), halves(GREEN, RED), None))
        assert places(path) == [1, 2, 3]
        one, two, three = (load(f"{path}#page={page}") for page in (1, 2, 3))
        assert [colours(page.image) for page in (one, two, three)] == [[RED, BLUE], [GREEN, RED], [(255,) * 3] * 2]
        assert (one.width, one.height, one.format, one.image.size) == (512, 384, "PDF", (512, 384))
        assert len({page.content_hash for page in (one, two, three)}) == 3
        assert (
            load(f"{path}#page=1", 400).image.size == (512, 384)
            and load(f"{path}#page=1").content_hash == one.content_hash
        )

    def test_a_turned_page_stands_upright_and_a_large_one_has_its_bounds(self, folder: Path) -> None:
        turned = load(f"{put(folder / 'a.pdf', pdf(halves(RED, BLUE), turn=90))}#page=1")
        assert turned.image.size == (384, 512) and turned.image.getpixel((190, 100))[0] > 200  # type: ignore[index]
        huge = load(f"{put(folder / 'b.pdf', pdf(halves(RED, BLUE), size=(14_400, 7200)))}#page=1")
        assert (huge.width, huge.height) == (4096, 2048) and colours(huge.image) == [RED, BLUE]
        sheet = load(f"{put(folder / 'c.pdf', pdf(None, size=(595, 842)))}#page=1")
        assert (sheet.width, sheet.height) == (1190, 1684)

    def test_its_text_is_found_and_is_not_read_again(self, folder: Path, finder: ImageFinder) -> None:
        put(folder / "a.pdf", pdf(halves(), halves(GREEN, RED), text="Garden plan 1907"))
        finder.add(folder)
        record = finder.get(f"{folder / 'a.pdf'}#page=1")
        assert (record.extra["text"], record.extra["text_by"]) == ("Garden plan 1907", "pdf")
        (hit, *_) = finder.search("text:1907")
        assert hit.id == record.id

    def test_odd_ones(self, folder: Path) -> None:
        whole = pdf(*[halves(RED, BLUE)] * 3)
        head, tail = whole[: len(whole) // 2], whole[len(whole) // 2 :]
        odd = {
            b"": SkipCode.EMPTY,
            b"%PDF-1.7\n": SkipCode.CORRUPT,
            b"%PDF-1.7\n" + bytes(1000): SkipCode.CORRUPT,
            head: SkipCode.CORRUPT,
            tail: SkipCode.UNSUPPORTED_FORMAT,
            b"GIF89a" + bytes(50): SkipCode.UNSUPPORTED_FORMAT,
            b"<html>%PDF-1.7</html>": SkipCode.CORRUPT,
            _pages("/Count 0/Kids[]"): SkipCode.CORRUPT,
            _encrypted(): SkipCode.UNSUPPORTED_FORMAT,
        }
        for number, (data, code) in enumerate(odd.items()):
            error = refused(put(folder / f"{number}.pdf", data))
            assert error.code == code, (data[:60], error)
        (folder / "folder.pdf").mkdir()
        assert refused(folder / "folder.pdf").code == SkipCode.NOT_AN_IMAGE
        assert refused(folder / "none.pdf").code == SkipCode.NOT_FOUND
        whole_one = put(folder / "a.pdf", b"\n\n" + whole)
        assert places(whole_one) == [1, 2, 3]
        with pytest.raises(ImageError) as caught:
            load(f"{whole_one}#page=4")
        assert caught.value.code == SkipCode.NOT_FOUND

    @pytest.mark.parametrize(
        "kids",
        [
            "/Count 2000000000/Kids[3 0 R]",
            "/Count 1/Kids[2 0 R]",  # its own child
            "/Count 3/Kids[3 0 R 9 0 R 3 0 R]",
        ],
    )
    def test_what_counts_wrongly_ends(self, kids: str, folder: Path) -> None:
        path = put(folder / "a.pdf", _pages(kids))
        found = None
        try:
            found = places(path)
        except ImageError as error:
            assert error.code in (SkipCode.EMPTY, SkipCode.CORRUPT, SkipCode.TOO_COSTLY)
        assert found is None or len(found) <= Limits().max_pages

    def test_nothing_that_it_names_is_opened_and_no_script_runs(self, folder: Path) -> None:
        secret = put(folder / "secret.txt", b"lime")
        actions = (
            f"/OpenAction<</S/JavaScript/JS(app.launchURL\\('http://127.0.0.1:9/'\\))>>"
            f"/AA<</WC<</S/Launch/F({secret})>>>>/Names<</EmbeddedFiles<</Names[(a) <</F<</FS/URL/F(http://127.0.0.1:9/)>>>>]>>>>"
        )
        path = put(folder / "a.pdf", _pages("/Count 1/Kids[3 0 R]", actions))
        assert places(path) == [1] and colours(load(f"{path}#page=1").image) == [(255,) * 3] * 2

    def test_a_page_that_takes_too_long_is_refused_and_others_are_not(self, folder: Path) -> None:
        lines = " ".join(f"{i % 590} {i * 7 % 840} m {i * 13 % 590} {i * 29 % 840} l" for i in range(200_000))
        slow = _pages("/Count 1/Kids[3 0 R]", content=f"[3 2 1] 0 d 0.1 w {lines} S")
        path, quick = put(folder / "slow.pdf", slow), put(folder / "quick.pdf", pdf(halves()))
        with pytest.raises(ImageError) as caught:
            load(f"{path}#page=1", max_seconds=0.2)
        assert caught.value.code == SkipCode.TOO_COSTLY
        assert colours(load(f"{quick}#page=1").image) == [RED, BLUE]

    def test_of_many_pages_the_first_are_taken_in_and_that_is_told(self, folder: Path) -> None:
        path = put(folder / "a.pdf", pdf(*[None] * 5))
        found = look_inside(ImageRef(str(path)), Limits(max_pages=3))
        assert len(found.parts) == 3 and found.left_out == "It has 5 pages; the first 3 are taken in."


def _pages(kids: str, more: str = "", content: str = "") -> bytes:
    """A PDF written by hand, without a table of its objects, as many are found."""
    return (
        f"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R{more}>>endobj\n2 0 obj<</Type/Pages{kids}>>endobj\n"
        "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>endobj\n"
        f"4 0 obj<</Length {len(content)}>>stream\n{content}\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    ).encode()


def _encrypted() -> bytes:
    """A PDF that asks for a password (the standard handler, 40 bits)."""
    whole = _pages("/Count 1/Kids[3 0 R]").decode()
    locked = f"5 0 obj<</Filter/Standard/V 1/R 2/O<{'11' * 32}>/U<{'22' * 32}>/P -4>>endobj\n"
    trailer = "trailer<</Root 1 0 R/Encrypt 5 0 R/ID[<31><31>]>>"
    return whole.replace("trailer<</Root 1 0 R>>", locked + trailer).encode()


# --- videos -----------------------------------------------------------------------------------------------------------

KINDS = {
    "mp4": ("mp4", "libx264"),
    "mkv": ("matroska", "libx264"),
    "webm": ("webm", "libvpx"),
    "avi": ("avi", "mpeg4"),
    "mov": ("mov", "mpeg4"),
    "m2ts": ("mpegts", "libx264"),
    "wmv": ("asf", "msmpeg4"),
    "flv": ("flv", "libx264"),
}


class TestVideo:
    @pytest.mark.parametrize("ending", KINDS)
    def test_what_is_new_is_taken_in_with_its_time(self, ending: str, folder: Path) -> None:
        format, codec = KINDS[ending]
        path = put(folder / f"a.{ending}", film(SCENES, format=format, codec=codec))
        assert places(path) == STARTS
        shown = [load(Part(str(path), time=at).uri) for at in STARTS]
        assert [colours(frame.image) for frame in shown] == [[RED, BLUE], [GREEN, RED], [BLUE, GREEN]]
        assert {(frame.format, frame.width, frame.height) for frame in shown} == {("VIDEO", 64, 48)}
        again = [load(Part(str(path), time=at).uri) for at in reversed(STARTS)]
        assert [f.image.tobytes() for f in again] == [f.image.tobytes() for f in reversed(shown)]

    def test_where_key_frames_are_rare_scenes_are_found_all_the_same(self, folder: Path) -> None:
        path = put(folder / "a.mp4", film(SCENES, keys=1000))
        assert places(path) == STARTS
        assert colours(load(f"{path}#t=5").image) == [BLUE, GREEN]

    def test_frames_that_show_nothing_are_left_out_unless_there_is_no_other(self, folder: Path) -> None:
        black = Image.new("RGB", (64, 48))
        assert places(put(folder / "a.mp4", film([(black, 2), *SCENES[:1], (black, 2)]))) == [2.0]
        assert places(put(folder / "b.mp4", film([(black, 2)]))) == [0.0]

    def test_what_does_not_change_is_one_frame(self, folder: Path) -> None:
        assert places(put(folder / "a.mp4", film([(halves(), 20)]))) == [0.0]

    def test_when_and_where_and_by_what_it_was_taken(self, folder: Path) -> None:
        said = {"creation_time": "2024-05-06T07:08:09Z", "title": "Holiday", "location": "+48.1375+011.5755/"}
        path = put(folder / "a.mp4", film(SCENES, **said))
        frame = load(f"{path}#t=3")
        assert (frame.taken_at, frame.taken_from) == ("2024-05-06T07:08:12+00:00", "video")
        assert frame.told == {"caption": "Holiday", "lat": 48.1375, "lon": 11.5755}

    def test_odd_ones(self, folder: Path) -> None:
        whole = film(SCENES)
        odd = {
            b"": SkipCode.EMPTY,
            b"\0\0\0\x18ftypisom": SkipCode.CORRUPT,
            b"\0\0\0\x18ftypisom" + bytes(1000): SkipCode.CORRUPT,
            whole[:400]: SkipCode.CORRUPT,
            whole[: len(whole) // 2]: SkipCode.CORRUPT,  # what tells where things are is at its end
            whole[len(whole) // 2 :]: SkipCode.UNSUPPORTED_FORMAT,
            b"RIFF\xff\xff\xff\x7fAVI LIST": SkipCode.CORRUPT,
            b"\x1aE\xdf\xa3" + b"\xff" * 200: SkipCode.CORRUPT,
            b"FLV\x01\x05\0\0\0\x09" + bytes(20): None,
            b"OggS" + bytes(300): None,
            b"\0\0\x01\xba" + bytes(3000): None,
            (b"G" + bytes(187)) * 50: None,
            b"#EXTM3U\n#EXTINF:5,\nhttp://127.0.0.1:9/a.ts\n": SkipCode.UNSUPPORTED_FORMAT,
            b"ffconcat version 1.0\nfile /etc/passwd\n": SkipCode.UNSUPPORTED_FORMAT,
            b"v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n": SkipCode.UNSUPPORTED_FORMAT,
            pdf(halves()): SkipCode.UNSUPPORTED_FORMAT,
        }
        for number, (data, code) in enumerate(odd.items()):
            error = refused(put(folder / f"{number}.mp4", data))
            assert error.code == code or (code is None and error.code in tuple(SkipCode)), (data[:60], error)

    def test_damage_within_costs_what_it_covers(self, folder: Path) -> None:
        whole = bytearray(film(SCENES, format="matroska"))
        middle = len(whole) // 2
        whole[middle : middle + 100] = b"\xff" * 100
        found = places(put(folder / "a.mkv", bytes(whole)))
        assert found and found[0] == 0.0
        cut = places(put(folder / "b.mkv", film(SCENES, format="matroska")[: -len(whole) // 3]))
        assert cut and set(cut) <= set(STARTS)

    def test_a_file_of_sound_only_has_no_frames(self, folder: Path) -> None:
        import io

        av = pytest.importorskip("av")
        buffer = io.BytesIO()
        with av.open(buffer, "w", format="mp4") as out:
            stream = out.add_stream("aac", rate=44100, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 44100
            out.mux(stream.encode(frame))
            out.mux(stream.encode())
        assert refused(put(folder / "a.mp4", buffer.getvalue())).code == SkipCode.NOT_AN_IMAGE

    def test_length_and_number_have_bounds_and_that_is_told(self, folder: Path) -> None:
        path = put(folder / "a.mp4", film(SCENES))
        short = look_inside(ImageRef(str(path)), Limits(max_length_s=2.5))
        assert len(short.parts) == 1 and "hours" in short.left_out
        few = look_inside(ImageRef(str(path)), Limits(max_frames=2))
        assert [part_of(p.uri).time for p in few] == [0.0, 5.0] and "3 frames" in few.left_out  # type: ignore[union-attr]
        none = look_inside(ImageRef(str(path)), Limits(max_look_s=0.0))
        assert len(none.parts) == 1 and "too long" in none.left_out

    def test_a_large_one_is_decoded(self, folder: Path) -> None:
        path = put(folder / "a.avi", film([(halves(), 0.2)], size=(5632, 3584), codec="mpeg4", format="avi"))
        frame = load(f"{path}#t=0", 224)
        assert (frame.width, frame.height) == (5632, 3584) and colours(frame.image) == [RED, BLUE]

    def test_claims_are_checked(self, folder: Path) -> None:
        path = put(folder / "a.mp4", film(SCENES))
        with pytest.raises(ImageError) as caught:
            load(f"{path}#t=0", max_pixels=1000)
        assert caught.value.code == SkipCode.TOO_MANY_PIXELS


# --- runs -------------------------------------------------------------------------------------------------------------


def uris(finder: ImageFinder, folder: Path) -> list[str]:
    return sorted(record.uri.removeprefix(f"{folder}/") for record in finder.records())


def test_an_unchanged_file_is_not_opened_again(
    folder: Path, finder: ImageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder / "a.pdf", pdf(halves(), halves(GREEN, RED)))
    put(folder / "b.mp4", film(SCENES))
    report = finder.add(folder)
    assert (report.added, report.skipped) == (5, ())
    assert uris(finder, folder) == ["a.pdf#page=1", "a.pdf#page=2", "b.mp4#t=0", "b.mp4#t=3", "b.mp4#t=5"]
    page = finder.get(f"{folder}/a.pdf#page=2")
    assert page.id == image_id(page.uri)
    assert {n: page.extra[n] for n in ("parent", "page", "parts")} == {
        "parent": f"{folder}/a.pdf",
        "page": 2,
        "parts": 2,
    }
    frame = finder.get(f"{folder}/b.mp4#t=3")
    assert {n: frame.extra[n] for n in ("parent", "time", "parts")} == {
        "parent": f"{folder}/b.mp4",
        "time": 3.0,
        "parts": 3,
    }
    assert [r.uri for r in finder.records("page = 2")] == [page.uri]
    assert sorted(r.uri for r in finder.records("time >= 3")) == [frame.uri, f"{folder}/b.mp4#t=5"]
    for name in ("look", "part"):
        monkeypatch.setattr(apart, name, None)
    assert finder.add(folder).unchanged == 5


def test_what_was_said_stays_with_its_page_when_the_file_changes_moves_or_goes(
    folder: Path, finder: ImageFinder
) -> None:
    path = put(folder / "a.pdf", pdf(halves(), halves(GREEN, RED)))
    finder.add(folder)
    finder.tag([f"{path}#page=2"], add=["important"])
    put(path, pdf(halves(), halves(BLUE, RED), halves(GREEN, BLUE)))
    report = finder.add(folder)
    assert (report.added, report.updated, report.removed) == (1, 2, 0)
    assert finder.get(f"{path}#page=2").tags == ("important",)
    moved = path.rename(folder / "z.pdf")
    report = finder.add(folder)
    assert (report.moved, report.added, report.removed) == (3, 0, 0)
    assert finder.get(f"{moved}#page=2").tags == ("important",)
    put(moved, pdf(halves()))
    assert finder.add(folder).removed == 2
    moved.unlink()
    put(folder / "other.pdf", pdf(halves(RED, GREEN)))
    assert finder.add(folder).removed == 1
    assert uris(finder, folder) == ["other.pdf#page=1"]


def test_a_long_file_may_go_like_any_other_and_a_broken_one_keeps_its_pages(folder: Path, finder: ImageFinder) -> None:
    path = put(folder / "a.pdf", pdf(*[halves()] * 15))
    for number in range(2):
        halves(RED, (0, number, 9)).save(folder / f"{number}.png")
    finder.add(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    report = finder.add(folder)
    assert [s.code for s in report.skipped] == [SkipCode.CORRUPT] and report.removed == 0 and report.total == 17
    path.write_bytes(whole)
    assert finder.add(folder).total == 17
    path.unlink()
    assert finder.add(folder).removed == 15  # one file of three, though most of the images


def test_a_run_that_was_stopped_goes_on(folder: Path, finder: ImageFinder) -> None:
    path = put(folder / "a.pdf", pdf(*[halves(RED, (0, 20 * n, 0)) for n in range(5)]))
    finder.add(folder)
    finder.remove(f"{path}#page=4")
    report = finder.add(folder)
    assert (report.added, report.unchanged, report.total) == (1, 4, 5)


def test_a_run_is_stopped_within_a_file_and_the_next_one_reads_the_rest(folder: Path, finder: ImageFinder) -> None:
    path = put(folder / "a.pdf", pdf(*[halves(RED, (0, 6 * n, 0)) for n in range(40)]))

    def stop(progress: Progress) -> None:
        if progress.stored >= 16:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        finder.add(folder, progress=stop)
    stored = len(finder)
    assert 16 <= stored < 40
    finder.tag([f"{path}#page=3"], add=["seen"])
    report = finder.add(folder)
    assert (report.added, report.unchanged, report.removed, report.total) == (40 - stored, stored, 0, 40)
    assert finder.get(f"{path}#page=3").tags == ("seen",)


def test_pages_are_tagged_and_removed_while_others_are_read(folder: Path, finder: ImageFinder) -> None:
    path = put(folder / "a.pdf", pdf(*[halves(RED, (0, 6 * n, 0)) for n in range(40)]))
    removed = []

    def change(progress: Progress) -> None:
        if progress.stored >= 16 and not removed:
            removed.append(finder.remove(f"{path}#page=1"))
            finder.tag([f"{path}#page=2"], add=["seen"])

    report = finder.add(folder, progress=change)
    assert removed == [1] and (report.added, report.total) == (40, 39)
    assert finder.get(f"{path}#page=2").tags == ("seen",)
    assert finder.add(folder).total == 40


def test_one_file_named_as_a_source_and_its_removal_by_name(folder: Path, finder: ImageFinder) -> None:
    path = put(folder / "a.mp4", film(SCENES))
    assert finder.add(path).added == 3
    assert [(s.kind, s.images) for s in finder.list_sources()] == [("file", 3)]
    assert finder.add(path).unchanged == 3
    assert finder.remove(path) == 3


def test_a_table_says_of_a_file_what_holds_for_its_parts(folder: Path, finder: ImageFinder) -> None:
    put(folder / "a.pdf", pdf(halves(), halves(GREEN, RED)))
    table = put(folder / "t.csv", b"path,caption,page,parent\na.pdf,A plan,77,nobody\n")
    finder.add(table)
    records = sorted(finder.records(), key=lambda r: r.uri)
    assert [(r.caption, r.extra["page"], r.extra["parent"]) for r in records] == [
        ("A plan", n, f"{folder}/a.pdf") for n in (1, 2)
    ]
    put(table, b"path,caption,page\na.pdf,Another plan,77\n")
    assert finder.add(table).updated == 2
    assert {(r.caption, r.extra["page"]) for r in finder.records()} == {("Another plan", 1), ("Another plan", 2)}


def test_columns_that_are_called_so_are_not_parts(folder: Path, finder: ImageFinder) -> None:
    for name in ("a.png", "b.png"):
        halves(RED, (0, 0, ord(name[0]))).save(folder / name)
    finder.add(put(folder / "t.csv", b"path,parent,page,time,parts\na.png,x,1,noon,7\nb.png,x,2,noon,7\n"))
    assert {r.extra["time"] for r in finder.records()} == {"noon"}
    assert len(finder.search(folder / "a.png")) == 2
    assert finder.add().unchanged == 2


def test_without_its_extra_a_file_keeps_its_parts(
    folder: Path, finder: ImageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder / "a.pdf", pdf(halves()))
    finder.add(folder)
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    report = finder.add(folder)
    assert report.total == 1 and report.removed == 0
    assert ["imagefinder[pdf]" in s.remedy for s in report.skipped] == [True]


def test_a_rebuild_has_them_all(folder: Path, tmp_path: Path) -> None:
    put(folder / "a.pdf", pdf(halves(), halves(GREEN, RED)))
    put(folder / "b.mp4", film(SCENES))
    with ImageFinder.open(tmp_path / "index") as finder:
        finder.add(folder)
        finder.tag([f"{folder}/a.pdf#page=2"], add=["kept"])
    put(folder / "a.pdf", pdf(halves()))
    report = ImageFinder.rebuild(tmp_path / "index")
    assert report.total == 4
    with ImageFinder.open(tmp_path / "index") as finder:
        assert finder._collection.index.manifest.parts


# --- searching --------------------------------------------------------------------------------------------------------


def drawn(colour: tuple[int, ...], at: int) -> Image.Image:
    picture = halves(colour, (255, 255, 255), (200, 150))
    ImageDraw.Draw(picture).ellipse((at, 20, at + 70, 120), fill="black")
    return picture


@pytest.fixture
def several(folder: Path, finder: ImageFinder) -> ImageFinder:
    put(folder / "a.pdf", pdf(*[drawn(RED, 10 * n) for n in range(6)]))
    put(folder / "b.mp4", film([(drawn(BLUE, 10), 2), (drawn(RED, 120), 2), (drawn(GREEN, 90), 2)], size=(200, 150)))
    for n in range(6):
        drawn((255, 40 * n, 0), 15 * n).save(folder / f"{n}.png")
    finder.add(folder)
    return finder


def test_hits_of_one_file_are_one_hit(several: ImageFinder, folder: Path) -> None:
    every = several.search(folder / "0.png", k=50, each_part=True)
    files = several.search(folder / "0.png", k=50)
    assert len(every) == 15 and not any(hit.other_parts for hit in every)
    assert len(files) == 8
    best = {file_of(hit.uri): hit.id for hit in reversed(every)}
    assert [hit.id for hit in files] == [hit.id for hit in every if best[file_of(hit.uri)] == hit.id]
    (paged,) = (hit for hit in files if file_of(hit.uri).endswith("a.pdf"))
    assert {paged.id, *paged.other_parts} == {hit.id for hit in every if file_of(hit.uri).endswith("a.pdf")}
    assert paged.to_dict()["other_parts"] == list(paged.other_parts)
    page = [hit.id for offset in range(0, 8, 3) for hit in several.search(folder / "0.png", k=3, offset=offset)]
    assert page == [hit.id for hit in files]


def test_other_ways_to_search_give_one_hit_too(several: ImageFinder, folder: Path) -> None:
    for options in ({"collapse": True}, {"diversity": 0.5}, {"measures": ["cosine", "euclidean"]}, {"explain": True}):
        found = several.search(folder / "0.png", k=50, **options)  # type: ignore[arg-type]
        names = [file_of(hit.uri) for hit in found]
        assert len(names) == len(set(names)), options
    (hit,) = several.search("name:b.mp4", k=5)
    assert len(hit.other_parts) == 2


def test_no_page_or_frame_is_ever_a_duplicate(several: ImageFinder, folder: Path) -> None:
    page = several.get(f"{folder}/a.pdf#page=1")
    loader = Loader(Limits())
    (folder / "copy.jpg").write_bytes(loader.read(ImageRef(page.uri)).data)
    (folder / "again.pdf").write_bytes((folder / "a.pdf").read_bytes())
    several.add(folder)
    report = several.duplicates()
    named = [record.uri for group in report.groups for record in (group.keep, *(m.record for m in group.members))]
    assert not [uri for uri in named if part_of(uri)]
    assert json.dumps(report.to_dict()).count("#page=") == 0


def test_a_page_can_be_searched_by_and_its_frame_copied(several: ImageFinder, folder: Path) -> None:
    (hit,) = several.search(Path(f"{folder}/a.pdf#page=3"), k=1)
    assert hit.uri == f"{folder}/a.pdf#page=3" and hit.score > 0.99
    ref = ImageRef(hit.uri, content_hash=hit.record.content_hash)
    assert Loader(Limits()).read(ref).data.startswith(b"\xff\xd8")
    put(folder / "a.pdf", pdf(*[drawn(BLUE, 10 * n) for n in range(6)]))
    with pytest.raises(ImageError, match="has changed"):
        Loader(Limits()).read(ref)


def test_another_file_in_its_place_is_not_opened_outside_its_folders(folder: Path, tmp_path: Path) -> None:
    secret = put(tmp_path / "secret.pdf", pdf(halves()))
    link = folder / "a.pdf"
    link.symlink_to(secret)
    within = (str(folder.resolve()),)
    with pytest.raises(ImageError) as caught:
        look_inside(ImageRef(str(link), within=within), Limits())
    assert caught.value.code == SkipCode.PERMISSION
    with pytest.raises(ImageError):
        Loader(Limits()).read(ImageRef(f"{link}#page=1", within=within))


def test_a_plan_says_what_is_to_be_looked_into(folder: Path, finder: ImageFinder) -> None:
    put(folder / "a.pdf", pdf(halves()))
    plan = make_plan(finder._collection.index.store, [open_source(str(folder))])
    assert [ref.uri for ref in plan.files] == [f"{folder}/a.pdf"] and plan.todo == []
    assert replace(plan.files[0], uri="x").size == (folder / "a.pdf").stat().st_size


def test_what_is_made_of_images_is_made_of_parts_too(several: ImageFinder, folder: Path) -> None:
    assert len(several.cluster(2, method="kmeans").clusters) == 2
    several.quality()
    page = several.get(f"{folder}/a.pdf#page=3")
    assert page.extra["cluster"] in (0, 1) and page.extra["blur"] >= 0
    assert several.map(method="pca").projection.coordinates.shape == (15, 2)


def test_the_file_itself_is_no_query(several: ImageFinder, folder: Path) -> None:
    with pytest.raises(ImageError, match="several pictures") as caught:
        several.search(folder / "a.pdf")
    assert "a.pdf#page=1" in caught.value.remedy


@pytest.mark.parametrize("ending", ["pdf", "mp4", "mkv"])
def test_files_damaged_at_random_are_looked_into_or_refused(ending: str, folder: Path) -> None:
    formats = {"mp4": "mp4", "mkv": "matroska"}
    whole = film(SCENES, format=formats[ending]) if ending in formats else pdf(*[halves()] * 3, text="Some text")
    chance = np.random.default_rng(0)
    for number in range(15):
        data = bytearray(whole)
        for place in chance.integers(0, len(data), 12):
            data[place] = chance.integers(0, 256)
        path = put(folder / f"{number}.{ending}", bytes(data))
        try:
            for part in look_inside(ImageRef(str(path)), Limits(max_seconds=2, max_look_s=2)):
                load(part.uri, 64, max_seconds=2, max_look_s=2)
        except ImageError as error:
            assert error.code in tuple(SkipCode) and error.message, error

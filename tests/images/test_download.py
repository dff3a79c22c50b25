"""Downloading into a folder: resumable, each failure reported."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagefinder.errors import FetchError, InvalidTableError, StorageError
from imagefinder.images.download import _Downloads, download_unsplash, download_urls
from imagefinder.images.fetch import Fetcher
from imagefinder.images.sources import open_source
from imagefinder.types import ImageRef, Limits, Progress

OPEN = Limits(allow_private_addresses=True)


def urls_table(path: Path, *rows: tuple[str, str]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("url", "name"), *rows])
    return path


def test_a_table_of_urls(server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table = urls_table(
        tmp_path / "t.csv",
        (f"{server.url}/image?colour=red", "one"),
        (f"{server.url}/image?colour=blue", "two"),
        (f"{server.url}/status?code=404", "gone"),
        (f"{server.url}/image.jpg?type=text/html", "page"),
        (f"{server.url}/endless", "endless"),
    )
    seen: list[tuple[int, int]] = []
    limits = Limits(allow_private_addresses=True, max_bytes=1_000_000)
    folder = tmp_path / "out"
    report = download_urls(table, folder, limits=limits, progress=lambda now: seen.append((now.done, now.total)))
    assert (report.seen, report.downloaded, report.already) == (5, 2, 0)
    assert {s.code for s in report.failed} == {"not-found", "not-an-image", "too-many-bytes"}
    assert seen[-1] == (5, 5)
    with (folder / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["one", "two"]
    for row in rows:
        with Image.open(folder / row["file"]) as image:
            assert image.size == (64, 48)
    assert len({row["file"] for row in rows}) == 2
    assert {p.name for p in folder.iterdir()} == {"manifest.csv", *(row["file"] for row in rows)}

    requests = len(server.seen)
    again = download_urls(table, folder, limits=limits)
    assert (again.downloaded, again.already, len(again.failed)) == (0, 2, 3)
    assert len(server.seen) - requests < 10
    (folder / rows[0]["file"]).unlink()
    assert download_urls(table, folder, limits=limits).downloaded == 1

    refs = [r for r in open_source(str(folder / "manifest.csv")).scan() if isinstance(r, ImageRef)]
    assert {r.metadata["name"] for r in refs} == {"one", "two"}
    assert {Path(r.uri).parent for r in refs} == {folder}, "what was downloaded is not read from the net again"


def test_an_interrupted_download_goes_on(server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table = urls_table(tmp_path / "t.csv", *((f"{server.url}/image?n={i}", str(i)) for i in range(30)))

    def stop(now: Progress) -> None:
        if now.done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download_urls(table, tmp_path / "out", limits=OPEN, progress=stop)
    report = download_urls(table, tmp_path / "out", limits=OPEN)
    assert report.already >= 10
    assert report.already + report.downloaded == 30
    assert len(list((tmp_path / "out").glob("*.jpg"))) == 30, "what was under way when it stopped is known"


def test_names_from_the_web_stay_in_the_folder(server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table = urls_table(
        tmp_path / "t.csv", (f"{server.url}/image/..%2f..%2fetc%2fpasswd", "a"), (f"{server.url}/image/", "b")
    )
    download_urls(table, tmp_path / "out", limits=OPEN)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert {p.parent for p in files} == {tmp_path, tmp_path / "out"}


def test_picsum_without_a_key(server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    report = download_unsplash(12, tmp_path, base_url=server.url, limits=OPEN)
    assert (report.seen, report.downloaded) == (12, 11)
    assert [s.uri for s in report.failed] == [f"{server.url}/id/3/1080/720"]
    with (tmp_path / "manifest.csv").open() as file:
        first = next(csv.DictReader(file))
    assert first["photographer"] == "Author 0"
    more = download_unsplash(20, tmp_path, base_url=server.url, limits=OPEN)
    assert more.already == 11
    assert more.downloaded == 8


def test_unsplash_with_a_key(server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    report = download_unsplash(3, tmp_path, key="my-key", base_url=server.url, limits=OPEN)
    assert report.downloaded == 3
    assert sum("counted" in path for path, _ in server.seen) == 3, "Unsplash wants each download counted"
    with pytest.raises(FetchError, match="401"):
        download_unsplash(3, tmp_path / "x", key="wrong", base_url=server.url, limits=OPEN)


def test_wrong_tables(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InvalidTableError):
        download_urls(tmp_path / "t.csv", tmp_path / "out")


def test_urls_that_are_no_urls_are_reported(tmp_path: Path) -> None:
    table = urls_table(tmp_path / "t.csv", ("not a url", "x"), ("http://", "y"))
    report = download_urls(table, tmp_path / "out")
    assert len(report.failed) == 2


PICSUM_PHOTO = {"id": "1", "author": "A", "width": 3000, "height": 2000, "url": "https://example.org/1"}
UNSPLASH_PHOTO = {"id": "1", "urls": {"raw": "https://example.org/1?x"}}


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "no",
        "{}{}",
        "null",
        "7",
        '"text"',
        '{"errors": ["rate limit"]}',
        "[1]",
        "[null]",
        "[[]]",
        '[{"id": "1"}]',
        json.dumps([{**PICSUM_PHOTO, "width": 0}]),
        json.dumps([{**PICSUM_PHOTO, "width": "x"}]),
        json.dumps([{**PICSUM_PHOTO, "height": None}]),
        json.dumps([{**PICSUM_PHOTO, "width": 1e999}]),
        json.dumps([{**UNSPLASH_PHOTO, "urls": None}]),
        json.dumps([{**UNSPLASH_PHOTO, "links": "x"}]),
        json.dumps([{**UNSPLASH_PHOTO, "user": 7}]),
        "[" * 100_000,
        b"\xff\xfe\x00",
    ],
)
@pytest.mark.parametrize("key", [None, "my-key"])
def test_a_service_that_answers_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str | bytes, key: str | None
) -> None:
    data = answer.encode() if isinstance(answer, str) else answer
    monkeypatch.setattr(Fetcher, "get", lambda *args, **kwargs: data)
    try:
        report = download_unsplash(3, tmp_path, key=key, limits=OPEN)
    except FetchError as error:
        assert "list of photos" in error.message
    else:
        assert report.downloaded == 0


def test_a_service_that_repeats_itself_comes_to_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = json.dumps([PICSUM_PHOTO]).encode()
    monkeypatch.setattr(Fetcher, "get", lambda self, url, *args, **kwargs: page if "list" in url else b"no image")
    assert download_unsplash(3, tmp_path, limits=OPEN).seen == 1


def test_a_key_goes_with_the_count_but_to_its_own_service_only(server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    download_unsplash(2, tmp_path, key=" my-key\n", base_url=f"{server.url}/", limits=OPEN)
    counted = [headers for path, headers in server.seen if "counted" in path]
    assert [headers["Authorization"] for headers in counted] == ["Client-ID my-key"] * 2
    assert not any("Authorization" in headers for path, headers in server.seen if path.startswith("/image.jpg"))


def test_a_manifest_may_hold_any_text(server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    text = 'two\nlines\r, "quoted"; =1+1 \u2028 \x85 Ä'
    table = tmp_path / "t.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [("image_url", "caption", "file", "URL"), (f"{server.url}/image.jpg", text, "theirs.jpg", "x")]
        )
    for already in (0, 1, 1):
        report = download_urls(table, tmp_path / "out", limits=OPEN, column="image_url")
        assert report.already == already
        (ref,) = open_source(report.manifest).scan()
        assert isinstance(ref, ImageRef)
        assert ref.uri == str(tmp_path / "out/image.jpg")
        assert ref.metadata["caption"] == text
        assert ref.metadata["csv_file"] == "theirs.jpg"


def test_a_manifest_saved_by_a_spreadsheet_is_still_one(server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table = urls_table(tmp_path / "t.csv", (f"{server.url}/image.jpg", "Ä"))
    report = download_urls(table, tmp_path / "out", limits=OPEN)
    text = Path(report.manifest).read_text("utf-8")
    for changed in (text.replace(",", ";").encode("cp1252"), text.encode("utf-16"), b"\xef\xbb\xbf\n" + text.encode()):
        Path(report.manifest).write_bytes(changed)
        assert download_urls(table, tmp_path / "out", limits=OPEN).already == 1
        (ref,) = open_source(report.manifest).scan()
        assert isinstance(ref, ImageRef) and ref.metadata["name"] == "Ä"


@pytest.mark.parametrize("data", [b"a,b\n1,2\n", b"\x00\x01\xff", b'file,url\na.jpg,"' + b"x" * 2_000_000])
def test_a_manifest_of_something_else_is_left_alone(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/manifest.csv").write_bytes(data)
    with pytest.raises(InvalidTableError, match="Move"):
        download_urls(urls_table(tmp_path / "t.csv", ("http://127.0.0.1/", "x")), tmp_path / "out")
    assert (tmp_path / "out/manifest.csv").read_bytes() == data


@pytest.mark.parametrize("data", [b"", b"file,url\n", b"file,url\na.jpg\n,b\nx,y,z,1\n"])
def test_a_manifest_without_whole_rows_counts_for_nothing(server, tmp_path: Path, data: bytes) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "manifest.csv").write_bytes(data)
    (tmp_path / "left.jpg.imagefinder-part").write_bytes(b"half")
    (tmp_path / "theirs.part").write_bytes(b"of a browser")
    table = urls_table(tmp_path / "t.csv", (f"{server.url}/image/manifest.csv", "x"))
    report = download_urls(table, tmp_path, limits=OPEN)
    assert (report.downloaded, report.already) == (1, 0)
    assert {p.name for p in tmp_path.iterdir()} == {"t.csv", "manifest.csv", "manifest.jpg", "theirs.part"}


def test_a_folder_that_can_not_be_one(tmp_path: Path) -> None:
    table = urls_table(tmp_path / "t.csv", ("http://127.0.0.1/", "x"))
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "out/manifest.csv").mkdir(parents=True)
    for folder in (tmp_path / "file", tmp_path / "file/in", str(tmp_path / "a\0b"), tmp_path / "out"):
        with pytest.raises(StorageError):
            download_urls(table, folder)


@pytest.mark.parametrize(
    "data", [st.text(max_size=200), st.sampled_from(["con", "NUL.tar", "com1.x", "aux", "..", "COM¹"])]
)
def test_names_are_such_that_every_system_takes_and_tells_apart(
    tmp_path_factory: pytest.TempPathFactory, data: st.SearchStrategy[str]
) -> None:
    @given(st.lists(data, max_size=6))
    def check(stems: list[str]) -> None:
        downloads = _Downloads(tmp_path_factory.getbasetemp() / "names", OPEN)
        names = [
            downloads._name(f"http://x/{stem}.png", ".jpg") for stem in [*stems, "photo", "PHOTO", "straße", "STRASSE"]
        ]
        assert len({name.casefold() for name in names}) == len(names)
        for name in names:
            assert len(name.encode()) < 110
            assert not set(name) & set('/\\:*?"<>|\0') and name.isprintable()
            assert not name.startswith(".") and name.endswith(".jpg")
            assert name.partition(".")[0].lower() not in ("con", "nul", "com1", "aux", "com¹")

    check()


def test_urls_of_any_kind_are_reported(tmp_path: Path) -> None:
    table = urls_table(tmp_path / "t.csv", ("http://[", "a"), ("http://[::1", "b"), ("http://127.0.0.1:99999/", "c"))
    report = download_urls(table, tmp_path / "out", limits=OPEN, workers=0)
    assert len(report.failed) == 3


def test_a_disk_that_is_full_is_said(server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("imagefinder.images.download.write_new", full)
    with pytest.raises(StorageError, match="No space left"):
        download_urls(urls_table(tmp_path / "t.csv", (f"{server.url}/image", "x")), tmp_path / "out", limits=OPEN)

"""Downloading into a folder: resumable, each failure reported."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PIL import Image

from imagefinder.errors import FetchError, InvalidTableError
from imagefinder.images.download import download_unsplash, download_urls
from imagefinder.images.sources import open_source
from imagefinder.types import ImageRef, Limits

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
    report = download_urls(table, folder, limits=limits, progress=lambda done, total: seen.append((done, total)))
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
    assert not list(folder.glob("*.part"))

    requests = len(server.seen)
    again = download_urls(table, folder, limits=limits)
    assert (again.downloaded, again.already, len(again.failed)) == (0, 2, 3)
    assert len(server.seen) - requests < 10
    (folder / rows[0]["file"]).unlink()
    assert download_urls(table, folder, limits=limits).downloaded == 1

    refs = [r for r in open_source(str(folder / "manifest.csv")).scan() if isinstance(r, ImageRef)]
    assert {r.metadata["name"] for r in refs} == {"one", "two"}


def test_an_interrupted_download_goes_on(server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    table = urls_table(tmp_path / "t.csv", *((f"{server.url}/image?n={i}", str(i)) for i in range(30)))

    def stop(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download_urls(table, tmp_path / "out", limits=OPEN, progress=stop)
    report = download_urls(table, tmp_path / "out", limits=OPEN)
    assert report.already >= 10
    assert report.already + report.downloaded == 30


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

"""``imagefinder index --thumbnails``: the small pictures of the page, made before somebody looks."""

from __future__ import annotations

from pathlib import Path

from command import run_cli
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.server.ahead import SIZE, make_thumbnails
from imagefinder.server.pictures import Pictures
from imagefinder.types import Limits

ROOM = 1024**3


def folder_of(place: Path, n: int = 5) -> Path:
    place.mkdir()
    for i in range(n):
        Image.new("RGB", (400, 300), (40 * i, 90, 30)).save(place / f"{i}.png")
    return place


def test_thumbnails_are_made_once(tmp_path: Path) -> None:
    photos, home = folder_of(tmp_path / "photos"), tmp_path / "index"
    assert "5 thumbnails made." in run_cli("index", photos, "--index", home, "--thumbnails").stderr
    assert "0 thumbnails made." in run_cli("index", photos, "--index", home, "--thumbnails").stderr
    assert "made." not in run_cli("index", photos, "--index", home).stderr
    with ImageFinder.open(home) as finder:
        kept = Pictures(finder.home, Limits(), ROOM)
        records = finder.records()
        assert all(kept.is_kept(record, SIZE) for record in records)
        (photos / "2.png").unlink()
        assert all(kept.thumbnail(record, SIZE).startswith(b"\xff\xd8") for record in records)  # no file is needed


def test_what_cannot_be_made_stops_nothing_and_room_is_kept(tmp_path: Path) -> None:
    photos = folder_of(tmp_path / "photos")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(photos)
        (photos / "2.png").write_bytes(b"no picture")
        seen: list[tuple[str, int, int]] = []
        assert make_thumbnails(finder, Limits(), ROOM, lambda p: seen.append((p.stage, p.done, p.total))) == 4
        assert seen == [("thumbnails", i, 5) for i in range(1, 6)]
        assert make_thumbnails(finder, Limits(), 1) == 0

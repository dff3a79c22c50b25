"""When a picture was taken, by whatever its file says."""

from __future__ import annotations

import os
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from imagefinder.finder import ImageFinder
from imagefinder.images.dates import Taken, guess, named, of_file
from imagefinder.images.decode import decode, encode_bytes
from imagefinder.types import ImageRef, Limits

ORIGINAL, DIGITIZED, SAVED, OFFSET = 36867, 36868, 306, 36881
WHEN = "2020-06-01T10:00:00"


def photo(details: dict[int, Any], format: str = "JPEG", **options: Any) -> bytes:
    exif = Image.Exif()
    for tag, value in details.items():
        (exif if tag == SAVED else exif.get_ifd(0x8769))[tag] = value
    buffer = BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, format, exif=exif.tobytes(), **options)
    return buffer.getvalue()


def read(data: bytes) -> Taken:
    loaded = decode(encode_bytes(ImageRef("x"), data), short_side=None, limits=Limits())
    return Taken(loaded.taken_at, loaded.taken_from)


@pytest.mark.parametrize(
    ("offset", "zone"),
    [
        ("+02:00", "+02:00"),
        ("Z", "+00:00"),
        ("-09:30", "-09:30"),
        ("   :  ", ""),
        ("+2:00", ""),
        ("????", ""),
        ("+25:00", ""),
    ],
)
def test_an_offset_that_can_not_be_read_costs_only_the_offset(offset: str, zone: str) -> None:
    assert read(photo({ORIGINAL: "2020:06:01 10:00:00", OFFSET: offset})) == (WHEN + zone, "exif")


@pytest.mark.parametrize(
    ("details", "found"),
    [
        ({ORIGINAL: "0000:00:00 00:00:00", DIGITIZED: "2020:06:01 10:00:00"}, (WHEN, "exif")),
        ({ORIGINAL: "    :  :     :  :  ", SAVED: "2020:06:01 10:00:00"}, (WHEN, "changed")),
        ({DIGITIZED: "2020-06-01T10:00:00.25"}, (WHEN, "exif")),
        ({ORIGINAL: "2020:06:01   :  :  "}, ("2020-06-01", "exif")),
        ({ORIGINAL: "2020:06:01 10:00:60"}, ("2020-06-01T10:00:59", "exif")),
        ({ORIGINAL: "2020:13:01 10:00:00"}, (None, None)),
        ({ORIGINAL: "0001:01:01 00:00:00"}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_the_dates_of_exif_in_turn(details: dict[int, str], found: tuple[str | None, str | None]) -> None:
    assert read(photo(details)) == found


def test_xmp_goes_before_the_time_of_saving() -> None:
    xmp = b'<x xmp:CreateDate="2021-01-01T00:00:00"><photoshop:DateCreated>2020-06-01T10:00:00+02:00<'
    for format in ("JPEG", "WEBP", "PNG"):
        options: dict[str, Any] = {"xmp": xmp}
        if format == "PNG":
            info = PngImagePlugin.PngInfo()
            info.add_itxt("XML:com.adobe.xmp", xmp.decode())
            options = {"pnginfo": info}
        assert read(photo({SAVED: "2022:01:01 00:00:00"}, format, **options)) == (WHEN + "+02:00", "xmp")


@pytest.mark.parametrize(
    ("text", "at"),
    [("Mon, 01 Jun 2020 10:00:00 GMT", WHEN + "+00:00"), ("2020:06:01 10:00:00", WHEN), ("yesterday", None)],
)
def test_the_creation_time_of_png(text: str, at: str | None) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Creation Time", text)
    assert read(photo({}, "PNG", pnginfo=info)) == (at, "png" if at else None)


def test_the_chunk_of_png_for_the_last_change() -> None:
    data = photo({}, "PNG")
    body = b"tIME" + struct.pack(">HBBBBB", 2020, 6, 1, 10, 0, 0)
    chunk = struct.pack(">I", 7) + body + struct.pack(">I", zlib.crc32(body))
    assert read(data[:33] + chunk + data[33:]) == (WHEN + "+00:00", "changed")


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("IMG_20200601_100000.jpg", WHEN),
        ("PXL_20200601_100000123.jpg", WHEN),
        ("VID_20200601_100000.webp", WHEN),
        ("2020-06-01 10.00.00.jpg", WHEN),
        ("Screenshot_20200601-100000.png", WHEN),
        ("Screenshot 2020-06-01 at 10.00.00 PM.png", "2020-06-01T22:00:00"),
        ("WhatsApp Image 2020-06-01 at 10.00.00.jpeg", WHEN),
        ("IMG-20200601-WA0001.jpg", "2020-06-01"),
        ("2020-06-01 party.jpg", "2020-06-01"),
        ("20200601.jpg", None),
        ("article 20200601.jpg", None),
        ("120200601_100000.jpg", None),
        ("IMG_20201301_100000.jpg", None),
        ("DSC_0001.jpg", None),
    ],
)
def test_the_date_in_a_name(name: str, at: str | None) -> None:
    assert named(name) == at


def test_a_file_s_own_time_is_a_guess_within_reason() -> None:
    assert of_file(-(2**63)) is of_file(2**63 - 1) is of_file(None) is None
    assert of_file(-1) == "1969-12-31T23:59:59+00:00"
    assert guess(of_file(0)) is None
    assert guess("2020-06-01T10:00:00+00:00") == "2020-06-01T10:00:00+00:00"


def test_a_record_says_where_its_date_is_from(tmp_path: Path) -> None:
    plain = photo({})
    names = {"IMG_20200601_100000.jpg": plain, "plain.jpg": plain, "exif.jpg": photo({ORIGINAL: "2019:01:02 03:04:05"})}
    for name, data in names.items():
        (tmp_path / "p").mkdir(exist_ok=True)
        (tmp_path / "p" / name).write_bytes(data)
        os.utime(tmp_path / "p" / name, (1_600_000_000, 1_600_000_000))
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "p")
        found = {Path(r.uri).name: (r.taken_at, r.taken_from, r.taken_guess) for r in finder.records()}
        assert found == {  # the first two are copies: a name's date is its own
            "IMG_20200601_100000.jpg": (WHEN, "name", None),
            "plain.jpg": (None, "file", "2020-09-13T12:26:40+00:00"),
            "exif.jpg": ("2019-01-02T03:04:05", "exif", None),
        }
        assert len(finder.records("taken_at >= 2020")) == 1
        assert len(finder.records("taken_guess = 2020")) == 1


TIMES = st.one_of(
    st.integers(-(2**40), 2**40), st.sampled_from([-11644473600, 316537897600, 9223372800, 10413792000, 0])
)
TEXTS = st.one_of(st.text(max_size=25), st.datetimes().map(lambda d: d.strftime("%Y:%m:%d %H:%M:%S")))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(TIMES, TEXTS, TEXTS, st.binary(max_size=60)), min_size=1, max_size=6))
def test_no_metadata_stops_a_run(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[int, str, str, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    (folder / "p").mkdir()
    for i, (mtime, date, offset, xmp) in enumerate(files):
        path = folder / "p" / f"{i}.jpg"
        path.write_bytes(photo({ORIGINAL: date, OFFSET: offset, SAVED: offset}, xmp=b"<xmp:CreateDate>" + xmp))
        os.utime(path, (mtime, mtime))
    with ImageFinder.open(folder / "index", model="fast") as finder:
        report = finder.add(folder / "p")
        assert (report.added, report.skipped) == (len(files), ())
        assert finder.add(folder / "p").unchanged == len(files)
        assert len(finder.records()) == len(files)
        finder.facets()
        assert len(finder.list(sort="mtime", k=9)[0]) == len(files)

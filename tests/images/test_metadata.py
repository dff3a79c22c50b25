"""What the files of images say of themselves: keywords, captions, cameras, places; in EXIF, IPTC, XMP and sidecars."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin, TiffImagePlugin

from imagefinder.images.decode import decode, encode_bytes
from imagefinder.images.metadata import told_by_xmp
from imagefinder.images.sidecars import beside, told_beside
from imagefinder.images.sources import FileSource, FolderSource, TableSource
from imagefinder.images.xmp import BYTES, VALUES, properties
from imagefinder.types import ImageRef, Limits

NAMESPACES = """xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" """


def xmp(inside: str = "", attributes: str = "") -> bytes:
    text = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {NAMESPACES}><rdf:Description {attributes}>{inside}'
    return f'<?xpacket begin=""?>{text}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'.encode()


def keywords(*words: str) -> str:
    return f"<dc:subject><rdf:Bag>{''.join(f'<rdf:li>{w}</rdf:li>' for w in words)}</rdf:Bag></dc:subject>"


def picture(format: str = "JPEG", **options: Any) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (16, 16), "teal").save(buffer, format, **options)
    return buffer.getvalue()


def exif(main: dict[int, Any] | None = None, details: dict[int, Any] | None = None, gps: Any = None) -> bytes:
    found = Image.Exif()
    for tag, value in (main or {}).items():
        found[tag] = value
    for place, values in ((0x8769, details), (0x8825, gps)):
        for tag, value in (values or {}).items():
            found.get_ifd(place)[tag] = value
    return picture(exif=found.tobytes())


def iptc(*fields: tuple[int, bytes]) -> bytes:
    """A JPEG with these fields of IPTC's record 2, as Photoshop keeps them."""
    data = b"".join(b"\x1c\x02" + bytes([field]) + struct.pack(">H", len(value)) + value for field, value in fields)
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)
    segment = b"Photoshop 3.0\0" + block
    return b"\xff\xd8\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + picture()[2:]


def told(data: bytes) -> dict[str, Any]:
    return dict(decode(encode_bytes(ImageRef("x"), data), short_side=None, limits=Limits()).told)


BERLIN = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0)}


def test_exif_tells_camera_lens_place_and_description() -> None:
    data = exif({271: "Canon", 272: "Canon EOS 5D", 270: "A harbour"}, {0xA434: "EF 50mm f/1.4"}, BERLIN)
    found = {"camera": "Canon EOS 5D", "lens": "EF 50mm f/1.4", "caption": "A harbour", "lat": 52.52, "lon": 13.405}
    assert told(data) == found


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("NIKON CORPORATION", "NIKON D90", "NIKON D90"),
        ("Apple", "iPhone 15", "Apple iPhone 15"),
        ("  SONY\0junk", "ILCE-7M3  ", "SONY ILCE-7M3"),
        ("Leica", "", "Leica"),
    ],
)
def test_the_maker_is_named_once(make: str, model: str, camera: str) -> None:
    assert told(exif({271: make, 272: model}))["camera"] == camera


def test_south_and_west_are_negative() -> None:
    gps = {1: "S", 2: (33.0, 52.0, 4.8), 3: "W", 4: (70.0, 30.0, 0.0)}
    assert told(exif(gps=gps)) == {"lat": -33.868, "lon": -70.5}


NOWHERE = TiffImagePlugin.IFDRational(0, 0)


@pytest.mark.parametrize(
    "gps",
    [
        {**BERLIN, 2: (91.0, 0.0, 0.0)},
        {**BERLIN, 4: (181.0, 0.0, 0.0)},
        {**BERLIN, 2: (NOWHERE, NOWHERE, NOWHERE)},
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "N", 2: (52.0, 31.0, 12.0)},
        {**BERLIN, 2: (52.0, NOWHERE, 0.0)},
    ],
)
def test_what_is_no_place_is_none(gps: dict[int, Any]) -> None:
    assert told(exif(gps=gps)) == {}


@pytest.mark.parametrize("text", ["OLYMPUS DIGITAL CAMERA", "SONY DSC", "<x:xmp>", '{"a": 1}', "   ", "\0\0"])
def test_what_cameras_and_programs_write_is_no_caption(text: str) -> None:
    assert told(exif({270: text})) == {}


def test_windows_writes_in_utf_16() -> None:
    texts = {40091: "Grüße", 40094: "Meer; Küste ;;Meer", 40092: "von der Küste"}
    data = exif({tag: (text + "\0").encode("utf-16-le") for tag, text in texts.items()})
    assert told(data) == {"caption": "Grüße\nvon der Küste", "tags": ["Meer", "Küste"]}


def test_exif_holds_utf_8_where_it_should_be_ascii() -> None:
    assert told(exif({270: "Käse".encode()})) == {"caption": "Käse"}


def test_iptc_tells_keywords_title_and_caption() -> None:
    data = iptc((5, b"Harbour"), (25, b"sea"), (25, "K\u00fcste".encode()), (120, "Caf\u00e9".encode("latin-1")))
    assert told(data) == {"tags": ["sea", "Küste"], "caption": "Harbour\nCafé"}
    assert told(iptc((25, b"one"))) == {"tags": ["one"]}


DUBLIN = xmp(
    keywords("sea", "boat &amp; sail")
    + "<dc:title><rdf:Alt><rdf:li xml:lang='de'>Hafen</rdf:li><rdf:li xml:lang='x-default'>Harbour</rdf:li></rdf:Alt>"
    "</dc:title><dc:description><rdf:Alt><rdf:li xml:lang='x-default'>Harbour of Dublin</rdf:li></rdf:Alt>"
    "</dc:description><tiff:Model>X100</tiff:Model>",
    'tiff:Make="Fuji" aux:Lens="23mm" exif:GPSLatitude="53,20.5N" exif:GPSLongitude="6,15,36W"',
)
SAID = {"tags": ["sea", "boat & sail"], "caption": "Harbour of Dublin", "camera": "Fuji X100", "lens": "23mm"}
SAID |= {"lat": 53.341667, "lon": -6.26}


def test_xmp_is_read_in_every_format_that_carries_it() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", DUBLIN.decode())
    tiff = TiffImagePlugin.ImageFileDirectory_v2()
    tiff[700] = DUBLIN
    tiff.tagtype[700] = 1
    files = {
        "JPEG": picture(xmp=DUBLIN),
        "PNG": picture("PNG", pnginfo=info),
        "WEBP": picture("WEBP", xmp=DUBLIN),
        "TIFF": picture("TIFF", tiffinfo=tiff),
    }
    assert {name: told(data) for name, data in files.items()} == dict.fromkeys(files, SAID)


def test_xmp_goes_before_iptc_and_exif_where_it_says_something() -> None:
    buffer = BytesIO()
    kept = Image.Exif()
    kept[270], kept[272] = "by EXIF", "EOS"
    Image.new("RGB", (16, 16)).save(buffer, "JPEG", exif=kept.tobytes(), xmp=xmp(keywords("x")))
    segment = iptc((25, b"iptc"), (120, b"by IPTC"))
    data = segment[: segment.index(b"\xff\xe0", 20)] + buffer.getvalue()[2:]
    assert told(data) == {"tags": ["x"], "caption": "by IPTC", "camera": "EOS"}


def test_a_picture_that_says_nothing_tells_nothing() -> None:
    assert told(picture()) == told(picture("PNG")) == told(picture("GIF")) == {}


def test_tags_are_as_people_could_have_given_them() -> None:
    many = [f"tag {i}" for i in range(150)]
    found = told_by_xmp(xmp(keywords("  a\n b ", "a b", "x" * 101, "", "\u202e?", *many)))["tags"]
    assert found == ["a b", "?", *many[:98]]


# --- from strangers ---------------------------------------------------------------------------------------------------


def test_entities_are_refused_before_they_are_declared() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    inside = xmp(keywords("&b;")).decode().replace('<?xpacket begin=""?>', bomb)
    assert properties(inside.encode()) == properties(inside.encode("utf-16")) == {}


def test_depth_length_and_number_are_bounded() -> None:
    deep = f"<rdf:RDF {NAMESPACES}>{'<dc:subject>' * 60_000}"
    assert properties(deep.encode()) == {}
    found = properties(xmp(keywords(*map(str, range(VALUES + 50)), "y" * 50_000)))["dc:subject"]
    assert found == [str(i) for i in range(VALUES)]
    assert told_by_xmp(xmp(f"<dc:title>{'z' * 50_000}</dc:title>"))["caption"] == "z" * 10_000


def test_what_stands_before_a_fault_counts() -> None:
    assert properties(xmp(keywords("one", "two")).replace(b"</rdf:Bag>", b"<rdf:li>"))["dc:subject"] == ["one", "two"]


@given(st.binary(max_size=300), st.integers(0, len(DUBLIN)))
def test_any_packet_gives_properties(noise: bytes, at: int) -> None:
    whole = properties(DUBLIN)
    for packet in (noise, DUBLIN[:at], DUBLIN[:at] + noise + DUBLIN[at:]):
        found = properties(packet)
        assert all(isinstance(text, str) and text for texts in found.values() for text in texts)
        told_by_xmp(packet)
    cut = properties(DUBLIN[:at])
    assert all(text in whole[name] or name == "dc:subject" for name, texts in cut.items() for text in texts)


@settings(max_examples=60)
@given(data=st.data())
def test_damaged_metadata_never_costs_the_picture(data: st.DataObject) -> None:
    good = exif({271: "Canon", 270: "A harbour"}, {0xA434: "lens"}, BERLIN)
    end = good.index(b"\xff\xdb")
    spots = data.draw(st.lists(st.tuples(st.integers(30, end - 1), st.integers(0, 255)), max_size=8))
    damaged = bytearray(good)
    for at, value in spots:
        damaged[at] = value
    found = decode(encode_bytes(ImageRef("x"), bytes(damaged)), short_side=None, limits=Limits())
    assert found.image.size == (16, 16)
    assert set(found.told) <= {"camera", "caption", "lens", "lat", "lon", "tags"}
    assert ("lat" in found.told) == ("lon" in found.told)


# --- sidecars ---------------------------------------------------------------------------------------------------------


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(xmp(keywords(name)) if name.lower().endswith(".xmp") else picture())


def test_a_sidecar_speaks_of_one_file_or_of_all_of_a_name(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg", "a.png", "a.xmp", "b.jpg", "b.jpg.xmp", "b.xmp", "c.jpg", "D.JPG", "D.XMP")
    refs = {Path(ref.uri).name: ref for ref in FolderSource(str(tmp_path)).scan() if isinstance(ref, ImageRef)}
    names = {name: Path(ref.sidecar).name for name, ref in refs.items()}
    assert names == {"a.jpg": "a.xmp", "a.png": "a.xmp", "b.jpg": "b.jpg.xmp", "c.jpg": "", "D.JPG": "D.XMP"}
    assert refs["a.jpg"].sidecar_ns == (tmp_path / "a.xmp").stat().st_mtime_ns and refs["c.jpg"].sidecar_ns is None
    assert told_beside(refs["b.jpg"].sidecar, None) == {"tags": ["b.jpg.xmp"]}


def test_single_files_and_rows_of_tables_have_theirs_too(tmp_path: Path) -> None:
    write(tmp_path, "b.jpg", "b.jpg.xmp")
    (tmp_path / "t.csv").write_text("path\nb.jpg\n")
    (tmp_path / "c.xmp").mkdir()
    for source in (FileSource(str(tmp_path / "b.jpg")), TableSource(str(tmp_path / "t.csv"))):
        (ref,) = source.scan()
        assert isinstance(ref, ImageRef) and ref.sidecar == str(tmp_path / "b.jpg.xmp")
    assert told_beside(beside(str(tmp_path / "c.jpg"))[0], None) == {}, "a folder says nothing"


def test_a_sidecar_tells_the_date_and_is_read_within_its_folders_only(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out.xmp").write_bytes(xmp(attributes='xmp:CreateDate="2020-06-01T10:00:00"'))
    (tmp_path / "in" / "a.xmp").symlink_to(tmp_path / "out.xmp")
    place = str(tmp_path / "in" / "a.xmp")
    assert told_beside(place, None) == {"taken_at": "2020-06-01T10:00:00", "taken_from": "xmp"}
    assert told_beside(place, (str((tmp_path / "in").resolve()),)) == {}


def test_no_more_of_a_sidecar_is_read_than_counts(tmp_path: Path) -> None:
    (tmp_path / "a.xmp").write_bytes(xmp(keywords("early") + " " * BYTES + keywords("late")))
    assert told_beside(str(tmp_path / "a.xmp"), None) == {"tags": ["early"]}

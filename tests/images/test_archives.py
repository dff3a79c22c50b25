"""Archives of images, also those that somebody made to do harm."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.errors import ImageError
from imagefinder.images import archives
from imagefinder.images.archives import Member, fields_beside, read_member, read_members
from imagefinder.images.inside import holder_of, inside, is_archive, is_file, member_of, part_of, why_no_file
from imagefinder.images.loader import Loader
from imagefinder.images.refs import ref_of
from imagefinder.types import ImageRef, Limits, Skipped

LIMITS = Limits()


def png(colour: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), (colour, 90, 200 - colour)).save(buffer, "PNG")
    return buffer.getvalue()


def tar(*members: tuple[str | tarfile.TarInfo, bytes], **options: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", **options) as archive:  # type: ignore[call-overload]
        for name, data in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def read(data: bytes, kind: str = "tar", limits: Limits = LIMITS) -> tuple[list[Member], list[Skipped]]:
    found = list(read_members(io.BytesIO(data), f"/x/shard.{kind}", limits))
    return [m for m in found if isinstance(m, Member)], [s for s in found if isinstance(s, Skipped)]


PACK = {"tar": tar, "zip": zipped}


@pytest.mark.parametrize("kind", PACK)
def test_what_lies_beside_an_image_says_something_of_it(kind: str) -> None:
    said = {"price": 12.5, "uri": "elsewhere", "deep": {"a": 1}, "nothing": None, "tags": ["red", "cup"]}
    members = [
        ("in/0001.png", png(1)),
        ("in/0001.txt", b" a red cup \n"),
        ("in/0001.cls", b"17"),
        ("in/0001.json", json.dumps(said).encode()),
        ("in/0002.left.png", png(2)),
        ("in/0002.json", b"[1, 2"),
        ("in/0003.txt", b"of nothing"),
        ("in/._0001.png", b"a Mac's"),
        ("__MACOSX/in/0001.png", b"a Mac's"),
        ("film.mp4", b"no picture"),
        ("README.md", b"no picture"),
    ]
    found, skipped = read(PACK[kind](*members), kind)  # type: ignore[operator]
    assert [m.name for m in found] == ["in/0001.png", "in/0002.left.png"] and not skipped
    assert found[0].fields == {
        "caption": "a red cup",
        "cls": 17,
        "price": 12.5,
        "csv_uri": "elsewhere",
        "deep": '{"a": 1}',
        "tags": ["red", "cup"],
    }
    assert found[1].fields == {}
    data = PACK[kind](*members)  # type: ignore[operator]
    for member in found:
        assert read_member(io.BytesIO(data), f"x.{kind}", member.name, member.at, LIMITS) == member.data
        assert read_member(io.BytesIO(data), f"x.{kind}", member.name, "", LIMITS) == member.data


@given(
    st.dictionaries(st.text(max_size=20), st.recursive(st.none() | st.integers() | st.text() | st.floats(), st.lists))
)
def test_fields_beside_an_image_can_be_stored(row: dict[str, object]) -> None:
    for value in fields_beside({".json": json.dumps(row).encode()}).values():
        kept = isinstance(value, (str, bool, int, float)) or (
            isinstance(value, list) and all(isinstance(v, str) for v in value)
        )
        assert kept and (not isinstance(value, int) or abs(value) < 2**63)


def test_links_and_names_that_lead_elsewhere() -> None:
    link, hard, device = tarfile.TarInfo("link.png"), tarfile.TarInfo("hard.png"), tarfile.TarInfo("device.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard.type, hard.linkname = tarfile.LNKTYPE, "../../x.png"
    device.type = tarfile.CHRTYPE
    data = tar(
        (link, b""), (hard, b""), (device, b""), ("/etc/abs.png", png(1)), ("../../up.png", png(2)), ("ok.png", png(3))
    )
    found, skipped = read(data)
    assert [m.name for m in found] == ["/etc/abs.png", "../../up.png", "ok.png"]  # names only: nothing is unpacked
    assert [s.uri.rpartition("#")[2] for s in skipped] == ["link.png", "hard.png", "device.png"]


@pytest.mark.parametrize("kind", PACK)
def test_two_members_of_one_name(kind: str) -> None:
    with pytest.warns(UserWarning) if kind == "zip" else pytest.MonkeyPatch.context():
        data = PACK[kind](("a.png", png(1)), ("b.png", png(2)), ("a.png", png(3)))  # type: ignore[operator]
    found, skipped = read(data, kind)
    assert [(m.name, m.data) for m in found] == [("a.png", png(1)), ("b.png", png(2))]
    assert [(s.uri, s.code) for s in skipped] == [(f"/x/shard.{kind}#a.png", "bad-name")]
    assert read_member(io.BytesIO(data), f"x.{kind}", "a.png", "", LIMITS) == png(1)


def test_odd_names() -> None:
    odd = ["ü.png", "a b#1.png", "x.tar#y.png", "\x1b[31m.png", "line\nbreak.png", "n" * 1100 + ".png", "bad\udcff.png"]
    found, skipped = read(tar(*((name, png(i)) for i, name in enumerate(odd))))
    assert [m.name for m in found] == odd[:3]
    assert {s.code for s in skipped} == {"bad-name"} and len(skipped) == 4
    assert all(s.uri.isprintable() for s in skipped)


@pytest.mark.parametrize("kind", PACK)
def test_sizes_are_bounded(kind: str) -> None:
    data = PACK[kind](("large.png", b"\0" * 3_000_000), ("empty.png", b""), ("ok.png", png(1)))  # type: ignore[operator]
    found, skipped = read(data, kind, Limits(max_bytes=1_000_000))
    assert [m.name for m in found] == ["ok.png"]
    assert [s.code for s in skipped] == ["too-many-bytes", "empty"]


def test_a_bomb_is_unpacked_no_further_than_allowed() -> None:
    """A zip whose directory lies: it claims a thousand bytes of what are 300 million."""
    data = bytearray(zipped(("bomb.png", b"\0" * 300_000_000)))
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 1000)
    found, skipped = read(bytes(data), "zip")
    assert len(data) < 500_000 and not [m for m in found if len(m.data) > 1000]
    assert len(found) + len(skipped) == 1


def test_methods_that_take_much_memory_and_secrets_are_left_out() -> None:
    data = bytearray(zipped(("l.png", png(1)), method=zipfile.ZIP_LZMA))
    _, (skipped,) = read(bytes(data), "zip")
    assert "packed by a method" in skipped.reason
    data = bytearray(zipped(("e.png", png(1))))
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(sign) + at] |= 1
    _, (skipped,) = read(bytes(data), "zip")
    assert "encrypted" in skipped.reason


@pytest.mark.parametrize("header", [b"x", b"g", b"L"])
def test_headers_that_claim_gigabytes(header: bytes) -> None:
    info = tarfile.TarInfo("header")
    info.type, info.size = header, 4_000_000_000
    with pytest.raises(ImageError, match="claims too many bytes") as raised:
        read(tar(("ok.png", png(1)))[:-10240] + info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 4096)
    assert raised.value.code == "too-costly"


def test_too_many_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBERS", 3)
    assert len(read(tar(*((f"{n}.png", png(n)) for n in range(3))))[0]) == 3
    for kind, pack in PACK.items():
        with pytest.raises(ImageError, match="more than 3 members"):
            read(pack(*((f"{n}.png", png(n)) for n in range(4))), kind)  # type: ignore[operator]


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("cut", [0.3, 0.6, 0.9])
def test_archives_that_are_cut_short(kind: str, cut: float) -> None:
    """Whatever remains is whole pictures, and that it is cut is said, by an error or by what is left out."""
    data = PACK[kind](*((f"{n}.png", png(n)) for n in range(9)))  # type: ignore[operator]
    cut_short = data[: int(len(data) * cut)] if kind == "zip" else data[: int(9 * 1024 * cut)]
    whole = {f"{n}.png": png(n) for n in range(9)}
    items: Iterator[Member | Skipped] = read_members(io.BytesIO(cut_short), f"/x/s.{kind}", LIMITS)
    said = False
    try:
        for item in items:
            said |= isinstance(item, Skipped)
            assert isinstance(item, Skipped) or whole[item.name] == item.data
    except ImageError as error:
        said = error.code in ("corrupt", "truncated")
    assert said or (kind == "tar" and not int(9 * 1024 * cut) % 1024)


@given(st.binary(max_size=3000))
def test_whatever_the_bytes_are(data: bytes) -> None:
    for kind in PACK:
        with suppress(ImageError):
            read(data, kind)
        with suppress(ImageError):
            read(tar(("a.png", png(1)))[:1536] + data, kind)


def test_places_of_members() -> None:
    assert member_of("/a/x.tar#in/1.png") == ("/a/x.tar", "in/1.png")
    assert member_of("s3://b/C#/x.ZIP#a#b.png") == ("s3://b/C#/x.ZIP", "a#b.png")
    for other in ("/a/x.tar", "/a/t.parquet#img/0/x.tar#y.png", "/a/f.pdf#page=1", "https://x/y.png#z"):
        assert member_of(other) is None
    assert inside("/a/x.tar#t.parquet#img/0") is None and part_of("/a/x.tar#f.pdf#page=1") is None
    assert holder_of("/a/x.tar#1.png") == "/a/x.tar" and holder_of("/a/f.pdf#page=2") == "/a/f.pdf"
    assert is_archive("https://h/x.tar") and not is_archive("/a/x.tar#y.zip") and not is_archive("/a/x.tar.gz")
    assert not is_file("/a/x.tar#1.png") and "archive x.tar" in why_no_file("/a/x.tar#1.png")


def test_an_archive_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "shard.tar"
    path.write_bytes(tar(("in/1.png", png(1)), ("in/1.txt", b"one"), ("in/2.png", png(2)), ("bad.png", b"no picture")))
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        report = finder.add(path)
        assert (report.added, [s.uri for s in report.skipped]) == (2, [f"{path}#bad.png"])
        one = next(r for r in finder.records() if r.uri.endswith("1.png"))
        assert (one.uri, one.folder, one.caption) == (f"{path}#in/1.png", "in", "one")
        assert Loader(LIMITS).read(ref_of(one)).data == png(1) == Loader(LIMITS).read(ImageRef(one.uri)).data
        opened = []
        real = archives.read_members
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("imagefinder.ingest.archives.read_members", lambda *a: opened.append(a) or real(*a))
            assert (finder.add().unchanged, opened) == (2, [])
            path.write_bytes(tar(("in/2.png", png(2)), ("new.png", png(3))))
            report = finder.add()
            assert (report.added, report.removed, report.unchanged, len(opened)) == (1, 1, 1, 1)
        path.write_bytes(path.read_bytes()[:700])
        report = finder.add()
        assert report.skipped and len(finder) == 2  # it is damaged: what is known of it stays
        path.unlink()
        assert finder.add().missing and len(finder) == 2
        assert finder.list_sources()[0].state == "missing"


def test_archives_in_folders_are_left_alone_unless_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "backup.zip").write_bytes(zipped(("1.png", png(1))))
    (tmp_path / "in" / "2.png").write_bytes(png(2))
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        assert finder.add(tmp_path / "in").added == 1
        assert finder.add(tmp_path / "in" / "backup.zip").added == 1
        assert finder.add().unchanged == 2

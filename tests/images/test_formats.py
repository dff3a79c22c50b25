"""Formats beside the usual ones: the right picture of each, and every odd file refused with its reason. Nothing that a
file names is opened or fetched."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from made_files import BLUE, GREEN, RED, boxed, dng, halves, jxl, psd, svg
from PIL import Image, ImageChops

from imagefinder import ImageFinder
from imagefinder._util.extras import EXTRAS
from imagefinder.duplicates.plan import make_plan
from imagefinder.errors import ImageError
from imagefinder.images import decode as decode_module
from imagefinder.images import formats
from imagefinder.images.decode import decode, encode_bytes
from imagefinder.images.headers import format_of
from imagefinder.images.sources import open_source
from imagefinder.types import ImageRef, Limits, LoadedImage, SkipCode, Skipped


def read(data: bytes, side: int | None = None, **limits: float) -> LoadedImage:
    return decode(encode_bytes(ImageRef("x"), data), short_side=side, limits=Limits(**limits))  # type: ignore[arg-type]


def refused(data: bytes, **limits: float) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read(data, **limits)
    return caught.value


def colours(loaded: LoadedImage) -> list[tuple[int, ...]]:
    """The colours of the left and of the right half, in full steps of 85."""
    image = loaded.image
    places = [(image.width // 4, image.height // 2), (3 * image.width // 4, image.height // 2)]
    return [tuple(85 * round(value / 85) for value in image.getpixel(place)) for place in places]  # type: ignore


@pytest.fixture
def _svg() -> None:
    pytest.importorskip("resvg_py")


@pytest.fixture
def _raw() -> None:
    pytest.importorskip("rawpy")


# --- one list ---------------------------------------------------------------------------------------------------------


def test_each_ending_is_of_one_format_and_each_extra_is_known() -> None:
    endings = [ending for format in formats.FORMATS for ending in format.endings]
    assert len(endings) == len(set(endings)) and all(e == e.lower() and e[0] == "." for e in endings)
    assert not set(endings) & set(formats.UNSUPPORTED)
    for format in formats.FORMATS:
        assert bool(format.module) == bool(format.extra) == bool(format.what) == bool(format.held)
        assert not format.extra or format.extra in EXTRAS


@pytest.mark.parametrize("format", [f for f in formats.FORMATS if f.extra], ids=lambda f: f.name)
def test_without_its_extra_a_file_is_skipped_and_the_command_named(
    format: formats.Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in EXTRAS[format.extra]:
        monkeypatch.setitem(sys.modules, module, None)
    (tmp_path / f"a{format.endings[0].upper()}").write_bytes(b"x")
    (found,) = open_source(str(tmp_path)).scan()
    assert isinstance(found, Skipped) and found.code == SkipCode.UNSUPPORTED_FORMAT
    assert f"pip install 'imagefinder[{format.extra}]'" in found.remedy and EXTRAS[format.extra][0] in found.reason


@pytest.mark.usefixtures("_svg")
def test_they_are_indexed_and_found_like_others(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    files = {"a.svg": svg(), "b.psd": psd(halves(GREEN, BLUE)), "c.jxl": jxl(), "d.psb": psd(halves(), version=2)}
    for name, data in files.items():
        (pictures / name).write_bytes(data)
    with ImageFinder.open(tmp_path / "index") as finder:
        report = finder.add(pictures)
        assert report.added == 3 and [Path(s.uri).name for s in report.skipped] == ["d.psb"]
        assert {Path(r.uri).name: r.format for r in finder.records()} == {
            "a.svg": "SVG",
            "b.psd": "PSD",
            "c.jxl": "JXL",
        }
        assert finder.add(pictures).unchanged == 3
        (hit,) = finder.search(pictures / "a.svg", k=1)
        assert Path(hit.uri).name in ("a.svg", "c.jxl") and hit.score > 0.9


@pytest.mark.usefixtures("_svg", "_raw")
def test_a_raw_file_a_drawing_and_a_document_are_no_copies_of_pictures(tmp_path: Path) -> None:
    shown = Image.linear_gradient("L").resize((512, 384)).convert("RGB")
    shown.paste(halves(GREEN, BLUE, (200, 150)), (90, 60))
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=95)
    plain = Image.open(buffer).convert("RGB")
    folder = tmp_path / "pictures"
    (folder / "other").mkdir(parents=True)
    shown.save(folder / "a.jpg", quality=95)
    (folder / "other" / "raw.dng").write_bytes(dng(shown, size=(512, 384)))
    (folder / "other" / "layers.psd").write_bytes(psd(plain))
    read(svg()).image.save(folder / "drawn.png")
    (folder / "other" / "drawing.svg").write_bytes(svg())
    plain.save(folder / "b.png")
    with ImageFinder.open(tmp_path / "index") as finder:
        assert finder.add(folder).added == 6
        report = finder.duplicates()
        planned = [Path(f.path).name for g in make_plan(report).groups for f in (g.keep, *g.remove)]
    assert set(planned) <= {"a.jpg", "b.png"}


def test_none_is_decoded_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_module, "decode_here", None)
    assert colours(read(psd(halves()))) == [RED, BLUE]
    assert colours(read(jxl())) == [RED, BLUE]


# --- drawings ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_svg")
class TestDrawings:
    @pytest.mark.parametrize(
        "data",
        [
            svg(),
            gzip.compress(svg()),
            svg(before='<?xml version="1.0" encoding="UTF-8"?>\n<!-- made by hand -->\n'),
            b"\xef\xbb\xbf" + svg(),
            svg(before='<?xml version="1.0" encoding="UTF-16"?>').decode().encode("utf-16"),
            svg().replace(b' xmlns="http://www.w3.org/2000/svg"', b""),  # as hand-written ones often are
            svg(size='width="100%" height="100%"'),
            svg(size=""),
            svg(size='width="1in"'),
            svg(before='<!DOCTYPE svg [<!ENTITY unused "http://ns.example/">]>'),
            svg(body="<script>while (true) {}</script>"),
            svg(
                body='<foreignObject width="64" height="48"><div xmlns="http://www.w3.org/1999/xhtml">x</div></foreignObject>'
            ),
            svg(body='<animate attributeName="x" values="0;9" dur="1s"/>'),
            svg(body='<style>@import url("http://127.0.0.1:9/x.css");</style>'),
            svg(before='<?xml-stylesheet href="http://127.0.0.1:9/x.css"?>'),
            svg(body="<text>" + "Hello " * 100 + "</text>"),
        ],
    )
    def test_are_drawn(self, data: bytes) -> None:
        loaded = read(data)
        assert colours(loaded) == [RED, BLUE]
        assert (loaded.format, loaded.width, loaded.height) == ("SVG", 512, 384)

    def test_are_drawn_as_large_as_wanted_and_stand_on_white(self) -> None:
        assert read(svg(), 96).image.size == (128, 96)
        large = read(svg(size='width="2000" height="1500"'))
        assert (large.width, large.height) == (2000, 1500) == large.image.size
        assert (
            read(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>').image.getpixel((5, 5)) == (255,) * 3
        )

    def test_an_entity_of_plain_text_counts(self) -> None:
        data = svg(before='<!DOCTYPE svg [<!ENTITY half "green">]>').replace(b'fill="red"', b'fill="&half;"')
        assert read(data).image.getpixel((9, 9)) == (0, 128, 0)

    @pytest.mark.parametrize("href", ["file://{}", "{}", "../{}", "http://127.0.0.1:{}/a.png", "//127.0.0.1:{}/a.png"])
    @pytest.mark.parametrize("element", ["image", "feImage", "use"])
    def test_nothing_that_they_name_is_opened(self, href: str, element: str, tmp_path: Path) -> None:
        secret = tmp_path / "secret.png"
        Image.new("RGB", (8, 8), "lime").save(secret)
        named = href.format(secret if "127" not in href else 9)
        body = {
            "image": f'<image width="64" height="48" xlink:href="{named}" href="{named}"/>',
            "feImage": f'<filter id="f"><feImage href="{named}"/></filter>'
            '<rect width="64" height="48" filter="url(#f)"/>',
            "use": f'<use xlink:href="{named}#a"/>',
        }[element]
        assert GREEN not in colours(read(svg(body)))

    def test_a_picture_inside_is_drawn_and_no_drawing_inside_a_drawing(self) -> None:
        from base64 import b64encode

        buffer = io.BytesIO()
        Image.new("RGB", (8, 8), "lime").save(buffer, "PNG")
        image = '<image width="64" height="48" preserveAspectRatio="none" href="data:image/{};base64,{}"/>'
        assert colours(read(svg(image.format("png", b64encode(buffer.getvalue()).decode())))) == [GREEN, GREEN]
        inner = svg('<rect width="64" height="48" fill="lime"/>')
        assert colours(read(svg(image.format("svg+xml", b64encode(inner).decode())))) == [RED, BLUE]

    @pytest.mark.parametrize(
        "data",
        [
            svg(
                before='<!DOCTYPE svg [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
                body="<text>&b;</text>",
            ),
            svg(before=f'<!DOCTYPE svg [<!ENTITY a "{"x" * 100_000}">]>', body=f"<text>{'&a;' * 2000}</text>"),
            svg(before='<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>', body='<text x="&a;">&a;</text>'),
            svg(body="&undeclared;"),
            svg(body="<g>" * 100_000 + "</g>" * 100_000),
            svg(body="<g/>" * 250_000),
            svg()[:-10],
            svg(size='width="1e30" height="1"').replace(b"viewBox", b"v"),
            svg(size='width="NaN" height="-3"').replace(b'viewBox="0 0 64 48"', b'viewBox="0 0 1 99999999"'),
            b"<?xml version='1.0'?><html><svg/></html>",
            b"<svgx xmlns='http://www.w3.org/2000/svg'/>",
            gzip.compress(svg(body=" " * 40_000_000)),
            gzip.compress(svg())[:-20],
            b"<svg",
        ],
        ids=range(14),
    )
    def test_odd_ones_are_refused(self, data: bytes) -> None:
        error = refused(data)
        assert error.code in (SkipCode.CORRUPT, SkipCode.TRUNCATED, SkipCode.UNSUPPORTED_FORMAT), error
        assert "passwd" not in error.message

    def test_an_entity_that_is_elsewhere_says_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("lime")
        declared = f'<!DOCTYPE svg [<!ENTITY a SYSTEM "{(tmp_path / "secret").as_uri()}">]>'
        assert colours(read(svg('<rect width="64" height="48" fill="none"/><text>&a;</text>', before=declared))) == [
            RED,
            BLUE,
        ]

    def test_a_costly_one_ends(self) -> None:
        filters = "".join(f'<feTurbulence baseFrequency="0.{i + 1}" numOctaves="20"/>' for i in range(200))
        body = f'<filter id="f">{filters}</filter><rect width="64" height="48" filter="url(#f)"/>'
        assert refused(svg(body, 'width="4096" height="3072"'), max_seconds=0.5).code == SkipCode.TOO_COSTLY


# --- JPEG XL ----------------------------------------------------------------------------------------------------------


class TestJpegXl:
    def test_modes(self) -> None:
        assert colours(read(jxl())) == [RED, BLUE]
        assert read(jxl(np.full((40, 60), 32768, np.uint16))).image.getpixel((1, 1)) == (128, 128, 128)
        assert read(jxl(np.full((40, 60, 3), 0.5, np.float32))).image.getpixel((1, 1)) == (128, 128, 128)
        clear = np.zeros((40, 60, 4), np.uint8)
        assert read(jxl(clear)).image.getpixel((1, 1)) == (255, 255, 255)
        loaded = read(jxl())
        assert (loaded.width, loaded.height, loaded.format) == (64, 48, "JXL")

    @pytest.mark.parametrize(
        "shape", [(60, 90), (8, 16), (256, 256), (300, 400), (1000, 1), (7, 513), (20_000, 2), (90, 160)]
    )
    def test_the_size_is_known_before_anything_is_decoded(self, shape: tuple[int, int]) -> None:
        from imagefinder.images.jxl import Picture

        assert Picture(jxl(np.zeros((*shape, 3), np.uint8))).size == shape[::-1]

    def test_what_its_boxes_say_is_read(self) -> None:
        exif = Image.Exif()
        exif[0x8769] = {36867: "2021:03:04 05:06:07"}
        exif[272] = "Camera One"
        loaded = read(boxed(jxl(), (b"Exif", bytes(4) + exif.tobytes()[6:])))
        assert colours(loaded) == [RED, BLUE]
        assert (loaded.taken_at, loaded.told) == ("2021-03-04T05:06:07", {"camera": "Camera One"})

    def test_of_an_animation_the_first_frame_counts(self) -> None:
        frames = np.stack([np.asarray(halves(RED, BLUE)), np.asarray(halves(GREEN, GREEN))])
        codec = pytest.importorskip("imagecodecs")
        assert colours(read(bytes(codec.jpegxl_encode(frames, lossless=True, photometric="rgb")))) == [RED, BLUE]

    def test_odd_ones_are_refused(self) -> None:
        whole = jxl(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8))
        wide = b"\xff\x0a" + ((1 << 62) - 1).to_bytes(10, "little")  # claims 2^30 on a side
        odd = [
            (b"\xff\x0a", SkipCode.TRUNCATED),
            (whole[: len(whole) // 2], SkipCode.CORRUPT),
            (whole[:40], SkipCode.CORRUPT),
            (whole[:12] + bytes(len(whole) - 12), SkipCode.CORRUPT),
            (wide, None),
            (boxed(b""), SkipCode.TRUNCATED),
            (boxed(whole)[:60], None),
            (b"\0\0\0\x0cJXL \r\n\x87\n", SkipCode.TRUNCATED),
            (b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\0" * 1000, SkipCode.TRUNCATED),
            (b"\0\0\0\x0cJXL \r\n\x87\n" + b"\0\0\0\1jxlp" + b"\xff" * 8, SkipCode.TRUNCATED),
            (b"\xff\x0a" + b"\xff" * 100, None),
        ]
        for data, code in odd:
            error = refused(data)
            assert error.code == code or (code is None and error.code in tuple(SkipCode)), (data[:20], error)
        assert refused(jxl(np.zeros((2000, 2000, 3), np.uint8)), max_pixels=1_000_000).code == SkipCode.TOO_MANY_PIXELS
        assert refused(jxl(np.zeros((9000, 9000), np.uint8))).code == SkipCode.TOO_COSTLY


# --- Photoshop --------------------------------------------------------------------------------------------------------


class TestPhotoshop:
    def test_the_composite_is_read(self) -> None:
        loaded = read(psd(halves()))
        assert colours(loaded) == [RED, BLUE] and (loaded.format, loaded.width) == ("PSD", 64)
        assert colours(read(psd(ImageChops.invert(halves(RED, (0, 0, 0)).convert("CMYK")), mode=4)))[0] == RED
        assert colours(read(psd(halves((255, 255, 255), (0, 0, 0)).convert("L"), mode=1))) == [(255,) * 3, (0,) * 3]

    def test_odd_ones_are_refused(self) -> None:
        whole = psd(halves())
        odd = [b"8BPS", whole[:30], whole[:100], whole[:-500], psd(halves(), version=2), psd(halves(), mode=77)]
        odd += [
            whole[:26] + b"\xff\xff\xff\xff" + whole[30:],
            whole[:30] + b"\xff\xff\xff\xff" + whole[34:],
            b"8BPS\0\1" + bytes(40),
        ]
        odd += [psd(halves(), size=(3000, 2000)), psd(halves(), size=(0, 0))]
        for data in odd:
            assert refused(data).code in (SkipCode.CORRUPT, SkipCode.TRUNCATED), data[:40]
        assert refused(psd(halves(), size=(60_000, 60_000))).code == SkipCode.TOO_MANY_PIXELS


# --- camera raw -------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_raw")
class TestCameraRaw:
    def test_the_preview_is_taken_where_it_is_large_enough(self) -> None:
        loaded = read(dng(halves(GREEN, BLUE, (120, 90))))
        assert colours(loaded) == [GREEN, BLUE]
        assert (loaded.width, loaded.height, loaded.format) == (128, 96, "RAW")

    def test_else_it_is_developed(self) -> None:
        for data in (dng(halves(GREEN, BLUE, (30, 20))), dng(None)):
            red, green, blue = read(data).image.getpixel((64, 48))  # type: ignore[misc]
            assert red > 200 and max(green, blue) < 100

    def test_a_small_preview_is_enough_for_a_small_picture(self) -> None:
        data = dng(halves(GREEN, BLUE, (60, 45)), size=(512, 384))
        assert colours(read(data, 45)) == [GREEN, BLUE]
        assert read(data, 46).image.getpixel((9, 9))[0] > 200  # type: ignore[index]

    @pytest.mark.parametrize(("turn", "top"), [(1, None), (6, GREEN), (8, BLUE)])
    def test_it_stands_upright(self, turn: int, top: tuple[int, ...] | None) -> None:
        loaded = read(dng(halves(GREEN, BLUE, (120, 90)), turn=turn))
        if top is None:
            assert colours(loaded) == [GREEN, BLUE]
            return
        assert (loaded.width, loaded.height) == (96, 128) and loaded.image.size == (90, 120)
        assert tuple(85 * round(v / 85) for v in loaded.image.getpixel((45, 20))) == top  # type: ignore[union-attr]

    def test_it_says_when_and_by_what_it_was_taken(self) -> None:
        for preview in (halves(size=(120, 90)), None):
            loaded = read(dng(preview))
            assert (loaded.taken_at, loaded.told["camera"]) == ("2021-03-04T05:06:07", "Maker Camera One")

    def test_a_picture_of_values_of_a_sensor_is_raw_whatever_its_name_and_a_tiff_is_not(self) -> None:
        assert format_of(dng(None)) == "RAW"
        buffer = io.BytesIO()
        halves().save(buffer, "TIFF")
        assert format_of(buffer.getvalue()) == "TIFF"

    def test_odd_ones_are_refused(self) -> None:
        whole = dng(halves(size=(120, 90)))
        odd = [whole[:n] for n in (12, 100, 300, 800, 3000)]
        odd += [
            b"FUJIFILMCCD-RAW",
            b"FUJIFILMCCD-RAW 0201" + bytes(500),
            b"IIRO" + bytes(100),
            b"IIU\0" + b"\xff" * 400,
        ]
        odd += [b"FOVb" + bytes(300), b"\0MRM" + bytes(300), b"II\x1a\0\0\0HEAPCCDR" + bytes(300)]
        odd += [b"\0\0\0\x18ftypcrx " + bytes(300), whole.replace(b"\x10\x00", b"\xff\xff", 3)]
        for data in odd:
            error = refused(data)
            assert error.code in tuple(SkipCode) and "b'" not in error.message, (data[:40], error)

    def test_what_it_claims_is_checked_first(self) -> None:
        assert refused(dng(None, size=(2000, 1000)), max_pixels=1_000_000).code == SkipCode.TOO_MANY_PIXELS
        assert refused(dng(None, size=(4000, 2000)), max_memory=150_000_000).code == SkipCode.TOO_COSTLY


@pytest.mark.parametrize("kind", ["svg", "jxl", "psd", "dng"])
def test_files_damaged_at_random_are_decoded_or_refused(kind: str) -> None:
    extras = {"svg": "resvg_py", "dng": "rawpy"}
    pytest.importorskip(extras.get(kind, "PIL"))
    whole = {"svg": svg, "jxl": jxl, "psd": lambda: psd(halves()), "dng": lambda: dng(halves(size=(120, 90)))}[kind]()
    chance = np.random.default_rng(0)
    for _ in range(25):
        data = bytearray(whole)
        for place in chance.integers(0, min(len(data), 600), 6):
            data[place] = chance.integers(0, 256)
        try:
            read(bytes(data), max_seconds=2)
        except ImageError as error:
            assert error.code in tuple(SkipCode) and error.message, error

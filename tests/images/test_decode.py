"""From bytes to an upright RGB picture: formats, colours, limits, and files that are not what they should be."""

from __future__ import annotations

import csv
import struct
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from imagefinder.errors import ImageError
from imagefinder.images import apart
from imagefinder.images.decode import decode, encode_bytes, from_picture
from imagefinder.images.loader import Loader
from imagefinder.types import ImageRef, Limits, LoadedImage, SkipCode

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "PPM", "JPEG2000", "ICO"]
ORIENTATION = 0x0112


def quarters(size: tuple[int, int] = (320, 192)) -> Image.Image:
    """Red, green above; blue, white below."""
    image = Image.new("RGB", size)
    w, h = size[0] // 2, size[1] // 2
    for box, colour in (((0, 0), "red"), ((w, 0), "lime"), ((0, h), "blue"), ((w, h), "white")):
        image.paste(colour, (*box, box[0] + w, box[1] + h))
    return image


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    import pillow_heif

    pillow_heif.register_heif_opener()
    buffer = BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def read(data: bytes, short_side: int | None = None, limits: Limits | None = None) -> LoadedImage:
    return decode(encode_bytes(ImageRef("x"), data), short_side=short_side, limits=limits or Limits())


def corners(image: Image.Image) -> list[str]:
    """The colours of the four quarters, by the channels that are bright."""
    names = {(1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue", (1, 1, 1): "white", (0, 0, 0): "black"}
    w, h = image.size
    spots = [(w // 4, h // 4), (3 * w // 4, h // 4), (w // 4, 3 * h // 4), (3 * w // 4, 3 * h // 4)]
    return [names[tuple(int(c > 127) for c in image.getpixel(s))] for s in spots]  # type: ignore[union-attr, index]


UPRIGHT = ["red", "green", "blue", "white"]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_read_from_its_content(format: str) -> None:
    image = quarters((256, 128))
    loaded = read(saved(image, format, **({"sizes": [image.size]} if format == "ICO" else {})))
    assert corners(loaded.image) == UPRIGHT
    assert loaded.image.mode == "RGB"
    assert (loaded.width, loaded.height) == loaded.image.size == (256, 128)
    assert loaded.format == format


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("short_side", [None, 40])
def test_the_picture_is_upright_whatever_its_orientation(format: str, orientation: int, short_side: int | None) -> None:
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that undoes reading with that orientation
    image = quarters()
    stored = image if orientation == 1 else image.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    loaded = read(saved(stored, format, exif=exif), short_side)
    assert corners(loaded.image) == UPRIGHT
    assert (loaded.width, loaded.height) == (320, 192)
    assert loaded.image.width > loaded.image.height


@pytest.mark.parametrize("size", [(4000, 3000), (3000, 4000), (1000, 5000), (261, 260), (100, 60)])
@pytest.mark.parametrize("short_side", [1, 97, 224, 260, 3000, 9000])
def test_a_scaled_jpeg_keeps_its_short_side(size: tuple[int, int], short_side: int) -> None:
    loaded = read(saved(Image.new("RGB", size), "JPEG"), short_side)
    assert (loaded.width, loaded.height) == size
    assert min(loaded.image.size) >= min(short_side, *size)
    if min(size) >= 8 * short_side:
        assert min(loaded.image.size) <= 2 * max(short_side, -(-min(size) // 8))


def test_a_scaled_jpeg_looks_as_the_full_one(make_image: Callable[..., Image.Image]) -> None:
    data = saved(make_image(3, (1600, 1200)), "JPEG", quality=95)
    scaled, full = (np.asarray(read(data, side).image.resize((100, 75)), float) for side in (260, None))
    assert np.abs(scaled - full).mean() < 2


def test_cmyk_16_bit_palette_and_grey() -> None:
    assert corners(read(saved(quarters().convert("CMYK"), "JPEG")).image) == UPRIGHT
    assert corners(read(saved(quarters().convert("P"), "PNG")).image) == UPRIGHT
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(32, axis=0)
    for format in ("PNG", "TIFF"):
        grey = np.asarray(read(saved(Image.fromarray(ramp), format)).image)[0, :, 0]
        np.testing.assert_allclose(grey, np.arange(256), atol=1)
    for mode in ("1", "L", "LA", "RGBA", "I", "F", "HSV", "YCbCr", "LAB", "CMYK", "PA", "RGBX"):
        assert from_picture(Image.new(mode, (9, 7))).mode == "RGB"


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_what_is_transparent_is_white(format: str) -> None:
    image = quarters().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 160, 96))
    assert corners(read(saved(image, format)).image) == ["white", "green", "blue", "white"]


def test_a_transparent_palette_colour_is_white() -> None:
    image = Image.new("P", (40, 40), 1)
    image.putpalette([0, 0, 255, 255, 0, 0])
    image.paste(0, (0, 0, 20, 40))
    assert corners(read(saved(image, "GIF", transparency=0)).image) == ["white", "red", "white", "red"]


def test_a_colour_profile_is_applied_and_a_broken_one_left_aside() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    image = Image.new("RGB", (16, 16), (200, 100, 50))
    plain = np.asarray(read(saved(image, "PNG")).image)
    for broken in (b"nonsense", lab):
        np.testing.assert_array_equal(np.asarray(read(saved(image, "PNG", icc_profile=broken)).image), plain)
    swapped = _linear_profile()
    changed = np.asarray(read(saved(image, "PNG", icc_profile=swapped)).image)
    oracle = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(BytesIO(swapped)), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert oracle is not None
    np.testing.assert_allclose(changed, np.asarray(oracle), atol=1)
    assert np.abs(changed.astype(int) - plain).max() > 10


def _linear_profile() -> bytes:
    """An sRGB profile whose tone curves are replaced by a gamma of 1, under another name."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data = data.replace("sRGB".encode("utf-16-be"), "gray".encode("utf-16-be")).replace(b"sRGB", b"gray")
    count = int.from_bytes(data[128:132], "big")
    for i in range(count):
        entry = 132 + 12 * i
        if data[entry : entry + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            at = int.from_bytes(data[entry + 4 : entry + 8], "big")
            data[at : at + 12] = b"curv" + bytes(8)  # no entries: the identity
            data[entry + 8 : entry + 12] = (12).to_bytes(4, "big")
    return bytes(data)


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue", "lime")]
    for format in ("GIF", "WEBP", "PNG", "TIFF", "AVIF"):
        data = saved(frames[0], format, save_all=True, append_images=frames[1:])
        assert corners(read(data).image) == ["red"] * 4


def test_the_date_comes_from_exif() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[36867] = "2020:05:17 12:34:56"
    image = quarters()
    assert read(saved(image, "JPEG", exif=exif)).taken_at == "2020-05-17T12:34:56"
    exif.get_ifd(0x8769)[36881] = "+02:00"
    assert read(saved(image, "JPEG", exif=exif)).taken_at == "2020-05-17T12:34:56+02:00"
    exif.get_ifd(0x8769)[36867] = "0000:00:00 00:00:00"
    assert read(saved(image, "JPEG", exif=exif)).taken_at is None
    assert read(saved(image, "PNG")).taken_at is None


def code_of(data: bytes, **limits: int) -> str:
    with pytest.raises(ImageError) as caught:
        read(data, limits=Limits(**limits))
    assert caught.value.message
    return caught.value.code


def test_each_fault_has_its_code(tmp_path: Path) -> None:
    jpeg = saved(quarters(), "JPEG")
    png = saved(quarters(), "PNG")
    assert code_of(b"") == SkipCode.EMPTY
    assert code_of(b"just text") == SkipCode.UNSUPPORTED_FORMAT
    assert code_of(b"<!DOCTYPE html><html>") == SkipCode.NOT_AN_IMAGE
    assert code_of(b"%!PS-Adobe-3.0 EPSF-3.0\n") == SkipCode.UNSUPPORTED_FORMAT
    assert code_of(jpeg[: len(jpeg) // 2]) == SkipCode.TRUNCATED
    assert code_of(png[:60]) in (SkipCode.TRUNCATED, SkipCode.CORRUPT)
    assert code_of(jpeg, max_pixels=1000) == SkipCode.TOO_MANY_PIXELS
    assert code_of(png, max_decoded_pixels=1000) == SkipCode.TOO_MANY_PIXELS
    loader = Loader(Limits(max_bytes=100))
    for name, data, code in (("big", bytes(200), SkipCode.TOO_MANY_BYTES), ("none", b"", SkipCode.EMPTY)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ImageError) as caught:
            loader.read(ImageRef(str(tmp_path / name)))
        assert caught.value.code == code
    for path, code in ((tmp_path / "missing", SkipCode.NOT_FOUND), (tmp_path, SkipCode.NOT_AN_IMAGE)):
        with pytest.raises(ImageError) as caught:
            loader.read(ImageRef(str(path)))
        assert caught.value.code == code


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(Image.new("L", (20_000, 20_000)), "PNG")
    assert len(data) < 1_000_000
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    assert code_of(data) == SkipCode.TOO_MANY_PIXELS


def test_a_large_jpeg_counts_as_what_is_decoded_of_it() -> None:
    data = saved(Image.new("L", (12_000, 10_000)), "JPEG")
    loaded = read(data, 260)
    assert (loaded.width, loaded.height) == (12_000, 10_000)
    assert code_of(data) == SkipCode.TOO_MANY_PIXELS


def test_a_progressive_jpeg_counts_in_full_for_its_coefficients_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.new("RGB", (1200, 1000))
    plain, progressive = saved(image, "JPEG"), saved(image, "JPEG", progressive=True)
    limits = Limits(max_decoded_pixels=1_000_000)
    assert read(plain, 260, limits).image.width < 1200
    one_by_one = plain.replace(b"\xff\xda\x00\x0c\x03", b"\xff\xda\x00\x08\x01")  # a scan for each colour
    padded = plain.replace(b"\xff\xda", b"\x00\xff\xff\xff\xda")
    hidden = plain[:2] + b"\xff\xe3\x00\x07\xff\xda\x00\x0c\x03" + one_by_one[2:]
    for data in (progressive, one_by_one, hidden):
        with pytest.raises(ImageError) as caught:
            read(data, 260, limits)
        assert caught.value.code == SkipCode.TOO_MANY_PIXELS
    assert read(padded, 260, limits).width == 1200
    monkeypatch.setattr("imagefinder.images.apart.LARGE", 1_000_000)
    with apart.one_large:
        assert read(plain, 260).width == 1200
        other = threading.Thread(target=read, args=(progressive, 260))
        other.start()
        other.join(0.3)
        assert other.is_alive(), "two large pictures are decoded at once"
    other.join()


def test_a_tile_larger_than_its_picture_is_refused() -> None:
    """A megabyte of zeros, packed, is a gigabyte of memory for a picture that claims 16 x 16."""
    tags = [
        (256, 16),
        (257, 16),
        (258, 8),
        (259, 8),
        (262, 1),
        (277, 1),
        (322, 32768),
        (323, 32768),
        (324, 8),
        (325, 0),
    ]
    data = b"II*\0" + struct.pack("<IH", 8, len(tags))
    data += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags) + bytes(4)
    assert code_of(data) == SkipCode.TOO_MANY_PIXELS


def test_an_icon_is_not_decoded_before_its_size_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = saved(Image.new("L", (5000, 4000)), "PNG")
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    icon = struct.pack("<HHH", 0, 1, 1) + entry + inner
    assert code_of(icon, max_decoded_pixels=10_000_000) == SkipCode.TOO_MANY_PIXELS
    assert code_of(icon, max_pixels=10_000_000) == SkipCode.TOO_MANY_PIXELS


@pytest.mark.parametrize("format", ["AVIF", "HEIF"])
@pytest.mark.parametrize("brand", [None, b"mif1", b"msf1", b"miaf"])
def test_avif_and_heic_are_told_apart_by_all_their_brands(format: str, brand: bytes | None) -> None:
    data = saved(quarters(), format)
    loaded = read(data[:8] + (brand or data[8:12]) + data[12:])
    assert (loaded.format, corners(loaded.image)) == (format, UPRIGHT)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_heic_is_turned_once(orientation: int) -> None:
    """Its own turn counts, whatever EXIF repeats of it; EXIF alone turns nothing, as the format has it."""
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = quarters() if orientation == 1 else quarters().transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = saved(stored, "HEIF", exif=exif.tobytes())
    assert (b"irot" in data or b"imir" in data) == (orientation > 1)
    loaded = read(data)
    assert corners(loaded.image) == UPRIGHT
    assert (loaded.width, loaded.height) == loaded.image.size == (320, 192)
    only_exif = read(saved(quarters(), "HEIF", exif=exif))
    assert (corners(only_exif.image), only_exif.width) == (UPRIGHT, 320)


def test_a_large_picture_of_more_than_8_bits_takes_little_more_memory_than_itself() -> None:
    values = np.linspace(-5, 1000, 3000 * 3000, dtype=np.float32).reshape(3000, 3000)
    values[0, 0] = np.nan
    image = Image.fromarray(values)
    tracemalloc.start()
    grey = np.asarray(from_picture(image))[..., 0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6, f"{peak / 1e6:.0f} MB"
    np.testing.assert_allclose(grey[1:], (values[1:] + 5) * (255 / 1005), atol=0.51)


SMALL = {format: saved(quarters((48, 32)), format) for format in FORMATS}


@settings(max_examples=400, deadline=5000)
@given(st.sampled_from(FORMATS), st.data())
def test_damaged_files_are_decoded_or_refused_and_nothing_else(format: str, data: st.DataObject) -> None:
    content = bytearray(SMALL[format])
    for _ in range(data.draw(st.integers(0, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(content)))
    side = data.draw(st.sampled_from([None, 20]))
    try:
        loaded = read(bytes(content[:cut]), side, Limits(max_pixels=10_000_000, max_decoded_pixels=10_000_000))
    except ImageError as error:
        assert error.code in set(SkipCode)
    else:
        assert loaded.image.mode == "RGB"


DIRTY = """
import sys, resource
from pathlib import Path
from imagefinder.errors import ImageError
from imagefinder.images.loader import Loader
from imagefinder.types import ImageRef, Limits
loader = Loader(Limits(), 260)
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        print(path.name, "ok", *loader.decode(loader.read(ImageRef(str(path)))).image.size, sep="\\t")
    except ImageError as error:
        assert error.message
        print(path.name, error.code, sep="\\t")
status = Path("/proc/self/status")  # where there is one: ru_maxrss begins with that of the process that started this
own = [line.split()[1] for line in status.read_text().splitlines() if "VmHWM" in line] if status.exists() else []
print("peak", int(own[0] if own else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) // 1024, sep="\\t")
"""


def test_awkward_files_of_the_world(dataset: Callable[[str], Path]) -> None:
    """Every file is decoded or refused with a code; what Pillow can read is read; under 1 GB and without a hang."""
    folder = dataset("dirty")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DIRTY, str(folder)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert int(results.pop("peak")) < 1000
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        truth = {row["filename"]: row for row in csv.DictReader(file)}
    readable = {n for n, r in truth.items() if r["pillow_result"] == "ok" or r["with_pillow_heif"].endswith("loaded")}
    refused = {n for n in readable if not results[n].startswith("ok")}
    assert {Path(n).suffix for n in refused} <= {".dds"}, refused
    huge = {n for n, r in truth.items() if r["label"] in ("bomb", "huge") and r["pillow_result"] != "ok"}
    assert all(not results[n].startswith("ok") for n in huge)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_grey_of_any_depth_in_16_bits_goes_from_black_to_white(bits: int, format: str) -> None:
    ramp = np.linspace(0, 2**bits - 1, 256).round().astype(np.uint16)[None].repeat(32, axis=0)
    grey = np.asarray(read(saved(Image.fromarray(ramp), format)).image)[0, :, 0]
    np.testing.assert_allclose(grey, np.arange(256), atol=1)


def test_the_largest_value_that_a_tiff_names_is_white() -> None:
    dark = np.full((8, 8), 500, np.uint16)
    levels = {
        tags: np.asarray(read(saved(Image.fromarray(dark), "TIFF", tiffinfo=dict(tags))).image)[0, 0, 0]
        for tags in ((), ((281, 4095),), ((281, 100),))
    }
    assert levels == {(): 125, ((281, 4095),): 31, ((281, 100),): 125}  # nothing is whiter than white


@pytest.mark.parametrize(("top", "shown"), [(1.0, 128), (255.0, 128), (65535.0, 128)])
def test_floats_end_where_white_usually_is(top: float, shown: int) -> None:
    values = np.linspace(0, top, 256, dtype=np.float32)[None].repeat(4, axis=0)
    values[0, 0] = np.inf
    assert abs(int(np.asarray(read(saved(Image.fromarray(values), "TIFF")).image)[1, 128, 0]) - shown) <= 1


def test_few_lights_brighter_than_white_do_not_darken_a_float_picture() -> None:
    values = np.full((10, 10), 0.5, np.float32)
    values[0, 0] = 7
    assert np.asarray(read(saved(Image.fromarray(values), "TIFF")).image)[5, 5, 0] == 128


def test_a_profile_is_judged_by_what_it_does_not_by_its_name() -> None:
    image = Image.new("RGB", (16, 16), (200, 100, 50))
    plain = np.asarray(read(saved(image, "PNG")).image)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_array_equal(np.asarray(read(saved(image, "PNG", icc_profile=srgb)).image), plain)
    named_so = _linear_profile().replace("gray".encode("utf-16-be"), "sRGB".encode("utf-16-be"))
    changed = np.asarray(read(saved(image, "PNG", icc_profile=named_so)).image)
    assert np.abs(changed.astype(int) - plain).max() > 10


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_a_blank_first_frame_does_not_stand_for_the_file(format: str) -> None:
    frames = [Image.new("RGB", (32, 20)), Image.new("RGB", (32, 20), (3, 3, 3)), quarters((32, 20))]
    data = saved(frames[0], format, save_all=True, append_images=[*frames[1:], Image.new("RGB", (32, 20), "red")])
    assert corners(read(data).image) == UPRIGHT


def test_a_first_page_that_shows_something_stands_for_the_file() -> None:
    other = Image.new("RGB", (32, 20), "red")
    assert corners(read(saved(quarters((32, 20)), "TIFF", save_all=True, append_images=[other])).image) == UPRIGHT
    blank = saved(other, "TIFF", save_all=True, append_images=[Image.new("RGB", (320, 200), "blue")])
    assert corners(read(blank, limits=Limits(max_pixels=1000)).image) == ["red"] * 4

"""Image files made to cost far more than they should, and small valid files of each format to be damaged at random."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
import pillow_heif
from PIL import Image, ImageDraw

# --- made to cost much ------------------------------------------------------------------------------------------------


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(values).convert(mode)


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = BytesIO()
    if "append_images" in options:
        options["append_images"] = [frame.copy() for frame in options["append_images"]]  # type: ignore[attr-defined]
    image.copy().save(buffer, format, **options)  # to save a picture changes it
    return buffer.getvalue()


def jpeg_of_scans(scans: int = 20_000, side: int = 2000) -> bytes:
    """A progressive JPEG whose last scan, of no bits to speak of, comes again and again."""
    data = encoded(Image.new("L", (side, side)), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * scans + b"\xff\xd9"


def jpeg_of_fill(size: int = 60_000_000) -> bytes:
    data = encoded(Image.new("RGB", (64, 64)), "JPEG")
    return data[:2] + b"\xff" * size + data[2:]


def jpeg_of_segments(n: int = 1_000_000) -> bytes:
    data = encoded(Image.new("RGB", (64, 64)), "JPEG")
    return data[:2] + b"\xff\xec\x00\x04ab" * n + data[2:]


def jpeg_of_exif(n: int = 3000) -> bytes:
    """EXIF in so many segments, which are put together one by one."""
    data = encoded(Image.new("RGB", (64, 64)), "JPEG")
    segment = b"\xff\xe1\xff\xffExif\0\0" + bytes(65527)
    return data[:2] + segment * n + data[2:]


def exif_of_tags(n: int = 5000) -> bytes:
    """EXIF whose tags all claim the whole of it as their value."""
    size = 65_500
    entries = b"".join(struct.pack("<HHII", 40_000 + i, 7, size, 8) for i in range(n))
    return (b"II*\0" + struct.pack("<IH", 8, n) + entries + bytes(4)).ljust(size, b"\0")


def jpeg_of_tags() -> bytes:
    data = encoded(Image.new("RGB", (64, 64)), "JPEG")
    body = b"Exif\0\0" + exif_of_tags()[:65_500]
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def png(width: int, height: int, chunks: bytes, pixels: bytes | None = None, kind: int = 2) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    data = zlib.compress(bytes((1 + 3 * width) * height)) if pixels is None else pixels
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunks + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_chunks(n: int = 1_000_000) -> bytes:
    return png(8, 8, chunk(b"prVt", b"") * n)


def png_of_texts(n: int = 200_000) -> bytes:
    return png(8, 8, b"".join(chunk(b"tEXt", b"%d\0text" % i) for i in range(n)))


def png_of_packed_texts(n: int = 60, size: int = 50_000_000) -> bytes:
    packed = zlib.compress(bytes(size), 9)
    return png(8, 8, b"".join(chunk(b"zTXt", b"key%d\0\0" % i + packed) for i in range(n)))


def png_of_packed_profile(size: int = 800_000_000) -> bytes:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(10_000_000)) for _ in range(size // 10_000_000)) + packer.flush()
    return png(8, 8, chunk(b"iCCP", b"name\0\0" + packed))


def png_of_one_colour(side: int = 9990) -> bytes:
    """A hundred million pixels with transparency, in a hundredth of their size."""
    packer = zlib.compressobj(9)
    row = bytes(1 + 4 * side)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return png(side, side, b"", packed, kind=6)


def apng_of_frames(n: int = 2000, side: int = 3000) -> bytes:
    """An animation whose frames all cover the whole canvas, and show nothing."""
    data = zlib.compress(bytes((1 + 3 * side) * side), 9)
    control = lambda i: struct.pack(">IIIIIHHBB", i, side, side, 0, 0, 1, 10, 1, 1)  # noqa: E731
    frames = b"".join(
        chunk(b"fcTL", control(2 * i - 1)) + chunk(b"fdAT", struct.pack(">I", 2 * i) + data) for i in range(1, n)
    )
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    first = chunk(b"acTL", struct.pack(">II", n, 0)) + chunk(b"fcTL", control(0)) + chunk(b"IDAT", data)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + first + frames + chunk(b"IEND", b"")


def pnm_of_comments(size: int = 100_000_000) -> bytes:
    return b"P6\n" + b"#\n" * (size // 2) + b"8 8 255\n" + bytes(192)


def pnm_of_one_comment(size: int = 100_000_000) -> bytes:
    return b"P6\n#" + b"x" * size + b"\n8 8 255\n" + bytes(192)


def pnm_of_digits(side: int = 9000) -> bytes:
    return b"P3\n%d %d 255\n" % (side, side) + b"1 " * (3 * side * side // 10)


def pnm_of_spaces(size: int = 100_000_000) -> bytes:
    return b"P2\n8 8 255\n" + b" " * size


def bmp_of_runs(side: int = 5000, runs: int = 20_000_000) -> bytes:
    """Run-length encoded, in runs of one pixel and of none."""
    body = b"\x00\x02\x00\x00" * runs + b"\x00\x01"
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(body), 0, 0, 256, 0)
    start = 14 + 40 + 1024
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + head + bytes(1024) + body


def gif(width: int, height: int, blocks: bytes) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + blocks + b";"


_GIF_FRAME = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"


def gif_of_comments(n: int = 5_000_000) -> bytes:
    return gif(8, 8, b"!\xfe\x01a\x00" * n + _GIF_FRAME)


def gif_of_one_comment(n: int = 500_000) -> bytes:
    return gif(8, 8, b"!\xfe" + (b"\xff" + b"a" * 255) * n + b"\x00" + _GIF_FRAME)


def gif_of_frames(n: int = 1_000_000, side: int = 4000) -> bytes:
    return gif(side, side, _GIF_FRAME * n)


def tiff(tags: list[tuple[int, int, int, int]], rest: bytes = b"", next: int = 0) -> bytes:
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", next) + rest


def _tiff_tags(width: int, height: int, **more: tuple[int, int, int]) -> list[tuple[int, int, int, int]]:
    plain = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 277: 1, 278: height}
    tags = {tag: (4, 1, value) for tag, value in plain.items()}
    return [(tag, *value) for tag, value in {**tags, **{int(k[1:]): v for k, v in more.items()}}.items()]


def tiff_of_strips(n: int = 10_000_000) -> bytes:
    """So many strips of one row, of which all are the same."""
    tags = _tiff_tags(1, 10, _273=(4, n, 200), _279=(4, n, 200), _278=(4, 1, 1))
    return tiff(tags).ljust(200, b"\0") + bytes(4 * n)


def tiff_of_tags(n: int = 60_000) -> bytes:
    """Every tag claims a large part of the file as its value."""
    tags = [
        *_tiff_tags(8, 8, _273=(4, 1, 8), _279=(4, 1, 64)),
        *((30_000 + i % 30_000, 7, 2_000_000, 8) for i in range(n)),
    ]
    return tiff(tags).ljust(3_000_000, b"\0")


def tiff_of_circles() -> bytes:
    """Directories that go on in a circle."""
    tags = _tiff_tags(8, 8, _273=(4, 1, 8), _279=(4, 1, 64))
    return tiff(tags, bytes(1000), next=8)


def tiff_of_pages(n: int = 300_000) -> bytes:
    """So many pages, of which none shows anything."""
    tags = sorted(_tiff_tags(8, 8, _273=(4, 1, 8), _279=(4, 1, 64)))
    size = 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    pages = (
        struct.pack("<H", len(tags)) + entries + struct.pack("<I", 8 + size * (i + 1) if i < n - 1 else 0)
        for i in range(n)
    )
    return b"II*\0" + struct.pack("<I", 8) + b"".join(pages)


def tiff_of_one_strip(side: int = 9900) -> bytes:
    """A hundred million pixels, packed."""
    packed = zlib.compress(bytes(side * side), 9)
    tags = _tiff_tags(side, side, _259=(3, 1, 8), _273=(4, 1, 200), _279=(4, 1, len(packed)))
    return tiff(tags).ljust(200, b"\0") + packed


def webp_of_frames(n: int = 300, side: int = 4000) -> bytes:
    frames = [Image.new("RGB", (side, side), (i % 2, 0, 0)) for i in range(4)]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=10, lossless=True, method=0)
    at = data.index(b"ANMF")
    whole = data[12:] + data[at:] * (n // 3)
    return b"RIFF" + struct.pack("<I", len(whole) + 4) + b"WEBP" + whole


def webp_of_one_colour(side: int = 9990) -> bytes:
    return encoded(Image.new("RGB", (side, side)), "WEBP", lossless=True, method=0)


def webp_of_chunks(n: int = 2_000_000) -> bytes:
    data = encoded(Image.new("RGB", (8, 8)), "WEBP", exif=b"Exif\0\0II*\0")
    whole = data[12:] + b"abcd\0\0\0\0" * n
    return b"RIFF" + struct.pack("<I", len(whole) + 4) + b"WEBP" + whole


def jpeg_2000(side: int = 9000) -> bytes:
    """Eighty-one million pixels of one colour."""
    return encoded(Image.new("RGB", (side, side)), "JPEG2000", irreversible=False)


def jpeg_2000_of_tiles(side: int = 4000, tile: int = 64) -> bytes:
    return encoded(Image.new("L", (side, side)), "JPEG2000", tile_size=(tile, tile))


def avif_of_one_colour(side: int = 6500) -> bytes:
    return encoded(Image.new("RGB", (side, side)), "AVIF", speed=10)


def avif_of_frames(n: int = 30, side: int = 2000) -> bytes:
    frames = [Image.new("RGB", (side, side), (1, 1, i % 3)) for i in range(n)]
    return encoded(frames[0], "AVIF", save_all=True, append_images=frames[1:], speed=10)


def heif(image: Image.Image) -> bytes:
    buffer = BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=20)
    return buffer.getvalue()


def heic_of_one_colour(side: int = 5000) -> bytes:
    return heif(Image.new("RGB", (side, side)))


def icon_of_many(n: int = 2000, side: int = 2500) -> bytes:
    one = encoded(Image.new("RGBA", (side, side)), "PNG")
    start = 6 + 16 * n
    entries = b"".join(struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(one), start) for _ in range(n))
    return struct.pack("<HHH", 0, 1, n) + entries + one


def profile_of_stages(n: int = 100_000) -> bytes:
    """A colour profile that is a program of so many steps."""
    curve = (
        b"curf\0\0\0\0" + struct.pack(">HH", 1, 0) + b"parf\0\0\0\0" + struct.pack(">HHffff", 0, 0, 1.0, 1.0, 0.0, 0.0)
    )
    steps = b"cvst\0\0\0\0" + struct.pack(">HH", 3, 3) + struct.pack(">II", 36, len(curve)) * 3 + curve
    body = b"mpet\0\0\0\0" + struct.pack(">HHI", 3, 3, n) + struct.pack(">II", 16 + 8 * n, len(steps)) * n + steps
    tags = struct.pack(">I", 1) + b"D2B0" + struct.pack(">II", 144, len(body))
    head = bytearray(128)
    head[0:4] = struct.pack(">I", 144 + len(body))
    head[8:12], head[12:16], head[16:20], head[20:24], head[36:40] = b"\4\x40\0\0", b"mntr", b"RGB ", b"XYZ ", b"acsp"
    return bytes(head) + tags + body


def tiff_of_profile() -> bytes:
    return encoded(Image.new("RGB", (500, 500), "red"), "TIFF", icc_profile=profile_of_stages())


def png_of_xmp(size: int = 900_000) -> bytes:
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + b"exif:DateTimeOriginal" + b" " * size
    return png(8, 8, chunk(b"iTXt", text))


def png_of_time(size: int = 900_000) -> bytes:
    return png(8, 8, chunk(b"tEXt", b"Creation Time\x002020-01-01 10:00:00" + b" " * size + b"x"))


_FORMATS = ("jpeg", "png", "apng", "pnm", "bmp", "gif", "tiff", "webp", "avif", "heic", "icon")
KINDS: dict[str, Callable[[], bytes]] = {
    name: made for name, made in list(globals().items()) if name.partition("_")[0] in _FORMATS and "_" in name
}


# --- damaged at random ------------------------------------------------------------------------------------------------


def small_files() -> dict[str, bytes]:
    """A small valid file of each format, and of the kinds of a format that are read in other ways."""
    picture = Image.new("RGB", (40, 30), "teal")
    ImageDraw.Draw(picture).ellipse((5, 5, 30, 25), "orange")
    frames = [picture, picture.rotate(90), picture.rotate(180)]
    more = {"save_all": True, "append_images": frames[1:]}
    exif = Image.Exif()
    exif[0x0112], exif[306] = 6, "2020:01:02 03:04:05"
    grey = picture.convert("L")
    return {
        "jpeg": encoded(picture, "JPEG", exif=exif),
        "jpeg-progressive": encoded(picture, "JPEG", progressive=True),
        "jpeg-cmyk": encoded(picture.convert("CMYK"), "JPEG"),
        "mpo": encoded(picture, "MPO", **more),
        "png": encoded(picture, "PNG", exif=exif),
        "png-palette": encoded(picture.convert("P"), "PNG", transparency=0),
        "png-16": encoded(grey.convert("I;16"), "PNG"),
        "apng": encoded(picture, "PNG", **more),
        "webp": encoded(picture, "WEBP", exif=exif),
        "webp-lossless": encoded(picture, "WEBP", lossless=True),
        "webp-frames": encoded(picture, "WEBP", **more),
        "gif": encoded(picture, "GIF"),
        "gif-frames": encoded(picture, "GIF", **more),
        "bmp": encoded(picture, "BMP"),
        "tiff": encoded(picture, "TIFF"),
        "tiff-lzw": encoded(picture, "TIFF", compression="tiff_lzw"),
        "tiff-jpeg": encoded(picture, "TIFF", compression="jpeg"),
        "tiff-fax": encoded(picture.convert("1"), "TIFF", compression="group4"),
        "tiff-pages": encoded(picture, "TIFF", **more),
        "ppm": encoded(picture, "PPM"),
        "pgm-plain": b"P2\n3 2 255\n1 2 3\n4 5 6\n",
        "jp2": encoded(picture, "JPEG2000"),
        "ico": encoded(picture, "ICO", sizes=[(16, 16), (32, 32)]),
        "avif": encoded(picture, "AVIF", speed=10),
        "avif-frames": encoded(picture, "AVIF", speed=10, **more),
        "heic": heif(picture),
    }


def damaged(files: dict[str, bytes], n: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many of the files, each changed at random in one to eight places: bytes, numbers that are sizes and offsets,
    parts left out, doubled or moved, and ends cut off."""
    chance = random.Random(seed)
    names = sorted(files)
    for i in range(n):
        name = names[i % len(names)]
        data = bytearray(files[name])
        for _ in range(chance.randint(1, 8)):
            at = min(int(len(data) * chance.random() ** 2), max(len(data) - 1, 0))  # headers more often than pixels
            kind = chance.randrange(7)
            if kind == 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            elif kind == 1:
                data[at : at + 1] = bytes([data[at] ^ 1 << chance.randrange(8)]) if data else b""
            elif kind == 2:
                order = chance.choice(["<", ">"])
                size, code = chance.choice([(2, "H"), (4, "I")])
                value = chance.choice([0, 1, 2, 255, 256, 32767, 65535, 2**31 - 1, 2**32 - 1]) % 256**size
                data[at : at + size] = struct.pack(order + code, value)
            elif kind == 3:
                del data[at : at + chance.randrange(1, 64)]
            elif kind == 4:
                data[at:at] = data[at : at + chance.randrange(1, 256)] * chance.randrange(1, 40)
            elif kind == 5:
                data[at:at] = bytes(chance.randrange(1, 100))
            else:
                del data[max(1, at) if chance.random() < 0.2 else len(data) :]
        yield name, bytes(data)

"""Files of strangers that are made to cost much, or are damaged: refused within their limits, and nothing else ends."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import hostile
import pytest
from hostile import chunk, encoded, gif, png
from PIL import Image

from imagefinder.errors import ImageError
from imagefinder.images import apart
from imagefinder.images import decode as decode_module
from imagefinder.images.decode import decode, encode_bytes
from imagefinder.images.headers import format_of
from imagefinder.images.plain import is_plain
from imagefinder.images.same_frames import same_frames
from imagefinder.types import ImageRef, Limits, LoadedImage, SkipCode

LINUX = sys.platform == "linux"
FEW = {  # the same as ``hostile.KINDS``, of a size that is made and refused at once
    "jpeg_of_scans": (3000, 400),
    "jpeg_of_fill": (200_000,),
    "jpeg_of_segments": (3000,),
    "jpeg_of_exif": (10,),
    "jpeg_of_tags": (),
    "png_of_chunks": (30_000,),
    "png_of_texts": (5000,),
    "apng_of_frames": (20, 50),
    "pnm_of_comments": (500_000,),
    "pnm_of_digits": (100,),
    "bmp_of_runs": (200, 10_000),
    "gif_of_comments": (5000,),
    "gif_of_frames": (2000, 100),
    "tiff_of_strips": (1000,),
    "tiff_of_tags": (1000,),
    "tiff_of_circles": (),
    "tiff_of_pages": (1000,),
    "webp_of_frames": (12, 60),
    "webp_of_chunks": (20_000,),
    "icon_of_many": (20, 60),
}


def read(data: bytes, side: int | None = 224, **limits: float) -> LoadedImage:
    return decode(encode_bytes(ImageRef("x"), data), short_side=side, limits=Limits(**limits))  # type: ignore[arg-type]


def refused(data: bytes, **limits: float) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read(data, **limits)
    return caught.value


@pytest.mark.parametrize("name", FEW)
def test_what_may_cost_more_than_its_pixels_is_decoded_in_a_process_of_its_own(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = getattr(hostile, name)(*FEW[name])
    assert not is_plain(format_of(data), data)
    monkeypatch.setattr(decode_module, "decode_here", None)  # of this process
    try:
        read(data)
    except ImageError as error:
        assert error.code in (SkipCode.TRUNCATED, SkipCode.CORRUPT, SkipCode.TOO_COSTLY), error


def test_what_programs_write_is_decoded_here() -> None:
    picture = hostile.noise(300, 200)
    exif = Image.Exif()
    exif[306] = "2020:01:02 03:04:05"
    for data in (
        encoded(picture, "JPEG"),
        encoded(picture, "JPEG", progressive=True, exif=exif, icc_profile=b"x" * 100_000),
        encoded(picture, "PNG", exif=exif),
        encoded(picture.convert("RGBA"), "PNG", icc_profile=b"x" * 1000),
        encoded(picture, "WEBP", exif=exif, xmp=b"<x/>"),
    ):
        assert is_plain(format_of(data), data)


@pytest.mark.parametrize("format", ["GIF", "TIFF", "BMP", "PPM", "JPEG2000", "ICO", "AVIF"])
def test_the_pixels_are_the_same_in_both_processes(format: str) -> None:
    data = encoded(hostile.noise(90, 60), format)
    ours, theirs = (
        found(encode_bytes(ImageRef("x"), data), short_side=None, limits=Limits())
        for found in (decode_module.decode_here, apart.decode)
    )
    assert ours.image.tobytes() == theirs.image.tobytes()
    assert (ours.width, ours.height, ours.format, ours.content_hash, ours.bytes) == (
        theirs.width,
        theirs.height,
        theirs.format,
        theirs.content_hash,
        theirs.bytes,
    )


def test_a_picture_sent_in_strips_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.linear_gradient("L").resize((2500, 3300)).convert("RGB")
    assert read(encoded(picture, "BMP"), None).image.tobytes() == picture.tobytes()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no clock of work")
def test_a_file_that_takes_too_long_is_refused_and_the_next_one_is_decoded() -> None:
    slow = b"P6\n#" + b"x" * 20_000_000 + b"\n8 8 255\n" + bytes(192)
    error = refused(slow, max_seconds=0.3)
    assert error.code == SkipCode.TOO_COSTLY
    assert "0.3 seconds" in error.message and "Limits" in error.remedy
    assert read(encoded(Image.new("RGB", (8, 8)), "GIF")).width == 8


def test_a_file_that_is_waited_for_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the system has no clock of work, or a decoder sleeps."""
    monkeypatch.setattr(apart, "WAIT", 0.01)
    slow = b"P6\n#" + b"x" * 20_000_000 + b"\n8 8 255\n" + bytes(192)
    assert refused(slow, max_seconds=20).code == SkipCode.TOO_COSTLY


@pytest.mark.skipif(not LINUX, reason="only Linux bounds the memory of a process")
def test_a_file_that_takes_too_much_memory_is_refused() -> None:
    comments = gif(8, 8, b"!\xfe" + (b"\xff" + b"a" * 255) * 300_000 + b"\x00" + hostile._GIF_FRAME)
    error = refused(comments, max_memory=60_000_000)
    assert error.code in (SkipCode.TOO_COSTLY, SkipCode.CORRUPT)
    assert "memory" in error.message
    assert read(comments).width == 8


def test_what_decoding_would_take_is_said_before() -> None:
    for format, side in (("JPEG2000", 2000), ("WEBP", 2000), ("PNG", 4000)):
        error = refused(encoded(Image.new("RGB", (side, side)), format), max_memory=60_000_000)
        assert error.code == SkipCode.TOO_COSTLY
        assert "60 are allowed" in error.message


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_decoder_that_crashes_takes_nothing_with_it() -> None:
    read(encoded(Image.new("RGB", (8, 8)), "GIF"))
    decoder = apart._rested[-1]
    decoder._process.send_signal(signal.SIGSTOP)
    threading.Timer(0.2, lambda: decoder._process.send_signal(signal.SIGSEGV)).start()
    threading.Timer(0.3, lambda: decoder._process.send_signal(signal.SIGCONT)).start()
    error = refused(encoded(Image.new("RGB", (8, 8)), "GIF"))
    assert error.code == SkipCode.CORRUPT and "crashed" in error.message
    assert read(encoded(Image.new("RGB", (8, 8)), "GIF")).width == 8


def test_a_decoder_that_left_for_want_of_work_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    read(encoded(Image.new("RGB", (8, 8)), "GIF"))
    decoder = apart._rested[-1]
    decoder._in.close()
    assert decoder._process.wait(30) == 0
    with open(os.devnull, "wb") as nothing:
        monkeypatch.setattr(decoder, "_in", nothing)
        assert read(encoded(Image.new("RGB", (8, 8)), "GIF")).width == 8


def test_what_can_not_be_started_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    apart._end_all()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    error = refused(encoded(Image.new("RGB", (8, 8)), "GIF"))
    assert error.code == SkipCode.UNSUPPORTED_FORMAT and "can't be started" in error.message


@pytest.mark.skipif(not LINUX, reason="looks at /proc")
def test_decoders_end_with_the_process_that_asks() -> None:
    code = (
        "import time; from io import BytesIO; from PIL import Image\n"
        "from imagefinder.images import apart\nfrom imagefinder.images.decode import decode, encode_bytes\n"
        "from imagefinder.types import ImageRef, Limits\n"
        "b = BytesIO(); Image.new('RGB', (8, 8)).save(b, 'GIF')\n"
        "decode(encode_bytes(ImageRef('x'), b.getvalue()), short_side=None, limits=Limits())\n"
        "print(apart._rested[0]._process.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        decoder = int(asking.stdout.readline())
        asking.kill()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{decoder}/stat").exists() and Path(f"/proc/{decoder}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < deadline, "the decoder is still there"
        time.sleep(0.02)


def test_many_threads_decode_at_once() -> None:
    data = encoded(hostile.noise(200, 100), "TIFF")
    wanted, found = read(data, None).image.tobytes(), []
    threads = [threading.Thread(target=lambda: found.append(read(data, None).image.tobytes())) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 12
    assert len(apart._rested) <= apart.cores() + 1


def test_pages_of_files_are_compared_within_limits() -> None:
    frames = [hostile.noise(40, 40), Image.new("RGB", (40, 40), "red")]
    one, other = (encoded(frames[0], "TIFF", save_all=True, append_images=[f]) for f in (frames[1], frames[0]))
    assert same_frames(one, encoded(frames[0], "GIF", save_all=True, append_images=[frames[1]])) is None
    assert "picture 2" in str(same_frames(one, other))
    comments = b"P6\n#" + b"x" * 20_000_000 + b"\n8 8 255\n" + bytes(192)
    assert "can't be compared" in str(same_frames(comments, one, Limits(max_seconds=0.3)))


@pytest.mark.parametrize("seed", range(4))
def test_files_damaged_at_random_are_decoded_or_refused(seed: int) -> None:
    files = hostile.small_files()
    for name, data in hostile.damaged(files, 150, seed):
        try:
            loaded = read(data)
        except ImageError as error:
            assert error.code and error.message, name
        else:
            assert loaded.image.mode == "RGB", name


def test_texts_in_a_picture_that_would_be_read_for_ever_are_passed_over() -> None:
    """Dates and XMP with long runs of spaces, which a search could try at every place."""
    time_text = chunk(b"tEXt", b"Creation Time\x002020-01-01 10:00:00" + b" " * 500_000 + b"x")
    assert read(png(8, 8, time_text)).taken_at is None
    xmp = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + (b"exif:DateTimeOriginal" + b" " * 100) * 5000)
    assert read(png(8, 8, xmp)).taken_at is None


def test_exif_that_claims_too_much_is_read_apart() -> None:
    heavy = hostile.exif_of_tags()
    light = (
        b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHII", 306, 2, 20, 26) + bytes(4) + b"2020:01:02 03:04:05\0"
    )
    for exif, here in ((heavy, False), (light, True)):
        assert is_plain("PNG", png(8, 8, chunk(b"eXIf", exif))) is here
        assert is_plain("WEBP", encoded(Image.new("RGB", (8, 8)), "WEBP", exif=b"Exif\0\0" + exif)) is here

"""Files of several pictures, made on the spot: PDFs by PDFium, videos by FFmpeg."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from PIL import Image


def pdf(*pages: Image.Image | None, size: tuple[float, float] = (200, 150), text: str = "", turn: int = 0) -> bytes:
    """A PDF with a page for each picture, which fills it; None for an empty one. ``text`` is on the first page."""
    pdfium = pytest.importorskip("pypdfium2")
    raw = pdfium.raw
    document = pdfium.PdfDocument.new()
    for picture in pages:
        page = document.new_page(*size)
        if picture is not None:
            image = pdfium.PdfImage.new(document)
            image.set_bitmap(pdfium.PdfBitmap.from_pil(picture))
            image.set_matrix(pdfium.PdfMatrix().scale(*size))
            page.insert_obj(image)
        if turn:
            page.set_rotation(turn)
        if text:
            written = raw.FPDFPageObj_NewTextObj(document, b"Helvetica", 12.0)
            letters = (raw.c_ushort * (len(text) + 1))(*text.encode("utf-16-le")[::2], 0)
            raw.FPDFText_SetText(written, letters)
            raw.FPDFPageObj_Transform(written, 1, 0, 0, 1, 20, 20)
            raw.FPDFPage_InsertObject(page, written)
            text = ""
        page.gen_content()
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def film(
    scenes: Sequence[tuple[Image.Image, float]],
    *,
    rate: int = 10,
    size: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    format: str = "mp4",
    keys: int = 10,
    **said: Any,
) -> bytes:
    """A video of still scenes, each for so many seconds, with a key frame every ``keys`` frames."""
    av = pytest.importorskip("av")
    buffer, number = io.BytesIO(), 0
    with av.open(buffer, "w", format=format) as out:
        stream = out.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.gop_size = keys
        if codec == "libx264":
            stream.options = {"sc_threshold": "0", "keyint": str(keys)}
        out.metadata.update(said)
        for picture, seconds in scenes:
            for _ in range(round(seconds * rate)):
                frame = av.VideoFrame.from_image(picture.resize(size))
                frame.pts, frame.time_base = number, Fraction(1, rate)
                out.mux(stream.encode(frame))
                number += 1
        out.mux(stream.encode())
    return buffer.getvalue()

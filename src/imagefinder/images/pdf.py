"""Pages of PDF files, by PDFium (pypdfium2), which here has neither scripts nor forms of its own (XFA), and fetches
nothing."""

from __future__ import annotations

import math
from typing import Any, BinaryIO

from PIL import Image

from imagefinder.errors import ImageError
from imagefinder.types import Limits, SkipCode

SCALE = 2.0  # pixels for each point (1/72 inch) of a whole page
LEAST, MOST = 512, 4096  # pixels of its longer side
TEXT = 20_000  # characters of a page that are kept


def is_pdf(data: bytes) -> bool:
    """Whether a file that begins with these bytes is a PDF: readers allow some bytes before it."""
    return b"%PDF-" in data[:1024]


class Document:
    """A PDF that is open. Its places are the numbers of its pages, from 1; ``count`` says how many there are."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        import pypdfium2

        try:
            self._document = pypdfium2.PdfDocument(file)
        except pypdfium2.PdfiumError as error:
            if "password" in str(error).lower():
                raise ImageError(
                    "The PDF is encrypted.",
                    code=SkipCode.UNSUPPORTED_FORMAT,
                    remedy="Save a copy without its password.",
                ) from error
            raise ImageError(
                "The PDF is damaged.", code=SkipCode.CORRUPT, remedy="Copy or download it again."
            ) from error
        self._document.init_forms()
        self._limits = limits
        self.count = len(self._document)
        self.said: dict[str, Any] = {}

    def places(self) -> list[float]:
        """The pages that are taken in."""
        if not self.count:
            raise ImageError("The PDF has no page.", code=SkipCode.EMPTY)
        return [float(page) for page in range(1, min(self.count, self._limits.max_pages) + 1)]

    @property
    def left_out(self) -> str:
        """What is not taken in, for people; empty if all is."""
        most = self._limits.max_pages
        return f"It has {self.count:,} pages; the first {most:,} are taken in." if self.count > most else ""

    def size(self, place: float) -> tuple[int, int]:
        """Width and height of a whole page in pixels."""
        return self._size(self._page(place))

    def pixels(self, place: float, short_side: int | None) -> int:
        """How many pixels are drawn for a page of this short side; None: the whole."""
        width, height = self.size(place)
        scale = _scale((width, height), short_side)
        return math.ceil(width * scale) * math.ceil(height * scale)

    def picture(self, place: float, short_side: int | None) -> Image.Image:
        """A page as an RGB picture on white."""
        page = self._page(place)
        size = self._size(page)
        points = page.get_size()
        scale = size[0] / points[0] * _scale(size, short_side)
        picture: Image.Image = page.render(scale=scale).to_pil()
        return picture.convert("RGB")

    def text(self, place: float) -> str:
        """The text of a page, as the PDF has it; empty for one that is only a picture."""
        page = self._page(place).get_textpage()
        return str(page.get_text_range(0, min(page.count_chars(), TEXT))) if page.count_chars() > 0 else ""

    def close(self) -> None:
        self._document.close()

    def _page(self, place: float) -> Any:
        if not 1 <= place <= self.count:
            raise ImageError(f"The PDF has no page {place:.0f} any more.", code=SkipCode.NOT_FOUND)
        return self._document[int(place) - 1]

    def _size(self, page: Any) -> tuple[int, int]:
        width, height = page.get_size()
        if not (width > 0 and height > 0 and math.isfinite(width * height)):
            raise ImageError("The page has no size.", code=SkipCode.CORRUPT)
        longer = max(width, height)
        scale = min(max(SCALE, LEAST / longer), MOST / longer)
        return max(1, round(width * scale)), max(1, round(height * scale))


def _scale(size: tuple[int, int], short_side: int | None) -> float:
    return 1.0 if short_side is None else min(1.0, short_side / min(size))


def open_file(file: BinaryIO, limits: Limits) -> Document:
    return Document(file, limits)

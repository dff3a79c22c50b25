"""Pages of links to images, such as web servers make of their folders."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urldefrag, urljoin, urlsplit

from imagefinder.errors import FetchError
from imagefinder.images.fetch import Fetcher
from imagefinder.types import SkipCode

PAGES = 10_000  # of one source
LINKS = 1_000_000  # of all pages of a source
DEPTH = 20  # folders below the first page
# The row that Apache, nginx and others give to a file: when it was changed, and its size.
_ROW = re.compile(r"(\d{4}-\d\d-\d\d|\d\d-\w{3}-\d{4})\s+(\d\d:\d\d(?::\d\d)?)\s+([\d.]+\s*[KMGT]?)", re.IGNORECASE)


class Link(NamedTuple):
    """Where a link leads, and what its row says of the file: when it was changed, and its size; empty for no row."""

    url: str
    said: str


def is_page(url: str) -> bool:
    """Whether a URL looks like that of a page of links: of a folder, or of HTML."""
    path = _path(url).lower()
    return path.endswith(("/", ".html", ".htm"))


def links(fetcher: Fetcher, url: str) -> Iterator[Link]:
    """What a page links to, and what the pages of the folders below it do, each address once. Raises FetchError where a
    page can't be read, has too many links, or is no HTML (``unsupported-format``)."""
    waiting, entered, found = [(url, 0)], {url}, set[str]()
    while waiting:
        page, depth = waiting.pop()
        for link in _read(fetcher, page):
            if link.url in found or link.url in entered:
                continue
            if _path(link.url).endswith("/"):
                if link.url.startswith(url.rpartition("/")[0] + "/") and depth < DEPTH and len(entered) < PAGES:
                    entered.add(link.url)
                    waiting.append((link.url, depth + 1))
                continue
            found.add(link.url)
            if len(found) > LINKS:
                raise FetchError(f"There are more than {LINKS:,} links.", code=SkipCode.TOO_COSTLY)
            yield link


def _read(fetcher: Fetcher, url: str) -> list[Link]:
    text = fetcher.get(url, any_type=True).decode("utf-8", "replace")
    if not re.search(r"<(?:!doctype html|html|a)\b", text[:100_000], re.IGNORECASE):
        raise FetchError("It is no page of links.", code=SkipCode.UNSUPPORTED_FORMAT)
    reader = _Links(url)
    reader.feed(text)
    reader.close()
    return reader.found()


class _Links(HTMLParser):
    """The links of a page, each with the text behind it. A page may give the address that they start from."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self._base = url
        self._found: list[tuple[str, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        place = dict(attrs).get("href")
        if tag == "a" and place:
            self._found.append((place.strip(), []))
        elif tag == "base" and place:
            self._base = _joined(self._base, place) or self._base

    def handle_data(self, data: str) -> None:
        if self._found and len(self._found[-1][1]) < 20:
            self._found[-1][1].append(data[:500])

    def found(self) -> list[Link]:
        links = []
        for place, behind in self._found:
            url = _joined(self._base, place)
            if url and "?" not in url:  # columns to sort by, and pages for each view
                row = _ROW.search(" ".join(behind))
                links.append(Link(url, " ".join(row.groups()) if row else ""))
        return links


def _joined(base: str, place: str) -> str:
    """The URL of a link; empty for what is none of the web."""
    try:
        url = urldefrag(urljoin(base, place))[0]
        return url if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname else ""
    except ValueError:
        return ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""

"""Pages of links, archives on the web, and data sets of the hub."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hub_server import HubServer
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.errors import FetchError, ImageError
from imagefinder.images.fetch import Fetcher
from imagefinder.images.loader import Loader
from imagefinder.images.refs import ref_of
from imagefinder.images.remote import blocks
from imagefinder.images.remote.blocks import Blocks
from imagefinder.images.remote.pages import links
from imagefinder.images.remote.reading import opened
from imagefinder.types import ImageRef, Limits, SkipCode

LIMITS = Limits(allow_private_addresses=True)


def png(colour: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), (colour, 90, 200 - colour)).save(buffer, "PNG")
    return buffer.getvalue()


def tar(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class Site:
    """A web server of the files in ``files``, by their paths. ``ranges`` tells whether it gives parts of them."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.ranges = True
        self.fail: Callable[[str], int] = lambda path: 0
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Nothing on the screen."""

            def do_GET(self) -> None:
                site.asked.append(self.path)
                data = site.files.get(self.path)
                status = site.fail(self.path) or (200 if data is not None else 404)
                body, headers = data or b"", {"ETag": f'"{hash(data)}"'}
                if status == 200 and site.ranges and (wanted := self.headers.get("Range")):
                    first, _, last = wanted.removeprefix("bytes=").partition("-")
                    start, end = int(first), min(int(last), len(body) - 1)
                    headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
                    status, body = 206, body[start : end + 1]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                kind = "text/html" if body.startswith(b"<") else "application/octet-stream"
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def finder(tmp_path: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(tmp_path / "index", model="fast", limits=LIMITS) as finder:
        yield finder


NGINX = """<html><head><title>Index of /pics/</title></head><body><h1>Index of /pics/</h1><hr><pre><a href="../">../</a>
<a href="deep/">deep/</a>                          01-Nov-2026 10:00                   -
<a href="a%20b.png">a b.png</a>                        01-Nov-2026 10:00                {size}
<a href="notes.txt">notes.txt</a>                      01-Nov-2026 10:00                  12
<a href="/elsewhere/c.png#top">c</a> <a href="ftp://x/d.png">d</a> <a href="?C=M;O=A">sort</a>
</pre></body></html>"""
APACHE = """<html><body><table><tr><td><a href="/pics/">Parent Directory</a></td><td>&nbsp;</td></tr>
<tr><td><a href="e.png">e.png</a></td><td align="right">2026-11-02 08:00  </td><td align="right">1.2K</td></tr>
</table></body></html>"""


def test_a_page_of_links_and_the_folders_below_it(site: Site, finder: ImageFinder) -> None:
    site.files = {
        "/pics/": NGINX.format(size=900).encode(),
        "/pics/deep/": APACHE.encode(),
        "/pics/a%20b.png": png(1),
        "/elsewhere/c.png": png(2),
        "/pics/deep/e.png": png(3),
    }
    assert finder.add(f"{site.url}/pics/").added == 3
    names = {"/pics/a%20b.png", "/elsewhere/c.png", "/pics/deep/e.png"}
    assert {r.uri.removeprefix(site.url) for r in finder.records()} == names
    site.asked.clear()
    assert finder.add().unchanged == 3 and sorted(site.asked) == ["/pics/", "/pics/deep/"]
    site.files |= {"/pics/": NGINX.format(size=901).encode(), "/pics/a%20b.png": png(9)}
    assert (finder.add().updated, finder.list_sources()[0].kind) == (1, "page")
    site.files["/pics/deep/"] = b"<html><body>nothing</body></html>"
    assert finder.add().removed == 1
    site.files["/pics/"] = b"<html><body>nothing</body></html>"
    assert finder.add().kept == 2  # as with an emptied folder
    site.fail = lambda path: 500
    report = finder.add()
    assert report.missing and len(finder) == 2


def test_an_image_whose_address_looks_like_a_page(site: Site, finder: ImageFinder) -> None:
    site.files = {"/picture/": png(1)}
    assert finder.add(f"{site.url}/picture/").added == 1
    assert [r.uri for r in finder.records()] == [f"{site.url}/picture/"]


def test_pages_that_lead_nowhere_and_in_circles(site: Site) -> None:
    site.files = {
        "/a/": b"<a href='b/'>b</a> <a href='http://[::1'>x</a> <a href='javascript:alert(1)'>y</a> <a href='/'>up</a>",
        "/a/b/": b"<a href='../b/'>b</a> <a href='../../a/'>a</a> <a href='c/'>c</a> <a href='x.png'>x</a>",
        "/a/b/c/": b"<base href='/z/'><a href='y.png'>y</a><a href=''>empty</a>",
    }
    found = [link.url.removeprefix(site.url) for link in links(Fetcher(LIMITS), f"{site.url}/a/")]
    assert found == ["/a/b/x.png", "/z/y.png"]


def test_private_addresses_are_not_reached(site: Site) -> None:
    site.files = {"/pics/": NGINX.encode(), "/x.tar": tar(("1.png", png(1)))}
    with pytest.raises(FetchError) as raised:
        list(links(Fetcher(Limits()), f"{site.url}/pics/"))
    assert raised.value.code == SkipCode.ADDRESS_REFUSED
    with pytest.raises(FetchError) as raised:
        opened(f"{site.url}/x.tar", Limits())
    assert raised.value.code == SkipCode.ADDRESS_REFUSED and not site.asked


def test_an_archive_on_the_web(site: Site, finder: ImageFinder) -> None:
    site.files = {"/x.tar": tar(("1.png", png(1)), ("1.txt", b"one"), ("2.png", png(2)))}
    assert finder.add(f"{site.url}/x.tar").added == 2
    one = next(r for r in finder.records() if r.caption == "one")
    site.asked.clear()
    assert Loader(LIMITS).read(ref_of(one)).data == png(1) and site.asked == ["/x.tar"]
    assert len(finder.search(f"id:{one.id}", k=1)) == 1
    assert finder.add().unchanged == 2
    site.files["/x.tar"] = tar(("2.png", png(2)))
    assert (finder.add().removed, len(finder)) == (1, 1)
    with pytest.raises(ImageError, match="changed"):
        Loader(LIMITS).read(ref_of(one))
    site.ranges = False
    assert "no parts" in finder.add(force=True).skipped[0].reason and len(finder) == 1


# --- blocks -----------------------------------------------------------------------------------------------------------


def test_a_file_in_blocks_reads_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(range(256)) * 40
    asked: list[tuple[int, int]] = []

    def part(start: int, end: int) -> bytes:
        asked.append((start, end))
        return data[start:end]

    with io.BufferedReader(Blocks(part, len(data), 100), 10) as file:
        assert file.read() == data and len(asked) == len(set(asked)) == 103
        for place, size in ((0, 10), (10_000, 500), (99, 2), (10_239, 5), (20_000, 3)):
            file.seek(place)
            assert file.read(size) == data[place : place + size]
    asked.clear()
    with Blocks(part, len(data), 100) as raw:
        raw.seek(5000)
        assert raw.read(10) == data[5000:5010] and asked == [(5000, 5100)]  # nothing ahead for one look


def test_few_blocks_are_held() -> None:
    with Blocks(lambda start, end: b"x" * (end - start), 100_000, 100) as file:
        for _ in range(1000):
            file.read(100)
            assert len(file._held) <= blocks.KEPT


def test_a_block_that_fails_is_said_and_asked_for_again() -> None:
    failing = [True]

    def part(start: int, end: int) -> bytes:
        if start == 100 and failing and failing.pop():
            raise FetchError("The server took too long.", code=SkipCode.TIMEOUT)
        return b"x" * (end - start)

    with Blocks(part, 300, 100) as file:
        assert len(file.read(100)) == 100
        with pytest.raises(FetchError, match="too long"):
            file.read(100)
        assert len(file.read(100)) == 100


# --- the hub ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as hub:
        hub.use(monkeypatch, tmp_path)
        yield hub


def test_a_data_set_of_the_hub(hub: HubServer, finder: ImageFinder, tmp_path: Path) -> None:
    hub.token = "hf_secret_of_tests"
    files = {
        "train/cats/1.png": png(1),
        "train/2 é.png": png(2),
        "test/3.png": png(3),
        "README.md": b"# cats",
        "train/shard.tar": tar(("m.png", png(4)), ("m.cls", b"3")),
    }
    hub.add("datasets/org/cats", files)
    with pytest.raises(FetchError) as raised:
        finder.add("hf://datasets/org/cats/train")
    assert raised.value.code == SkipCode.PERMISSION
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HF_TOKEN", hub.token)
        assert finder.add("hf://datasets/org/cats/train/").added == 3
        root = "hf://datasets/org/cats/train/"
        assert {r.uri.removeprefix(root) for r in finder.records()} == {"cats/1.png", "2 é.png", "shard.tar#m.png"}
        assert not hub.tokens_at_the_store  # the key is for the hub alone
        hub.requests.clear()
        assert finder.add().unchanged == 3 and not hub.asked_for("/resolve/")
        hub.add("datasets/org/cats", {**files, "train/2 é.png": png(8)})
        assert (finder.add().updated, len(hub.asked_for("GET /datasets/org/cats/resolve/"))) == (1, 1)
        member = next(r for r in finder.records() if "#" in r.uri)
        assert Loader(LIMITS).read(ref_of(member)).data == png(4)
        assert Loader(LIMITS).read(ImageRef(f"{root}cats/1.png")).data == png(1)
    assert not list((tmp_path / "hf").rglob("*.png"))  # no copy
    assert "hf_secret" not in str([r.to_payload() for r in finder.records()])


def test_trouble_with_the_hub(hub: HubServer, finder: ImageFinder) -> None:
    hub.add("datasets/org/cats", {"a/1.png": png(1)})
    with pytest.raises(FetchError, match="no such data set"):
        finder.add("hf://datasets/org/dogs")
    with pytest.raises(FetchError, match="no such revision"):
        finder.add("hf://datasets/org/cats@v9")
    hub.trouble.files_status = 500
    report = finder.add("hf://datasets/org/cats")
    assert [s.code for s in report.skipped] == [SkipCode.FETCH_FAILED]
    hub.trouble.files_status = 0
    assert finder.add().added == 1

"""The files of the page as they are sent: packed, kept for good below their hash, and all asked for at once."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from imagefinder.server.page_files import PageFiles, page_files
from imagefinder.server.safety import POLICY

LINK = re.compile(r'(?:href|src)="([^"]+\.(?:js|css|svg))"')


@pytest.mark.parametrize("place", ["/", "/groups", "/groups/3", "/map", "/duplicates", "/library", "/docs"])
def test_all_that_a_page_links_to_may_be_kept_for_good(reader: TestClient, place: str) -> None:
    page = reader.get(place)
    assert page.headers["cache-control"] == "no-cache"
    links = LINK.findall(page.text)
    assert links
    for link in links:
        answer = reader.get(link)
        assert answer.status_code == 200, link
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable", link
        assert answer.headers["content-security-policy"] == POLICY and answer.headers["vary"] == "accept-encoding"


def test_a_page_asks_for_its_view_and_all_it_imports(reader: TestClient) -> None:
    start, groups = (set(LINK.findall(reader.get(place).text)) for place in ("/", "/groups/3"))
    assert {"main.js", "base.js", "views-search.js"} == {
        link.rpartition("/joined/")[2] for link in start if "/joined/" in link
    }
    assert any(link.endswith("/joined/views-groups.js") for link in groups - start)
    assert len(start) < 15  # a slow connection waits for each six of them


def test_the_style_sheets_are_one(reader: TestClient) -> None:
    text = reader.get("/").text
    sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', text)
    assert len(sheets) == 1
    css = reader.get(sheets[0]).text
    assert "--ground" in css and css.index("--ground") < css.index(".shell-header")
    assert not re.search(r"url\((?!\"?data:)|@import", css)  # it lies elsewhere than the sheets it is made of


def test_files_are_packed_once(reader: TestClient) -> None:
    path = next(link for link in LINK.findall(reader.get("/").text) if link.endswith("/joined/main.js"))
    packed = reader.get(path)
    plain = reader.get(path, headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.text == plain.text and int(packed.headers["content-length"]) < 0.6 * len(plain.content)
    file, _ = page_files().find("joined/main.js")
    assert file is not None and file.packed is file.packed and gzip.decompress(file.packed or b"") == file.data


def test_a_file_by_its_name_alone_is_asked_for_each_time(reader: TestClient) -> None:
    plain = reader.get("/js/shell.js")
    assert plain.headers["cache-control"] == "no-cache"
    again = reader.get("/js/shell.js", headers={"if-none-match": plain.headers["etag"]})
    assert again.status_code == 304 and again.content == b""


def test_a_page_of_another_version_finds_the_files_of_this_one(reader: TestClient) -> None:
    answer = reader.get("/page/0123456789abcdef/js/shell.js")
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-cache"
    assert reader.get("/page/0123456789abcdef/js/nowhere.js").status_code == 404


def test_below_a_path_of_a_proxy_links_lead_there(serve: Callable[..., TestClient]) -> None:
    client = serve(root_path="/pictures")
    links = LINK.findall(client.get("/pictures/").text)
    assert links and all(link.startswith("/pictures/page/") for link in links)
    assert all(client.get(link).headers["cache-control"].endswith("immutable") for link in links[:3])


def test_other_contents_have_another_address(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    versions = []
    for text in ("export const a = 1;\n", "export const a = 2;\n"):
        (tmp_path / "js" / "a.js").write_text(text)
        versions.append(PageFiles(tmp_path).version)
    assert versions[0] != versions[1] and PageFiles(tmp_path).version == versions[1]


def test_answers_are_packed_unless_they_are_small_or_pictures(reader: TestClient, ids: list[str]) -> None:
    large = reader.get("/v1/images", params={"k": 50})
    assert large.headers["content-encoding"] == "gzip" and len(large.json()["images"]) == 50
    assert "content-encoding" not in reader.get("/healthz").headers
    assert "content-encoding" not in reader.get(f"/v1/images/{ids[0]}/thumbnail").headers


def test_shapes_of_all_images(reader: TestClient, ids: list[str]) -> None:
    listed = reader.get("/v1/images", params={"sort": "uri", "k": 1000, "fields": "width,height"}).json()
    found = reader.get("/v1/images/shapes", params={"sort": "uri"})
    assert len(found.content) == 2 * listed["total"] and found.headers["content-type"] == "application/octet-stream"
    assert set(listed["images"][0]) == {"id", "width", "height"}
    for byte, image in zip(found.content, listed["images"], strict=False):
        ratio = max(1 / 3, min(3, image["width"] / image["height"]))
        assert 3 ** (byte / 127 - 1) == pytest.approx(ratio, rel=0.005)
    sent = {"if-none-match": found.headers["etag"]}
    assert reader.get("/v1/images/shapes", params={"sort": "uri"}, headers=sent).status_code == 304
    assert len(reader.get("/v1/images/shapes", params={"filter": "width > 100000"}).content) == 0


def test_the_page_of_a_list_around_an_image(reader: TestClient) -> None:
    listed = reader.get("/v1/images", params={"sort": "uri", "k": 1000}).json()["images"]
    wanted = listed[17]["id"]
    page = reader.get("/v1/images", params={"sort": "uri", "k": 5, "around": wanted}).json()
    assert page["offset"] == 15 and [one["id"] for one in page["images"]] == [one["id"] for one in listed[15:20]]
    other = reader.get("/v1/images", params={"k": 5, "around": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}).json()
    assert other["offset"] == 0

"""Pages and frames through the server: found together, shown as pictures, and opened in their file at their place."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from made_files import BLUE, GREEN, RED, halves, svg
from made_parts import film, pdf
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.server.app import create_app
from imagefinder.server.settings import ServerSettings


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts") / "files"
    folder.mkdir()
    (folder / "a.pdf").write_bytes(pdf(halves(), halves(GREEN, RED)))
    (folder / "b.mp4").write_bytes(film([(halves(), 3), (halves(GREEN, RED), 2)]))
    halves().save(folder / "c.png")
    return folder


@pytest.fixture(scope="module")
def api(place: Path) -> Iterator[TestClient]:
    with ImageFinder.open(place.parent / "index") as finder:
        finder.add(place)
        app = create_app(finder, ServerSettings(key=None))
        with TestClient(app, base_url="http://127.0.0.1") as client:
            yield client


@pytest.fixture(scope="module")
def ids(api: TestClient) -> dict[str, str]:
    images = api.get("/v1/images").json()["images"]
    return {image["uri"].rpartition("/")[2]: image["id"] for image in images}


def test_they_are_found_together(api: TestClient, ids: dict[str, str]) -> None:
    query = {"parts": [{"id": ids["c.png"]}], "k": 10}
    hits = api.post("/v1/search", json=query).json()["hits"]
    assert sorted(hit["uri"].rpartition("/")[2].partition("#")[0] for hit in hits) == ["a.pdf", "b.mp4"]
    pages = next(hit for hit in hits if "a.pdf" in hit["uri"])
    assert (pages["page"], pages["format"]) == (1, "PDF") and pages["other_parts"] == [ids["a.pdf#page=2"]]
    assert len(api.post("/v1/search", json={**query, "each_part": True}).json()["hits"]) == 4


def test_the_picture_of_a_part_is_shown_and_its_file_opened(api: TestClient, ids: dict[str, str], place: Path) -> None:
    for name in ("a.pdf#page=2", "b.mp4#t=3"):
        for way in ("thumbnail", "original"):
            answer = api.get(f"/v1/images/{ids[name]}/{way}")
            assert answer.headers["content-type"] == "image/jpeg"
            picture = Image.open(BytesIO(answer.content)).convert("RGB")
            red, green, blue = picture.getpixel((picture.width // 4, picture.height // 2))  # type: ignore[misc]
            assert green > 200 and max(red, blue) < 60
        whole = api.get(f"/v1/images/{ids[name]}/file")
        assert whole.content == (place / name.partition("#")[0]).read_bytes()
    assert api.get(f"/v1/images/{ids['c.png']}/file").content == (place / "c.png").read_bytes()


def test_a_file_is_sent_as_what_it_is_and_runs_nothing(api: TestClient, ids: dict[str, str]) -> None:
    video = api.get(f"/v1/images/{ids['b.mp4#t=3']}/file", headers={"range": "bytes=4-7"})
    assert (video.status_code, video.content, video.headers["content-type"]) == (206, b"ftyp", "video/mp4")
    assert "sandbox" in video.headers["content-security-policy"]
    paper = api.get(f"/v1/images/{ids['a.pdf#page=1']}/file")
    assert paper.headers["content-type"] == "application/pdf" and paper.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in paper.headers["content-security-policy"]
    assert "script" not in paper.headers["content-security-policy"]


def test_another_file_in_its_place_is_not_sent(
    place: Path, tmp_path: Path, ids: dict[str, str], api: TestClient
) -> None:
    path = place / "b.mp4"
    before = path.read_bytes()
    try:
        path.write_bytes(film([(halves(BLUE, RED), 3)]))
        for way in ("file", "original", "thumbnail?size=1024"):
            assert api.get(f"/v1/images/{ids['b.mp4#t=3']}/{way}").status_code == 422
    finally:
        path.write_bytes(before)


def test_what_is_sent_to_the_server(client: TestClient) -> None:
    pytest.importorskip("resvg_py")
    answer = client.post("/v1/images", files=[("files", ("a.svg", svg())), ("files", ("b.pdf", pdf(halves())))]).json()
    assert [image["format"] for image in answer["images"]] == ["SVG"]
    assert ["files only" in skipped["reason"] for skipped in answer["skipped"]] == [True]
    drawing = client.get(f"/v1/images/{answer['images'][0]['id']}/original")
    assert drawing.headers["content-type"] == "application/octet-stream" and drawing.content == svg()
    assert "sandbox" in drawing.headers["content-security-policy"]

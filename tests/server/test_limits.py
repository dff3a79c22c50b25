"""What people may say of images is as long at every door: the library, the command line, HTTP and the client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from command import run_cli

from imagefinder import ImageFinder
from imagefinder.catalog.edits import CAPTION_LENGTH, NAME_LENGTH, TAG_LENGTH, TAGS
from imagefinder.client import Client
from imagefinder.clusters.edit import LONGEST
from imagefinder.errors import InvalidInputError
from imagefinder.server.uploads import display_name

Serving = Callable[..., AbstractContextManager[str]]


@pytest.fixture(scope="module")
def doors(
    sample_index: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copy_index: Callable[[Path, Path], Path],
    serving: Serving,
) -> Iterator[tuple[ImageFinder, Client, str]]:
    home = copy_index(sample_index, tmp_path_factory.mktemp("doors") / "index")
    with ImageFinder.open(home) as finder, serving(finder) as url, Client(url) as client:
        finder.cluster(n_clusters=3, method="kmeans")
        yield finder, client, url


def refused(do: Callable[[], object]) -> None:
    with pytest.raises(InvalidInputError):
        do()


def refused_by_http(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid-input")


@pytest.mark.parametrize("around", ["", "  "])
def test_a_tag_has_100_characters_at_most(doors: tuple[ImageFinder, Client, str], around: str) -> None:
    assert TAG_LENGTH == 100
    finder, client, url = doors
    id = finder.records()[0].id
    for n, letter in enumerate("ab"):
        good, bad = (f"{around}{letter * size}{around}" for size in (TAG_LENGTH, TAG_LENGTH + 1))
        (finder, client)[n].tag([id], add=[good])  # type: ignore[attr-defined]
        assert letter * TAG_LENGTH in finder.get(id).tags
        refused(lambda bad=bad, n=n: (finder, client)[n].tag([id], add=[bad]))  # type: ignore[misc]
        refused(lambda bad=bad, n=n: (finder, client)[n].update(id, tags=[bad]))  # type: ignore[misc]
        answer = httpx.post(f"{url}v1/images/tags", json={"ids": [id], "add": [good.upper()]})
        assert answer.json()["changed"] == 1
        refused_by_http(httpx.post(f"{url}v1/images/tags", json={"ids": [id], "remove": [bad]}))
        refused_by_http(httpx.patch(f"{url}v1/images/{id}", json={"tags": [bad]}))
        finder.update(id, tags=[])


def test_the_command_line_takes_tags_as_long(
    sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]
) -> None:
    home = copy_index(sample_index, tmp_path / "index")
    with ImageFinder.open(home) as finder:
        image = finder.records()[0].uri
    for size, code in ((TAG_LENGTH, 0), (TAG_LENGTH + 1, 2)):
        assert run_cli("tag", image, "--add", "x" * size, "--index", home).returncode == code
    for size, code in ((CAPTION_LENGTH, 0), (CAPTION_LENGTH + 1, 2)):
        assert run_cli("tag", image, "--caption", "x" * size, "--index", home).returncode == code


def test_an_image_has_100_tags_at_most(doors: tuple[ImageFinder, Client, str]) -> None:
    finder, client, url = doors
    id, many = finder.records()[1].id, [f"t{n}" for n in range(TAGS)]
    for door in (finder, client):
        assert len(door.update(id, tags=many).tags) == TAGS == 100  # type: ignore[attr-defined]
        refused(lambda door=door: door.update(id, tags=[*many, "more"]))  # type: ignore[misc,attr-defined]
        refused(lambda door=door: door.tag([id], add=["more"]))  # type: ignore[misc,attr-defined]
        refused(lambda door=door: door.tag([id], remove=[*many, "more"]))  # type: ignore[misc,attr-defined]
    refused_by_http(httpx.patch(f"{url}v1/images/{id}", json={"tags": [*many, "more"]}))
    finder.update(id, tags=[])


@pytest.mark.parametrize("size", [0, 1])
def test_captions_and_names_of_clusters_are_as_long(doors: tuple[ImageFinder, Client, str], size: int) -> None:
    finder, client, _ = doors
    id, label = finder.records()[2].id, next(iter(finder.clusters)).label
    changes: list[Callable[[Any], object]] = [
        lambda door: door.update(id, caption="x" * (CAPTION_LENGTH + size)),
        lambda door: door.clusters.rename(label, "x" * (LONGEST + size)),
    ]
    for change in changes:
        for door in (finder, client):
            if size:
                refused(lambda change=change, door=door: change(door))  # type: ignore[misc]
            else:
                change(door)


def test_a_name_as_long_as_the_library_takes_is_kept_of_an_upload() -> None:
    assert display_name("x" * 300 + ".png") == "x" * NAME_LENGTH


def test_the_document_says_these_limits() -> None:
    document = json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text("utf-8"))
    tagging = document["components"]["schemas"]["Tagging"]["properties"]
    assert tagging["add"]["maxItems"] == TAGS and tagging["add"]["items"]["maxLength"] == TAG_LENGTH

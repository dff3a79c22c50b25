"""``imagefinder index`` says once how words get better; one command does it, and the page's job does the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import published
import pytest
from command import run_cli
from hub_server import HubServer
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.client import Client
from imagefinder.models import catalogue as module
from imagefinder.models.catalogue import in_catalogue

NAME, SPACE = "clip-b32-int8", "clip-vit-base-patch32-int8"
ONE_COMMAND = f"imagefinder index --model {NAME} --use"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub with the recommended model, small, and a catalogue with its checksums."""
    files, known = published.clip_b32(), in_catalogue(NAME)
    assert known is not None and known.address.revision is not None
    data = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    small = replace(known, files={name: hashlib.sha256(data[name]).hexdigest() for name in known.files})
    monkeypatch.setattr(module, "catalogue", lambda: (small,))
    with HubServer() as server:
        server.add(known.address.repo, files, known.address.revision)
        server.use(monkeypatch, tmp_path)
        yield server


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, colour in enumerate(("red", "green", "blue", "white")):
        Image.new("RGB", (60 + i, 50), colour).save(folder / f"{colour}.png")
    return folder


def test_it_is_said_once_and_done_by_one_command(hub: HubServer, tmp_path: Path, photos: Path) -> None:
    index = ("--index", tmp_path / "index")
    said = run_cli("index", photos, *index).stderr
    assert f"{ONE_COMMAND} --index {tmp_path / 'index'}" in said
    assert "MIT licence" in said and "155.9 MB to fetch" in said and "images/s here, 1 minute for 4 images" in said
    assert not hub.requests, "nothing is asked of anybody before"
    Image.new("RGB", (50, 50), "black").save(photos / "black.png")
    assert "--use" not in run_cli("index", *index).stderr, "once"
    done = run_cli("index", "--model", NAME, "--use", *index)
    assert done.returncode == 0 and f"Searches use {SPACE} from now on." in done.stderr, done.stderr
    with ImageFinder.open(tmp_path / "index") as finder:
        assert finder.text_space == SPACE and finder.better_words() is None
        assert finder.search("red").space == SPACE
        finder.use_space("default")
        assert finder.better_words() is None, "whoever has it and does not use it is not told"


def test_it_is_not_said_where_it_is_no_use(
    hub: HubServer, tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    assert "--use" not in run_cli("index", photos, "--index", tmp_path / "a", "--json").stderr
    assert "--use" not in run_cli("index", photos, "--index", tmp_path / "b", "--model", NAME).stderr
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "to fetch" not in run_cli("index", photos, "--index", tmp_path / "c", "--model", "fast").stderr
    with ImageFinder.open(tmp_path / "c") as finder:
        found = finder.better_words()
        assert found is not None and found.bytes == 0, "it was fetched above, and needs no network"
        assert found.seconds == pytest.approx(found.images / found.images_per_second, abs=0.2)


def test_an_empty_index_needs_nothing(tmp_path: Path) -> None:
    with ImageFinder.open(tmp_path / "index") as finder:
        assert finder.better_words() is None


def test_use_needs_a_model(tmp_path: Path) -> None:
    done = run_cli("index", "--use", "--index", tmp_path / "index")
    assert done.returncode == 2 and "--model" in done.stderr


def test_the_server_fetches_it_when_asked(
    hub: HubServer, tmp_path: Path, photos: Path, serving: Callable[..., Any]
) -> None:
    with ImageFinder.open(tmp_path / "index") as finder:
        finder.add(photos)
        with serving(finder) as url, Client(url) as client:
            assert client.better_words() == finder.better_words()
            assert not hub.requests
            stages: list[str] = []
            job = client.run_job("better-words", progress=lambda told: stages.append(told.stage))
            assert (job.result["model"], job.result["filled"], job.result["skipped"]) == (SPACE, 4, 0)
            assert client.search("red").space == SPACE and client.better_words() is None

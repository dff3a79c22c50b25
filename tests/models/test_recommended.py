"""The models that are recommended for words, fetched as they are published: by the real names of their files, with the
real preprocess, from a hub on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import published
import pytest
from hub_server import HubServer
from PIL import Image

from imagefinder._util.ending import EndedError
from imagefinder.errors import ModelError
from imagefinder.index.better_words import RECOMMENDED
from imagefinder.models import catalogue as module
from imagefinder.models import hub as hub_module
from imagefinder.models.catalogue import Entry, in_catalogue
from imagefinder.models.pulled import models_folder
from imagefinder.models.registry import load_model, pull_model
from imagefinder.models.yardstick import block_seconds
from imagefinder.types import Progress

Files = Mapping[str, bytes | str]
PUBLISHED: dict[str, tuple[Callable[[], Files], int]] = {
    "clip-b32-int8": (published.clip_b32, 512),
    "siglip2-int8": (published.siglip2, 768),
}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server:
        server.use(monkeypatch, tmp_path)
        yield server


def entry_of(name: str) -> Entry:
    found = in_catalogue(name)
    assert found is not None
    return found


def with_small_files(entry: Entry, files: Files) -> Entry:
    """The entry with the checksums of these files instead of those of the large ones."""
    data = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    kept = {name: hashlib.sha256(data[name]).hexdigest() for name in entry.files}
    return replace(entry, files=kept)


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_done_to_a_picture_is_as_published(name: str) -> None:
    text = PUBLISHED[name][0]()["preprocessor_config.json"]
    assert isinstance(text, str)
    assert hashlib.sha256(text.encode()).hexdigest() == entry_of(name).files["preprocessor_config.json"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_it_is_fetched_file_by_file_and_runs(name: str, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    (files, dim), known = (PUBLISHED[name][0](), PUBLISHED[name][1]), entry_of(name)
    assert known.address.revision is not None
    made = hub.add(known.address.repo, files, known.address.revision)
    monkeypatch.setattr(module, "catalogue", lambda: (with_small_files(known, files),))
    spec = pull_model(name)
    fetched = {path.split(f"/{made.commit}/")[1] for path in hub.asked_for(f"/resolve/{made.commit}/")}
    beside = {"config.json", "tokenizer_config.json", "special_tokens_map.json", "preprocessor_config.json"}
    assert fetched == set(known.files) | beside, "what is needed, and nothing else"
    assert spec.spaces["image"].dim == known.dim == dim and spec.licence == known.licence
    assert spec.text is not None and spec.preprocess is not None
    assert (spec.preprocess.size, spec.text.length) == ((224, 224), 77 if dim == 512 else 64)
    way = ("shortest_edge", "bicubic") if dim == 512 else ("squash", "bilinear")
    assert (spec.preprocess.resize, spec.preprocess.resample) == way
    assert spec.preprocess.scale == pytest.approx(1 / 255)
    embedder = load_model(name)
    pixels = np.stack([embedder.preprocess(Image.new("RGB", (300, 200), "red"))])
    assert embedder.embed_images(pixels)["image"].shape == embedder.embed_texts(["red"]).shape == (1, dim)


@pytest.mark.parametrize("name", PUBLISHED)
def test_other_files_under_the_same_names_are_refused(name: str, hub: HubServer) -> None:
    known = entry_of(name)
    assert known.address.revision is not None
    hub.add(known.address.repo, PUBLISHED[name][0](), known.address.revision)
    with pytest.raises(ModelError, match="is not the file this model was described with"):
        pull_model(name)


def test_a_download_that_is_stopped_leaves_nothing(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    files, known = published.clip_b32(), entry_of(RECOMMENDED)
    hub.add(known.address.repo, files, str(known.address.revision))
    monkeypatch.setattr(module, "catalogue", lambda: (with_small_files(known, files),))

    def stop(progress: Progress) -> None:
        raise EndedError("Nobody waits for it any more.")

    with pytest.raises(EndedError):
        pull_model(RECOMMENDED, progress=stop)
    assert not list(models_folder().rglob("*.onnx"))


def test_the_recommended_one_may_be_used_by_anybody_and_is_small() -> None:
    entry = entry_of(RECOMMENDED)
    assert entry.licence == "MIT" and entry.verified and None not in entry.files.values()
    assert entry.bytes is not None and 100e6 < entry.bytes < 200e6


def test_whether_the_hub_is_in_reach_is_known_without_a_word_to_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://huggingface.co")
    asked: list[object] = []
    monkeypatch.setattr(hub_module, "_has_route", lambda *place: asked.append(place))
    assert hub_module.within_reach() is False and len(asked) == 2, "no route by IPv4 nor IPv6"
    monkeypatch.setattr(hub_module, "_has_route", lambda *place: True)
    assert hub_module.within_reach()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert not hub_module.within_reach()


def test_a_block_of_such_a_model_is_timed_once() -> None:
    assert 0 < block_seconds(10) == block_seconds(10) < 60

"""The models known by a short name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hub_server import HubServer
from tiny_graphs import classifier_graph, clip_repository

from imagefinder.errors import ModelError, NotFoundError
from imagefinder.models import catalogue as module
from imagefinder.models.catalogue import Entry, catalogue, in_catalogue
from imagefinder.models.layouts import choose_files
from imagefinder.models.registry import find_spec, list_models, load_model, pull_model

WANTED = [
    *("clip-b32", "clip-b32-int8", "clip-b16", "siglip-base", "siglip2-base", "siglip2-int8", "mobileclip"),
    *("dinov2-s", "dinov2-b", "dinov3-s"),
    *("resnet50", "vgg16", "mobilenetv2", "inceptionv3", "efficientnet-lite4", "vit-b16"),
]


def test_every_model_promised_is_there_once() -> None:
    assert [entry.alias for entry in catalogue()] == WANTED
    names = [name for entry in catalogue() for name in dict.fromkeys(entry.names)]
    bundled = [name for spec in list_models() for name in (spec.name, spec.alias)]
    assert len(set(names + bundled)) == len(names + bundled)


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.alias)
def test_an_entry_is_whole(entry: Entry) -> None:
    assert entry.address.repo.split("/")[0] in ("Xenova", "onnx-community", "onnxmodelzoo")
    assert entry.dim > 0 and entry.licence and entry.title
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", entry.name)
    assert all(digest is None or re.fullmatch(r"[0-9a-f]{64}", digest) for digest in entry.files.values())
    if not entry.verified or None in entry.files.values():
        assert entry.note, "what is not known is said"
    if entry.files:
        found = choose_files(entry.files, entry.address.file)
        assert (found.text is not None) == entry.words


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server:
        server.use(monkeypatch, tmp_path)
        yield server


def listed(monkeypatch: pytest.MonkeyPatch, entry: Entry) -> None:
    """The catalogue holds this alone."""
    monkeypatch.setattr(module, "catalogue", lambda: (entry,))


def test_a_short_name_is_fetched_by_its_revision_and_checksums(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    files = clip_repository()
    made = hub.add("Xenova/clip-vit-base-patch32", files)
    known = in_catalogue("clip-b32")
    assert known is not None
    graph = files["onnx/vision_model.onnx"]
    assert isinstance(graph, bytes)
    digests = {"onnx/vision_model.onnx": hashlib.sha256(graph).hexdigest(), "onnx/text_model.onnx": None}
    source = f"hub:Xenova/clip-vit-base-patch32@{made.commit}"
    entry = replace(known, source=source, files=digests)
    listed(monkeypatch, entry)
    with pytest.raises(NotFoundError, match=r"608 MB.*models pull clip-b32"):
        find_spec("clip-b32")
    spec = pull_model("clip-b32")
    assert (spec.name, spec.alias, spec.licence, spec.source) == ("clip-vit-base-patch32", "clip-b32", "MIT", source)
    assert spec.text is not None and spec.text.logit_scale == 100.0
    assert load_model("clip-b32").embed_texts(["red"]).shape == (1, 8)
    assert find_spec("clip-vit-base-patch32") == find_spec("clip-b32")
    listed(monkeypatch, replace(entry, files={"onnx/vision_model.onnx": "0" * 64}))
    with pytest.raises(ModelError, match="described with"):
        pull_model("clip-b32", force=True)
    assert find_spec("clip-b32").fingerprint == spec.fingerprint, "what was there is kept"


def test_a_layer_inside_the_graph(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("onnxmodelzoo/vgg16-12", {"vgg16-12.onnx": classifier_graph(8, output="vgg0_dense2_fwd")})
    known = in_catalogue("vgg16")
    assert known is not None
    listed(monkeypatch, replace(known, files={}))
    spec = pull_model("vgg16")
    assert (spec.image.outputs["image"], spec.image.pooling, spec.spaces["image"].dim) == ("block5_pool", "mean", 8)


def test_a_wrong_name_is_met_with_the_right_one() -> None:
    with pytest.raises(NotFoundError, match="clip-b32") as caught:
        find_spec("clip-b23")
    assert "Did you mean 'clip-b32'?" in caught.value.remedy
    assert "models list" in caught.value.remedy

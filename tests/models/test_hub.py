"""Models from a hub that runs on this machine, well and badly behaved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eight_threads import all_at_once, at_once
from hub_server import HubServer, Trouble
from huggingface_hub import constants
from PIL import Image
from tiny_graphs import CLIP_PROCESSOR, classifier_graph, clip_repository, external_graph, image_graph

from imagefinder.errors import ImageFinderError, InvalidInputError, ModelError, NotFoundError, StorageError
from imagefinder.models import hub as fetching
from imagefinder.models import pulled
from imagefinder.models.hub import Address
from imagefinder.models.pulled import models_folder, pulled_models, remove
from imagefinder.models.registry import find_spec, load_model, pull_model
from imagefinder.models.spec import ModelSpec
from imagefinder.types import Progress

CLIP = "hub:Xenova/tiny-clip"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    with HubServer() as server:
        server.use(monkeypatch, tmp_path)
        server.add("Xenova/tiny-clip", clip_repository())
        yield server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client doesn't wait between its attempts."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def fetched(hub: HubServer) -> set[str]:
    """The files that were fetched."""
    gets = [r.removeprefix("GET ").split("/", 5) for r in hub.requests if r.startswith("GET /") and "/api/" not in r]
    return {parts[5] if parts[1] == "cdn" else "/".join(parts[5:]) for parts in gets}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hub:a/b", Address("a/b")),
        ("hub:a/b@v1.0", Address("a/b", "v1.0")),
        ("hub:a/b@refs/pr/3:onnx/model.onnx", Address("a/b", "refs/pr/3", "onnx/model.onnx")),
        ("hub:a/b:fp16", Address("a/b", None, "fp16")),
    ],
)
def test_an_address_is_read_and_written(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize("text", ["hub:", "hub:a", "hub:a/b/c", "hub:../b", "hub:a/b@", "hub:a/b:../x", "hub:a b/c"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(NotFoundError, match="hub:ORG/REPO"):
        Address.parse(text)


def test_different_addresses_have_different_names() -> None:
    texts = ["hub:a/b", "hub:a/b@c", "hub:a/b:c.onnx", "hub:a/b@c:c.onnx", "hub:a/b.c", f"hub:a/{'b' * 90}"]
    slugs = [Address.parse(text).slug for text in texts]
    assert len(set(slugs) - {"a.b.c"}) == len(texts) - 2  # a dot in a repository's name is the one thing that may clash
    assert all(len(slug) <= 80 for slug in slugs)


def test_only_what_is_needed_is_fetched_and_it_works_without_the_hub(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Progress] = []
    spec = pull_model(CLIP, progress=seen.append)
    configs = {"config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"}
    assert fetched(hub) == {"onnx/vision_model.onnx", "onnx/text_model.onnx", *configs}
    assert spec.source == f"hub:Xenova/tiny-clip@{hub.repositories['Xenova/tiny-clip'].commit}"
    assert spec.licence == "mit"
    assert any(now.stage == "onnx/vision_model.onnx" and now.done == now.total > 0 for now in seen)
    spec.verify()
    hub.requests.clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    model = load_model(CLIP)
    assert model.spec.fingerprint == spec.fingerprint == find_spec(spec.name).fingerprint
    picture = model.preprocess(Image.new("RGB", (40, 60), "red"))
    assert model.embed_images(picture[None])["image"].shape == (1, 8)
    assert model.embed_texts(["a photo of red"]).shape == (1, 8)
    assert pull_model(CLIP) == spec
    assert not hub.requests


def test_the_model_stays_when_the_cache_is_emptied(hub: HubServer, tmp_path: Path) -> None:
    import shutil

    spec = pull_model(CLIP)
    shutil.rmtree(tmp_path / "hf")
    find_spec(CLIP).verify()
    assert load_model(spec.name).embed_images(np.zeros((1, 32, 32, 3), np.uint8))["image"].shape == (1, 8)


def test_what_another_program_has_fetched_is_used_offline(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import snapshot_download

    snapshot_download("Xenova/tiny-clip", endpoint=hub.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    hub.requests.clear()
    pull_model(CLIP).verify()
    assert not hub.requests


def test_a_revision_and_a_file_are_models_of_their_own(hub: HubServer) -> None:
    hub.add("Xenova/tiny-clip", clip_repository(12), "v2")
    newest = pull_model(CLIP)
    revision = pull_model(f"{CLIP}@v2")
    variant = pull_model(f"{CLIP}:quantized")
    assert len({newest.name, revision.name, variant.name}) == 3
    assert variant.image.file == "onnx/vision_model_quantized.onnx"
    assert variant.text and variant.text.file == "onnx/text_model_quantized.onnx"
    assert {spec.name for spec in pulled_models().values() if spec} == {newest.name, revision.name, variant.name}


def test_a_pulled_model_stays_as_it_is_until_it_is_pulled_by_force(hub: HubServer) -> None:
    before = pull_model(CLIP)
    hub.add("Xenova/tiny-clip", clip_repository(12))
    assert pull_model(CLIP).fingerprint == before.fingerprint
    after = pull_model(CLIP, force=True)
    assert after.spaces["image"].dim == 12
    assert load_model(CLIP).spec.fingerprint == after.fingerprint
    assert not (models_folder() / ".partial").exists()


def test_many_threads_pull_one_model_once(hub: HubServer) -> None:
    specs = all_at_once(lambda _: pull_model(CLIP), range(8))
    assert {spec.fingerprint for spec in specs} == {find_spec(specs[0].name).fingerprint}
    fetches = [r for r in hub.requests if r.startswith("GET /cdn/")]
    assert fetches and len(fetches) == len(set(fetches))
    again = all_at_once(lambda _: pull_model(CLIP, force=True), range(16))
    assert {spec.fingerprint for spec in again} == {specs[0].fingerprint}
    find_spec(specs[0].name).verify()
    assert not (models_folder() / ".partial").exists()


def test_a_model_is_taken_in_while_others_remove_the_folder_of_drafts() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:

        def work(n: int) -> None:
            with pulled._making(models_folder() / f"net{n}"):
                pass

        all_at_once(work, range(800))
    finally:
        sys.setswitchinterval(before)
    assert len(list(models_folder().iterdir())) == 800


def test_different_models_are_taken_in_and_removed_at_once(hub: HubServer, tmp_path: Path) -> None:
    for n in range(8):
        (tmp_path / f"net{n}").mkdir()
        (tmp_path / f"net{n}" / "model.onnx").write_bytes(image_graph(8 + n))
        (tmp_path / f"net{n}" / "preprocessor_config.json").write_text(json.dumps(CLIP_PROCESSOR), "utf-8")

    def work(n: int) -> int:
        taken = pull_model(f"onnx:{tmp_path / f'net{n % 8}'}", force=n < 8)
        return taken.spaces["image"].dim

    assert all_at_once(work, range(32)) == [8 + n % 8 for n in range(32)]
    assert set(pulled_models()) == {f"net{n}" for n in range(8)}
    results = at_once(lambda n: remove(f"net{n % 8}"), range(16))
    assert sum(not isinstance(result, Exception) for result in results) == 8
    assert {type(result) for result in results if isinstance(result, Exception)} == {NotFoundError}
    assert not list(models_folder().iterdir())


def test_processes_pull_one_model_at_once(hub: HubServer, tmp_path: Path) -> None:
    """Each replaces it again and again by one that is as good."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "model.onnx").write_bytes(image_graph(8))
    (tmp_path / "net" / "preprocessor_config.json").write_text(json.dumps(CLIP_PROCESSOR), "utf-8")
    code = (
        "import sys; from imagefinder.models.registry import pull_model\n"
        "sys.stdin.readline()\n"
        "for _ in range(20): pull_model(sys.argv[1], force=True)"
    )
    command = [sys.executable, "-c", code, f"onnx:{tmp_path / 'net'}"]
    environment = {**os.environ, **hub.environment(tmp_path)}
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, text=True) for _ in range(3)]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.close()
    assert [process.wait(120) for process in started] == [0, 0, 0]
    find_spec("net").verify()
    assert [path.name for path in models_folder().iterdir()] == ["net"]


def test_weights_beside_a_graph_are_fetched(hub: HubServer, tmp_path: Path) -> None:
    files = {f"onnx/{name}": data for name, data in external_graph(tmp_path).items()}
    hub.add("org/big", {**files, "preprocessor_config.json": json.dumps(CLIP_PROCESSOR)})
    assert sorted(pull_model("hub:org/big").files) == ["onnx/model.onnx", "onnx/model.onnx_data"]
    del files["onnx/model.onnx_data"]
    hub.add("org/half", {**files, "preprocessor_config.json": json.dumps(CLIP_PROCESSOR)})
    with pytest.raises(NotFoundError, match=r"model\.onnx_data"):
        pull_model("hub:org/half")


def test_the_model_zoo_says_nothing_of_its_preprocess(hub: HubServer) -> None:
    hub.add("onnxmodelzoo/net-12", {"net-12.onnx": classifier_graph(), "README.md": "x"})
    spec = pull_model("hub:onnxmodelzoo/net-12")
    assert spec.preprocess is not None
    assert (spec.preprocess.size, spec.preprocess.edge, spec.preprocess.resize) == ((32, 32), 37, "shortest_edge")
    hub.add("other/net-12", {"net-12.onnx": classifier_graph()})
    with pytest.raises(ModelError, match="preprocessor_config"):
        pull_model("hub:other/net-12")


def test_to_a_folder_for_a_machine_without_a_network(hub: HubServer, tmp_path: Path) -> None:
    spec = pull_model(CLIP, to=tmp_path / "stick" / "clip")
    assert not models_folder().exists()
    (tmp_path / "stick").rename(tmp_path / "elsewhere")
    carried = find_spec(f"onnx:{tmp_path / 'elsewhere' / 'clip'}")
    assert carried.fingerprint == spec.fingerprint
    assert load_model(f"onnx:{carried.folder}").embed_texts(["red"]).shape == (1, 8)
    taken = pull_model(f"onnx:{carried.folder}")
    assert taken.folder == models_folder() / spec.name
    assert find_spec(spec.name).fingerprint == spec.fingerprint
    with pytest.raises(InvalidInputError, match="not empty"):
        pull_model(CLIP, to=carried.folder)


def test_a_model_taken_in_from_files_does_not_replace_another(hub: HubServer, tmp_path: Path) -> None:
    for dim in (8, 12):
        (tmp_path / str(dim) / "net").mkdir(parents=True)
        (tmp_path / str(dim) / "net" / "model.onnx").write_bytes(image_graph(dim))
        (tmp_path / str(dim) / "net" / "preprocessor_config.json").write_text(json.dumps(CLIP_PROCESSOR), "utf-8")
    first = pull_model(f"onnx:{tmp_path / '8' / 'net'}")
    assert pull_model(f"onnx:{tmp_path / '8' / 'net'}") == first == find_spec("net")
    with pytest.raises(InvalidInputError, match="Another model is called net"):
        pull_model(f"onnx:{tmp_path / '12' / 'net'}")
    assert pull_model(f"onnx:{tmp_path / '12' / 'net'}", force=True).spaces["image"].dim == 12
    assert find_spec("net").spaces["image"].dim == 12


TROUBLES: dict[str, tuple[Trouble, type[ImageFinderError], str]] = {
    "fails": (Trouble(status=500), ModelError, "answers 500"),
    "is busy": (Trouble(status=503), ModelError, "later"),
    "allows only so much": (Trouble(status=429), ModelError, "429"),
    "is gated": (Trouble(status=401, code="GatedRepo"), ModelError, "HF_TOKEN"),
    "forbids": (Trouble(status=403), ModelError, "terms"),
    "has no such repository": (Trouble(status=404, code="RepoNotFound"), NotFoundError, "Check the name"),
    "is a log-in page": (Trouble(no_json=True), ModelError, "HF_ENDPOINT"),
    "sends other bytes": (Trouble(wrong=True), ModelError, "checksum"),
    "hangs up": (Trouble(truncate=40), ModelError, "broke off"),
    "loses its files": (Trouble(files_status=404, code="EntryNotFound"), NotFoundError, "no hub:"),
    "fails with files": (Trouble(files_status=502), ModelError, "502"),
    "gates its files": (Trouble(files_status=403), ModelError, "HF_TOKEN"),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("trouble", "kind", "word"), TROUBLES.values(), ids=TROUBLES)
def test_a_hub_that_misbehaves(hub: HubServer, trouble: Trouble, kind: type[ImageFinderError], word: str) -> None:
    hub.trouble = trouble
    with pytest.raises(kind, match=word) as caught:
        pull_model(CLIP)
    assert caught.value.remedy
    assert not list(models_folder().glob("**/*")), "something is left behind"
    hub.trouble = Trouble()
    pull_model(CLIP).verify()


@pytest.mark.usefixtures("impatient")
def test_a_slow_hub_is_given_up(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.2)
    hub.slow(0.6)
    with pytest.raises(ModelError, match="too long") as caught:
        pull_model(CLIP)
    assert "HF_HUB_DOWNLOAD_TIMEOUT" in caught.value.remedy


def test_no_hub_at_all(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="can't be reached") as caught:
        pull_model(CLIP)
    assert "--to" in caught.value.remedy
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        pull_model(CLIP)


def test_a_token_is_sent_to_the_hub_alone(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.token = "secret"
    with pytest.raises(ModelError, match="HF_TOKEN"):
        pull_model(CLIP)
    monkeypatch.setenv("HF_TOKEN", "secret")
    pull_model(CLIP).verify()
    assert not hub.tokens_at_the_store, "the token went to where large files are kept"


def test_a_revision_that_is_not_there(hub: HubServer) -> None:
    with pytest.raises(NotFoundError, match="revision 'v9'"):
        pull_model(f"{CLIP}@v9")
    with pytest.raises(NotFoundError, match=r"vision_model\.onnx"):
        pull_model(f"{CLIP}:onnx/none.onnx")


def test_a_full_disk(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.link", full)
    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(StorageError, match="No space"):
        pull_model(CLIP)
    assert not list(models_folder().glob("**/*"))


def test_a_model_that_does_not_run_is_not_kept(hub: HubServer) -> None:
    broken = image_graph().replace(b"Conv", b"Conw")
    hub.add("org/broken", {"model.onnx": broken, "preprocessor_config.json": json.dumps(CLIP_PROCESSOR)})
    with pytest.raises(ModelError, match=r"model\.onnx"):
        pull_model("hub:org/broken")
    assert not pulled_models()


def test_a_name_of_a_file_cannot_lead_out_of_the_folder(hub: HubServer) -> None:
    hub.add("org/evil", {"../../evil.onnx": image_graph(), "preprocessor_config.json": json.dumps(CLIP_PROCESSOR)})
    with pytest.raises(ModelError, match="evil"):
        pull_model("hub:org/evil")


def spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()  # it may be a link to the hub's cache
    path.write_bytes(data)


def test_a_changed_file_is_refused(hub: HubServer) -> None:
    spec = pull_model(CLIP)
    spoil(spec.folder / "onnx" / "vision_model.onnx")
    with pytest.raises(ModelError, match="not the file it should be"):
        load_model(CLIP)
    pull_model(CLIP, force=True)
    load_model(CLIP)
    (spec.folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="missing") as caught:
        load_model(CLIP)
    assert "--force" in caught.value.remedy


def test_checksums_are_computed_once(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = pull_model(CLIP)
    counted: list[Any] = []
    verify = ModelSpec.verify
    monkeypatch.setattr(ModelSpec, "verify", lambda self: counted.append(self) or verify(self))
    load_model(CLIP, threads=5)
    assert not counted
    (spec.folder / "tokenizer.json").touch()
    load_model(CLIP, threads=6)
    load_model(CLIP, threads=7)
    assert len(counted) == 1


def test_a_description_that_is_damaged_harms_no_other(hub: HubServer) -> None:
    spec = pull_model(CLIP)
    (spec.folder / "spec.json").write_text("{", "utf-8")
    assert pulled_models() == {spec.name: None}
    assert find_spec("default").alias == "default"
    with pytest.raises(ModelError, match=r"spec\.json"):
        find_spec(CLIP)
    assert pull_model(CLIP, force=True).fingerprint == spec.fingerprint
    remove(spec.name)
    assert not pulled_models()


def test_a_search_never_fetches(hub: HubServer) -> None:
    with pytest.raises(NotFoundError, match="not on this machine") as caught:
        load_model(CLIP)
    assert f"imagefinder models pull {CLIP}" in caught.value.remedy
    assert not hub.requests


def test_a_checksum_known_before_must_be_right(hub: HubServer) -> None:
    listing = fetching.look_up(Address.parse(CLIP))
    with pytest.raises(ModelError, match="not the file this model was described with"):
        fetching.fetch(listing, "config.json", sha256="0" * 64)


def test_what_a_killed_pull_leaves_is_no_model_and_goes(hub: HubServer) -> None:
    draft = models_folder() / ".partial" / "xenova.tiny-clip.abc"
    draft.mkdir(parents=True)
    (draft / "spec.json").write_text("{}", "utf-8")
    os.utime(draft, (0, 0))
    assert not pulled_models()
    pull_model(CLIP)
    assert not draft.exists()

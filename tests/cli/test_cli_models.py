"""``imagefinder models`` and ``index --model``, against a hub on this machine."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import run_process
from hub_server import HubServer
from PIL import Image
from tiny_graphs import clip_repository

NAME = "hub:Xenova/tiny-clip"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.add("Xenova/tiny-clip", clip_repository())
        yield server


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve pictures of three colours, and a table of their labels and captions."""
    folder = tmp_path / "photos"
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filename", "label", "caption"])
        for i in range(12):
            colour = ("red", "green", "blue")[i % 3]
            Image.new("RGB", (60 + i, 50), colour).save(folder / f"{i}.png")
            table.writerow([f"{i}.png", colour, f"a photo of {colour}"])
    return folder


def test_pull_list_info_and_remove(hub: HubServer, tmp_path: Path) -> None:
    there = hub.environment(tmp_path)
    done = run_process("models", "pull", NAME, "--json", **there)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["spaces"] == {"image": 8} and facts["words"] is True
    assert "Fetching" in done.stderr
    assert (tmp_path / "hf" / "hub" / "models--Xenova--tiny-clip").is_dir(), "HF_HOME is respected"
    rows = {row["alias"]: row for row in json.loads(run_process("models", "list", "--json", **there).stdout)["models"]}
    states = {alias: rows[alias]["state"] for alias in ("default", "xenova.tiny-clip", "clip-b32")}
    assert states == {"default": "bundled", "xenova.tiny-clip": "here", "clip-b32": "to fetch"}
    shown = run_process("models", "list", **there).stdout
    assert "xenova.tiny-clip" in shown and "608.0 MB" in shown
    about = json.loads(run_process("models", "info", NAME, "--json", **there).stdout)
    assert about["source"].startswith(f"{NAME}@") and set(about["files"]) >= {"onnx/vision_model.onnx"}
    assert "verified" in run_process("models", "info", "vgg16", **there).stdout
    assert run_process("models", "rm", NAME, **there).returncode == 0
    done = run_process("models", "rm", NAME, **there)
    assert done.returncode == 3 and "No model" in done.stderr


def test_carried_to_a_machine_without_a_network(hub: HubServer, tmp_path: Path, photos: Path) -> None:
    done = run_process("models", "pull", NAME, "--to", tmp_path / "stick", **hub.environment(tmp_path / "here"))
    assert done.returncode == 0 and f"onnx:{tmp_path / 'stick'}" in done.stderr
    there = {"XDG_DATA_HOME": str(tmp_path / "there"), "HF_HUB_OFFLINE": "1"}
    index = ("--index", tmp_path / "index")
    done = run_process("index", photos, *index, "--model", f"onnx:{tmp_path / 'stick'}", **there)
    assert done.returncode == 0, done.stderr
    found = json.loads(run_process("search", photos / "3.png", *index, "-k", "1", "--json", **there).stdout)
    assert int(Path(found["hits"][0]["uri"]).stem) % 3 == 0, "a red one is most like a red one"
    assert json.loads(run_process("search", "red", *index, "--json", **there).stdout)["hits"]


def test_index_fetches_and_search_does_not(hub: HubServer, tmp_path: Path, photos: Path) -> None:
    there = hub.environment(tmp_path)
    done = run_process("index", photos, "--index", tmp_path / "index", "--model", NAME, **there)
    assert done.returncode == 0, done.stderr
    assert "Fetching" in done.stderr
    assert run_process("models", "rm", "xenova.tiny-clip", **there).returncode == 0
    hub.requests.clear()
    done = run_process("search", "red", "--index", tmp_path / "index", **there)
    assert done.returncode == 3
    assert "xenova.tiny-clip" in done.stderr and "models pull hub:" in done.stderr
    assert not hub.requests


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["models", "pull", "hub:Xenova/none"], 3, "Check the name"),
        (["models", "pull", "clip-b33"], 3, "clip-b32"),
        (["models", "compare", "default"], 2, "--labels"),
        (["models", "rm", "default"], 3, "models list"),
        (["models", "rm", "../index"], 3, "No model"),
    ],
)
def test_wrong_use(hub: HubServer, tmp_path: Path, arguments: list[str], code: int, word: str) -> None:
    done = run_process(*arguments, **hub.environment(tmp_path))
    assert done.returncode == code and word in done.stderr, done.stderr


def test_models_compared_on_ones_own_images(hub: HubServer, tmp_path: Path, photos: Path) -> None:
    there = hub.environment(tmp_path)
    (photos / "12.png").write_bytes(b"no picture")
    with (photos / "labels.csv").open("a") as file:
        file.write("12.png,red,a photo of red\n0.png,red,nothing but red\n")
    done = run_process("models", "compare", "fast", NAME, "--labels", photos / "labels.csv", "--json", **there)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["models"]
    assert [row["model"] for row in rows] == ["efficientnet-lite0", "xenova.tiny-clip"]
    for row in rows:
        assert (row["images"], row["skipped"]) == (12, 1)
        assert row["images_per_second"] > 0
        assert row["labels"]["recall_at_1"] == 1.0, "plain colours are told apart by any model"
        assert (row["words"]["texts"], row["words"]["images"]) == (4, 12), "an image may have several captions"
    (photos / "none.csv").write_text("filename\n0.png\n", "utf-8")
    done = run_process("models", "compare", "fast", "--labels", photos / "none.csv", **there)
    assert done.returncode == 2 and "caption" in done.stderr
    shown = run_process("models", "compare", NAME, "--images", photos, "--limit", "5", **there)
    assert "xenova.tiny-clip" in shown.stdout and "MAP@R" in shown.stdout

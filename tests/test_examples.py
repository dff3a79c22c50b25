"""The examples run from start to end on a few photos, as a person would run them."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image
from torch_models import SIZE, tiny_resnet

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("examples")
    rows = []
    for path in sorted((EXAMPLES / "images").rglob("*.jpg"))[::3]:
        shutil.copy(path, home / path.name)
        rows.append({"filename": path.name, "label": path.parent.name})
    with (home / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["filename", "label"])
        writer.writeheader()
        writer.writerows(rows)
    return home


def run(name: str, *arguments: object) -> str:
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    environment = {**os.environ, "IMAGEFINDER_ALLOW_PRIVATE_ADDRESSES": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.alone
def test_product_search(photos: Path, tmp_path: Path) -> None:
    out = run("product_search.py", photos, "--out", tmp_path, "--max-k", 12)
    took = re.search(r"Two searches in (\d+) ms", out)
    assert took and int(took[1]) < 1000
    with (tmp_path / "groups.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(list(photos.glob("*.jpg"))) and set(rows[0]) == {"uri", "cluster", "name", "distance"}
    for name in ("choose_k.png", "similar.png"):
        with Image.open(tmp_path / name) as picture:
            assert min(picture.size) > 300
    assert (tmp_path / "model" / "clusters.npz").stat().st_size


def test_collection_report(photos: Path, tmp_path: Path) -> None:
    out = run("collection_report.py", photos, "--labels", photos / "labels.csv", "--out", tmp_path, "-n", 6)
    assert "recall@1" in out and "NMI" in out
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "k-means found 6 groups" in page and page.count("data:image/png") == 3
    assert not re.search(r"(src|href)=.?https?:", page), "nothing is loaded from elsewhere"


def test_describe_and_group(photos: Path, tmp_path: Path) -> None:
    out = run("describe_and_group.py", photos, "a kiwi", "--out", tmp_path)
    with (photos / "labels.csv").open(newline="") as file:
        labels = {row["filename"]: row["label"] for row in csv.DictReader(file)}
    best = re.search(r"Best for 'a kiwi': (.+) \(score", out)
    assert best and labels[Path(best[1]).name] == "food"
    group = re.search(r"Its group: (.+), (\d+) images", out)
    assert group and int(group[2]) > 1
    assert out.count(str(photos)) == 1 + min(5, int(group[2]) - 1)
    assert re.search(r"The page: http://127.0.0.1:\d+/\?q=a%20kiwi", out)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def urls(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Where a server on this machine has the photos."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(photos))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}"
        yield [f"{root}/{path.name}" for path in sorted(photos.glob("*.jpg"))[:24]]
        server.shutdown()


def url_table(folder: Path, urls: list[str]) -> Path:
    table = folder / "urls.csv"
    table.write_text("\n".join(["url,name", *(f"{url},picture {i}" for i, url in enumerate(urls))]) + "\n", "utf-8")
    return table


def check_pipeline(out: Path, printed: str, urls: list[str]) -> None:
    """``out`` is what either form of the pipeline has written, and ``printed`` what it said."""
    assert len(list((out / "images").glob("*.jpg"))) == len(urls)
    with (out / "groups.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(urls) and {row["cluster"] for row in rows} == {"0", "1", "2"}
    assert (out / "model" / "clusters.npz").stat().st_size and (out / "index" / "models" / "autoencoder").is_dir()
    found = re.findall(r"(?m)^ *(?:By )?(cosine|Euclidean|Both|both)[^:\n]*: *(.+)$", printed)
    assert len(found) == 3
    for _, names in found:
        assert len(names.split()) == 6 and names.split()[0] == urls[3].rpartition("/")[2]


def test_autoencoder_pipeline(urls: list[str], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    encoder = tiny_resnet(tmp_path / "resnet")
    out = run(
        "autoencoder_pipeline.py", url_table(tmp_path, urls), "--query", urls[3], "--out", tmp_path / "out",
        "--encoder", encoder, "--size", SIZE, "--epochs", 2, "-n", 3,
    )  # fmt: skip
    assert f"{len(urls)} of {len(urls)} images downloaded" in out and "Trained autoencoder" in out
    check_pipeline(tmp_path / "out", out, urls)
    for name in ("pca.png", "similar.png"):
        with Image.open(tmp_path / "out" / name) as picture:
            assert min(picture.size) > 300


def test_autoencoder_notebook(urls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    for name, value in {
        "IMAGEFINDER_ALLOW_PRIVATE_ADDRESSES": 1, "PIPELINE_URLS": url_table(tmp_path, urls),
        "PIPELINE_OUT": tmp_path / "out", "PIPELINE_ENCODER": tiny_resnet(tmp_path / "resnet"), "PIPELINE_SIZE": SIZE,
        "PIPELINE_EPOCHS": 2, "PIPELINE_GROUPS": 3, "PIPELINE_QUERY": urls[3],
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(value))
    notebook = nbformat.read(EXAMPLES / "autoencoder_pipeline.ipynb", as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=200, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    check_pipeline(tmp_path / "out", "".join(o["text"] for o in outputs if o.get("name") == "stdout"), urls)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4


def test_vehicles(photos: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.jpg"
    shutil.copy(sorted(photos.glob("*.jpg"))[0], new)
    gone = sorted(photos.glob("*.jpg"))[1]
    out = run(
        "vehicles.py", photos, "--labels", photos / "labels.csv", "--query", new, "--add", new, "--remove", gone,
        "--out", tmp_path / "out",
    )  # fmt: skip
    total = len(list(photos.glob("*.jpg")))
    assert f"{total} images indexed" in out and f"{total + 1} images" in out
    assert f"Removed {gone}: {total} images" in out and str(gone) not in out.split("Removed")[1].partition("\n")[2]
    assert re.search(r"images held out: 0\.\d+ -> [01]\.\d+", out)
    told = re.search(r"is a (\w+) \((\d+)%\)", out)
    with (photos / "labels.csv").open(newline="") as file:
        labels = {row["filename"]: row["label"] for row in csv.DictReader(file)}
    assert told and told[1] == labels[sorted(labels)[0]]
    assert re.search(rf"1  [\d.]+  ({new}|{photos / sorted(labels)[0]})", out)

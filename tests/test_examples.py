"""The examples run from start to end on a few photos, as a person would run them."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

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
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout


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
    out = run("describe_and_group.py", photos, "a plate of fruit", "--out", tmp_path)
    with (photos / "labels.csv").open(newline="") as file:
        labels = {row["filename"]: row["label"] for row in csv.DictReader(file)}
    best = re.search(r"Best for 'a plate of fruit': (.+) \(score", out)
    assert best and labels[Path(best[1]).name] == "food"
    group = re.search(r"Its group: (.+), (\d+) images", out)
    assert group and int(group[2]) > 1
    assert out.count(str(photos)) == 1 + min(5, int(group[2]) - 1)
    assert re.search(r"The page: http://127.0.0.1:\d+/\?q=a%20plate%20of%20fruit", out)

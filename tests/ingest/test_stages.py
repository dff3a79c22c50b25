"""What is told of an indexing run while it goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.types import Progress


def test_each_stage_of_indexing_has_its_name_and_its_share(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "a" / f"{number}.png")
    heard: list[Progress] = []
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(tmp_path / "a")
        finder.add_model("default")
        Image.new("RGB", (40, 40), "red").save(tmp_path / "a" / "new.png")
        finder.add(progress=heard.append)
    stages = list(dict.fromkeys(now.stage for now in heard))
    assert stages == [
        "looking for images",
        "indexing",
        "going over what has not changed",
        "preparing the search",
        "embedding by efficientnet-lite2",
        "tidying up the store",
        "finding the clusters of new images",
    ]
    counted = {now.stage: (now.done, now.total) for now in heard if now.total}
    assert counted["indexing"] == (1, 1) and counted["embedding by efficientnet-lite2"] == (1, 1)

"""How well the models find things, through ImageFinder itself: labels and captions of the image sets.

    python benchmarks/quality.py [--models default fast] [--scratch DIR] [--fp32 FILE]

``--fp32`` measures a float32 model (written by tools/convert_image_model.py --fp32) beside the int8 one on the sets
with labels.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import dataset, save

from imagefinder.evaluation.of_index import assess
from imagefinder.finder import ImageFinder
from imagefinder.models.image_tower import ImageTower
from imagefinder.models.session import Session


def table_of(folder: Path, name: str, scratch: Path) -> Path:
    """The labels of a set; of the stamps those that are pictures, for ``symbols`` are letters."""
    if name != "stamps":
        return folder / "labels.csv"
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] != "symbols"]
    table = scratch / "stamps-without-symbols.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["filename", "label", "caption"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows({**row, "filename": str(folder / row["filename"])} for row in rows)
    return table


def measure(folder: Path, name: str, model: str, scratch: Path, fp32: Path | None = None) -> dict[str, Any]:
    table = table_of(folder, name, scratch)
    with tempfile.TemporaryDirectory() as index, ImageFinder.open(index, model=model) as finder:
        if fp32 is not None:
            ImageTower._session = Session(fp32, threads=1)  # type: ignore[assignment]
        finder.add(table if name == "stamps" else folder / "images", column="filename" if name == "stamps" else None)
        result = assess(finder._collection, table).to_dict()
    return {k: v for k, v in result.items() if v is not None and k != "space"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["default", "fast"])
    parser.add_argument("--sets", nargs="+", default=["clothing", "vehicles", "captions", "stamps"])
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--fp32", type=Path, help="a float32 model to compare with the first of --models")
    options = parser.parse_args()
    options.scratch.mkdir(exist_ok=True)
    np.random.seed(0)
    result: dict[str, Any] = {}
    for model in options.models:
        for name in options.sets:
            result[f"{name}, {model}"] = measure(dataset(name, options.scratch), name, model, options.scratch)
    if options.fp32:
        for name in ("clothing", "vehicles"):
            folder = dataset(name, options.scratch)
            result[f"{name}, float32"] = measure(folder, name, options.models[0], options.scratch, options.fp32)
    save("quality", result)


if __name__ == "__main__":
    main()

"""From a folder of photos to features: ImageFinder beside vasrch, Keras and PyTorch, as whole processes.

    python benchmarks/peers/features.py [--images 200] [--rounds 3] [--scratch DIR] [--only NAME...]

Each way is a process of its own from its start to its end, so the time to import, to load or make a model and to write
the features is in it. All get the same JPEGs, 500 px on the long side. ImageFinder writes an index that can be
searched, the others write arrays. The weights of vasrch and Keras are of chance, as they can't be fetched here: their
speed is that of the trained ones, and nothing is said of how good they are. PyTorch has the weights of our own models.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from environments import SCRATCH, make, versions
from measured import interleaved, run

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import dataset, photos

OURS = sys.executable
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
# The name of a row, its environment (empty: this Python, with ImageFinder), the program and what it is told.
WAYS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "imagefinder, default": ("", "features_ours.py", ("default",)),
    "imagefinder, fast": ("", "features_ours.py", ("fast",)),
    "vasrch": ("vasrch", "features_vasrch.py", ()),
    "Keras ResNet50, one by one": ("keras", "features_keras.py", ("resnet50", "one")),
    "Keras ResNet50, 32 at a time": ("keras", "features_keras.py", ("resnet50", "batch")),
    "Keras MobileNetV2, one by one": ("keras", "features_keras.py", ("mobilenetv2", "one")),
    "Keras MobileNetV2, 32 at a time": ("keras", "features_keras.py", ("mobilenetv2", "batch")),
    "PyTorch, our backbone, one by one": ("torch", "features_torch.py", ("efficientnet-lite2", "one")),
    "PyTorch, our backbone, 16 at a time": ("torch", "features_torch.py", ("efficientnet-lite2", "batch")),
    "PyTorch, our fast backbone, 16 at a time": ("torch", "features_torch.py", ("efficientnet-lite0", "batch")),
}


def way(row: str, folder: Path, scratch: Path) -> Callable[[], dict[str, Any]]:
    environment, program, told = WAYS[row]
    python = make(environment, scratch) if environment else OURS

    def once() -> dict[str, Any]:
        out = scratch / "features"
        shutil.rmtree(out, ignore_errors=True)
        out.with_suffix(".npy").unlink(missing_ok=True)
        figures = run(python, program, folder, out, *told, **QUIET)
        figures["images_per_second"] = round(figures["images"] / figures["wall_s"], 2)
        return figures

    return once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scratch", type=Path, default=SCRATCH)
    parser.add_argument("--only", nargs="+", default=list(WAYS), choices=list(WAYS), metavar="NAME")
    options = parser.parse_args()
    folder = photos(
        dataset("clothing", options.scratch), options.scratch / f"photos500-{options.images}", options.images, 500
    )
    ways = {row: way(row, folder, options.scratch) for row in options.only}
    named = {WAYS[row][0] for row in options.only} - {""}
    facts = {
        "images": options.images,
        "photos": "clothing at 500 px, JPEG 90",
        "versions": {name: versions(name, options.scratch) for name in sorted(named)},
    }
    interleaved("features", facts, ways, options.rounds)


if __name__ == "__main__":
    main()

"""A 64-d feature with the backbone's last stages trained too, on half of ``vehicles``; MAP@R is of the other half.

    nice python benchmarks/unfreeze.py [--scratch DIR] [--size 128] [--epochs 4] [--stages 2] [--threads 1]

Compared are the default model as it is, the trained feature, and both side by side (the mean of both cosines).
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from autoencoder import say, score
from common import dataset, save

from imagefinder import ImageFinder
from imagefinder.models.spec import ModelSpec
from imagefinder.training.labels import Examples, examples_of
from imagefinder.training.torch.bench import EncoderOptions
from imagefinder.training.torch.classifier import FinetuneOptions, finetune_classifier
from imagefinder.training.torch.loop import Schedule


def halves(finder: ImageFinder, folder: Path) -> tuple[Examples, dict[str, str]]:
    """Half of the images to train on, and the labels of the others by URI. Copies of a file lie in one half."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        labels = {str(folder / row["filename"]): row["label"] for row in csv.DictReader(file)}
    records = [record for record in finder.records() if record.uri in labels]
    contents = np.unique([record.content_hash for record in records])
    chosen = set(np.random.default_rng(0).permutation(contents)[: len(contents) // 2].tolist())
    train = {r.id: labels[r.uri] for r in records if r.content_hash in chosen}
    return examples_of(train, records), {r.uri: labels[r.uri] for r in records if r.id not in train}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--stages", type=int, default=2, help="of the encoder's 7, trained from the end")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--index", type=Path, help="keep the index and the model here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    index = options.index or Path(tempfile.mkdtemp())
    folder = dataset("vehicles", options.scratch)
    wanted = FinetuneOptions(EncoderOptions(size=options.size, unfreeze=options.stages), Schedule(options.epochs))
    name = "vehicles-unfrozen"
    with ImageFinder.open(index) as finder:
        finder.add(folder / "images")
        train, test = halves(finder, folder)
        if not (index / "models" / name).exists():
            finetune_classifier(index, train, wanted, name=name, progress=say)
        finder.add_model(name)
        base = finder.spaces()[0].name
        report = ModelSpec.load(index / "models" / name).report
        result: dict[str, Any] = {
            "options": asdict(wanted), "threads": options.threads, "trained_on": len(train.ids), "tested_on": len(test),
            **{key: report[key] for key in ("best", "history", "cosine", "precision", "device")},
            "scores": {
                "default": score(finder, [base], test),
                "trained": score(finder, [name], test),
                "trained + default": score(finder, [name, base], test),
            },
        }  # fmt: skip
    save("unfreeze", result)


if __name__ == "__main__":
    main()

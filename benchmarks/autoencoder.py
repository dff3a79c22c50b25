"""Does an autoencoder trained on a collection find things better than the model it began with?

    nice python benchmarks/autoencoder.py [--scratch DIR] [--size 128] [--epochs 8] [--stages 3] [--threads 1]

Half of ``clothing`` is trained on, without its labels; MAP@R is of the other half. Compared are the default model as
it is, its PyTorch form at the size of the training (the layer on top being PCA), and trainings by several losses:
their latents, the pooled features below them, and each beside the default model's vectors (the mean of both cosines).
A run that was interrupted goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import dataset, save

from imagefinder import ImageFinder
from imagefinder.evaluation.retrieval import score_labels
from imagefinder.models.spec import ModelSpec
from imagefinder.training.export import MODEL_FILE, keep_model
from imagefinder.training.torch.autoencoder import AutoencoderOptions, train_autoencoder
from imagefinder.training.torch.bench import EncoderOptions, open_bench
from imagefinder.training.torch.export import spec_of, to_onnx
from imagefinder.training.torch.loop import Schedule
from imagefinder.types import Progress

LOSSES = {"both": (1.0, 1.0), "pixels-only": (1.0, 0.0)}


def halves(folder: Path, table: Path) -> tuple[list[str], dict[str, str]]:
    """The images to train on, and those to test on with their labels, by URI; the latter also written as a table."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [(str(folder / row["filename"]), row["label"]) for row in csv.DictReader(file)]
    order = np.random.default_rng(0).permutation(len(rows))
    cut = len(rows) // 2
    test = dict(rows[i] for i in order[cut:])
    table.write_text("\n".join(["path", *test]) + "\n", "utf-8")
    return [rows[i][0] for i in order[:cut]], test


def keep_pooled(index: Path, name: str) -> str:
    """The model ``name`` once more, searched by what lies below the latent."""
    spec, other = ModelSpec.load(index / "models" / name), f"{name}-pooled"
    if not (index / "models" / other).exists():
        facts = {
            **spec.to_dict(),
            "name": other,
            "alias": other,
            "spaces": {"image": {"dim": 1280, "transform": "pca"}},
        }
        facts["image"] = {**facts["image"], "outputs": {"image": "pooled"}}
        copy = index / "pooled.onnx"
        shutil.copy(spec.folder / MODEL_FILE, copy)
        keep_model(index, facts, {MODEL_FILE: copy})
    return other


def keep_untrained(index: Path, name: str, uris: list[str], options: AutoencoderOptions) -> str:
    """The encoder before any training, with PCA on top."""
    if not (index / "models" / name).exists():
        bench = open_bench(uris, options.encoder, hidden=options.latent, seed=0, batch=32)
        bench.encoder.start(bench.pooled)
        model = to_onnx(bench.encoder, ("latent", "pooled"), options.encoder.size)
        space = ("latent", options.latent)
        spec = spec_of(name, bench.encoder, size=options.encoder.size, space=space, title=name, source="untrained")
        keep_model(index, spec, {MODEL_FILE: model})
    return name


def score(finder: ImageFinder, spaces: list[str], labels: dict[str, str]) -> dict[str, float]:
    """Of the images with labels among each other; several spaces side by side."""
    uris = {record.id: record.uri for record in finder.records()}
    parts = [finder.vectors(space) for space in spaces]
    rows = [i for i, id in enumerate(parts[0][0]) if uris[id] in labels]
    vectors = np.concatenate([vectors[rows] for _, vectors in parts], axis=1) / len(parts) ** 0.5
    found = score_labels(vectors.astype(np.float32), [labels[uris[parts[0][0][i]]] for i in rows])
    return {"recall_at_1": round(float(found.recall_at_1), 4), "map_at_r": round(float(found.map_at_r), 4)}


def say(now: Progress) -> None:
    if now.done == now.total:
        print(f"{now.stage}: {now.note}", time.strftime("%X"), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--stages", type=int, default=3, help="of the encoder's 7, trained from the end")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--losses", nargs="+", choices=list(LOSSES), default=list(LOSSES))
    parser.add_argument("--index", type=Path, help="keep the index and the models here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    index = options.index or Path(tempfile.mkdtemp())
    index.mkdir(parents=True, exist_ok=True)
    train, test = halves(dataset("clothing", options.scratch), index.with_suffix(".csv"))
    wanted = AutoencoderOptions(
        EncoderOptions(size=options.size, unfreeze=options.stages), Schedule(epochs=options.epochs)
    )
    result: dict[str, Any] = {"threads": options.threads, "trained_on": len(train), "tested_on": len(test)}
    with ImageFinder.open(index) as finder:
        finder.add(index.with_suffix(".csv"))
        base = finder.spaces()[0].name
        result["scores"] = {"default": score(finder, [base], test)}
        names = [keep_untrained(index, "untrained", train, wanted)]
        for name in options.losses:
            pixels, features = LOSSES[name]
            if not (index / "models" / name).exists():
                how = replace(wanted, pixels=pixels, features=features)
                train_autoencoder(index, train, how, name=name, progress=say)
            result[name] = dict(ModelSpec.load(index / "models" / name).report)
            names += [name, keep_pooled(index, name)]
        for name in names:
            finder.add_model(name)
            result["scores"][name] = score(finder, [name], test)
            result["scores"][f"{name} + default"] = score(finder, [name, base], test)
            print(name, result["scores"][name], result["scores"][f"{name} + default"], flush=True)
    save("autoencoder", result)


if __name__ == "__main__":
    main()

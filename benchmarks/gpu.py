"""Indexing on a machine with an accelerator, in under 8 minutes: decoding, inference, and both end to end.

Made pictures (no data is needed), so the script runs on a bare machine with this checkout installed. It says which of
onnxruntime's providers there are; with a wheel for CPUs only, it says so and measures those. Of each provider and each
size of a batch: images per second of inference alone, by the clock; then of decoding with all cores; then of whole runs
of ``index`` into a new index. It stops in time by itself, and keeps what it has.

    python benchmarks/gpu.py [--images 2000] [--models default fast] [--minutes 7] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, cores, machine
from PIL import Image

from imagefinder.finder import ImageFinder
from imagefinder.images.loader import Loader
from imagefinder.models import image_tower, providers
from imagefinder.models.registry import load_model
from imagefinder.types import ImageRef, Limits

BATCHES = (1, 4, 16, 64, 256)


def pictures(folder: Path, n: int, size: tuple[int, int]) -> Path:
    """``n`` JPEGs, each of other shapes and noise, as detailed as photos are."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for i in range(n):
        coarse = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).resize(
            size, Image.Resampling.BICUBIC
        )
        fine = rng.normal(0, 6, (size[1], size[0], 1))
        pixels = np.clip(np.asarray(coarse, np.float32) + fine, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:05d}.jpg", quality=88)
    return folder


def decoding(folder: Path, model: str) -> float:
    """Images per second of all cores: reading, decoding and resizing."""
    embedder = load_model(model, threads=1)
    loader = Loader(Limits(), embedder.short_side)

    def work(path: Path) -> Any:
        return embedder.preprocess(loader.decode(loader.read(ImageRef(str(path)))).image)

    paths = sorted(folder.iterdir())
    started = time.perf_counter()
    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(work, paths))
    return len(paths) / (time.perf_counter() - started)


def inference(model: str, sizes: Sequence[int], seconds: float, until: float) -> dict[str, Any]:
    """Images per second by the size of the batch, of one caller; what runs them; and how long the first run took."""
    embedder = load_model(model)
    height, width = embedder.spec.preprocess.size if embedder.spec.preprocess else (0, 0)
    rng = np.random.default_rng(0)
    started = time.perf_counter()
    embedder.embed_images(np.zeros((1, height, width, 3), np.uint8))
    found: dict[str, Any] = {"first_s": round(time.perf_counter() - started, 2), "provider": embedder.provider}
    for size in sizes:
        if time.perf_counter() > until:
            break
        batch = rng.integers(0, 256, (size, height, width, 3), dtype=np.uint8)
        embedder.embed_images(batch)
        runs, began = 0, time.perf_counter()
        while (took := time.perf_counter() - began) < seconds and time.perf_counter() < until:
            embedder.embed_images(batch)
            runs += 1
        if runs:
            found[str(size)] = round(runs * size / took, 1)
    return found


def end_to_end(folder: Path, model: str) -> dict[str, float]:
    """Images per second of a whole run of ``index``, and the processor's milliseconds for each."""
    with tempfile.TemporaryDirectory() as index, ImageFinder.open(index, model=model) as finder:
        started, busy = time.perf_counter(), time.process_time()
        report = finder.add(folder)
        took, busy = time.perf_counter() - started, time.process_time() - busy
    return {"per_second": round(report.added / took, 1), "cpu_ms": round(1e3 * busy / max(1, report.added), 2)}


def measure(options: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    until = time.perf_counter() + 60 * options.minutes
    there = [name for name in providers.installed() if not providers.PROVIDERS[name].waits]
    only_cpu = there == ["cpu"]
    if only_cpu:
        print("The installed onnxruntime runs on CPUs only; for a GPU: pip install onnxruntime-gpu[cuda,cudnn]")
    result: dict[str, Any] = {"machine": machine(), "providers": there, "cpu_only": only_cpu, "images": options.images}
    folder = pictures(scratch / "photos", options.images, (500, 375))
    for name in there:
        providers.prefer(name)
        for model in options.models:
            if time.perf_counter() > until:
                break
            row: dict[str, Any] = {"inference": inference(model, options.batches, options.seconds, until)}
            if time.perf_counter() < until:
                row["decoding_per_second"] = round(decoding(folder, model), 1)
            if time.perf_counter() < until:
                row["end_to_end"] = end_to_end(folder, model)
            result[f"{name}, {model}"] = row
            print(name, model, json.dumps(row), flush=True)
    providers.prefer(providers.AUTO)
    result["at_once_on_cpu"] = image_tower.AT_ONCE
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--batches", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--models", nargs="+", default=["default", "fast"])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each size of a batch")
    parser.add_argument("--minutes", type=float, default=7.0, help="after which nothing more is begun")
    parser.add_argument("--out", type=Path, default=RESULTS / "gpu.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        result = measure(options, Path(scratch))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

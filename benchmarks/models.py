"""How fast pictures become vectors, as a share of bare ONNX Runtime in the same run.

From file to vector is reading, decoding, preprocess, and the embedder (normalisation, the graph, pooling); bare ONNX
Runtime runs the same graph, uncut, on ready tensors. One thread, in turn, and its processor time, so that what else
runs on the machine counts for less; of each the best of the rounds. The tiny models of random weights, as
``transformers`` makes and exports them, show what is ours alone; the bundled ones and a CLIP ViT-B/32 of random
weights what it costs beside real work. Of that CLIP also: texts, and all the words that groups are named with.

    python benchmarks/models.py [--rounds 7] [--scratch DIR]

Needs torch and transformers.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from common import ROOT, dataset, photos, save

from imagefinder.images.loader import Loader
from imagefinder.ingest.run import BATCH
from imagefinder.models.joint_text import JointWords
from imagefinder.models.onnx import OnnxEmbedder
from imagefinder.models.preprocess import normalise
from imagefinder.models.registry import load_model
from imagefinder.types import ImageRef, Limits

sys.path.insert(0, str(ROOT / "tests" / "support"))
import tiny_models

TINY = ("clip", "siglip", "dinov2", "resnet", "vit", "mobilenet")


def bare_session(embedder: OnnxEmbedder) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    path = embedder.spec.folder / embedder.spec.image.file
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def milliseconds(work: Callable[[], object], images: int, least: float = 0.05) -> float:
    """Processor time of one image, repeated for ``least`` seconds of it."""
    started, times = time.process_time(), 0
    while times < 1 or time.process_time() - started < least:
        work()
        times += 1
    return 1e3 * (time.process_time() - started) / times / images


def compare(embedder: OnnxEmbedder, paths: list[Path], rounds: int) -> dict[str, Any]:
    """Milliseconds of one image: of each step alone, of all of them from file to vector, and of the bare graph.
    ``share`` is bare time over the time from file to vector, ``share_from_pixels`` over that of the embedder alone."""
    assert embedder.spec.preprocess is not None
    bare, loader = bare_session(embedder), Loader(Limits(), embedder.short_side)
    refs = [ImageRef(str(path)) for path in paths]
    pictures = [loader.decode(loader.read(ref)).image for ref in refs]
    batch = np.stack([embedder.preprocess(picture) for picture in pictures])
    ready = {bare.get_inputs()[0].name: normalise(batch, embedder.spec.preprocess)}

    def whole() -> None:
        rows = [embedder.preprocess(loader.decode(loader.read(ref)).image) for ref in refs]
        embedder.embed_images(np.stack(rows))

    works: dict[str, Callable[[], object]] = {
        "decode_ms": lambda: [loader.decode(loader.read(ref)) for ref in refs],
        "preprocess_ms": lambda: [embedder.preprocess(picture) for picture in pictures],
        "embed_ms": lambda: embedder.embed_images(batch),
        "bare_ms": lambda: bare.run(None, ready),
        "file_to_vector_ms": whole,
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            times[name].append(milliseconds(work, len(refs)))
    found: dict[str, Any] = {name: round(min(each[1:]), 3) for name, each in times.items()}
    found["images_per_core_second"] = round(1e3 / found["file_to_vector_ms"], 1)
    found["share"] = round(found["bare_ms"] / found["file_to_vector_ms"], 3)
    found["share_from_pixels"] = round(found["bare_ms"] / found["embed_ms"], 3)
    return found


def made(name: str, scratch: Path) -> OnnxEmbedder:
    """A model of random weights by its name in ``tiny_models``, kept in ``scratch``."""
    folder = scratch / f"model-{name}"
    if not folder.is_dir():
        for path, data in getattr(tiny_models, name)().files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
    embedder = load_model(f"onnx:{folder}", threads=1)
    assert isinstance(embedder, OnnxEmbedder)
    return embedder


def texts(embedder: OnnxEmbedder) -> dict[str, float]:
    """Of one query, of one text of a batch, and of all the words that groups are named with."""
    queries = [f"a photo of a red dog, number {i}" for i in range(32)]
    embedder.embed_texts(queries[:1])
    spec, started = embedder.spec, time.process_time()
    assert spec.text is not None
    with tempfile.TemporaryDirectory() as cache:
        words = len(JointWords(spec, spec.text, threads=1, cache=Path(cache)).vocabulary().words)
        first = time.process_time() - started
        started = time.process_time()
        JointWords(spec, spec.text, threads=1, cache=Path(cache)).vocabulary()
        kept = time.process_time() - started
    return {
        "query_ms": round(milliseconds(lambda: embedder.embed_texts(queries[:1]), 1), 2),
        "text_of_a_batch_ms": round(milliseconds(lambda: embedder.embed_texts(queries), 32), 2),
        "words": words,
        "words_first_time_s": round(first, 2),
        "words_kept_s": round(kept, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    options = parser.parse_args()
    source = dataset("clothing", options.scratch)
    paths = sorted(photos(source, options.scratch / f"photos500-{BATCH}", BATCH, 500).iterdir())
    result: dict[str, Any] = {"photos": "clothing at 500 px, JPEG 90", "batch": len(paths), "threads": 1}
    for name in ("default", "fast"):
        embedder = load_model(name, threads=1)
        assert isinstance(embedder, OnnxEmbedder)
        result[name] = compare(embedder, paths, options.rounds)
    large = made("clip_b32", options.scratch)
    result["clip-vit-base-patch32, random weights"] = compare(large, paths, options.rounds) | texts(large)
    for name in TINY:
        result[f"tiny {name}"] = compare(made(name, options.scratch), paths, options.rounds)
    save("models", result)


if __name__ == "__main__":
    main()

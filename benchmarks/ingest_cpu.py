"""The processor's seconds that indexing an image takes, and those that decoding and inference alone take.

In turn in one run: bare decoding (Pillow, at the scale that the model wants) and bare inference (``session.run`` at
several batch sizes), with as many threads as cores, and whole runs of ``index`` into a new index, everything included,
with a profile of where each thread's time goes. Seconds are the processor's, of all threads: what others do on the
machine changes them little, and the ratio less.

    python benchmarks/ingest_cpu.py [--images 2000] [--large 200] [--rounds 3] [--models default fast]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from common import cores, dataset, photos, save
from PIL import Image

from imagefinder.finder import ImageFinder
from imagefinder.images.loader import Loader
from imagefinder.ingest import run as ingest_run
from imagefinder.models.registry import load_model
from imagefinder.types import ImageRef, Limits

BATCHES = (1, 2, 4, 8, 16)
# Module, attribute, and what the profile calls it. A call inside another counts for the inner one only.
STAGES = (
    ("imagefinder.ingest.run.make_plan", "listing and planning"),
    ("imagefinder.images.loader.Loader.read", "reading and hashing"),
    ("imagefinder.images.loader.Loader.decode", "decoding"),
    ("imagefinder.models.onnx.OnnxEmbedder.preprocess", "resizing"),
    ("imagefinder.ingest.reading.facts_of", "colours and facts"),
    ("imagefinder.models.onnx.OnnxEmbedder.embed_images", "around inference"),
    ("imagefinder.models.session.Session._run_once", "inference"),
    ("imagefinder.models.conse.ClassWords.vectors", "class words"),
    ("imagefinder.ingest.storing.Storing.store", "records"),
    ("imagefinder.index.folder.Index.search_vectors", "search vectors"),
    ("imagefinder.store.edge.store.EdgeStore.upsert", "store"),
    ("imagefinder.ingest.run.settle", "ending"),
    ("imagefinder.ingest.ending.Ending.whole", "ending"),
)


class Profile:
    """The processor's seconds of functions, by name, each without what others of them take inside it."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner = threading.local()
        self._lock = threading.Lock()

    def timed(self, name: str, fn: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            outer = getattr(self._inner, "seconds", 0.0)
            self._inner.seconds = 0.0
            started = time.thread_time()
            try:
                return fn(*args, **kwargs)
            finally:
                took = time.thread_time() - started
                with self._lock:
                    self.seconds[name] += took - self._inner.seconds
                self._inner.seconds = outer + took

        return wrapper

    @contextmanager
    def watching(self) -> Iterator[None]:
        with ExitStack() as stack:
            for path, name in STAGES:
                holder, attribute = _found(path)
                stack.enter_context(patch.object(holder, attribute, self.timed(name, getattr(holder, attribute))))
            yield


def _found(path: str) -> tuple[Any, str]:
    """What holds the attribute that a dotted path ends in, and its name."""
    from importlib import import_module

    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            holder: Any = import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for name in parts[end:-1]:
            holder = getattr(holder, name)
        return holder, parts[-1]
    raise ModuleNotFoundError(path)


def cpu_ms(work: Callable[[int], object], n: int) -> float:
    """The processor's milliseconds of ``work(i)``, for i below n, a thread a core."""
    started = time.process_time()
    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(work, range(n)))
    return 1e3 * (time.process_time() - started) / n


def bare_decode(data: bytes, side: int) -> Image.Image:
    image = Image.open(BytesIO(data))
    scale = min(1.0, side / min(image.size))
    image.draft(image.mode, (-int(-image.width * scale // 1), -int(-image.height * scale // 1)))
    image.load()
    return image


def ceiling(paths: Sequence[Path], model: str, n: int = 192) -> dict[str, Any]:
    """Milliseconds of bare decoding, and of bare inference by the size of its batch."""
    embedder = load_model(model, threads=1)
    data = [path.read_bytes() for path in paths[:n]]
    loader = Loader(Limits(), embedder.short_side)
    pictures = [embedder.preprocess(loader.decode(loader.read(ImageRef(str(p)))).image) for p in paths[: max(BATCHES)]]
    batch = np.stack([pictures[i % len(pictures)] for i in range(max(BATCHES))])
    session, outputs = embedder._image._session._session, list(embedder.spec.image.outputs.values())
    inputs = embedder._image.input
    found: dict[str, float] = {}
    for size in BATCHES:
        part = batch[:size]
        session.run(outputs, {inputs: part})
        found[str(size)] = (
            cpu_ms(lambda _, part=part: session.run(outputs, {inputs: part}), max(cores(), n // size)) / size
        )
    decode = cpu_ms(lambda i: bare_decode(data[i % len(data)], embedder.short_side), max(n, len(data)))
    return {"decode": decode, "inference": found}


def whole(folder: Path, model: str, warm: Path) -> tuple[float, dict[str, float]]:
    """The processor's milliseconds per image of a whole run, and where they go."""
    scratch = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=scratch) as first, ImageFinder.open(first, model=model) as finder:
        finder.add(warm)  # imports, and the files of the model in the system's cache
    profile = Profile()
    with (
        tempfile.TemporaryDirectory(dir=scratch) as index,
        ImageFinder.open(index, model=model) as finder,
        profile.watching(),
    ):
        started = time.process_time()
        report = finder.add(folder)
        seconds = time.process_time() - started
    assert report.added == len(list(folder.iterdir())), report
    parts = {name: 1e3 * took / report.added for name, took in profile.seconds.items()}
    parts["other threads and the rest"] = 1e3 * seconds / report.added - sum(parts.values())
    return 1e3 * seconds / report.added, parts


def measure(folder: Path, model: str, warm: Path, rounds: int) -> dict[str, Any]:
    """Medians over the rounds, in milliseconds of the processor for an image."""
    rows, parts = [], []
    paths = sorted(folder.iterdir())
    for _ in range(rounds):
        before = ceiling(paths, model)
        took, where = whole(folder, model, warm)
        after = ceiling(paths, model)
        decode = (before["decode"] + after["decode"]) / 2
        inference = {b: (before["inference"][b] + after["inference"][b]) / 2 for b in before["inference"]}
        parts.append(where)
        bare = decode + min(inference.values())
        rows.append({"decode_ms": decode, "inference_ms": inference, "whole_ms": took, "times_bare": took / bare})
    middle = {k: round(statistics.median(r[k] for r in rows), 3) for k in ("decode_ms", "whole_ms", "times_bare")}
    return {
        **middle,
        "inference_ms": {b: round(statistics.median(r["inference_ms"][b] for r in rows), 3) for b in map(str, BATCHES)},
        "ratios": [round(r["times_bare"], 3) for r in rows],
        "parts_ms": {
            name: round(statistics.median(p.get(name, 0.0) for p in parts), 3)
            for name in sorted(parts[0], key=lambda name: -parts[0][name])
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--large", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", nargs="+", default=["default", "fast"])
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--dry", action="store_true", help="show the results without keeping them")
    options = parser.parse_args()
    source = dataset("clothing", options.scratch)
    warm = photos(source, options.scratch / "photos500-16", 16, 500)
    small = photos(source, options.scratch / f"photos500-{options.images}", options.images, 500)
    large = photos(source, options.scratch / f"photos12mp-{options.large}", options.large, 4000)
    result: dict[str, Any] = {"images": options.images, "large": options.large, "batch": ingest_run.BATCH}
    for model in options.models:
        result[model] = measure(small, model, warm, options.rounds)
        result[f"{model}, 12 megapixels"] = measure(large, model, warm, options.rounds)
    if options.dry:
        import json

        print(json.dumps(result, indent=1))
    else:
        save("ingest_cpu", result)


if __name__ == "__main__":
    main()

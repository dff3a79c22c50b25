"""How fast this machine would run a model that is not on it: one block of a vision transformer in 8 bits is timed. What
it computes is what such a model computes most of its time."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

WIDTH = 768  # of ViT-B, which CLIP and SigLIP 2 "base" are
BLOCK = Path(__file__).with_name("yardstick.onnx")  # made by tools/make_yardstick.py
IMAGES = 4  # at once
RUNS = 4


@lru_cache(maxsize=4)
def block_seconds(tokens: int) -> float:
    """Seconds of one core for one block of ViT-B in 8 bits and one picture of this many ``tokens``: the best of a few
    runs, a tenth of a second in all. It is measured once in a process."""
    import numpy as np
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(BLOCK), options, providers=["CPUExecutionProvider"])
    inputs = {"x": np.random.default_rng(0).normal(size=(IMAGES, tokens, WIDTH)).astype(np.float32)}
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        session.run(None, inputs)
        times.append(time.perf_counter() - started)
    return min(times) / IMAGES

"""What the formats beside the usual ones cost: each file made here, with what cameras and programs would put into it.

    python benchmarks/formats.py

CPU milliseconds for one picture, the mean of 10, in this process (what is the same for all formats, that it happens in
a process of its own, is left out): at the size that indexing wants (a short side of 224 pixels) and in full. Of a PDF
and a video, for each page or frame, and beside it what it costs to find out which there are.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from common import save
from made_files import dng, jxl, psd, svg
from made_parts import film, pdf

from imagefinder.images.decode import decode_here, encode_bytes
from imagefinder.types import ImageRef, Limits

TIMES = 10
SIDES = {"indexed": 224, "in full": None}


def picture(number: int, size: tuple[int, int]) -> Image.Image:
    """A picture of soft shapes with some grain, as a photo has them."""
    chance = np.random.default_rng(number)
    soft = Image.fromarray(chance.integers(0, 255, (9, 12, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = chance.integers(-6, 7, (size[1], size[0], 1))
    return Image.fromarray((np.asarray(soft, np.int16) + grain).clip(0, 255).astype(np.uint8))


def cost(do: Callable[[], Any], times: int = TIMES) -> float:
    """CPU milliseconds of one call."""
    do()
    started = time.process_time()
    for _ in range(times):
        do()
    return round((time.process_time() - started) / times * 1000, 1)


def of_pictures() -> dict[str, Any]:
    shot = picture(0, (3000, 2000))
    icon = svg('<text x="2" y="20">A text</text>')
    files = {
        "raw, 24 million pixels, preview of 1620 x 1080": dng(picture(1, (1620, 1080)), size=(6000, 4000)),
        "raw, 24 million pixels, no preview": dng(None, size=(6000, 4000)),
        "JPEG XL, 6 million pixels, lossless": jxl(np.asarray(shot)),
        "PSD, 6 million pixels": psd(shot),
        "SVG, two shapes": svg(),
        "SVG, with a text": icon,
    }
    rows = {}
    for name, data in files.items():
        encoded = encode_bytes(ImageRef("x"), data)
        times = 3 if len(data) > 30_000_000 else TIMES
        rows[name] = {"bytes": len(data)} | {
            how: cost(lambda e=encoded, s=side: decode_here(e, short_side=s, limits=Limits()), times)  # type: ignore[misc]
            for how, side in SIDES.items()
        }
    return rows


def of_files() -> dict[str, Any]:
    scenes = [(picture(n, (1280, 720)), 2.0) for n in range(20)]
    files = {
        "PDF, 20 pages (A4) of one picture each": ("pdf", pdf(*[p for p, _ in scenes], size=(842, 595))),
        "video, H.264, 1280 x 720, 40 s, a key frame a second": (
            "video",
            film(scenes, rate=25, size=(1280, 720), keys=25),
        ),
        "the same, one key frame": ("video", film(scenes, rate=25, size=(1280, 720), keys=10_000)),
    }
    rows = {}
    for name, (module, data) in files.items():
        opened = import_module(f"imagefinder.images.{module}").open_file(io.BytesIO(data), Limits())
        started = time.process_time()
        places = opened.places()
        rows[name] = {
            "bytes": len(data),
            "parts": len(places),
            "found": round((time.process_time() - started) * 1000, 1),
        }
        for how, side in {"indexed": 512, "in full": None}.items():
            rows[name][how] = round(
                cost(lambda o=opened, p=places, s=side: [o.picture(at, s) for at in p], 1) / len(places), 1
            )
    return rows


if __name__ == "__main__":
    save("formats", {"unit": "CPU ms", "pictures": of_pictures(), "files": of_files()})

"""What the benchmarks share: photos to work on, a note of the machine, a place for the results."""

from __future__ import annotations

import json
import os
import platform
import sys
import tarfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnxruntime
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("IMAGEFINDER_TEST_DATA", ROOT.parent / "shared" / "data"))
RESULTS = Path(__file__).parent / "results"


def dataset(name: str, scratch: Path) -> Path:
    """The unpacked folder of one of the image sets, unpacked under ``scratch`` if it isn't yet."""
    if not (scratch / name).is_dir():
        archives = sorted(DATA.glob(f"{name}*.tar*"))
        if not archives:
            sys.exit(f"{name} is not in {DATA}; set IMAGEFINDER_TEST_DATA to the folder of the archives")
        with tarfile.open(archives[0]) as tar:
            tar.extractall(scratch, filter="data")
    return scratch / name


def photos(source: Path, target: Path, n: int, longest: int, quality: int = 90) -> Path:
    """``n`` JPEGs whose longest side is ``longest`` pixels, made from the photos in ``source``."""
    if not target.is_dir():
        target.mkdir(parents=True)
        for i, path in enumerate(sorted((source / "images").iterdir())[:n]):
            with Image.open(path) as image:
                rgb = image.convert("RGB")
                scale = longest / max(rgb.size)
                size = (round(rgb.width * scale), round(rgb.height * scale))
                rgb.resize(size, Image.Resampling.BICUBIC).save(target / f"{i:05d}.jpg", quality=quality)
    return target


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    packages = ("qdrant-edge-py", "pillow", "numpy")
    return {
        "cores": cores(),
        "cpu": next(
            (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.processor()
        ),
        "vnni": any("avx512_vnni" in line for line in _cpuinfo()),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,  # of whichever wheel
        **{name: version(name) for name in packages},
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def save(name: str, result: dict[str, Any]) -> None:
    """Keep a result, with the machine and the day, as ``results/NAME.json``, and show it."""
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), **result}
    path.write_text(json.dumps(whole, indent=1) + "\n")
    print(json.dumps(whole, indent=1))

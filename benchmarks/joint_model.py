"""The whole way to the model that is recommended for words, at its real size, with weights of chance.

    python benchmarks/joint_model.py [--images 200] [--scratch DIR]

A CLIP ViT-B/32 is made with ``transformers``, exported, brought to 8 bits by ONNX Runtime's ``quantize_dynamic`` (as
the published files were), and laid out in a hub on this machine under the real names. A new index is made of photos
with the model in the package; the other is fetched, its vectors are added, and searches use it. Beside the time that
this takes stands what was foretold of it, by one block of such a model, and beside the sizes of the files those of the
published ones. Needs torch and transformers.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import ROOT, cores, dataset, photos, save

sys.path.insert(0, str(ROOT / "tests" / "support"))
from hub_server import HubServer
from tiny_models import clip_b32

PUBLISHED = {  # bytes, as several projects pin them
    "onnx/vision_model_quantized.onnx": 89_117_001,
    "onnx/text_model_quantized.onnx": 64_504_507,
}


def quantised(files: dict[str, bytes], scratch: Path) -> dict[str, bytes]:
    """The files with the graphs in 8 bits, as the tool of transformers.js makes them: unsigned where there is a
    convolution."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    made = {}
    for name, data in files.items():
        if not name.endswith(".onnx"):
            made[name] = data
            continue
        source, target = scratch / "source.onnx", scratch / "target.onnx"
        source.write_bytes(data)
        kind = QuantType.QUInt8 if "vision" in name else QuantType.QInt8
        quantize_dynamic(source, target, weight_type=kind, extra_options={"EnableSubgraph": True})
        made[name.replace(".onnx", "_quantized.onnx")] = target.read_bytes()
    return made


def made(scratch: Path) -> dict[str, bytes]:
    """The files of the repository, kept in ``scratch`` for the next run."""
    kept = scratch / "clip-b32-8-bits"
    if not kept.is_dir():
        with tempfile.TemporaryDirectory() as place:
            for name, data in quantised(clip_b32().files, Path(place)).items():
                (Path(place) / "made" / name).parent.mkdir(parents=True, exist_ok=True)
                (Path(place) / "made" / name).write_bytes(data)
            shutil.copytree(Path(place) / "made", kept)
    return {path.relative_to(kept).as_posix(): path.read_bytes() for path in kept.rglob("*") if path.is_file()}


def measure(folder: Path, files: dict[str, bytes], hub: HubServer, home: Path) -> dict[str, Any]:
    """In this process, whose hub is the one given."""
    from imagefinder import ImageFinder
    from imagefinder.index.better_words import RECOMMENDED
    from imagefinder.models.catalogue import in_catalogue
    from imagefinder.models.registry import pull_model

    entry = in_catalogue(RECOMMENDED)
    assert entry is not None
    address = entry.address
    hub.add(address.repo, files, str(address.revision))
    with ImageFinder.open(home / "index") as finder:
        finder.add(folder)
        foretold = finder.better_words()
        assert foretold is not None
        started = time.perf_counter()
        spec = pull_model(str(address))
        fetched = time.perf_counter() - started
        load, started, used = os.getloadavg()[0], time.perf_counter(), time.process_time()
        report = finder.add_model(spec.name, use=True)
        filled, worked = time.perf_counter() - started, time.process_time() - used
        hits = finder.search("a red dog", k=3)
        return {
            "images": report.filled,
            "fetched from this machine, s": round(fetched, 2),
            "images per second, foretold": foretold.images_per_second,
            "images per second": round(report.filled / filled, 1),
            "images per second of all cores": round(cores() * report.filled / worked, 1),
            "load": round(load, 1),
            "space": hits.space,
            "hits": len(hits),
            "files": {name: {"bytes": len(files[name]), "published": size} for name, size in PUBLISHED.items()},
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    options = parser.parse_args()
    source = dataset("clothing", options.scratch)
    folder = photos(source, options.scratch / f"photos500-{options.images}", options.images, 500)
    with tempfile.TemporaryDirectory() as place, HubServer() as hub:
        patient = {"HF_HUB_ETAG_TIMEOUT": "60", "HF_HUB_DOWNLOAD_TIMEOUT": "60"}  # of a machine that is at work
        os.environ.update(hub.environment(Path(place)) | patient)  # before huggingface_hub is imported
        save("joint_model", measure(folder, made(options.scratch), hub, Path(place)))


if __name__ == "__main__":
    main()

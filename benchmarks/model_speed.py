"""Ways to make the models quicker, tried beside what is done: ONNX Runtime's options, OpenVINO (if it is installed),
smaller pictures, and the resampling of pictures. Of each its processor's milliseconds and how near its vectors are.

    python benchmarks/model_speed.py [--images 160] [--most 2500] [--quality] [--scratch DIR]

Ways are timed in turn, with one thread; the least of the rounds counts, which others on the machine disturb least.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from common import RESULTS, dataset, photos, save
from PIL import Image

from imagefinder._util.threads import one_blas_thread
from imagefinder.images.loader import Loader
from imagefinder.models.preprocess import half_squash, half_squash_box
from imagefinder.models.registry import load_model
from imagefinder.types import ImageRef, Limits
from imagefinder.vectors.transform import LinearTransform

OUTPUTS = ["gem", "logits"]
ROUNDS = 3


def cpu_ms(ways: Mapping[str, Callable[[], object]], images: int) -> dict[str, float]:
    """The least of the rounds, for one image."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started = time.process_time()
            way()
            found[name].append(1e3 * (time.process_time() - started) / images)
    return {name: round(min(took), 3) for name, took in found.items()}


def nearness(found: np.ndarray, today: np.ndarray) -> dict[str, float]:
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (found, today))
    cosines = (a * b).sum(axis=1)
    return {"cosine": round(float(cosines.mean()), 4), "least": round(float(cosines.min()), 4)}


# --- resampling -----------------------------------------------------------------------------------------------------


def pillow(method: Image.Resampling) -> Callable[[Image.Image, int], np.ndarray]:
    return lambda image, size: np.asarray(
        image.resize((size, size), method, box=half_squash_box(*image.size), reducing_gap=2.0)
    )


def opencv(method: int) -> Callable[[Image.Image, int], np.ndarray]:
    """Of the whole pixels nearest to the part that is used."""

    def resize(image: Image.Image, size: int) -> np.ndarray:
        left, top, right, bottom = map(round, half_squash_box(*image.size))
        return np.asarray(cv2.resize(np.asarray(image)[top:bottom, left:right], (size, size), interpolation=method))

    return resize


RESAMPLING = {
    "Pillow bicubic (until now)": pillow(Image.Resampling.BICUBIC),
    "Pillow hamming": pillow(Image.Resampling.HAMMING),
    "Pillow bilinear": pillow(Image.Resampling.BILINEAR),
    "Pillow box": pillow(Image.Resampling.BOX),
    "OpenCV area": opencv(cv2.INTER_AREA),
    "OpenCV cubic": opencv(cv2.INTER_CUBIC),
    "OpenCV linear, whole pixels": opencv(cv2.INTER_LINEAR),
    "OpenCV cubic at twice the size, halved (now)": half_squash,
}


def resampling(model: str, folder: Path) -> dict[str, Any]:
    embedder = load_model(model, threads=1)
    size, loader = embedder._preprocess.size[0], Loader(Limits(), embedder.short_side)
    pictures = [loader.decode(loader.read(ImageRef(str(path)))).image for path in sorted(folder.iterdir())]
    made = {name: np.stack([way(image, size) for image in pictures]) for name, way in RESAMPLING.items()}
    vectors = {name: embedder.embed_images(batch)["image"] for name, batch in made.items()}
    today = vectors[next(iter(RESAMPLING))]
    took = cpu_ms(
        {name: lambda way=way: [way(image, size) for image in pictures] for name, way in RESAMPLING.items()},
        len(pictures),
    )
    return {name: {"ms": took[name], **nearness(vectors[name], today)} for name in RESAMPLING}


# --- the graph ------------------------------------------------------------------------------------------------------


def session(graph: Any, **settings: Any) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    for name, value in settings.pop("entries", {}).items():
        options.add_session_config_entry(name, value)
    for name, value in settings.items():
        setattr(options, name, value)
    return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def resized(path: Path, side: int) -> bytes:
    """The graph for square pictures of another side; it is all convolutions, up to the pooling."""
    graph = onnx.load(path)
    for axis in (1, 2):
        graph.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = side
    del graph.graph.value_info[:]
    return bytes(graph.SerializeToString())


def graphs(model: str, batch: np.ndarray) -> dict[str, Any]:
    """ONNX Runtime's options at 4 pictures in a run, sizes of a run, and OpenVINO."""
    spec = load_model(model, threads=1).spec
    path = spec.folder / spec.image.file
    levels = ort.GraphOptimizationLevel
    options = {
        "as it is": session(str(path)),
        "no pattern of memory": session(str(path), enable_mem_pattern=False),
        "no arena": session(str(path), enable_cpu_mem_arena=False),
        "denormals as zero": session(str(path), entries={"session.set_denormal_as_zero": "1"}),
        "extended optimisation only": session(str(path), graph_optimization_level=levels.ORT_ENABLE_EXTENDED),
        "weights not packed before": session(str(path), entries={"session.disable_prepacking": "1"}),
    }
    n, name = len(batch), spec.image.input

    def runs(one: ort.InferenceSession, size: int) -> Callable[[], object]:
        return lambda: [one.run(OUTPUTS, {name: batch[i : i + size]}) for i in range(0, n, size)]

    plain = options["as it is"]
    ways = {f"{size} at once": runs(plain, size) for size in (1, 2, 4, 8, 16, 32) if size <= n}
    ways |= {f"4 at once, {name}": runs(one, 4) for name, one in options.items() if one is not plain}
    found: dict[str, Any] = {}
    if find_spec("openvino"):
        import openvino

        compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1})
        request = compiled.create_infer_request()
        for size in (1, 4, 16):
            ways[f"OpenVINO {openvino.__version__.partition('-')[0]}, {size} at once"] = lambda size=size: [
                request.infer({name: batch[i : i + size]}) for i in range(0, n, size)
            ]
        theirs = np.array(request.infer({name: batch})["gem"])
        found["OpenVINO"] = nearness(theirs, plain.run(OUTPUTS, {name: batch})[0])
    return {"ms": cpu_ms(ways, n), **found}


# --- smaller pictures -----------------------------------------------------------------------------------------------


def map_at_r(vectors: np.ndarray, labels: Sequence[str]) -> float:
    """The mean over all queries of the average precision at R (Musgrave et al. 2020)."""
    names, precisions = np.array(labels), []
    for i, row in enumerate(vectors @ vectors.T):
        row[i] = -np.inf
        many = int((names == names[i]).sum()) - 1
        right = names[np.argsort(-row, kind="stable")[:many]] == names[i]
        precisions.append(float((right.cumsum() / np.arange(1, many + 1) * right).sum() / many))
    return float(np.mean(precisions))


def smaller(model: str, side: int, folder: Path, rows: Sequence[tuple[str, str]]) -> float:
    embedder = load_model(model, threads=1)
    spec = embedder.spec
    ours, loader = session(resized(spec.folder / spec.image.file, side)), Loader(Limits(), side)
    vectors = []
    for i in range(0, len(rows), 4):
        part = [loader.decode(loader.read(ImageRef(str(folder / name)))).image for name, _ in rows[i : i + 4]]
        batch = np.stack([half_squash(image, side) for image in part])
        vectors.append(ours.run(["gem"], {spec.image.input: batch})[0])
    raw = np.concatenate(vectors)
    with one_blas_thread():
        fitted = LinearTransform.fit([raw], kind=spec.spaces["image"].transform, prior_mean=spec.prior("image"))
        return map_at_r(fitted.apply(raw), [label for _, label in rows])


SIDES = (260, 240, 224)


def speed(images: int, scratch: Path) -> dict[str, Any]:
    """Resampling, options of the graph, and sides of the picture."""
    folder = photos(dataset("clothing", scratch), scratch / f"photos500-{images}", images, 500)
    result: dict[str, Any] = {"images": images}
    for model in ("default", "fast"):
        embedder = load_model(model, threads=1)
        paths = sorted(folder.iterdir())[:32]
        batch = np.stack([embedder.preprocess(Image.open(path).convert("RGB")) for path in paths])
        result[model] = {"resampling": resampling(model, folder), "graph": graphs(model, batch)}
    spec = load_model("default", threads=1).spec
    sizes = {side: session(resized(spec.folder / spec.image.file, side)) for side in SIDES}
    noise = {side: np.random.default_rng(0).integers(0, 256, (16, side, side, 3), dtype=np.uint8) for side in sizes}
    took = cpu_ms(
        {
            str(side): lambda side=side: [
                sizes[side].run(OUTPUTS, {spec.image.input: noise[side][i : i + 4]}) for i in range(0, 16, 4)
            ]
            for side in sizes
        },
        16,
    )
    result["sides"] = {str(side): {"ms": took[str(side)]} for side in sizes}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=160)
    parser.add_argument("--most", type=int, default=2500, help="images of each set for MAP@R; 0 leaves it out")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--quality", action="store_true", help="MAP@R alone, beside the speed measured before")
    options = parser.parse_args()
    if options.quality:
        result = json.loads((RESULTS / "model_speed.json").read_text("utf-8"))
        del result["date"], result["machine"]
    else:
        result = speed(options.images, options.scratch)
        save("model_speed", result)
    for name in ("clothing", "vehicles") if options.most else ():
        place = dataset(name, options.scratch)
        with (place / "labels.csv").open(encoding="utf-8", newline="") as file:
            rows = [(row["filename"], row["label"]) for row in csv.DictReader(file)]
        rows = rows[:: -(-len(rows) // options.most)]
        for side in SIDES:
            result["sides"][str(side)][name] = round(smaller("default", side, place, rows), 4)
        save("model_speed", result)


if __name__ == "__main__":
    main()

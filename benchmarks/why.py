"""Does the map of an explanation point at what was searched for? The pointing game (Zhang et al. 2016): cut-outs of
`stamps` pasted on photos of `captions`, searched for by the picture of the cut-out, and by its words.

    python benchmarks/why.py [--scenes 200] [--seed 14] [--models default fast] [--scratch DIR]

A point counts where the map is highest: it is a hit inside the rectangle of the object (`hits`), or within 15 pixels of
it, as Zhang et al. count (`near`). Beside it: what pointing at the middle of the picture would hit (`middle`), and the
share of the picture that the rectangles cover (`chance`). Words count for cut-outs that they find, among the first ten
of all cut-outs, and again for those of them that the model sees in the scene: it scores higher for the words than the
photo without the thing. How much is hidden at a time was chosen by the first half of these scenes, how words are scored
by others (`--scenes 460 --seed 15`); the second half of these was not looked at.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from common import dataset, save
from PIL import Image, ImageDraw

from imagefinder import FunctionEmbedder, ImageFinder
from imagefinder.models.registry import load_model
from imagefinder.search.query import Kind, Term

NEAR = 15  # pixels
SIZES = (0.3, 0.5)  # of the short side of the photo: the long side of what is pasted
OCCLUDED = 40  # scenes for the model that does not show its parts


class Scene(NamedTuple):
    path: Path
    stamp: Path
    words: str
    photo: Path
    box: tuple[int, int, int, int]
    size: tuple[int, int]


def stamps_of(folder: Path) -> list[tuple[Path, str]]:
    """Cut-outs of things, with their descriptions."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] not in ("symbols", "label")]
    return [(folder / row["filename"], row["caption"].strip(" .")) for row in rows]


def cut_out(path: Path) -> Image.Image:
    """The thing without the white around it, RGBA."""
    rgb = Image.open(path).convert("RGB")
    framed = Image.new("RGB", (rgb.width + 2, rgb.height + 2), "white")
    framed.paste(rgb, (1, 1))
    ImageDraw.floodfill(framed, (0, 0), (255, 0, 255), thresh=24)
    outside = (np.asarray(framed)[1:-1, 1:-1] == (255, 0, 255)).all(axis=-1)
    found = rgb.convert("RGBA")
    found.putalpha(Image.fromarray(np.where(outside, 0, 255).astype(np.uint8)))
    return found.crop(found.getchannel("A").getbbox() or (0, 0, *found.size))


def make_scenes(captions: Path, stamps: Path, target: Path, n: int, seed: int) -> list[Scene]:
    """``n`` photos, each with one thing pasted somewhere; the same ones every time."""
    random = np.random.default_rng(seed)
    photos = sorted((captions / "images").iterdir())
    things = stamps_of(stamps)
    target.mkdir(parents=True, exist_ok=True)
    scenes = []
    for i, (photo, thing) in enumerate(
        zip(random.permutation(len(photos))[:n], random.permutation(len(things))[:n], strict=True)
    ):
        scene = Image.open(photos[photo]).convert("RGB")
        path, words = things[thing]
        cut = cut_out(path)
        scale = random.uniform(*SIZES) * min(scene.size) / max(cut.size)
        cut = cut.resize((max(1, round(cut.width * scale)), max(1, round(cut.height * scale))))
        left, top = (int(random.integers(0, s - c + 1)) for s, c in zip(scene.size, cut.size, strict=True))
        scene.paste(cut, (left, top), cut)
        place = target / f"scene-{i:03d}.jpg"
        scene.save(place, quality=92)
        scenes.append(
            Scene(place, path, words, photos[photo], (left, top, left + cut.width, top + cut.height), scene.size)
        )
    return scenes


def points(finder: ImageFinder, asked: list[tuple[Scene, Any]]) -> dict[str, Any]:
    hits, near, ms, cpu = [], [], [], []
    for scene, query in asked:
        began, used = time.perf_counter(), time.process_time()
        found = finder.explain(scene.path, query, words_in="pictures")
        ms.append(1000 * (time.perf_counter() - began))
        cpu.append(1000 * (time.process_time() - used))
        away = distance(found.peak, scene) if found.peak else np.inf
        hits.append(away == 0)
        near.append(away <= NEAR)
    half = len(asked) // 2
    return {
        "scenes": len(asked),
        "hits": share(hits),
        "hits_first_half": share(hits[:half]),
        "hits_second_half": share(hits[half:]),
        "near": share(near),
        "middle": share([distance((0.5, 0.5), scene) == 0 for scene, _ in asked]),
        "chance": share([area(scene) for scene, _ in asked]),
        "ms": round(median(ms), 1),
        "cpu_ms": round(median(cpu), 1),
    }


def distance(point: tuple[float, float], scene: Scene) -> float:
    """Pixels from the rectangle of the object, the longest of both sides."""
    x, y = point[0] * scene.size[0], point[1] * scene.size[1]
    left, top, right, bottom = scene.box
    return float(max(left - x, x - right, top - y, y - bottom, 0))


def area(scene: Scene) -> float:
    left, top, right, bottom = scene.box
    return (right - left) * (bottom - top) / (scene.size[0] * scene.size[1])


def share(values: list[Any]) -> float:
    return round(float(np.mean(values)), 3) if values else 0.0


def known_by_words(finder: ImageFinder, scenes: list[Scene], stamps: Path) -> list[tuple[Scene, Any]]:
    """The scenes whose thing is found by its words, among the first ten of all cut-outs."""
    filter = f'source = "{stamps / "images"}"'
    asked = [(scene, Term(Kind.WORDS, scene.words)) for scene in scenes]
    return [
        (scene, words)
        for scene, words in asked
        if str(scene.stamp) in {hit.uri for hit in finder.search(words, 10, filter=filter, words_in="pictures")}
    ]


def is_seen(finder: ImageFinder, scene: Scene, words: Term) -> bool:
    """Whether the scene scores higher for the words than the photo without the thing."""
    scored = (finder.explain(place, words, words_in="pictures").why.meaning for place in (scene.path, scene.photo))
    return next(scored) > next(scored)


def without_parts(model: str) -> FunctionEmbedder:
    """The same model as one that does not show the parts of a picture, so that they are hidden in turn."""
    inner = load_model(model)
    size = inner.preprocess(Image.new("RGB", (64, 64))).shape[0]
    return FunctionEmbedder(
        "hidden", lambda batch: inner.embed_images(batch)["image"], dim=1280, size=size, resize="half_squash"
    )


def measure(model: Any, home: Path, sources: list[Path], scenes: list[Scene], stamps: Path) -> dict[str, Any]:
    with ImageFinder.open(home, model=model) as finder:
        finder.add(*sources)
        found = {"by picture": points(finder, [(scene, scene.stamp) for scene in scenes])}
        if isinstance(model, str):
            known = known_by_words(finder, scenes, stamps)
            found["by words"] = points(finder, known)
            found["by words that are seen"] = points(finder, [pair for pair in known if is_seen(finder, *pair)])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--models", nargs="+", default=["default", "fast"])
    parser.add_argument("--scratch", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = args.scratch or Path(temporary)
        captions, stamps = dataset("captions", scratch), dataset("stamps", scratch)
        scenes = make_scenes(captions, stamps, scratch / "scenes", args.scenes, args.seed)
        sources = [captions / "images", stamps / "images", scratch / "scenes"]
        result = {model: measure(model, Path(temporary) / model, sources, scenes, stamps) for model in args.models}
        hidden = measure(without_parts("default"), Path(temporary) / "hidden", sources, scenes[:OCCLUDED], stamps)
        result["default, by occlusion"] = hidden
    save("why", {"scenes": args.scenes, "seed": args.seed, "sizes": SIZES, "models": result})


if __name__ == "__main__":
    main()

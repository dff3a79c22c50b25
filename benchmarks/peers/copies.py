"""Copies and poor pictures: ImageFinder beside imagededup and CleanVision, each by its own defaults.

    python benchmarks/peers/copies.py [--rounds 1] [--scratch DIR] [--only NAME...]

Copies: every second one of the first 300 photos of ``captions`` is copied with the twelve edits of
``benchmarks/duplicates.py``, among all 600. A copy is found if the photo that it was made of is in its group: groups
are what is connected by the pairs, or sets, that a program names. Precision is the share of the pairs within groups
that show one photo. Poor pictures: 150 photos, and of each one that is blurred, dark, washed out with light, or tiny.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from environments import SCRATCH, make, versions
from measured import interleaved, run
from PIL import Image, ImageEnhance, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import dataset
from duplicates import EDITS

OURS = sys.executable
# The name of a row, its environment (empty: this Python, with ImageFinder), the program and what it is told.
COPIES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "imagefinder": ("", "copies_ours.py", ()),
    "imagededup PHash, distance 10 (its default)": ("imagededup", "copies_imagededup.py", ("PHash", "10")),
    "imagededup PHash, distance 4": ("imagededup", "copies_imagededup.py", ("PHash", "4")),
    "imagededup DHash, distance 10": ("imagededup", "copies_imagededup.py", ("DHash", "10")),
    "imagededup AHash, distance 10": ("imagededup", "copies_imagededup.py", ("AHash", "10")),
    "imagededup WHash, distance 10": ("imagededup", "copies_imagededup.py", ("WHash", "10")),
    "cleanvision": ("cleanvision", "copies_cleanvision.py", ()),
}
ISSUES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "imagefinder": ("", "issues_ours.py", ()),
    "cleanvision": ("cleanvision", "issues_cleanvision.py", ()),
}
POOR: dict[str, Callable[[Image.Image], Image.Image]] = {
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(4)),
    "dark": lambda image: ImageEnhance.Brightness(image).enhance(0.08),
    "washed out": lambda image: Image.blend(image, Image.new("RGB", image.size, "white"), 0.93),
    "tiny": lambda image: image.resize((max(1, image.width // 6), max(1, image.height // 6))),
}
SAID = {  # the names of the issues that say what was done
    "blurred": {"blurry"},
    "dark": {"dark"},
    "washed out": {"bright", "low-contrast", "light", "low_information"},
    "tiny": {"tiny", "odd_size"},
}


def copies_folder(scratch: Path) -> Path:
    """All photos of ``captions`` and the copies: ``NAME--EDIT.jpg``."""
    folder = scratch / "copies"
    if not folder.is_dir():
        sources = sorted((dataset("captions", scratch) / "images").iterdir())
        draft = scratch / "copies.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for i, source in enumerate(sources):
            shutil.copy(source, draft / f"{source.stem}--0.jpg")
            if i < 300 and i % 2:
                with Image.open(source) as image:
                    for number, edit in enumerate(EDITS.values(), 1):
                        made = edit(image.convert("RGB"), np.random.default_rng(i))
                        made.save(draft / f"{source.stem}--{number}.jpg", quality=90)
        draft.rename(folder)
    return folder


def poor_folder(scratch: Path) -> Path:
    """150 photos, and of each one of each kind of ``POOR``: ``NAME--KIND.jpg``."""
    folder = scratch / "poor"
    if not folder.is_dir():
        draft = scratch / "poor.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for source in sorted((dataset("captions", scratch) / "images").iterdir())[:150]:
            with Image.open(source) as image:
                picture = image.convert("RGB")
            picture.save(draft / f"{source.stem}--good.jpg", quality=90)
            for kind, spoil in POOR.items():
                spoil(picture).save(draft / f"{source.stem}--{kind.replace(' ', '_')}.jpg", quality=90)
        draft.rename(folder)
    return folder


def components(sets: Iterable[Sequence[str]]) -> list[set[str]]:
    """What is connected."""
    group: dict[str, set[str]] = {}
    for names in sets:
        joined = set().union(*(group.get(name, {name}) for name in names))
        for name in joined:
            group[name] = joined
    return [set(names) for names in {tuple(sorted(names)) for names in group.values()}]


def judge_copies(groups: list[set[str]]) -> dict[str, Any]:
    """Recall of all copies and of each edit, and precision of the pairs."""
    found: defaultdict[str, int] = defaultdict(int)
    right = pairs = 0
    for group in groups:
        made = [name.removesuffix(".jpg").rsplit("--", 1) for name in group]
        originals = {photo for photo, number in made if number == "0"}
        for photo, number in made:
            found[number] += number != "0" and photo in originals
        for (a, _), (b, _) in combinations(made, 2):
            pairs, right = pairs + 1, right + (a == b)
    recall = {edit: round(found[str(number)] / 150, 3) for number, edit in enumerate(EDITS, 1)}
    whole = round(sum(recall.values()) / len(recall), 3)
    return {"recall": whole, "precision": round(right / max(pairs, 1), 4), "edits": recall}


def judge_issues(said: dict[str, list[str]]) -> dict[str, Any]:
    """The share of each kind that was named for what it is, and of the good ones that were named at all."""
    kinds: defaultdict[str, list[list[str]]] = defaultdict(list)
    for name, issues in said.items():
        kinds[name.removesuffix(".jpg").rsplit("--", 1)[1].replace("_", " ")].append(issues)
    named = {kind: round(float(np.mean([bool(SAID[kind] & set(i)) for i in kinds[kind]])), 3) for kind in POOR}
    wrong = float(np.mean([bool(i) for i in kinds["good"]]))
    return {"named": named, "good ones named": round(wrong, 3)}


def way(row: tuple[str, str, tuple[str, ...]], folder: Path, scratch: Path, judge: Any) -> Callable[[], dict[str, Any]]:
    environment, program, told = row
    python = make(environment, scratch) if environment else OURS

    def once() -> dict[str, Any]:
        out = scratch / "found.json"
        figures = run(python, program, folder, out, *told, PYTHONWARNINGS="ignore")
        return {**figures, **judge(json.loads(out.read_text()))}

    return once


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--scratch", type=Path, default=SCRATCH)
    parser.add_argument("--only", nargs="+", choices=[*COPIES], metavar="NAME")
    options = parser.parse_args()
    options.scratch.mkdir(exist_ok=True)
    wanted = options.only or [*COPIES]
    told = {"versions": {name: versions(name, options.scratch) for name in ("imagededup", "cleanvision")}}
    folder = copies_folder(options.scratch)
    ways = {
        row: way(COPIES[row], folder, options.scratch, lambda sets: judge_copies(components(sets))) for row in wanted
    }
    interleaved("copies", {"images": len(list(folder.iterdir())), **told}, ways, options.rounds)
    folder = poor_folder(options.scratch)
    ways = {row: way(ISSUES[row], folder, options.scratch, judge_issues) for row in wanted if row in ISSUES}
    interleaved("issues", {"images": len(list(folder.iterdir())), **told}, ways, options.rounds)


if __name__ == "__main__":
    main()

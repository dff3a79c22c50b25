"""Does a search learn from likes and dislikes? Simulated people on labelled image sets, through ImageFinder itself.

    python benchmarks/feedback.py [--sets clothing vehicles] [--scratch DIR]

A person wants one label, looks at the first 20 hits and marks the right and the wrong ones. What counts is the
precision among the next 20 images that nobody has judged yet (residual collection), before and after; beside it the
sums of means of Rocchio (1971) with its usual and with its best weights here. Then the time feedback adds.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import dataset, save

from imagefinder.finder import ImageFinder
from imagefinder.search.relevance import learnt

WORDS = {
    "clothing": {
        "dress": ("dress", "gown"),
        "hat": ("hat", "cap"),
        "longsleeve": ("long sleeve shirt", "sweater"),
        "outwear": ("jacket", "coat"),
        "pants": ("pants", "jeans"),
        "shirt": ("shirt", "blouse"),
        "shoes": ("shoes", "sneakers"),
        "shorts": ("shorts", "short trousers"),
        "skirt": ("skirt", "miniskirt"),
        "t-shirt": ("t-shirt", "jersey"),
    },
    "vehicles": {
        "truck": ("truck", "lorry"),
        "pickup": ("pickup truck", "pickup"),
        "minibus": ("minibus", "van"),
        "juggernaut": ("trailer truck", "heavy goods vehicle"),
        "car": ("car", "automobile"),
        "bike": ("bike", "motorbike"),
    },
}
JUDGED = COUNTED = 20
MARKS: dict[str, Callable[[list[str], list[str]], tuple[list[str], list[str]]]] = {
    "all of 20": lambda right, wrong: (right, wrong),
    "3 right, 3 wrong": lambda right, wrong: (right[:3], wrong[:3]),
    "3 right": lambda right, wrong: (right[:3], []),
    "wrong only": lambda right, wrong: ([], wrong),
}


def labels_of(folder: Path) -> dict[str, str]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return {Path(row["filename"]).name: row["label"] for row in csv.DictReader(file)}


def precision(finder: ImageFinder, query: str, right: set[str], judged: set[str], **feedback: Any) -> float:
    """Of the first 20 hits that nobody has judged, the share that is right."""
    hits = finder.search(query, k=JUDGED + COUNTED + 1, **feedback)
    rest = [h.id for h in hits if h.id not in judged][:COUNTED]
    return sum(id in right for id in rest) / COUNTED


def people(finder: ImageFinder, queries: Sequence[tuple[str, set[str]]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in MARKS}
    for query, wanted in queries:
        first = [h.id for h in finder.search(query, k=JUDGED)]
        right, wrong = [id for id in first if id in wanted], [id for id in first if id not in wanted]
        before = precision(finder, query, wanted, set(first))
        for name, mark in MARKS.items():
            liked, disliked = mark(right, wrong)
            if liked or disliked:
                after = precision(finder, query, wanted, set(first), liked=liked, disliked=disliked)
                found[name]["before"].append(before)
                found[name]["after"].append(after)
    return {
        name: {"people": len(v["after"]), **{k: round(float(np.mean(v[k])), 3) for k in ("before", "after")}}
        for name, v in found.items()
    }


def against_rocchio(finder: ImageFinder, queries: Sequence[tuple[str, set[str]]]) -> dict[str, float]:
    """The same people on image queries, all of 20 marked, by plain NumPy on the vectors."""
    ids, vectors = finder.vectors()
    place = {id: i for i, id in enumerate(ids)}
    found: defaultdict[str, list[float]] = defaultdict(list)
    for query, wanted in queries:
        own = place[query.removeprefix("id:")]
        good = np.array([id in wanted for id in ids])
        first = [i for i in np.argsort(-(vectors @ vectors[own])) if i != own][:JUDGED]
        right, wrong = ([i for i in first if good[i] == kind] for kind in (True, False))
        directions = {"regression": learnt(vectors[[own, *right]], vectors[wrong], vectors[:128])}
        for a, b, c in ((1, 0.75, 0.25), (1, 1, 1), (0.5, 1, 0.5), (0.3, 1, 0.7)):
            likes = vectors[right].mean(axis=0) if right else 0
            dislikes = vectors[wrong].mean(axis=0) if wrong else 0
            directions[f"Rocchio {a}, {b}, {c}"] = a * vectors[own] + b * likes - c * dislikes
        for name, direction in directions.items():
            scores = vectors @ direction
            scores[[own, *first]] = -np.inf
            found[name].append(good[np.argsort(-scores)[:COUNTED]].mean())
    return {name: round(float(np.mean(values)), 3) for name, values in found.items()}


def milliseconds(finder: ImageFinder, query: str, marks: int = 20) -> dict[str, float]:
    """The quickest of 30 searches each: what else the machine does is not ours to measure."""
    first = [h.id for h in finder.search(query, k=marks)]
    feedback = {"liked": first[::2], "disliked": first[1::2]}
    times: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(30):
        for name, options in (("without", {}), ("with 20 marks", feedback)):
            start = time.perf_counter()
            finder.search(query, k=20, **options)  # type: ignore[arg-type]
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: round(min(values), 2) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(WORDS))
    parser.add_argument("--timed", type=Path, help="an index to take the times on; by default the last set's")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    options = parser.parse_args()
    options.scratch.mkdir(exist_ok=True)
    result: dict[str, Any] = {}
    for name in options.sets:
        folder = dataset(name, options.scratch)
        labels = labels_of(folder)
        with ImageFinder.open(options.scratch / f"{name}-feedback") as finder:
            finder.add(folder / "images")
            members: defaultdict[str, list[str]] = defaultdict(list)
            for record in finder.records():
                members[labels[Path(record.uri).name]].append(record.id)
            rng = np.random.default_rng(0)
            images = [(f"id:{i}", set(ids)) for ids in members.values() for i in rng.choice(ids, 10, replace=False)]
            words = [(text, set(members[label])) for label, texts in WORDS[name].items() for text in texts]
            result[name] = {
                "images": len(finder),
                "words": people(finder, words),
                "image": people(finder, images),
                "methods": against_rocchio(finder, images),
            }
            if options.timed is None:
                result[name]["milliseconds"] = milliseconds(finder, words[0][0])
    if options.timed is not None:
        with ImageFinder.open(options.timed, create=False) as finder:
            first = f"id:{finder.records()[0].id}"
            times = {"words": milliseconds(finder, "dog"), "image": milliseconds(finder, first)}
            result["milliseconds"] = {"images": len(finder), **times}
    save("feedback", result)


if __name__ == "__main__":
    main()

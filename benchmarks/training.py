"""What training brings, measured on images that were not trained on, through ImageFinder itself.

    python benchmarks/training.py [--scratch DIR] [--seeds N] [--parts adapter unseen classifier words]

Adapter: 5, 10 and 50 labels per class of `clothing`; MAP@R among all the other images. Unseen: the same, but only half
of the classes are taught, and the images of the others are asked for. Classifier: half of `vehicles`. Words: captions
of 400 photos, then the words of the other 200.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, dataset, save

from imagefinder.evaluation.retrieval import score_labels, score_words
from imagefinder.finder import ImageFinder

PER_CLASS = (5, 10, 50)


def open_index(name: str, scratch: Path) -> ImageFinder:
    """An index of an image set, made when it isn't there yet."""
    folder = scratch / f"{name}-index"
    new = not folder.is_dir()
    finder = ImageFinder.open(folder)
    if new:
        finder.add(dataset(name, scratch) / "images")
    return finder


def labels_of(finder: ImageFinder, name: str, scratch: Path) -> dict[str, str]:
    """Labels by id."""
    folder = dataset(name, scratch)
    with (folder / "labels.csv").open(encoding="utf-8-sig", newline="") as file:
        by_name = {Path(row["filename"]).name: row["label"] for row in csv.DictReader(file)}
    return {r.id: by_name[Path(r.uri).name] for r in finder.records() if Path(r.uri).name in by_name}


def some_of(labels: Mapping[str, str], count: Callable[[int], int], seed: int) -> dict[str, str]:
    """``count(size)`` images of each class, drawn at random."""
    random, by_class = np.random.default_rng(seed), defaultdict(list)
    for id, label in sorted(labels.items()):
        by_class[label].append(id)
    return {id: label for label, ids in by_class.items() for id in random.permutation(ids)[: count(len(ids))].tolist()}


def measure(finder: ImageFinder, space: str | None, labels: Mapping[str, str]) -> dict[str, float]:
    ids, vectors = finder.vectors(space)
    rows = [i for i, id in enumerate(ids) if id in labels]
    scores = score_labels(vectors[rows], [labels[ids[i]] for i in rows])
    return {"recall_at_1": float(scores.recall_at_1), "map_at_r": float(scores.map_at_r)}


def adapter(scratch: Path, seeds: int, *, unseen: bool = False) -> dict[str, Any]:
    results: dict[str, Any] = {}
    with open_index("clothing", scratch) as finder:
        labels = labels_of(finder, "clothing", scratch)
        for count in PER_CLASS[-1:] if unseen else PER_CLASS:
            runs = []
            for seed in range(seeds):
                names = np.random.default_rng(seed).permutation(sorted(set(labels.values())))
                taught = set(names[: len(names) // 2] if unseen else names)
                known = {id: label for id, label in labels.items() if label in taught}
                given = some_of(known, lambda size, n=count: n, seed)
                asked = {k: v for k, v in labels.items() if (v not in taught if unseen else k not in given)}
                runs.append(adapter_run(finder, given, asked, seed))
            results[f"{count} labels per class"] = summary(runs)
    return results


def adapter_run(finder: ImageFinder, given: dict[str, str], asked: dict[str, str], seed: int) -> dict[str, Any]:
    before, started = measure(finder, None, asked), time.process_time()
    made = finder.train_adapter(given, seed=seed)
    run = {"before": before, "after": before, "chosen": made.chosen, "cpu_s": time.process_time() - started}
    run["cross_validation"] = {"before": made.before.to_dict(), "after": made.after.to_dict()}
    if made.name:
        run["after"] = measure(finder, made.name, asked)
        finder.drop_space(made.name)
    return run


def classifier(scratch: Path, seeds: int) -> dict[str, Any]:
    runs = []
    with open_index("vehicles", scratch) as finder:
        labels = labels_of(finder, "vehicles", scratch)
        for seed in range(seeds):
            given = some_of(labels, lambda size: size // 2, seed)
            asked = {id: label for id, label in labels.items() if id not in given}
            before, started = measure(finder, None, asked), time.process_time()
            made = finder.train_classifier(given, seed=seed)
            run = {"before": before, "after": measure(finder, made.name, asked), "chosen": made.chosen}
            run["cpu_s"] = time.process_time() - started
            finder.classify(model=made.name)
            told = {r.id: r.extra["class"] for r in finder.records()}
            run["accuracy"] = float(np.mean([told[id] == label for id, label in asked.items()]))
            run["said"] = {k: made.facts[k] for k in ("accuracy", "ece_uncalibrated", "ece", "temperature")}
            runs.append(run)
            finder.drop_space(made.name or "")
    return {"half of the images, 64 dimensions": summary(runs)}


def words(scratch: Path, seeds: int, taught: int = 400) -> dict[str, Any]:
    runs = []
    folder = dataset("captions", scratch)
    with (folder / "labels.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["filename"] for row in rows})
    with open_index("captions", scratch) as finder, tempfile.TemporaryDirectory() as temporary:
        for seed in range(seeds):
            given = set(np.random.default_rng(seed).permutation(names)[:taught].tolist())
            table = Path(temporary) / "captions.csv"
            with table.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["filename", "caption"])
                writer.writerows((row["filename"], row["caption"]) for row in rows if row["filename"] in given)
            asked = [(Path(r["filename"]).name, r["caption"]) for r in rows if r["filename"] not in given]
            before, started = ask(finder, None, asked), time.process_time()
            made = finder.train_words(table, seed=seed)
            run = {"before": before, "after": ask(finder, made.name, asked), "chosen": made.chosen}
            runs.append({**run, "cpu_s": time.process_time() - started})
            if made.name:
                finder.drop_space(made.name)
    return {f"{taught} photos taught": summary(runs)}


def ask(finder: ImageFinder, space: str | None, asked: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Each caption asks for its photo among those not taught."""
    space = space or finder.text_space
    ids, vectors = finder.vectors(space)
    place = {id: i for i, id in enumerate(ids)}
    of = {Path(r.uri).name: place[r.id] for r in finder.records()}
    photos = sorted({name for name, _ in asked})
    right: defaultdict[str, set[int]] = defaultdict(set)
    for name, caption in asked:
        right[caption].add(photos.index(name))
    texts = finder.embed_words(list(right), space)
    scores = score_words(texts, vectors[[of[name] for name in photos]], [sorted(rows) for rows in right.values()])
    return {f"recall_at_{k}": getattr(scores, f"recall_at_{k}") for k in (1, 5, 10)}


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the runs, the least and the largest gain, and the runs themselves."""
    first = "map_at_r" if "map_at_r" in runs[0]["before"] else "recall_at_10"
    gains = [run["after"][first] - run["before"][first] for run in runs]
    means = {
        when: {name: round(float(np.mean([run[when][name] for run in runs])), 4) for name in runs[0][when]}
        for when in ("before", "after")
    }
    return {
        **means,
        f"gain_of_{first}": {"mean": round(float(np.mean(gains)), 4), "least": round(min(gains), 4)},
        "cpu_s": round(float(np.mean([run["cpu_s"] for run in runs])), 1),
        **({"accuracy": round(float(np.mean([r["accuracy"] for r in runs])), 4)} if "accuracy" in runs[0] else {}),
        "runs": runs,
    }


PARTS: dict[str, Callable[[Path, int], dict[str, Any]]] = {
    "adapter": adapter,
    "unseen": lambda scratch, seeds: adapter(scratch, seeds, unseen=True),
    "classifier": classifier,
    "words": words,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    args = parser.parse_args()
    args.scratch.mkdir(parents=True, exist_ok=True)
    kept = RESULTS / "training.json"
    results = json.loads(kept.read_text()) if kept.is_file() else {}
    for part in args.parts:
        results[part] = PARTS[part](args.scratch, args.seeds)
        for name, found in results[part].items():
            print(part, name, {k: v for k, v in found.items() if k != "runs"}, flush=True)
    save("training", {part: results[part] for part in PARTS if part in results})


if __name__ == "__main__":
    main()

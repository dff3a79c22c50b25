"""Words looked for in pictures, in texts, and in both: how the two rankings become one, and whether neither spoils the
other.

    python benchmarks/hybrid.py [--model default] [--scratch DIR]

Each setting is an index of one image set of which some images have texts, and queries with the images that are right.
Recall is measured with the scores of every image; the last two rows of a setting go through ``ImageFinder.search``.
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import dataset, save

from imagefinder.finder import ImageFinder
from imagefinder.images.palette import COLOURS, VIVID
from imagefinder.search.lexical import OTHERS

AT = (1, 5, 10)
SEARCHED = 300  # queries, evenly taken, that go through a search
UNITS = (0.25, 0.5, 1.0)  # spreads of the meaning that one unit of BM25 adds


@dataclass
class Setting:
    """An index, and queries: the text, the right images, and whether a text of theirs says something of the query."""

    finder: ImageFinder
    queries: list[tuple[str, set[str], bool]]
    colours: bool = False


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["label"] != "symbols"]


def numbered(folder: Path, names: list[str], target: Path) -> dict[str, str]:
    """Copies whose names say nothing; the copy of each name."""
    target.mkdir(parents=True)
    copies = {}
    for i, name in enumerate(names):
        copies[name] = str(target / f"{i:05d}.jpg")
        shutil.copyfile(folder / name, copies[name])
    return copies


def captioned(folder: Path, scratch: Path, model: str) -> Setting:
    """The photos with five captions; the first is on the record of every third photo. Two others are queries."""
    captions: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows_of(folder):
        captions[row["filename"]].append(row["caption"])
    copies = numbered(folder, list(captions), scratch / "photos")
    finder = ImageFinder.open(scratch / "captions", model=model)
    finder.add(scratch / "photos")
    ids = {name: finder.get(copy).id for name, copy in copies.items()}
    third = set(sorted(captions)[::3])
    for name in third:
        finder.update(ids[name], caption=captions[name][0])
    queries = [(text, {ids[name]}, name in third) for name, some in captions.items() for text in some[1::2]]
    return Setting(finder, queries)


def stamps(folder: Path, scratch: Path, model: str, named: bool) -> Setting:
    """The cut-outs. Either they have their file names, and the descriptions are the queries; or the names are numbers,
    every third has its description as a caption, and the words of the file names are the queries."""
    rows = rows_of(folder)
    names = [row["filename"] for row in rows]
    copies = {name: str(folder / name) for name in names} if named else numbered(folder, names, scratch / "stamps-bare")
    finder = ImageFinder.open(scratch / f"stamps-{named}", model=model)
    finder.add(*copies.values())
    ids = {name: finder.get(copy).id for name, copy in copies.items()}
    asked: defaultdict[str, set[str]] = defaultdict(set)
    given: set[str] = set()
    for n, row in enumerate(rows):
        id = ids[row["filename"]]
        if not named and n % 3 == 0:
            finder.update(id, caption=row["caption"])
            given.add(id)
        asked[row["caption"] if named else spoken(row["filename"])].add(id)
    return Setting(finder, [(text, right, named or bool(right & given)) for text, right in asked.items()])


def spoken(name: str) -> str:
    """The last part of a file's name as words."""
    return re.sub(r"[^a-z]+", " ", Path(name).stem.split("__")[-1].lower()).strip() or "thing"


def scores_of(setting: Setting) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """For every query and image: the cosine, what texts say (BM25), what colours say, all float32 (n, images); and
    mean and spread of the cosines of each query with the images that scores are standardised by, and the BM25 of
    a text that says the whole query, (n, 3)."""
    finder = setting.finder
    index = finder._collection.index
    space = finder.text_space
    ids, vectors = finder.vectors(space)
    place = {id: i for i, id in enumerate(ids)}
    texts = finder.embed_words([text for text, _, _ in setting.queries], space)
    meaning = texts @ vectors.T
    background = texts @ index.sample(space).T
    records = [finder.get(id) for id in ids]
    shown = {c: np.array([c in record.colours for record in records], np.float32) for c in VIVID}
    said, colours, fulls = np.zeros_like(meaning), np.zeros_like(meaning), np.ones((len(texts), 1))
    for row, (text, _, _) in enumerate(setting.queries):
        found = index.store.match(text, len(ids) + 1)
        fulls[row] = found.full or 1
        for id, score in found.scores.items():
            said[row, place[id]] = score
        for colour in set(re.findall("[a-z]+", text.lower())) & set(VIVID):
            colours[row] += shown[colour]
    return meaning, said, colours, np.stack([background.mean(axis=1), background.std(axis=1), fulls[:, 0]], axis=1)


def ranks(scores: np.ndarray) -> np.ndarray:
    """The place of each image, from 1; images that are equal share the middle of their places."""
    order = np.sort(-scores, axis=1)
    return np.stack(
        [
            (np.searchsorted(o, -s, "left") + np.searchsorted(o, -s, "right") + 1) / 2
            for o, s in zip(order, scores, strict=True)
        ]
    )


def spread_out(scores: np.ndarray) -> np.ndarray:
    low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    return (scores - low) / np.maximum(high - low, 1e-9)


def fusions(meaning: np.ndarray, said: np.ndarray, around: np.ndarray) -> dict[str, np.ndarray]:
    """The scores of every way to make one ranking of two."""
    standard, part = (meaning - around[:, :1]) / around[:, 1:2], said / around[:, 2:]
    places, text_places = ranks(meaning), ranks(said)
    ways = {
        "pictures": meaning,
        "texts": said,
        "rrf": 1 / (60 + places) + np.where(said > 0, 1 / (60 + text_places), 0),
        **{f"relative, {a:g}": spread_out(meaning) + a * spread_out(said) for a in (1.0,)},
        **{f"sum, {u:g}": standard + u * said for u in UNITS},
        **{f"sum by part, {u:g}": standard + u * said * part for u in (1.0, 1.5, 2.0)},
        "sum by part squared, 1": standard + said * part**2,
        **{
            f"above chance of {n}, {u:g}": standard + u * said * beyond(said, around[:, 2:], n)
            for n, u in ((OTHERS, 1.0), (OTHERS, 1.5), (OTHERS, 2.0), (10, 1.5), (20, 1.5))
        },
    }
    return ways


def beyond(said: np.ndarray, full: np.ndarray, others: int) -> np.ndarray:
    """The part of a query that texts say beyond what the best of so many others say, as in ``search.hybrid``."""
    best = -np.sort(-said, axis=1)[:, others - 1 : others]
    usual = best * np.maximum(1 - best / full, 0)
    return np.maximum(said - usual, 0) / (full - usual)


def recall(scores: np.ndarray, rights: list[np.ndarray]) -> dict[str, float]:
    """In how many per cent of the queries a right image is among the first."""
    best = []
    for row, right in zip(scores, rights, strict=True):
        most = row[right].max()
        best.append(
            1 + (row > most).sum() + ((row == most).sum() - 1) / 2
        )  # equal ones share the middle of their places
    return {f"R@{k}": round(100 * float((np.array(best) <= k + 0.49).mean()), 1) for k in AT}


def searched(setting: Setting, words_in: str) -> tuple[list[float], list[float]]:
    """The place of the first right image of each query by a search, and the milliseconds it took."""
    places, took = [], []
    for text, right, _ in setting.queries[:: max(1, len(setting.queries) // SEARCHED)]:
        begun = time.perf_counter()
        hits = setting.finder.search(text.replace(":", " "), 10, words_in=words_in)
        took.append(1000 * (time.perf_counter() - begun))
        places.append(next((hit.rank for hit in hits if hit.id in right), np.inf))
    return places, took


def measured(setting: Setting) -> dict[str, Any]:
    """Recall by every fusion, of all queries, of those whose images have a text that may say it, and of the others."""
    meaning, said, colours, around = scores_of(setting)
    place = {id: i for i, id in enumerate(setting.finder.vectors(setting.finder.text_space)[0])}
    rights = [np.array([place[id] for id in right]) for _, right, _ in setting.queries]
    spoken_of = np.array([has for _, _, has in setting.queries])
    coloured = np.array(
        [bool(set(re.findall("[a-z]+", text.lower())) & set(COLOURS)) for text, _, _ in setting.queries]
    )
    groups: dict[str, np.ndarray] = {"all": np.ones(len(rights), bool), "with a text": spoken_of, "without": ~spoken_of}
    result: dict[str, Any] = {}
    for group, rows in groups.items():
        if rows.any() and (group == "all" or not rows.all()):
            some = np.flatnonzero(rows)
            ways = fusions(meaning[some], said[some], around[some])
            result[group] = {"queries": len(some)} | {
                way: recall(scores, [rights[i] for i in some]) for way, scores in ways.items()
            }
    if coloured.any():
        some = np.flatnonzero(coloured)
        standard = (meaning - around[:, :1]) / around[:, 1:2]
        result["a colour in the query, pictures"] = {"queries": len(some)} | {
            f"{u:g}": recall((standard + u * colours)[some], [rights[i] for i in some]) for u in (0, 0.5, 1.0, 1.5)
        }
    for words_in in ("pictures", "both"):
        places, took = searched(setting, words_in)
        result[f"search, words_in={words_in}"] = {
            **{f"R@{k}": round(100 * float((np.array(places) <= k).mean()), 1) for k in AT},
            "ms, median": round(float(np.median(took)), 2),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="default")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    options = parser.parse_args()
    options.scratch.mkdir(exist_ok=True)
    photos, cut_outs = dataset("captions", options.scratch), dataset("stamps", options.scratch)
    result: dict[str, Any] = {"model": options.model}
    settings: dict[str, Callable[[Path], Setting]] = {
        "captions, on a third": lambda scratch: captioned(photos, scratch, options.model),
        "stamps, file names": lambda scratch: stamps(cut_outs, scratch, options.model, True),
        "stamps, captions on a third": lambda scratch: stamps(cut_outs, scratch, options.model, False),
    }
    for name, make in settings.items():
        with tempfile.TemporaryDirectory() as scratch:
            setting = make(Path(scratch))
            with setting.finder:
                result[name] = measured(setting)
    save("hybrid", result)


if __name__ == "__main__":
    main()

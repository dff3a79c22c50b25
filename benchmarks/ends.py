"""Where do the good hits end? How sure ``imagefinder.search.ends`` is that images belong, against other ways to tell.

    python benchmarks/ends.py [--scratch DIR] [--tiny INDEX] [--fit]

The collections, each with queries that have an answer and queries that have none, are in ``ends_data.py``, by three
models. Weights are learnt from other collections: parts of the same sets, of other sizes and with other classes
("parts"), or of these only those without any image of the sets of the collection that is measured ("apart"). ``--fit``
writes the former to ``src/imagefinder/search/ends.json``. ``--tiny`` names an index of Tiny ImageNet made with the
model ``fast``, which saves indexing it; the time that being sure adds is taken on it.

Each other way to tell gets the one cut that is best for all collections, kinds of queries and models together, chosen
in hindsight, on the same queries. Queries with and without an answer weigh the same.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, save
from ends_data import COLLECTIONS, MODELS, Asked, Bench, Joint, Model, collection, parts

from imagefinder.finder import ImageFinder
from imagefinder.search import ends
from imagefinder.search.ends import Weights, ends_of, facts, features, with_products

LEARNT = ROOT / "src" / "imagefinder" / "search" / "ends.json"
PARTS = 24  # collections to learn from, of each model
PENALTIES = 1e-3, 1e-4  # on the squared weights of standardised features, for each row
HITS = 100  # of a query that calibration looks at
CUTS = 300
KINDS = {"picture": "pictures", "words": "words", "sum": "sums", "likes": "likes", "fused": "fused"}
FUSED = ("clothing", "vehicles", "stamps")
STEPS = ends.STEPS
Said = Callable[[Asked], np.ndarray]  # how much is to be said for each image of ``Asked.at``, the largest first


def standings(asked: Asked) -> tuple[np.ndarray, np.ndarray]:
    """Those of the sample, ascending, and of the images."""
    return (np.sort(asked.scores.sample) - asked.middle) / asked.spread, asked.at.astype(float)


# --- ways to tell ---------------------------------------------------------------------------------------------------


def by_score(asked: Asked) -> np.ndarray:
    return asked.middle + asked.spread * asked.at.astype(float)


def by_standing(asked: Asked) -> np.ndarray:
    return asked.at.astype(float)


def by_extremes(asked: Asked) -> np.ndarray:
    """The largest of as many images from a normal distribution (whose law is Gumbel's) is below: its logarithm."""
    return -np.log(2 * len(asked.at) * np.maximum(ends._normal_tail(asked.at.astype(float)), 1e-300))


def by_pareto(asked: Asked) -> np.ndarray:
    """A generalised Pareto distribution fitted by moments to what exceeds the 80th percentile of the sample, the best
    three in a hundred left out, for they may belong (Pickands 1975)."""
    sample, at = standings(asked)
    low = sample[int(0.8 * len(sample))]
    over = sample[int(0.8 * len(sample)) : int(0.97 * len(sample))] - low
    mean, variance = max(float(over.mean()), 1e-6), max(float(over.var()), 1e-12)
    shape = float(np.clip(0.5 * (1 - mean**2 / variance), -0.2, 0.5))
    scale = mean * (1 - shape)
    beyond = np.maximum(at - low, 0)
    tail = (
        np.exp(-beyond / scale) if abs(shape) < 1e-3 else np.maximum(1 + shape * beyond / scale, 1e-9) ** (-1 / shape)
    )
    return -np.log(0.2 * np.maximum(tail, 1e-300) * 2 * len(at)) + 1e-6 * np.maximum(at, -10)


def by_mixture(asked: Asked) -> np.ndarray:
    """Two normal distributions, that of random images fixed, fitted by expectation and maximisation: the logarithm of
    the odds."""
    sample, at = standings(asked)
    share, mean, wide = 0.05, max(3.0, float(sample[-1]) * 0.7), 1.0
    for _ in range(30):
        odds = _odds(sample, share, mean, wide)
        chance = 1 / (1 + np.exp(-odds))
        total = chance.sum() + 1e-9
        share = float(np.clip(total / len(sample), 1e-4, 0.5))
        mean = float(max((chance @ sample) / total, 1.5))
        wide = float(np.clip(np.sqrt((chance @ (sample - mean) ** 2) / total), 0.3, 3))
    return np.maximum.accumulate(_odds(STEPS, share, mean, wide))[
        np.clip(np.searchsorted(STEPS, at), 0, len(STEPS) - 1)
    ]


def _odds(at: np.ndarray, share: float, mean: float, wide: float) -> np.ndarray:
    ours = np.log(share / wide) - ((at - mean) / wide) ** 2 / 2
    return np.clip(
        np.where(at > mean, np.maximum(ours, np.log(share / wide)), ours) - np.log(1 - share) + at**2 / 2, -50, 50
    )


def by_discovery(asked: Asked) -> np.ndarray:
    """How many images are as good, against how many of a normal distribution would be: the rate of false discoveries
    (Efron 2008), as a logarithm."""
    sample, at = standings(asked)
    above = len(sample) - np.searchsorted(sample, STEPS) + 0.5
    ratio = np.log(above / (len(sample) * ends._normal_tail(STEPS) + 0.5))
    return np.maximum.accumulate(ratio)[np.clip(np.searchsorted(STEPS, at), 0, len(STEPS) - 1)]


def by_gap(asked: Asked) -> np.ndarray:
    """The largest gap among the first hundred hits: 1 above it, 0 below."""
    first = asked.at[:HITS]
    where = int(np.argmax(first[:-1] - first[1:])) if len(first) > 1 else 0
    return (np.arange(len(asked.at)) <= where).astype(float)


OTHERS: dict[str, Said] = {
    "one score for all": by_score,
    "standing above random images": by_standing,
    "extreme values, Gumbel": by_extremes,
    "extreme values, generalised Pareto": by_pareto,
    "mixture of two normal distributions": by_mixture,
    "rate of false discoveries": by_discovery,
    "largest gap": by_gap,
}


# --- learning -------------------------------------------------------------------------------------------------------


def even(keys: Sequence[Hashable]) -> np.ndarray:
    """Weights with which all keys weigh the same."""
    counts = Counter(keys)
    return np.array([1 / counts[key] for key in keys])


def regression(table: np.ndarray, wanted: np.ndarray, counts: np.ndarray, penalty: float) -> np.ndarray:
    """Weights of a logistic regression with a small penalty, by Newton's method, float64 (2, columns / 2)."""
    scale = np.maximum(np.sqrt((table**2 * counts[:, None]).sum(axis=0) / counts.sum()), 1e-9)
    table, counts = table / scale, counts * len(counts) / counts.sum()
    weights, penalty = np.zeros(table.shape[1]), penalty * len(table)
    for _ in range(10):
        chance = 1 / (1 + np.exp(-np.clip(table @ weights, -30, 30)))
        steep = np.maximum(chance * (1 - chance), 1e-6) * counts
        system = (table * steep[:, None]).T @ table + penalty * np.eye(len(weights))
        step = np.linalg.solve(system, table.T @ (counts * (wanted - chance)) - penalty * weights)
        weights += step
        if np.abs(step).max() < 1e-3:
            break
    found: np.ndarray = (weights / scale).reshape(2, -1)
    return found


class Given:
    """What is known of queries to learn from."""

    def __init__(self, benches: Iterable[Bench]) -> None:
        rng = np.random.default_rng(0)
        heard = [(b, a) for b in benches for a in b.asked if not a.unheard and len(a.at)]
        self.sets, self.names = [{*b.sets} for b, _ in heard], [b.name + b.model for b, _ in heard]
        self.words = [a.scores.words for _, a in heard]
        self.known = np.array([a.wanted > 0 for _, a in heard])
        self.facts = np.array([_both_kinds(with_products(facts(standings(a)[0], a.scores)), a) for _, a in heard])
        self.tables, self.right = [], []
        for _, asked in heard:
            rows = _some(len(asked.at), rng) if asked.wanted else np.zeros(0, np.intp)
            self.tables.append(
                _both_kinds(features(standings(asked)[0], asked.at[rows].astype(float), asked.scores), asked)
            )
            self.right.append(asked.belong[rows].astype(float))

    def fit(self, without: Iterable[str] = ()) -> Weights:
        """Weights from the collections without any image of some sets; all collections weigh the same."""
        rows = [i for i, sets in enumerate(self.sets) if not sets & {*without}]
        weights = even([(self.names[i], self.known[i], self.words[i]) for i in rows])
        answer = regression(self.facts[rows], self.known[rows].astype(float), weights, PENALTIES[0])
        rows = [i for i in rows if self.known[i]]
        counts = np.repeat(even([self.names[i] for i in rows]), [len(self.right[i]) for i in rows])
        tables, right = (np.concatenate([held[i] for i in rows]) for held in (self.tables, self.right))
        return Weights(answer, regression(tables, right, counts, PENALTIES[1]))


def _both_kinds(table: np.ndarray, asked: Asked) -> np.ndarray:
    words = asked.scores.words
    return np.hstack([(1 - words) * table, words * table])


def _some(n: int, rng: np.random.Generator) -> np.ndarray:
    """Places of some of the best of ``n`` images and of some others."""
    bands = ((0, 30, 12), (30, 500, 10), (500, n, 5))
    return np.concatenate([low + rng.permutation(max(0, min(high, n) - low))[:k] for low, high, k in bands])


def once(way: Said) -> Said:
    """The same, computed once for each query."""
    kept: dict[int, np.ndarray] = {}

    def said(asked: Asked) -> np.ndarray:
        if id(asked) not in kept:
            kept[id(asked)] = way(asked).astype(np.float32)
        return kept[id(asked)]

    return said


class Ours:
    """The product with these weights."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.sure = once(self._sure)

    def _sure(self, asked: Asked) -> np.ndarray:
        """How sure each image is, and then where they are cut."""
        found = ends_of(asked.scores, self.weights)
        assert found is not None
        return np.append(found.sure(by_score(asked)), found.cut)

    def chances(self, asked: Asked) -> np.ndarray:
        return self.sure(asked)[:-1]

    def shown(self, asked: Asked) -> np.ndarray:
        """1 for those that ``cut="auto"`` shows, 2 for those that surely fit."""
        *chances, cut = self.sure(asked)
        sure = np.array(chances)
        return (sure >= cut) * (1.0 + (sure >= ends.SURELY))


# --- measuring ------------------------------------------------------------------------------------------------------


class Curve:
    """How many images each query would show, and how many of them belong, for each of the ``cuts``."""

    def __init__(self, cuts: np.ndarray, said: Said, asked: Sequence[Asked]) -> None:
        shown, right = [], []
        for one in asked:
            count = np.searchsorted(-said(one), -cuts, side="right") * (not one.unheard)
            shown.append(count)
            right.append(np.append(0, np.cumsum(one.belong))[count])
        self.shown, self.right = np.array(shown), np.array(right)
        self.wanted = np.array([one.wanted for one in asked])
        self.known = self.wanted > 0

    @property
    def f1(self) -> np.ndarray:
        """For each query and cut; 1 for nothing shown where nothing belongs."""
        total = self.shown + self.wanted[:, None]
        return np.where(total == 0, 1.0, 2 * self.right / np.maximum(total, 1))

    def balanced(self, values: np.ndarray) -> np.ndarray:
        """The mean over queries of which those with an answer weigh as much as the others."""
        halves = [values[which].mean(axis=0) for which in (self.known, ~self.known) if which.any()]
        return np.mean(halves, axis=0)

    def nothing(self, cut: int, known: bool) -> float | None:
        """The share of queries, those with an answer or the others, to which nothing is shown."""
        which = self.known if known else ~self.known
        return round(float((self.shown[which, cut] == 0).mean()), 3) if which.any() else None


def cuts_of(said: Said, asked: Sequence[Asked]) -> np.ndarray:
    """Cuts to choose from: where images of these queries lie."""
    values = np.concatenate([said(one)[:1000] for one in asked[:: max(1, len(asked) // 400)]])
    return np.unique(np.append(np.quantile(values, np.linspace(0, 1, CUTS)), values.max() + 1e-6))


def calibration(said: Said, asked: Sequence[Asked]) -> float:
    """The expected calibration error of the first hits, in ten bins (Naeini et al. 2015)."""
    heard = [one for one in asked if not one.unheard]
    chance, truth = (np.concatenate(x) for x in ([said(a)[:HITS] for a in heard], [a.belong[:HITS] for a in heard]))
    bins = np.minimum((10 * chance).astype(int), 9)
    return float(sum(abs(chance[bins == i].sum() - truth[bins == i].sum()) for i in range(10)) / len(chance))


def measure(bench: Bench, ways: dict[str, Ours]) -> dict[str, Any]:
    """One collection by one model."""
    result: dict[str, Any] = {"images": bench.images}
    for kind, group in KINDS.items():
        asked = [a for a in bench.asked if a.kind == kind]
        if not any(a.wanted for a in asked):
            continue
        hindsight = Curve(cuts_of(by_score, asked), by_score, asked)
        known = hindsight.known
        result[group] = {
            "queries": int(known.sum()),
            "without_answer": int((~known).sum()),
            "not_understood": sum(a.unheard for a in asked),
            "best_score_in_hindsight": round(float(hindsight.f1[known].mean(axis=0).max()), 3),
            "best_score_in_hindsight_for_all": round(float(hindsight.balanced(hindsight.f1).max()), 3),
        }
        for name, ours in ways.items():
            mine = Curve(np.array([1.0, 2.0]), ours.shown, asked)
            result[group][name] = {
                "f1": round(float(mine.f1[known, 0].mean()), 3),
                "f1_of_all": round(float(mine.balanced(mine.f1)[0]), 3),
                "calibration_error": round(calibration(ours.chances, asked), 3),
                "precision_of_surely": round(float(mine.right[:, 1].sum() / max(1, mine.shown[:, 1].sum())), 3),
                "nothing_wrongly": mine.nothing(0, True),
                "nothing_rightly": mine.nothing(0, False),
            }
    return result


def compare(benches: Sequence[Bench], kinds: Sequence[str], ours: dict[str, Said]) -> dict[str, Any]:
    """Every way to tell on all queries of these kinds, with one setting: means over the collections."""
    groups = [[a for a in b.asked if a.kind == kind] for b in benches for kind in kinds]
    groups = [asked for asked in groups if any(a.wanted for a in asked)]
    found: dict[str, Any] = {}
    for name, way in {**OTHERS, **ours}.items():
        cuts = np.array([1.0]) if name in ours else cuts_of(way, [a for asked in groups for a in asked])
        curves = [Curve(cuts, way, asked) for asked in groups]
        of_all = np.mean([curve.balanced(curve.f1) for curve in curves], axis=0)
        best = int(of_all.argmax())
        none = {right: [curve.nothing(best, right) for curve in curves] for right in (True, False)}
        found[name] = {
            "f1": round(float(np.mean([curve.f1[curve.known, best].mean() for curve in curves])), 3),
            "f1_of_all": round(float(of_all[best]), 3),
            "nothing_rightly": round(float(np.mean([x for x in none[False] if x is not None] or [np.nan])), 3),
            "nothing_wrongly": round(float(np.mean([x for x in none[True] if x is not None])), 3),
        }
    return found


def milliseconds(place: Path) -> dict[str, Any]:
    """Of 40 searches in one index: the median of the time of the CPU, and the quickest of telling how sure hits are. So
    what else the machine does counts little."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    with ImageFinder.open(place, create=False) as finder:
        ids = finder.columns(["id"])["id"][:44]
        for turn, id in enumerate(ids):
            for text, query in (
                ("words", {"query": "dog"}),
                ("picture", {"query": f"id:{id}"}),
                ("likes", {"query": None, "liked": [id]}),
            ):
                for name, options in (("", {}), (", cut", {"cut": "auto"})):
                    started = time.process_time()
                    hits = finder.search(**query, k=100, **options)  # type: ignore[arg-type]
                    if turn >= 4:  # the first are not warm
                        times[f"{text}{name}"].append(1000 * (time.process_time() - started))
                        times[f"{text}{name}, to be sure"].append(hits.stages["sure"])
        of = {name: min(found) if name.endswith("sure") else float(np.median(found)) for name, found in times.items()}
        return {"images": len(finder), **{name: round(value, 2) for name, value in of.items()}}


def made(scratch: Path, tiny: Path | None) -> tuple[list[Bench], list[Bench]]:
    """The collections that are measured, and those to learn from."""
    models = [Model(name, scratch, tiny) for name in MODELS]
    models.append(Joint(models[-1]))
    measured = [collection(name, [model]) for model in models for name in COLLECTIONS]
    measured += [collection(name, models[:2]) for name in FUSED]
    return measured, [bench for model in models for bench in parts(model, PARTS)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--tiny", type=Path, help="an index of Tiny ImageNet made with the model fast")
    parser.add_argument("--fit", action="store_true", help="write the weights learnt from all collections")
    options = parser.parse_args()
    options.scratch.mkdir(exist_ok=True)
    measured, given = made(options.scratch, options.tiny)
    learning = Given(given)
    whole = Ours(learning.fit())
    if options.fit:
        told = {name: _written(weights) for name, weights in whole.weights._asdict().items()}
        LEARNT.write_text(json.dumps({"made": "python benchmarks/ends.py --fit", **told}) + "\n")
    alone = {sets: Ours(learning.fit(sets)) for sets in {b.sets for b in measured}}
    for name in OTHERS:
        OTHERS[name] = once(OTHERS[name])
    result = {f"{b.name}, {b.model}": measure(b, {"parts": whole, "apart": alone[b.sets]}) for b in measured}
    of = {id(asked): alone[b.sets] for b in measured for asked in b.asked}
    ours: dict[str, Said] = {"learnt": whole.shown, "learnt apart": lambda asked: of[id(asked)].shown(asked)}
    ways = {group: compare(measured, [kind], ours) for kind, group in KINDS.items()}
    ways["everything"] = compare(measured, list(KINDS), ours)
    timed = {"milliseconds": milliseconds(options.tiny)} if options.tiny else {}
    save("ends", {"collections": result, "ways": ways, **timed})


def _written(weights: np.ndarray) -> dict[str, list[float]]:
    return {kind: [float(f"{w:.4g}") for w in row] for kind, row in zip(("pictures", "words"), weights, strict=True)}


if __name__ == "__main__":
    main()

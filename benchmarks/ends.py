"""Where do the good hits end? How sure ``imagefinder.search.ends`` is that images belong, against other ways to tell.

    python benchmarks/ends.py [--scratch DIR] [--tiny INDEX] [--fit]

The collections, each with queries that have an answer and queries that have none, are in ``ends_data.py``. Each is
measured twice: with weights learnt from every other query of all collections, on the queries between ("halves"); and
with weights learnt from collections without any image of its sets ("apart"). ``--fit`` then learns from all and writes
``src/imagefinder/search/ends.json``. ``--tiny`` names an index of Tiny ImageNet made with the model ``fast``, which
saves indexing it; the time that being sure adds is taken on it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, save
from ends_data import BOTH, COLLECTIONS, MODELS, SETS, TO_LEARN, Asked, Bench, Texts, collection, fused, pool

from imagefinder.finder import ImageFinder
from imagefinder.index.sample import standard
from imagefinder.search import ends
from imagefinder.search.ends import FEATURES, Scores, ends_of, features

LEARNT = ROOT / "src" / "imagefinder" / "search" / "ends.json"
LIKED = 0.75  # the share of the liked in a query with three of them
PENALTY = 1e-4  # on the squared weights of standardised features, for each row
HITS = 100  # of a query that calibration looks at
CUTS = 400
KINDS = ("picture", "words", "sum", "likes", "fused")
GROUPS = dict(zip(("pictures", "words", "sums", "likes", "fused"), KINDS, strict=True))
Weights = dict[str, dict[str, float]]
Said = Callable[[Bench, Asked], np.ndarray]  # how much is to be said for each image, larger for more


def told(bench: Bench, asked: Asked) -> Scores:
    """What the product knows of a query."""
    sample = asked.scores[bench.sample]
    sample = sample[np.isfinite(sample)].astype(np.float32)
    return Scores(sample, len(asked.scores), asked.usual, asked.odd, asked.words, LIKED * (asked.kind == "likes"))


def standings(bench: Bench, asked: Asked) -> tuple[np.ndarray, np.ndarray]:
    """Those of the sample, ascending, and of all images."""
    found = np.sort(told(bench, asked).sample)
    middle, spread = standard(found)
    return (found - middle) / spread, (np.nan_to_num(asked.scores, nan=-np.inf) - middle) / spread


# --- ways to tell ---------------------------------------------------------------------------------------------------


def by_score(bench: Bench, asked: Asked) -> np.ndarray:
    return np.nan_to_num(asked.scores, nan=-np.inf)


def by_standing(bench: Bench, asked: Asked) -> np.ndarray:
    return standings(bench, asked)[1]


def by_extremes(bench: Bench, asked: Asked) -> np.ndarray:
    """The largest of as many images from a normal distribution (whose law is Gumbel's) is below: its logarithm."""
    at = standings(bench, asked)[1]
    return -np.log(len(at) * np.maximum(ends._normal_tail(np.maximum(at, -5)), 1e-300))


def by_pareto(bench: Bench, asked: Asked) -> np.ndarray:
    """A generalised Pareto distribution fitted by moments to what exceeds the 80th percentile of the sample, the best
    three in a hundred left out, for they may belong (Pickands 1975)."""
    sample, at = standings(bench, asked)
    low = sample[int(0.8 * len(sample))]
    over = sample[int(0.8 * len(sample)) : int(0.97 * len(sample))] - low
    mean, variance = max(float(over.mean()), 1e-6), max(float(over.var()), 1e-12)
    shape = float(np.clip(0.5 * (1 - mean**2 / variance), -0.2, 0.5))
    scale = mean * (1 - shape)
    beyond = np.maximum(at - low, 0)
    tail = (
        np.exp(-beyond / scale) if abs(shape) < 1e-3 else np.maximum(1 + shape * beyond / scale, 1e-9) ** (-1 / shape)
    )
    return -np.log(0.2 * np.maximum(tail, 1e-300) * len(at)) + 1e-6 * np.maximum(at, -10)


def by_mixture(bench: Bench, asked: Asked) -> np.ndarray:
    """Two normal distributions, that of random images fixed, fitted by expectation and maximisation: the logarithm of
    the odds."""
    sample, at = standings(bench, asked)
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


def by_discovery(bench: Bench, asked: Asked) -> np.ndarray:
    """How many images are as good, against how many of a normal distribution would be: the rate of false discoveries
    (Efron 2008), as a logarithm."""
    sample, at = standings(bench, asked)
    above = len(sample) - np.searchsorted(sample, STEPS) + 0.5
    ratio = np.log(above / (len(sample) * ends._normal_tail(STEPS) + 0.5))
    return np.maximum.accumulate(ratio)[np.clip(np.searchsorted(STEPS, at), 0, len(STEPS) - 1)]


def by_gap(bench: Bench, asked: Asked) -> np.ndarray:
    """The largest gap among the first hundred hits: 1 above it, 0 below."""
    scores = np.nan_to_num(asked.scores, nan=-np.inf)
    first = np.sort(scores)[::-1][:HITS]
    where = int(np.argmax(first[:-1] - first[1:]))
    return (scores >= first[where]).astype(float)


STEPS = ends.STEPS
OTHERS: dict[str, Said] = {
    "one score for all": by_score,
    "standing above random images": by_standing,
    "extreme values, Gumbel": by_extremes,
    "extreme values, generalised Pareto": by_pareto,
    "mixture of two normal distributions": by_mixture,
    "rate of false discoveries": by_discovery,
    "largest gap": by_gap,
}
OURS = "learnt"


# --- learning -------------------------------------------------------------------------------------------------------


def rows(bench: Bench, asked: Asked, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The best images of a query and some of the others: features for both kinds of queries, and whether they
    belong."""
    order = np.argsort(-np.nan_to_num(asked.scores, nan=-np.inf))[: int(np.isfinite(asked.scores).sum())]
    chosen = np.concatenate([order[:30], rng.permutation(order[30:500])[:20], rng.permutation(order[500:])[:12]])
    scores = told(bench, asked)
    sample, at = standings(bench, asked)
    table = features(sample, np.maximum(at[chosen], 0), scores)
    return np.hstack([(1 - asked.words) * table, asked.words * table]), asked.belong[chosen]


def fit(pairs: Iterable[tuple[Bench, Asked]]) -> Weights:
    """Logistic regression with a small penalty, by Newton's method. All collections weigh the same."""
    rng = np.random.default_rng(0)
    given = [(b.name + b.model, *rows(b, a, rng)) for b, a in pairs if not a.unheard and b.model != BOTH]
    sizes = Counter(name for name, _, _ in given)
    table = np.concatenate([x for _, x, _ in given])
    wanted = np.concatenate([y for _, _, y in given]).astype(float)
    counts = np.concatenate([np.full(len(y), 1 / sizes[name]) for name, _, y in given])
    counts *= len(counts) / counts.sum()
    scale = np.maximum(np.sqrt((table**2 * counts[:, None]).mean(axis=0)), 1e-9)
    table /= scale
    weights, penalty = np.zeros(table.shape[1]), PENALTY * len(table)
    for _ in range(15):
        chance = 1 / (1 + np.exp(-np.clip(table @ weights, -30, 30)))
        steep = np.maximum(chance * (1 - chance), 1e-6) * counts
        system = (table * steep[:, None]).T @ table + penalty * np.eye(len(weights))
        step = np.linalg.solve(system, table.T @ (counts * (wanted - chance)) - penalty * weights)
        weights += step
        if np.abs(step).max() < 1e-3:
            break
    found = weights / scale
    halves = {"pictures": found[: len(FEATURES)], "words": found[len(FEATURES) :]}
    return {kind: {n: round(float(w), 5) for n, w in zip(FEATURES, half, strict=True)} for kind, half in halves.items()}


def sure_by(weights: Weights) -> Said:
    held = {kind: np.array([row[n] for n in FEATURES]) for kind, row in weights.items()}

    def sure(bench: Bench, asked: Asked) -> np.ndarray:
        found = ends_of(told(bench, asked), held)
        assert found is not None
        return found.sure(np.nan_to_num(asked.scores, nan=-1e9))

    return sure


def shown_by(weights: Weights) -> Said:
    """1 for the images that ``cut="auto"`` shows, 2 for those that surely fit, 0 for the others."""
    held = {kind: np.array([row[n] for n in FEATURES]) for kind, row in weights.items()}

    def shown(bench: Bench, asked: Asked) -> np.ndarray:
        found = ends_of(told(bench, asked), held)
        assert found is not None
        sure = found.sure(np.nan_to_num(asked.scores, nan=-1e9))
        if sure.max() < ends.MAYBE:
            return np.zeros(len(sure))
        return (sure >= found.cut).astype(float) + (sure >= ends.SURELY)

    return shown


# --- measuring ------------------------------------------------------------------------------------------------------


class Curve:
    """How many images a query would show, and how many of them belong, for each of the ``cuts``."""

    def __init__(self, cuts: np.ndarray, said: Said, pairs: Sequence[tuple[Bench, Asked]]) -> None:
        shown, right, wanted = [], [], []
        for bench, asked in pairs:
            found = said(bench, asked)
            there = np.isfinite(asked.scores)
            place = np.searchsorted(cuts, found, side="right")  # shown at the cuts before
            counts = [
                np.bincount(place[which], minlength=len(cuts) + 1)[::-1].cumsum()[::-1][1:]
                for which in (there, there & asked.belong)
            ]
            silent = 0 if asked.unheard else 1
            shown.append(silent * counts[0])
            right.append(silent * counts[1])
            wanted.append(int(asked.belong.sum()))
        self.cuts, self.shown, self.right, self.wanted = cuts, np.array(shown), np.array(right), np.array(wanted)

    @property
    def f1(self) -> np.ndarray:
        """For each query and cut; 1 for nothing shown where nothing belongs."""
        total = self.shown + self.wanted[:, None]
        return np.where(total == 0, 1.0, 2 * self.right / np.maximum(total, 1))

    @property
    def answerable(self) -> np.ndarray:
        return self.wanted > 0


def cuts_of(said: Said, pairs: Sequence[tuple[Bench, Asked]]) -> np.ndarray:
    """Cuts to choose from: where images of these queries lie."""
    best = [np.sort(said(b, a)[np.isfinite(a.scores)])[-1000:] for b, a in pairs[:: max(1, len(pairs) // 200)]]
    values = np.concatenate(best)
    return np.unique(np.append(np.quantile(values[np.isfinite(values)], np.linspace(0, 1, CUTS)), values.max() + 1e-6))


def calibration(said: Said, pairs: Sequence[tuple[Bench, Asked]]) -> float:
    """The expected calibration error of the first hits, in ten bins (Naeini et al. 2015)."""
    chances, right = [], []
    for bench, asked in pairs:
        if not asked.unheard:
            found = said(bench, asked)
            first = np.argsort(-np.nan_to_num(asked.scores, nan=-np.inf))[:HITS]
            chances.append(found[first])
            right.append(asked.belong[first])
    chance, truth = np.concatenate(chances), np.concatenate(right)
    bins = np.minimum((10 * chance).astype(int), 9)
    return float(sum(abs(chance[bins == i].sum() - truth[bins == i].sum()) for i in range(10)) / len(chance))


def pairs_of(benches: Iterable[Bench], kinds: Sequence[str] | None = None) -> list[tuple[Bench, Asked]]:
    return [(b, a) for b in benches for a in b.asked if kinds is None or a.kind in kinds]


def apart(sets: Sequence[str], benches: Sequence[Bench]) -> list[Bench]:
    """Those with no image of these sets."""
    return [b for b in benches if not {*b.sets} & {*sets}]


def measure(bench: Bench, halves: Weights, elsewhere: Weights) -> dict[str, Any]:
    """One collection by one model, on every second of its queries."""
    result: dict[str, Any] = {"images": len(bench.asked[0].scores)}
    for group, kind in GROUPS.items():
        pairs = pairs_of([bench], [kind])[1::2]
        if not pairs:
            continue
        hindsight = Curve(cuts_of(by_score, pairs), by_score, pairs)
        known = hindsight.answerable
        result[group] = {
            "queries": int(known.sum()),
            "without_answer": int((~known).sum()),
            "not_understood": sum(a.unheard for _, a in pairs),
            "best_score_in_hindsight": _f1(hindsight, int(hindsight.f1[known].mean(axis=0).argmax()), known),
            "best_score_in_hindsight_for_all": _f1(hindsight, int(hindsight.f1.mean(axis=0).argmax()), known),
        }
        for name, weights in (("halves", halves), ("apart", elsewhere)):
            mine = Curve(np.array([1.0, 2.0]), shown_by(weights), pairs)
            silent = mine.shown[:, 0] == 0
            result[group][name] = _f1(mine, 0, known) | {
                "calibration_error": round(calibration(sure_by(weights), pairs), 3),
                "precision_of_surely": round(float(mine.right[:, 1].sum() / max(1, mine.shown[:, 1].sum())), 3),
                "nothing_wrongly": round(float(silent[known].mean()), 3),
                "nothing_rightly": round(float(silent[~known].mean()), 3) if not known.all() else None,
            }
    return result


def _f1(curve: Curve, cut: int, known: np.ndarray) -> dict[str, float]:
    """The mean over queries that have an answer, and over all queries."""
    return {"f1": round(float(curve.f1[known, cut].mean()), 3), "f1_of_all": round(float(curve.f1[:, cut].mean()), 3)}


def compare(benches: Sequence[Bench], kind: str, halves: Weights) -> dict[str, Any]:
    """Every way to tell on all collections of one model: the others with the one cut that is best for the first half of
    the queries of all, on the second half."""
    first, second = ([p for b in benches for p in pairs_of([b], [kind])[turn::2]] for turn in (0, 1))
    names = [b.name for b, _ in second]
    found: dict[str, Any] = {}
    for name, way in {**OTHERS, OURS: shown_by(halves)}.items():
        cuts = cuts_of(way, first) if name != OURS else np.array([1.0])
        best = int(_even(Curve(cuts, way, first).f1, [b.name for b, _ in first]).argmax()) if name != OURS else 0
        curve = Curve(cuts[[best]], way, second)
        known, silent = curve.answerable, curve.shown[:, :1] == 0
        found[name] = {
            "f1": round(float(_even(curve.f1[known], np.array(names)[known])[0]), 3),
            "f1_of_all": round(float(_even(curve.f1, names)[0]), 3),
            "nothing_rightly": round(float(_even(silent[~known], np.array(names)[~known])[0]), 3),
            "nothing_wrongly": round(float(_even(silent[known], np.array(names)[known])[0]), 3),
        }
    return found


def _even(values: np.ndarray, names: Sequence[str] | np.ndarray) -> np.ndarray:
    """The mean over collections of the means over their queries."""
    of = np.array(names)
    return np.mean([values[of == name].mean(axis=0) for name in sorted(set(names))], axis=0)


def benches_of(scratch: Path, tiny: Path | None) -> list[Bench]:
    pools = {
        m: {s: pool(s, m, scratch, tiny if (s, m) == ("tinyimagenet", "fast") else None) for s in SETS} for m in MODELS
    }
    found = []
    for model in MODELS:
        texts = Texts(model)
        found += [collection(name, model, pools[model], texts) for name in (*COLLECTIONS, *TO_LEARN)]
    return found + [fused(name, pools) for name in ("clothing", "vehicles", "stamps")]


def milliseconds(place: Path) -> dict[str, Any]:
    """The quickest of 60: of telling how sure hits are, and of whole searches, in one index."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    with ImageFinder.open(place, create=False) as finder:
        ids = finder.columns(["id"])["id"][:60]
        for text, query in (("words", "dog"), ("picture", "id:")):
            for id in ids:
                for name, options in (("", {}), (", cut", {"cut": "auto"})):
                    hits = finder.search(query if text == "words" else query + id, k=100, **options)  # type: ignore[arg-type]
                    times[f"{text}{name}"].append(hits.took_ms)
                    times[f"{text}{name}, to be sure"].append(hits.stages["sure"])
        return {"images": len(finder), **{name: round(min(found), 2) for name, found in times.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--tiny", type=Path, help="an index of Tiny ImageNet made with the model fast")
    parser.add_argument("--fit", action="store_true", help="write the weights learnt from all collections")
    options = parser.parse_args()
    options.scratch.mkdir(exist_ok=True)
    benches = benches_of(options.scratch, options.tiny)
    everything = pairs_of(benches)
    if options.fit:
        names = ", ".join(dict.fromkeys(b.name for b in benches if b.model != BOTH))
        made = f"python benchmarks/ends.py --fit, on {names}, by {', '.join(MODELS)}"
        LEARNT.write_text(json.dumps({"made": made, "weights": fit(everything)}, indent=1) + "\n")
    halves = fit([p for b in benches for kind in GROUPS.values() for p in pairs_of([b], [kind])[::2]])
    reported = [b for b in benches if b.name in COLLECTIONS]
    elsewhere = {sets: fit(pairs_of(apart(sets, benches))) for sets in dict.fromkeys(b.sets for b in reported)}
    result = {f"{b.name}, {b.model}": measure(b, halves, elsewhere[b.sets]) for b in reported}
    ways = {g: compare([b for b in reported if b.model == MODELS[0]], GROUPS[g], halves) for g in ("pictures", "words")}
    timed = {"milliseconds": milliseconds(options.tiny)} if options.tiny else {}
    save("ends", {"collections": result, "ways": ways, **timed})


if __name__ == "__main__":
    main()

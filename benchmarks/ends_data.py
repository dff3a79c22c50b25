"""Collections with labels, and queries with and without an answer in them: for ``ends.py``."""

from __future__ import annotations

import csv
import json
import os
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from common import dataset
from feedback import WORDS as CLASS_WORDS

from imagefinder.finder import ImageFinder
from imagefinder.index.sample import ASKED, SAMPLED, Sample
from imagefinder.models.registry import load_model
from imagefinder.search.relevance import BACKGROUND, learnt
from imagefinder.vectors.transform import LinearTransform

MODELS = ("default", "fast")
BOTH = "default + fast"
SETS = ("clothing", "vehicles", "stamps", "tinyimagenet")
A_CLASS = {"vehicles": 300, "tinyimagenet": 15}  # images that are looked at, of each class
PICTURES = 150  # queries by a picture of a collection
FOREIGN = 100  # queries by a picture of another set, and as many by words, to which nothing here is an answer
COLLECTIONS = {  # name: the sets it is mixed of, and the classes left out because the sets share them
    "clothing": (("clothing",), ()),
    "vehicles": (("vehicles",), ()),
    "stamps": (("stamps",), ("symbols",)),
    "tinyimagenet": (("tinyimagenet",), ()),
    "clothing + vehicles": (("clothing", "vehicles"), ()),
    "clothing + stamps": (("clothing", "stamps"), ("symbols", "clothes", "people", "seasonal")),
    "vehicles + stamps": (("vehicles", "stamps"), ("symbols", "vehicles", "town", "military")),
}
TO_LEARN = {  # other sizes and numbers of classes, for fitting only
    "clothing, 4 classes": (("clothing",), ("hat", "longsleeve", "outwear", "pants", "shirt", "skirt")),
    "vehicles, 3 classes": (("vehicles",), ("pickup", "truck", "minibus")),
}
WORDS = json.loads(Path(__file__).with_name("ends_words.json").read_text("utf-8"))


@dataclass
class Pool:
    """The raw vectors of a set by one model: how images look, and what they show, float32 (n, dim)."""

    looks: np.ndarray
    shows: np.ndarray
    labels: np.ndarray
    captions: list[str]
    sets: np.ndarray

    def take(self, rows: np.ndarray) -> Pool:
        return Pool(
            self.looks[rows], self.shows[rows], self.labels[rows], [self.captions[i] for i in rows], self.sets[rows]
        )


@dataclass
class Asked:
    """A query: the ``scores`` of all images by it (those it names are NaN), which of them ``belong``, its kind, and the
    share of words in it. ``unheard``: no model knows a word of it, so nothing is shown in any case."""

    kind: str
    scores: np.ndarray
    belong: np.ndarray
    words: float = 0.0
    unheard: bool = False
    odd: np.ndarray = field(default_factory=lambda: np.zeros(4))
    usual: tuple[float, float] = (0.0, 0.0)

    @property
    def answerable(self) -> bool:
        return bool(self.belong.any())


@dataclass
class Bench:
    """A collection with its queries. ``samples`` are the rows that stand for all images."""

    name: str
    model: str
    sets: tuple[str, ...]
    asked: list[Asked] = field(default_factory=list)
    sample: np.ndarray = field(default_factory=lambda: np.zeros(0, np.intp))


def pool(name: str, model: str, scratch: Path, ready: Path | None = None) -> Pool:
    """The vectors of a set, which are kept in ``scratch``. ``ready`` is an index that has them already."""
    kept = scratch / f"ends-{name}-{model}.npz"
    folder = dataset(name, scratch)
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        told = {Path(row["filename"]).name: row for row in csv.DictReader(file)}
    if not kept.exists():
        place = scratch / f"ends-{name}-{model}"
        with ImageFinder.open(ready or place, model=None if ready else model) as finder:
            if not ready:
                most = A_CLASS.get(name)
                finder.add(_some(folder, told, scratch / f"{name}-{most}", most) if most else folder / "images")
            ids, looks = finder.vectors(raw=True)
            also, shows = finder.vectors(finder.text_space, raw=True)
            names = {r.id: Path(r.uri).name for r in finder.records()}
        assert ids == also
        np.savez(kept, looks=looks.astype(np.float16), shows=shows.astype(np.float16), names=[names[id] for id in ids])
    with np.load(kept) as held:
        rows = [told[name] for name in held["names"]]
        labels = np.array([row["label"] for row in rows])
        captions = [row.get("caption") or "" for row in rows]
        sets = np.full(len(rows), name)
        return Pool(held["looks"].astype(np.float32), held["shows"].astype(np.float32), labels, captions, sets)


def _some(folder: Path, told: dict[str, dict[str, str]], target: Path, most: int) -> Path:
    """The first images of each class, in a folder of their own."""
    if not target.is_dir():
        target.mkdir()
        of: defaultdict[str, list[str]] = defaultdict(list)
        for name, row in sorted(told.items()):
            of[row["label"]].append(name)
        for names in of.values():
            for name in names[:most]:
                os.link(folder / "images" / name, target / name)
    return target


def joined(pools: Sequence[Pool], without: Sequence[str]) -> Pool:
    whole = Pool(
        np.concatenate([p.looks for p in pools]),
        np.concatenate([p.shows for p in pools]),
        np.concatenate([p.labels for p in pools]),
        [c for p in pools for c in p.captions],
        np.concatenate([p.sets for p in pools]),
    )
    order = np.random.default_rng(0).permutation(len(whole.labels))  # as ids, which are hashes, order them
    kept = [i for i in order if whole.labels[i] not in without]
    return whole.take(np.array(kept))


class Space:
    """One space of a collection: what a query scores in it."""

    def __init__(self, model: str, part: str, raw: np.ndarray) -> None:
        spec = load_model(model).spec
        name = spec.text_space if part == "shows" else next(s for s in spec.spaces if s != spec.text_space)
        facts = spec.spaces[name]
        self.transform = LinearTransform.fit([raw], kind=facts.transform, prior_mean=spec.prior(name))
        self.vectors = self.transform.apply(raw)
        self.sample = self.vectors[: min(SAMPLED, len(raw))]
        held = Sample([], self.sample)
        self.usual = held.usual
        if part == "shows":
            said = load_model(model).vocabulary().vectors
            common = self.transform.apply(said[:: max(1, len(said) // ASKED)], centre=False)
            self.usual_words = held.usual_by("words", lambda: common)

    def facts(self, query: np.ndarray, words: bool = False, without: Sequence[int] = ()) -> dict[str, Any]:
        """What ``Asked`` keeps of a query beside its scores."""
        usual = self.usual_words if words else self.usual
        rows = np.delete(self.sample, [i for i in without if i < len(self.sample)], axis=0)
        return {"odd": usual.odd(np.sort(rows @ query)), "usual": (usual.best, usual.hundredth)}

    def scores(self, query: np.ndarray) -> np.ndarray:
        return self.vectors @ query

    def standardised(self, query: np.ndarray) -> np.ndarray:
        found = self.scores(query)
        random = found[:256]
        return (found - random.mean()) / max(float(random.std()), 1e-6)


class Texts:
    """What a model makes of texts, each read once."""

    def __init__(self, model: str) -> None:
        self.model, self.kept = load_model(model), dict[str, tuple[np.ndarray, bool]]()

    def __call__(self, text: str) -> tuple[np.ndarray, bool]:
        if text not in self.kept:
            known = self.model.read_texts([text])[0].understood
            self.kept[text] = (self.model.embed_texts([text])[0], known)
        return self.kept[text]


def collection(name: str, model: str, pools: dict[str, Pool], texts: Texts) -> Bench:
    """A collection with its queries: by pictures, by words, sums of both, after likes, and without an answer."""
    sets, without = {**COLLECTIONS, **TO_LEARN}[name]
    here = joined([pools[s] for s in sets], without)
    looks, shows = Space(model, "looks", here.looks), Space(model, "shows", here.shows)
    rng = np.random.default_rng(1)
    bench = Bench(name, model, sets, sample=np.arange(min(SAMPLED, len(here.labels))))
    chosen = _spread(here, rng)
    for row in chosen:
        belong = (here.labels == here.labels[row]) & (here.sets == here.sets[row])
        query = looks.vectors[row]
        bench.asked.append(_without("picture", looks.scores(query), belong, [row], **looks.facts(query, without=[row])))
    bench.asked += list(_liked(here, looks, chosen[::3], rng))
    words = list(_named(here))
    for text, belong in words:
        bench.asked.append(_by_words(text, belong, shows, texts))
    for text, belong in words[:60]:
        row = int(rng.choice(np.flatnonzero(belong)))
        query = shows.transform.apply(texts(text)[0][None], centre=False)[0]
        both = (looks.standardised(looks.vectors[row]) + shows.standardised(query)) / 2
        facts = mean_of([looks.facts(looks.vectors[row], without=[row]), shows.facts(query, words=True)])
        bench.asked.append(_without("sum", both, belong, [row], words=0.5, **facts))
    nothing = np.zeros(len(here.labels), bool)
    for set_, row in _strangers(sets, pools, rng):
        query = looks.transform.apply(pools[set_].looks[row][None])[0]
        bench.asked.append(Asked("picture", looks.scores(query), nothing, **looks.facts(query)))
    bench.asked += [_by_words(text, nothing, shows, texts) for text in _unanswerable(here)]
    return bench


def _by_words(text: str, belong: np.ndarray, shows: Space, texts: Texts) -> Asked:
    raw, known = texts(text)
    query = shows.transform.apply(raw[None], centre=False)[0]
    return Asked("words", shows.scores(query), belong, 1.0, not known, **shows.facts(query, words=True))


def mean_of(facts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Those of a query in several spaces."""
    usual = tuple(float(x) for x in np.mean([f["usual"] for f in facts], axis=0))
    return {"odd": np.mean([f["odd"] for f in facts], axis=0), "usual": usual}


def fused(name: str, pools: dict[str, dict[str, Pool]]) -> Bench:
    """A collection searched by two models together, each standardised: queries by pictures."""
    sets, without = COLLECTIONS[name]
    heres = [joined([pools[model][s] for s in sets], without) for model in MODELS]
    spaces = [Space(model, "looks", here.looks) for model, here in zip(MODELS, heres, strict=True)]
    here, rng = heres[0], np.random.default_rng(1)
    assert (here.labels == heres[1].labels).all()
    bench = Bench(name, BOTH, sets, sample=np.arange(min(SAMPLED, len(here.labels))))
    for row in _spread(here, rng):
        belong = (here.labels == here.labels[row]) & (here.sets == here.sets[row])
        scores = np.mean([s.standardised(s.vectors[row]) for s in spaces], axis=0)
        facts = mean_of([s.facts(s.vectors[row], without=[row]) for s in spaces])
        bench.asked.append(_without("fused", scores, belong, [row], **facts))
    for set_, row in _strangers(sets, pools[MODELS[0]], rng):
        raws = [pools[model][set_].looks[row][None] for model in MODELS]
        queries = [s.transform.apply(raw)[0] for s, raw in zip(spaces, raws, strict=True)]
        both = np.mean([s.standardised(q) for s, q in zip(spaces, queries, strict=True)], axis=0)
        facts = mean_of([s.facts(q) for s, q in zip(spaces, queries, strict=True)])
        bench.asked.append(Asked("fused", both, np.zeros(len(here.labels), bool), **facts))
    return bench


def _without(kind: str, scores: np.ndarray, belong: np.ndarray, rows: Sequence[int], **facts: Any) -> Asked:
    scores, belong = scores.copy(), belong.copy()
    scores[list(rows)], belong[list(rows)] = np.nan, False
    return Asked(kind, scores, belong, **facts)


def _spread(here: Pool, rng: np.random.Generator) -> list[int]:
    """Rows of all classes that have at least ten images, as many of each as of the others."""
    sizes = Counter(zip(here.sets, here.labels, strict=True))
    of = {
        c: rng.permutation(np.flatnonzero((here.sets == c[0]) & (here.labels == c[1])))
        for c, n in sizes.items()
        if n >= 10
    }
    rows = [int(rows[turn]) for turn in range(10**3) for rows in of.values() if turn < len(rows)]
    return rows[:PICTURES] if len(of) <= PICTURES else [rows[i] for i in rng.permutation(len(of))[:PICTURES]]


def _liked(here: Pool, looks: Space, rows: Sequence[int], rng: np.random.Generator) -> Iterator[Asked]:
    """Three pictures of a class that were liked, two of the wrong ones among the hits disliked."""
    for row in rows:
        belong = here.labels == here.labels[row]
        right = [row, *rng.choice(np.flatnonzero(belong), 3, replace=False)]
        order = np.argsort(-looks.scores(looks.vectors[row]))
        wrong = [i for i in order[:60] if not belong[i]][:2]
        query = learnt(looks.vectors[right], looks.vectors[wrong], looks.sample[:BACKGROUND])
        shown = [*right, *wrong]
        yield _without("likes", looks.scores(query), belong, shown, **looks.facts(query, without=shown))


def _named(here: Pool) -> Iterator[tuple[str, np.ndarray]]:
    """Words of the classes, and of stamps those of captions."""
    for set_ in dict.fromkeys(here.sets):
        inside = here.sets == set_
        for label in sorted(set(here.labels[inside])):
            for text in CLASS_WORDS.get(set_, {}).get(label, (label,)):
                yield text, inside & (here.labels == label)
        if set_ == "stamps":
            said = [set(re.findall(r"[a-z]{3,}", c.lower())) for c in here.captions]
            often = Counter(w for s in said for w in s)
            for word, n in sorted(often.items()):
                if n >= 2 and word in WORDS["stamped"]:
                    yield word, inside & np.array([word in s or f"{word}s" in s for s in said])


def _strangers(sets: Sequence[str], pools: dict[str, Pool], rng: np.random.Generator) -> Iterator[tuple[str, int]]:
    """Pictures of other sets, of classes that are unlike all here."""
    usable = {
        name: [row for row, label in enumerate(other.labels) if _unlike(name, str(label), sets)]
        for name, other in pools.items()
        if name not in sets
    }
    names = sorted(name for name, rows in usable.items() if rows)
    for turn in range(FOREIGN):
        name = names[turn % len(names)]
        yield name, int(rng.choice(usable[name]))


def _unlike(name: str, label: str, sets: Sequence[str]) -> bool:
    """Whether nothing in these sets is like the images of another set with this label."""
    varied = bool({"stamps", "tinyimagenet"} & {*sets})
    if name == "clothing":
        return not varied or label in ("pants", "shorts", "t-shirt")
    if name == "vehicles":
        return not varied or label == "bike"
    if name == "stamps":
        return label in (("space", "symbols") if "tinyimagenet" in sets else ("space", "symbols", "plants", "food"))
    if "stamps" in sets:
        return label in WORDS["unlike the stamps"]
    return not any(word in label.lower() for word in WORDS["worn"] + WORDS["driven"])


def _unanswerable(here: Pool) -> Iterator[str]:
    """Words for what is not here, what means nothing, and other languages: ``FOREIGN`` of them, less what is here."""
    told = " ".join([*here.labels, *here.captions]).lower()
    others = [
        w for s in CLASS_WORDS if {*here.sets} == {*CLASS_WORDS} - {s} for ws in CLASS_WORDS[s].values() for w in ws
    ]
    absent = [
        w for w in [*WORDS["absent"], *others] if not any(part in told for part in (w.lower(), w.split()[-1].lower()))
    ]
    if "vehicles" in here.sets:  # where these would be trucks
        absent = [w for w in absent if w not in ("forklift", "snowmobile")]
    rng = random.Random(2)
    nonsense = [
        " ".join(
            "".join(rng.choice("bcdfghjklmnpqrstvwxyz" if i % 3 else "aeiou") for i in range(rng.randint(4, 9)))
            for _ in range(rng.randint(1, 3))
        )
        for _ in range(25)
    ]
    yield from [*absent[: FOREIGN - 50], *nonsense, *WORDS["abroad"][:25]]

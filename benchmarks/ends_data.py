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

import numpy as np
from common import dataset
from feedback import WORDS as CLASS_WORDS

from imagefinder.finder import ImageFinder
from imagefinder.index.sample import ASKED, SAMPLED, STANDARD, Sample, Usual, standard
from imagefinder.models.registry import load_model
from imagefinder.search.ends import Scores, compared
from imagefinder.search.relevance import BACKGROUND, learnt

MODELS = ("default", "fast")
JOINT = "joint, made here"
LIKED = 0.75  # the share of the liked in a query with four of them
SETS = ("clothing", "vehicles", "stamps", "tinyimagenet", "captions")
LEAST_OFTEN = {"stamps": 2, "captions": 6}  # images whose caption says a word that is a query
A_CLASS = {"vehicles": 300, "tinyimagenet": 15}  # images that are looked at, of each class
DEPTH = 1500  # images of a query that are looked at; the product counts 1,000
PICTURES = 60  # queries by a picture of a collection
FOREIGN = 100  # queries by a picture of another set, and as many by words, to which nothing here is an answer
COLLECTIONS = {  # name: the sets it is mixed of, and the classes left out because the sets share them
    "clothing": (("clothing",), ()),
    "vehicles": (("vehicles",), ()),
    "stamps": (("stamps",), ("symbols",)),
    "tinyimagenet": (("tinyimagenet",), ()),
    "captions": (("captions",), ()),
    "clothing + vehicles": (("clothing", "vehicles"), ()),
    "clothing + stamps": (("clothing", "stamps"), ("symbols", "clothes", "people", "seasonal")),
    "vehicles + stamps": (("vehicles", "stamps"), ("symbols", "vehicles", "town", "military")),
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
    """A query, as the product sees it (``scores``), and what there is to find: the standings ``at`` which images are
    that are above the middle, float32 (n,), the best first, and which of them ``belong``; how many do in all
    (``wanted``); ``middle`` and ``spread`` of the scores themselves. ``unheard``: no model knows a word of it, so that
    nothing is shown in any case."""

    kind: str
    scores: Scores
    at: np.ndarray
    belong: np.ndarray
    wanted: int
    middle: float
    spread: float
    unheard: bool = False


@dataclass
class Bench:
    """A collection by one model, with its queries."""

    name: str
    model: str
    sets: tuple[str, ...]
    images: int
    asked: list[Asked] = field(default_factory=list)


class Space:
    """One space of a collection, as an index makes it of the raw unit vectors, float32 (n, dim)."""

    def __init__(self, raw: np.ndarray, kind: str, prior: np.ndarray, common: np.ndarray | None = None) -> None:
        self.mean = np.zeros_like(prior) if kind == "none" else prior + (raw - prior).sum(axis=0) / (len(raw) + 32)
        self.axes = None
        if kind == "pca" and len(raw) >= 512:
            middle = raw - raw.mean(axis=0)
            self.axes = np.linalg.eigh((middle.T @ middle).astype(np.float64))[1][:, :-257:-1].astype(np.float32)
        self.vectors = self.apply(raw)
        self.sample = Sample([], self.vectors[:SAMPLED])
        self.usual = self.sample.usual
        if common is not None:
            self.usual_by_words = self.sample.usual_by("words", lambda: self.apply(common, centre=False))

    def apply(self, raw: np.ndarray, *, centre: bool = True) -> np.ndarray:
        rows = raw - self.mean if centre else raw
        return unit(rows if self.axes is None else rows @ self.axes)

    def compared(self, query: np.ndarray, without: Sequence[int], words: bool) -> tuple[Usual, np.ndarray]:
        """What is usual, and how odd the query is, as ``ends.comparison`` has it."""
        usual = self.usual_by_words if words else self.usual
        rows = np.delete(self.sample.vectors, [i for i in without if i < len(self.sample.vectors)], axis=0)
        return usual, usual.odd(np.sort(rows @ query))

    def standardised(self, query: np.ndarray) -> np.ndarray:
        found = self.vectors @ query
        return (found - found[:STANDARD].mean()) / max(float(found[:STANDARD].std()), 1e-6)


def unit(rows: np.ndarray) -> np.ndarray:
    found: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return found


class Model:
    """All sets by one model, and what it makes of texts. Where vectors of pictures are long, they are kept in the 402
    dimensions that say nearly all of them, which makes collections quicker to make."""

    def __init__(self, name: str, scratch: Path, tiny: Path | None = None) -> None:
        self.name, embedder = name, load_model(name)
        spec, self._embedder = embedder.spec, embedder
        self.pools = {s: pool(s, name, scratch, tiny if (s, name) == ("tinyimagenet", "fast") else None) for s in SETS}
        self.common = embedder.vocabulary().vectors
        self.common = self.common[:: max(1, len(self.common) // ASKED)]
        shows, looks = str(spec.text_space), next(s for s in spec.spaces if s != spec.text_space)
        self.kinds = spec.spaces[looks].transform, spec.spaces[shows].transform
        whole = np.concatenate([unit(p.looks)[:3000] for p in self.pools.values()])
        middle = whole - whole.mean(axis=0)
        axes = np.linalg.eigh((middle.T @ middle).astype(np.float64))[1][:, :-401:-1]
        axes = np.concatenate([axes, np.stack([whole.mean(axis=0), spec.prior(looks)], axis=1)], axis=1)
        axes = np.linalg.qr(axes)[0].astype(np.float32)
        self.priors = spec.prior(looks) @ axes, spec.prior(shows)
        for one in self.pools.values():
            one.looks, one.shows = unit(one.looks) @ axes, unit(one.shows)
        self._read: dict[str, tuple[np.ndarray, bool]] = {}

    def text(self, text: str) -> tuple[np.ndarray, bool]:
        """The vector of a text, and whether any word of it is known."""
        if text not in self._read:
            known = self._embedder.read_texts([text])[0].understood
            self._read[text] = (self._embedder.embed_texts([text])[0], known)
        return self._read[text]


class Joint(Model):
    """Pictures and texts in one space, made here: by ridge regression from how pictures look to ``fast`` to texts: the
    class of each second picture of Tiny ImageNet (of 10,000), the captions of each second photo and cut-out."""

    def __init__(self, base: Model) -> None:
        self.name, self._embedder, self._read, self.common = JOINT, base._embedder, base._read, base.common
        looks, said = [], []
        for name in ("tinyimagenet", "captions", "stamps"):
            held = base.pools[name]
            rows = np.arange(len(held.labels))[:10_000:2]
            looks.append(held.looks[rows])
            said += [held.captions[i] if name != "tinyimagenet" else held.labels[i] for i in rows]
        given = self._with_one(np.concatenate(looks))
        wanted = np.stack([base.text(text)[0] for text in said])
        system = given.T @ given + 3 * np.eye(given.shape[1])
        weights = np.linalg.solve(system, given.T @ wanted).astype(np.float32)
        self.pools = {}
        for name, held in base.pools.items():
            both = unit(self._with_one(held.looks) @ weights)
            self.pools[name] = Pool(both, both, held.labels, held.captions, held.sets)
        self.priors, self.kinds = (np.zeros(wanted.shape[1], np.float32),) * 2, ("none", "none")

    @staticmethod
    def _with_one(rows: np.ndarray) -> np.ndarray:
        return np.hstack([rows, np.ones((len(rows), 1), np.float32)])


def pool(name: str, model: str, scratch: Path, ready: Path | None = None) -> Pool:
    """The vectors of a set, which are kept in ``scratch``. ``ready`` is an index that has them already."""
    kept = scratch / f"ends-{name}-{model}.npz"
    folder = dataset(name, scratch)
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        told = dict[str, dict[str, str]]()
        for row in csv.DictReader(file):
            held = told.setdefault(Path(row["filename"]).name, row)
            if held is not row:  # another caption
                held["caption"] += f" {row['caption']}"
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


class Asking:
    """A collection, by one model or by several together, that is asked queries."""

    def __init__(self, name: str, pools: Sequence[Pool], models: Sequence[Model], rng: np.random.Generator) -> None:
        self.here, self.model, self.rng = pools[0], models[0], rng
        sets = tuple(dict.fromkeys(self.here.sets))
        self.bench = Bench(name, " + ".join(m.name for m in models), sets, len(self.here.labels))
        self.looks = [Space(p.looks, m.kinds[0], m.priors[0]) for p, m in zip(pools, models, strict=True)]
        self.shows = Space(self.here.shows, self.model.kinds[1], self.model.priors[1], self.model.common)

    def ask(
        self,
        kind: str,
        parts: Sequence[tuple[Space, np.ndarray, bool]],
        belong: np.ndarray,
        without: Sequence[int] = (),
        *,
        unheard: bool = False,
    ) -> None:
        """Ask by vectors in spaces, of texts or not; images ``without`` which are shown."""
        words = float(np.mean([of_text for _, _, of_text in parts]))
        usual, odd = compared([space.compared(query, without, text) for space, query, text in parts])
        if len(parts) == 1:
            found = parts[0][0].vectors @ parts[0][1]
        else:
            found = np.mean([space.standardised(query) for space, query, _ in parts], axis=0)
        found, belong = found.astype(np.float64), belong.copy()
        found[list(without)], belong[list(without)] = np.nan, False
        there = np.isfinite(found)
        sample = found[:SAMPLED][there[:SAMPLED]].astype(np.float32)
        scores = Scores(sample, usual, odd, words, LIKED if kind == "likes" else 0.0)
        middle, spread = (float(x) for x in standard(np.sort(sample)))
        at = (found[there] - middle) / spread
        order = np.argsort(-at)
        order = order[at[order] > 0][:DEPTH]
        self.bench.asked.append(
            Asked(
                kind,
                scores,
                at[order].astype(np.float32),
                belong[there][order],
                int(belong.sum()),
                middle,
                spread,
                unheard,
            )
        )

    def by_pictures(self, n: int, liked: int) -> None:
        """As many of each class as of the others; then after likes: of three pictures of a class, and not of two of the
        wrong ones among the hits."""
        kind = "picture" if len(self.looks) == 1 else "fused"
        for turn, row in enumerate(self._spread(n)):
            belong = (self.here.labels == self.here.labels[row]) & (self.here.sets == self.here.sets[row])
            self.ask(kind, [(s, s.vectors[row], False) for s in self.looks], belong, [row])
            if turn < liked:
                looks, others = self.looks[0], np.flatnonzero(belong)
                right = [row, *self.rng.choice(others, min(3, len(others)), replace=False)]
                wrong = [i for i in np.argsort(-(looks.vectors @ looks.vectors[row]))[:60] if not belong[i]][:2]
                query = learnt(looks.vectors[right], looks.vectors[wrong], looks.vectors[:BACKGROUND])
                self.ask("likes", [(looks, query, False)], belong, [*right, *wrong])

    def by_words(self, n: int, sums: int) -> None:
        """By the names of classes and the words of captions; then each with a picture."""
        named = [(text, belong) for text, belong in _named(self.here) if belong.any()]
        self.rng.shuffle(named)  # type: ignore[arg-type]
        for turn, (text, belong) in enumerate(named[:n]):
            vector = self._text(text, belong)
            if turn < sums:
                row = int(self.rng.choice(np.flatnonzero(belong)))
                looks = self.looks[0]
                self.ask("sum", [(looks, looks.vectors[row], False), (self.shows, vector, True)], belong, [row])

    def without_answer(self, pictures: Sequence[Sequence[np.ndarray]], texts: Sequence[str]) -> None:
        """By pictures, each with its vectors by all models, and by texts, to which nothing here is an answer."""
        nothing = np.zeros(len(self.here.labels), bool)
        for raws in pictures:
            parts = [(s, s.apply(raw[None])[0], False) for s, raw in zip(self.looks, raws, strict=True)]
            self.ask("picture" if len(parts) == 1 else "fused", parts, nothing)
        for text in texts:
            self._text(text, nothing)

    def _text(self, text: str, belong: np.ndarray) -> np.ndarray:
        raw, known = self.model.text(text)
        vector: np.ndarray = self.shows.apply(raw[None], centre=False)[0]
        self.ask("words", [(self.shows, vector, True)], belong, unheard=not known)
        return vector

    def _spread(self, n: int) -> list[int]:
        labels = list(zip(self.here.sets, self.here.labels, strict=True))
        sizes = Counter(pair for pair in labels if pair[1])
        of = {
            c: self.rng.permutation([i for i, one in enumerate(labels) if one == c]) for c, k in sizes.items() if k >= 5
        }
        names = [list(of)[i] for i in self.rng.permutation(len(of))]
        rows = [int(of[c][turn]) for turn in range(n) for c in names if turn < len(of[c])]
        return rows[:n]


def collection(name: str, models: Sequence[Model]) -> Bench:
    """A whole collection with its queries; by pictures only where there are several models."""
    sets, without = COLLECTIONS[name]
    rng = np.random.default_rng(1)
    asking = Asking(name, [joined([m.pools[s] for s in sets], without) for m in models], models, rng)
    strangers = [[m.pools[s].looks[row] for m in models] for s, row in _strangers(sets, models[0].pools, rng)]
    alone = len(models) == 1
    asking.by_pictures(PICTURES, PICTURES // 3 if alone else 0)
    if alone:
        asking.by_words(100, 30)
    asking.without_answer(strangers, list(_unanswerable(asking.here)) if alone else [])
    return asking.bench


def parts(model: Model, n: int) -> Iterator[Bench]:
    """Collections to learn from: some of the classes, and some of the images, of one set or of two. They differ in
    their size, and in how many classes they have, as much as those of people do."""
    rng = np.random.default_rng(5)
    for turn in range(n):
        sets = [("clothing", "vehicles", "stamps", "tinyimagenet", "tinyimagenet", "captions")[turn % 6]]
        if turn % 4 == 3 and sets[0] in ("clothing", "vehicles", "stamps"):
            sets.append(str(rng.choice([s for s in ("clothing", "vehicles", "stamps") if s != sets[0]])))
        without = next((out for of, out in COLLECTIONS.values() if {*of} == {*sets}), ())
        whole = joined([model.pools[s] for s in sets], without)
        rows = _some_rows(whole, rng)
        if len(rows) < 100:
            continue
        asking = Asking(f"part {turn} of {' + '.join(sets)}", [whole.take(rows)], [model], rng)
        there = {*zip(asking.here.sets, asking.here.labels, strict=True)}
        strangers = [model.pools[s].looks[row] for s, row in _strangers(sets, model.pools, rng)][:12]
        if sets == ["tinyimagenet"]:
            gone = [i for i, c in enumerate(zip(whole.sets, whole.labels, strict=True)) if c not in there]
            strangers += [whole.looks[i] for i in rng.permutation(gone)[:6].astype(int)]
        absent = list(_unanswerable(asking.here))
        rng.shuffle(absent)
        asking.by_pictures(24, 8)
        asking.by_words(24, 8)
        asking.without_answer([[raw] for raw in strangers], absent[:18])
        yield asking.bench


def _some_rows(whole: Pool, rng: np.random.Generator) -> np.ndarray:
    """Of 3 classes up to all, of each a fifth up to all, and 120 images up to 3,000."""
    labels = list(zip(whole.sets, whole.labels, strict=True))
    names = sorted({*labels})
    k = min(len(names), max(3, int(3 * np.exp(rng.uniform(0, np.log(max(3, len(names) + 0.9) / 3))))))
    share = {names[i]: rng.uniform(0.2, 1) for i in rng.permutation(len(names))[:k]}
    rows = np.array([i for i, c in enumerate(labels) if rng.random() < share.get(c, 0.0)], np.intp)
    found: np.ndarray = rng.permutation(rows)[: int(np.exp(rng.uniform(np.log(120), np.log(3000))))]
    return found


def _named(here: Pool) -> Iterator[tuple[str, np.ndarray]]:
    """Words of the classes, and of stamps those of captions."""
    for set_ in dict.fromkeys(here.sets):
        inside = here.sets == set_
        for label in sorted({*here.labels[inside]} - {""}):
            for text in CLASS_WORDS.get(set_, {}).get(label, (label,)):
                yield text, inside & (here.labels == label)
        if set_ in ("stamps", "captions"):
            said = [set(re.findall(r"[a-z]{3,}", c.lower())) for c in here.captions]
            often = Counter(w for s in said for w in s)
            for word, n in sorted(often.items()):
                if n >= LEAST_OFTEN[set_] and word in WORDS[set_]:
                    yield word, inside & np.array([word in s or f"{word}s" in s for s in said])


def _strangers(sets: Sequence[str], pools: dict[str, Pool], rng: np.random.Generator) -> Iterator[tuple[str, int]]:
    """Pictures of other sets, of classes that are unlike all here."""
    usable = {
        name: [row for row, label in enumerate(other.labels) if _unlike(name, str(label), sets)]
        for name, other in pools.items()
        if name not in sets and name != "captions"
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

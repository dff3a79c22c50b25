"""Why a hit is one: what each part of the query adds to its score, and what the image and the query have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from imagefinder.images.palette import COLOURS, colour_names
from imagefinder.search.embed import query_vectors, searched, vectors_there
from imagefinder.search.fusion import Fused
from imagefinder.search.hybrid import Hybrid
from imagefinder.search.lexical import matched
from imagefinder.search.query import Kind
from imagefinder.search.ranking import Ranking
from imagefinder.search.relevance import Examples, learnt_shares, space_queries
from imagefinder.types import Hit, Reason, Record, Why
from imagefinder.vectors.moments import unit

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.index.models import View
    from imagefinder.models.base import Vocabulary
    from imagefinder.search.embed import EmbeddedTerm, Pictures, SpaceQuery
    from imagefinder.search.lexical import Written
    from imagefinder.search.options import SearchOptions
    from imagefinder.search.query import Term
    from imagefinder.types import Float32

EXPLAINED = 100  # hits of one search
CONCEPTS, VOTES = 3, 5  # words named for a hit; words that an image or a text speaks for, as in the names of clusters
CLEAR = 2.5  # standard deviations above all words, and this share of the nearest word's, to be spoken for
NEAR = 0.6
VAGUE = {
    "barrier",
    "container",
    "device",
    "equipment",
    "instrument",
    "obstruction",
    "structure",
    "system",
}  # of no look of their own
LIKED, DISLIKED, OTHERS = "liked", "disliked", "others"
TEXTS, FIRST, HUES = "what is written", "name or phrase", "colours"  # what is called so or says a phrase comes first
Place: TypeAlias = "int | str"  # of a part: the place of its term, or one of these three


class Asked(NamedTuple):
    """A query after embedding: for each of the ``views`` the ``embedded`` terms, in the order of ``terms``; what of it
    is looked up in texts; and the ``ranking`` that both make."""

    views: Sequence[View]
    embedded: Sequence[Sequence[EmbeddedTerm]]
    terms: Sequence[Term]
    options: SearchOptions
    pictures: Pictures
    written: Written
    ranking: Ranking | Fused | Hybrid


def explained(asked: Asked, hits: Sequence[Hit]) -> list[Hit]:
    """The hits, the first ``EXPLAINED`` of them with why they are."""
    some = hits[:EXPLAINED]
    with asked.views[0].index.steady.shared():
        whys = whys_of(asked, [hit.record for hit in some])
    return [*(replace(hit, why=why) for hit, why in zip(some, whys, strict=True)), *hits[EXPLAINED:]]


def whys_of(asked: Asked, records: Sequence[Record]) -> list[Why]:
    """Why each of these images fits the query; the caller holds ``index.steady``."""
    ids = [record.id for record in records]
    parts = shares(asked, ids) if asked.terms or asked.options.liked else {}
    texts = _added(asked.ranking, ids)
    concepts = _concepts(asked, ids)
    wanted = _colours(asked)
    found = []
    for row, record in enumerate(records):
        reasons = [Reason(field, words) for field, words in _written(asked, record)] if record.id in texts else []
        reasons += [Reason("colour", name) for name in record.colours if name in wanted]
        reasons += [Reason("shows", word) for word in concepts[row]]
        reasons += [_reason(asked, place, float(share[row])) for place, share in parts.items()]
        added = texts.get(record.id, {})
        reasons += [Reason("words" if name == HUES else "texts", name, share) for name, share in added.items() if share]
        meaning = float(sum(share[row] for share in parts.values())) + added.get(HUES, 0.0)
        found.append(Why(tuple(reasons), meaning))
    return found


def _written(asked: Asked, record: Record) -> list[tuple[str, str]]:
    """Which texts of an image say words of the query."""
    return matched(record.to_payload(), asked.written.terms)


def _added(ranking: Ranking | Fused | Hybrid, ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """What texts add to the scores of these images, by the words they say and by coming first, and what colours add;
    those to which nothing is added are left out."""
    voters = ranking.voters if isinstance(ranking, Fused) else [ranking]
    found: dict[str, dict[str, float]] = {}
    for voter in voters:
        if isinstance(voter, Hybrid):
            scale = voter.background()[1] * len(voters) if len(voters) > 1 else 1.0
            for id, added in voter.added(ids).items():
                before = found.get(id, {})
                named = zip((TEXTS, FIRST, HUES), added, strict=True)
                found[id] = {name: before.get(name, 0.0) + share / scale for name, share in named}
    return found


# --- what each part of the query adds -----------------------------------------------------------------------------


def shares(asked: Asked, ids: Sequence[str]) -> dict[Place, np.ndarray]:
    """What each part of the query adds to the score of these images by meaning, float64 (n,).

    The vector that is searched for in a space is a sum: of the terms, or, after judgements, of the examples that it was
    learnt from (see ``relevance``). The cosine with a sum is the sum of the products with its parts, so nothing is left
    over. Where scores of several spaces or views are standardised and added (see ``ranking`` and ``fusion``), each part
    is less its own mean over random images, and the sum is the score again. An image that lacks a vector gets 0 there.
    """
    found: dict[Place, np.ndarray] = {}
    for view, said in zip(asked.views, asked.embedded, strict=True):
        index, queries = view.index, space_queries(view, said, asked.options)
        whole = sum(query.weight for query in queries.values())
        for space, query in queries.items():
            held = vectors_there(index, ids, space)
            rows = np.stack([held.get(id, np.zeros_like(query.vector)) for id in ids]) if ids else np.zeros((0, 1))
            there = np.array([id in held for id in ids])
            for place, part in _parts_of(view, space, said, asked.options).items():
                if not ids:
                    continue
                share = rows.astype(np.float64) @ part
                if len(asked.views) > 1 or len(queries) > 1:
                    _, spread = Ranking(index, {space: query}, space).background()
                    weight = query.weight / whole if len(queries) > 1 else 1.0
                    share = weight * (share - float((index.sample(space) @ part).mean())) / spread * there
                found[place] = found.get(place, np.zeros(len(ids))) + share / len(asked.views)
    return found


def _parts_of(view: View, space: str, said: Sequence[EmbeddedTerm], options: SearchOptions) -> dict[Place, np.ndarray]:
    """The parts, float64 (dim,), that the vector searched for in a space is the sum of."""
    before = query_vectors(view.index, said).get(space)
    terms: dict[Place, np.ndarray] = {}
    if before is not None:
        for place, term in enumerate(said):
            if term.space == space:
                terms[place] = term.weight / before.weight * searched(view.index, term).astype(np.float64)
    judged = Examples.of(view.index, space, before, options.liked, options.disliked)
    if not (options.liked or options.disliked) or not len(judged.right):
        return terms
    return _learnt_parts(judged, before, terms)


def _learnt_parts(
    judged: Examples, before: SpaceQuery | None, terms: Mapping[Place, np.ndarray]
) -> dict[Place, np.ndarray]:
    weighted = learnt_shares(*judged)[:, None] * np.concatenate(judged).astype(np.float64)
    right, wrong, others = np.split(weighted, np.cumsum([len(judged.right), len(judged.wrong)]))
    parts: dict[Place, np.ndarray] = {}
    if before is not None:
        own, right, wrong = (right[0], right[1:], wrong) if before.nominates else (wrong[0], right, wrong[1:])
        scale = float(own @ before.vector)  # the vector of the query has unit length
        parts = {place: scale * part for place, part in terms.items()}
    parts |= {LIKED: right.sum(axis=0)} if len(right) else {}
    parts |= {DISLIKED: wrong.sum(axis=0)} if len(wrong) else {}
    return {**parts, OTHERS: others.sum(axis=0)}


def _reason(asked: Asked, place: Place, share: float) -> Reason:
    if isinstance(place, str):
        count = {LIKED: len(asked.options.liked), DISLIKED: len(asked.options.disliked)}.get(place)
        return Reason(place, place if count is None else f"{count} {place}", share)
    term = asked.terms[place]
    kind = "words" if term.kind is Kind.WORDS else "picture"
    return Reason(kind, f"{'-' * (term.weight < 0)}{_name_of(asked.views[0].index, term)}", share)


def _name_of(index: Index, term: Term) -> str:
    """What a person calls a part of a query."""
    if not isinstance(term.value, str):
        return "picture"
    if term.kind is Kind.WORDS:
        return term.value
    place = term.value
    if term.kind is Kind.ID:
        points = index.store.retrieve([place])
        place = str(points[0].payload.get("uri", place)) if points else place
    return PurePath(place.replace("\\", "/").partition("?")[0]).name or place


# --- what the image and the query have in common ------------------------------------------------------------------


def _concepts(asked: Asked, ids: Sequence[str]) -> list[list[str]]:
    """For each image, the words, from the vocabulary of the names of clusters, that both it and the query speak for:
    the nearest to their vectors, and what is more general. The most special of those they share is named."""
    pairs = zip(asked.views, asked.embedded, strict=True)
    view, said = next(((v, s) for v, s in pairs if v.words is not None), (None, ()))
    if view is None or view.words is None or not (asked.terms or asked.options.liked):
        return [[] for _ in ids]
    model, entry = view.words_model, view.index.space(view.words)
    vocabulary, prior = model.vocabulary(), model.spec.prior(entry.model_space)
    known = [str(t.value) for t in asked.terms if t.kind is Kind.ID and t.weight > 0 and t.box is None]
    wanted = [*ids, *known, *asked.options.liked]
    points = view.index.store.retrieve(list(dict.fromkeys(wanted)), vectors=(entry.vector,))
    raw = {p.id: p.vectors[entry.vector].astype(np.float32) for p in points if entry.vector in p.vectors}
    raw |= {f"term {i}": t.shows for i, t in enumerate(said) if t.shows is not None and t.weight > 0}
    rows = unit(unit(np.stack([*raw.values()])) - prior) if raw else np.zeros((0, len(prior)), np.float32)
    spoken = dict(zip(raw, _spoken(rows, vocabulary), strict=True))
    texts = [t.raw for t in said if t.words and t.weight > 0 and t.raw is not None]
    asked_for: set[int] = set().union(
        *(
            words
            for name, words in spoken.items()
            if name.startswith("term ") or name in {*known, *asked.options.liked}
        ),
        *(_spoken(np.stack(texts), vocabulary) if texts else ()),
    )
    return [_most_special(spoken.get(id, {}), asked_for, vocabulary) for id in ids]


def _spoken(rows: Float32, vocabulary: Vocabulary) -> list[dict[int, float]]:
    """The places of the words that each row speaks for, and how clearly: standard deviations above all words."""
    scores = rows @ vocabulary.vectors.T
    clear = (scores - scores.mean(axis=1, keepdims=True)) / np.maximum(scores.std(axis=1, keepdims=True), 1e-6)
    found = []
    for row, nearest in zip(clear, np.argpartition(-clear, VOTES - 1, axis=1)[:, :VOTES], strict=True):
        near = nearest[np.lexsort((nearest, -row[nearest]))]
        spoken: dict[int, float] = {}
        for word in (int(i) for i in near if row[i] >= max(CLEAR, NEAR * row[near[0]])):
            for one in (word, *vocabulary.above[word]):
                spoken.setdefault(one, float(row[word]))
        found.append(spoken)
    return found


def _most_special(spoken: Mapping[int, float], wanted: set[int], vocabulary: Vocabulary) -> list[str]:
    shared = sorted((word for word in spoken if word in wanted), key=lambda word: -spoken[word])
    general = {above for word in shared for above in vocabulary.above[word]}
    chosen: list[str] = []
    for word in (vocabulary.words[i] for i in shared if i not in general and vocabulary.words[i] not in VAGUE):
        if not any({*word.split()} & {*other.split()} for other in chosen):
            chosen.append(word)
    return chosen[:CONCEPTS]


def _colours(asked: Asked) -> set[str]:
    """The colours that the query names, or that its pictures have."""
    index = asked.views[0].index
    found: set[str] = set()
    for term in asked.terms:
        if term.weight <= 0:
            continue
        if term.kind is Kind.WORDS:
            found |= {*str(term.value).casefold().replace("gray", "grey").split()} & {*COLOURS}
        elif term.shows_picture:
            found |= {*colour_names(asked.pictures.of(term))}
        else:
            found |= {name for p in index.store.retrieve([str(term.value)]) for name in p.payload.get("colours", ())}
    return found

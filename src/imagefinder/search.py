"""Answers queries: turns terms into vectors, asks the store, and adds up what several spaces say."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, overload

from imagefinder.errors import InvalidInputError, InvalidQueryError, NotFoundError
from imagefinder.images.grid import html_grid
from imagefinder.images.loader import Loader
from imagefinder.query import Kind, Term
from imagefinder.types import Hit, ImageRef, Record

if TYPE_CHECKING:
    from imagefinder.index import Index
    from imagefinder.models.base import Embedder
    from imagefinder.store.base import ScoredPoint
    from imagefinder.store.filters import Filter
    from imagefinder.types import Float32

CANDIDATES = 200  # best of each space that compete when a query spans two spaces


class Hits(Sequence[Hit]):
    """The answers of one search, best first. In a notebook they show as a grid of pictures."""

    def __init__(self, hits: Sequence[Hit], *, space: str, took_ms: float) -> None:
        self._hits = tuple(hits)
        self.space = space
        self.took_ms = took_ms

    @overload
    def __getitem__(self, i: int) -> Hit: ...
    @overload
    def __getitem__(self, i: slice) -> Sequence[Hit]: ...
    def __getitem__(self, i: int | slice) -> Hit | Sequence[Hit]:
        return self._hits[i]

    def __len__(self) -> int:
        return len(self._hits)

    def __repr__(self) -> str:
        return f"Hits({len(self)} in {self.space!r}, {self.took_ms:.1f} ms)"

    def to_dict(self) -> dict[str, Any]:
        return {"took_ms": round(self.took_ms, 2), "space": self.space, "hits": [h.to_dict() for h in self]}

    def _repr_html_(self) -> str:
        return html_grid([(h.uri, f"{h.rank}. {h.score:.3f}", h.record.caption or "") for h in self])


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How many hits, and which images count at all. ``same_cluster``: those of the cluster of the image asked for, or
    of the best hit."""

    k: int = 10
    filter: Filter | None = None
    min_score: float | None = None
    offset: int = 0
    same_cluster: bool = False

    def __post_init__(self) -> None:
        if self.k < 1 or self.offset < 0:
            raise InvalidInputError(f"k must be 1 or more and offset 0 or more; got k={self.k}, offset={self.offset}.")


def search(index: Index, embedder: Embedder, terms: Sequence[Term], options: SearchOptions, loader: Loader) -> Hits:
    """The images most like the sum of the terms.

    Each term speaks in one space: words in the model's text space, a picture or an id in its image space. Within a
    space the unit vectors of the terms are added with their weights, and the score is the cosine with that sum, which
    ranks as rclip's arithmetic does. Where words and pictures live in two spaces, an image's score is the sum of its
    scores in both, each divided by its spread, so that neither space drowns the other.
    """
    started = time.perf_counter()
    queries = query_vectors(index, embedder, terms, loader)
    shown = [str(t.value) for t in terms if t.kind is Kind.ID]
    if options.same_cluster:
        options = _within_cluster(index, queries, shown, options)
    points = _points(index, queries, options, len(shown))
    points = [p for p in points if p.id not in shown][: options.k]
    hits = [
        Hit(options.offset + i, p.score, Record.from_payload(p.id, p.payload)) for i, p in enumerate(points, start=1)
    ]
    return Hits(hits, space="+".join(queries), took_ms=1000 * (time.perf_counter() - started))


def _points(
    index: Index, queries: dict[str, tuple[Float32, float]], options: SearchOptions, extra: int
) -> list[ScoredPoint]:
    if len(queries) == 1:
        ((space, (vector, _)),) = queries.items()
        return _one_space(index, space, vector, options, extra)
    return _two_spaces(index, queries, options)


def _within_cluster(
    index: Index, queries: dict[str, tuple[Float32, float]], shown: Sequence[str], options: SearchOptions
) -> SearchOptions:
    """The options narrowed to the cluster of the image shown, or of the best hit. Raises NotFoundError."""
    from imagefinder.store.filters import And, Compare

    found = index.store.retrieve(shown[:1]) or _points(index, queries, replace(options, k=1, offset=0), 0)
    if not found:
        return options
    cluster = found[0].payload.get("cluster")
    if cluster is None:
        raise NotFoundError("The images are not clustered yet.", remedy="Run: imagefinder cluster")
    if cluster == -1:
        raise NotFoundError(f"{found[0].payload['uri']} is in no cluster.", remedy="Search without --same-cluster.")
    inside = Compare("cluster", "=", cluster)
    return replace(options, filter=And((options.filter, inside)) if options.filter else inside)


def query_vectors(
    index: Index, embedder: Embedder, terms: Sequence[Term], loader: Loader
) -> dict[str, tuple[Float32, float]]:
    """For each space that a query speaks in: the unit vector float32 (dim,) to look for, and the weight it has."""
    import numpy as np

    sums: dict[str, Float32] = {}
    for term in terms:
        space, vector = _term_vector(index, embedder, term, loader)
        sums[space] = sums.get(space, np.zeros_like(vector)) + np.float32(term.weight) * vector
    queries: dict[str, tuple[Float32, float]] = {}
    for space, total in sums.items():
        norm = float(np.linalg.norm(total))
        if norm < 1e-6:
            raise InvalidQueryError("The parts of the query cancel out.", remedy="Change a weight, or leave one out.")
        queries[space] = (total / np.float32(norm), norm)
    return queries


def _term_vector(index: Index, embedder: Embedder, term: Term, loader: Loader) -> tuple[str, Float32]:
    names = index.spaces_of(embedder.spec)
    if term.kind is Kind.WORDS:
        return _words_vector(index, embedder, str(term.value), names)
    space = names["image"]
    if term.kind is Kind.ID:
        return space, _stored_vector(index, str(term.value), space)
    import numpy as np

    row = embedder.preprocess(_picture(term, loader))
    return space, index.to_search(space, embedder.embed_images(np.stack([row]))["image"])[0]


def _words_vector(index: Index, embedder: Embedder, text: str, names: dict[str, str]) -> tuple[str, Float32]:
    if embedder.spec.text_space is None:
        raise InvalidQueryError(
            f"The model {embedder.spec.name!r} doesn't understand words.", remedy="Search by an image, a URL or an id."
        )
    space = names[embedder.spec.text_space]
    return space, index.texts_to_search(space, embedder.embed_texts([text]))[0]


def _stored_vector(index: Index, id: str, space: str) -> Float32:
    import numpy as np

    vector = index.space(space).search_vector
    points = index.store.retrieve([id], vectors=(vector,) if vector else ())
    if not points or not vector or vector not in points[0].vectors:
        raise NotFoundError(f"There is no image with the id {id}.", remedy="`imagefinder search --json` prints ids.")
    found = np.asarray(points[0].vectors[vector], dtype=np.float32)
    return found / max(float(np.linalg.norm(found)), 1e-12)


def _picture(term: Term, loader: Loader) -> Any:
    from imagefinder.images.decode import encode_bytes, from_picture

    if isinstance(term.value, bytes):
        return loader.decode(encode_bytes(ImageRef("<bytes>"), term.value)).image
    if isinstance(term.value, str):
        return loader.decode(loader.read(ImageRef(term.value))).image
    return from_picture(term.value)


def _one_space(index: Index, space: str, vector: Float32, options: SearchOptions, extra: int) -> list[ScoredPoint]:
    return index.store.query(
        index.space(space).search_vector or "",
        vector,
        options.k + extra,
        filter=options.filter,
        offset=options.offset,
        min_score=options.min_score,
    )


def _two_spaces(index: Index, queries: dict[str, tuple[Float32, float]], options: SearchOptions) -> list[ScoredPoint]:
    """Late fusion: the best of each space compete by the weighted sum of their standardised scores in all of them."""
    import numpy as np

    from imagefinder.store.base import ScoredPoint

    names = {space: index.space(space).search_vector or "" for space in queries}
    payloads = {
        p.id: p.payload
        for space, (vector, _) in queries.items()
        for p in index.store.query(
            names[space], vector, max(CANDIDATES, options.k + options.offset), filter=options.filter
        )
    }
    points = index.store.retrieve(list(payloads), vectors=tuple(names.values()))
    totals = np.zeros(len(points), dtype=np.float32)
    for space, (vector, weight) in queries.items():
        rows = np.stack([p.vectors[names[space]] for p in points]).astype(np.float32)
        background = index.sample(space) @ vector
        totals += np.float32(weight) * (rows @ vector - background.mean()) / max(float(background.std()), 1e-6)
    totals /= np.float32(sum(weight for _, weight in queries.values()))
    order = np.argsort(-totals, kind="stable")
    best = [ScoredPoint(points[i].id, float(totals[i]), payloads[points[i].id]) for i in order]
    if options.min_score is not None:
        best = [p for p in best if p.score >= options.min_score]
    return best[options.offset : options.offset + options.k]

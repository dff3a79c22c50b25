"""From the terms of a query to the vectors that are searched for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imagefinder._util.files import expanded
from imagefinder._util.threads import chunked, ordered_map
from imagefinder.errors import FetchError, InvalidQueryError, NotFoundError
from imagefinder.images.inside import is_url, member_of
from imagefinder.images.loader import Loader
from imagefinder.images.refs import known_ref
from imagefinder.search.query import Kind, Term
from imagefinder.types import ImageRef

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.index.models import View
    from imagefinder.types import EncodedImage, Float32

FETCHED = 8  # URLs of one query that are fetched at once
BATCH = 16  # pictures embedded at once; more are no faster on a CPU and cost memory


class Stopwatch:
    """Milliseconds spent in each stage of a search; ``lap`` names the stage that has just ended."""

    def __init__(self) -> None:
        self._started = self._last = time.perf_counter()
        self.stages: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + 1000 * (now - self._last)
        self._last = now

    @property
    def total_ms(self) -> float:
        return 1000 * (self._last - self._started)


class EmbeddedTerm(NamedTuple):
    """A term after embedding: ``raw``, float32 (dim,), or None if the stored vector of the image ``id`` is to be
    used. ``shows`` is the raw vector of a picture in the space for texts, where the same model has both."""

    space: str
    weight: float
    raw: Float32 | None = None
    words: bool = False
    id: str = ""
    shows: Float32 | None = None


class SpaceQuery(NamedTuple):
    """What to look for in one space: a unit ``vector``, float32 (dim,), and its ``weight`` beside other spaces. If all
    terms of the space have negative weights, ``nominates`` is False: it changes scores, but the images least similar to
    something are no hits."""

    vector: Float32
    weight: float
    nominates: bool


class Pictures:
    """The decoded pictures of the terms of a query. Each is read once, also when several models embed it, and URLs are
    fetched side by side. Raises ImageError."""

    def __init__(self, index: Index, loader: Loader, terms: Sequence[Term]) -> None:
        self._index = index
        self._loader = loader
        self._read: dict[int, Image] = {}
        self._fetched: dict[str, EncodedImage] = {}
        urls = [url for term in terms if term.shows_picture and (url := self._url(term))]
        if len(urls) > 1:
            self._fetch([*dict.fromkeys(urls)])

    def of(self, term: Term) -> Image:
        if id(term) not in self._read:
            self._read[id(term)] = self._picture(term)
        return self._read[id(term)]

    def _url(self, term: Term) -> str | None:
        """The URL that a term's picture comes from, if it is one."""
        place = _known(self._index, str(term.value)).uri if term.kind is Kind.ID else term.value
        return place if isinstance(place, str) and is_url(place) and not member_of(place) else None

    def _fetch(self, urls: Sequence[str]) -> None:
        def fetch(url: str) -> EncodedImage:
            try:
                return self._loader.read(ImageRef(url))
            except FetchError as error:
                raise FetchError(f"{url[:200]}: {error.message}", code=error.code, remedy=error.remedy) from error

        found = ordered_map(fetch, urls, workers=FETCHED, window=len(urls))
        self._fetched = dict(zip(urls, found, strict=True))

    def _picture(self, term: Term) -> Image:
        """The picture of a term, or the part of it in the term's box, decoded at a resolution that suffices for the
        part."""
        from imagefinder.images.decode import encode_bytes, from_picture

        part = term.box.least_side if term.box else 1.0
        if isinstance(term.value, bytes):
            picture = self._loader.decode(encode_bytes(ImageRef("<bytes>"), term.value), part).image
        elif isinstance(term.value, str):
            ref = _known(self._index, term.value) if term.kind is Kind.ID else ImageRef(term.value)
            encoded = self._fetched.get(ref.uri) or self._loader.read(ref)
            picture = self._loader.decode(encoded, part).image
        else:
            picture = from_picture(term.value)
        return term.box.cut(picture) if term.box else picture


def embed_terms(view: View, terms: Sequence[Term], pictures: Pictures, watch: Stopwatch) -> list[EmbeddedTerm]:
    """Read and embed the terms. The result depends only on the models, not on the transforms of the spaces."""
    return [_embed_term(view, term, pictures, watch) for term in terms]


def query_vectors(index: Index, embedded: Sequence[EmbeddedTerm]) -> dict[str, SpaceQuery]:
    """For each space with terms, the weighted sum of their vectors."""
    import numpy as np

    sums: dict[str, Float32] = {}
    for term in embedded:
        vector = searched(index, term)
        sums[term.space] = sums.get(term.space, np.zeros_like(vector)) + np.float32(term.weight) * vector
    queries: dict[str, SpaceQuery] = {}
    for space, total in sums.items():
        norm = float(np.linalg.norm(total))
        if norm < 1e-6:
            raise InvalidQueryError("The parts of the query cancel out.", remedy="Change a weight, or leave one out.")
        nominates = any(m.weight > 0 for m in embedded if m.space == space)
        queries[space] = SpaceQuery(total / np.float32(norm), norm, nominates)
    return queries


def embed_texts(collection: Collection, texts: Sequence[str], space: str | None) -> Float32:
    """The vectors of texts, float32 (n, dim), rows of unit length. They can be compared with the vectors of a space or
    model, by default the one in use. Raises NotFoundError, or InvalidQueryError for a model that doesn't understand
    text."""
    collection.ready()
    view = collection.view(space)
    vectors = view.words_model.embed_texts(texts)
    with collection.index.steady.shared():
        return collection.index.texts_to_search(view.words or "", vectors)


def embed_pictures(
    collection: Collection, pictures: Sequence[str | Path | bytes | Image], space: str | None
) -> Float32:
    """The vectors of pictures (paths, URLs, bytes of image files, or Pillow images), float32 (n, dim), rows of unit
    length. They can be compared with the vectors of a space, by default the image space in use. Raises ImageError for a
    picture that can't be used."""
    import numpy as np

    collection.ready()
    index, space = collection.index, space or collection.view().image
    embedder, model_space = collection.models.of_space(space), index.space(space).model_space
    given = [str(expanded(p)) if isinstance(p, Path) else p for p in pictures]
    terms = [Term(Kind.FILE if isinstance(p, str) else Kind.DATA, p) for p in given]
    parts = [np.zeros((0, index.space(space).dim), np.float32)]
    for some in chunked(terms, BATCH):
        with closing(Loader(collection.limits, embedder.short_side, together=True)) as loader:
            read = Pictures(index, loader, some)
            batch = np.stack([embedder.preprocess(read.of(term)) for term in some])
            parts.append(embedder.embed_images(batch)[model_space])
    return index.to_search(space, np.concatenate(parts))


def _embed_term(view: View, term: Term, pictures: Pictures, watch: Stopwatch) -> EmbeddedTerm:
    import numpy as np

    if term.kind is Kind.WORDS:
        embedder = view.words_model
        row = embedder.embed_texts([str(term.value)])[0]
        watch.lap("embed")
        return EmbeddedTerm(view.words or "", term.weight, row, words=True)
    if not term.shows_picture:
        return EmbeddedTerm(view.image, term.weight, id=str(term.value))
    picture = pictures.of(term)
    watch.lap("read")
    embedder = view.image_model
    rows = embedder.embed_images(np.stack([embedder.preprocess(picture)]))
    watch.lap("embed")
    row = rows[view.index.space(view.image).model_space][0]
    return EmbeddedTerm(view.image, term.weight, row, shows=_shown(view, rows))


def _shown(view: View, rows: Mapping[str, Float32]) -> Float32 | None:
    """Of the vectors of one picture, the one in the space for texts."""
    if view.words is None:
        return None
    image, words = view.index.space(view.image), view.index.space(view.words)
    return rows[words.model_space][0] if words.model == image.model else None


def searched(index: Index, term: EmbeddedTerm) -> Float32:
    """The vector of a term that is compared with images, float32 (dim,) of unit length. Raises NotFoundError."""
    if term.raw is None:
        rows = stored_vectors(index, [term.id], term.space)
    elif term.words:
        rows = index.texts_to_search(term.space, term.raw[None])
    else:
        rows = index.to_search(term.space, term.raw[None])
    row: Float32 = rows[0]
    return row


def stored_vectors(index: Index, ids: Sequence[str], space: str) -> Float32:
    """The search vectors of images, float32 (n, dim), rows of unit length. Raises NotFoundError."""
    import numpy as np

    name = index.space(space).search_vector
    if not ids:
        return np.zeros((0, index.store.vectors()[name or ""].dim), np.float32)
    held = vectors_there(index, ids, space)
    for id in ids:
        if id not in held:
            raise no_image(id)
    return np.stack([held[id] for id in ids])


def vectors_there(index: Index, ids: Sequence[str], space: str) -> dict[str, Float32]:
    """The search vectors, float32 (dim,) of unit length, of those of these images that have one, by id."""
    import numpy as np

    name = index.space(space).search_vector
    points = [p for p in index.store.retrieve(list(ids), vectors=(name,)) if name in p.vectors] if name else []
    if not points:
        return {}
    rows = np.stack([p.vectors[name or ""] for p in points]).astype(np.float32)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return {p.id: row for p, row in zip(points, rows, strict=True)}


def no_image(id: str) -> NotFoundError:
    return NotFoundError(f"There is no image with the id {id}.", remedy="`imagefinder search --json` prints ids.")


def _known(index: Index, id: str) -> ImageRef:
    points = index.store.retrieve([id])
    if not points:
        raise no_image(id)
    return known_ref(points[0].payload)

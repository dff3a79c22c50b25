"""Predicts the classes of pictures, with a classifier."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from imagefinder._util.threads import chunked, ordered_map
from imagefinder.errors import ImageError
from imagefinder.images.loader import Loader
from imagefinder.images.refs import FIELDS, known_ref
from imagefinder.index.spaces import spaces_of
from imagefinder.index.there import contents_now, merge_there, of_those_there
from imagefinder.models.base import Embedder
from imagefinder.models.derived import DerivedEmbedder
from imagefinder.types import ImageRef, Limits, OnProgress, Progress, Skipped, ignore

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from imagefinder.index.folder import Index
    from imagefinder.types import Float32

BATCH = 16  # pictures at once
STORED_BATCH = 512  # stored vectors at once
SHOWN = 5  # classes told of an image


class Classifying(Embedder, Protocol):
    """A model that can also classify pictures, into ``spec.classes``."""

    def classify_images(self, batch: np.ndarray) -> Float32:
        """Preprocessed pictures to probabilities of ``spec.classes``, float32 (n, classes)."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What an image, named by its ``uri``, shows: ``label``, ``confidence`` from 0 to 1, and the likeliest classes with
    their probabilities, that one first."""

    uri: str
    label: str
    confidence: float
    classes: tuple[tuple[str, float], ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "uri": self.uri,
            "class": self.label,
            "confidence": round(self.confidence, 4),
            "classes": {name: round(share, 4) for name, share in self.classes},
        }


@dataclass(frozen=True, slots=True)
class Classified:
    """The result for an index: how many images have the fields ``class`` and ``class_confidence`` now, by class, and
    which can't be read."""

    model: str
    images: int
    classes: dict[str, int]
    skipped: tuple[Skipped, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "images": self.images,
            "classes": self.classes,
            "skipped": [s.to_dict() for s in self.skipped],
        }


def predict(
    embedder: Classifying, refs: Iterable[ImageRef | Skipped], limits: Limits, *, workers: int = 2
) -> tuple[list[Prediction], list[Skipped]]:
    """The classes of images, which are read from their files or URLs, and the images that can't be used."""
    found: list[Prediction] = []
    skipped: list[Skipped] = []
    loader = Loader(limits, embedder.short_side)
    try:
        batches = chunked(iter(refs), BATCH)
        read = ordered_map(lambda some: _read(embedder, loader, some), batches, workers=workers, window=2 * workers)
        for uris, shares, failed in read:
            found += [_prediction(uri, row, embedder.spec.classes or ()) for uri, row in zip(uris, shares, strict=True)]
            skipped += failed
    finally:
        loader.close()
    return found, skipped


def predict_pictures(embedder: Classifying, pictures: Sequence[tuple[str, Image]]) -> list[Prediction]:
    """The classes of upright RGB pictures, each with a name for the result."""
    import numpy as np

    found: list[Prediction] = []
    for some in chunked(iter(pictures), BATCH):
        shares = embedder.classify_images(np.stack([embedder.preprocess(picture) for _, picture in some]))
        names = embedder.spec.classes or ()
        found += [_prediction(name, row, names) for (name, _), row in zip(some, shares, strict=True)]
    return found


def classify_index(
    index: Index,
    embedder: Classifying,
    limits: Limits,
    *,
    workers: int = 2,
    progress: OnProgress = ignore,
) -> Classified:
    """Write ``class`` and ``class_confidence`` to every record of the index. A model made on top of another uses the
    stored vectors of its base; for other models the images are read again."""

    skipped: list[Skipped] = []
    contents = contents_now(index)
    names, done, told = embedder.spec.classes or (), 0, set[str]()
    for ids, shares, failed in _of_index(index, embedder, limits, workers):
        skipped += failed
        same: defaultdict[tuple[str, float], dict[str, str]] = defaultdict(dict)
        for id, place, share in zip(ids, shares.argmax(axis=1), shares.max(axis=1), strict=True):
            if id in contents:
                same[names[place], round(float(share), 2)][id] = contents[id]
        for (name, confidence), some in same.items():
            told |= set(merge_there(index, some, {"class": name, "class_confidence": confidence}))
        done += len(ids) + len(failed)
        progress(Progress("classifying", done, max(done, len(contents))))
    now = index.store.columns(("id", "class"))
    counts = Counter(name for id, name in zip(now["id"], now["class"], strict=True) if id in told and name)
    left = of_those_there(index, skipped)
    return Classified(embedder.spec.name, sum(counts.values()), dict(counts.most_common()), left)


def _of_index(
    index: Index, embedder: Classifying, limits: Limits, workers: int
) -> Iterable[tuple[list[str], Float32, list[Skipped]]]:
    """Batches of ids and probabilities float32 (n, classes), and what can't be read."""
    import numpy as np

    if isinstance(embedder, DerivedEmbedder):
        names = spaces_of(embedder.base.spec)
        wanted = sorted(set(embedder.inputs.values()))
        ids = [p.id for points in index.store.scroll(fields=()) for p in points]
        for some in chunked(iter(ids), STORED_BATCH):
            raw = index.raw_of(some, [names[space] for space in wanted])
            whole = [id for id, held in raw.items() if len(held) == len(wanted)]
            if whole:
                vectors = {s: np.stack([raw[id][names[s]] for id in whole]).astype(np.float32) for s in wanted}
                yield whole, embedder.classify(vectors), []
        return
    loader = Loader(limits, embedder.short_side)
    points = [p for points in index.store.scroll(fields=FIELDS) for p in points]
    uris = {p.payload["uri"]: p.id for p in points}
    refs = (known_ref(p.payload) for p in points)
    try:
        batches = chunked(refs, BATCH)
        found = ordered_map(lambda some: _read(embedder, loader, some), batches, workers=workers, window=2 * workers)
        for read, shares, failed in found:
            yield [uris[uri] for uri in read], shares, failed
    finally:
        loader.close()


def _read(
    embedder: Classifying, loader: Loader, refs: Sequence[ImageRef | Skipped]
) -> tuple[list[str], Float32, list[Skipped]]:
    import numpy as np

    uris: list[str] = []
    rows: list[np.ndarray] = []
    failed: list[Skipped] = []
    for ref in refs:
        if isinstance(ref, Skipped):
            failed.append(ref)
            continue
        try:
            rows.append(embedder.preprocess(loader.decode(loader.read(ref)).image))
            uris.append(ref.uri)
        except ImageError as error:
            failed.append(Skipped(ref.uri, error.code, error.message, error.remedy))
    shares = embedder.classify_images(np.stack(rows)) if rows else np.zeros((0, 1), np.float32)
    return uris, shares, failed


def _prediction(uri: str, shares: Float32, names: Sequence[str]) -> Prediction:
    order = (-shares).argsort(kind="stable")[:SHOWN]
    classes = tuple((names[i], float(shares[i])) for i in order)
    return Prediction(uri, *classes[0], classes)

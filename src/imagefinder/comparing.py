"""Several models on the same images: how fast they are, and how well they find things."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagefinder._batching import chunked, ordered_map
from imagefinder.errors import ImageError, InvalidInputError
from imagefinder.evaluate.retrieval import LabelScores, WordScores, score_labels, score_words
from imagefinder.images.loader import Loader
from imagefinder.images.sources import open_source
from imagefinder.types import ImageRef, Limits

if TYPE_CHECKING:
    import numpy as np

    from imagefinder.models.base import Embedder
    from imagefinder.types import Float32

BATCH = 16
Tell = Callable[[str, int, int], None]  # the model, images done, of how many


@dataclass(frozen=True, slots=True)
class Compared:
    """One model on the images: ``images`` are those it could use, ``skipped`` the others; ``seconds`` for reading,
    preparing and embedding them. ``labels`` and ``words`` are scores where the table had such columns."""

    model: str
    dim: int
    bytes: int
    images: int
    skipped: int
    seconds: float
    labels: LabelScores | None = None
    words: WordScores | None = None

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds if self.seconds else 0.0

    def to_dict(self) -> dict[str, Any]:
        scores = {"labels": self.labels, "words": self.words}
        row: dict[str, Any] = {name: getattr(self, name) for name in ("model", "dim", "bytes", "images", "skipped")}
        row |= {"seconds": round(self.seconds, 3), "images_per_second": round(self.images_per_second, 1)}
        return row | {name: score.to_dict() if score else None for name, score in scores.items()}


def compare_models(
    names: Sequence[str],
    source: str,
    *,
    workers: int,
    limit: int | None = None,
    limits: Limits | None = None,
    progress: Tell | None = None,
) -> list[Compared]:
    """Embed the images of a folder, or of a table with the columns ``filename`` and ``label``, ``caption`` or both, by
    each model, and score it as ``imagefinder evaluate`` does on an index. ``limit`` takes that many images, spread over
    all. Raises NotFoundError, ModelError, InvalidTableError, and InvalidInputError where there are no images."""
    from imagefinder.models.names import load_model

    table = source.lower().endswith((".csv", ".tsv", ".parquet", ".pq"))
    refs = [
        ref for ref in open_source(source, column="filename" if table else None).scan() if isinstance(ref, ImageRef)
    ]
    if limit is not None and len(refs) > limit:
        refs = [refs[i * len(refs) // limit] for i in range(limit)]
    if not refs:
        raise InvalidInputError(f"There are no images in {source}.")
    embedders = [load_model(name, threads=1) for name in dict.fromkeys(names)]  # all, before the first works for hours
    return [_compare(embedder, refs, workers, limits or Limits(), progress) for embedder in embedders]


def _compare(embedder: Embedder, refs: list[ImageRef], workers: int, limits: Limits, tell: Tell | None) -> Compared:
    import numpy as np

    spec, loader = embedder.spec, Loader(limits, embedder.short_side)
    rows: dict[int, dict[str, np.ndarray]] = {}
    if spec.preprocess:  # what loads the model is not its speed
        embedder.embed_images(np.zeros((1, *spec.preprocess.size, 3), np.uint8))
    started, done = time.perf_counter(), 0
    try:
        batches = chunked(iter(enumerate(refs)), BATCH)
        for found in ordered_map(
            lambda batch: _embed(embedder, loader, batch), batches, workers=workers, window=2 * workers
        ):
            rows |= found
            done = min(done + BATCH, len(refs))
            if tell:
                tell(spec.name, done, len(refs))
    finally:
        loader.close()
    seconds = time.perf_counter() - started
    there = sorted(rows)
    used = [refs[i] for i in there]
    spaces = {
        name: _searched(embedder, name, np.stack([rows[i][name] for i in there])) for name in spec.spaces if there
    }
    return Compared(
        spec.name, spec.spaces["image"].dim, spec.bytes, len(used), len(refs) - len(used), seconds,
        _labels(spaces, used), _words(embedder, spaces, used),
    )  # fmt: skip


def _embed(
    embedder: Embedder, loader: Loader, batch: Sequence[tuple[int, ImageRef]]
) -> dict[int, dict[str, np.ndarray]]:
    """The vectors of the images of a batch that can be used, by their places."""
    import numpy as np

    places, pictures = [], []
    for place, ref in batch:
        try:
            pictures.append(embedder.preprocess(loader.decode(loader.read(ref)).image))
            places.append(place)
        except ImageError:
            continue
    vectors = embedder.embed_images(np.stack(pictures)) if pictures else {}
    return {place: {name: array[row] for name, array in vectors.items()} for row, place in enumerate(places)}


def _searched(embedder: Embedder, space: str, raw: Float32) -> Float32:
    """As an index of just these images would search them."""
    from imagefinder.reduce.linear import LinearTransform

    kind = embedder.spec.spaces[space].transform
    return LinearTransform.fit([raw], kind=kind, prior_mean=embedder.spec.prior(space)).apply(raw)


def _labels(spaces: dict[str, Float32], used: list[ImageRef]) -> LabelScores | None:
    rows = [i for i, ref in enumerate(used) if ref.metadata.get("label") not in (None, "")]
    if not rows:
        return None
    return score_labels(spaces["image"][rows], [str(used[i].metadata["label"]) for i in rows])


def _words(embedder: Embedder, spaces: dict[str, Float32], used: list[ImageRef]) -> WordScores | None:
    space = embedder.spec.text_space
    right: defaultdict[str, list[int]] = defaultdict(list)
    for i, ref in enumerate(used):
        if ref.metadata.get("caption"):
            right[str(ref.metadata["caption"])].append(i)
    if space is None or not right:
        return None
    competing = sorted({i for rows in right.values() for i in rows})
    place = {i: row for row, i in enumerate(competing)}
    texts = embedder.embed_texts(list(right))
    if spaces[space].shape[1] != texts.shape[1]:
        return None
    return score_words(texts, spaces[space][competing], [[place[i] for i in rows] for rows in right.values()])

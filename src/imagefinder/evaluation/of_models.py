"""Compares models on the same images: how fast they are, and how well they find things."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from imagefinder._util.files import expanded
from imagefinder._util.threads import chunked, cores, ordered_map
from imagefinder.errors import ImageError, InvalidInputError, InvalidTableError
from imagefinder.evaluation.retrieval import LabelScores, WordScores, score_labels, score_words
from imagefinder.images.loader import Loader
from imagefinder.images.places import located
from imagefinder.images.sources import TABLES, open_source
from imagefinder.images.tables import is_parquet, place_column, read_csv, read_rows
from imagefinder.types import ImageRef, Limits, OnProgress, Progress, ignore

if TYPE_CHECKING:
    import numpy as np

    from imagefinder.models.base import Embedder
    from imagefinder.types import Float32

BATCH = 16
COLUMN = "filename"


@dataclass(frozen=True, slots=True)
class Compared:
    """The measures of one model. ``images`` is the number of images it could use, ``skipped`` the others. ``seconds``
    is the time for reading, preprocessing and embedding. ``labels`` and ``words`` are scores, if the table has these
    columns."""

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


class _Truth(NamedTuple):
    """What a table says about its images, by URI. An image may have several captions."""

    labels: dict[str, str]
    captions: list[tuple[str, str]]


class _Loading(NamedTuple):
    """How images are read."""

    workers: int
    limits: Limits
    progress: OnProgress


def compare_models(
    names: Sequence[str],
    source: str,
    *,
    workers: int | None = None,
    limit: int | None = None,
    limits: Limits | None = None,
    progress: OnProgress | None = None,
) -> list[Compared]:
    """Embed images by each model, and score the models as ``imagefinder evaluate`` does with an index. The images are
    those of a folder, or of a table with the columns ``filename`` and ``label``, ``caption`` or both. ``limit`` takes
    so many images, evenly spread over all. ``workers`` is the number of threads, by default one per core. Raises
    NotFoundError, ModelError, InvalidTableError, and InvalidInputError if there are no images."""
    from imagefinder.models.registry import load_model

    table = source.lower().endswith(TABLES)
    found = open_source(source, column=_column(expanded(source)) if table else None)
    refs = [ref for ref in found.scan() if isinstance(ref, ImageRef)]
    truth = _read_truth(Path(found.uri)) if table else _Truth({}, [])
    if limit is not None and len(refs) > limit:
        refs = [refs[i * len(refs) // limit] for i in range(limit)]
    if not refs:
        raise InvalidInputError(f"There are no images in {source}.")
    embedders = [load_model(name, threads=1) for name in dict.fromkeys(names)]  # all, before the first works for hours
    how = _Loading(workers or cores(), limits or Limits(), progress or ignore)
    return [_compare(embedder, refs, truth, how) for embedder in embedders]


def _column(table: Path) -> str | None:
    """The column of paths in a CSV table, ``filename`` before the usual ones; of Parquet see ``read_rows``."""
    return None if is_parquet(table) else place_column(table, read_csv(table)[0], first=(COLUMN,))


def _read_truth(table: Path) -> _Truth:
    """What the rows of a table say about their images. Raises InvalidTableError."""
    labels: dict[str, str] = {}
    captions: list[tuple[str, str]] = []
    for place, row in read_rows(table, _column(table)):
        uri = located(place, str(table.parent))
        if row.get("label") not in (None, ""):
            labels[uri] = str(row["label"])
        if row.get("caption"):
            captions.append((uri, str(row["caption"])))
    if not labels and not captions:
        raise InvalidTableError(
            f"{table.name} says nothing of its images.", remedy="It needs a column `label` or `caption`."
        )
    return _Truth(labels, captions)


def _compare(embedder: Embedder, refs: list[ImageRef], truth: _Truth, how: _Loading) -> Compared:
    import numpy as np

    spec, loader = embedder.spec, Loader(how.limits, embedder.short_side)
    rows: dict[int, dict[str, np.ndarray]] = {}
    if spec.preprocess:  # what loads the model is not its speed
        embedder.embed_images(np.zeros((1, *spec.preprocess.size, 3), np.uint8))
    started, done = time.perf_counter(), 0
    try:
        batches = chunked(iter(enumerate(refs)), BATCH)
        for found in ordered_map(
            lambda batch: _embed(embedder, loader, batch), batches, workers=how.workers, window=2 * how.workers
        ):
            rows |= found
            done = min(done + BATCH, len(refs))
            how.progress(Progress(spec.name, done, len(refs)))
    finally:
        loader.close()
    seconds = time.perf_counter() - started
    there = sorted(rows)
    used = [refs[i].uri for i in there]
    spaces = {
        name: _searched(embedder, name, np.stack([rows[i][name] for i in there])) for name in spec.spaces if there
    }
    return Compared(
        spec.name, spec.spaces["image"].dim, spec.bytes, len(used), len(refs) - len(used), seconds,
        _labels(spaces, used, truth), _words(embedder, spaces, used, truth),
    )  # fmt: skip


def _embed(
    embedder: Embedder, loader: Loader, batch: Sequence[tuple[int, ImageRef]]
) -> dict[int, dict[str, np.ndarray]]:
    """The vectors of those images of a batch that can be used, by their positions."""
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
    """The vectors as an index of only these images would search them."""
    from imagefinder.vectors.transform import LinearTransform

    kind = embedder.spec.spaces[space].transform
    return LinearTransform.fit([raw], kind=kind, prior_mean=embedder.spec.prior(space)).apply(raw)


def _labels(spaces: dict[str, Float32], used: list[str], truth: _Truth) -> LabelScores | None:
    rows = [row for row, uri in enumerate(used) if uri in truth.labels]
    if not rows:
        return None
    return score_labels(spaces["image"][rows], [truth.labels[used[row]] for row in rows])


def _words(embedder: Embedder, spaces: dict[str, Float32], used: list[str], truth: _Truth) -> WordScores | None:
    """Only images with a caption are ranked. Captions that are equal are one text with several right images."""
    space, row = embedder.spec.text_space, {uri: i for i, uri in enumerate(used)}
    told = [(row[uri], caption) for uri, caption in truth.captions if uri in row]
    if space is None or not told:
        return None
    competing = sorted({i for i, _ in told})
    place = {i: n for n, i in enumerate(competing)}
    right: defaultdict[str, set[int]] = defaultdict(set)
    for i, caption in told:
        right[caption].add(place[i])
    texts = embedder.embed_texts(list(right))
    return score_words(texts, spaces[space][competing], [sorted(rows) for rows in right.values()])

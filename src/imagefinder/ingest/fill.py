"""Adds the vectors that images lack: those of a model that was added later, and those that could not be computed
before."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING

from imagefinder._util.threads import chunked, cores, one_blas_thread, ordered_map
from imagefinder.errors import ImageError
from imagefinder.images.blocks import kept_blocks
from imagefinder.images.loader import Loader
from imagefinder.images.refs import known_ref
from imagefinder.index.spaces import add_spaces, lacking, refit, spaces_of
from imagefinder.index.there import of_those_there
from imagefinder.models.derived import DerivedEmbedder
from imagefinder.models.registry import known_name
from imagefinder.results import BackfillReport
from imagefinder.types import Limits, OnProgress, Progress, Skipped, ignore

if TYPE_CHECKING:
    import numpy as np

    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.models.base import Embedder
    from imagefinder.types import Float32

BATCH = 16  # pictures a worker embeds at once
DERIVED_BATCH = 512  # stored vectors turned into others at once


def add_model(
    collection: Collection,
    model: str | Embedder,
    *,
    use: bool = False,
    progress: OnProgress | None = None,
) -> BackfillReport:
    """Add the vectors of another model to all images of the index; called again, to those that still lack them.

    Unless ``use`` is set, the spaces in use stay in use; searches continue in the meantime. An exception from
    ``progress`` stops the run, and what is stored stays. Raises NotFoundError, ModelError or ModelMismatchError.
    """
    index, name = collection.index, known_name(model)
    spec = collection.models.spec(name)
    collection.forget_model(name)
    with index.indexing:
        embedder = collection.indexers.named(name)
        with index.writing:
            add_spaces(index, spec)
        done = fill(index, embedder, limits=collection.limits, workers=cores(), progress=progress)
    if use:
        collection.use_space(spec.name)
    return done


def fill(
    index: Index,
    embedder: Embedder,
    *,
    limits: Limits | None = None,
    workers: int = 2,
    progress: OnProgress | None = None,
    only: Container[str] | None = None,
) -> BackfillReport:
    """Embed the images that have no vectors of this model, and fit its spaces if they need it. With ``only``, those of
    these ids, and fit nothing.

    If the run is stopped, what is stored stays, and the next run continues from there. A derived model is computed from
    the stored vectors of its base, which must exist; for other models the images are read again. ``progress`` is called
    with the number of images done and of all.
    """
    todo = [id for id in lacking(index, embedder.spec) if only is None or id in only]
    report = progress or ignore
    report(Progress("embedding", 0, len(todo)))
    run = _Filling(index, embedder, len(todo), report)
    if isinstance(embedder, DerivedEmbedder):
        for ids in chunked(iter(todo), DERIVED_BATCH):
            run.derive(embedder, ids)
    else:
        loader = Loader(limits or Limits(), embedder.short_side)
        try:
            batches = chunked(iter(todo), BATCH)
            each = ordered_map(lambda ids: run.embed(loader, ids), batches, workers=workers, window=2 * workers)
            with one_blas_thread(), kept_blocks():
                for found in each:
                    run.store(*found)
        finally:
            loader.close()
    if only is None:
        refit(index, embedder.spec)
    return BackfillReport(embedder.spec.name, run.filled, of_those_there(index, run.skipped))


class _Filling:
    def __init__(self, index: Index, embedder: Embedder, total: int, report: OnProgress) -> None:
        self._index = index
        self._embedder = embedder
        self._names = spaces_of(embedder.spec)
        self._total, self._done, self._report = total, 0, report
        self.filled = 0
        self.skipped: list[Skipped] = []

    def embed(self, loader: Loader, ids: Sequence[str]) -> tuple[list[str], Mapping[str, Float32], list[Skipped]]:
        """The raw vectors of those images that can be read. Called by several workers at once."""
        import numpy as np

        rows: list[np.ndarray] = []
        read: list[str] = []
        skipped: list[Skipped] = []
        for point in self._index.store.retrieve(ids):
            uri = str(point.payload["uri"])
            try:
                encoded = loader.read(known_ref(point.payload))
                rows.append(self._embedder.preprocess(loader.decode(encoded).image))
                read.append(point.id)
            except ImageError as error:
                skipped.append(Skipped(uri, error.code, error.message, error.remedy))
        return read, self._embedder.embed_images(np.stack(rows)) if rows else {}, skipped

    def derive(self, embedder: DerivedEmbedder, ids: Sequence[str]) -> None:
        import numpy as np

        names = spaces_of(embedder.base.spec)
        wanted = sorted(set(embedder.inputs.values()))
        with self._index.writing:  # the base's vectors are not replaced between being read and being used
            raw = self._index.raw_of(ids, [names[space] for space in wanted])
            whole = [id for id, held in raw.items() if len(held) == len(wanted)]
            if whole:
                base = {s: np.stack([raw[id][names[s]] for id in whole]).astype(np.float32) for s in wanted}
                self.store(whole, embedder.derive(base), [])
        if not whole:
            self.store([], {}, [])

    def store(self, ids: Sequence[str], vectors: Mapping[str, Float32], skipped: Sequence[Skipped]) -> None:
        import numpy as np

        self.skipped += skipped
        with self._index.writing:  # nothing is removed between being looked for and being written
            there = {point.id for point in self._index.store.retrieve(ids)} if ids else set()
            kept = np.array([id in there for id in ids], bool)
            if kept.any():
                raw = {self._names[space]: rows[kept] for space, rows in vectors.items()}
                held = [id for id in ids if id in there]
                for name, rows in self._index.search_vectors(raw).items():
                    self._index.store.set_vectors(name, held, rows)
                self.filled += len(held)
        self._done += len(ids) + len(skipped)
        self._report(Progress("embedding", self._done, self._total))

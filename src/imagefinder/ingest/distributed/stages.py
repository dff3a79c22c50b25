"""The stages of indexing on a cluster, each in processes of its own: reading with decoding, embedding, storing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from imagefinder._util.ray_cluster import proxies_as
from imagefinder._util.threads import one_blas_thread, ordered_map
from imagefinder.errors import ModelError
from imagefinder.images.inside import is_file, is_remote
from imagefinder.images.loader import Loader
from imagefinder.ingest.distributed.carried import opened
from imagefinder.ingest.distributed.rows import Chunk, from_table, to_table
from imagefinder.ingest.former import Former
from imagefinder.ingest.known import KnownImages
from imagefinder.ingest.plan import Plan
from imagefinder.ingest.reading import Item, Read, Reader, Undecoded, give_vectors
from imagefinder.ingest.storing import Storing
from imagefinder.models.providers import CPU
from imagefinder.types import EncodedImage, ImageRef, Limits, SkipCode, Skipped

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.ingest.claims import Claim, Wanted
    from imagefinder.models.base import Embedder

NOT_SEEN = (SkipCode.NOT_FOUND, SkipCode.PERMISSION)  # what a machine says of files that it can't reach


@dataclass(frozen=True)
class Job:
    """What all workers of a run are told: the ``desk``, an actor that they ask for the model and for claims; how many
    images a reader fetches at once; the ``proxies`` of the process of the run; and whether embedders have a GPU."""

    id: str
    desk: Any
    limits: Limits
    force: bool
    fetchers: int
    proxies: Mapping[str, str | None] = field(default_factory=dict)
    gpu: bool = False


_readers: dict[str, Loader] = {}  # of this process, by the job


def read(batch: Any, job: Job) -> Iterator[Any]:
    """Read and decode each chunk of refs. A task of Ray Data, in a process that does many of them."""
    import ray

    proxies_as(job.proxies)
    embedder = opened(job.desk, threads=1)
    loader = _readers.setdefault(job.id, Loader(job.limits, embedder.short_side))

    def claim(wanted: Sequence[Wanted]) -> list[Claim]:
        found: list[Claim] = ray.get(job.desk.take.remote(wanted))
        return found

    node = ray.util.get_node_ip_address()
    for chunk, _ in from_table(batch):
        with _timed(chunk, "reading"):
            pixels = read_chunk(chunk, Reader(loader, embedder, claim, chunk.known.get, job.force), job.fetchers)
        chunk.nodes = [node]
        yield to_table(chunk, pixels)


def read_chunk(chunk: Chunk, reader: Reader, fetchers: int) -> Any:
    """Fill in the results of a chunk, and return the pixels of those that lack vectors, or None. A file that is not to
    be seen here, or not as it was listed, is left to the machine of the run, which has seen it."""
    import numpy as np

    far = [ref for ref in chunk.refs if is_remote(ref.uri)]
    fetched = iter(ordered_map(reader.read, far, workers=fetchers, window=2 * fetchers))
    items: list[Item] = [next(fetched) if is_remote(ref.uri) else reader.read(ref) for ref in chunk.refs]
    results, fresh, pictures = reader.prepare(items)
    places = {id(one): i for i, one in enumerate(results)}
    chunk.fresh = [places[id(one)] for one in fresh]
    chunk.results = [
        ref if _is_unlike(ref, item) else one for ref, item, one in zip(chunk.refs, items, results, strict=True)
    ]
    kept = [n for n, place in enumerate(chunk.fresh) if isinstance(chunk.results[place], Read)]
    chunk.fresh = [chunk.fresh[n] for n in kept]
    chunk.refs = ()
    return np.stack([pictures[n] for n in kept]) if kept else None


def _is_unlike(ref: ImageRef, item: Item) -> bool:
    if not is_file(ref.uri):
        return False
    if isinstance(item, EncodedImage):
        return ref.size is not None and not item.facts and len(item.data) != ref.size
    return isinstance(item, Skipped) and not isinstance(item, Undecoded) and item.code in NOT_SEEN


class Embed:
    """An actor that loads the model once, and embeds what others have decoded. Nothing is loaded where it is made: of
    what fails there, Ray hands on a text only."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self, batch: Any) -> Iterator[Any]:
        gpu = self._job.gpu
        embedder = opened(self._job.desk, threads=None if gpu else 1, provider="" if gpu else "cpu")
        for chunk, pixels in from_table(batch):
            if pixels is not None:
                embed_chunk(embedder, chunk, pixels)
                if gpu:
                    _check_gpu(embedder)
            yield to_table(chunk)


def embed_chunk(embedder: Embedder, chunk: Chunk, pixels: Any) -> None:
    """Give vectors to those results of a chunk that lack them."""
    with _timed(chunk, "embedding"), one_blas_thread():
        fresh = [one for one in map(chunk.results.__getitem__, chunk.fresh) if isinstance(one, Read)]
        give_vectors(embedder, fresh, pixels)
    chunk.fresh = []


def _check_gpu(embedder: Embedder) -> None:
    if embedder.provider == CPU:
        raise ModelError(
            "A machine of the cluster has a GPU that its onnxruntime can't use.",
            remedy="Install onnxruntime-gpu in place of onnxruntime there, or set IMAGEFINDER_PROVIDER=cpu.",
        )


class Write:
    """An actor that opens the index at an address once, and stores there what needs nobody else's knowledge. The rest
    goes on to the machine of the run."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._index: Index | None = None

    def __call__(self, batch: Any) -> Iterator[Any]:
        from imagefinder.index.shared import SharedIndex

        self._index = self._index or SharedIndex(self._address, create=False)
        whole = Chunk()
        for chunk, _ in from_table(batch):
            whole.results += chunk.results
            whole.known |= chunk.known
            whole.nodes += chunk.nodes
            for stage, (seconds, cpu) in chunk.busy.items():
                before = whole.busy.get(stage, (0.0, 0.0))
                whole.busy[stage] = (before[0] + seconds, before[1] + cpu)
        with _timed(whole, "storing"):
            store_alone(self._index, whole)
        whole.known = {}
        yield to_table(whole)


def store_alone(index: Index, chunk: Chunk) -> None:
    """Store the images of a chunk whose records follow from themselves. What comes again, because a worker was lost, is
    stored again as it was: by its id."""
    from imagefinder.index.said import Kept

    former = Former(index, Plan(KnownImages.of(index.store, chunk.known.values())), kept=Kept())
    ready = [one for one in chunk.results if isinstance(one, Read) and one.alone and one.vectors is not None]
    if ready:
        Storing(index, former, lambda read: None).store(ready)
    done = {id(one) for one in ready}
    chunk.results = [
        replace(one, vectors=None, facts={}, stored=True) if isinstance(one, Read) and id(one) in done else one
        for one in chunk.results
    ]


@contextmanager
def _timed(chunk: Chunk, stage: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        chunk.busy[stage] = (time.perf_counter() - wall, time.process_time() - cpu)


def look(samples: Sequence[ImageRef]) -> tuple[str, list[str]]:
    """The version of the package on a machine, and which of these files are not there as they were listed."""
    from imagefinder._version import __version__
    from imagefinder.images.inside import whole_of

    unlike = []
    for ref in samples:
        try:
            found = os.stat(whole_of(ref.uri))
        except OSError:
            unlike.append(ref.uri)
            continue
        if ref.size not in (None, found.st_size):
            unlike.append(ref.uri)
    return __version__, unlike

"""The part of a run that any number of workers do at once, on one machine or many: images are read, decoded and
embedded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from imagefinder.errors import ImageError
from imagefinder.index.spaces import spaces_of
from imagefinder.ingest.claims import Claim, Wanted
from imagefinder.ingest.records import facts_of
from imagefinder.types import EncodedImage, ImageRef, Skipped

if TYPE_CHECKING:
    import numpy as np

    from imagefinder.images.loader import Loader
    from imagefinder.ingest.known import Known
    from imagefinder.models.base import Embedder

BATCH = 16  # images a worker embeds at once; larger ones are no faster on a CPU and cost memory
HELD = 32 * 1024**2  # bytes of files that a worker has read and not yet decoded
Item: TypeAlias = ImageRef | EncodedImage | Skipped


@dataclass(slots=True)
class Read:
    """The result of a worker for one image. It is stored with its own ``vectors``, or with those of the point
    ``copy_of``. With ``waits``, it is stored with those of another image of this run that has the same content. See
    ``claims.Claim`` for ``alone``; ``stored`` says that the worker has stored it."""

    ref: ImageRef
    content_hash: str
    size: int
    facts: dict[str, Any] = field(default_factory=dict)
    vectors: dict[str, np.ndarray] | None = None
    copy_of: str | None = None
    waits: bool = False
    moved: bool = False
    alone: bool = False
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Undecoded(Skipped):
    """An image that was read and can't be decoded, with its content."""

    content_hash: str = ""

    def plain(self, uri: str = "") -> Skipped:
        return Skipped(uri or self.uri, self.code, self.reason, self.remedy)


class Reader:
    """Reads and decodes with this ``loader`` for this ``embedder``. ``claim`` is ``Claims.take``; ``known`` gives what
    the index knows of an image, by URI. Safe to use from several threads."""

    def __init__(
        self,
        loader: Loader,
        embedder: Embedder,
        claim: Callable[[Sequence[Wanted]], Sequence[Claim]],
        known: Callable[[str], Known | None],
        force: bool,
    ) -> None:
        self.loader, self.embedder = loader, embedder
        self._claim, self._known, self._force = claim, known, force

    def read(self, item: Item) -> EncodedImage | Skipped:
        if not isinstance(item, ImageRef):
            return item
        try:
            return self.loader.read(item)
        except ImageError as error:
            return skip(item, error)

    def prepare(self, items: Sequence[Item]) -> tuple[list[Read | Skipped], list[Read], list[np.ndarray]]:
        """A result for each of these; those among them that are to be embedded, and their pictures as the model takes
        them."""
        results: list[Read | Skipped] = []
        fresh: list[Read] = []
        pictures: list[np.ndarray] = []
        for part in self._parts(items):
            claimed = iter(self._claimed([one for one in part if isinstance(one, EncodedImage)]))
            for encoded in part:
                result = encoded if isinstance(encoded, Skipped) else next(claimed)
                if isinstance(result, Read) and isinstance(encoded, EncodedImage) and needs_vectors(result):
                    try:
                        pictures.append(self._decode(encoded, result))
                        fresh.append(result)
                    except ImageError as error:
                        said = (encoded.ref.uri, error.code, error.message, error.remedy)
                        result = Undecoded(*said, encoded.content_hash)
                results.append(result)
        return results, fresh, pictures

    def embed(self, items: Sequence[Item]) -> list[Read | Skipped]:
        """A result for each of these, with vectors."""
        import numpy as np

        results, fresh, pictures = self.prepare(items)
        if pictures:
            give_vectors(self.embedder, fresh, np.stack(pictures))
        return results

    def _parts(self, items: Sequence[Item]) -> Iterator[list[EncodedImage | Skipped]]:
        """What was read, as much at once as may be held."""
        part: list[EncodedImage | Skipped] = []
        held = 0
        for item in items:
            part.append(one := self.read(item))
            held += len(one.data) if isinstance(one, EncodedImage) else 0
            if held > HELD:
                yield part
                part, held = [], 0
        yield part

    def _claimed(self, encoded: Sequence[EncodedImage]) -> list[Read]:
        """Where the vectors of these contents come from, so that each content is embedded only once. An image with a
        sidecar shares nothing with its copies: it may say something else."""
        reads = [_read(one) for one in encoded]
        asking: list[Read] = []
        for read in reads:
            known = self._known(read.ref.uri)
            if read.ref.sidecar or (known and known.sidecar_ns is not None):
                continue
            if known and known.content_hash == read.content_hash and not self._force:
                read.copy_of = known.id
            else:
                asking.append(read)
        if asking:
            found = self._claim([self._wanted(read) for read in asking])
            for read, claim in zip(asking, found, strict=True):
                read.copy_of, read.waits, read.alone = claim
        return reads

    def _wanted(self, read: Read) -> Wanted:
        known = self._known(read.ref.uri)
        return Wanted(read.content_hash, read.ref.id, known.content_hash if known else None)

    def _decode(self, encoded: EncodedImage, read: Read) -> np.ndarray:
        loaded = self.loader.decode(encoded)
        read.facts = facts_of(loaded)
        return self.embedder.preprocess(loaded.image)


def give_vectors(embedder: Embedder, reads: Sequence[Read], pictures: np.ndarray) -> None:
    """Embed these pictures, one of each read, in one call."""
    names = spaces_of(embedder.spec)
    outputs = embedder.embed_images(pictures)
    for i, read in enumerate(reads):
        read.vectors = {names[space]: array[i] for space, array in outputs.items()}


def needs_vectors(read: Read) -> bool:
    return read.copy_of is None and not read.waits


def skip(ref: ImageRef, error: ImageError) -> Skipped:
    return Skipped(ref.uri, error.code, error.message, error.remedy)


def _read(encoded: EncodedImage) -> Read:
    size = encoded.ref.size if encoded.facts else None  # of a page or frame, that of its file
    return Read(encoded.ref, encoded.content_hash, len(encoded.data) if size is None else size)

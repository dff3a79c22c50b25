"""What is clustered: the vectors of all images as features, and which of them stand for the rest of very many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import InvalidInputError
from imagefinder.index.folder import no_images
from imagefinder.index.parts import read_shards
from imagefinder.index.runs import MOST_BYTES
from imagefinder.index.there import contents_now
from imagefinder.vectors.features import Features, make_features

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder._util.runner import Runner
    from imagefinder.index.folder import Index
    from imagefinder.index.models import View
    from imagefinder.types import Float32
    from imagefinder.vectors.shards import Shards

    Rows = npt.NDArray[np.int64]

DESCRIBED, PER_CLUSTER = 200_000, 50  # images that clusters are described from: so many, and so many of each at least
CHOSEN = 100_000  # images that numbers of clusters are tried on
IMAGE_BYTES = 149  # of each image in a kept clustering: id, label, content hash, whether it is pinned


@dataclass(frozen=True, slots=True)
class Material:
    """What is clustered: ids, and features float32 (n, dim), by ascending id, and the content hash of each image."""

    space: str
    ids: list[str]
    vectors: Shards
    features: Features
    contents: list[str]

    def part(self, rows: Rows | None) -> tuple[Sequence[str], Float32]:
        """The ids and vectors of some rows, in this process; None for all."""
        if rows is None:
            return self.ids, self.vectors.all()
        return [self.ids[row] for row in rows.tolist()], self.vectors[rows]


def read_material(index: Index, view: View, features: str, scale: str, runner: Runner) -> Material:
    """Everything of the view's space that has a vector; for ``features`` and ``scale`` see ``vectors.features``. Raises
    NotFoundError where there is nothing, and InvalidInputError."""
    space, known = view.image, contents_now(index)
    with index.steady.shared():
        transform = index.transform(space)
    if transform is None:
        raise no_images()

    def batches() -> Iterator[Float32]:
        return (rows for _, rows in index.raw_batches(space))

    made = make_features(features, scale, transform, batches)
    ids, vectors = read_shards(index, space, made.apply, runner)
    if not ids:
        raise no_images()
    return Material(space, ids, vectors, made, [known.get(id, "") for id in ids])


def check_count(index: Index) -> None:
    """Refuse more images than a kept clustering can hold, before the work. Raises InvalidInputError."""
    n, most = index.store.count(), MOST_BYTES // IMAGE_BYTES
    if n > most:
        raise InvalidInputError(
            f"A clustering holds at most {most:,} images; the index has {n:,}.",
            remedy="Divide the images among several indexes.",
        )


def described(labels: npt.NDArray[np.int32], seed: int = 0) -> Rows | None:
    """The rows that clusters are described from, ascending: a random sample with some rows of each cluster of
    ``labels`` int32 (n,); None for all rows, where there are no more than ``DESCRIBED``."""
    if len(labels) <= DESCRIBED:
        return None
    mixed = np.random.default_rng(seed).permutation(len(labels))
    order = np.argsort(labels[mixed], kind="stable")
    held = labels[mixed][order]
    starts = np.flatnonzero(np.diff(held, prepend=held[0] - 1))
    number = np.arange(len(held)) - np.repeat(starts, np.diff(starts, append=len(held)))
    return np.union1d(mixed[:DESCRIBED], mixed[order[number < PER_CLUSTER]])


def tried(n: int, seed: int) -> Rows | None:
    """The rows that numbers of clusters are tried on, ascending; None for all."""
    return None if n <= CHOSEN else np.sort(np.random.default_rng(seed).choice(n, CHOSEN, replace=False))

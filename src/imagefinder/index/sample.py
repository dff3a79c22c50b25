"""Random images of a space, to compare scores with."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import numpy as np

    from imagefinder.store.base import Point, Store
    from imagefinder.types import Float32

SAMPLED = 2048  # images; their scores by a query take .2 ms
STANDARD = 256  # of them that scores are standardised with
ASKED = 256  # of them that are queries for ``Sample.usual``
PLACES = tuple(n / 4 for n in range(49))  # standings at which ``Usual.above`` is known


class Sample:
    """Random images: their ``ids`` and search ``vectors``, float32 (n, dim), rows of unit length."""

    def __init__(self, ids: list[str], vectors: Float32) -> None:
        self.ids, self.vectors = ids, vectors
        self._others: dict[str, Usual] = {}

    @cached_property
    def places(self) -> dict[str, int]:
        """The row of each id."""
        return {id: row for row, id in enumerate(self.ids)}

    def scores(self, query: Float32, exclude: Collection[str]) -> tuple[list[str], Float32]:
        """The ids of the sample without those to ``exclude``, and their scores by a unit vector, float32 (n,)."""
        import numpy as np

        found = np.einsum("ij,j->i", self.vectors, query)  # by BLAS, whose threads wait for each other: 9 ms, not .4
        gone = [self.places[id] for id in exclude if id in self.places]
        if not gone:
            return self.ids, found
        return [id for id in self.ids if id not in exclude], np.delete(found, gone)

    @cached_property
    def usual(self) -> Usual:
        """How the images of the sample score each other."""
        import numpy as np

        scores = self.vectors[:ASKED] @ self.vectors.T
        own = np.arange(len(scores))
        scores[own, own] = -np.inf
        return usual_of(np.sort(scores, axis=1)[:, 1:])  # without the query itself

    def usual_by(self, name: str, queries: Callable[[], Float32]) -> Usual:
        """How other queries score the sample: unit vectors, float32 (n, dim), asked for once for each ``name``."""
        import numpy as np

        if name not in self._others:
            self._others[name] = usual_of(np.sort(queries() @ self.vectors.T, axis=1))
        return self._others[name]


class Usual(NamedTuple):
    """What is usual of the scores of a kind of query: the median and the spread of each of ``traits``, float64 (4,);
    how far the nearest image, and the hundredth part that is nearest, stand out: medians of standings; and of all
    images by all queries the share that stands ``above`` each of ``PLACES``, as a logarithm, float64 (places,)."""

    middle: np.ndarray
    width: np.ndarray
    best: float
    hundredth: float
    above: np.ndarray

    def odd(self, scores: np.ndarray) -> np.ndarray:
        """How far the scores of a query, ascending, are from what is usual, float64 (4,), each at most 4 spreads."""
        import numpy as np

        found: np.ndarray = np.clip((traits(scores[None])[0] - self.middle) / self.width, -4, 4)
        return found


def traits(rows: np.ndarray) -> np.ndarray:
    """What tells one query's scores from another's, float64 (n, 4): mean, logarithm of the spread, fifth best, and
    hundredth. ``rows``, float (n, m), are sorted."""
    import numpy as np

    _, spread = standard(rows)
    m = rows.shape[1]
    fifth, hundredth = rows[:, max(0, m - 5)], rows[:, int(0.99 * (m - 1))]
    return np.stack([rows.mean(axis=1), np.log(spread), fifth, hundredth], axis=1).astype(np.float64)


def usual_of(rows: np.ndarray) -> Usual:
    """What is usual of queries with these scores, float (n, m), each row sorted."""
    import numpy as np

    found = np.sort(traits(rows), axis=0)
    n, m = rows.shape
    width = (found[int(0.8413 * (n - 1))] - found[int(0.1587 * (n - 1))]) / 2
    middle, spread = standard(rows)
    standings = (rows - middle[:, None]) / spread[:, None]
    middles = np.sort(standings[:, [-1, int(0.99 * (m - 1))]], axis=0)[[(n - 1) // 2, n // 2]]
    best, hundredth = middles.mean(axis=0).tolist()  # not np.median, which imports a quarter of NumPy for it
    below = np.sum([row.searchsorted(PLACES) for row in standings], axis=0)  # each row is sorted
    above = rows.size - below
    return Usual(found[n // 2], np.maximum(width, 1e-3), best, hundredth, np.log((above + 0.5) / (rows.size + 1)))


def standard(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle and the spread of scores, sorted along the last axis: the median, and its distance to the 16th
    percentile, which for a normal distribution is the standard deviation. What belongs is above the median, so it
    widens neither."""
    import numpy as np

    n = rows.shape[-1]
    middle = rows[..., n // 2]
    return middle, np.maximum(middle - rows[..., int(0.1587 * (n - 1))], 1e-6)


def of_all(lists: Sequence[tuple[Sequence[str], Float32]]) -> tuple[Sequence[str], list[Float32]]:
    """From lists of ids and their scores: the ids that are in all lists, and in their order the scores of each list."""
    first, others = lists[0][0], [ids for ids, _ in lists[1:]]
    if all(ids == first for ids in others):  # as where each image has all vectors
        return first, [scores for _, scores in lists]
    places = [{id: row for row, id in enumerate(ids)} for ids, _ in lists]
    common = [id for id in first if all(id in held for held in places)]
    return common, [scores[[held[id] for id in common]] for held, (_, scores) in zip(places, lists, strict=True)]


def read_sample(store: Store, vector: str) -> Sample | None:
    """The first ``SAMPLED`` images that have this named vector; None if there are none. Ids are hashes, so the first in
    their order are a random sample."""
    import numpy as np

    held: list[Point] = []
    for points in store.scroll(fields=(), vectors=(vector,), batch=SAMPLED):
        held += [p for p in points if vector in p.vectors][: SAMPLED - len(held)]
        if len(held) == SAMPLED:
            break
    if not held:
        return None
    rows = np.stack([p.vectors[vector] for p in held]).astype(np.float32)
    return Sample([p.id for p in held], rows)

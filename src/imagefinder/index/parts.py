"""The vectors of an index in parts, for work that is done part by part: read by this process, or each part by whoever
works on it, out of the store of an index at an address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from imagefinder.errors import StorageError
from imagefinder.index.folder import no_images
from imagefinder.index.spaces import check_fitted
from imagefinder.vectors.shards import SHARD, Shards, applied, filled, in_parts, sent

if TYPE_CHECKING:
    from imagefinder._util.runner import Runner
    from imagefinder.index.folder import Index
    from imagefinder.store.base import Store
    from imagefinder.types import Float32

    Apply = Callable[[Float32], Float32]

BATCH = 1000  # points read at once


def read_shards(index: Index, space: str, apply: Apply, runner: Runner) -> tuple[list[str], Shards]:
    """The ids of all images that have a vector of a space, ascending, and what ``apply`` makes of these vectors. Where
    tasks run on other machines, no more than a part of the vectors is in this process at once; and none at all if the
    index is at an address, which then must lead to it from those machines too. Raises StorageError in the tasks."""
    if runner.far and index.address is not None:
        return _far(index, space, apply, runner, index.address)
    ids: list[str] = []

    def parts() -> Iterator[Float32]:
        for some, rows in in_parts(index.raw_batches(space), apply):
            ids.extend(some)
            yield rows

    if runner.far:
        return ids, Shards.stream(parts(), runner)
    return ids, Shards.of(filled(parts(), index.store.count()), runner)


def searched_shards(index: Index, space: str, runner: Runner) -> tuple[list[str], Shards]:
    """The ids and the vectors that are searched, as ``read_shards``. Raises NotFoundError, and InvalidInputError for a
    space that can't be searched yet."""
    check_fitted(index, space)
    with index.steady.shared():
        transform = index.transform(space)
    if transform is None:
        raise no_images()
    return read_shards(index, space, transform.apply, runner)


def _far(index: Index, space: str, apply: Apply, runner: Runner, address: str) -> tuple[list[str], Shards]:
    vector = index.space(space).vector
    lacking = set(index.store.without_vector(vector))
    ids = [p.id for points in index.store.scroll(fields=()) for p in points if p.id not in lacking]
    given = runner.put(apply)
    parts = [runner.call(read_part, address, vector, given, ids[a : a + SHARD]) for a in range(0, len(ids), SHARD)]
    dim = next(iter(runner.map(_dim, [(part,) for part in parts[:1]])), 0)
    return ids, Shards(runner, parts, len(ids), dim)


def read_part(address: str, vector: str, apply: Apply, ids: list[str]) -> Any:
    """A part of the vectors of the index at an address: what ``apply`` makes of the named ``vector`` of these ids,
    which are ascending. Raises StorageError where one is no longer there, and as ``sites.SiteType``."""
    wanted, rows = set(ids), []
    before = str(UUID(int=max(0, UUID(ids[0]).int - 1)))
    for points in _store_at(address).scroll(fields=(), vectors=(vector,), batch=BATCH, after=before):
        rows += [p.vectors[vector] for p in points if p.id in wanted and vector in p.vectors]
        if points[-1].id >= ids[-1]:
            break
    if len(rows) < len(ids):
        gone = len(ids) - len(rows)
        raise StorageError(f"{gone} of the images went while their vectors were read.", remedy="Run it again.")
    return sent(applied(apply, np.stack(rows).astype(np.float32)))


@cache
def _store_at(address: str) -> Store:
    """One connection for each address, kept for the next part."""
    from imagefinder.index.shared import site_at

    return site_at(address).store()


def _dim(part: Any) -> int:
    return int(part.shape[1])

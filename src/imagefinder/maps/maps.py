"""The maps of an index: making them, storing them, and adding images that were indexed later."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from imagefinder._util.places import stamp
from imagefinder._util.ray_runner import runner_at
from imagefinder._util.uuids import Ids, packed
from imagefinder.errors import IndexDamagedError, InvalidInputError, NotFoundError
from imagefinder.index.neighbors import index_graph
from imagefinder.index.runs import ARRAYS as RUN_ARRAYS
from imagefinder.index.runs import FACTS, Run, drop_former, list_runs, load_run, read_run, save_run
from imagefinder.maps.projections import Projection, check_method, neighbors_for, project
from imagefinder.maps.scores import score_map
from imagefinder.store.filters.parse import FilterLike, as_filter
from imagefinder.types import OnProgress, Progress, Record, ignore
from imagefinder.vectors.shards import Shards, filled
from imagefinder.vectors.variance import PcaReport, pca_report

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.types import Float32

KIND = "maps"
HELD = 4  # maps that stay in memory
_read_before: WeakKeyDictionary[Index, dict[tuple[Any, ...], Map]] = WeakKeyDictionary()
DEFAULT_METHOD = "tsne"  # keeps twice the neighbours UMAP does, in about the same time: benchmarks/results/maps.json
ARRAYS = {"ids": ("U", "n"), "coordinates": ("f", "n", 2), "placed": ("b", "n")}
_FACTS = {
    "method": str,
    "space": str,
    "search_vector": (str, None),
    "parameters": {str: object},
    "scores": ({str: object}, None),
    "filter": (str, None),
    "seed": int,
    "seconds": float,
}


@dataclass(frozen=True, slots=True)
class Map:
    """The position of each image on the plane.

    ``projection.coordinates``, float32 (n, 2), are in the order of ``ids``. ``placed``, bool (n,), marks images that
    were added after the map was made. ``facts`` are JSON values: method, parameters, scores, seconds.
    """

    name: str
    ids: Sequence[str] = field(repr=False)
    projection: Projection
    placed: npt.NDArray[np.bool_] = field(repr=False)
    facts: Mapping[str, Any]

    @property
    def coordinates(self) -> Float32:
        return self.projection.coordinates

    @property
    def method(self) -> str:
        return self.projection.method

    def __len__(self) -> int:
        return len(self.ids)

    def to_dict(self) -> dict[str, Any]:
        """The facts, without the coordinates."""
        return {"name": self.name, **{k: v for k, v in self.facts.items() if k != "kind"}}


def open_map(
    collection: Collection,
    method: str | None = None,
    *,
    update: bool = False,
    seed: int = 0,
    filter: FilterLike = None,
    ray: str | None = None,
    progress: OnProgress | None = None,
) -> Map:
    """Make a map (see ``make_map``), or with ``update`` bring the latest one up to date (see ``update_map``)."""
    collection.ready()
    index, space = collection.index, collection.view().image
    if not update:
        method = method or DEFAULT_METHOD
        return make_map(index, space, method, seed=seed, filter=filter, ray=ray, progress=progress)
    if filter is not None:
        raise InvalidInputError("A map keeps the filter it was made with.", remedy="Leave out the filter or update.")
    return update_map(index, space, method, ray=ray, progress=progress)


def make_map(
    index: Index,
    space: str,
    method: str = DEFAULT_METHOD,
    *,
    seed: int = 0,
    filter: FilterLike = None,
    ray: str | None = None,
    progress: OnProgress | None = None,
) -> Map:
    """Make a map of the images of a space, or of those that match a filter, and store it with the index.

    It replaces an earlier map with the same method, space and filter, as soon as it is completely on the disk. ``ray``
    is the address of a cluster of machines that finds the neighbours (see ``_util.ray_cluster``).
    ``progress`` is called with each stage; an exception from it stops the work, and nothing is stored. Raises
    NotFoundError (no such method, no image), MissingExtraError, InvalidFilterError or StorageError.
    """
    check_method(method)
    started, report = time.perf_counter(), progress or ignore
    with runner_at(ray) as runner:
        report(Progress("reading vectors"))
        ids, vectors = _vectors(index, space, filter)
        if not ids:
            raise NotFoundError("There is no image to make a map of.", remedy="Check the filter, or index some images.")
        report(Progress("comparing images"))
        several = method != "pca" and len(ids) > 1
        shards, k = Shards.of(vectors, runner), neighbors_for(len(ids))
        graph = index_graph(index, shards, k, progress=report) if several else None
    report(Progress("laying out"))
    projection = project(vectors, method, seed=seed, graph=graph, progress=report)
    report(Progress("scoring the map"))
    facts = {
        "filter": None if filter is None else str(filter),
        "seed": seed,
        "seconds": round(time.perf_counter() - started, 1),
    }
    return _keep(index, space, ids, vectors, projection, np.zeros(len(ids), bool), facts)


def update_map(
    index: Index,
    space: str,
    method: str | None = None,
    *,
    ray: str | None = None,
    progress: OnProgress | None = None,
) -> Map:
    """Bring the latest map (of a method) up to date: new images are added, and those no longer in the index are
    removed.

    The other images keep their positions. If none of them is left, the map is made again; if nothing has changed, it is
    returned as it is. Raises NotFoundError when there is no map.
    """
    report = progress or ignore
    former = load_map(index, method, space=space)
    report(Progress("reading vectors"))
    condition = former.facts["filter"]
    ids, vectors = _vectors(index, space, condition)
    spot = {id: i for i, id in enumerate(former.ids)}
    old = np.array([id in spot for id in ids], bool)
    if not old.any():
        seed = former.facts["seed"]
        return make_map(index, space, former.method, seed=seed, filter=condition, ray=ray, progress=report)
    if old.all() and len(ids) == len(former):
        return former
    report(Progress("placing new images"))
    there = [spot[id] for id in ids if id in spot]
    coordinates = np.zeros((len(ids), 2), np.float32)
    coordinates[old] = former.coordinates[there]
    # A transform fitted anew has other axes; then the neighbours say where an image belongs.
    arrays = former.projection.arrays if former.facts["search_vector"] == index.space(space).search_vector else {}
    projection = Projection(former.method, coordinates[old], former.projection.parameters, arrays)
    coordinates[~old] = projection.place(vectors[~old], vectors[old])
    projection = Projection(former.method, coordinates, former.projection.parameters, arrays)
    placed = np.ones(len(ids), bool)
    placed[old] = former.placed[there]
    return _keep(index, space, ids, vectors, projection, placed, former.facts)


def load_map(index: Index, method: str | None = None, *, space: str | None = None) -> Map:
    """The latest map, or the latest by a method, as it is stored. Raises NotFoundError or IndexDamagedError."""

    def latest() -> Run:
        for run in reversed(list_runs(index.documents, KIND)):
            if method in (None, run.facts.get("method")) and space in (None, run.facts.get("space")):
                return run
        raise NotFoundError(
            f"There is no {method} map yet." if method else "There is no map yet.", remedy="Make one: imagefinder map"
        )

    return read_run(latest, _read)


def kept_maps(index: Index) -> list[Map]:
    """All stored maps, the oldest first. Raises IndexDamagedError."""
    while True:
        with suppress(NotFoundError):  # one was dropped since it was listed; what took its place is there by now
            return [_held(index, run) for run in list_runs(index.documents, KIND)]


def kept_map(index: Index, name: str | None = None) -> Map:
    """The stored map of this name, or the latest. Raises NotFoundError or IndexDamagedError."""
    return read_run(lambda: load_run(index.documents, KIND, name), lambda run: _held(index, run))


def _held(index: Index, run: Run) -> Map:
    """A stored map, which stays in memory as long as its files are as they were: a million images are 24 MB, and half
    a second to read."""
    held = _read_before.setdefault(index, {})
    seen = (str(run.folder), *(stamp(run.folder / name) for name in (FACTS, RUN_ARRAYS)))
    found = held.pop(seen, None) or _read(run)
    while len(held) >= HELD:
        held.pop(next(iter(held)), None)
    held[seen] = found
    return found


def map_records(map: Map, records: Iterable[Record]) -> tuple[Float32, list[Record]]:
    """The coordinates, float32 (n, 2), and the records of those images of the map that are among ``records``."""
    found = {record.id: record for record in records}
    here = [i for i, id in enumerate(map.ids) if id in found]
    return map.coordinates[here], [found[map.ids[i]] for i in here]


def report_variance(collection: Collection) -> PcaReport:
    """The share of the images' variance that a number of dimensions of a space keeps. Raises InvalidInputError."""
    index, space = collection.index, collection.view().image
    with index.steady.shared():
        transform = index.transform(space)
    searched = None if transform is None or transform.axes is None else transform.dim_out
    return pca_report((rows for _, rows in index.raw_batches(space)), searched=searched)


def _vectors(index: Index, space: str, filter: FilterLike) -> tuple[list[str], Float32]:
    """Ids and search vectors, float32 (n, dim), of the images that match a filter."""
    condition = as_filter(filter)
    wanted = None
    if condition is not None:
        wanted = {p.id for points in index.store.scroll(filter=condition, fields=()) for p in points}
    ids: list[str] = []

    def batches() -> Iterator[Float32]:
        for part, searched in index.searched_batches(space):
            rows = [i for i, id in enumerate(part) if wanted is None or id in wanted]
            if rows:
                ids.extend(part[i] for i in rows)
                yield searched[rows]

    vectors = filled(batches(), index.store.count())
    return ids, vectors if ids else np.zeros((0, index.space(space).dim), np.float32)


def _keep(
    index: Index,
    space: str,
    ids: Sequence[str],
    vectors: Float32,
    projection: Projection,
    placed: npt.NDArray[np.bool_],
    facts: Mapping[str, Any],
) -> Map:
    """Store the map as a new run, then drop the one that it replaces: after a crash, one of them is complete."""
    coordinates = projection.coordinates
    facts = {
        "method": projection.method,
        "space": space,
        "search_vector": index.space(space).search_vector,
        "images": len(ids),
        "placed": int(placed.sum()),
        "parameters": dict(projection.parameters),
        "scores": score_map(vectors, coordinates).to_dict() if len(ids) > 2 else None,
        **{k: facts[k] for k in ("filter", "seed", "seconds")},
    }
    arrays = {"ids": np.array(ids), "coordinates": coordinates, "placed": placed, **projection.arrays}
    run = save_run(index.documents, KIND, facts, arrays)
    same = ("method", "space", "filter")
    drop_former(index.documents, run, lambda other: all(other.facts.get(k) == facts[k] for k in same))
    return Map(run.name, tuple(ids), projection, placed, run.facts)


def _read(run: Run) -> Map:
    run.check(_FACTS)
    arrays = run.arrays(ARRAYS)
    ids, coordinates, placed = (arrays.pop(name) for name in ARRAYS)
    if "axes" in arrays:
        sizes: dict[str, int] = {}
        for name, axes in {"axes": ("f", "dim", 2), "mean": ("f", "dim")}.items():
            run.check_array(name, arrays.get(name), axes, sizes)
    projection = Projection(run.facts["method"], coordinates, run.facts["parameters"], arrays)
    try:
        return Map(run.name, Ids(packed(ids)), projection, placed, run.facts)
    except ValueError as error:
        raise IndexDamagedError(f"{run.folder} has ids that are none: {error}.", remedy=run.again) from error

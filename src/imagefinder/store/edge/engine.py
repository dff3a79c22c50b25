"""All that is specific to Qdrant Edge: its files, settings and records. Its errors become ImageFinder's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from imagefinder._util.files import holes_to_fill
from imagefinder.errors import (
    ImageFinderError,
    IndexDamagedError,
    IndexLockedError,
    InvalidInputError,
    StorageError,
)
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.checks import checked_new_vector
from imagefinder.store.edge.words import index_words, without_words
from imagefinder.store.fields import FIELD_KINDS, INDEXED, Kind, json_path

if TYPE_CHECKING:
    import qdrant_edge

CONFIG = "edge_config.json"
RESERVED_BYTES = 112 * 1024**2  # kept free: the engine writes through memory maps, where a full disk kills the process
OPENING_BYTES = 8 * 1024**2  # free: opening after a kill writes what the log holds; needed to search at all
HNSW_FROM = 200_000  # points; up to here exact search over 256 float16 takes 7 ms, and is exact
LOOSE = 4  # of a large shard, a part of ``HNSW_FROM`` as small lies outside of a graph, and is compared exactly
FULL_SCAN_KB = 10_000  # a filter that leaves fewer vectors than this holds is answered exactly, graph or not
PLACEHOLDER = "none"  # the engine wants a vector at creation; an empty sparse one costs nothing

_DISK_ERRORS = {
    "No space left": "The disk is full.",
    "StorageFull": "The disk is full.",
    "os error 28": "The disk is full.",
    "os error 122": "The disk quota is used up.",
    "QuotaExceeded": "The disk quota is used up.",
    "os error 27": "A file would grow beyond the allowed size.",
    "FileTooLarge": "A file would grow beyond the allowed size.",
    "os error 30": "The disk is read-only.",
    "ReadOnlyFilesystem": "The disk is read-only.",
    "os error 13": "The files may not be written.",
    "PermissionDenied": "The files may not be written.",
    "os error 5)": "The disk reports an error.",
}


@contextmanager
def engine_errors(path: Path, doing: Literal["open", "read", "write"]) -> Iterator[None]:
    """Turn the engine's errors into ImageFinder's. The engine's panics are BaseExceptions, but not Exceptions."""
    try:
        yield
    except (ImageFinderError, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError):
        raise
    except BaseException as error:
        raise _ours(error, path, doing) from error


def _ours(error: BaseException, path: Path, doing: str) -> ImageFinderError:
    said = " ".join(str(error).split()) or type(error).__name__
    if "WouldBlock" in said:
        return IndexLockedError(
            f"The points in {path} are in use by another process.", remedy="Wait for it to end, or stop it."
        )
    for sign, meaning in _DISK_ERRORS.items():
        if sign in said:
            return StorageError(
                f"{meaning} What was stored before in {path} is safe. ({said[:300]})",
                remedy="Make room or allow writing there, then run again.",
            )
    verb = {"open": "opened", "read": "read", "write": "written"}[doing]
    return IndexDamagedError(f"The points in {path} can't be {verb}: {said[:300]}", remedy=DAMAGED_REMEDY)


DAMAGED_REMEDY = (
    "Make the index again from its sources, with all that was said of its images: imagefinder index --rebuild"
)


def read_params(path: Path) -> tuple[dict[str, VectorParams], dict[str, Any]]:
    """The named vectors of the shard in ``path`` and its configuration, both read from the engine's own file.

    Raises:
        IndexDamagedError: it is missing or unreadable.
    """
    try:
        config = json.loads((path / CONFIG).read_text("utf-8"))
        params = {
            name: VectorParams(
                dim=int(entry["size"]),
                dtype="float16" if entry.get("datatype") == "float16" else "float32",
                metric="cosine" if entry["distance"] == "Cosine" else "dot",
                searchable=_is_searchable(entry),
            )
            for name, entry in config["vectors"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexDamagedError(f"{path / CONFIG} is missing or unreadable: {error}", remedy=DAMAGED_REMEDY) from error
    return params, config


def _is_searchable(entry: Mapping[str, Any]) -> bool:
    return (entry.get("hnsw_config") or {}).get("m") != 0


def make_config(params: Mapping[str, VectorParams], large: bool = False) -> qdrant_edge.EdgeConfig:
    """The settings of a shard with these vectors: payload on disk, one segment, an HNSW graph only for many points. Of
    a ``large`` one, only what a search looks at is read from the disk, so that it opens at once."""
    import qdrant_edge as engine

    graph = engine.HnswIndexConfig(m=16, ef_construct=128, full_scan_threshold=FULL_SCAN_KB)
    no_graph = engine.HnswIndexConfig(m=0, ef_construct=128, full_scan_threshold=FULL_SCAN_KB)
    types = {"float32": engine.VectorStorageDatatype.Float32, "float16": engine.VectorStorageDatatype.Float16}
    vectors = {
        name: engine.EdgeVectorParams(
            size=p.dim,
            distance=engine.Distance.Cosine if p.metric == "cosine" else engine.Distance.Dot,
            datatype=types[p.dtype],
            memory=engine.Memory.Cached if p.searchable and not large else engine.Memory.Cold,
            hnsw_config=None if p.searchable else no_graph,
        )
        for name, p in params.items()
    }
    return engine.EdgeConfig(
        vectors=vectors,
        sparse_vectors={PLACEHOLDER: engine.EdgeSparseVectorParams()},
        payload_memory=engine.Memory.Cold,
        id_tracker_memory=engine.Memory.Cold if large else None,
        hnsw_config=graph,
        optimizers=engine.EdgeOptimizersConfig(
            default_segment_number=1, indexing_threshold=indexing_threshold(params, large)
        ),
        wal_enabled=True,
    )


def indexing_threshold(params: Mapping[str, VectorParams], large: bool) -> int:
    """``HNSW_FROM``, of a ``large`` shard a part of it, in the engine's unit: kilobytes of the largest vector of a
    segment."""
    largest = max((p.dim * (2 if p.dtype == "float16" else 4) for p in params.values()), default=1024)
    return max(1, HNSW_FROM * largest // 1024 // (LOOSE if large else 1))


def is_large(config: Mapping[str, Any]) -> bool:
    """Whether a shard has the settings of a large one."""
    return config.get("id_tracker_memory") == "cold"


def is_current(config: Mapping[str, Any], params: Mapping[str, VectorParams]) -> bool:
    """Whether the stored settings are those of ``make_config``. If so, opening need not write them again."""
    optimizers = config.get("optimizers") or {}
    placed = all("memory" in entry for entry in config["vectors"].values())
    return placed and optimizers.get("indexing_threshold") == indexing_threshold(params, is_large(config))


def index_fields(shard: qdrant_edge.EdgeShard) -> None:
    """Make an index of the engine for each field that filters often use: 0.1-3 ms instead of 70-150 ms at 22,914
    points."""
    from qdrant_edge import PayloadSchemaType as Type
    from qdrant_edge import UpdateOperation

    types = {Kind.TEXT: Type.Keyword, Kind.NUMBER: Type.Integer, Kind.DATE: Type.Datetime}
    missing = [field for field in INDEXED if field not in shard.info().payload_schema]
    for field in missing:
        shard.update(UpdateOperation.create_field_index(field, types[FIELD_KINDS[field]]))
    if missing:
        shard.flush()


def index_for_many(shard: qdrant_edge.EdgeShard) -> None:
    """Have the indexes of the fields read from the disk, where they are not: in memory, those of 100,000 points take
    half a second to open."""
    import qdrant_edge as engine

    cold: dict[Kind, Any] = {
        Kind.TEXT: engine.KeywordIndexParams(memory=engine.Memory.Cold),
        Kind.NUMBER: engine.IntegerIndexParams(lookup=True, range=True, memory=engine.Memory.Cold),
        Kind.DATE: engine.DatetimeIndexParams(memory=engine.Memory.Cold),
    }
    there = shard.info().payload_schema
    for field in INDEXED:
        known = there[field].params if field in there else None
        if getattr(known, "memory", None) != engine.Memory.Cold:
            shard.update(engine.UpdateOperation.delete_field_index(field))
            shard.update(engine.UpdateOperation.create_field_index(field, cold[FIELD_KINDS[field]]))
    shard.flush()


def our_point(record: qdrant_edge.Record, fields: Sequence[str] | None = None) -> Point:
    payload = without_words(record.payload)
    if fields is not None and not payload.keys() <= set(fields):  # a field whose name the engine can't select
        payload = {k: v for k, v in payload.items() if k in fields}
    held: Any = record.vector or {}
    return Point(str(record.id), payload, {n: np.asarray(v, dtype=np.float32) for n, v in held.items()})


def selector(fields: Sequence[str] | None) -> Any:
    """The engine's selection of payload fields; all fields if it can't name one of them."""
    from qdrant_edge import PayloadSelector

    paths = None if fields is None else [json_path(field) for field in fields]
    if paths is None or None in paths:
        return True
    return PayloadSelector.Include([p for p in paths if p]) if paths else False


def want_space(path: Path, n_bytes: int, reserved: int | None = None) -> None:
    """Raise StorageError if the disk is nearly full. Inside the engine, a full disk would kill the process by
    SIGBUS."""
    free = shutil.disk_usage(path).free
    wanted = n_bytes + (RESERVED_BYTES if reserved is None else reserved)
    if free < wanted:
        raise StorageError(
            f"The disk of {path} is nearly full: {free / 1e6:.0f} MB are free, {wanted / 1e6:.0f} MB are needed. "
            "Everything stored so far is safe.",
            remedy="Make room and run again.",
        )


def filled_by_opening(path: Path, params: Mapping[str, VectorParams]) -> int:
    """The bytes that opening takes in a file system in memory, at most: all is read then, so its holes are filled, but
    for the log, the payloads and the vectors that are only retrieved. 0 elsewhere."""
    unread = {f"vector_storage-{name}" for name, p in params.items() if not p.searchable} | {"payload_storage"}
    parts = [part for part in (path / "segments").glob("*/*") if part.is_dir() and part.name not in unread]
    return sum(map(holes_to_fill, parts))


def last_operation(path: Path) -> int:
    """The number of the last operation that the engine has flushed. Raises IndexDamagedError."""
    try:
        found = [
            json.loads(file.read_text("utf-8")).get("version") for file in (path / "segments").glob("*/segment.json")
        ]
        return max(int(number or 0) for number in found)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise IndexDamagedError(f"The segments in {path} can't be read: {error}", remedy=DAMAGED_REMEDY) from error


def merged_points(path: Path) -> tuple[int, int]:
    """How many points there were when all were merged, and how many of these the engine has taken out since: those that
    were removed, and those that were changed, which it has written anew to another part. Their room is not free yet."""
    merged = sum(file.stat().st_size // 8 for file in (path / "segments").glob("*/id_tracker.versions"))
    gone = [np.fromfile(file, np.uint8) for file in (path / "segments").glob("*/id_tracker.deleted")]
    return merged, sum(int(np.unpackbits(bits).sum()) for bits in gone)


def load_shard(path: Path, config: qdrant_edge.EdgeConfig | None) -> qdrant_edge.EdgeShard:
    from qdrant_edge import EdgeShard

    with engine_errors(path, "open"):
        return EdgeShard.load(str(path), config)


def create_shard(path: Path, params: Mapping[str, VectorParams]) -> qdrant_edge.EdgeShard:
    """A new shard in the folder, which must be empty or not exist. Raises InvalidInputError and StorageError."""
    from qdrant_edge import EdgeShard

    for name, wanted in params.items():
        checked_new_vector(name, wanted)
    with engine_errors(path, "write"):
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()):
            raise InvalidInputError(f"{path} is not empty.", remedy="Open it, or choose another folder.")
        want_space(path, 0)
        shard = EdgeShard.create(str(path), make_config(params))
        index_fields(shard)
        index_words(shard)
        shard.flush()
    return shard

"""All that an index is, wherever it lies: which documents belong to it, and checksums of its points and documents."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.files import plain_name
from imagefinder._util.lines import read_plain
from imagefinder._util.places import Place
from imagefinder.errors import IndexDamagedError
from imagefinder.index.half import MARKER
from imagefinder.index.jsonfile import json_text
from imagefinder.index.manifest import MADE, NAME, POINTS, SECOND, TRANSFORMS, Manifest

if TYPE_CHECKING:
    from imagefinder.store.base import Point, Store, VectorParams

CACHES = frozenset({"thumbs", "jobs", "training"})  # made again when they are needed
UPLOADS, TRASH = "uploads", "trash"
FILES = (UPLOADS, TRASH)  # pictures, which stay where they lie
PASSING = "queries"  # of the uploads, those that were only searched by
APART = frozenset({POINTS, *MADE, NAME, SECOND, MARKER, *CACHES, *FILES})
ASIDE = "damaged-"  # begins the names of points that a rebuild could not read
AT_ONCE = 8 * 1024**2  # bytes of points that are held together
MOST_AT_ONCE = 1000
MOST_BYTES = 2**34  # of one document
SUM_BYTES = 16
SHOWN = 3  # differences that an error names
_WRAP = 2 ** (8 * SUM_BYTES)


def plain_manifest(manifest: Manifest) -> Manifest:
    """The manifest of an index that no rebuild has put in a folder of its own."""
    spaces = {
        name: replace(entry, transform=entry.transform and f"{TRANSFORMS}/{entry.transform.rpartition('/')[2]}")
        for name, entry in manifest.spaces.items()
    }
    return replace(manifest, spaces=spaces, made="")


def manifest_text(manifest: Manifest) -> bytes:
    """``index.json`` of a plain manifest, as ``manifest.save`` writes it."""
    return json_text(manifest.to_dict(), indent=2)


def documents_of(documents: Place, made: str = "") -> dict[str, Place]:
    """All documents of an index but its manifest, by their names in an index that was not rebuilt, in order; ``made``
    is that of its manifest. Caches, and pictures that clients sent, are none. Raises IndexDamagedError for a name that
    no file may have."""
    found: dict[str, Place] = {}
    for place in documents.iterdir():
        if place.name not in APART and not (made and place.name == TRANSFORMS):
            found.update(_below(place, place.name))
    if made:
        found.update(_below(documents / made / TRANSFORMS, TRANSFORMS))
    return dict(sorted(found.items()))


def _below(place: Place, name: str) -> Iterator[tuple[str, Place]]:
    if not is_plain(place.name):
        raise IndexDamagedError(f"{place} is no name of a file.", remedy="Remove it.")
    if place.name.startswith((".", ASIDE)):  # what is being written, or was put aside
        return
    if place.is_dir():
        for inner in place.iterdir():
            yield from _below(inner, f"{name}/{inner.name}")
    elif place.is_file():
        yield name, place


def is_plain(name: str) -> bool:
    """Whether this may be the name of a file on every system."""
    return name == plain_name(name) and not any("\ud800" <= c <= "\udfff" for c in name)


def read_document(place: Place) -> bytes | None:
    """What a document holds; None where it is gone. Raises IndexDamagedError."""
    try:
        return read_plain(place, MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise IndexDamagedError(f"{place} can't be read: {error.strerror or error}.") from error


def files_in(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    """The files of one of ``FILES`` in the folder of an index, in order, with their names below it."""
    for path in sorted((folder / name).rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not path.is_symlink() and PASSING not in parts and not path.name.startswith("."):
            yield "/".join(parts), path


def batch_of(vectors: Mapping[str, VectorParams]) -> int:
    """How many points with these vectors are held together."""
    return max(1, min(MOST_AT_ONCE, AT_ONCE // (4 * sum(params.dim for params in vectors.values()) + 4096)))


def each_point(store: Store, vectors: Mapping[str, VectorParams]) -> Iterator[Point]:
    """Every point with these vectors, in ascending order of id."""
    for points in store.scroll(vectors=tuple(vectors), batch=batch_of(vectors)):
        yield from points


# --- checksums --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Total:
    """How many there are, and the sum of their checksums, which does not depend on their order."""

    n: int = 0
    total: int = 0

    def add(self, digest: bytes) -> None:
        self.n += 1
        self.total = (self.total + int.from_bytes(digest, "big")) % _WRAP

    @property
    def hex(self) -> str:
        return f"{self.total:0{2 * SUM_BYTES}x}"


def point_sum(point: Point, vectors: Mapping[str, VectorParams]) -> bytes:
    """The checksum of one point: its id, its payload (numbers to 12 digits, see ``alike``), and the bits of its vectors
    as they are stored."""
    found = hashlib.blake2b(f"{point.id}\n".encode(), digest_size=SUM_BYTES)
    found.update(_sorted(_rounded(point.payload)))
    for name in sorted(point.vectors):
        found.update(f"\n{name}\n".encode())
        found.update(_bits(point, name, vectors[name]))
    return found.digest()


def alike(one: Point, other: Point, vectors: Mapping[str, VectorParams]) -> bool:
    """Whether two points are equal, to the last bit of their vectors. Of numbers that are not whole the last digit, of
    17, may differ: the engine of an index in a folder does not read all of them as they were written."""
    if one.vectors.keys() != other.vectors.keys():
        return False
    if any(_bits(one, name, vectors[name]) != _bits(other, name, vectors[name]) for name in one.vectors):
        return False
    return _sorted(one.payload) == _sorted(other.payload) or is_close(one.payload, other.payload)


def is_close(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal in this sense."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-15, abs_tol=5e-324)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_close, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_close(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


def _bits(point: Point, name: str, params: VectorParams) -> bytes:
    dtype = "<f2" if is_half(params) else "<f4"
    return np.ascontiguousarray(point.vectors[name], dtype=dtype).tobytes()


def is_half(params: VectorParams) -> bool:
    """Whether such a vector is stored as float16."""
    return params.dtype == "float16"


def text_sum(name: str, content: bytes) -> bytes:
    """The checksum of one document."""
    found = hashlib.blake2b(f"{name}\n".encode(), digest_size=SUM_BYTES)
    found.update(content)
    return found.digest()


def _sorted(payload: Any) -> bytes:
    import orjson

    return orjson.dumps(payload, option=orjson.OPT_SORT_KEYS)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.12g}") + 0.0  # a negative zero is one, which a database does not tell apart
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return value


def difference(here: Point, there: Point | None) -> str:
    """In which fields and vectors a point and its copy differ, for people."""
    if there is None:
        return f"{here.id} is missing"
    names = sorted({*here.payload, *there.payload})
    fields = [name for name in names if not is_close(here.payload.get(name), there.payload.get(name))]
    for name in sorted({*here.vectors, *there.vectors}):
        pair = [point.vectors.get(name) for point in (here, there)]
        if any(row is None for row in pair) or not np.array_equal(*pair):  # type: ignore[arg-type]
            fields.append(f"the vector {name}")
    return f"{here.id} differs in {', '.join(fields[:SHOWN])}"


def differing(store: Store, points: Sequence[Point], vectors: Mapping[str, VectorParams]) -> list[str]:
    """How the points of these ids in a store differ from these, for people."""
    held = {point.id: point for point in store.retrieve([point.id for point in points], vectors=tuple(vectors))}
    unlike = [point for point in points if point.id not in held or not alike(point, held[point.id], vectors)]
    return [difference(point, held.get(point.id)) for point in unlike]

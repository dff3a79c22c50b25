"""What an index is made of, read without what copies it: so that a copy can be compared with it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imagefinder.index.folder import Index

APART = {"points", "index.json", "index.bak.json", "thumbs", "jobs", "training", "uploads", "trash"}


class Made(NamedTuple):
    """Points by id: payload, and the bits of each vector; documents by name; the settings of the vectors."""

    points: dict[str, tuple[dict[str, Any], dict[str, bytes]]]
    documents: dict[str, bytes]
    vectors: dict[str, Any]
    manifest: dict[str, Any]


def made_of(folder: Path) -> Made:
    """All that an index in a folder is made of; nobody writes it meanwhile. A rebuilt one says the same as others."""
    with Index(folder, create=False, read_only=True) as index:
        vectors = {name: p for name, p in index.store.vectors().items() if name in index.manifest.vectors()}
        points = {
            point.id: (
                dict(point.payload),
                {name: bits(row, vectors[name].dtype) for name, row in point.vectors.items()},
            )
            for batch in index.store.scroll(vectors=tuple(vectors))
            for point in batch
        }
        manifest = index.manifest.to_dict()
    made = manifest.pop("made", "")
    manifest.pop("version")
    for space in manifest["spaces"].values():
        space["transform"] = space["transform"] and space["transform"].removeprefix(f"{made}/")
    documents = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix().removeprefix(f"{made}/")
        if path.is_file() and name.split("/")[0] not in APART and not path.name.startswith("."):
            documents[name] = path.read_bytes()
    return Made(points, documents, vectors, manifest)


def bits(row: np.ndarray, dtype: str) -> bytes:
    return bytes(row.astype(dtype).tobytes())


def same(these: Made, those: Made) -> None:
    """Fails where two differ, and says in what."""
    assert these.points.keys() == those.points.keys()
    for id, (payload, vectors) in these.points.items():
        assert close(those.points[id][0], payload), (those.points[id][0], payload)
        assert {name for name, row in vectors.items() if those.points[id][1].get(name) != row} == set(), id
        assert vectors.keys() == those.points[id][1].keys()
    assert these.documents.keys() == those.documents.keys()
    assert [name for name, content in these.documents.items() if those.documents[name] != content] == []
    assert these.vectors == those.vectors
    assert these.manifest == those.manifest


def close(one: Any, other: Any) -> bool:
    """Whether JSON values are equal, but for the last bits of numbers, which the engine does not always keep."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or abs(one - other) <= 4 * max(math.ulp(one), math.ulp(other))
    if isinstance(one, list | dict) and type(one) is type(other) and len(one) == len(other):
        keys = one if isinstance(one, dict) else range(len(one))
        return all((isinstance(one, list) or key in other) and close(one[key], other[key]) for key in keys)
    return type(one) is type(other) and bool(one == other)

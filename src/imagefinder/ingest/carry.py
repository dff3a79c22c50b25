"""Takes the vectors of further models from an index over to one that is made anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder._util.files import write_whole
from imagefinder._util.places import make_folder, opened
from imagefinder._util.threads import cores
from imagefinder.errors import ModelError, NotFoundError
from imagefinder.index.manifest import TRANSFORMS
from imagefinder.index.spaces import add_spaces, lacking, models_of
from imagefinder.ingest.fill import fill

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index
    from imagefinder.index.manifest import Manifest, SpaceEntry
    from imagefinder.models.spec import ModelSpec
    from imagefinder.types import OnProgress


def carry_spaces(old: Index | None, manifest: Manifest, collection: Collection, progress: OnProgress | None) -> None:
    """Copy the vectors of all models that the new index (of ``collection``) lacks, by the content of the images. What
    is of another version of a model, and what new images lack, is computed; all of it where the old index, which is of
    this ``manifest``, can't be opened. Vectors of a model that is not on this machine are copied too. Raises
    ModelError."""
    new = collection.index
    for model in dict.fromkeys(entry.model for entry in manifest.spaces.values()):
        if model in models_of(new):
            continue
        spec = _spec(collection, model)
        entries = {name: entry for name, entry in manifest.spaces.items() if entry.model == model}
        if old and (spec is None or all(entry.model_fingerprint == spec.fingerprint for entry in entries.values())):
            _copy(old, new, entries)
        if spec is not None:
            add_spaces(new, spec)
            if lacking(new, spec):
                embedder = collection.indexers.named(model)
                fill(new, embedder, limits=collection.limits, workers=cores(), progress=progress)


def _spec(collection: Collection, model: str) -> ModelSpec | None:
    try:
        return None if collection.models.broken(model) else collection.models.spec(model)
    except (NotFoundError, ModelError):
        return None


def _copy(old: Index, new: Index, entries: Mapping[str, SpaceEntry]) -> None:
    found = new.store.columns(("id", "content_hash"))
    ids: defaultdict[str, list[str]] = defaultdict(list)
    for id, content_hash in zip(found["id"], found["content_hash"], strict=True):
        ids[content_hash].append(id)
    manifest = new.manifest
    for name, entry in entries.items():
        for vector in (entry.vector, entry.search_vector):
            if vector:
                _copy_vector(old, new, vector, ids)
        file = entry.transform and f"{TRANSFORMS}/{Path(entry.transform).name}"
        if entry.transform and file:
            make_folder(new.documents / TRANSFORMS)
            with opened(old.documents / entry.transform) as held:
                write_whole(new.documents / file, held.read())
        manifest = manifest.with_space(name, replace(entry, transform=file))
    new.save_manifest(manifest)


def _copy_vector(old: Index, new: Index, vector: str, ids: Mapping[str, Sequence[str]]) -> None:
    import numpy as np

    new.store.create_vector(vector, old.store.vectors()[vector])
    done: set[str] = set()
    for points in old.store.scroll(fields=("content_hash",), vectors=(vector,)):
        held = {str(p.payload["content_hash"]): p.vectors[vector] for p in points if vector in p.vectors}
        rows = [(id, row) for content, row in held.items() if content not in done for id in ids.get(content, ())]
        done |= set(held)
        if rows:
            new.store.set_vectors(vector, [id for id, _ in rows], np.stack([row for _, row in rows]))

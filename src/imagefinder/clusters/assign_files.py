"""Assigns images to the clusters of an exported model, without an index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imagefinder.clusters.model import ClusterModel
from imagefinder.errors import ImageError
from imagefinder.images.loader import Loader
from imagefinder.images.sources import open_source
from imagefinder.types import ImageRef, Limits, Skipped

BATCH = 16


def assign_images(
    model: ClusterModel | Path, images: Sequence[str], *, limits: Limits | None = None
) -> tuple[list[dict[str, Any]], list[Skipped]]:
    """A row for each image of files, folders and URLs: uri, cluster (-1: none), name, distance to the centre; and the
    images that can't be read. Raises InvalidInputError, NotFoundError or ModelMismatchError."""
    from imagefinder.models.registry import load_model

    found = model if isinstance(model, ClusterModel) else ClusterModel.load(model)
    embedder = load_model(found.model)
    found.check(embedder.spec)
    loader = Loader(limits or Limits(), embedder.short_side)
    refs = [item for image in images for item in open_source(image).scan()]
    skipped = [item for item in refs if isinstance(item, Skipped)]
    rows: list[dict[str, Any]] = []
    waiting: list[tuple[str, Any]] = []
    try:
        for ref in (item for item in refs if isinstance(item, ImageRef)):
            try:
                waiting.append((ref.uri, loader.decode(loader.read(ref)).image))
            except ImageError as error:
                skipped.append(Skipped(ref.uri, error.code, error.message, error.remedy))
            if len(waiting) == BATCH:
                rows += _rows(found, embedder, waiting)
                waiting = []
    finally:
        loader.close()
    return rows + (_rows(found, embedder, waiting) if waiting else []), skipped


def _rows(model: ClusterModel, embedder: Any, pictures: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
    labels, distances, _ = model.assign_pictures(embedder, [picture for _, picture in pictures])
    return [
        {"uri": uri, "cluster": int(label), "name": model.name_of(int(label)), "distance": round(float(distance), 6)}
        for (uri, _), label, distance in zip(pictures, labels, distances, strict=True)
    ]

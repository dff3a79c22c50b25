"""The named vectors of a collection, with the settings that the index was made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imagefinder.store.base import VectorParams
from imagefinder.store.qdrant.server import Server

if TYPE_CHECKING:
    from qdrant_client import models


def add_vector(server: Server, name: str, params: VectorParams, options: Mapping[str, Any]) -> None:
    """Add a named vector to the points. Does nothing more where a process did so that was then killed."""
    from qdrant_client import models

    types = {"float32": models.VectorStorageDatatype.FLOAT32, "float16": models.VectorStorageDatatype.FLOAT16}
    distance = models.Distance.COSINE if params.metric == "cosine" else models.Distance.DOT
    vector = models.DenseVectorConfig(size=params.dim, distance=distance, datatype=types[params.dtype])
    config = models.DenseVectorNameConfig(dense=vector)
    strong = models.WriteOrdering.STRONG
    server.call("create_vector_name", server.address.points, name, config, wait=True, ordering=strong)
    server.call("update_collection", server.address.points, vectors_config={name: settings(params, options)})


def settings(params: VectorParams, options: Mapping[str, Any]) -> models.VectorParamsDiff:
    """How a vector is kept: one that is only retrieved on disk and without a graph."""
    from qdrant_client import models

    if not params.searchable:
        return models.VectorParamsDiff(on_disk=True, hnsw_config=models.HnswConfigDiff(m=0))
    graph = {name: options[name] for name in ("m", "ef_construct") if name in options}
    return models.VectorParamsDiff(
        on_disk=options.get("vectors") == "disk",
        hnsw_config=models.HnswConfigDiff(**graph) if graph else None,
        quantization_config=_quantized(options.get("quantization")),
    )


def _quantized(how: str | None) -> Any:
    from qdrant_client import models

    if how == "int8":
        kind = models.ScalarType.INT8
        return models.ScalarQuantization(scalar=models.ScalarQuantizationConfig(type=kind, always_ram=True))
    if how == "binary":
        return models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True))
    return None

"""The tables of figures in the documentation, from benchmarks/results/*.json."""

from __future__ import annotations

from collections.abc import Callable

import benchmark_tables as tables
import core_tables as cores
import docs_plan
import ends_tables as ends
import growth_tables
import page_tables
import peer_tables as peers
import store_tables
import training_tables as training

# The name of a table, the script in benchmarks/ that measures it, and what makes the table of its results.
TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "scale": ("scale", tables.scale),
    "stores": ("stores", store_tables.stores),
    "store-merge": ("store_merge", store_tables.merging),
    "workers": ("workers", store_tables.workers),
    "copies": ("copies", store_tables.copies),
    "graphs": ("distributed_graph", store_tables.graphs),
    "graph-ways": ("neighbor_graphs", store_tables.ways),
    "graph-steps": ("neighbor_graphs", store_tables.of_the_graph),
    "ray": ("ray_indexing", store_tables.ray),
    "scaling-graphs": ("scaling", docs_plan.graphs),
    "scaling-records": ("scaling", docs_plan.records),
    "scaling-shards": ("scaling", docs_plan.shards),
    "growth": ("growth", growth_tables.growth),
    "first-looks": ("first_looks", growth_tables.looks),
    "page-growth": ("page_growth", growth_tables.page),
    "throughput": ("throughput", tables.throughput),
    "ingest_cpu": ("ingest_cpu", cores.ingest_cpu),
    "resampling": ("model_speed", cores.resampling),
    "start": ("start", cores.start),
    "model_speed": ("model_speed", cores.model_speed),
    "models": ("models", tables.models),
    "quality": ("quality", tables.quality),
    "hybrid": ("hybrid", tables.hybrid),
    "fusion": ("fusion", tables.fusion),
    "why": ("why", tables.why),
    "clusters": ("clusters", tables.clusters),
    "clusters-told": ("clusters", tables.clusters_told),
    "outliers": ("clusters", tables.outliers),
    "strangers": ("strangers", tables.strangers),
    "cluster-scale": ("clusters", tables.cluster_scale),
    "cluster_edits": ("cluster_edits", tables.cluster_edits),
    "maps": ("maps", tables.maps),
    "duplicates": ("duplicates", tables.duplicates),
    "feedback": ("feedback", tables.feedback),
    "server": ("server", tables.server),
    "ocr": ("ocr", tables.ocr),
    "ocr-ways": ("ocr", tables.ocr_ways),
    "evaluation": ("evaluation", tables.evaluation),
    "leaves": ("nothing_leaves", tables.leaves),
    "load": ("load", tables.load),
    "hostile": ("hostile_files", tables.hostile),
    "formats": ("formats", tables.formats),
    "buckets": ("buckets", tables.buckets),
    "page": ("page", page_tables.page),
    "renderers": ("map_renderers", tables.renderers),
    "adapter": ("training", training.adapter),
    "unseen": ("training", training.unseen),
    "classifier": ("training", training.classifier),
    "words": ("training", training.words),
    "unfreeze": ("unfreeze", training.unfreeze),
    "autoencoder": ("autoencoder", training.autoencoder),
    "ends": ("ends", ends.models),
    "ends-sets": ("ends", ends.sets),
    "ends-ways": ("ends", ends.ways),
    "joint": ("joint_model", peers.joint),
    "peers-features": ("peers/features", peers.features),
    "peers-vectors": ("peers/vectors", peers.vectors),
    "peers-copies": ("peers/copies", peers.copies),
    "peers-issues": ("peers/copies", peers.issues),
    "peers-maps": ("peers/maps", peers.maps),
}


def figures(name: str) -> str:
    """A table, and what made it when and where; ``five`` is the README's, whose figures are also in other tables."""
    if name == "five":
        return tables.five()
    script, table = TABLES[name]
    beside = name.startswith("peers-")
    kept = name.replace("-", "/", 1) if beside else script
    if not (tables.RESULTS / f"{kept}.json").is_file():
        return f"Not measured yet: `python benchmarks/{script}.py`\n"
    found = tables.result(kept)
    machine = found["machine"]
    when = f"{found['date']}, " if "date" in found else ""
    return f"{table()}\nMade by `benchmarks/{script}.py` ({when}{machine['cores']} cores, {machine['cpu']}).\n"

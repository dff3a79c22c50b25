"""Search and organise any collection of images on your own machine.

>>> from imagefinder import ImageFinder
>>> with ImageFinder.open("my-index") as finder:
...     finder.add("~/Pictures")
...     hits = finder.search("red bike", k=10)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imagefinder._util.quiet import send_nothing
from imagefinder._version import __version__

send_nothing()  # before anything of others is imported

if TYPE_CHECKING:
    from imagefinder.catalog.feedback import Judgement
    from imagefinder.clusters.algorithms.choose_k import Choice
    from imagefinder.clusters.assign_files import assign_images
    from imagefinder.clusters.clustering import Cluster, Clustering
    from imagefinder.clusters.model import ClusterModel
    from imagefinder.clusters.view import Clusters
    from imagefinder.errors import ImageFinderError
    from imagefinder.evaluation.of_models import compare_models
    from imagefinder.finder import ImageFinder
    from imagefinder.models.custom import FunctionEmbedder
    from imagefinder.models.registry import list_models, pull_model, register
    from imagefinder.results import BackfillReport, Filled, Hits, IndexInfo, IngestReport, Records, SpaceInfo
    from imagefinder.search.query import Box, Term
    from imagefinder.types import Hit, Limits, Progress, Record, Skipped
    from imagefinder.whole.backup import backup_index
    from imagefinder.whole.copying import copy_index
    from imagefinder.whole.restore import restore_index

__all__ = [
    "BackfillReport",
    "Box",
    "Choice",
    "Cluster",
    "ClusterModel",
    "Clustering",
    "Clusters",
    "Filled",
    "FunctionEmbedder",
    "Hit",
    "Hits",
    "ImageFinder",
    "ImageFinderError",
    "IndexInfo",
    "IngestReport",
    "Judgement",
    "Limits",
    "Progress",
    "Record",
    "Records",
    "Skipped",
    "SpaceInfo",
    "Term",
    "__version__",
    "assign_images",
    "backup_index",
    "compare_models",
    "copy_index",
    "list_models",
    "pull_model",
    "register",
    "restore_index",
]

_HOME = {
    "backup_index": "whole.backup",
    "copy_index": "whole.copying",
    "restore_index": "whole.restore",
    "assign_images": "clusters.assign_files",
    "compare_models": "evaluation.of_models",
    "ImageFinderError": "errors",
    "Hits": "results",
    "ImageFinder": "finder",
    "Choice": "clusters.algorithms.choose_k",
    "Cluster": "clusters.clustering",
    "ClusterModel": "clusters.model",
    "Clustering": "clusters.clustering",
    "Clusters": "clusters.view",
    "BackfillReport": "results",
    "Filled": "results",
    "FunctionEmbedder": "models.custom",
    "IndexInfo": "results",
    "SpaceInfo": "results",
    "list_models": "models.registry",
    "register": "models.registry",
    "pull_model": "models.registry",
    "Records": "results",
    "IngestReport": "results",
    "Progress": "types",
    "Judgement": "catalog.feedback",
    "Box": "search.query",
    "Term": "search.query",
    "Hit": "types",
    "Limits": "types",
    "Record": "types",
    "Skipped": "types",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that the command line starts without NumPy and Pillow."""
    if name not in _HOME:
        raise AttributeError(f"module 'imagefinder' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"imagefinder.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)

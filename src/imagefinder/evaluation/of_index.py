"""How well the index finds things, measured with a user's own labels or captions."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.files import expanded
from imagefinder.catalog.label_table import LabelTable, read_table
from imagefinder.evaluation.clustering import ClusterScores, score_clusters
from imagefinder.evaluation.retrieval import LabelScores, WordScores, score_labels, score_words
from imagefinder.search.embed import embed_texts

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.types import Float32


@dataclass(frozen=True, slots=True)
class Assessment:
    """The measures: ``labels`` for a table with a column ``label``, and ``clusters`` if there are any; ``words`` for a
    table with a column ``caption``.

    ``missing`` is the number of images in the table that are not in the index.
    """

    space: str
    images: int
    missing: int
    labels: LabelScores | None = None
    clusters: ClusterScores | None = None
    words: WordScores | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "space": self.space,
            "images": self.images,
            "missing": self.missing,
            "labels": self.labels.to_dict() if self.labels else None,
            "clusters": self.clusters.to_dict() if self.clusters else None,
            "words": self.words.to_dict() if self.words else None,
        }


def assess(collection: Collection, table: str | os.PathLike[str] | LabelTable, space: str | None = None) -> Assessment:
    """Measure the index with a CSV that has the columns ``filename`` and ``label``, ``caption`` or both, or with a
    table that ``label_table.read_table`` has read.

    ``space`` is the name of the space or model to measure, by default the one in use. A file name is a path, relative
    to the folder of the table, or the end of the path of an image in the index. Raises InvalidTableError.
    """
    truth = table if isinstance(table, LabelTable) else read_table(expanded(table), collection.records())
    view = collection.view(space)
    ids, vectors = collection.vectors(view.image)
    truth = _of_those_there(truth, set(ids))
    labels = [(row, truth.labels[id]) for row, id in enumerate(ids) if id in truth.labels]
    label_scores = score_labels(vectors[[r for r, _ in labels]], [name for _, name in labels]) if labels else None
    found = set(truth.labels) | {id for id, _ in truth.captions}
    return Assessment(
        space=view.image,
        images=len(found),
        missing=len(truth.missing),
        labels=label_scores,
        clusters=_clusters(collection, truth),
        words=_words(collection, truth, view.words) if truth.captions else None,
    )


def _of_those_there(truth: LabelTable, there: Set[str]) -> LabelTable:
    """What is said of images that have vectors: others have gone since the table was read, or are still to come."""
    return replace(
        truth,
        labels={id: label for id, label in truth.labels.items() if id in there},
        captions=[(id, text) for id, text in truth.captions if id in there],
    )


def _clusters(collection: Collection, truth: LabelTable) -> ClusterScores | None:
    """How well the clusters of the images agree with their labels; None if there are no clusters or no labels."""
    found = {r.id: r.extra.get("cluster") for r in collection.records("has cluster")}
    pairs = [(label, cluster) for id, label in truth.labels.items() if isinstance(cluster := found.get(id), int)]
    return score_clusters([label for label, _ in pairs], [cluster for _, cluster in pairs]) if pairs else None


def _words(collection: Collection, truth: LabelTable, words: str | None) -> WordScores | None:
    """Only images with a caption are ranked. Captions that are equal are one text with several right images."""
    space = words or collection.text_space
    ids, vectors = collection.vectors(space)
    there = dict(zip(ids, vectors, strict=True))
    row = {id: i for i, id in enumerate(sorted({id for id, _ in truth.captions if id in there}))}
    images = np.stack([there[id] for id in row]) if row else np.zeros((0, vectors.shape[1]), np.float32)
    right: defaultdict[str, set[int]] = defaultdict(set)
    for id, caption in truth.captions:
        if id in row:
            right[caption].add(row[id])
    if not right:
        return None
    texts: Float32 = embed_texts(collection, list(right), space)
    return score_words(texts, images, [sorted(rows) for rows in right.values()])

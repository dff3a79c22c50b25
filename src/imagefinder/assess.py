"""How well the index finds things, measured on a user's own labels or captions."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.errors import InvalidTableError
from imagefinder.evaluate.clustering import ClusterScores, score_clusters
from imagefinder.evaluate.retrieval import LabelScores, WordScores, score_labels, score_words

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.types import Float32


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was measured: ``labels`` for a table with a column ``label``, with ``clusters`` where there are any, and
    ``words`` for one with ``caption``.

    ``missing`` counts the table's images that are not in the index.
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


@dataclass(frozen=True, slots=True)
class _Truth:
    """The rows of a table whose image is in the index."""

    labels: dict[str, str]  # id -> label
    captions: list[tuple[str, str]]  # id, caption
    missing: int


def assess(finder: ImageFinder, table: Path, space: str | None = None) -> Assessment:
    """Measure the index on a CSV with the columns ``filename`` and ``label``, ``caption`` or both.

    ``space`` names the space or model to measure, by default the one in use. A file name is a path from the table's
    folder, or the end of the path of an indexed image. Raises InvalidTableError.
    """
    truth = _read(finder, table)
    view = finder.view(space)
    ids, vectors = finder.vectors(view.image)
    labels = [(row, truth.labels[id]) for row, id in enumerate(ids) if id in truth.labels]
    label_scores = score_labels(vectors[[r for r, _ in labels]], [name for _, name in labels]) if labels else None
    found = set(truth.labels) | {id for id, _ in truth.captions}
    return Assessment(
        space=view.image,
        images=len(found),
        missing=truth.missing,
        labels=label_scores,
        clusters=_clusters(finder, truth),
        words=_words(finder, truth, view.words) if truth.captions else None,
    )


def _clusters(finder: ImageFinder, truth: _Truth) -> ClusterScores | None:
    """How the clusters of the images agree with their labels; None without either."""
    found = {r.id: r.extra.get("cluster") for r in finder.records("has cluster")}
    pairs = [(label, cluster) for id, label in truth.labels.items() if isinstance(cluster := found.get(id), int)]
    return score_clusters([label for label, _ in pairs], [cluster for _, cluster in pairs]) if pairs else None


def _words(finder: ImageFinder, truth: _Truth, words: str | None) -> WordScores:
    """Only the images that have a caption compete; texts that are the same are one text with several right images."""
    space = words or finder.text_space
    ids, vectors = finder.vectors(space)
    row = {id: i for i, id in enumerate(sorted({id for id, _ in truth.captions}))}
    images = np.zeros((len(row), vectors.shape[1]), np.float32)
    for id, vector in zip(ids, vectors, strict=True):
        if id in row:
            images[row[id]] = vector
    right: defaultdict[str, set[int]] = defaultdict(set)
    for id, caption in truth.captions:
        right[caption].add(row[id])
    texts: Float32 = finder.embed_words(list(right), space)
    return score_words(texts, images, [sorted(rows) for rows in right.values()])


def _read(finder: ImageFinder, table: Path) -> _Truth:
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names, rows = set(reader.fieldnames or []), list(reader)
    except (OSError, ValueError, csv.Error) as error:
        raise InvalidTableError(f"{table} can't be read: {error}.") from error
    if "filename" not in names or not names & {"label", "caption"}:
        raise InvalidTableError(
            f"{table.name} has the columns {', '.join(sorted(names)) or 'none'}.",
            remedy="It needs `filename` and one of `label` and `caption`.",
        )
    find = _Finder(finder, table.parent)
    labels: dict[str, str] = {}
    captions: list[tuple[str, str]] = []
    missing: set[str] = set()
    for entry in rows:
        id = find(entry["filename"])
        if id is None:
            missing.add(entry["filename"])
            continue
        if entry.get("label"):
            labels[id] = entry["label"]
        if entry.get("caption"):
            captions.append((id, entry["caption"]))
    if not labels and not captions:
        raise InvalidTableError(
            f"None of the {len(missing)} images of {table.name} is in the index.", remedy="Index them first."
        )
    return _Truth(labels, captions, len(missing))


class _Finder:
    """From a file name to the id of an indexed image."""

    def __init__(self, finder: ImageFinder, base: Path) -> None:
        self._base = base.absolute()
        self._by_uri = {record.uri: record.id for record in finder.records()}
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        for uri in self._by_uri:
            self._by_name[uri.replace(os.sep, "/").rpartition("/")[2]].append(uri)

    def __call__(self, name: str) -> str | None:
        uri = os.path.normpath(self._base / name)
        if uri in self._by_uri:
            return self._by_uri[uri]
        tail = "/" + name.replace(os.sep, "/").removeprefix("./")
        ends = [u for u in self._by_name[tail.rpartition("/")[2]] if u.replace(os.sep, "/").endswith(tail)]
        return self._by_uri[ends[0]] if len(ends) == 1 else None

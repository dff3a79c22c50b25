"""Text search without a joint model: ConSE (Norouzi et al. 2014, "Zero-Shot Learning by Convex Combination of Semantic
Embeddings")."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import ModelError
from imagefinder.models.base import Mixture, Vocabulary

if TYPE_CHECKING:
    from imagefinder.types import Float32

PARTS = 6.0  # the temperature for parts of a picture; chosen by ``benchmarks/why.py``, where 3 to 6 did as well


@dataclass(frozen=True)
class ClassWords:
    """The text embeddings of a classifier's classes, float32 (classes, dim), rows of unit length, and their mean."""

    table: Float32
    mean: Float32

    @classmethod
    def load(cls, path: Path) -> ClassWords:
        """Read the table. Raises ModelError."""
        try:
            table = np.load(path, allow_pickle=False).astype(np.float32)
        except (OSError, ValueError, EOFError) as error:
            raise ModelError(
                f"The class words {path} can't be read: {error}.", remedy="Install ImageFinder again."
            ) from error
        return cls(table, table.mean(axis=0))

    def vectors(self, logits: Float32, temperature: float) -> Float32:
        """logits (n, classes) to float32 (n, dim): the embeddings of the classes, weighted with their probabilities.

        All classes are used, not the best ten as in the paper. A ``temperature`` above 1 gives more weight to the less
        likely classes.
        """
        # Row by row: the last bits of a product depend on how many rows it has, and so on which images come together.
        # It takes 11 microseconds more an image.
        rows = [row @ self.table for row in _softmax(logits, temperature)]
        return np.asarray(rows, np.float32).reshape(-1, self.table.shape[1])

    def mixture(self, logits: Float32) -> Mixture:
        """What pictures with parts hidden show, by logits (n, classes). The high temperature, ``PARTS``, keeps in sight
        what lies beside the thing that the picture shows most."""
        return Mixture(_softmax(logits, PARTS), self.table)


def _softmax(logits: Float32, temperature: float) -> Float32:
    weights = np.exp((logits - logits.max(axis=1, keepdims=True)) / np.float32(temperature))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def load_vocabulary(folder: Path) -> Vocabulary:
    """The words for the names of clusters, one per line with the more general words above it, and their text
    embeddings. Raises ModelError."""
    try:
        lines = [line.split("\t") for line in (folder / "vocabulary.txt").read_text("utf-8").splitlines()]
        vectors = np.load(folder / "vocabulary.npy", allow_pickle=False).astype(np.float32)
        place = {line[0]: i for i, line in enumerate(lines)}
        above = [[place[word] for word in line[1].split("|") if word] for line in lines]
        if len(lines) != len(vectors):
            raise ValueError(f"{len(lines)} words and {len(vectors)} vectors")
    except (OSError, ValueError, EOFError, KeyError, IndexError) as error:
        raise ModelError(
            f"The words in {folder} can't be read: {error!r}.", remedy="Install ImageFinder again."
        ) from error
    return Vocabulary(list(place), vectors, above)

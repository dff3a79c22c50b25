"""Words for pictures without a joint model: ConSE (Norouzi et al. 2014, "Zero-Shot Learning by Convex Combination of
Semantic Embeddings")."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import ModelError

if TYPE_CHECKING:
    from imagefinder.types import Float32


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
        """logits (n, classes) to float32 (n, dim): the classes' embeddings weighted by their probabilities.

        All classes count, not the best ten of the paper; a ``temperature`` above 1 lets the likely alternatives
        speak.
        """
        scaled = (logits - logits.max(axis=1, keepdims=True)) / np.float32(temperature)
        weights = np.exp(scaled)
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray(weights @ self.table, dtype=np.float32)


def load_vocabulary(folder: Path) -> tuple[list[str], Float32]:
    """The words that groups are named with, and their text embeddings, float32 (words, dim). Raises ModelError."""
    try:
        words = (folder / "vocabulary.txt").read_text("utf-8").splitlines()
        vectors = np.load(folder / "vocabulary.npy", allow_pickle=False).astype(np.float32)
        if len(words) != len(vectors):
            raise ValueError(f"{len(words)} words and {len(vectors)} vectors")
    except (OSError, ValueError, EOFError) as error:
        raise ModelError(
            f"The words in {folder} can't be read: {error}.", remedy="Install ImageFinder again."
        ) from error
    return words, vectors

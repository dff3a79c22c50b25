"""Names for clusters: the words that fit the images of one more often than those of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

    Labels = npt.NDArray[np.int32]

VOTES = 15  # words each image speaks for
WORDS = 3  # kept for each cluster
LEAST = 0.05  # of the members, beyond the share among all others, that must speak for a word
BLOCK = 4096


def words_for_clusters(
    images: Float32, labels: Labels, words: Sequence[str], vectors: Float32
) -> list[tuple[tuple[str, float], ...]]:
    """The best words of each cluster 0..k-1, each with its lead: the share of the members that speak for it less the
    share of all other images.

    ``images`` float32 (n, dim) and the words' ``vectors`` float32 (m, dim) are of unit length in one space. An image
    speaks for the ``VOTES`` words nearest to it. A word that only varies an earlier one of its cluster ("squash",
    "acorn squash") is passed over.
    """
    k = int(labels.max(initial=-1)) + 1
    votes = np.zeros((k + 1, len(words)))  # the last row is for noise
    for start in range(0, len(images), BLOCK):
        scores = images[start : start + BLOCK] @ vectors.T
        best = np.argpartition(-scores, min(VOTES, len(words)) - 1, axis=1)[:, :VOTES]
        np.add.at(votes, (np.repeat(labels[start : start + BLOCK], best.shape[1]), best.ravel()), 1)
    sizes = np.bincount(np.where(labels < 0, k, labels), minlength=k + 1)[:, None]
    inside = votes / np.maximum(sizes, 1)
    outside = (votes.sum(axis=0) - votes) / np.maximum(len(images) - sizes, 1)
    return [_best(inside[c] - (outside[c] if k > 1 else 0), words) for c in range(k)]


def _best(lead: npt.NDArray[np.float64], words: Sequence[str]) -> tuple[tuple[str, float], ...]:
    chosen: list[tuple[str, float]] = []
    for i in np.argsort(-lead, kind="stable"):
        if lead[i] < LEAST or len(chosen) == WORDS:
            break
        parts = set(words[i].split())
        if not any(parts & set(word.split()) for word, _ in chosen):
            chosen.append((words[i], round(float(lead[i]), 3)))
    return tuple(chosen)


def distinct_names(found: Sequence[Sequence[tuple[str, float]]]) -> list[str]:
    """A name for each cluster: its first word, or its first two where another cluster has the same, or a number."""
    names = [words[0][0] if words else "" for words in found]
    for count in (2, WORDS):
        again = {name for name in names if name and names.count(name) > 1}
        names = [
            ", ".join(word for word, _ in words[:count]) if name in again else name
            for name, words in zip(names, found, strict=True)
        ]
    taken: dict[str, int] = {}
    result = []
    for name in names:
        name = name or "group"
        taken[name] = taken.get(name, 0) + 1
        result.append(name if taken[name] == 1 and name != "group" else f"{name} {taken[name]}")
    return result

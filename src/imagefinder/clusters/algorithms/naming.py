"""Names for clusters: the words that fit the images of one more often than those of the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain, count
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

    Labels = npt.NDArray[np.int32]

VOTES = 1  # words each image speaks for: of 5, half of the names fit less than half of their images
WORDS = 3  # kept for each cluster
LEAST = 0.05  # of the members, beyond the share among all others, that must speak for a word
BLOCK = 4096


def words_for_clusters(
    images: Float32, labels: Labels, words: Sequence[str], vectors: Float32, above: Sequence[Sequence[int]], k: int
) -> list[tuple[tuple[str, float], ...]]:
    """The best words of each cluster 0..k-1, each with its lead: the share of the members that speak for it less the
    share of all other images. None for a cluster without images.

    ``images`` float32 (n, dim) and the words' ``vectors`` float32 (m, dim) are of unit length in one space. An image
    speaks for the ``VOTES`` words nearest to it, and for all the more general words ``above`` these (places in
    ``words``): so the lead finds the level that fits, "animal" for many kinds of them and "shoe" for shoes. A word
    that varies an earlier one of its cluster ("squash", "acorn squash") or is more general is passed over.
    """
    from scipy.sparse import csr_matrix

    m = len(words)
    own = np.array([(i, j) for i, higher in enumerate(above) for j in (i, *higher)]).reshape(-1, 2)
    general = csr_matrix((np.ones(len(own), np.float32), (own[:, 0], own[:, 1])), shape=(m, m))
    votes = np.zeros((k + 1, m))  # the last row is for noise
    for start in range(0, len(images), BLOCK):
        scores = images[start : start + BLOCK] @ vectors.T
        best = np.argpartition(-scores, min(VOTES, m) - 1, axis=1)[:, :VOTES]
        rows = np.repeat(np.arange(len(scores)), best.shape[1])
        spoken = csr_matrix((np.ones(best.size, np.float32), (rows, best.ravel())), shape=(len(scores), m)) @ general
        spoken.data[:] = 1
        part = labels[start : start + BLOCK]
        member = csr_matrix(
            (np.ones(len(part)), (np.where(part < 0, k, part), np.arange(len(part)))), (k + 1, len(part))
        )
        votes += (member @ spoken).toarray()
    sizes = np.bincount(np.where(labels < 0, k, labels), minlength=k + 1)[:, None]
    inside = votes / np.maximum(sizes, 1)
    outside = (votes.sum(axis=0) - votes) / np.maximum(len(images) - sizes, 1)
    return [_best(inside[c] - (outside[c] if k > 1 else 0), words, above) for c in range(k)]


def shares_of_names(
    images: Float32,
    labels: Labels,
    words: Sequence[str],
    vectors: Float32,
    above: Sequence[Sequence[int]],
    names: Sequence[Sequence[str]],
) -> list[dict[str, float]]:
    """How sure each of the ``names`` of the clusters 0..k-1 is: the share of the members whose nearest word of all is
    that word or a kind of it. A number behind a name counts for nothing; names that are no words are left out. The
    parameters are those of ``words_for_clusters``."""
    place = {word: i for i, word in enumerate(words)}
    nearest = np.concatenate(
        [np.zeros(0, np.int64)]
        + [(images[start : start + BLOCK] @ vectors.T).argmax(axis=1) for start in range(0, len(images), BLOCK)]
    )
    found: list[dict[str, float]] = []
    for cluster, wanted in enumerate(names):
        spoken = Counter(nearest[labels == cluster].tolist())
        size = max(spoken.total(), 1)
        known = {name: place[word] for name in wanted if (word := re.sub(r" \d+$", "", name)) in place}
        share = {n: sum(c for i, c in spoken.items() if i == w or w in above[i]) / size for n, w in known.items()}
        found.append(share)
    return found


def _best(
    lead: npt.NDArray[np.float64], words: Sequence[str], above: Sequence[Sequence[int]]
) -> tuple[tuple[str, float], ...]:
    chosen: list[int] = []
    for i in np.argsort(-lead, kind="stable"):
        if lead[i] < LEAST or len(chosen) == WORDS:
            break
        parts = set(words[i].split())
        if not any(parts & set(words[c].split()) or i in above[c] for c in chosen):
            chosen.append(int(i))
    return tuple((words[i], round(float(lead[i]), 3)) for i in chosen)


def distinct_names(found: Sequence[Sequence[tuple[str, float]]]) -> list[str]:
    """A name for each cluster: its best word that no cluster with a greater lead has taken, else that and a number."""
    names = [""] * len(found)
    for i in sorted(range(len(found)), key=lambda i: -found[i][0][1] if found[i] else 0):
        names[i] = free_name(found[i], names)
    return names


def free_name(words: Sequence[tuple[str, float]], taken: Sequence[str]) -> str:
    """The first of a cluster's words that is not ``taken``, whatever the case, else the first and a number."""
    known = {name.casefold() for name in taken}
    names = [word for word, _ in words] or ["group"]
    numbered = (f"{names[0]} {n}" for n in count(2))
    return next(name for name in chain(names, numbered) if name.casefold() not in known)

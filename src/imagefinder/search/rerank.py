"""Rearranges hits: near-identical ones become one hit, and neighbouring hits differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imagefinder.store.base import ScoredPoint

if TYPE_CHECKING:
    from imagefinder.types import Float32

# A cosine that pictures with other content hardly reach (0.1 % of photos have such a neighbour, most of them real
# copies; 5 % of clip art, which comes in variants), and that copies saved again at JPEG quality 80 (90 % of them),
# cut by 2 % (90 %) or made 10 % brighter (97 %) do: clothing, vehicles, stamps and Tiny ImageNet, 60 of each.
NEAR_IDENTICAL = 0.95


class RankedHit(NamedTuple):
    """A hit, the ids of the near-identical hits that it stands for, and of the other pages or frames of its file."""

    point: ScoredPoint
    copies: tuple[str, ...] = ()
    other_parts: tuple[str, ...] = ()


def collapsed(points: Sequence[ScoredPoint], vectors: Float32) -> tuple[list[RankedHit], list[int]]:
    """Each hit is merged into the best hit that is near-identical to it: the same content, or a cosine of at least
    ``NEAR_IDENTICAL``.

    ``vectors`` are those of the hits, float32 (n, dim), rows of unit length. Also returns the positions of the hits
    that remain.
    """
    alike = vectors @ vectors.T >= NEAR_IDENTICAL
    hashes = [p.payload.get("content_hash") for p in points]
    leaders: list[int] = []
    copies: dict[int, list[str]] = {}
    for i, point in enumerate(points):
        leader = next((j for j in leaders if alike[i, j] or (hashes[i] and hashes[i] == hashes[j])), None)
        if leader is None:
            leaders.append(i)
            copies[i] = []
        else:
            copies[leader].append(point.id)
    return [RankedHit(points[i], tuple(copies[i])) for i in leaders], leaders


def diverse_order(scores: Float32, vectors: Float32, diversity: float) -> list[int]:
    """Positions in the order of maximal marginal relevance (Carbonell and Goldstein 1998): each next hit is the one
    with the largest (1 - diversity) * relevance - diversity * similarity to the hits before it.

    ``scores``, float32 (n,), are scaled to 0..1 for this. ``vectors``, float32 (n, dim), have rows of unit length.
    """
    spread = float(scores.max() - scores.min()) or 1.0
    relevance = (scores - scores.min()) / spread
    alike = vectors @ vectors.T
    nearest = np.full(len(scores), -1.0, np.float32)  # likeness to the most alike of those taken
    left = np.ones(len(scores), bool)
    order: list[int] = []
    while len(order) < len(scores):
        worth = np.where(left, (1 - diversity) * relevance - diversity * nearest, -np.inf)
        best = int(worth.argmax())
        order.append(best)
        left[best] = False
        nearest = np.maximum(nearest, alike[best])
    return order

"""Keeps what a person said of the clusters when clustering runs again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32
    from imagefinder.vectors.shards import Shards

    Labels = npt.NDArray[np.int32]

NONE = -2  # the former label of an image that had none


@dataclass(frozen=True, slots=True)
class Constraints:
    """What was said of a former clustering, by its labels. ``former`` int32 (n,) holds the label each image had, -1 for
    noise, -2 for none.

    ``locked`` clusters stay exactly as they are. The images of a ``joined`` one (made by merging) stay together. Two
    clusters kept ``apart`` (made by splitting) don't become one again. A ``pinned`` image, bool (n,), stays
    with the cluster it was moved to. All these, and the ``named`` ones, keep their label as far as they live on.
    """

    former: Labels
    pinned: npt.NDArray[np.bool_]
    locked: frozenset[int] = frozenset()
    joined: frozenset[int] = frozenset()
    apart: tuple[tuple[int, int], ...] = ()
    named: frozenset[int] = frozenset()

    @property
    def held(self) -> npt.NDArray[np.bool_]:
        """The images that are not to be clustered again, bool (n,)."""
        return np.isin(self.former, sorted(self.locked))

    @property
    def kept(self) -> set[int]:
        """The former labels that matter to somebody."""
        moved = {int(label) for label in np.unique(self.former[self.pinned]) if label >= 0}
        return {*self.locked, *self.joined, *self.named, *moved, *(label for pair in self.apart for label in pair)}


def reconcile(vectors: Float32 | Shards, found: Labels, constraints: Constraints) -> Labels:
    """Labels int32 (n,) that keep the constraints, from those newly ``found``, where the values of held images don't
    count.

    A kept cluster has its former label; the others get the smallest numbers that are free, in their order.
    """
    new = _with_held(found, constraints)
    for label in sorted(constraints.joined - constraints.locked):
        new = _unite(new, constraints, label)
    for a, b in constraints.apart:
        new = _part(vectors, new, constraints, a, b)
    heirs = _heirs(new, constraints)
    new = _numbered(new, heirs, constraints.kept)
    pinned = constraints.pinned & (constraints.former >= 0)
    new[pinned] = constraints.former[pinned]
    return new


def _with_held(found: Labels, constraints: Constraints) -> Labels:
    """Each locked cluster as a cluster of its own beside those found."""
    new = found.astype(np.int32).copy()
    start = int(new.max(initial=-1)) + 1
    for i, label in enumerate(sorted(constraints.locked)):
        new[constraints.former == label] = start + i
    return new


def _unite(new: Labels, constraints: Constraints, label: int) -> Labels:
    """All images of a joined cluster in one, with the clusters that consist of them for more than half."""
    theirs = constraints.former == label
    if not theirs.any():
        return new
    sizes = np.bincount(new[new >= 0], minlength=int(new.max(initial=0)) + 1)
    from_it = np.bincount(new[theirs & (new >= 0)], minlength=len(sizes))
    mostly = np.flatnonzero(from_it * 2 > sizes)
    return np.where(theirs | np.isin(new, mostly), new.max() + 1, new).astype(np.int32)


def _part(vectors: Float32 | Shards, new: Labels, constraints: Constraints, a: int, b: int) -> Labels:
    """Where the images of two clusters kept apart have most come together, part them by the nearer former centre."""
    rows_a, rows_b = constraints.former == a, constraints.former == b
    if not rows_a.any() or not rows_b.any() or {a, b} & constraints.locked:
        return new
    home = _mode(new[rows_a])
    if home < 0 or home != _mode(new[rows_b]):
        return new
    inside = np.flatnonzero(new == home)
    centre_a, centre_b = vectors[rows_a].mean(axis=0), vectors[rows_b].mean(axis=0)
    to_a = np.square(vectors[inside] - centre_a).sum(axis=1)
    to_b = np.square(vectors[inside] - centre_b).sum(axis=1)
    to_b = np.where(constraints.former[inside] == a, np.inf, to_b)
    to_a = np.where(constraints.former[inside] == b, np.inf, to_a)
    new = new.copy()
    new[inside[to_b < to_a]] = new.max() + 1
    return new


def _mode(labels: Labels) -> int:
    values, counts = np.unique(labels, return_counts=True)
    return int(values[counts.argmax()])


def _heirs(new: Labels, constraints: Constraints) -> dict[int, int]:
    """For each kept former label the new cluster that continues it: the pairing of most images in common (Kuhn 1955),
    where these are half of the one or of the other."""
    from scipy.optimize import linear_sum_assignment

    kept = sorted(constraints.kept)
    values = np.unique(new[new >= 0])
    if not kept or not len(values):
        return {}
    shared = np.array([[np.sum((constraints.former == label) & (new == value)) for value in values] for label in kept])
    before = np.array([np.sum(constraints.former == label) for label in kept])
    now = np.array([np.sum(new == value) for value in values])
    pairs = zip(*linear_sum_assignment(-shared), strict=True)
    return {int(values[j]): kept[i] for i, j in pairs if shared[i, j] and 2 * shared[i, j] >= min(before[i], now[j])}


def _numbered(new: Labels, heirs: dict[int, int], taken: set[int]) -> Labels:
    """The heirs by their former labels, the others by numbers that mean nothing to anybody."""
    values = [int(v) for v in np.unique(new[new >= 0])]
    free = (n for n in range(len(values) + len(taken) + 1) if n not in taken)
    sizes = {v: int((new == v).sum()) for v in values}
    fresh = sorted((v for v in values if v not in heirs), key=lambda v: -sizes[v])
    number = heirs | {v: next(free) for v in fresh} | {-1: -1}
    return np.array([number[int(v)] for v in new], np.int32)

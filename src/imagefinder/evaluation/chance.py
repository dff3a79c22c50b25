"""What chance may do to a measure: intervals by the bootstrap, and a test of paired differences."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np

from imagefinder.evaluation.measures import Rows

RESAMPLES = 1000
SHUFFLES = 10_000
BLOCK = 128  # shuffles at once
SURE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over queries, and between which values 95 % of the means of resampled queries lie."""

    mean: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def intervals(rows: Rows, seed: int = 0) -> list[Interval]:
    """The mean of each column of ``rows``, float64 (queries, measures), with the interval of the percentile bootstrap
    (Efron 1979). All columns are resampled by the same queries; the same ``seed`` gives the same intervals."""
    means, sampled = rows.mean(axis=0), _resampled(rows, seed)
    low, high = np.quantile(sampled, [(1 - SURE) / 2, (1 + SURE) / 2], axis=0)
    return [Interval(float(m), float(a), float(b)) for m, a, b in zip(means, low, high, strict=True)]


def _resampled(rows: Rows, seed: int) -> Rows:
    """The means of ``RESAMPLES`` samples of as many queries, drawn with replacement: float64 (RESAMPLES, measures)."""
    random, n = np.random.default_rng(seed), len(rows)
    means = np.empty((RESAMPLES, rows.shape[1]))
    for i in range(RESAMPLES):
        means[i] = np.bincount(random.integers(n, size=n), minlength=n) @ rows / n
    return means


def p_values(differences: Rows, seed: int = 0) -> Rows:
    """For each column of ``differences``, float64 (queries, measures), how often a mean at least as far from 0 comes by
    chance, if it were chance which of the two is the better for each query: the paired randomisation test (Fisher 1935;
    Smucker, Allan and Carterette 2007), two-sided. All signs are tried where they are few, else ``SHUFFLES`` of them
    are drawn, and the order as it is counts as one more."""
    n = len(differences)
    seen = np.abs(differences.sum(axis=0)) - 1e-9
    if 2**n <= SHUFFLES:
        signs = np.array(list(product((-1.0, 1.0), repeat=n)))
        return np.asarray((np.abs(signs @ differences) >= seen).mean(axis=0))
    random, beyond = np.random.default_rng(seed), np.zeros(differences.shape[1])
    for start in range(0, SHUFFLES, BLOCK):
        some = min(BLOCK, SHUFFLES - start)
        signs = random.integers(0, 2, (some, n), dtype=np.int8).astype(np.float64) * 2 - 1
        beyond += (np.abs(signs @ differences) >= seen).sum(axis=0)
    return np.asarray((beyond + 1) / (SHUFFLES + 1))

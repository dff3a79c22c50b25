"""Outliers: images that are not similar to any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from imagefinder.types import Float32
    from imagefinder.vectors.neighbors import NeighborGraph

NEIGHBORS = 20  # of 5, 10 and 20 the best at finding images of another collection (benchmarks/clusters.py)
ODD = 3.0  # a score above this is remarkable


def outlier_scores(graph: NeighborGraph) -> Float32:
    """How far each image is from its nearest neighbours, float32 (n,), compared with the other images: 0 is usual, 1 is
    one robust standard deviation farther, above 3 is unusual.

    The mean distance to the ``NEIGHBORS`` nearest (Angiulli and Pizzuti 2002) minus its median, divided by 1.4826 times
    the median absolute deviation (Iglewicz and Hoaglin 1993). If all are equally far, all scores are 0.
    """
    distance = graph.first(NEIGHBORS).distances.mean(axis=1)
    away = distance - np.median(distance)
    spread = 1.4826 * float(np.median(np.abs(away)))
    return np.asarray(away / spread if spread > 1e-9 else np.zeros_like(away), dtype=np.float32)

"""How well clusters agree with labels that people gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ClusterScores:
    """``nmi``: normalised mutual information, 0 to 1 (arithmetic mean; Strehl and Ghosh 2002). ``ari``: adjusted Rand
    index, 0 by chance, 1 the same (Hubert and Arabie 1985). ``purity``: share of images whose label is the commonest
    of their cluster; it grows with the number of clusters."""

    images: int
    clusters: int
    nmi: float
    ari: float
    purity: float

    def to_dict(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}


def score_clusters(labels: Sequence[str], clusters: Sequence[int]) -> ClusterScores:
    """Compare the true label and the cluster of each image; noise (-1) counts as one cluster."""
    import numpy as np
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix

    table = contingency_matrix(labels, clusters)
    return ClusterScores(
        images=len(labels),
        clusters=len(np.unique(clusters)),
        nmi=float(normalized_mutual_info_score(labels, clusters)),
        ari=float(adjusted_rand_score(labels, clusters)),
        purity=float(table.max(axis=0).sum() / len(labels)),
    )

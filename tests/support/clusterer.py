"""A clusterer of a test's own: what a further row of ``METHODS`` is seen by."""

from __future__ import annotations

from typing import Any

import numpy as np

from imagefinder.clusters.algorithms.methods import Method, Setting, Task


def _halves(task: Task) -> tuple[np.ndarray, dict[str, Any]]:
    share = task.settings.get("share", 0.5)
    first = task.vectors[:, 0] > np.quantile(task.vectors[:, 0], 1 - share)
    return np.where(first, 0, -1).astype(np.int32), {"share": share}


HALVES = Method(
    _halves,
    "Halves",
    "Keeps a share of the images and leaves out the others.",
    {"share": Setting(float, "how much to keep.  [default: 0.5]")},
    counts=False,
    needs_count=False,
    noise=True,
)

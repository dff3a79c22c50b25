"""The last word on two pictures that seem to be duplicates: a close look, at which small print can be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imagefinder.duplicates.matching.changes import Finding, changes
from imagefinder.duplicates.matching.detail import lay
from imagefinder.duplicates.matching.edits import Edit
from imagefinder.duplicates.matching.features import Features
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.matching.verify import Verdict, evidence_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def look_closer(verdict: Verdict, a: Features, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Verdict:
    """The verdict on a duplicate after a close look at both pictures, as ``detail.fine_picture`` makes them; ``a`` are
    the features of the first. Other content makes it the same scene. Costs about 40 ms; other verdicts stay."""
    if verdict.tier is not Tier.SAME_PICTURE or verdict.alignment is None:
        return verdict
    found = changes(lay(first, second, verdict.alignment, a.grey.shape))
    if found.finding is Finding.OTHER:
        places = "one place shows" if found.places == 1 else f"{found.places} places show"
        return replace(verdict, tier=Tier.SAME_SCENE, edits=(), evidence=f"alike, but {places} something else")
    edits = [e for e in verdict.edits if e not in (Edit.LAID_OVER, Edit.ENCODED)]
    if found.finding is Finding.LAID_OVER:
        edits.append(Edit.LAID_OVER)
    edits = edits or [Edit.ENCODED]
    return replace(verdict, edits=tuple(edits), evidence=evidence_of(edits, verdict.score))

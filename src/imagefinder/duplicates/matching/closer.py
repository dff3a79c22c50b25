"""The last word on two pictures that seem to be duplicates: a close look, at which small print can be read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.duplicates.matching.changes import Finding, changes, printed
from imagefinder.duplicates.matching.detail import lay
from imagefinder.duplicates.matching.edits import Edit
from imagefinder.duplicates.matching.features import Features
from imagefinder.duplicates.matching.onto import onto_of
from imagefinder.duplicates.matching.tiers import Tier
from imagefinder.duplicates.matching.verify import AGREEMENT, WHOLE_OVERLAP, Verdict, evidence_of

if TYPE_CHECKING:
    import numpy.typing as npt

# The most that letters and signs in ``stamps`` have in common with their mirror images is 17 points, and the least that
# mirrored photos in ``clothing`` and ``captions`` have is 60.
FEW_POINTS = 40
TURNED = 45.0  # degrees
DRAWN = 0.8  # share of four grey levels


def look_closer(verdict: Verdict, a: Features, first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> Verdict:
    """The verdict on a duplicate after a close look at both pictures, as ``detail.fine_picture`` makes them; ``a`` are
    the features of the first. Other content makes it the same scene. Costs about 40 ms; other verdicts stay."""
    if verdict.tier is not Tier.SAME_PICTURE or verdict.alignment is None:
        return verdict
    if unsure := _unsure(verdict, a):
        return replace(verdict, tier=Tier.SAME_SCENE, edits=(), evidence=unsure)
    laid = lay(first, second, verdict.alignment, a.grey.shape)
    found = changes(laid)
    if found.finding is Finding.OTHER:
        places = "one place shows" if found.places == 1 else f"{found.places} places show"
        return replace(verdict, tier=Tier.SAME_SCENE, edits=(), evidence=f"alike, but {places} something else")
    edits = [e for e in verdict.edits if e not in (Edit.LAID_OVER, Edit.ENCODED)]
    if found.finding is Finding.LAID_OVER:
        edits.append(Edit.LAID_OVER)
    elif verdict.score < AGREEMENT:  # a thing that moved a little before plain ground, or a copy made much sharper
        edits.append(Edit.PARTLY)
    edits = edits or [Edit.ENCODED]
    onto = onto_of(laid, verdict.alignment.mirrored, first.shape, second.shape)
    return replace(verdict, edits=tuple(edits), evidence=evidence_of(edits, verdict.score), onto=onto)


def _unsure(verdict: Verdict, a: Features) -> str:
    """Why a picture with little in it is not taken for a copy, empty if it may be one."""
    turned = verdict.mirrored or abs(verdict.angle) > TURNED
    part = verdict.comparison is not None and min(verdict.comparison.overlaps) < WHOLE_OVERLAP
    if (turned or part) and verdict.inliers < FEW_POINTS and printed(a.grey.astype(np.float32).ravel()) > DRAWN:
        return "a sign that is turned, mirrored or part of another is another sign"
    if not verdict.inliers and verdict.score < AGREEMENT:
        return f"alike, but only {verdict.score:.0%} of the overlap looks the same"
    return ""

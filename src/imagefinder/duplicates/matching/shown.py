"""Which of two copies shows more of the picture, and what a copy has that the one kept has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from imagefinder.duplicates.matching.edits import Detail, Edit

WHOLE = 0.96  # share of a picture that lies on the other from which it counts as lying there wholly
CERTAIN = 0.95  # share of the overlap that agrees from which nothing of a copy can be lost
FINER = 1.05  # times the pixels along a side from which a copy counts as larger


HELD = "In no plan:"  # what stands before a reason where it is shown


class Hold(StrEnum):
    """Why a copy is in no plan, to be filled in: what it has, or may have, that the one kept has not, or why moving it
    would be wrong. Every reason is listed here."""

    OTHERWISE = "Each shows something that the other does not: {more:.0%} and {less:.0%} of what both show."
    MORE = "It shows {more:.0%} more than the other."
    FINER = "The other shows {less:.0%} more; this one shows its part in {pixels:.1f} times as many pixels."
    MAYBE_FINER = (
        "The other shows {less:.0%} more; this one shows its part in {pixels:.1f} times as many pixels, though "
        "hardly in more detail."
    )
    LAID_OVER = "Something is laid over one of the two, and which of them is the original can't be told."
    MIRRORED = "One of the two is mirrored, and which of them can't be told."
    GREY = "One of the two is black and white."
    UNSURE = "Only {same:.0%} of what both show looks the same: see whether it is the same picture."
    PARTLY = "A part of what both show looks unlike, though a close look finds no place that differs."
    NAMES = "The file has another name, {name}: moving one of them frees no room."
    LINK = "It is a link, or has another name elsewhere on the disk: moving it frees no room."
    SEVERAL = "It is one picture with {name}, of which there is no copy beside the other."


@dataclass(frozen=True, slots=True)
class Shown:
    """``shares`` are what the first and the second copy show of what both show together: (1, 0.6) if the second is
    cropped to 60 % of the first. ``scale`` is pixels of the first per pixel of the second along a side, for the same
    part, and ``detail`` what the larger one has of it."""

    shares: tuple[float, float] = (1.0, 1.0)
    scale: float = 1.0
    detail: Detail = Detail.MORE

    @classmethod
    def of(
        cls, overlaps: tuple[float, float], framed: tuple[bool, bool], scale: float, detail: Detail = Detail.MORE
    ) -> Shown:
        """From the shares of the two that lie on the other. What is only an added border shows no more."""
        if any(framed):
            return cls(scale=scale, detail=detail)
        first, second = (1.0 if share >= WHOLE else max(share, 0.01) for share in overlaps)
        both = 1 / first + 1 / second - 1
        # What lies wholly on the other leaves the other to show all: exactly 1, not nearly.
        shares = (1.0 if second == 1 else 1 / first / both, 1.0 if first == 1 else 1 / second / both)
        return cls(shares, scale, detail)

    def swapped(self) -> Shown:
        """The same, with the second for the first."""
        return Shown(self.shares[::-1], 1 / self.scale, self.detail)

    @property
    def true(self) -> tuple[float, float]:
        """The share of the pixels of the first, and of the second, that is not only interpolated."""
        if self.detail is not Detail.ENLARGED:
            return 1.0, 1.0
        return min(1.0, self.scale**-2), min(1.0, self.scale**2)

    def of_member(self, first: bool) -> tuple[float, float, float]:
        """The shares of the member and of the one kept, and how many times the pixels along a side the member has for
        the same part; ``first`` says whether the member is the first."""
        of = self if first else self.swapped()
        return *of.shares, of.scale


def edits_of(edits: Sequence[str], shown: Shown, first: bool) -> tuple[str, ...]:
    """What was done to the image kept to get the member: of the two only the one that shows less is cropped."""
    mine, kept, finer = shown.of_member(first)
    if kept == 1:
        words = Edit.CROPPED.by(f"{mine:.0%}")
    elif mine == 1:
        words = f"shows {1 / kept - 1:.0%} more"
    else:
        words = f"cropped otherwise: shows {(1 - kept) / kept:.0%} more and lacks {(1 - mine) / kept:.0%}"
    told = [words if Edit.CROPPED.is_in(edit) else edit for edit in edits]
    if finer > FINER and Edit.RESIZED in told:
        at = told.index(Edit.RESIZED)
        enlarged = shown.detail is Detail.ENLARGED
        told[at] = (
            f"enlarged {finer:.1f} times, without more detail" if enlarged else f"in {finer:.1f} times the resolution"
        )
    return tuple(told)


def hold_of(edits: Sequence[str], shown: Shown, first: bool, score: float = 1.0) -> str:
    """What a member has, or may have, that the image kept has not; empty if nothing: then it may go. ``score`` is the
    share of what both show that agrees."""
    mine, kept, finer = shown.of_member(first)
    more, less = (1 - kept) / kept, (1 - mine) / mine
    if more and less:
        return Hold.OTHERWISE.format(more=more, less=(1 - mine) / kept)
    if more:
        return Hold.MORE.format(more=more)
    if less and finer > FINER and shown.detail is not Detail.ENLARGED:
        hold = Hold.FINER if shown.detail is Detail.MORE else Hold.MAYBE_FINER
        return hold.format(less=less, pixels=finer**2)
    if Edit.MIRRORED in edits and not less:  # a crop of the other may go: nothing that it shows is only there
        return Hold.MIRRORED
    if found := next((str(Hold[edit.name]) for edit in (Edit.LAID_OVER, Edit.GREY, Edit.PARTLY) if edit in edits), ""):
        return found
    return "" if score >= CERTAIN else Hold.UNSURE.format(same=score)

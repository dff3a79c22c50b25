"""Which of two copies shows more of the picture, and what a copy has that the one kept has not."""

from __future__ import annotations

from dataclasses import dataclass

WHOLE = 0.96  # share of a picture that lies on the other from which it counts as lying there wholly
FINER = 1.05  # times the pixels along a side from which a copy counts as larger


@dataclass(frozen=True, slots=True)
class Shown:
    """``shares`` are what the first and the second copy show of what both show together: (1, 0.6) if the second is
    cropped to 60 % of the first. ``scale`` is pixels of the first per pixel of the second, for the same part."""

    shares: tuple[float, float] = (1.0, 1.0)
    scale: float = 1.0

    @classmethod
    def of(cls, overlaps: tuple[float, float], framed: tuple[bool, bool], scale: float) -> Shown:
        """From the shares of the two that lie on the other. What is only an added border shows no more."""
        if any(framed):
            return cls(scale=scale)
        first, second = (1.0 if share >= WHOLE else max(share, 0.01) for share in overlaps)
        both = 1 / first + 1 / second - 1
        # What lies wholly on the other leaves the other to show all: exactly 1, not nearly.
        return cls((1.0 if second == 1 else 1 / first / both, 1.0 if first == 1 else 1 / second / both), scale)

    def of_member(self, first: bool) -> tuple[float, float, float]:
        """The shares of the member and of the one kept, and how many times the pixels along a side the member has for
        the same part; ``first`` says whether the member is the first."""
        mine, kept = self.shares if first else self.shares[::-1]
        return mine, kept, self.scale if first else 1 / self.scale


def edits_of(edits: tuple[str, ...], shown: Shown, first: bool) -> tuple[str, ...]:
    """What was done to the image kept to get the member: of the two only the one that shows less is cropped."""
    mine, kept, finer = shown.of_member(first)
    if kept == 1:
        words = f"cropped to {mine:.0%}"
    elif mine == 1:
        words = f"shows {1 / kept - 1:.0%} more"
    else:
        words = f"cropped otherwise: shows {(1 - kept) / kept:.0%} more and lacks {(1 - mine) / kept:.0%}"
    if mine < 1 and finer > FINER:
        words += f", at {finer:.1f} times the resolution"
    return tuple(words if edit.startswith("cropped to") else edit for edit in edits)


def hold_of(edits: tuple[str, ...], shown: Shown, first: bool) -> str:
    """What a member has, or may have, that the image kept has not; empty if nothing: then it may go."""
    mine, kept, finer = shown.of_member(first)
    if kept < 1 and mine < 1:
        return "Each shows something that the other does not."
    if kept < 1:
        return f"It shows {1 / kept - 1:.0%} more than the one kept."
    if mine < 1 and finer > FINER:
        return f"It shows only {mine:.0%}, but that at {finer:.1f} times the resolution."
    if "something laid over it" in edits:
        return "Something is laid over one of the two, and which of them is the original can't be told."
    if "black and white" in edits:
        return "One of the two is black and white."
    return ""

"""What may be wrong with a picture as a picture, in words that programs may rely on."""

from __future__ import annotations

from enum import StrEnum


class Issue(StrEnum):
    """What may be wrong with a picture; ``quality.scores`` says when it is."""

    BLURRY = "blurry"
    DARK = "dark"
    BRIGHT = "bright"
    LOW_CONTRAST = "low-contrast"
    ODD_ASPECT = "odd-aspect"
    TINY = "tiny"

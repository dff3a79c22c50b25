"""How alike two images are, in words that programs may rely on."""

from __future__ import annotations

from enum import StrEnum


class Tier(StrEnum):
    """How alike two images are, the strictest first."""

    IDENTICAL_BYTES = "identical-bytes"
    IDENTICAL_PIXELS = "identical-pixels"
    SAME_PICTURE = "same-picture"
    SAME_SCENE = "same-scene"
    SIMILAR = "similar"

    @property
    def rank(self) -> int:
        """0 for the strictest."""
        return list(Tier).index(self)

    @property
    def is_copy(self) -> bool:
        """Whether it says that both show one picture: never of the same scene, and never of what is only similar."""
        return self.rank <= Tier.SAME_PICTURE.rank

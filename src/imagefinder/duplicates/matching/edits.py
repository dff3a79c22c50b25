"""What was done to one of two copies to get the other, in the words that reports use and code compares with."""

from __future__ import annotations

from enum import StrEnum


class Edit(StrEnum):
    """The kinds of edits. ROTATED and CROPPED go on with an amount: "cropped to 60%"."""

    MIRRORED = "mirrored"
    ROTATED = "rotated by"
    FRAMED = "border or caption bar"
    CROPPED = "cropped to"
    RESIZED = "resized"
    LAID_OVER = "something laid over it"
    GREY = "black and white"
    TONED = "brightness or contrast changed"
    PARTLY = "partly unlike"
    ENCODED = "re-encoded"

    def by(self, amount: str) -> str:
        """The edit with how much of it there is."""
        return f"{self} {amount}"

    def is_in(self, edit: str) -> bool:
        """Whether an edit is of this kind, whatever its amount."""
        return edit == self or edit.startswith(f"{self} ")


class Detail(StrEnum):
    """What the larger copy has: MORE detail, none because it is ENLARGED, or hardly any and UNSURE why."""

    MORE = "more"
    ENLARGED = "enlarged"
    UNSURE = "unsure"

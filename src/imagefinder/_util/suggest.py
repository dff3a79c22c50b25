"""Names and what they stand for."""

from __future__ import annotations

from collections.abc import Sequence

from imagefinder.errors import NotFoundError


def unknown_name(what: str, name: str, there: Sequence[str]) -> NotFoundError:
    """The error for a name that stands for nothing: says what there is, and which one was probably meant."""
    from difflib import get_close_matches

    near = get_close_matches(name, there, n=1)
    guess = f"Did you mean {near[0]!r}?" if near else ""
    return NotFoundError(f"There is no {what} '{name}'; there are: {', '.join(there)}.", remedy=guess)

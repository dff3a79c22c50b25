"""Names and what they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from imagefinder.errors import NotFoundError

ALSO = {  # what others call an argument, and what it is called here
    **dict.fromkeys(("query", "q", "text", "prompt", "search"), "words"),
    **dict.fromkeys(("limit", "n", "top_k", "topk", "count", "size", "max_results", "per_page"), "k"),
    **dict.fromkeys(("skip", "start", "page", "from"), "offset"),
    **dict.fromkeys(("path", "file", "picture", "photo", "url"), "image"),
    **dict.fromkeys(("where", "filters"), "filter"),
    **dict.fromkeys(("order", "order_by", "sort_by"), "sort"),
    **dict.fromkeys(("image_id", "uuid"), "id"),
}
LONGEST = 60  # characters of an unknown name that an error shows


def unknown_name(what: str, name: str, there: Sequence[str]) -> NotFoundError:
    """The error for a name that stands for nothing: says what there is, and which one was probably meant."""
    near = nearest(name, there)
    guess = f"Did you mean {near!r}?" if near else ""
    return NotFoundError(f"There is no {what} '{name}'; there are: {', '.join(there)}.", remedy=guess)


def unknown_argument(name: object, there: Iterable[str]) -> str:
    """A sentence about an argument that there isn't: which one was probably meant, or what there is."""
    known = sorted(there)
    near = nearest(str(name)[:LONGEST], known)
    meant = f"did you mean {near!r}?" if near else f"there are: {', '.join(known)}." if known else "nothing is taken."
    return f"There is no argument {str(name)[:LONGEST]!r}; {meant}"


def nearest(name: str, there: Sequence[str], alike: float = 0.6) -> str | None:
    """The name of those there are that was probably meant; None where none is ``alike``, from 0 to 1."""
    from difflib import get_close_matches

    if (ours := ALSO.get(name.casefold())) in there:
        return ours
    return next(iter(get_close_matches(name[:LONGEST], there, n=1, cutoff=alike)), None)

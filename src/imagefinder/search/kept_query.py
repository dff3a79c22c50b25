"""Queries as JSON, in which they are kept with what people said of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from imagefinder.errors import InvalidQueryError, NotFoundError
from imagefinder.search.query import Box, Kind, Term, parse_query, split_text

KINDS = {"words": Kind.WORDS, "id": Kind.ID, "url": Kind.URL}


def terms_of_json(query: Mapping[str, Any]) -> list[Term]:
    """The terms of a query as the API takes it: ``words`` to be read, and ``parts``. Nothing in it is taken for a path.
    Raises InvalidQueryError for one that says nothing, or has parts that were not kept, such as pictures sent."""
    words, parts = query.get("words"), query.get("parts")
    terms = [term_of_json(part) for part in parts] if isinstance(parts, list) else []
    if isinstance(words, str) and words.strip():
        terms += split_text(words, files=False)
    return parse_query(list(terms), files=False)


def term_of_json(part: Any) -> Term:
    """One part of a query. Raises InvalidQueryError."""
    if isinstance(part, Mapping):
        for name, kind in KINDS.items():
            value, weight, box = part.get(name), part.get("weight", 1.0), part.get("box")
            if not isinstance(value, str) or isinstance(weight, bool) or not isinstance(weight, int | float):
                continue
            if box is None or (isinstance(box, list) and len(box) == 4):
                field, phrases = str(part.get("field") or ""), part.get("phrases") or []
                said = tuple(map(str, phrases)) if isinstance(phrases, list) else ()
                quoted = part.get("quoted") is True
                return Term(kind, value, float(weight), Box(*box) if box else None, quoted, said, field)
    raise InvalidQueryError("A part of the query was not kept.", remedy="Ask it again.")


def json_of_term(term: Term) -> dict[str, Any]:
    """A term in words or of an image of the index, for ``term_of_json``. Raises InvalidQueryError for other pictures,
    which are not kept."""
    name = next((name for name, kind in KINDS.items() if kind is term.kind), None)
    if name in (None, "url"):
        raise InvalidQueryError(
            "A picture that is not in the index can't be kept as a part of a query.",
            remedy="Index it first, and name it by its id or path.",
        )
    row: dict[str, Any] = {str(name): term.value, "weight": term.weight}
    if term.box:
        row["box"] = [term.box.left, term.box.top, term.box.right, term.box.bottom]
    said = {"quoted": term.quoted, "field": term.field, "phrases": list(term.phrases)}
    return row | {name: value for name, value in said.items() if value}


def with_ids(terms: Sequence[Term], resolve: Callable[[str], str]) -> list[Term]:
    """The terms, with files and URLs as the images of the index that they are. Raises InvalidQueryError."""
    found = []
    for term in terms:
        if term.kind in (Kind.FILE, Kind.URL):
            try:
                term = replace(term, kind=Kind.ID, value=resolve(str(term.value)))
            except NotFoundError as error:
                raise InvalidQueryError(
                    f"{term.text} is not in the index, so it can't be kept as a part of a query.",
                    remedy="Index it first.",
                ) from error
        found.append(term)
    return found

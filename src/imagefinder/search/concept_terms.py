"""Concepts in a query: what people kept takes the place of their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imagefinder.index.concepts import Concept, KeptConcepts
from imagefinder.index.judged import Judged, ids_there
from imagefinder.search.kept_query import term_of_json
from imagefinder.search.options import SearchOptions
from imagefinder.search.query import Kind, Term
from imagefinder.store.filters.nodes import And
from imagefinder.store.filters.parse import as_filter

if TYPE_CHECKING:
    from imagefinder.index.folder import Index


def with_concepts(index: Index, terms: Sequence[Term], options: SearchOptions) -> tuple[list[Term], SearchOptions]:
    """The terms and options of a query, with each concept in it replaced by its own terms, and by the images that were
    liked and disliked for it. Where a concept is subtracted, its terms are, and what was liked for it is disliked. What
    the options say of an image themselves goes before; what was kept of images that have gone is left out. Hits pass
    the filter of each concept that is not subtracted. Raises NotFoundError for a concept there isn't."""
    if all(term.kind is not Kind.CONCEPT for term in terms):
        return list(terms), options
    found: list[Term] = []
    liked, disliked = list(options.liked), list(options.disliked)
    filters = [] if options.filter is None else [options.filter]
    for term in terms:
        if term.kind is not Kind.CONCEPT:
            found.append(term)
            continue
        concept = KeptConcepts(index).find(str(term.value))
        own, right, wrong = _there(index, concept)
        found += [replace(one, weight=one.weight * term.weight) for one in own]
        if term.weight > 0 and (filter := as_filter(concept.filter)) is not None:
            filters.append(filter)
        more, less = (right, wrong) if term.weight > 0 else ([], right)
        liked += [id for id in more if id not in disliked]
        disliked += [id for id in less if id not in liked]
    return found, replace(
        options,
        liked=tuple(dict.fromkeys(liked)),
        disliked=tuple(dict.fromkeys(disliked)),
        filter=And(tuple(filters)) if len(filters) > 1 else next(iter(filters), None),
    )


def _there(index: Index, concept: Concept) -> tuple[list[Term], list[str], list[str]]:
    """The terms of a concept, and the ids of what was liked and disliked, without what has gone."""
    shown = {i: Judged(str(p["id"]), str(p.get("content_hash", ""))) for i, p in enumerate(concept.parts) if "id" in p}
    there = ids_there(index, (*concept.liked, *concept.disliked, *shown.values()))
    terms = []
    for i, part in enumerate(concept.parts):
        if i not in shown:
            terms.append(term_of_json(part))
        elif shown[i] in there:
            terms.append(replace(term_of_json(part), value=there[shown[i]]))
    right, wrong = ([there[j] for j in some if j in there] for some in (concept.liked, concept.disliked))
    return terms, right, wrong

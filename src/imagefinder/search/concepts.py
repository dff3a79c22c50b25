"""``finder.concepts``: queries that are kept under a name, to be asked again, combined, filtered and trained by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from imagefinder._util.arguments import checked
from imagefinder._util.values import plain
from imagefinder.errors import ImageFinderError, InvalidInputError, InvalidQueryError, NotFoundError
from imagefinder.index.concepts import FIELD, MOST, Concept, KeptConcepts, checked_name
from imagefinder.index.judged import Judged, ids_there, judged
from imagefinder.index.there import each_there
from imagefinder.results import Marked
from imagefinder.search.answer import search_collection
from imagefinder.search.concept_terms import with_concepts
from imagefinder.search.kept_query import json_of_term, with_ids
from imagefinder.search.options import SearchOptions
from imagefinder.search.query import Kind, QueryInput, Term, parse_query
from imagefinder.store.filters.nodes import Compare, Has
from imagefinder.store.filters.parse import as_filter
from imagefinder.types import Progress, ignore

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.store.filters.parse import FilterLike
    from imagefinder.types import OnProgress

JUDGED = 10_000  # images that are liked or disliked for one concept
AT_ONCE = 100  # concepts whose images are marked by themselves after an indexing run: each is a search
MARKED = 10_000  # hits that can belong to one, beside those that were liked
QUERY = 20_000  # characters and values in the query of one


@checked
class Concepts:
    """The concepts of an index. In a query, ``concept:NAME`` stands for one. The images that belong to it carry its
    name in their field ``concept``: those that were liked, and the hits above its cut, without those that were
    disliked. New images are marked at the end of an indexing run, and by ``refresh``."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._kept = KeptConcepts(collection.index)

    def save(
        self,
        name: str,
        query: QueryInput | None = None,
        *,
        liked: Sequence[str] = (),
        disliked: Sequence[str] = (),
        min_score: float | None = None,
        filter: FilterLike = None,
    ) -> Concept:
        """Keep a query, and what was liked and disliked, under a name; it takes the place of a concept of that name.

        The query is in words or of images of the index, named by id, path or URL, and may have other concepts in it,
        which are kept as they are now. ``liked`` and ``disliked`` name images by id or URI. Hits that score
        ``min_score`` belong to it; without it, those that surely fit, which the search can tell among 50 images or
        more. With a ``filter`` only images that pass it belong to it; without a query, all that do. Raises
        InvalidInputError, InvalidFilterError, InvalidQueryError for a picture that is not in the index, NotFoundError
        or StorageError.
        """
        title, index = checked_name(name), self._collection.index
        right, wrong = ([self._collection.resolve(one) for one in some] for some in (liked, disliked))
        options = SearchOptions(
            liked=tuple(right), disliked=tuple(wrong), min_score=min_score, filter=as_filter(filter)
        )
        if len(right) + len(wrong) > JUDGED:
            raise InvalidInputError(f"{JUDGED:,} images can be judged for a concept; got {len(right) + len(wrong):,}.")
        terms, options = self._plain(query, options)
        if not terms and not options.liked and options.filter is None:
            raise InvalidInputError(
                "There is nothing to keep.", remedy="Give a query, images that were right, or a filter."
            )
        with index.writing:
            former = next((one for one in self._kept.all() if one.name.casefold() == title.casefold()), None)
            if former is None and len(self._kept.all()) >= MOST:
                raise InvalidInputError(f"There are {MOST:,} concepts.", remedy="Remove one first.")
            concept = Concept(
                id=former.id if former else uuid4().hex,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                name=title,
                parts=self._parts(terms),
                liked=judged(index, options.liked),
                disliked=judged(index, options.disliked),
                min_score=None if min_score is None else float(min_score),
                filter="" if options.filter is None else str(options.filter),
            )
            self._kept.put(concept)
            if former and former.name != title:
                self._mark(former.name, ())
        return self._marked(concept)

    def list(self) -> Sequence[Concept]:
        """All concepts, by their names."""
        return tuple(self._counted(concept) for concept in self._kept.all())

    def get(self, name: str) -> Concept:
        """The concept of this name. Raises NotFoundError."""
        return self._counted(self._kept.find(name))

    def rename(self, name: str, new: str) -> Concept:
        """Give a concept another name, also on its images. Raises NotFoundError, and InvalidInputError for a name that
        can't be or is taken."""
        title = checked_name(new)
        with self._collection.index.writing:
            concept = self._kept.find(name)
            if any(one.name.casefold() == title.casefold() and one.id != concept.id for one in self._kept.all()):
                raise InvalidInputError(f"There is a concept {title!r} already.", remedy="Choose another name.")
            ids = self._with(concept.name)
            self._kept.put(replace(concept, name=title))
            self._mark(concept.name, ())
            self._mark(title, ids)
        return self.get(title)

    def remove(self, name: str) -> None:
        """Forget a concept, also on its images. Raises NotFoundError."""
        with self._collection.index.writing:
            concept = self._kept.find(name)
            self._kept.remove(concept.id)
            self._mark(concept.name, ())

    def refresh(self) -> Sequence[Concept]:
        """Mark again which images belong to each concept, as after images have come. All concepts, as ``list``."""
        there = {concept.name for concept in self._kept.all()}
        for name in self._names() - there:
            self._mark(name, ())
        return tuple(self._marked(concept) for concept in self._kept.all())

    def _plain(self, query: QueryInput | None, options: SearchOptions) -> tuple[Sequence[Term], SearchOptions]:
        terms = with_ids(parse_query(query), self._collection.resolve) if query is not None else []
        return with_concepts(self._collection.index, terms, options)

    def _parts(self, terms: Sequence[Term]) -> tuple[Mapping[str, Any], ...]:
        if len(terms) > MOST:
            raise InvalidQueryError(f"A concept has a query of {MOST:,} parts at most.")
        parts = [json_of_term(term) for term in terms]
        for part in parts:
            if "id" in part:
                part["content_hash"] = judged(self._collection.index, [part["id"]])[0].content_hash
        return tuple(plain(parts, "query", most=QUERY))

    def _marked(self, concept: Concept) -> Concept:
        """The concept with its images marked. What belongs to it is looked for before anything is changed."""
        index = self._collection.index
        ids = self._belonging(concept)
        with index.writing:
            if any(one.id == concept.id and one.name == concept.name for one in self._kept.all()):
                self._mark(concept.name, ids)
        return self._counted(concept)

    def _belonging(self, concept: Concept) -> Sequence[str]:
        index = self._collection.index
        liked, disliked = (ids_there(index, some).values() for some in (concept.liked, concept.disliked))
        if not concept.parts and not concept.liked:
            wrong = set(disliked)
            return [id for id in self._passing(concept.filter) if id not in wrong]
        options = SearchOptions(
            k=MARKED, min_score=concept.min_score, cut="auto" if concept.min_score is None else None
        )
        try:
            hits = search_collection(self._collection, Term(Kind.CONCEPT, concept.name), options)
        except (InvalidQueryError, NotFoundError):  # all that it had has gone, or its words mean nothing here
            return list(liked)
        above = [hit.id for hit in (hits if concept.min_score is not None else hits[: hits.surely or 0])]
        wrong = set(disliked)
        return [id for id in dict.fromkeys([*liked, *self._shown(concept), *above]) if id not in wrong]

    def _shown(self, concept: Concept) -> Sequence[str]:
        """The images that its query asks by: those with a weight above 0."""
        parts = [part for part in concept.parts if "id" in part and part["weight"] > 0]
        images = [Judged(str(part["id"]), str(part.get("content_hash", ""))) for part in parts]
        return list(ids_there(self._collection.index, images).values())

    def _with(self, name: str) -> Sequence[str]:
        return self._passing(Compare(FIELD, "=", name))

    def _passing(self, filter: FilterLike) -> Sequence[str]:
        points = self._collection.index.store.scroll(filter=as_filter(filter), fields=())
        return [point.id for some in points for point in some]

    def _names(self) -> set[str]:
        points = self._collection.index.store.scroll(filter=Has(FIELD), fields=(FIELD,))
        return {name for some in points for point in some for name in _names_in(point.payload)}

    def _mark(self, name: str, ids: Iterable[str]) -> None:
        """Have just these images carry the name. Hold ``writing``."""
        store, wanted = self._collection.index.store, set(ids)
        changing = sorted(wanted ^ set(self._with(name)))
        groups: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for point in each_there(store, changing):
            names = {one for one in _names_in(point.payload) if one != name}
            groups[tuple(sorted(names | ({name} if point.id in wanted else set())))].append(point.id)
        for after, some in groups.items():
            store.merge_payload(some, {FIELD: [*after] or None})

    def _counted(self, concept: Concept) -> Concept:
        return replace(concept, images=self._collection.index.store.count(Compare(FIELD, "=", concept.name)))


def mark_new(collection: Collection, progress: OnProgress = ignore) -> Marked | None:
    """Mark which images belong to each concept after images have come, those kept last first, ``AT_ONCE`` concepts at
    most. One that can't be asked for stays as it was: it is no reason for indexing to fail. None where there are no
    concepts."""
    view = Concepts(collection)
    kept = sorted(view.list(), key=lambda concept: concept.created, reverse=True)
    advice = f"No more than {AT_ONCE} concepts are marked by themselves." if len(kept) > AT_ONCE else None
    marked = images = 0
    for number, concept in enumerate(kept[:AT_ONCE]):
        progress(Progress("marking kept searches", number, len(kept[:AT_ONCE])))
        before = set(view._with(concept.name))
        try:
            view._marked(concept)
        except ImageFinderError as error:
            advice = f"{concept.name!r} can't be asked for: {error.message}"
        else:
            marked += 1
            images += len(set(view._with(concept.name)) - before)
    return Marked(marked, images, len(kept) - marked, advice) if kept else None


def _names_in(payload: Mapping[str, Any]) -> list[str]:
    names = payload.get(FIELD) or []
    return [names] if isinstance(names, str) else [str(name) for name in names]

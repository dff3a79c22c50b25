"""From what people know of their images to questions for a search."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from imagefinder.errors import InvalidQueryError
from imagefinder.evaluation.asking import Question
from imagefinder.index.judged import ids_there
from imagefinder.search.kept_query import terms_of_json
from imagefinder.search.query import Kind, Term, parse_query
from imagefinder.store.words import numbers_of, texts_of

if TYPE_CHECKING:
    from imagefinder.catalog.feedback import Judgement
    from imagefinder.catalog.question_tables import Asked
    from imagefinder.index.collection import Collection

MOST = 1000  # questions of one list that are asked where nothing else is said: some minutes
T = TypeVar("T")


def spread(items: Sequence[T], most: int) -> list[T]:
    """So many of the items at most, evenly spread over all."""
    return [items[i * len(items) // most] for i in range(most)] if len(items) > most else list(items)


def of_captions(captions: Iterable[tuple[str, str]]) -> list[Question]:
    """A question for each text: it should find the images, given by id, that it describes."""
    right: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for id, text in captions:
        right[text][id] = 1.0
    return [Question(text, (Term(Kind.WORDS, text),), ids) for text, ids in right.items()]


def stands_there(collection: Collection, question: Question) -> bool:
    """Whether the record of an image that is right says just what is asked, so that the image is found by that: any of
    its texts but its place, however written."""
    asked = [numbers_of(str(term.value)) for term in question.terms if term.kind is Kind.WORDS]
    points = collection.index.store.retrieve(list(question.right)) if asked else []
    said = (numbers_of(text) for point in points for field, text in texts_of(point.payload) if field != "uri")
    return any(numbers and numbers in asked for numbers in said)


def of_asked(asked: Iterable[Asked], uris: Mapping[str, str]) -> list[Question]:
    """The questions of a table. ``uris`` are those of the images that are there, by id; what has gone is left out.
    Raises InvalidQueryError for a query that can't be read."""
    found = []
    for one in asked:
        right = {id: grade for id, grade in one.right.items() if id in uris}
        if (one.right and not right) or (one.image and one.image not in uris):
            continue
        if one.image or one.file:
            terms = [Term(Kind.ID, one.image) if one.image else Term(Kind.FILE, one.file)]
        else:
            terms = parse_query(one.text, files=False)
        shown = uris[one.image] if one.image else one.file or one.text
        found.append(Question(shown, tuple(terms), right, one.image))
    return found


def of_images(images: Sequence[str], labels: Mapping[str, str], uris: Mapping[str, str]) -> Iterator[Question]:
    """A question for each of the images: it should find the others with its label. One after the other, since a label
    may be that of all images."""
    members: defaultdict[str, list[str]] = defaultdict(list)
    for id, label in labels.items():
        members[label].append(id)
    for id in images:
        if id in uris:
            right = {other: 1.0 for other in members[labels[id]] if other != id}
            yield Question(uris[id], (Term(Kind.ID, id),), right, id, labels[id])


def of_feedback(collection: Collection, judgements: Iterable[Judgement]) -> list[Question]:
    """A question for each query that people judged; ``judgements`` have the newest first, and what was said last of an
    image counts. A query with nothing liked that is still there, or that can't be asked again, such as one by a
    picture that was sent, is left out."""
    said: dict[str, dict[str, tuple[str, bool]]] = {}
    queries: dict[str, Judgement] = {}
    for one in judgements:
        key = json.dumps({name: one.query.get(name) for name in ("words", "parts")}, sort_keys=True)
        queries.setdefault(key, one)
        there = ids_there(collection.index, (*one.liked, *one.disliked))
        for images, liked in ((one.liked, True), (one.disliked, False)):
            for image in images:
                if image in there:
                    said.setdefault(key, {}).setdefault(there[image], (image.id, liked))
    return [question for key, one in queries.items() if (question := _judged(collection, one, said.get(key, {})))]


def _judged(collection: Collection, one: Judgement, said: Mapping[str, tuple[str, bool]]) -> Question | None:
    right = {id: 1.0 for id, (_, liked) in said.items() if liked}
    wrong = frozenset(id for id, (_, liked) in said.items() if not liked)
    try:
        terms = terms_of_json(one.query)
    except InvalidQueryError:
        return None
    shown = [str(term.value) for term in terms if term.kind is Kind.ID]
    if not right or any(not collection.index.store.retrieve([id]) for id in shown):
        return None
    if any(term.kind is Kind.URL for term in terms):
        return None
    texts = " + ".join(term.text for term in terms)
    image = shown[0] if len(terms) == 1 and shown else ""
    return Question(collection.get(image).uri if image else texts, tuple(terms), right, image, "", wrong)

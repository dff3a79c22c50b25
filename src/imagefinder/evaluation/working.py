"""The work of an assessment: every list of questions, asked in one space, or in two."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import InvalidQueryError
from imagefinder.evaluation.asking import Question, ask
from imagefinder.evaluation.clustering import ClusterScores, score_clusters
from imagefinder.evaluation.comparison import Comparison, compare
from imagefinder.evaluation.questions import MOST, of_asked, of_captions, of_feedback, of_images, spread, stands_there
from imagefinder.evaluation.retrieval import LabelScores, WordScores, label_scores, rank_labels, score_words
from imagefinder.evaluation.retrievals import TITLES, Retrieval, of_cuts, of_found, of_rows, shown, worst_of
from imagefinder.search.embed import embed_texts
from imagefinder.search.query import Kind

if TYPE_CHECKING:
    from imagefinder.catalog.feedback import Judgement
    from imagefinder.catalog.label_table import LabelTable
    from imagefinder.catalog.question_tables import Questions
    from imagefinder.evaluation.asking import Found
    from imagefinder.evaluation.measures import Rows
    from imagefinder.index.collection import Collection
    from imagefinder.search.options import WordsIn
    from imagefinder.types import Float32, OnProgress

CUT_BY = 200  # images with labels by which the cut is measured


@dataclass(frozen=True, slots=True)
class Labelled:
    """What a table of labels and captions shows of ``images``."""

    images: int
    labels: LabelScores | None
    clusters: ClusterScores | None
    words: WordScores | None
    searches: tuple[Retrieval, ...]


@dataclass
class Measuring:
    """An assessment that is being made. It keeps the questions that were asked in its space, so that two others can be
    compared by them, and notes what could not be asked."""

    collection: Collection
    space: str | None
    min_score: float | None
    limit: int | None
    seed: int
    words_in: WordsIn | None
    progress: OnProgress
    notes: list[str] = field(default_factory=list)
    _labels: dict[str, str] = field(default_factory=dict)
    _questions: dict[str, list[Question]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.view = self.collection.view(self.space)
        self._uris = {record.id: record.uri for record in self.collection.records()}

    def labelled(self, table: LabelTable) -> Labelled:
        """Measure by labels and captions."""
        ids, vectors = self.collection.vectors(self.view.image)
        truth = of_those_there(table, set(ids))
        searches: list[Retrieval] = []
        scores = None
        if truth.labels:
            rows = [row for row, id in enumerate(ids) if id in truth.labels]
            scores, retrieval = self._by_labels([ids[row] for row in rows], vectors[rows], truth.labels)
            searches.append(retrieval)
        words = by_captions(self.collection, truth, self.view.words) if truth.captions else None
        if truth.captions:
            searches += self._asked("captions", of_captions(truth.captions))
        found = set(truth.labels) | {id for id, _ in truth.captions}
        return Labelled(len(found), scores, of_clusters(self.collection, truth), words, tuple(searches))

    def asked(self, queries: Questions | None) -> list[Retrieval]:
        """Measure by a table of queries."""
        return self._asked("queries", of_asked(queries.asked, self._uris)) if queries else []

    def judged(self, judgements: Iterable[Judgement]) -> list[Retrieval]:
        """Measure by what people liked and disliked."""
        questions = of_feedback(self.collection, judgements)
        if not questions:
            self.notes.append("Nothing was liked that is in the index, for a query that can be asked again.")
        return self._asked("feedback", questions) if questions else []

    def compared(self, names: tuple[str, str]) -> list[Comparison]:
        """Ask two spaces what was asked before."""
        found: list[Comparison] = []
        if self._labels:
            found.append(compare("labels", names, *self._label_rows(names), seed=self.seed))
        words = {self.collection.view(name).words for name in names}
        for kind, questions in self._questions.items():
            if len(words) == 1 and all(term.kind is Kind.WORDS for one in questions for term in one.terms):
                self.notes.append(f"{TITLES[kind]}: both are asked in words in the same space, {next(iter(words))}.")
                continue
            asked = [question for question in questions if question.right]
            first, second = ({one.number: one.row for one in self._ask(kind, asked, name)} for name in names)
            both = [key for key in first if key in second]
            if both:
                pair = (np.array([rows[key] for key in both]) for rows in (first, second))
                found.append(compare(kind, names, *pair, seed=self.seed))
        return found

    def _label_rows(self, names: tuple[str, str]) -> tuple[Rows, Rows]:
        """The measures of the same queries among the same images in two spaces."""
        spaces = [self.collection.vectors(self.collection.view(name).image) for name in names]
        ids = sorted(set(self._labels).intersection(*(held for held, _ in spaces)))
        labels, rows = [self._labels[id] for id in ids], []
        for held, vectors in spaces:
            place = {id: i for i, id in enumerate(held)}
            rows.append(rank_labels(vectors[[place[id] for id in ids]], labels, self.progress).rows)
        return rows[0], rows[1]

    def _by_labels(
        self, ids: Sequence[str], vectors: Float32, labels: Mapping[str, str]
    ) -> tuple[LabelScores, Retrieval]:
        self._labels = dict(labels)
        names = [labels[id] for id in ids]
        ranked = rank_labels(vectors, names, self.progress)
        asking = [ids[i] for i in ranked.queries]
        groups = [names[i] for i in ranked.queries]
        retrieval = of_rows("labels", len(ids), ranked.rows, groups, seed=self.seed)
        worst = [asking[i] for i in worst_of(ranked.rows, groups)]
        sample = spread(asking, min(CUT_BY, self.limit or CUT_BY))
        found = {one.image: one for one in self._images([*dict.fromkeys([*worst, *sample])], labels)}
        cuts = of_cuts([found[id].taken for id in sample if id in found], self.min_score)
        retrieval = replace(retrieval, worst=tuple(shown(found[id]) for id in worst if id in found), **cuts)
        return label_scores(len(ids), ranked), retrieval

    def _images(self, ids: Sequence[str], labels: Mapping[str, str]) -> list[Found]:
        return list(self._answers(of_images(ids, labels, self._uris), len(ids), self.space))

    def _asked(self, kind: str, questions: Sequence[Question]) -> list[Retrieval]:
        asking = self._looked_for(kind, spread(questions, self.limit or MOST))
        if len(asking) < len(questions):
            self.notes.append(f"{TITLES[kind]}: {len(asking):,} of {len(questions):,} were asked, evenly spread.")
        self._questions[kind] = asking
        found = self._ask(kind, asking, self.space)
        if not found:
            return []
        return [of_found(kind, len(self._uris), found, min_score=self.min_score, seed=self.seed)]

    def _looked_for(self, kind: str, questions: Sequence[Question]) -> list[Question]:
        """The questions, with where their words are looked for. A caption that stands in the index with its image would
        find it by itself, so it is looked for in what pictures show, where nothing else is wanted."""
        asking = [replace(question, words_in=self.words_in or "both") for question in questions]
        if kind != "captions" or self.words_in == "pictures":
            return asking
        there = [stands_there(self.collection, question) for question in questions]
        if any(there):
            how = "find them by themselves" if self.words_in else "were looked for in pictures only"
            count = f"{sum(there):,} of {len(there):,}"
            self.notes.append(f"{TITLES[kind]}: {count} stand in the index with their images, and {how}.")
        if self.words_in:
            return asking
        return [replace(one, words_in="pictures") if said else one for one, said in zip(asking, there, strict=True)]

    def _ask(self, kind: str, questions: Sequence[Question], space: str | None) -> list[Found]:
        """What is found; nothing where the space can't be asked so, as for words in one of pictures only."""
        try:
            return list(self._answers(questions, len(questions), space))
        except InvalidQueryError as error:
            self.notes.append(f"{TITLES[kind]}: {error.message}")
            return []

    def _answers(self, questions: Iterable[Question], total: int, space: str | None) -> Iterator[Found]:
        return ask(self.collection, questions, space, total=total, min_score=self.min_score, progress=self.progress)


def of_those_there(truth: LabelTable, there: AbstractSet[str]) -> LabelTable:
    """What is said of images that have vectors: others have gone since the table was read, or are still to come."""
    return replace(
        truth,
        labels={id: label for id, label in truth.labels.items() if id in there},
        captions=[(id, text) for id, text in truth.captions if id in there],
    )


def of_clusters(collection: Collection, truth: LabelTable) -> ClusterScores | None:
    """How well the clusters of the images agree with their labels; None if there are no clusters or no labels."""
    found = {r.id: r.extra.get("cluster") for r in collection.records("has cluster")}
    pairs = [(label, cluster) for id, label in truth.labels.items() if isinstance(cluster := found.get(id), int)]
    return score_clusters([label for label, _ in pairs], [cluster for _, cluster in pairs]) if pairs else None


def by_captions(collection: Collection, truth: LabelTable, words: str | None) -> WordScores | None:
    """Only images with a caption are ranked. Captions that are equal are one text with several right images."""
    space = words or collection.text_space
    ids, vectors = collection.vectors(space)
    there = dict(zip(ids, vectors, strict=True))
    row = {id: i for i, id in enumerate(sorted({id for id, _ in truth.captions if id in there}))}
    images = np.stack([there[id] for id in row]) if row else np.zeros((0, vectors.shape[1]), np.float32)
    right: defaultdict[str, set[int]] = defaultdict(set)
    for id, caption in truth.captions:
        if id in row:
            right[caption].add(row[id])
    if not right:
        return None
    texts: Float32 = embed_texts(collection, list(right), space)
    return score_words(texts, images, [sorted(rows) for rows in right.values()])

"""How well the index finds things, measured with what people know of their images."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from imagefinder._util.arguments import options_of
from imagefinder._util.files import expanded
from imagefinder.catalog.feedback import Feedback
from imagefinder.catalog.label_table import LabelTable, from_field, read_table
from imagefinder.catalog.question_tables import Pairs, Questions, read_pairs, read_questions
from imagefinder.errors import InvalidInputError
from imagefinder.evaluation.clustering import ClusterScores
from imagefinder.evaluation.comparison import Comparison
from imagefinder.evaluation.copies import CopyScores, score_copies
from imagefinder.evaluation.retrieval import LabelScores, WordScores
from imagefinder.evaluation.retrievals import Retrieval
from imagefinder.evaluation.working import Measuring
from imagefinder.search.options import SearchOptions, WordsIn
from imagefinder.types import ignore

if TYPE_CHECKING:
    from typing import TypeAlias

    from imagefinder.index.collection import Collection
    from imagefinder.types import OnProgress, Record

    ImageName: TypeAlias = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Truth:
    """What to measure by, beside a table of labels and captions, and how.

    ``by`` names a field whose values are labels, such as ``folder``, ``tags``, ``cluster_name`` or a column of a table.
    ``queries`` is a table of queries and the images that they should find, ``pairs`` one of duplicates: see
    ``catalog.question_tables``. ``feedback`` measures by what people liked and disliked. ``tier`` is the loosest tier
    of duplicates that counts. ``compare`` names two spaces or models, to say which of them finds more. ``min_score`` is
    a cut to be measured; without it the search's own, ``cut="auto"``. ``limit`` is how many queries of each list
    are asked, evenly spread, by default 1,000; images by their labels are all asked. ``seed`` is for the intervals.
    ``words_in`` says where words are looked for, as in a search; None: in pictures and texts, but captions that stand
    in the index with their images only in pictures, since else they find them by themselves.
    """

    by: str | None = None
    queries: ImageName | Questions | None = None
    feedback: bool = False
    pairs: ImageName | Pairs | None = None
    tier: str | None = None
    compare: Sequence[str] = ()
    min_score: float | None = None
    limit: int | None = None
    seed: int = 0
    words_in: WordsIn | None = None

    def __post_init__(self) -> None:
        if self.compare and not len(self.compare) == len(set(self.compare)) == 2:
            raise InvalidInputError("Two different spaces are compared.", remedy="Name two: imagefinder spaces list")
        if self.limit is not None and self.limit < 1:
            raise InvalidInputError(f"limit is 1 or more, not {self.limit}.")
        if self.words_in is not None:
            SearchOptions(words_in=self.words_in)  # raises for what can't be
        if not 0 <= self.seed < 2**31:
            raise InvalidInputError(f"seed is from 0 to 2,147,483,647, not {self.seed}.")


@dataclass(frozen=True, slots=True)
class Assessment:
    """The measures: ``labels`` for images with labels, and ``clusters`` if there are any; ``words`` for a table with a
    column ``caption``. ``searches`` say all of it in full, one for each list of queries; ``copies`` is about
    duplicates, and ``comparisons`` are of two spaces. ``notes`` say what could not be measured.

    ``missing`` is the number of images in the tables that are not in the index.
    """

    space: str
    images: int
    missing: int
    labels: LabelScores | None = None
    clusters: ClusterScores | None = None
    words: WordScores | None = None
    searches: tuple[Retrieval, ...] = ()
    copies: CopyScores | None = None
    comparisons: tuple[Comparison, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        return {
            "space": self.space,
            "images": self.images,
            "missing": self.missing,
            "labels": self.labels.to_dict() if self.labels else None,
            "clusters": self.clusters.to_dict() if self.clusters else None,
            "words": self.words.to_dict() if self.words else None,
            "searches": [search.to_dict() for search in self.searches],
            "copies": self.copies.to_dict() if self.copies else None,
            "comparisons": [comparison.to_dict() for comparison in self.comparisons],
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Assessment:
        """What ``to_dict`` wrote; keys that this version doesn't know are let be."""
        kinds: dict[str, Any] = {"labels": LabelScores, "clusters": ClusterScores, "words": WordScores}
        scores: dict[str, Any] = {name: kind(**row[name]) if row.get(name) else None for name, kind in kinds.items()}
        return cls(
            space=row["space"],
            images=row["images"],
            missing=row["missing"],
            searches=tuple(map(Retrieval.from_dict, row.get("searches", ()))),
            copies=CopyScores.from_dict(row["copies"]) if row.get("copies") else None,
            comparisons=tuple(map(Comparison.from_dict, row.get("comparisons", ()))),
            notes=tuple(row.get("notes", ())),
            **scores,
        )


def assess(
    collection: Collection,
    table: ImageName | LabelTable | None = None,
    space: str | None = None,
    *,
    progress: OnProgress | None = None,
    **options: Any,
) -> Assessment:
    """Measure the index with a CSV that has the columns ``filename`` and ``label``, ``caption`` or both, or with a
    table that ``label_table.read_table`` has read; and with what the options name, which are those of ``Truth``.

    ``space`` is the name of the space or model to measure, by default the one in use. A file name is a path, relative
    to the folder of the table, or the end of the path of an image in the index. Raises InvalidTableError,
    InvalidInputError for options that can't be or where there is nothing to measure by, and NotFoundError.
    """
    truth = options_of(Truth, options)
    return collection.index.steadily(lambda: _assess(collection, table, space, truth, progress or ignore))


def _assess(
    collection: Collection, table: ImageName | LabelTable | None, space: str | None, truth: Truth, progress: OnProgress
) -> Assessment:
    collection.ready()
    told = read_truth(collection.records(), table, truth)
    work = Measuring(collection, space, truth.min_score, truth.limit, truth.seed, truth.words_in, progress)
    labelled = work.labelled(told.table)
    searches = [*labelled.searches, *work.asked(told.queries)]
    if truth.feedback:
        searches += work.judged(Feedback(collection.index).list())
    copies = score_copies(collection, told.pairs, truth.tier, progress) if told.pairs else None
    comparisons = work.compared((truth.compare[0], truth.compare[1])) if truth.compare else []
    return Assessment(
        space=work.view.image,
        images=labelled.images,
        missing=told.missing,
        labels=labelled.labels,
        clusters=labelled.clusters,
        words=labelled.words,
        searches=tuple(searches),
        copies=copies,
        comparisons=tuple(comparisons),
        notes=tuple(dict.fromkeys(work.notes)),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What the tables say of images of the index, by their ids; ``missing`` counts the names that are not in it."""

    table: LabelTable
    queries: Questions | None
    pairs: Pairs | None
    missing: int


def read_truth(records: Sequence[Record], table: ImageName | LabelTable | None, truth: Truth) -> Told:
    """Read the tables. Raises InvalidTableError, and InvalidInputError if there are none and nothing else either."""
    if table is None and not (truth.by or truth.queries or truth.pairs or truth.feedback):
        raise InvalidInputError(
            "There is nothing to measure by.",
            remedy="Give labels or captions, queries, pairs, a field that has labels, or use what was liked.",
        )
    told = table if isinstance(table, LabelTable) else LabelTable({}, [], ())
    if table is not None and not isinstance(table, LabelTable):
        told = read_table(expanded(table), records)
    if truth.by:
        told = replace(told, labels={**from_field(records, truth.by), **told.labels})
    queries, pairs = truth.queries, truth.pairs
    if queries is not None and not isinstance(queries, Questions):
        queries = read_questions(expanded(queries), records, told.labels)
    if pairs is not None and not isinstance(pairs, Pairs):
        pairs = read_pairs(expanded(pairs), records)
    names = {name for one in (told, queries, pairs) if one is not None for name in one.missing}
    return Told(told, queries, pairs, len(names))

"""What is measured, as the API wants it: the tables are read here, and travel by the ids of images."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder._util.arguments import options_of
from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    from imagefinder.catalog.label_table import LabelTable
    from imagefinder.catalog.question_tables import Questions
    from imagefinder.types import Record


def asked_for(
    records: Sequence[Record], table: str | os.PathLike[str] | LabelTable | None, options: Mapping[str, Any]
) -> tuple[dict[str, Any], int]:
    """The options of the job, and how many names in the tables are not in the index. Raises what the library raises,
    and InvalidInputError for a query by a file that is not in the index, for it would have to travel."""
    from imagefinder.evaluation.of_index import Truth, read_truth

    truth = options_of(Truth, options)
    told = read_truth(records, table, truth)
    return {
        "labels": dict(told.table.labels),
        "captions": captions_by_id(told.table),
        "queries": _asked(told.queries) if told.queries else [],
        "feedback": truth.feedback,
        "duplicates": sorted(told.pairs.duplicates) if told.pairs else [],
        "apart": sorted(told.pairs.apart) if told.pairs else [],
        "tier": truth.tier,
        "compare": list(truth.compare) or None,
        "min_score": truth.min_score,
        "limit": truth.limit,
        "seed": truth.seed,
        "words_in": truth.words_in,
    }, told.missing


def _asked(queries: Questions) -> list[dict[str, Any]]:
    for one in queries.asked:
        if one.file:
            raise InvalidInputError(
                f"The query {one.file} is a file that is not in the index.",
                remedy="Index it first, or measure where the index is.",
            )
    return [{"text": one.text, "image": one.image, "right": dict(one.right)} for one in queries.asked]


def captions_by_id(table: LabelTable) -> dict[str, list[str]]:
    """The captions of each image."""
    texts: dict[str, list[str]] = {}
    for id, text in table.captions:
        texts.setdefault(id, []).append(text)
    return texts

"""How well duplicates are found, by pairs of images that people have judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from imagefinder.catalog.question_tables import Pairs
from imagefinder.duplicates.find import Options, find_duplicates
from imagefinder.duplicates.matching.tiers import Tier

if TYPE_CHECKING:
    from imagefinder.duplicates.report import DuplicateReport
    from imagefinder.index.collection import Collection
    from imagefinder.types import OnProgress

SHOWN = 50  # pairs of each kind that are listed


@dataclass(frozen=True, slots=True)
class CopyScores:
    """What the search for duplicates up to ``tier`` says of ``images`` that people judged, of which ``pairs`` are
    duplicates. It ``found`` so many of them, and said of ``wrong`` other pairs of these images that they are: pairs
    that the table names as none, and pairs that it does not name at all, so it should name all duplicates of an image
    that it names. ``precision`` is None where nothing was said. ``missed`` and ``false`` are the first ``SHOWN`` pairs
    of URIs that it did not find, and that it found wrongly."""

    tier: str
    images: int
    pairs: int
    found: int
    wrong: int
    precision: float | None
    recall: float | None
    f1: float | None
    missed: tuple[tuple[str, str], ...] = ()
    false: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        row = {name: round(v, 4) if isinstance(v, float) else v for name, v in row.items()}
        return row | {name: [list(pair) for pair in getattr(self, name)] for name in ("missed", "false")}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> CopyScores:
        """What ``to_dict`` wrote."""
        pairs = {name: tuple((a, b) for a, b in row[name]) for name in ("missed", "false")}
        return cls(**{**row, **pairs})


def score_copies(
    collection: Collection, pairs: Pairs, tier: str | None, progress: OnProgress | None = None
) -> CopyScores:
    """Look for duplicates in the whole index, and compare. ``tier`` is the loosest that counts, by default that of
    ``imagefinder duplicates``. Raises InvalidInputError for a tier there isn't."""
    wanted = Tier(tier) if tier else Options().tier
    report = find_duplicates(collection, options=Options(wanted), progress=progress)
    uris = {r.id: r.uri for r in collection.records()}
    return compare_pairs(report, pairs, wanted, uris)


def compare_pairs(report: DuplicateReport, pairs: Pairs, tier: Tier, uris: dict[str, str]) -> CopyScores:
    """All images of a group are duplicates of each other. ``uris`` are those of the images that are there, by id."""
    judged = pairs.images & uris.keys()
    true = {pair for pair in pairs.duplicates if judged.issuperset(pair)}
    said: set[tuple[str, str]] = set()
    for group in report.groups:
        ids = sorted({group.keep.id, *(m.record.id for m in group.members)} & judged)
        said.update(combinations(ids, 2))
    found = len(said & true)
    precision = found / len(said) if said else None
    recall = found / len(true) if true else None
    f1 = 2 * found / (len(said) + len(true)) if said or true else None
    missed, false = (
        tuple(sorted((min(uris[a], uris[b]), max(uris[a], uris[b])) for a, b in some))[:SHOWN]
        for some in (true - said, said - true)
    )
    return CopyScores(
        tier.value, len(judged), len(true), found, len(said) - found, precision, recall, f1, missed, false
    )

"""How good the end of the hits is: what a cut takes, against what is right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from imagefinder.results import Hits

STEPS = 200  # cuts that are tried in hindsight


class Taken(NamedTuple):
    """The scores of the hits of one query, float32 (k,) and falling, which of them are right, how many images are
    right in all, and how many of the first hits the cut takes; None where no cut was made. ``surely`` is how many of
    them surely fit, where the search says so."""

    scores: npt.NDArray[np.float32]
    right: npt.NDArray[np.bool_]
    wanted: int
    taken: int | None
    surely: int | None = None


@dataclass(frozen=True, slots=True)
class CutScores:
    """What a cut takes of the hits of ``queries``, as means over those that have right images: ``precision``, the share
    of what it takes that is right (1 where it takes nothing), ``recall``, the share of the right images that it takes,
    and ``f1``, their harmonic mean. ``nothing`` is the share of the ``empty`` queries, to which nothing fits, of which
    it takes nothing, and ``wrongly_nothing`` the share of the others of which it takes nothing. ``by`` says what cut
    it is."""

    by: str
    queries: int
    precision: float
    recall: float
    f1: float
    empty: int
    nothing: float | None
    wrongly_nothing: float

    def to_dict(self) -> dict[str, Any]:
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: round(v, 4) if isinstance(v, float) else v for name, v in row.items()}


def taken_by(hits: Hits, right: Collection[str], cut: float | Hits) -> Taken:
    """What a cut takes of hits: those that score so much at least; or those that surely or maybe fit, as the search
    says that was asked the same with its own cut."""
    scores = np.array([hit.score for hit in hits], np.float32)
    fits = np.array([hit.id in right for hit in hits], bool)
    if isinstance(cut, int | float):
        return Taken(scores, fits, len(right), sum(hit.score >= cut for hit in hits))
    if cut.surely is None or cut.maybe is None:
        return Taken(scores, fits, len(right), None)
    return Taken(scores, fits, len(right), min(cut.surely + cut.maybe, len(hits)), min(cut.surely, len(hits)))


def score_cut(asked: Sequence[Taken], min_score: float | None) -> CutScores | None:
    """How good the cut is that was made; None where none was made."""
    made = [one for one in asked if one.taken is not None]
    by = f"score of at least {min_score:g}" if min_score is not None else "what surely or maybe fits"
    return _scores(by, made, [one.taken or 0 for one in made]) if made else None


def score_surely(asked: Sequence[Taken]) -> CutScores | None:
    """The same of what surely fits; None where the search says nothing of it."""
    made = [one for one in asked if one.surely is not None]
    return _scores("what surely fits", made, [one.surely or 0 for one in made]) if made else None


def best_cut(asked: Sequence[Taken]) -> tuple[float, CutScores] | None:
    """The one score for all queries at which a cut would have been best by its F1, found in hindsight, and what it
    takes. None where no query has hits. Every other cut can be compared with it."""
    scores = np.concatenate([one.scores for one in asked]) if asked else np.zeros(0, np.float32)
    if not len(scores):
        return None
    tried = np.unique(np.quantile(scores, np.linspace(0, 1, STEPS)))
    cuts = [(float(at), [int((one.scores >= at).sum()) for one in asked]) for at in tried]
    at, taken = max(cuts, key=lambda cut: (_mean_f1(asked, cut[1]), cut[0]))
    return at, _scores(f"best in hindsight: score of at least {at:.3f}", asked, taken)


def _mean_f1(asked: Sequence[Taken], taken: Sequence[int]) -> float:
    """Over all queries; one to which nothing fits counts 1 where nothing is taken, else 0."""
    return float(np.mean([_f1(one, n)[2] for one, n in zip(asked, taken, strict=True)]))


def _f1(one: Taken, taken: int) -> tuple[float, float, float]:
    found = int(one.right[:taken].sum())
    precision = found / taken if taken else 1.0
    if not one.wanted:
        return precision, 1.0, float(taken == 0)
    recall = found / one.wanted
    return precision, recall, 2 * found / (taken + one.wanted)


def _scores(by: str, asked: Sequence[Taken], taken: Sequence[int]) -> CutScores:
    rows = [(one.wanted > 0, n, *_f1(one, n)) for one, n in zip(asked, taken, strict=True)]
    full, empty = [row for row in rows if row[0]], [row for row in rows if not row[0]]
    precision, recall, f1 = (float(np.mean([row[i] for row in full])) if full else 0.0 for i in (2, 3, 4))
    return CutScores(
        by=by,
        queries=len(full),
        precision=precision,
        recall=recall,
        f1=f1,
        empty=len(empty),
        nothing=float(np.mean([row[1] == 0 for row in empty])) if empty else None,
        wrongly_nothing=float(np.mean([row[1] == 0 for row in full])) if full else 0.0,
    )

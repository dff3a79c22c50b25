"""The report of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from imagefinder.errors import InvalidInputError


class Scores(Protocol):
    """``evaluation.retrieval.LabelScores`` or ``WordScores``."""

    def to_dict(self) -> dict[str, Any]: ...


FILLING = "filling the space"  # the stage after a training: the images get the vectors of the new model


@dataclass(frozen=True, slots=True)
class Training:
    """The result of a training.

    ``name`` is that of the model and of its space in the index; None if no model was made, because the untouched space
    is as good. ``before`` and ``after`` are measured on ``held_out`` images that were not trained on; None if there
    were too few to hold any out. ``chosen`` says what was trained, ``candidates`` what was tried and how good it was.
    ``facts`` are specific to this kind of training; ``notes`` are for people.
    """

    kind: str  # adapter, classifier, words or autoencoder
    name: str | None
    images: int
    missing: tuple[str, ...]
    held_out: int
    before: Scores | None
    after: Scores | None
    chosen: str
    seconds: float
    candidates: Sequence[Mapping[str, Any]] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "images": self.images,
            "missing": list(self.missing),
            "held_out": self.held_out,
            "before": self.before.to_dict() if self.before else None,
            "after": self.after.to_dict() if self.after else None,
            "chosen": self.chosen,
            "candidates": [dict(c) for c in self.candidates],
            "seconds": round(self.seconds, 2),
            **self.facts,
            "notes": list(self.notes),
        }


COMPUTED = ("cluster", "cluster_name", "class")  # fields that ImageFinder itself writes, from the vectors


def with_origin(training: Training, by: str | None) -> Training:
    """The training with a note where its labels were computed from the vectors that it is measured on."""
    if by not in COMPUTED:
        return training
    note = (
        f"These figures are no evidence: the labels ({by}) were computed from the vectors themselves, so they only "
        "show that the groups come back. Measure with labels that a person gave."
    )
    return replace(training, notes=(*training.notes, note))


def check_finite(vectors: Any, what: str = "vectors") -> None:
    """Raises InvalidInputError, which names the first row with a value that is not finite."""
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise InvalidInputError(
            f"{len(bad)} of the {len(vectors)} {what} hold values that are no numbers (NaN or infinite), the first in "
            f"row {bad[0]}.",
            remedy="Index these images again: imagefinder index --force",
        )

"""The end of a run, which concerns the whole index: fitting the search, vectors of further models, the order in the
store, and the clusters of new images. Of the shards of a run, the one that ends last does it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefinder.errors import StorageError
from imagefinder.index.shards import note_finished
from imagefinder.index.spaces import refit
from imagefinder.ingest.fill import fill
from imagefinder.types import Limits, Progress

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.index.shards import Turn
    from imagefinder.ingest.plan import Plan
    from imagefinder.models.base import Embedder
    from imagefinder.results import Assigned, BackfillReport

Ended = tuple[
    tuple["BackfillReport", ...], "Assigned | None"
]  # which vectors were added, and what became of new images


@dataclass(frozen=True, slots=True)
class Ending:
    """``models`` embed every image, the first of them in the run itself; ``say`` tells what is being done."""

    index: Index
    models: Sequence[Embedder]
    limits: Limits
    workers: int
    say: Callable[[str, int, int], None]

    def of_shard(self, turn: Turn, plan: Plan, force: bool) -> Ended:
        """Add the vectors that the images of a shard lack; do the rest if it is the last."""
        filled = self._fill(plan.ids)
        if not turn.end(bool(plan.missing)):
            return filled, None
        more, clusters = self.whole(force, alone=False)
        return filled + more, clusters

    def whole(self, force: bool, *, alone: bool = True) -> Ended:
        """Do what concerns the whole index, ``alone`` or beside other shards."""
        from imagefinder.clusters.join import assign_new

        self.say("preparing the search", 0, 0)
        refit(self.index, self.models[0].spec, force=force)
        filled = self._fill(None)
        self.say("tidying up the store", 0, 0)
        with suppress(StorageError):  # a disk too full to merge what is stored: a search is slower, and as right
            self.index.store.optimize()
        with self.index.grouping:
            self.say("finding the clusters of new images", 0, 0)
            clusters = assign_new(self.index)
        note_finished(self.index, alone=alone)
        return filled, clusters

    def _fill(self, only: Collection[str] | None) -> tuple[BackfillReport, ...]:
        found = []
        for model in self.models:

            def show(at: Progress, name: str = model.spec.name) -> None:
                if at.total:
                    self.say(f"embedding by {name}", at.done, at.total)

            found.append(fill(self.index, model, limits=self.limits, workers=self.workers, progress=show, only=only))
        return tuple(one for one in found if one.filled or one.skipped)

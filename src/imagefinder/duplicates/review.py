"""``finder.copies``: the duplicates found last, and what is decided about them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.arguments import checked
from imagefinder._util.files import expanded
from imagefinder._util.places import Place
from imagefinder.duplicates.decisions import Decision, Decisions, change_decisions, load_decisions
from imagefinder.duplicates.last_run import KIND, last_run
from imagefinder.duplicates.paths import real_folder
from imagefinder.duplicates.plan import Plan, make_plan, plan_of
from imagefinder.duplicates.report import DuplicateReport
from imagefinder.duplicates.taking_back import undo
from imagefinder.duplicates.trash import apply_plan
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.index.runs import list_runs
from imagefinder.index.there import each_there
from imagefinder.types import OnProgress, Progress, ignore, image_id

if TYPE_CHECKING:
    from imagefinder.duplicates.trash import Moved
    from imagefinder.index.collection import Collection


@checked
class Copies:
    """The duplicates of an index, to look at and to decide about.

    >>> finder.duplicates()                                     # finds them
    >>> group = finder.copies.latest()["groups"][0]
    >>> finder.copies.decide("keep-both", group["keep"]["id"], group["members"][0]["id"])
    >>> finder.copies.trash([(group["keep"]["id"], [group["members"][0]["id"]])])
    >>> finder.copies.undo()
    """

    def __init__(self, collection: Collection) -> None:
        self._index = collection.index
        self._get = collection.get

    @property
    def _home(self) -> Place:
        return self._index.documents

    @property
    def searched(self) -> bool:
        """Whether there is a report."""
        return bool(list_runs(self._home, KIND))

    def latest(self) -> dict[str, Any]:
        """The report of the last search (see ``DuplicateReport.to_dict``), with its ``run`` and when it was
        ``created``, less what has been decided since, and what is not in the index any more or has changed.

        Raises NotFoundError when duplicates were never searched for, and IndexDamagedError.
        """
        run = last_run(self._home)
        decisions = load_decisions(self._home)
        there = self._contents(run.facts["groups"])
        groups = [g for group in run.facts["groups"] if (g := _left(group, there, decisions))]
        facts = {k: v for k, v in run.facts.items() if k != "kind"}
        aside = {name: self._indexed(run.facts.get(name, ())) for name in ("one_file", "one_picture")}
        return {"run": run.name, **facts, "groups": groups, **aside}

    def _indexed(self, sets: Iterable[Sequence[str]]) -> list[list[str]]:
        """The sets of images less those that are not in the index any more, as long as two of a set are."""
        sets = [list(uris) for uris in sets]
        there = {p.id for p in each_there(self._index.store, (image_id(uri) for uris in sets for uri in uris))}
        left = ([uri for uri in uris if image_id(uri) in there] for uris in sets)
        return [uris for uris in left if len(uris) > 1]

    def _contents(self, groups: Iterable[dict[str, Any]]) -> dict[str, str]:
        """The content hash now, by id, of every image in the groups."""
        ids = [image["id"] for g in groups for image in (g["keep"], *g["members"])]
        return {p.id: p.payload.get("content_hash", "") for p in each_there(self._index.store, ids)}

    def decide(self, decision: str, *images: str) -> int:
        """Say of images, named by id, path or URL, that they are "not-duplicate", or that "keep-both" is wanted.

        They are not named together again, wherever their contents turn up. Returns how many pairs are decided in all.
        """
        if decision not in tuple(Decision):
            raise InvalidInputError(f"There is no decision {decision!r}; there are {', '.join(Decision)}.")
        about = [(r.content_hash, r.uri) for r in map(self._get, images)]
        return len(change_decisions(self._index, lambda known: known.with_images(Decision(decision), about)).pairs)

    def forget(self, first: str, second: str) -> int:
        """Take back what was decided of two images, named as in ``decide`` or by content hash. Raises NotFoundError."""

        def change(known: Decisions) -> Decisions:
            hashes = {h for pair in known.pairs for h in pair}
            a, b = (name if name in hashes else self._get(name).content_hash for name in (first, second))
            if known.get(a, b) is None:
                raise NotFoundError(f"Nothing was decided about {first} and {second}.")
            return known.without(a, b)

        return len(change_decisions(self._index, change).pairs)

    def decisions(self) -> Decisions:
        """What was decided so far."""
        return load_decisions(self._home)

    def add_decisions(self, decisions: Decisions) -> int:
        """Take in decisions of another index; of two about one pair the later counts. Returns how many pairs are
        decided in all."""
        return len(change_decisions(self._index, lambda known: known.merged(decisions)).pairs)

    def plan(self, groups: DuplicateReport | Sequence[tuple[str, Sequence[str]]]) -> Plan:
        """A plan that keeps the first image of each group and removes the others, or the best of each group of a
        report. ``Plan.save`` writes it to a file that a person can read and change. Raises InvalidInputError."""
        if isinstance(groups, DuplicateReport):
            return make_plan(groups)
        return plan_of([(self._get(keep), [self._get(image) for image in remove]) for keep, remove in groups])

    def trash(self, groups: Sequence[tuple[str, Sequence[str]]]) -> Moved:
        """Move files to the trash of the index, each because another image is kept; ``undo`` moves them back."""
        return apply_plan(self._index, self.plan(groups))

    def apply(
        self,
        plan: Plan,
        *,
        trash: str | os.PathLike[str] | None = None,
        references: Sequence[str] = (),
        progress: OnProgress | None = None,
    ) -> Moved:
        """Move the files that a plan removes to ``trash``, by default a folder in the index, and take them out of the
        index; ``undo`` moves them back. A file stays that has changed since the plan was made, or that is in one of the
        folders ``references``. Raises NotFoundError for a folder there isn't, and StorageError."""
        tell, done = progress or ignore, 0

        def moved(path: str) -> None:
            nonlocal done
            done += 1
            tell(Progress("moving", done, plan.files))

        folder = None if trash is None else expanded(trash).absolute()
        protected = [real_folder(folder) for folder in references]
        return apply_plan(self._index, plan, trash=folder, references=protected, moved=moved)

    def undo(self, journal: Path | None = None) -> Moved:
        """Move the files of the last ``trash`` back. ``finder.add()`` takes them in again. Raises NotFoundError."""
        return undo(self._index, journal)


def _left(group: dict[str, Any], there: dict[str, str], decisions: Decisions) -> dict[str, Any] | None:
    """A group with the members that still count; None when there are none."""
    keep = group["keep"]
    if there.get(keep["id"]) != keep["content_hash"]:
        return None
    members = [
        m
        for m in group["members"]
        if there.get(m["id"]) == m["content_hash"] and not decisions.get(keep["content_hash"], m["content_hash"])
    ]
    return {**group, "members": members} if members else None

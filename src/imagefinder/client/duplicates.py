"""``client.copies``: the duplicates found last, and what is decided about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder.types import Record, Skipped

if TYPE_CHECKING:
    from imagefinder.client.jobs import Jobs
    from imagefinder.client.transport import Transport
    from imagefinder.duplicates.decisions import Decisions
    from imagefinder.duplicates.plan import Plan
    from imagefinder.duplicates.report import DuplicateReport
    from imagefinder.duplicates.trash import Moved

HOME = "/v1/duplicates"


class Copies:
    """As ``finder.copies``; files are moved on the server's machine."""

    def __init__(
        self,
        transport: Transport,
        resolve: Callable[[Sequence[str]], Sequence[str]],
        jobs: Jobs,
        get: Callable[[str], Record],
    ) -> None:
        self._transport = transport
        self._resolve = resolve
        self._jobs = jobs
        self._get = get

    @property
    def searched(self) -> bool:
        """Whether there is a report."""
        return bool(self._transport.json("GET", "/v1/index")["duplicates_searched"])

    def latest(self) -> dict[str, Any]:
        """What the last search found, less what has been decided since. Raises NotFoundError before the first."""
        found: dict[str, Any] = self._transport.json("GET", HOME)
        return found

    def decide(self, decision: str, *images: str) -> int:
        """Say of images that they are "not-duplicate", or that "keep-both" is wanted. Returns how many pairs are
        decided in all."""
        body = {"decision": decision, "ids": self._resolve(images)}
        return int(self._transport.json("POST", f"{HOME}/decisions", json=body)["decisions"])

    def forget(self, first: str, second: str) -> int:
        """Take back what was decided of two images. Raises NotFoundError."""
        body = {"ids": self._resolve([first, second])}
        return int(self._transport.json("DELETE", f"{HOME}/decisions", json=body)["decisions"])

    def decisions(self) -> Decisions:
        """What was decided so far."""
        from imagefinder.duplicates.decisions import Decisions

        return Decisions.from_dict(self._transport.json("GET", f"{HOME}/decisions"))

    def add_decisions(self, decisions: Decisions) -> int:
        """Take in decisions of another index; of two about one pair the later counts. Returns how many pairs are
        decided in all."""
        return int(self._transport.json("PUT", f"{HOME}/decisions", json=decisions.to_dict())["decisions"])

    def plan(self, groups: DuplicateReport | Sequence[tuple[str, Sequence[str]]]) -> Plan:
        """A plan that keeps the first image of each group and removes the others, or the best of each group of a
        report; its files are those of the server's machine. Raises InvalidInputError."""
        from imagefinder.duplicates.plan import make_plan, plan_of
        from imagefinder.duplicates.report import DuplicateReport

        if isinstance(groups, DuplicateReport):
            return make_plan(groups)
        return plan_of([(self._get(keep), [self._get(image) for image in remove]) for keep, remove in groups])

    def trash(self, groups: Sequence[tuple[str, Sequence[str]]]) -> Moved:
        """Move files to the trash of the index, each because another image is kept; ``undo`` moves them back."""
        rows = [{"keep": self._resolve([keep])[0], "remove": self._resolve(remove)} for keep, remove in groups]
        return _moved(self._transport.json("POST", f"{HOME}/trash", json={"groups": rows}))

    def undo(self, journal: Path | None = None) -> Moved:
        """Move the files of the last ``trash``, or of the one that ``Moved.journal`` names, back, and wait until the
        index has taken them in again. Raises NotFoundError."""
        body = None if journal is None else {"journal": str(journal)}
        response = self._transport.json("POST", f"{HOME}/undo", json=body)
        self._jobs.wait(response["job"]["id"])
        return _moved(response)


def _moved(response: dict[str, Any]) -> Moved:
    from imagefinder.duplicates.trash import Moved

    files = tuple((row["from"], row["to"]) for row in response["moved"])
    return Moved(Path(response["journal"]), files, tuple(Skipped(**row) for row in response["left"]))

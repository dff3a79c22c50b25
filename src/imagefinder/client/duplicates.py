"""``client.copies``: the duplicates found last, and what is decided about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder.types import Skipped

if TYPE_CHECKING:
    from imagefinder.client.jobs import Jobs
    from imagefinder.client.transport import Transport
    from imagefinder.duplicates.decisions import Decisions
    from imagefinder.duplicates.trash import Moved

HOME = "/v1/duplicates"


class Copies:
    """As ``finder.copies``; files are moved on the server's machine."""

    def __init__(self, transport: Transport, resolve: Callable[[Sequence[str]], Sequence[str]], jobs: Jobs) -> None:
        self._transport = transport
        self._resolve = resolve
        self._jobs = jobs

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

    def trash(self, groups: Sequence[tuple[str, Sequence[str]]]) -> Moved:
        """Move files to the trash of the index, each because another image is kept; ``undo`` moves them back."""
        rows = [{"keep": self._resolve([keep])[0], "remove": self._resolve(remove)} for keep, remove in groups]
        return _moved(self._transport.json("POST", f"{HOME}/trash", json={"groups": rows}))

    def undo(self) -> Moved:
        """Move the files of the last ``trash`` back, and wait until the index has taken them in again. Raises
        NotFoundError."""
        answer = self._transport.json("POST", f"{HOME}/undo")
        self._jobs.wait(answer["job"]["id"])
        return _moved(answer)


def _moved(answer: dict[str, Any]) -> Moved:
    from imagefinder.duplicates.trash import Moved

    files = tuple((row["from"], row["to"]) for row in answer["moved"])
    return Moved(Path(answer["journal"]), files, tuple(Skipped(**row) for row in answer["left"]))

"""What ``Client`` does with the spaces of an index."""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING
from urllib.parse import quote

from imagefinder.client.jobs import JobProgress, Jobs
from imagefinder.results import BackfillReport, SpaceInfo

if TYPE_CHECKING:
    from imagefinder.client.transport import Transport


class Spaces(ABC):
    """As the methods of ``ImageFinder`` of the same names."""

    _transport: Transport
    _jobs: Jobs

    def spaces(self) -> list[SpaceInfo]:
        """The spaces of the index, in the order they came."""
        rows = self._transport.json("GET", "/v1/spaces")["spaces"]
        return [SpaceInfo(**{**row, "current": tuple(row["current"])}) for row in rows]

    def add_model(self, name: str, *, use: bool = False, progress: JobProgress | None = None) -> BackfillReport:
        """Give all images the vectors of a further model, one that is on the server's machine."""
        job = self._jobs.run("model", {"name": name, "use": use}, progress)
        return BackfillReport(job.result["model"], job.result["filled"], tuple(self._jobs.skipped(job)))

    def use_space(self, name: str) -> None:
        """Search in this space, or all spaces of this model, from now on."""
        self._transport.json("POST", f"/v1/spaces/{quote(name, safe='')}/use")

    def drop_space(self, name: str) -> None:
        """Remove the vectors of a model that is not in use."""
        self._transport.json("DELETE", f"/v1/spaces/{quote(name, safe='')}")

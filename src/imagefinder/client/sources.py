"""The sources that the server's index knows."""

from __future__ import annotations

import os

from imagefinder.client.connection import Connection
from imagefinder.client.jobs import JobProgress
from imagefinder.client.responses import report_of
from imagefinder.results import IngestReport, SourceInfo


class Sources(Connection):
    """As the methods of ``ImageFinder`` of the same names."""

    def list_sources(self) -> list[SourceInfo]:
        """The sources indexed so far, with the number of their images, and whether they are there."""
        return [SourceInfo(**row) for row in self._transport.json("GET", "/v1/sources")["sources"]]

    def forget_source(self, source: str | os.PathLike[str], *, remove_images: bool = False) -> int:
        """Forget a source; its images stay as they are, or leave the index too. Returns how many images it had."""
        body = {"source": os.fspath(source), "remove_images": remove_images}
        return int(self._transport.json("POST", "/v1/sources/forget", json=body)["images"])

    def move_source(
        self, old: str | os.PathLike[str], new: str | os.PathLike[str], *, progress: JobProgress | None = None
    ) -> IngestReport:
        """Say where a source of the server's machine is now that was renamed or moved."""
        job = self._jobs.run("move-source", {"old": os.fspath(old), "new": os.fspath(new)}, progress)
        return report_of(job.result, self._jobs.skipped(job))

    def pause_source(self, source: str | os.PathLike[str]) -> None:
        """Leave a source out when all of them are gone over; its images stay."""
        self._transport.json("POST", "/v1/sources/pause", json={"source": os.fspath(source)})

    def resume_source(self, source: str | os.PathLike[str]) -> None:
        """Take a paused source in again."""
        self._transport.json("POST", "/v1/sources/resume", json={"source": os.fspath(source)})

    def rename_source(self, source: str | os.PathLike[str], label: str) -> None:
        """Call a source by a name of your own; "" takes it away."""
        self._transport.json("POST", "/v1/sources/rename", json={"source": os.fspath(source), "label": label})

    def purge(self) -> int:
        """Forget for good what was said of images that are not in the index any more. Returns of how many."""
        return int(self._transport.json("POST", "/v1/sources/purge")["purged"])

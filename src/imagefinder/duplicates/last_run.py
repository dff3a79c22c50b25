"""The kept result of the last search for duplicates."""

from __future__ import annotations

from pathlib import Path

from imagefinder.duplicates.report import DuplicateReport
from imagefinder.index.runs import drop_older, save_run

KIND = "duplicates"


def keep_run(index: Path, report: DuplicateReport) -> None:
    """Keep the report in place of the one before. Raises StorageError."""
    save_run(index, KIND, report.to_dict(), {})
    drop_older(index, KIND, 1)

"""The progress of the long commands, on a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from imagefinder._util.time_left import TimeLeft
from imagefinder.cli.common import say, shown

if TYPE_CHECKING:
    from imagefinder.types import Progress

FORMAT = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<LEFT, {rate_fmt}{postfix}]"


class ProgressBar:
    """A bar for each stage of the work, with the rate and the time left, on a terminal; nothing elsewhere. A stage that
    counts nothing has its name on a line.

    ``unit`` is what it counts: images, or bytes ("B"). A stage of fewer than ``least`` has no bar.
    """

    def __init__(self, unit: str = " images", least: int = 1) -> None:
        self._bar: Any = None
        self._unit, self._least = unit, least
        self._stage = ""

    def show(self, progress: Progress) -> None:
        """Show how far the work is."""
        if progress.stage != self._stage:
            self.close()
            self._stage = progress.stage
            if not progress.total and sys.stderr.isatty():
                say(f"  {progress.stage} ...")
        if progress.total >= self._least:
            self._draw(progress)

    def _draw(self, progress: Progress) -> None:
        from tqdm import tqdm

        if self._bar is None:
            self._left = TimeLeft()
            self._bar = tqdm(
                initial=progress.done,
                total=progress.total,
                unit=self._unit,
                unit_scale=self._unit == "B",
                disable=None,
                dynamic_ncols=True,
            )
        self._left.note(progress.done, progress.total)
        left = self._left.seconds()
        self._bar.bar_format = FORMAT.replace("LEFT", "?" if left is None else tqdm.format_interval(left))
        skipped = f"{progress.skipped} skipped" if progress.skipped else ""
        note = ", ".join(filter(None, (progress.stage, progress.note, skipped)))
        self._bar.set_postfix_str(shown(note), refresh=False)
        self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it is; the next stage gets a new one."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class StageLines:
    """A line on stderr for each stage of the work as it begins."""

    def __init__(self) -> None:
        self._stage = ""

    def show(self, progress: Progress) -> None:
        """Say what is being done now, once."""
        if progress.stage != self._stage:
            self._stage = progress.stage
            say(f"  {progress.stage} ...")

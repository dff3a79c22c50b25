"""The progress bar of the long commands."""

from __future__ import annotations

from typing import Any


class ProgressBar:
    """A bar with the rate and the time left, on a terminal; nothing elsewhere. ``unit`` is what it counts: images, or
    bytes ("B")."""

    def __init__(self, unit: str = " images") -> None:
        self._bar: Any = None
        self._unit = unit

    def show(self, done: int, total: int, note: str = "") -> None:
        from tqdm import tqdm

        if self._bar is None:
            many = self._unit == "B"
            self._bar = tqdm(
                total=total, unit=self._unit, unit_scale=many, disable=None, dynamic_ncols=True, smoothing=0.1
            )
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class ProgressBars:
    """A bar for each of several things, one after the other; things of fewer than ``least`` have none."""

    def __init__(self, unit: str = " images", least: int = 0) -> None:
        self._unit, self._least = unit, least
        self._name = ""
        self._bar = ProgressBar(unit)

    def show(self, name: str, done: int, total: int) -> None:
        if name != self._name:
            self._bar.close()
            self._name, self._bar = name, ProgressBar(self._unit)
        if total >= self._least:
            self._bar.show(done, total, name)

    def __enter__(self) -> ProgressBars:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

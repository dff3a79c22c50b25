"""How much of the variance the first components keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder.plots.style import BLUE, FAINT, GREEN, INK, RULE, VERMILION, check_format, heading, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from imagefinder.vectors.variance import PcaReport

MARK = 0.95


def plot_variance(report: PcaReport, *, path: Path) -> None:
    """Draw the variance kept against the number of components, and write PNG, SVG or PDF to ``path``.

    Marked are the components for 95% and those the search uses. Raises InvalidInputError and StorageError.
    """
    check_format(path)
    with style():
        from matplotlib.figure import Figure
        from matplotlib.ticker import PercentFormatter

        figure = Figure(figsize=(8, 4.6), layout="constrained")
        axes = figure.add_subplot()
        kept = [0.0, *report.cumulative.tolist()]
        axes.plot(range(len(kept)), kept, color=BLUE, lw=2.4)
        axes.fill_between(range(len(kept)), kept, color=BLUE, alpha=0.08, lw=0)
        axes.set(xlim=(0, len(kept) - 1), ylim=(0, 1.04), xlabel="components")
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        heading(axes, "Variance kept", f"by the first principal components of {report.images:,} images")
        count = report.components_for(MARK)
        axes.plot([0, count, count], [MARK, MARK, 0], color=VERMILION, lw=1.4, ls=(0, (4, 3)))
        _point(axes, count, MARK, f"95% with {count:,}", VERMILION, len(kept) - 1)
        if report.searched is not None and report.searched_variance is not None:
            words = f"{report.searched_variance:.0%} with the {report.searched:,} searched"
            _point(axes, report.searched, report.searched_variance, words, GREEN, len(kept) - 1)
        axes.grid(color=RULE)
        save(figure, path)


def _point(axes: Axes, x: int, y: float, words: str, colour: str, width: int) -> None:
    left = x > 0.7 * width
    axes.plot(x, y, "o", ms=8, color=colour, mec="white", mew=1.5, zorder=4)
    axes.annotate(
        words, (x, y), (-8 if left else 10, -18), textcoords="offset points", ha="right" if left else "left",
        color=INK if colour == FAINT else colour, weight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85},
    )  # fmt: skip

"""How many clusters: the numbers for each count, and the one suggested."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder.errors import InvalidInputError
from imagefinder.plots.style import BLUE, FAINT, GREEN, ORANGE, PINK, VERMILION, check_format, heading, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from imagefinder.clusters.algorithms.choose_k import Choice

TICKS = 10
BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85}
Numbers = Sequence[float]


def plot_choice(choice: Choice, path: Path) -> None:
    """Draw what ``clusters.algorithms.choose_k.choose_k`` measured."""
    scores = choice.scores
    plot_choose_k(
        [s.n_clusters for s in scores],
        [s.inertia for s in scores],
        [s.silhouette for s in scores],
        [s.silhouette_error for s in scores],
        elbow=choice.elbow,
        suggested=choice.suggested,
        calinski_harabasz=[s.calinski_harabasz for s in scores],
        davies_bouldin=[s.davies_bouldin for s in scores],
        path=path,
    )


def plot_choose_k(
    ks: Sequence[int],
    inertia: Numbers,
    silhouette: Numbers,
    silhouette_error: Numbers,
    *,
    elbow: int | None,
    suggested: int | None,
    calinski_harabasz: Numbers | None = None,
    davies_bouldin: Numbers | None = None,
    path: Path,
) -> None:
    """Draw the measures of each number of clusters ``ks`` under each other and write PNG, SVG or PDF to ``path``.

    ``silhouette_error`` is drawn as a band of that half-width. ``elbow`` and ``suggested`` are among ``ks`` or None.
    NaN leaves a gap. Raises InvalidInputError (lengths differ, unknown extension) and StorageError.
    """
    check_format(path)
    small = [
        (values, title, note, colour)
        for values, title, note, colour in (
            (calinski_harabasz, "Calinski-Harabasz", "larger is better", GREEN),
            (davies_bouldin, "Davies-Bouldin", "smaller is better", PINK),
        )
        if values is not None
    ]
    if not ks or any(len(v) != len(ks) for v in (inertia, silhouette, silhouette_error, *(s[0] for s in small))):
        raise InvalidInputError("Each number of clusters needs one value of every measure.")
    with style():
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        heights = [2.3, 2.3] + [1.25] * len(small)
        size = 8, sum(heights) + 0.62 * len(heights) + 0.55
        figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.1))
        panels = list(figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0])
        _scale(panels[-1], ks)
        _draw_inertia(panels[0], ks, inertia)
        _draw_silhouette(panels[1], ks, silhouette, silhouette_error)
        for axes, (values, title, note, colour) in zip(panels[2:], small, strict=True):
            axes.plot(ks, values, "o-", color=colour, ms=3.5, lw=1.6)
            heading(axes, title, note)
        _mark(panels, suggested)
        _mark_bend(panels[0], ks, inertia, elbow)
        save(figure, path)


def _draw_inertia(axes: Axes, ks: Sequence[int], inertia: Numbers) -> None:
    axes.plot(ks, inertia, "o-", color=BLUE, ms=4.5, lw=2)
    heading(axes, "Inertia", "how far images lie from the centre of their cluster; look for the bend")
    axes.margins(y=0.1)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.12 * (high - low))  # room for the suggestion's words


def _mark_bend(axes: Axes, ks: Sequence[int], inertia: Numbers, elbow: int | None) -> None:
    if elbow is None:
        return
    at = (elbow, inertia[list(ks).index(elbow)])
    axes.plot(*at, "o", ms=13, mfc="none", mec=ORANGE, mew=2.2)
    _label(axes, f"bend at {elbow}", at, (12, 12), turn=0.86, color="#8a5f00")


def _draw_silhouette(axes: Axes, ks: Sequence[int], silhouette: Numbers, error: Numbers) -> None:
    low = [s - e for s, e in zip(silhouette, error, strict=True)]
    high = [s + e for s, e in zip(silhouette, error, strict=True)]
    axes.fill_between(ks, low, high, color=BLUE, alpha=0.16, lw=0)
    axes.plot(ks, silhouette, "o-", color=BLUE, ms=4.5, lw=2)
    band = ", the band is its error" if any(e > 0 for e in error) else ""
    heading(axes, "Silhouette", f"how clearly clusters stand apart; larger is better{band}")
    axes.margins(y=0.1)


def _mark(panels: Sequence[Axes], suggested: int | None) -> None:
    """A line through all panels at the count suggested, named in the first one's free corner."""
    if suggested is None:
        return
    for axes in panels:
        axes.axvline(suggested, color=VERMILION, lw=1.6, ls=(0, (4, 3)), zorder=1)
    words = f"suggested: {suggested} cluster{'' if suggested == 1 else 's'}"
    top = panels[0].get_ylim()[1]
    _label(panels[0], words, (suggested, top), (7, -3), turn=0.6, color=VERMILION, va="top")


def _label(
    axes: Axes, words: str, at: tuple[float, float], offset: tuple[float, float], *, turn: float, **style: Any
) -> None:
    """Words to the right of the point ``at``; to its left where it lies beyond the share ``turn`` of the width."""
    left = axes.transAxes.inverted().transform(axes.transData.transform(at))[0] > turn
    offset, side = ((-offset[0], offset[1]), "right") if left else (offset, "left")
    axes.annotate(words, at, offset, textcoords="offset points", ha=side, weight="bold", bbox=BEHIND, **style)


def _scale(axes: Axes, ks: Sequence[int]) -> None:
    """Whole numbers of clusters on the axis below, never so many that they run into each other. It is linear, as the
    bend is sought: on a logarithmic one the curve would bend elsewhere."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(TICKS, integer=True, steps=[1, 2, 5, 10]))
    axes.set_xlabel("number of clusters", color=FAINT)

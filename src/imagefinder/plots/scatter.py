"""A map as a scatter plot: one dot an image, coloured by a field."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.plots.colours import NONE_COLOUR, RAMP, Colouring, name_places
from imagefinder.plots.style import BLUE, DPI, FAINT, INK, check_format, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.transforms import BboxBase

    from imagefinder.types import Float32

LEGEND = 10  # categories at most: more are named on the map itself
NAMED = 120  # names tried on the map, the largest categories first
LONG = 22  # characters of a name shown
WIDTH, HEIGHT = 8.6, 8.0  # inches


def plot_scatter(
    coordinates: Float32, *, path: Path, colouring: Colouring | None = None, title: str = "", note: str = ""
) -> None:
    """Draw ``coordinates``, float32 (n, 2), and write PNG, SVG or PDF to ``path``.

    Up to ``LEGEND`` categories stand in a legend beside the map; more are named where they lie, as far as the names
    fit without overlap. Numbers get a colour bar. Dots in an SVG are one picture, so that it stays small; words stay
    shapes. Raises InvalidInputError (unknown extension) and StorageError.
    """
    check_format(path)
    with style():
        from matplotlib.figure import Figure

        beside = colouring is not None and (colouring.numbers is not None or len(colouring.categories) <= LEGEND)
        figure = Figure(figsize=(WIDTH + (1.6 if beside else 0), HEIGHT), dpi=DPI, layout="constrained")
        axes = figure.add_subplot()
        axes.set_aspect("equal", "datalim")
        axes.margins(0.02)
        axes.set_axis_off()  # the axes of a map mean nothing; only nearness does
        axes.set_title(title, loc="left", weight="bold", fontsize=13)
        if note:
            axes.annotate(note, (0, 0), (0, -6), xycoords="axes fraction", textcoords="offset points", color=FAINT,
                          va="top", fontsize=9)  # fmt: skip
        if colouring is None:
            _dots(axes, coordinates, BLUE)
        elif colouring.numbers is not None:
            _draw_numbers(figure, axes, coordinates, colouring)
        else:
            _draw_categories(figure, axes, coordinates, colouring)
        save(figure, path)


def _dots(axes: Axes, spots: Float32, colour: Any, *, total: int | None = None, **more: Any) -> Any:
    """Dots that are large when there are few, and touch but don't drown each other when there are many."""
    n = max(1, total or len(spots))
    size = float(np.clip(60_000 / n, 2.6, 60))
    alpha = float(np.clip(2.2 - 0.35 * np.log10(n), 0.65, 0.9))
    return axes.scatter(
        spots[:, 0], spots[:, 1], s=size, c=colour, alpha=alpha, linewidths=0.4 if n < 500 else 0,
        edgecolors="white" if n < 500 else "none", rasterized=True, **more,
    )  # fmt: skip


def _draw_numbers(figure: Figure, axes: Axes, spots: Float32, colouring: Colouring) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    numbers = colouring.numbers
    assert numbers is not None
    known = np.isfinite(numbers)
    _dots(axes, spots[~known], NONE_COLOUR, total=len(spots))
    low, high = colouring.limits
    ramp = LinearSegmentedColormap.from_list("ramp", RAMP)
    drawn = _dots(axes, spots[known], numbers[known], total=len(spots), cmap=ramp, vmin=low, vmax=high)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.5, aspect=18, pad=0.02, label=colouring.name)
    if bar.solids is not None:
        bar.solids.set_alpha(1)
    bar.outline.set_visible(False)


def _draw_categories(figure: Figure, axes: Axes, spots: Float32, colouring: Colouring) -> None:
    colours = np.array([c.colour for c in colouring.categories])[colouring.codes]
    named = np.array([c.named for c in colouring.categories])[colouring.codes]
    _dots(axes, spots[~named], NONE_COLOUR, total=len(spots))
    # In a fixed mixed order: drawn one category after the other, the last would hide the first.
    order = np.random.default_rng(0).permutation(np.flatnonzero(named))
    _dots(axes, spots[order], colours[order], total=len(spots))
    if len(colouring.categories) <= LEGEND:
        _draw_legend(figure, axes, colouring)
        return
    figure.draw_without_rendering()
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
    figure.set_layout_engine("none")  # the names are placed on the final picture
    _draw_names(figure, axes, name_places(spots, colouring), colouring)


def _draw_legend(figure: Figure, axes: Axes, colouring: Colouring) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], ls="", marker="o", ms=8, color=c.colour, label=f"{_short(c.label)}  ({c.count:,})")
        for c in colouring.categories
    ]
    legend = figure.legend(handles=handles, loc="outside right upper", title=colouring.name, alignment="left")
    legend.get_title().set_fontweight("bold")


def _draw_names(figure: Figure, axes: Axes, spots: Float32, colouring: Colouring) -> None:
    """Name the categories where they lie, the largest first; a name that fits nowhere near is left out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.patheffects import withStroke

    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    taken: list[BboxBase] = []
    named = [(c, spot) for c, spot in zip(colouring.categories, spots, strict=True) if c.named]
    named = sorted(named, key=lambda pair: -pair[0].count)[:NAMED]
    size = 9.5 if len(named) <= 24 else 8
    for category, spot in named:
        text = axes.annotate(
            _short(category.label), (float(spot[0]), float(spot[1])), (0, 0), textcoords="offset points",
            ha="center", va="center", fontsize=size, weight="bold", color=INK, zorder=5,
            path_effects=[withStroke(linewidth=3, foreground="white")],
        )  # fmt: skip
        box = _free_place(text, renderer, taken, figure.bbox)
        if box is None:
            text.remove()
        else:
            taken.append(box)


def _free_place(text: Text, renderer: Any, taken: list[BboxBase], page: BboxBase) -> BboxBase | None:
    """Move the text to the nearest place, on a spiral about its own, where it covers no other and leaves no edge."""
    pixels = renderer.points_to_pixels(1.0)
    box = text.get_window_extent(renderer)
    for step in range(40):
        distance, angle = 2.2 * step**0.75, 2.4 * step  # points; the golden angle
        dx, dy = distance * np.cos(angle), 0.7 * distance * np.sin(angle)
        moved = box.translated(dx * pixels, dy * pixels).padded(1.5)
        inside = page.x0 < moved.x0 and moved.x1 < page.x1 and page.y0 < moved.y0 and moved.y1 < page.y1
        if inside and not any(moved.overlaps(other) for other in taken):
            text.set_position((dx, dy))
            return moved
    return None


def _short(label: str) -> str:
    label = " ".join(label.split())
    return label if len(label) <= LONG else label[: LONG - 1].rstrip() + "…"

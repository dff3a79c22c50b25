"""What all drawings share: colours, fonts, and how a figure becomes a file.

Figures are made without pyplot: nothing global changes, and no window or display is ever asked for.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.extras import require
from imagefinder._util.files import write_named
from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, RULE, GREY = "#1b1b1f", "#5f6368", "#e3e5e8", "#c9ccd1"
# Okabe and Ito 2008, "Color Universal Design": told apart with every common kind of colour blindness. The yellow is
# darkened to be seen on white.
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PINK, SKY, YELLOW, BLACK = "#CC79A7", "#56B4E9", "#C9B800", "#3d3d42"
OKABE_ITO = (BLUE, ORANGE, GREEN, VERMILION, PINK, SKY, YELLOW, BLACK)
# More of them, each as far as can be from those before it in Oklab, seen with and without deuteranopia (Machado et
# al. 2009); the last are 0.07 apart, so beyond eight the names belong on the map too.
MORE = (
    "#a51e00", "#0000ff", "#4b1e96", "#5a87ff", "#962d69", "#96c396", "#1e96c3", "#ff96ff",
    "#781e00", "#0f4bc3", "#693c87", "#b49669", "#961ef0", "#d2003c", "#c30096", "#69c3c3",
)  # fmt: skip
PALETTE = OKABE_ITO + MORE

FORMATS = (".png", ".svg", ".pdf")
DPI = 150
_RC: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same picture on every machine
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # a dollar in a file name is a dollar
    "axes.edgecolor": GREY,
    "axes.labelcolor": FAINT,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": FAINT,
    "ytick.labelcolor": FAINT,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "imagefinder",  # the same drawing gives the same bytes
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in our style; what others draw stays as it is. Raises MissingExtraError."""
    require("plots", what="A drawing")
    import matplotlib

    with matplotlib.rc_context(_RC):
        yield


def check_format(path: Path) -> str:
    """The file extension of a drawing. Raises InvalidInputError for one that can't be written."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InvalidInputError(f"{path} has no drawing's extension.", remedy=f"Name it {' or '.join(FORMATS)}.")
    return suffix


def save(figure: Figure, path: Path) -> None:
    """Write a figure, whole or not at all, in the format of its extension. Raises InvalidInputError, StorageError."""
    suffix = check_format(path)
    buffer = io.BytesIO()
    stamps = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    figure.savefig(buffer, format=suffix[1:], dpi=DPI, facecolor="white", metadata=stamps.get(suffix))
    write_named(path, buffer.getvalue())


def heading(axes: Axes, title: str, note: str = "") -> None:
    """A bold title above the axes, at their left edge, and a fainter note beside it."""
    text = axes.annotate(
        title, (0, 1), (0, 8), xycoords="axes fraction", textcoords="offset points", weight="bold", fontsize=11
    )
    if note:
        axes.annotate(
            note, (1, 0), (8, 0), xycoords=text, textcoords="offset points", color=FAINT, fontsize=9.5, va="bottom"
        )

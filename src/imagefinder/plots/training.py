"""How a training went."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from imagefinder.plots.style import BLUE, DPI, FAINT, GREEN, VERMILION, heading, style


def plot_losses(history: Sequence[Mapping[str, Mapping[str, float]]], best: int) -> bytes:
    """A panel for each loss, by epoch: on the images trained on and on those held out, with the ``best`` epoch marked
    (counted from 1). ``history`` is that of ``training.torch.loop.Fitted``. Returns a PNG."""
    names = list(history[0]["train"])
    with style():
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(4.2 * len(names), 3.8), layout="constrained")
        epochs = range(1, len(history) + 1)
        for i, name in enumerate(names):
            axes = figure.add_subplot(1, len(names), i + 1)
            for part, colour, words in (("train", BLUE, "trained on"), ("held", VERMILION, "held out")):
                axes.plot(epochs, [row[part][name] for row in history], "o-", ms=4, lw=2, color=colour, label=words)
            axes.axvline(best, color=GREEN, lw=1.4, ls=(0, (4, 3)))
            axes.annotate(
                f"best: {best}", (best, 1), (4, -10), xycoords=("data", "axes fraction"), textcoords="offset points",
                color=FAINT, fontsize=9,
            )  # fmt: skip
            axes.set(xlabel="epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            heading(axes, name)
        axes.legend()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    return buffer.getvalue()

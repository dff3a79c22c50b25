"""Training that needs PyTorch (``imagefinder[train]``). Its modules import torch at their top: others import them
inside functions only, after ``require_torch``."""

from __future__ import annotations

from imagefinder._util.extras import require


def require_torch(*further: str) -> None:
    """Raises MissingExtraError where PyTorch, or a ``further`` package of the extra, is not installed."""
    require("train", "torch", "matplotlib", *further)

"""Training that needs PyTorch (``imagefinder[train]``). Its modules import torch at their top: others import them
inside functions only, after ``require_torch``."""

from __future__ import annotations

from importlib.util import find_spec

from imagefinder.errors import MissingExtraError


def require_torch(*further: str) -> None:
    """Raises MissingExtraError where PyTorch, or a ``further`` package of the extra, is not installed."""
    missing = [name for name in ("torch", *further) if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"This needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed.",
            remedy="Install it with: pip install 'imagefinder[train]'",
        )
